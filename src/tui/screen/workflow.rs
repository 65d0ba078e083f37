//! Screen 3: the run's workflow.

use std::collections::BTreeSet;

use ratatui::layout::Rect;
use ratatui::text::Line;

use super::super::keymap::{Action, Scope};
use super::super::look::Role;
use super::super::model::Model;
use super::super::msg::Effect;
use super::super::page::Page;
use super::super::scene::Scene;
use super::super::text::inert_line;
use super::super::want::Want;
use super::super::world::TaskRef;

/// The screen of the graph.
#[derive(Debug, Clone, Default)]
pub struct State {}

/// Where keys mean something, the innermost first.
pub fn scopes(_model: &Model) -> Vec<Scope> {
    vec![Scope::Canvas, Scope::Target, Scope::List]
}

/// What it looks at.
pub fn wants(_scene: &Scene<'_>, _wants: &mut BTreeSet<Want>) {}

/// What an action does here; nothing when it is not one of this screen's.
pub fn update(_model: &mut Model, _rows: &[TaskRef], _action: Action) -> Option<Vec<Effect>> {
    None
}

/// Draws the screen.
pub fn view(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let inner = page.panel(area, Line::from(" Workflow "), true);
    let Some(run) = scene.selected_run() else {
        return page.line(inner, "no run is selected", look.style(Role::Dim));
    };
    let lines = crate::snapshot::outline(&run.plan);
    let lines: Vec<Line<'_>> =
        lines.iter().map(|line| Line::from(inert_line(line, look))).collect();
    page.lines(inner, &lines);
}
