//! The diff on the screen: its files at the left, its lines with the comments at the right.

use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use super::super::super::divider;
use super::super::super::keymap::Action;
use super::super::super::look::{Look, Role};
use super::super::super::page::{Page, Panel, Target};
use super::super::super::scene::Scene;
use super::super::super::text::{columns, inert, inert_line, pad, wrap};
use super::super::agents::kept_in_view;
use super::comment::Comment;
use super::rows::{Rows, letter, line, sum};
use super::state::{chosen, has_focus};
use crate::client::patch::Patch;
use crate::snapshot::Class;

/// Columns from which on the files stand beside the lines.
const WITH_TREE: u16 = 90;
/// Names the line between files and lines.
const TREE: &str = "diff";

/// Draws the diff of what is under the cursor.
pub fn view(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let Some(target) = scene.selected() else { return };
    let told = |text: &str, page: &mut Page<'_>| {
        let span = Span::styled(inert(text, look), look.style(Role::Dim));
        page.lines(area, &wrap(vec![span], usize::from(area.width), 0));
    };
    let patch = match scene.loads.patch(target.run, target.task.as_ref()) {
        None => return told("reading the changes …", page),
        Some(Err(error)) => return told(error, page),
        Some(Ok(patch)) => patch,
    };
    if patch.files.is_empty() {
        let text = "Nothing is changed. Only what is committed counts; crew commits at the end of every attempt.";
        return told(text, page);
    }
    let [head, body] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    title(patch, scene, head, page);
    let has_tree =
        area.width >= WITH_TREE && patch.files.len() > 1 && !scene.model.diff.is_tree_hidden;
    let rows = Rows::of(patch);
    if has_tree {
        let quarter = area.width / 4;
        let wide = if scene.model.memory.dividers.contains_key(TREE) {
            divider::left(scene, TREE, area, 25)
        } else {
            quarter.clamp(24, 44)
        };
        let [left, gap, right] = Layout::horizontal([
            Constraint::Length(wide),
            Constraint::Length(1),
            Constraint::Fill(1),
        ])
        .areas(body);
        tree(patch, &rows, scene, left, page);
        for place in gap.rows() {
            page.line(place, look.sign("│", "|"), look.style(Role::Border));
        }
        lines(patch, &rows, scene, right, page);
        divider::hit(TREE, body, right.x, page);
    } else {
        lines(patch, &rows, scene, body, page);
    }
}

/// How much is changed, and how many comments wait to be sent.
fn title(patch: &Patch, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let mut spans = vec![Span::styled(inert_line(&sum(patch), look), look.style(Role::Strong))];
    let count = scene.model.diff.anchored.as_ref().map_or(0, |anchored| anchored.comments.len());
    if count > 0 {
        let key = scene.model.key(Action::SendComments);
        let text = crate::base::text::count(count, "comment");
        spans.push(Span::styled(format!("  {text}, "), look.class(Class::NeedsYou)));
        spans.push(Span::styled(key, look.style(Role::Key)));
        spans.push(Span::styled(" sends", look.style(Role::Dim)));
    }
    if let Some(note) = &patch.note {
        spans.push(Span::styled(format!("  {}", inert_line(note, look)), look.style(Role::Dim)));
    }
    page.spans(area, &Line::from(spans));
}

/// The files by folder, the one under the cursor marked.
fn tree(patch: &Patch, rows: &Rows, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let current = rows.spot(scene.model.diff.cursor).file;
    let width = usize::from(area.width);
    let mut entries: Vec<(Line<'static>, Option<usize>)> = Vec::new();
    let mut folder = "";
    for (at, file) in patch.files.iter().enumerate() {
        let (of, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        if of != folder && !of.is_empty() {
            let text = inert_line(&format!("{of}/"), look);
            entries.push((Line::styled(text, look.style(Role::Dim)), None));
        }
        folder = of;
        let numbers = if file.is_binary {
            "binary".to_owned()
        } else {
            format!("+{} {}{}", file.added, look.sign("−", "-"), file.removed)
        };
        let indent = if of.is_empty() { "" } else { " " };
        let name = format!("{indent}{} {}", letter(file.change), inert_line(name, look));
        let room = width.saturating_sub(columns(&numbers) + 1);
        let line = Line::from(vec![
            Span::raw(pad(&name, room, look)),
            Span::styled(format!(" {numbers}"), look.style(Role::Dim)),
        ]);
        entries.push((line, Some(at)));
    }
    let selected = entries.iter().position(|(_, file)| *file == Some(current));
    let scroll = std::cell::Cell::new(0);
    let top = kept_in_view(&scroll, selected, entries.len(), usize::from(area.height));
    for ((line, file), place) in entries.iter().skip(top).zip(area.rows()) {
        page.spans(place, line);
        if let Some(file) = file {
            page.hit(place, Target::Row(Panel::Inspector, rows.start(*file)));
        }
        if *file == Some(current) {
            page.paint(place, Role::Marked);
        }
    }
}

/// Comments that stand below a row: the row (0 is above all, else one more than the row), and the lines.
type Below = Vec<(usize, Vec<Line<'static>>)>;

/// The lines, with comments below those that they are about.
fn lines(patch: &Patch, rows: &Rows, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let state = &scene.model.diff;
    let below = below(rows, scene, usize::from(area.width));
    let height = usize::from(area.height);
    let extra: usize = below.iter().map(|(_, lines)| lines.len()).sum();
    let cursor = state.cursor.min(rows.count().saturating_sub(1));
    let above: usize =
        below.iter().filter(|(after, _)| *after <= cursor).map(|(_, lines)| lines.len()).sum();
    let mut top = kept_in_view(&state.top, Some(cursor + above), rows.count() + extra, height);
    // At the first line, what stands above it is seen, too.
    if cursor == 0 && above < height {
        top = 0;
        state.top.set(0);
    }
    let is_focused = has_focus(scene.model);
    let (from, to) = chosen(state);
    for (at, place) in (top..).zip(area.rows()) {
        match what(&below, at) {
            Shown::Comment(line) => page.spans(place, line),
            Shown::Row(row) if row < rows.count() => {
                page.spans(place, &line(patch, rows.spot(row), place.width, state.left, look));
                if (from..=to).contains(&row) {
                    page.paint(place, if is_focused { Role::Selected } else { Role::Marked });
                }
                page.hit(place, Target::Row(Panel::Inspector, row));
            }
            Shown::Row(_) => {}
        }
    }
}

/// What stands at a place of the screen.
enum Shown<'a> {
    Row(usize),
    Comment(&'a Line<'static>),
}

fn what(below: &Below, at: usize) -> Shown<'_> {
    let mut passed = 0;
    for (after, lines) in below {
        if at < after + passed {
            break;
        }
        if let Some(line) = lines.get(at - after - passed) {
            return Shown::Comment(line);
        }
        passed += lines.len();
    }
    Shown::Row(at - passed)
}

fn below(rows: &Rows, scene: &Scene<'_>, width: usize) -> Below {
    let look = scene.look();
    let Some(anchored) = &scene.model.diff.anchored else { return Vec::new() };
    let mut below: Below = anchored
        .comments
        .iter()
        .zip(&anchored.spots)
        .map(|(comment, spot)| match spot {
            Some(spot) => (rows.row(*spot) + 1, block(comment, width, look)),
            None => (0, lost(comment, width, look)),
        })
        .collect();
    below.sort_by_key(|(after, _)| *after);
    below
}

fn block(comment: &Comment, width: usize, look: Look) -> Vec<Line<'static>> {
    let bar = look.sign("┃ ", "| ");
    let text = inert(comment.text.trim_end(), look);
    let wrapped = text.lines().flat_map(|text| {
        wrap(vec![Span::raw(text.to_owned())], width.saturating_sub(10).max(1), 0)
    });
    wrapped
        .map(|line| {
            let mut spans =
                vec![Span::raw(" ".repeat(8)), Span::styled(bar, look.class(Class::NeedsYou))];
            spans.extend(line.spans);
            Line::from(spans)
        })
        .collect()
}

/// A comment whose lines are not there any more: it is still sent, with the lines that it was about.
fn lost(comment: &Comment, width: usize, look: Look) -> Vec<Line<'static>> {
    let place = format!("{}:{} is gone: ", comment.file, comment.number);
    let about = comment.lines.last().cloned().unwrap_or_default();
    let head = inert_line(&format!("{place}{about}"), look);
    let head = super::super::super::text::fit(&head, width, look);
    let mut lines = vec![Line::styled(head, look.class(Class::Stalled))];
    lines.extend(block(comment, width, look));
    lines
}
