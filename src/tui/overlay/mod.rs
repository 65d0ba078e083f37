//! What lies over a screen: help, questions, fields to write in.

pub mod compose;
pub mod confirm;
pub mod field;
pub mod help;
mod layer;
mod open;
mod parts;

use std::collections::BTreeSet;

use ratatui::layout::Rect;

use super::keymap::Scope;
use super::page::Page;
use super::scene::Scene;
use super::want::Want;

pub use layer::{Flow, Layer, called, clicked, news, pasted, typed, update};
pub use open::open;
pub use parts::{centered, frame, hints};

/// What lies over a screen.
#[derive(Debug, Clone)]
pub enum Overlay {
    /// The keys that are valid here.
    Help(help::State),
    /// A question with yes and no.
    Confirm(confirm::State),
    /// A message that is being written.
    Compose(Box<compose::State>),
}

impl Overlay {
    /// What it does.
    pub fn layer(&self) -> &dyn Layer {
        match self {
            Self::Help(state) => state,
            Self::Confirm(state) => state,
            Self::Compose(state) => &**state,
        }
    }

    /// What it does, to be changed.
    pub fn layer_mut(&mut self) -> &mut dyn Layer {
        match self {
            Self::Help(state) => state,
            Self::Confirm(state) => state,
            Self::Compose(state) => &mut **state,
        }
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
