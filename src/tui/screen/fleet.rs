//! Screen 1: the agents of all live runs, and beside them what is under the cursor.

use std::cell::Cell;
use std::collections::BTreeSet;

use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use super::super::divider;
use super::super::keymap::{Action, Scope};
use super::super::look::Role;
use super::super::model::{Model, Screen, Tab};
use super::super::msg::Effect;
use super::super::page::{Page, Panel, Target};
use super::super::pane::rows::{self, Row};
use super::super::pane::{agents, crowd, events, heat, inspector, strip, welcome};
use super::super::scene::Scene;
use super::super::want::Want;
use super::super::world::TaskRef;
use crate::base::RunNumber;

/// Columns from which on there are three columns.
const THREE_COLUMNS: u16 = 160;
/// Columns from which on the inspector stands beside the table.
const TWO_COLUMNS: u16 = 100;
/// Columns below which there is one panel at a time.
const ONE_PANEL: u16 = 80;
/// Lines of the events' panel with its frame.
const EVENTS_LINES: u16 = 7;
/// Lines from which on there is room for the workflow below the table.
const STRIP_FROM_LINES: u16 = 14;
/// Columns that each of three columns keeps.
const COLUMN_LEAST: u16 = 24;
/// Names the line between the table and the inspector.
const SIDES: &str = "fleet";
/// Names the line before the events.
const EVENTS: &str = "events";

/// The screen of agents.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Only rows that match are shown.
    pub filter: String,
    /// What is chosen where there is no run yet.
    pub choice: usize,
    /// First row of the last frame.
    pub scroll: Cell<usize>,
    /// Columns of the cells of the last frame.
    pub grid_width: Cell<u16>,
}

/// Where keys mean something, the innermost first.
pub fn scopes(model: &Model) -> Vec<Scope> {
    match model.panel {
        Panel::Inspector => inspector::scopes(model),
        Panel::List | Panel::Strip | Panel::Events | Panel::Overlay => {
            vec![Scope::Target, Scope::List, Scope::Inspector]
        }
    }
}

/// What it looks at.
pub fn wants(scene: &Scene<'_>, wants: &mut BTreeSet<Want>) {
    if welcome::is_shown(scene) {
        welcome::wants(wants);
    } else if scene.model.size.0 >= ONE_PANEL || scene.model.panel == Panel::Inspector {
        inspector::wants(scene, wants);
    }
}

/// The targets of the rows, in their order.
pub fn targets(scene: &Scene<'_>) -> Vec<TaskRef> {
    rows::rows(scene).into_iter().map(|row| row.target).collect()
}

/// Panels that can take the keys, in the order of the tab key.
pub fn panels(model: &Model) -> Vec<Panel> {
    if model.size.0 < ONE_PANEL {
        return vec![Panel::List, Panel::Inspector, Panel::Events];
    }
    vec![Panel::List, Panel::Inspector, Panel::Events]
}

/// What an action does here; nothing when it is not one of this screen's.
pub fn update(model: &mut Model, scene_rows: &[TaskRef], action: Action) -> Option<Vec<Effect>> {
    match action {
        Action::NextTab | Action::PreviousTab => {
            let step = if action == Action::NextTab { 1 } else { Tab::ALL.len() - 1 };
            let at = Tab::ALL.iter().position(|tab| *tab == model.tab).unwrap_or(0);
            model.tab = Tab::ALL[(at + step) % Tab::ALL.len()];
            Some(Vec::new())
        }
        _ if model.screen == Screen::Fleet && heat::is_shown(scene_rows.len()) => {
            among_cells(model, scene_rows, action)
                .or_else(|| super::super::update::move_in(model, scene_rows, action))
        }
        _ => super::super::update::move_in(model, scene_rows, action),
    }
}

/// Moves the cursor among the cells of very many agents.
fn among_cells(model: &mut Model, rows: &[TaskRef], action: Action) -> Option<Vec<Effect>> {
    let at = rows.iter().position(|row| Some(row) == model.selected.as_ref()).unwrap_or(0);
    let runs: Vec<RunNumber> = rows.iter().map(|row| row.run).collect();
    let to = heat::moved(&runs, at, model.fleet.grid_width.get(), action)?;
    super::super::update::select(model, rows.get(to)?.clone());
    Some(Vec::new())
}

/// Draws the screen.
pub fn view(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    if welcome::is_shown(scene) {
        page.hit(area, Target::Panel(Panel::List));
        let inner = page.panel(area, Line::from(" crew "), true);
        return welcome::view(scene, inner, page);
    }
    if area.width < ONE_PANEL {
        return match scene.model.panel {
            Panel::Inspector => inspector::view(scene, area, page),
            Panel::Events => happened(scene, area, page),
            Panel::List | Panel::Strip | Panel::Overlay => {
                list(&rows::rows(scene), scene, area, page);
            }
        };
    }
    let rows = rows::rows(scene);
    if area.width < TWO_COLUMNS {
        let [top, bottom] =
            Layout::vertical([Constraint::Percentage(50), Constraint::Percentage(50)]).areas(area);
        list(&rows, scene, top, page);
        inspector::view(scene, bottom, page);
    } else if area.width < THREE_COLUMNS {
        let share = if crowd::is_few(rows.len()) { 46 } else { 48 };
        let wide = divider::left(scene, SIDES, area, share);
        let [left, right] =
            Layout::horizontal([Constraint::Length(wide), Constraint::Fill(1)]).areas(area);
        let events = EVENTS_LINES.min(area.height / 3);
        let [top, bottom] =
            Layout::vertical([Constraint::Fill(1), Constraint::Length(events)]).areas(right);
        list_with_strip(&rows, scene, left, page);
        inspector::view(scene, top, page);
        happened(scene, bottom, page);
        divider::hit(SIDES, area, right.x, page);
    } else {
        let share = if crowd::is_few(rows.len()) { 34 } else { 36 };
        let first = divider::left(scene, SIDES, area, share);
        // Each column stays wide enough for its frame.
        let second = divider::left(scene, EVENTS, area, 74).max(first + COLUMN_LEAST);
        let second = second.min(area.width.saturating_sub(COLUMN_LEAST));
        let first = first.min(second.saturating_sub(COLUMN_LEAST));
        let [left, middle, right] = Layout::horizontal([
            Constraint::Length(first),
            Constraint::Length(second - first),
            Constraint::Fill(1),
        ])
        .areas(area);
        list_with_strip(&rows, scene, left, page);
        inspector::view(scene, middle, page);
        happened(scene, right, page);
        divider::hit(SIDES, area, middle.x, page);
        divider::hit(EVENTS, area, right.x, page);
    }
}

/// The table, and below it the workflow of the selected run.
fn list_with_strip(rows: &[Row], scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    if area.height < STRIP_FROM_LINES || scene.selected_run().is_none() {
        return list(rows, scene, area, page);
    }
    let [top, bottom] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(strip::LINES)]).areas(area);
    list(rows, scene, top, page);
    strip::view(scene, bottom, page);
}

fn list(rows: &[Row], scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let mut title = vec![Span::raw(format!(" Agents ({}) ", rows.len()))];
    if !scene.model.fleet.filter.is_empty() {
        let filter = format!("/{} ", scene.model.fleet.filter);
        title.push(Span::styled(filter, look.style(Role::Found)));
    }
    page.hit(area, Target::Panel(Panel::List));
    let inner = page.panel(area, Line::from(title), scene.model.panel == Panel::List);
    if rows.is_empty() {
        return empty(scene, inner, page);
    }
    agents::view(rows, &scene.model.fleet.scroll, scene, inner, page);
}

fn happened(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    page.hit(area, Target::Panel(Panel::Events));
    let is_focused = scene.model.panel == Panel::Events;
    let inner = page.panel(area, Line::from(" Events "), is_focused);
    events::view(scene.selected_run(), scene, inner, page);
}

/// What a person can do who has no run.
fn empty(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    if let Some(problem) = &scene.world.problem {
        let span = Span::styled(super::super::text::inert(problem, look), look.style(Role::Text));
        let lines = super::super::text::wrap(vec![span], usize::from(area.width), 0);
        return page.lines(area, &lines);
    }
    if !scene.world.is_read {
        return page.line(area, "reading …", look.style(Role::Dim));
    }
    let key = |action: Action| Span::styled(scene.model.key(action), look.style(Role::Key));
    let nothing = if scene.model.fleet.filter.is_empty() {
        "Nothing runs here."
    } else {
        "No row matches the filter; esc shows all."
    };
    let lines = vec![
        Line::from(nothing),
        Line::default(),
        Line::from(vec![
            key(Action::NewRun),
            Span::raw("  start a run: a goal goes in, a team works on it"),
        ]),
        Line::from(vec![key(Action::Runs), Span::raw("  all runs of this project")]),
        Line::from(vec![key(Action::Help), Span::raw("  all keys")]),
    ];
    page.lines(area, &lines);
}

#[cfg(test)]
mod tests;
