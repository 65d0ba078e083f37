//! Tables: aligned by columns of the terminal, with a mark in front of each row, the last column cut.

use std::io::Write;

use super::style::{Style, columns, fit};
use crate::base::text;
use crate::snapshot::Class;

/// Columns that the last column has at least.
const LAST_MIN: usize = 12;
/// Columns that any other column has at most.
const OTHER_MAX: usize = 40;

/// Rows under a header.
#[derive(Debug)]
pub struct Table {
    header: Vec<&'static str>,
    right: Vec<bool>,
    rows: Vec<(Class, Vec<String>)>,
}

impl Table {
    /// An empty table; a header that begins with `>` stands over a column of numbers.
    pub fn new(header: &[&'static str]) -> Self {
        let right = header.iter().map(|name| name.starts_with('>')).collect();
        let header = header.iter().map(|name| name.trim_start_matches('>')).collect();
        Self { header, right, rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, class: Class, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.header.len(), "a row has a cell for each column");
        self.rows.push((class, cells));
    }

    /// Writes the table, without lines for columns that are empty everywhere.
    ///
    /// # Errors
    /// The output is gone.
    pub fn write(&self, style: &Style, out: &mut dyn Write) -> std::io::Result<()> {
        let clean = |cell: &str| text::one_line(&style.text(cell), 1_000);
        let rows: Vec<(Class, Vec<String>)> = self
            .rows
            .iter()
            .map(|(class, cells)| (*class, cells.iter().map(|cell| clean(cell)).collect()))
            .collect();
        let shown: Vec<usize> = (0..self.header.len())
            .filter(|&at| rows.iter().any(|(_, cells)| !cells[at].is_empty()))
            .collect();
        let Some((&last, others)) = shown.split_last() else { return Ok(()) };
        let widths: Vec<usize> = others
            .iter()
            .map(|&at| {
                let cells = rows.iter().map(|(_, cells)| columns(&cells[at]));
                cells.max().unwrap_or(0).min(OTHER_MAX).max(columns(self.header[at]))
            })
            .collect();
        let used: usize = 2 + widths.iter().map(|width| width + 2).sum::<usize>();
        let room = style.width().saturating_sub(used).max(LAST_MIN);
        let line = |cells: &dyn Fn(usize) -> String| {
            let mut line = String::new();
            for (&at, &width) in others.iter().zip(&widths) {
                let cell = fit(&cells(at), width).into_owned();
                let pad = " ".repeat(width - columns(&cell));
                let parts = if self.right[at] { [pad, cell] } else { [cell, pad] };
                line.extend(parts);
                line.push_str("  ");
            }
            line.push_str(&fit(&cells(last), room));
            line.trim_end().to_owned()
        };
        let header = line(&|at| self.header[at].to_owned());
        writeln!(out, "  {}", style.dim(&header))?;
        for (class, cells) in &rows {
            let line = style.text(&line(&|at| cells[at].clone())).into_owned();
            writeln!(out, "{} {line}", style.glyph(*class))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(table: &Table, width: usize) -> String {
        let mut out = Vec::new();
        table.write(&Style::plain(width), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_are_aligned_and_the_last_one_fits() {
        let mut table = Table::new(&["NAME", ">N", "EMPTY", "TEXT"]);
        let row = |name: &str, n: &str, text: &str| {
            vec![name.to_owned(), n.to_owned(), String::new(), text.to_owned()]
        };
        table.row(Class::Running, row("a", "1", "short"));
        table.row(Class::Failed, row("日本", "200", "long enough to be cut off somewhere in here"));
        assert_eq!(
            written(&table, 40),
            "  NAME    N  TEXT\n● a       1  short\n✗ 日本  200  long enough to be cut off…\n"
        );
    }

    #[test]
    fn agents_cannot_draw_on_the_terminal() {
        let mut table = Table::new(&["A", "B"]);
        table.row(Class::Done, vec!["x\u{1b}[2J".into(), "y\r\nz\u{7}".into()]);
        let text = written(&table, 80);
        assert!(text.chars().all(|c| !c.is_control() || c == '\n'), "{text:?}");
        assert_eq!(text.lines().count(), 2);
    }
}
