//! Tables of Markdown: columns as wide as their cells, narrower where the screen is.

use ratatui::text::{Line, Span};

use crate::tui::look::{Look, Role};
use crate::tui::text::{columns, wrap};

/// Columns between two cells.
const BETWEEN: usize = 2;
/// Columns that a cell keeps however narrow the screen is.
const CELL_MIN: usize = 4;

type Cell = Vec<Span<'static>>;

/// A table that is being read.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Vec<Cell>>,
    has_head: bool,
}

impl Table {
    /// A row begins.
    pub(super) fn row(&mut self) {
        self.rows.push(Vec::new());
    }

    /// A cell begins.
    pub(super) fn cell(&mut self) {
        if let Some(row) = self.rows.last_mut() {
            row.push(Vec::new());
        }
    }

    /// The head is complete.
    pub(super) fn end_head(&mut self) {
        self.has_head = true;
    }

    /// Text of the present cell.
    pub(super) fn push(&mut self, spans: Cell) {
        if let Some(cell) = self.rows.last_mut().and_then(|row| row.last_mut()) {
            cell.extend(spans);
        }
    }

    /// The table in at most `width` columns.
    pub(super) fn lines(mut self, width: usize, look: Look) -> Vec<Line<'static>> {
        let head = look.style(Role::Strong);
        if self.has_head
            && let Some(row) = self.rows.first_mut()
        {
            for span in row.iter_mut().flatten() {
                span.style = head.patch(span.style);
            }
        }
        let Some(widths) = self.widths(width) else { return self.records(width, look) };
        let mut lines = Vec::new();
        for (index, row) in self.rows.into_iter().enumerate() {
            lines.extend(row_lines(row, &widths));
            if index == 0 && self.has_head {
                let bar = look.sign("─", "-");
                let parts: Vec<String> = widths.iter().map(|wide| bar.repeat(*wide)).collect();
                let text = parts.join(&" ".repeat(BETWEEN));
                lines.push(Line::from(Span::styled(text, look.style(Role::Border))));
            }
        }
        lines
    }

    /// Widths of the columns; none when the table has more columns than there is room for.
    fn widths(&self, width: usize) -> Option<Vec<usize>> {
        let count = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut widths = vec![1; count];
        for row in &self.rows {
            for (cell, wide) in row.iter().zip(&mut widths) {
                *wide = (*wide).max(cell_columns(cell));
            }
        }
        let room = width.checked_sub(BETWEEN * count.saturating_sub(1))?;
        let floor: usize = widths.iter().map(|wide| (*wide).min(CELL_MIN)).sum();
        if floor > room {
            return None;
        }
        // The widest columns give first: short cells stay on one line.
        while widths.iter().sum::<usize>() > room {
            let surplus = widths.iter().sum::<usize>() - room;
            let widest = widths.iter().copied().max()?;
            let next = widths.iter().copied().filter(|wide| *wide < widest).max();
            let many = widths.iter().filter(|wide| **wide == widest).count();
            let floor = next.unwrap_or(CELL_MIN).max(CELL_MIN);
            let step = widest.saturating_sub(floor).min(surplus / many).max(1);
            let mut left = surplus;
            for wide in widths.iter_mut().filter(|wide| **wide == widest) {
                let less = step.min(left);
                *wide -= less;
                left -= less;
            }
        }
        Some(widths)
    }

    /// The rows below each other, each cell with the name of its column.
    fn records(self, width: usize, look: Look) -> Vec<Line<'static>> {
        let mut rows = self.rows.into_iter();
        let head = if self.has_head { rows.next().unwrap_or_default() } else { Vec::new() };
        let mut lines = Vec::new();
        for row in rows {
            for (index, cell) in row.into_iter().enumerate() {
                let mut spans = head.get(index).cloned().unwrap_or_default();
                if !spans.is_empty() {
                    spans.push(Span::styled(": ", look.style(Role::Dim)));
                }
                spans.extend(cell);
                lines.extend(wrap(spans, width, 2));
            }
        }
        lines
    }
}

fn cell_columns(cell: &Cell) -> usize {
    cell.iter().map(|span| columns(&span.content)).sum()
}

fn row_lines(row: Vec<Cell>, widths: &[usize]) -> Vec<Line<'static>> {
    let mut cells: Vec<Vec<Line<'static>>> =
        row.into_iter().zip(widths).map(|(cell, wide)| wrap(cell, *wide, 0)).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    let mut lines = Vec::new();
    for at in 0..height {
        let mut spans = Vec::new();
        let mut missing = 0;
        for (cell, wide) in cells.iter_mut().zip(widths) {
            let mut part = cell.get_mut(at).map(std::mem::take).unwrap_or_default().spans;
            trim_end(&mut part);
            if !part.is_empty() && missing > 0 {
                spans.push(Span::raw(" ".repeat(missing)));
                missing = 0;
            }
            missing += wide + BETWEEN - cell_columns(&part).min(*wide);
            spans.extend(part);
        }
        lines.push(Line::from(spans));
    }
    lines
}

/// Blanks at which a line was broken.
fn trim_end(spans: &mut Cell) {
    while let Some(last) = spans.last_mut() {
        let kept = last.content.trim_end().len();
        if kept > 0 {
            last.content.to_mut().truncate(kept);
            return;
        }
        spans.pop();
    }
}
