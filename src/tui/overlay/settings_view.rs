//! How the configuration looks.

use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use super::super::keymap::Action;
use super::super::look::Role;
use super::super::page::{Page, Panel, Target};
use super::super::pane::agents::kept_in_view;
use super::super::scene::Scene;
use super::super::text::{columns, inert, inert_line, pad, wrap};
use super::settings::{Edit, Row, State};
use super::{frame, hints};
use crate::config::expected;
use crate::snapshot::Class;

/// Columns of the whole.
const WIDTH: u16 = 110;
/// Lines below the list.
const BELOW: u16 = 6;

/// Draws the configuration.
pub fn view(state: &State, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let (width, height) = (area.width.saturating_sub(2), area.height.saturating_sub(2));
    let inner = frame(area, WIDTH.min(width), height, " Settings ", scene, page);
    let [search, rule, list, below, _] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(BELOW),
        Constraint::Length(1),
    ])
    .areas(inner);
    state.search.view("a key, a value or a file …", state.edit.is_none(), look, search, page);
    let line = look.sign("─", "-").repeat(usize::from(rule.width));
    page.line(rule, &line, look.style(Role::Border));
    if let Some(problem) = state.problem() {
        let span = Span::styled(inert(problem, look), look.class(Class::Failed));
        page.lines(list, &wrap(vec![span], usize::from(list.width), 0));
    } else if state.rows.is_none() {
        page.line(list, &inert_line("reading …", look), look.style(Role::Dim));
    }
    let found = state.found();
    rows(state, &found, scene, list, page);
    match &state.edit {
        Some(edit) => change(state, edit, scene, below, page),
        None => explain(found.get(state.at), scene, below, page),
    }
    let hinted: &[(Action, &str)] = if state.edit.is_some() {
        &[(Action::Choose, "save"), (Action::NextField, "other file"), (Action::Cancel, "back")]
    } else {
        &[(Action::Choose, "change"), (Action::Cancel, "close")]
    };
    hints(inner, hinted, scene, page);
}

fn rows(state: &State, found: &[Row], scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let height = usize::from(area.height);
    let top = kept_in_view(&state.scroll, Some(state.at), found.len(), height);
    let width = usize::from(area.width);
    let key = found.iter().map(|row| columns(&row.key)).max().unwrap_or(0).clamp(12, 34);
    let value = width.saturating_sub(key + 2) * 3 / 5;
    for ((at, row), place) in found.iter().enumerate().skip(top).zip(area.rows()) {
        let (text, role) = match &row.value {
            Some(text) => (inert_line(text, look), Role::Text),
            None => ("not set".to_owned(), Role::Faint),
        };
        let origin = origin(row, state);
        let line = Line::from(vec![
            Span::styled(pad(&inert_line(&row.key, look), key, look), look.style(Role::Strong)),
            Span::raw("  "),
            Span::styled(pad(&text, value, look), look.style(role)),
            Span::styled(format!(" {}", inert_line(&origin, look)), look.style(Role::Dim)),
        ]);
        page.spans(place, &line);
        if at == state.at {
            page.paint(place, Role::Selected);
        }
        page.hit(place, Target::Row(Panel::Overlay, at));
    }
}

/// Where a value comes from, in a word where that is possible.
fn origin(row: &Row, state: &State) -> String {
    let short = |origin: &String| {
        for (file, word) in state.files.iter().zip(["yours", "project's"]) {
            if let Some(line) = origin.strip_prefix(&format!("{file}:"))
                && !file.is_empty()
            {
                return format!("{word}:{line}");
            }
        }
        origin.clone()
    };
    row.origins.iter().map(short).collect::<Vec<_>>().join(", ")
}

/// What a key takes.
fn takes(key: &str, scene: &Scene<'_>, width: usize) -> Vec<Line<'static>> {
    let look = scene.look();
    let Some((expected, example)) = expected(key) else { return Vec::new() };
    let text = inert_line(&format!("{key}: {expected}, such as {example}"), look);
    wrap(vec![Span::styled(text, look.style(Role::Dim))], width, 2)
}

fn explain(row: Option<&Row>, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let Some(row) = row else { return };
    let look = scene.look();
    let width = usize::from(area.width);
    let mut lines = vec![Line::default()];
    lines.extend(takes(&row.key, scene, width));
    if !row.origins.is_empty() {
        let text = inert_line(&format!("from {}", row.origins.join(", ")), look);
        lines.extend(wrap(vec![Span::styled(text, look.style(Role::Dim))], width, 2));
    }
    page.lines(area, &lines);
}

fn change(state: &State, edit: &Edit, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let name = format!("{} = ", inert_line(&edit.key, look));
    let wide = u16::try_from(columns(&name)).unwrap_or(0).min(area.width / 2);
    let line = Rect { y: area.y + u16::from(area.height > 1), height: 1, ..area };
    page.line(Rect { width: wide, ..line }, &name, look.style(Role::Accent));
    let field = Rect { x: line.x + wide, width: line.width - wide, ..line };
    edit.field.view("nothing: the key is taken out", true, look, field, page);
    let width = usize::from(area.width);
    let file = if edit.in_project { &state.files[1] } else { &state.files[0] };
    let whose = if edit.in_project { "the project's file" } else { "your file" };
    let text = inert_line(&format!("goes into {whose}, {file}"), look);
    let mut lines = match &edit.problem {
        Some(problem) => inert(problem, look)
            .lines()
            .flat_map(|line| {
                wrap(vec![Span::styled(line.to_owned(), look.class(Class::Failed))], width, 2)
            })
            .collect(),
        None => takes(&edit.key, scene, width),
    };
    lines.push(Line::styled(text, look.style(Role::Dim)));
    let rest = Rect { y: line.y + 1, height: area.bottom().saturating_sub(line.y + 1), ..area };
    page.lines(rest, &lines);
}
