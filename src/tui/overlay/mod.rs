//! What lies over a screen: help, questions, fields to write in.

pub mod confirm;
pub mod help;

use std::collections::BTreeSet;

use crossterm::event::KeyEvent;
use ratatui::layout::Rect;

use super::keymap::{Action, Scope};
use super::model::Model;
use super::msg::{Called, Effect};
use super::page::{Page, Target};
use super::scene::Scene;
use super::update::Data;
use super::want::Want;

/// What lies over a screen.
#[derive(Debug, Clone)]
pub enum Overlay {
    /// The keys that are valid here.
    Help(help::State),
    /// A question with yes and no.
    Confirm(confirm::State),
}

impl Overlay {
    /// Where keys mean something while it is on top.
    pub fn scopes(&self) -> Vec<Scope> {
        match self {
            Self::Help(_) => vec![Scope::List, Scope::Global],
            Self::Confirm(_) => vec![Scope::Confirm],
        }
    }

    /// What it looks at.
    pub fn wants(&self, _scene: &Scene<'_>, _wants: &mut BTreeSet<Want>) {
        match self {
            Self::Help(_) | Self::Confirm(_) => {}
        }
    }

    /// Draws it over the screen.
    pub fn view(&self, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
        match self {
            Self::Help(state) => help::view(state, scene, area, page),
            Self::Confirm(state) => confirm::view(state, scene, area, page),
        }
    }
}

/// Opens the overlay that an action stands for; nothing for other actions.
pub fn open(_model: &mut Model, _data: &Data<'_>, _action: Action) -> Vec<Effect> {
    Vec::new()
}

/// Gives a key to the field that is written in; nothing when there is none, or the key is not text.
pub fn typed(_model: &mut Model, _key: KeyEvent, _data: &Data<'_>) -> Option<Vec<Effect>> {
    None
}

/// Gives pasted text to the field that is written in.
pub fn pasted(_model: &mut Model, _text: &str, _data: &Data<'_>) -> Vec<Effect> {
    Vec::new()
}

/// Tells overlays that a command has ended.
pub fn called(_model: &mut Model, _called: &Called, _data: &Data<'_>) -> Vec<Effect> {
    Vec::new()
}

/// What a click on something of an overlay does.
pub fn clicked(_model: &mut Model, _target: Option<&Target>, _data: &Data<'_>) -> Vec<Effect> {
    Vec::new()
}

/// What an action does to the topmost overlay.
pub fn update(model: &mut Model, data: &Data<'_>, action: Action) -> Vec<Effect> {
    let Some(top) = model.overlays.last_mut() else { return Vec::new() };
    match top {
        Overlay::Help(state) => {
            if help::update(state, action) {
                model.overlays.pop();
            }
            Vec::new()
        }
        Overlay::Confirm(state) => match confirm::update(state, action, data.now) {
            confirm::Answer::Wait => Vec::new(),
            confirm::Answer::No => {
                model.overlays.pop();
                Vec::new()
            }
            confirm::Answer::Yes => {
                let calls = state.calls.clone();
                model.overlays.pop();
                calls.into_iter().map(|(args, told)| model.call(args, &told)).collect()
            }
        },
    }
}

/// The middle of an area, at most this large.
pub fn centered(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    }
}
