//! What lies over a screen: help, questions, fields to write in.

pub mod command;
pub mod comment;
pub mod compare;
pub mod compose;
pub mod confirm;
pub mod field;
pub mod filter;
pub mod find;
pub mod health;
pub mod help;
pub mod known;
mod layer;
mod open;
pub mod output;
pub mod palette;
mod parts;
pub mod reason;
pub mod retry;
pub mod settings;
mod settings_view;
#[cfg(test)]
mod tests;
pub mod wizard;
mod wizard_view;

use std::collections::BTreeSet;

use ratatui::layout::Rect;

use super::keymap::Scope;
use super::page::Page;
use super::scene::Scene;
use super::want::Want;

pub use filter::filter_of;
pub use layer::{Flow, Layer, called, clicked, news, pasted, typed, update};
pub use open::open;
pub use parts::{centered, frame, hints};

/// What lies over a screen.
#[derive(Debug, Clone)]
pub enum Overlay {
    /// The keys that are valid here.
    Help(Box<help::State>),
    /// How well everything is.
    Health(Box<health::State>),
    /// A question with yes and no.
    Confirm(confirm::State),
    /// A message that is being written.
    Compose(Box<compose::State>),
    /// The filter of a list.
    Filter(Box<filter::State>),
    /// A line that goes somewhere or runs a command.
    Command(Box<command::State>),
    /// Everything that can be done, found by a few letters.
    Palette(Box<palette::State>),
    /// What a command has printed.
    Output(Box<output::State>),
    /// Trying again.
    Retry(Box<retry::State>),
    /// Starting a run.
    Wizard(Box<wizard::State>),
    /// The configuration.
    Settings(Box<settings::State>),
    /// Runs side by side.
    Compare(Box<compare::State>),
    /// A comment on changed lines.
    Comment(Box<comment::State>),
    /// The text that a decision needs.
    Reason(Box<reason::State>),
}

impl Overlay {
    /// What it does.
    pub fn layer(&self) -> &dyn Layer {
        match self {
            Self::Help(state) => &**state,
            Self::Health(state) => &**state,
            Self::Confirm(state) => state,
            Self::Compose(state) => &**state,
            Self::Filter(state) => &**state,
            Self::Command(state) => &**state,
            Self::Palette(state) => &**state,
            Self::Output(state) => &**state,
            Self::Retry(state) => &**state,
            Self::Wizard(state) => &**state,
            Self::Compare(state) => &**state,
            Self::Settings(state) => &**state,
            Self::Comment(state) => &**state,
            Self::Reason(state) => &**state,
        }
    }

    /// What it does, to be changed.
    pub fn layer_mut(&mut self) -> &mut dyn Layer {
        match self {
            Self::Help(state) => &mut **state,
            Self::Health(state) => &mut **state,
            Self::Confirm(state) => state,
            Self::Compose(state) => &mut **state,
            Self::Filter(state) => &mut **state,
            Self::Command(state) => &mut **state,
            Self::Palette(state) => &mut **state,
            Self::Output(state) => &mut **state,
            Self::Retry(state) => &mut **state,
            Self::Wizard(state) => &mut **state,
            Self::Compare(state) => &mut **state,
            Self::Settings(state) => &mut **state,
            Self::Comment(state) => &mut **state,
            Self::Reason(state) => &mut **state,
        }
    }

    /// Whether it tells itself how a command ended.
    pub fn tells_of(&self, call: u64) -> bool {
        self.layer().tells_of(call)
    }

    /// Where keys mean something while it is on top.
    pub fn scopes(&self) -> Vec<Scope> {
        self.layer().scopes()
    }

    /// What it looks at.
    pub fn wants(&self, scene: &Scene<'_>, wants: &mut BTreeSet<Want>) {
        self.layer().wants(scene, wants);
    }

    /// Draws it over the screen.
    pub fn view(&self, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
        self.layer().view(scene, area, page);
    }
}
