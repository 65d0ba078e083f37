//! Screen 2: everything that waits for a person.

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
use super::super::pane::attention;
use super::super::scene::Scene;
use super::super::text::inert_line;
use super::super::want::Want;
use super::super::world::TaskRef;

/// The screen of what waits.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// The decision under the cursor, by its run and id.
    pub decision: Option<(TaskRef, Option<String>)>,
    /// Only what matches is shown.
    pub filter: String,
    /// First row of the last frame.
    pub scroll: Cell<usize>,
}

/// Where keys mean something, the innermost first.
pub fn scopes(_model: &Model) -> Vec<Scope> {
    vec![Scope::Target, Scope::List]
}

/// What it looks at.
pub fn wants(_scene: &Scene<'_>, _wants: &mut BTreeSet<Want>) {}

/// The targets of the rows, in their order.
pub fn targets(scene: &Scene<'_>) -> Vec<TaskRef> {
    attention::items(scene).into_iter().map(|item| item.target).collect()
}

/// What an action does here; nothing when it is not one of this screen's.
pub fn update(model: &mut Model, rows: &[TaskRef], action: Action) -> Option<Vec<Effect>> {
    super::super::update::move_in(model, rows, action)
}

/// Draws the screen.
pub fn view(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let items = attention::items(scene);
    let inner = page.panel(area, Line::from(format!(" Inbox ({}) ", items.len())), true);
    if items.is_empty() {
        return page.line(inner, "Nothing waits for you.", look.style(Role::Dim));
    }
    let selected = items.iter().position(|item| Some(&item.target) == scene.selected());
    let top =
        kept_in_view(&scene.model.inbox.scroll, selected, items.len(), usize::from(inner.height));
    for ((at, item), place) in items.iter().enumerate().skip(top).zip(inner.rows()) {
        let line = Line::from(vec![
            Span::styled(format!("{} ", look.glyph(item.class)), look.class(item.class)),
            Span::styled(inert_line(&item.title, look), look.style(Role::Strong)),
            Span::styled(format!("  {}", inert_line(&item.text, look)), look.style(Role::Dim)),
        ]);
        page.spans(place, &line);
        if Some(at) == selected {
            page.paint(place, Role::Selected);
        }
        page.hit(place, Target::Row(Panel::List, at));
    }
}
