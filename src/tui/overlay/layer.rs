//! What every overlay does, and how keys, pasted text, clicks and news reach the topmost one.

use std::collections::BTreeSet;

use crossterm::event::KeyEvent;
use ratatui::layout::Rect;

use super::super::key::Key;
use super::super::keymap::{Action, Scope};
use super::super::model::Model;
use super::super::msg::{Called, Effect};
use super::super::page::{Page, Panel, Target};
use super::super::scene::Scene;
use super::super::update::Data;
use super::super::want::Want;
use super::field::Field;

/// What becomes of an overlay after something happened to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flow {
    /// It stays.
    Stay(Vec<Effect>),
    /// It goes.
    Close(Vec<Effect>),
}

impl Flow {
    /// It stays, and nothing else happens.
    pub const STAY: Self = Self::Stay(Vec::new());
    /// It goes, and nothing else happens.
    pub const CLOSE: Self = Self::Close(Vec::new());
}

/// What lies over a screen. While it is called it is not among the model's overlays.
pub trait Layer {
    /// Where keys mean something while it is on top, the innermost first.
    fn scopes(&self) -> Vec<Scope>;

    /// Does what an action means here.
    fn update(&mut self, model: &mut Model, data: &Data<'_>, action: Action) -> Flow;

    /// Draws it over the screen.
    fn view(&self, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>);

    /// What it looks at.
    fn wants(&self, _scene: &Scene<'_>, _wants: &mut BTreeSet<Want>) {}

    /// The field that is written in now.
    fn field(&mut self) -> Option<&mut Field> {
        None
    }

    /// Something was written into its field.
    fn wrote(&mut self, _model: &mut Model, _data: &Data<'_>) {}

    /// One of its rows was clicked.
    fn clicked(&mut self, _model: &mut Model, _data: &Data<'_>, _row: usize) -> Flow {
        Flow::STAY
    }

    /// Whether it tells itself how this command ended.
    fn tells_of(&self, _call: u64) -> bool {
        false
    }

    /// A command has ended.
    fn called(&mut self, _model: &mut Model, _data: &Data<'_>, _called: &Called) -> Flow {
        Flow::STAY
    }

    /// Files or what was wanted say something new.
    fn news(&mut self, _model: &mut Model, _data: &Data<'_>) {}
}

/// Gives a key to the field that is written in; nothing when there is none, or the key is not text.
///
/// A plain character is always text: no binding can make it anything else while one writes.
pub fn typed(model: &mut Model, key: KeyEvent, data: &Data<'_>) -> Option<Vec<Effect>> {
    let scopes = model.overlays.last()?.scopes();
    let pressed = Key::of(key);
    if pressed.typed().is_none() && model.keys.action(pressed, &scopes).is_some() {
        return None;
    }
    let mut is_taken = false;
    let effects = on_top(model, |top, model| {
        if top.field().is_some_and(|field| field.press(key)) {
            is_taken = true;
            top.wrote(model, data);
        }
        Flow::STAY
    });
    is_taken.then_some(effects)
}

/// Gives pasted text to the field that is written in; elsewhere it is nothing.
pub fn pasted(model: &mut Model, text: &str, data: &Data<'_>) -> Vec<Effect> {
    on_top(model, |top, model| {
        if let Some(field) = top.field() {
            field.paste(text);
            top.wrote(model, data);
        }
        Flow::STAY
    })
}

/// Tells overlays that a command has ended, and lets go of the draft that it was made from when it worked.
pub fn called(model: &mut Model, called: &Called, data: &Data<'_>) -> Vec<Effect> {
    if let Some(key) = model.sending.remove(&called.call.id) {
        if called.code != Some(0) && called.code != Some(10) {
            model.sending.retain(|_, other| *other != key);
        } else if !model.sending.values().any(|other| *other == key) {
            model.memory.drafts.remove(&key);
        }
    }
    on_top(model, |top, model| top.called(model, data, called))
}

/// Tells the topmost overlay that there is something new to see.
pub fn news(model: &mut Model, data: &Data<'_>) -> Vec<Effect> {
    on_top(model, |top, model| {
        top.news(model, data);
        Flow::STAY
    })
}

/// What a click on something of an overlay does.
pub fn clicked(model: &mut Model, target: Option<&Target>, data: &Data<'_>) -> Vec<Effect> {
    match target {
        Some(Target::Row(Panel::Overlay, row)) => {
            on_top(model, |top, model| top.clicked(model, data, *row))
        }
        _ => Vec::new(),
    }
}

/// What an action does to the topmost overlay.
pub fn update(model: &mut Model, data: &Data<'_>, action: Action) -> Vec<Effect> {
    on_top(model, |top, model| top.update(model, data, action))
}

/// Takes the topmost overlay off, does something with it, and puts it back unless it goes.
fn on_top(model: &mut Model, does: impl FnOnce(&mut dyn Layer, &mut Model) -> Flow) -> Vec<Effect> {
    let Some(mut top) = model.overlays.pop() else { return Vec::new() };
    let depth = model.overlays.len();
    match does(top.layer_mut(), model) {
        Flow::Close(effects) => effects,
        Flow::Stay(effects) => {
            // What it opened meanwhile lies over it.
            model.overlays.insert(depth.min(model.overlays.len()), top);
            effects
        }
    }
}
