//! Columns for people.

use unicode_width::UnicodeWidthStr;

use super::context::Context;
use super::report::Result;
use crate::base::text;

/// Writes rows under headings; the last column is as long as it is.
///
/// # Errors
/// The output is gone.
pub fn write<const N: usize>(
    context: &mut Context,
    headings: &[&str; N],
    rows: &[[String; N]],
) -> Result<()> {
    let lines: Vec<[String; N]> = std::iter::once(headings.map(str::to_owned))
        .chain(rows.iter().map(|row| row.each_ref().map(|cell| text::printable(cell))))
        .collect();
    let widths: Vec<usize> = (0..N)
        .map(|column| lines.iter().map(|line| line[column].width()).max().unwrap_or(0))
        .collect();
    for line in &lines {
        let mut out = String::new();
        for (column, cell) in line.iter().enumerate() {
            out.push_str(cell);
            if column + 1 < N {
                out.push_str(&" ".repeat(widths[column] - cell.width() + 2));
            }
        }
        writeln!(context.out, "{}", out.trim_end())?;
    }
    Ok(())
}
