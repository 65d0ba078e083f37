//! Screen 4: the task under the cursor, full size.

use std::collections::BTreeSet;

use ratatui::layout::Rect;

use super::super::keymap::{Action, Scope};
use super::super::model::Model;
use super::super::msg::Effect;
use super::super::page::Page;
use super::super::pane::inspector;
use super::super::scene::Scene;
use super::super::want::Want;
use super::super::world::TaskRef;

/// The screen of one task.
#[derive(Debug, Clone, Default)]
pub struct State {}

/// Where keys mean something, the innermost first.
pub fn scopes(_model: &Model) -> Vec<Scope> {
    vec![Scope::Inspector, Scope::Target, Scope::List]
}

/// What it looks at.
pub fn wants(scene: &Scene<'_>, wants: &mut BTreeSet<Want>) {
    super::fleet::wants(scene, wants);
}

/// What an action does here; nothing when it is not one of this screen's.
pub fn update(model: &mut Model, rows: &[TaskRef], action: Action) -> Option<Vec<Effect>> {
    super::fleet::update(model, rows, action)
}

/// Draws the screen.
pub fn view(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    inspector::view(scene, area, page);
}
