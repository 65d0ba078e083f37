//! Screen 5: all runs.

use std::cell::Cell;
use std::collections::BTreeSet;

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::keymap::{Action, Scope};
use super::super::look::Role;
use super::super::model::Model;
use super::super::msg::Effect;
use super::super::page::{Page, Panel, Target};
use super::super::pane::agents::kept_in_view;
use super::super::scene::Scene;
use super::super::text::inert_line;
use super::super::want::Want;
use super::super::world::TaskRef;

/// The screen of all runs.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Only runs that match are shown.
    pub filter: String,
    /// First row of the last frame.
    pub scroll: Cell<usize>,
}

/// Where keys mean something, the innermost first.
pub fn scopes(_model: &Model) -> Vec<Scope> {
    vec![Scope::Runs, Scope::Target, Scope::List]
}

/// What it looks at.
pub fn wants(_scene: &Scene<'_>, _wants: &mut BTreeSet<Want>) {}

/// The targets of the rows, in their order.
pub fn targets(scene: &Scene<'_>) -> Vec<TaskRef> {
    scene.world.runs.iter().map(|item| TaskRef { run: item.number, task: None }).collect()
}

/// What an action does here; nothing when it is not one of this screen's.
pub fn update(model: &mut Model, rows: &[TaskRef], action: Action) -> Option<Vec<Effect>> {
    super::super::update::move_in(model, rows, action)
}

/// Draws the screen.
pub fn view(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let runs = &scene.world.runs;
    let inner = page.panel(area, Line::from(format!(" Runs ({}) ", runs.len())), true);
    let selected = runs
        .iter()
        .position(|item| scene.selected().is_some_and(|selected| selected.run == item.number));
    let top =
        kept_in_view(&scene.model.runs.scroll, selected, runs.len(), usize::from(inner.height));
    for ((at, item), place) in runs.iter().enumerate().skip(top).zip(inner.rows()) {
        let class = item.class();
        let (status, goal) = match &item.row {
            Ok(_) if item.damage.is_some() => {
                ("damaged".to_owned(), item.damage.clone().unwrap_or_default())
            }
            Ok(row) => (row.status_words(), row.goal.clone()),
            Err(why) => ("cannot be read".to_owned(), why.clone()),
        };
        let line = Line::from(vec![
            Span::styled(format!("{} ", look.glyph(class)), look.class(class)),
            Span::styled(format!("#{:<5}", item.number.0), look.style(Role::Strong)),
            Span::styled(format!("{status:<24} "), look.class(class)),
            Span::raw(inert_line(&goal, look)),
        ]);
        page.spans(place, &line);
        if Some(at) == selected {
            page.paint(place, Role::Selected);
        }
        page.hit(place, Target::Row(Panel::List, at));
    }
}
