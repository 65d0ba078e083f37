//! Very many agents: those that need a person as rows, and below them one cell for each agent.

use std::collections::BTreeMap;

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::keymap::Action;
use super::super::look::Role;
use super::super::page::{Page, Panel, Target};
use super::super::scene::Scene;
use super::agents::Cells;
use super::rows::Row;
use crate::base::RunNumber;
use crate::snapshot::Class;

/// Agents up to which each has a row.
const ROWS_MAX: usize = 50;
/// Agents from which on their cells stand close together.
const CLOSE_FROM: usize = 400;
/// Columns between the cells of two runs.
const GAP: usize = 2;

/// Whether so many agents are cells.
pub fn is_shown(count: usize) -> bool {
    count > ROWS_MAX
}

/// Where the cells are: the column and line of each row, and the names of the runs before them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Map {
    cells: Vec<(usize, usize)>,
    names: Vec<(RunNumber, usize, usize)>,
    lines: usize,
}

impl Map {
    /// The cells of agents of these runs, those of one run side by side.
    fn of(runs: &[RunNumber], width: usize) -> Self {
        let step = if runs.len() < CLOSE_FROM { 2 } else { 1 };
        let mut map = Self::default();
        let (mut x, mut y) = (0, 0);
        let mut at = 0;
        while let Some(run) = runs.get(at).copied() {
            let count = runs[at..].iter().take_while(|other| **other == run).count();
            let name = format!("#{run} ").len();
            // A short run is not broken, and a name never stands alone at the end of a line.
            let least = name + step * count.min(8);
            if x > 0 && x + least > width {
                (x, y) = (0, y + 1);
            }
            map.names.push((run, x, y));
            x += name;
            for _ in 0..count {
                if x > name && x + 1 > width {
                    (x, y) = (name, y + 1);
                }
                map.cells.push((x, y));
                x += step;
            }
            x += GAP;
            at += count;
        }
        map.lines = y + 1;
        map
    }

    /// The cell that is nearest in the next line, down or up.
    fn beside(&self, from: usize, is_down: bool) -> Option<usize> {
        let (x, y) = *self.cells.get(from)?;
        let mut lines: Vec<usize> = self.cells.iter().map(|(_, y)| *y).collect();
        lines.dedup();
        let line = if is_down {
            lines.into_iter().find(|line| *line > y)?
        } else {
            lines.into_iter().rev().find(|line| *line < y)?
        };
        let in_line = self.cells.iter().enumerate().filter(|(_, cell)| cell.1 == line);
        in_line.min_by_key(|(_, cell)| cell.0.abs_diff(x)).map(|(at, _)| at)
    }
}

/// The row to which an action moves the cursor; nothing when it is no movement among cells.
pub fn moved(runs: &[RunNumber], at: usize, width: u16, action: Action) -> Option<usize> {
    let last = runs.len().saturating_sub(1);
    match action {
        Action::Left => Some(at.saturating_sub(1)),
        Action::Right => Some((at + 1).min(last)),
        Action::Up | Action::Down => {
            let map = Map::of(runs, usize::from(width));
            Some(map.beside(at, action == Action::Down).unwrap_or(at))
        }
        _ => None,
    }
}

/// Draws what needs a person, all agents by how they stand, the cells, and the agent under the cursor.
pub fn view(rows: &[Row], scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    scene.model.fleet.grid_width.set(area.width);
    let table = Cells::of(rows, usize::from(area.width));
    let rest = urgent(rows, &table, scene, area, page);
    let rest = counts(rows, scene, rest, page);
    let selected = rows.iter().position(|row| Some(&row.target) == scene.selected());
    let body = Rect { height: rest.height.saturating_sub(2), ..rest };
    cells(rows, selected, scene, body, page);
    if let Some(at) = selected.filter(|_| rest.height > 2) {
        let place = Rect { y: rest.bottom() - 1, height: 1, ..rest };
        page.spans(place, &table.row(&rows[at], scene));
        page.paint(place, Role::Marked);
    }
}

/// What needs a person or has failed, in a third of the list at most; returns what is left below.
fn urgent(rows: &[Row], table: &Cells, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) -> Rect {
    let mut urgent: Vec<usize> =
        (0..rows.len()).filter(|at| rows[*at].class <= Class::Failed).collect();
    urgent.sort_by_key(|at| rows[*at].class);
    let most = usize::from(area.height / 3);
    let height = urgent.len().min(most);
    let is_cut = urgent.len() > height && height > 0;
    let shown = if is_cut { height - 1 } else { height };
    for (at, place) in urgent.iter().take(shown).zip(area.rows()) {
        page.spans(place, &table.row(&rows[*at], scene));
        if Some(&rows[*at].target) == scene.selected() {
            page.paint(place, Role::Selected);
        }
        page.hit(place, Target::Row(Panel::List, *at));
    }
    let used = u16::try_from(height).unwrap_or(0);
    if is_cut {
        let place = Rect { y: area.y + used - 1, height: 1, ..area };
        let key = scene.model.key(Action::Inbox);
        let text = format!("   and {} more: {key} shows all that waits", urgent.len() - shown);
        page.line(place, &text, scene.look().style(Role::Dim));
        page.hit(place, Target::Action(Action::Inbox));
    }
    Rect { y: area.y + used, height: area.height - used, ..area }
}

/// How many agents there are of each class; returns what is left below.
fn counts(rows: &[Row], scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) -> Rect {
    let look = scene.look();
    if area.height < 2 {
        return area;
    }
    let mut counts: BTreeMap<Class, usize> = BTreeMap::new();
    for row in rows {
        *counts.entry(row.class).or_default() += 1;
    }
    let mut spans = vec![Span::raw("  ")];
    for (class, count) in counts {
        let text = format!(" {} {count} {} ", look.glyph(class), word(class));
        spans.push(Span::styled(text, look.class(class)));
    }
    page.spans(area, &Line::from(spans));
    Rect { y: area.y + 1, height: area.height - 1, ..area }
}

/// What a class is called.
fn word(class: Class) -> &'static str {
    match class {
        Class::NeedsYou => "need you",
        Class::Failed => "failed",
        Class::Stalled => "stalled",
        Class::Running => "running",
        Class::Starting => "starting",
        Class::Parked => "parked",
        Class::Done => "done",
        Class::Idle => "idle",
    }
}

fn cells(
    rows: &[Row],
    selected: Option<usize>,
    scene: &Scene<'_>,
    area: Rect,
    page: &mut Page<'_>,
) {
    let look = scene.look();
    let runs: Vec<RunNumber> = rows.iter().map(|row| row.target.run).collect();
    let map = Map::of(&runs, usize::from(area.width));
    let line = selected.and_then(|at| map.cells.get(at)).map(|(_, y)| *y);
    let scroll = &scene.model.fleet.scroll;
    let top = super::agents::kept_in_view(scroll, line, map.lines, usize::from(area.height));
    let place = |x: usize, y: usize, width: usize| {
        let row = y.checked_sub(top).filter(|row| *row < usize::from(area.height))?;
        let x = area.x + u16::try_from(x).ok()?;
        let y = area.y + u16::try_from(row).ok()?;
        Some(Rect { x, y, width: u16::try_from(width).ok()?, height: 1 }.intersection(area))
    };
    for (run, x, y) in &map.names {
        let name = format!("#{run}");
        if let Some(place) = place(*x, *y, name.len()) {
            page.line(place, &name, look.style(Role::Dim));
        }
    }
    for (at, (x, y)) in map.cells.iter().enumerate() {
        let Some(place) = place(*x, *y, 1) else { continue };
        let class = rows[at].class;
        let style: Style = look.class(class);
        page.line(place, &look.glyph(class).to_string(), style);
        if Some(at) == selected {
            page.paint(place, Role::Selected);
        }
        page.hit(place, Target::Row(Panel::List, at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(counts: &[(u32, usize)]) -> Vec<RunNumber> {
        let of = |(run, count): &(u32, usize)| vec![RunNumber(*run); *count];
        counts.iter().flat_map(of).collect()
    }

    #[test]
    fn cells_of_a_run_stand_behind_its_number_and_runs_beside_each_other() {
        let map = Map::of(&runs(&[(1, 2), (22, 1), (3, 20)]), 30);
        assert_eq!(map.cells[..3], [(3, 0), (5, 0), (13, 0)]);
        assert_eq!(map.names, [(RunNumber(1), 0, 0), (RunNumber(22), 9, 0), (RunNumber(3), 0, 1)]);
        let (first, last) = (map.cells[3], map.cells[22]);
        assert_eq!((first, last, map.lines), ((3, 1), (13, 2), 3));
        assert!(map.cells.iter().all(|(x, _)| *x < 30));
    }

    #[test]
    fn the_cursor_goes_from_cell_to_cell() {
        let runs = runs(&[(1, 60)]);
        let go = |at, action| moved(&runs, at, 40, action).unwrap();
        assert_eq!((go(0, Action::Left), go(59, Action::Right)), (0, 59));
        let below = go(4, Action::Down);
        assert!(below > 15 && below < 25, "{below}");
        assert_eq!(go(below, Action::Up), 4);
        assert_eq!(go(0, Action::Up), 0);
        assert_eq!(moved(&runs, 0, 40, Action::Open), None);
    }
}
