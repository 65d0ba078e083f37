//! Few agents as cards, many below the heads of their runs, and a strip with one cell for each.

use std::collections::BTreeMap;

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::look::Role;
use super::super::page::{Page, Panel, Target};
use super::super::scene::Scene;
use super::super::text::{fit, inert_line};
use super::rows::{Row, is_grouped};
use crate::snapshot::Class;

/// Rows up to which the last lines of their agents are shown below them.
const CARDS: usize = 3;
/// Lines below which a list has no room for a strip.
const STRIP_LINES: u16 = 8;
/// Columns of a run's goal in its head.
const GOAL: usize = 36;

/// One line of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// The head of a run, whose first row this is.
    Head(usize),
    /// A row.
    Row(usize),
    /// One of the last lines of a row's agent.
    Under(usize, usize),
    /// Nothing: what comes is another card.
    Gap,
}

/// The rows as lines: few with what their agents say, many below the heads of their runs.
pub(super) fn lines(rows: &[Row], height: usize) -> Vec<Shown> {
    let mut lines = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        let is_first = at == 0 || rows[at - 1].target.run != row.target.run;
        if is_grouped(rows.len()) && is_first {
            lines.push(Shown::Head(at));
        }
        lines.push(Shown::Row(at));
        if is_few(rows.len()) {
            lines.extend((0..row.lines.len()).map(|number| Shown::Under(at, number)));
            let is_roomy = rows.iter().map(|row| row.lines.len() + 2).sum::<usize>() <= height;
            let is_said = rows.iter().any(|row| !row.lines.is_empty());
            if is_roomy && is_said && at + 1 < rows.len() {
                lines.push(Shown::Gap);
            }
        }
    }
    lines
}

/// Whether so few agents are cards, and what is beside them has more room.
pub fn is_few(count: usize) -> bool {
    count <= CARDS
}

/// The head of a run: its goal, and its tasks by how they stand.
pub(super) fn head(rows: &[Row], at: usize, scene: &Scene<'_>) -> Line<'static> {
    let look = scene.look();
    let run = rows[at].target.run;
    let mut counts: BTreeMap<Class, usize> = BTreeMap::new();
    for row in rows[at..].iter().take_while(|row| row.target.run == run) {
        *counts.entry(row.class).or_default() += 1;
    }
    let goal = scene.run(run).map(|run| inert_line(&run.status.run.goal, look)).unwrap_or_default();
    let mut spans = vec![
        Span::styled(format!("#{run} "), look.style(Role::Strong)),
        Span::styled(fit(&goal, GOAL, look), look.style(Role::Dim)),
    ];
    for (class, count) in counts {
        spans.push(Span::styled(format!(" {}{count}", look.glyph(class)), look.class(class)));
    }
    Line::from(spans)
}

/// One cell for each agent, when there are many; returns what is left for the rows.
pub(super) fn strip(rows: &[Row], scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) -> Rect {
    let look = scene.look();
    let width = usize::from(area.width);
    if !is_grouped(rows.len()) || width == 0 || area.height < STRIP_LINES {
        return area;
    }
    // A third of the list at most: beyond that the rows themselves say more.
    let height = rows.len().div_ceil(width).min(usize::from(area.height) / 3);
    for ((line, part), place) in rows.chunks(width).enumerate().zip(area.rows()).take(height) {
        for (column, row) in part.iter().enumerate() {
            let x = place.x + u16::try_from(column).unwrap_or(0);
            let cell = Rect { x, width: 1, ..place };
            page.line(cell, &look.glyph(row.class).to_string(), look.class(row.class));
            if Some(&row.target) == scene.selected() {
                page.paint(cell, Role::Selected);
            }
            page.hit(cell, Target::Row(Panel::List, line * width + column));
        }
    }
    let used = u16::try_from(height).unwrap_or(0);
    Rect { y: area.y + used, height: area.height - used, ..area }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::RunNumber;
    use crate::tui::world::TaskRef;

    fn row(run: u32, lines: usize) -> Row {
        Row {
            target: TaskRef { run: RunNumber(run), task: None },
            class: Class::Running,
            name: String::new(),
            agent: String::new(),
            state: String::new(),
            detail: String::new(),
            active_ms: 0,
            cost: None,
            is_unpriced: false,
            is_live: true,
            attempt: 1,
            is_new: false,
            heartbeat: None,
            lines: vec!["said".to_owned(); lines],
        }
    }

    #[test]
    fn few_agents_are_shown_with_what_they_say() {
        let shown = lines(&[row(1, 2), row(2, 0)], 5);
        assert_eq!(shown, [Shown::Row(0), Shown::Under(0, 0), Shown::Under(0, 1), Shown::Row(1)]);
        assert_eq!(lines(&[row(1, 2), row(2, 0)], 6)[3..], [Shown::Gap, Shown::Row(1)]);
        assert_eq!(lines(&vec![row(1, 2); 4], 40).len(), 4);
    }

    #[test]
    fn many_agents_stand_below_the_heads_of_their_runs() {
        let rows: Vec<Row> = (0..20).map(|at| row(at / 10, 0)).collect();
        let shown = lines(&rows, 40);
        assert_eq!(shown.len(), 22);
        assert_eq!((shown[0], shown[11]), (Shown::Head(0), Shown::Head(10)));
    }
}
