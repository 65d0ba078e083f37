//! The lines of a patch as rows of the screen: numbers, signs, and the words that differ. Only what is seen is made.

use std::ops::Range;

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::super::look::{Look, Role};
use super::super::super::text::{columns, fit, inert, inert_line, pad};
use crate::base::compare::{self, DiffTag};
use crate::client::patch::{Change, FilePatch, Patch, PatchLine, Side};

/// Lines above a line in which the one that it stands for is looked for.
const BLOCK_LINES: usize = 200;
/// Bytes of a line whose words are compared; of longer ones nobody sees the words.
const WORDS_BYTES: usize = 600;
/// How much two lines must have in common so that their words are compared.
const LIKENESS: f32 = 0.35;
/// Columns of the bar with added and removed lines.
const BAR: usize = 5;

/// Where the rows of a patch begin: each file has its head, and then its lines.
#[derive(Debug, Clone)]
pub struct Rows {
    starts: Vec<usize>,
    count: usize,
}

/// A row of a patch: the head of a file, or one of its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// Position of the file.
    pub file: usize,
    /// Position of the line; absent for the head.
    pub line: Option<usize>,
}

impl Rows {
    /// The rows of a patch.
    pub fn of(patch: &Patch) -> Self {
        let mut count = 0;
        let starts = patch
            .files
            .iter()
            .map(|file| {
                let start = count;
                count += 1 + file.lines.len() + usize::from(has_remark(file));
                start
            })
            .collect();
        Self { starts, count }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// What stands in a row; the last one for a row that is not there.
    pub fn spot(&self, row: usize) -> Spot {
        let row = row.min(self.count.saturating_sub(1));
        let file = self.starts.partition_point(|start| *start <= row).saturating_sub(1);
        let start = self.starts.get(file).copied().unwrap_or(0);
        Spot { file, line: row.checked_sub(start + 1) }
    }

    /// The row in which something stands.
    pub fn row(&self, spot: Spot) -> usize {
        let start = self.starts.get(spot.file).copied().unwrap_or(self.count);
        start + spot.line.map_or(0, |line| line + 1)
    }

    /// The row of a file's head.
    pub fn start(&self, file: usize) -> usize {
        self.starts.get(file).copied().unwrap_or(0)
    }
}

/// Whether a line says why no lines of it are shown.
fn has_remark(file: &FilePatch) -> bool {
    file.is_binary || file.is_cut || file.lines.is_empty()
}

fn remark(file: &FilePatch) -> &'static str {
    match (file.is_binary, file.is_cut, file.change) {
        (true, _, _) => "a binary file",
        (_, true, _) => "the rest is left out: the whole is too large to be read line by line",
        (_, _, Change::Renamed) => "nothing else is changed in it",
        (_, _, Change::Added | Change::Deleted) => "it is empty",
        (_, _, Change::Changed | Change::Mode) => "no line is changed in it",
    }
}

/// How much a patch changes, in words.
pub fn sum(patch: &Patch) -> String {
    let added: u64 = patch.files.iter().map(|file| file.added).sum();
    let removed: u64 = patch.files.iter().map(|file| file.removed).sum();
    let files = crate::base::text::count(patch.files.len(), "file");
    format!("{files}, +{added} −{removed}")
}

/// A file with what happened to it and its numbers of lines, in one line.
pub fn file_line(file: &FilePatch, width: usize, look: Look) -> Line<'static> {
    let numbers = if file.is_binary {
        "binary".to_owned()
    } else {
        format!("+{} {}{}", file.added, look.sign("−", "-"), file.removed)
    };
    let room = width.saturating_sub(columns(&numbers) + BAR + 4);
    let mut spans = vec![
        Span::styled(letter(file.change), look.style(Role::Dim)),
        Span::raw(" "),
        Span::styled(pad(&name(file, look), room, look), look.style(Role::Code)),
        Span::raw(" "),
        Span::styled(numbers, look.style(Role::Dim)),
        Span::raw(" "),
    ];
    spans.extend(bar(file, look));
    Line::from(spans)
}

/// One letter for what happened to a file as a whole, as git has it.
pub fn letter(change: Change) -> &'static str {
    match change {
        Change::Changed => "M",
        Change::Added => "A",
        Change::Deleted => "D",
        Change::Renamed => "R",
        Change::Mode => "T",
    }
}

fn name(file: &FilePatch, look: Look) -> String {
    match &file.old_path {
        Some(old) => inert_line(&format!("{old} → {}", file.path), look),
        None => inert_line(&file.path, look),
    }
}

fn bar(file: &FilePatch, look: Look) -> Vec<Span<'static>> {
    let all = (file.added + file.removed).max(1);
    let cells = |count: u64| {
        let share = (count * BAR as u64).div_ceil(all);
        usize::try_from(share).unwrap_or(BAR).min(BAR)
    };
    let added = cells(file.added);
    let removed = BAR.saturating_sub(added).min(cells(file.removed));
    let (plus, minus) = (look.sign("■", "+"), look.sign("■", "-"));
    vec![
        Span::styled(plus.repeat(added), look.style(Role::Added)),
        Span::styled(minus.repeat(removed), look.style(Role::Removed)),
    ]
}

/// One row of a patch, `left` columns of its text cut off.
pub fn line(patch: &Patch, spot: Spot, width: u16, left: usize, look: Look) -> Line<'static> {
    let Some(file) = patch.files.get(spot.file) else { return Line::default() };
    let width = usize::from(width);
    let Some(at) = spot.line else { return head(file, width, look) };
    let Some(found) = file.lines.get(at) else {
        let text = inert_line(remark(file), look);
        return Line::styled(format!("  {text}"), look.style(Role::Dim));
    };
    let digits = digits(file);
    let is_narrow = width < 60;
    let number = |number: u32| if number == 0 { String::new() } else { number.to_string() };
    let gutter = match found.side {
        Side::Hunk => look.sign("⋯", "...").to_owned(),
        Side::Note => String::new(),
        Side::Same | Side::Added | Side::Removed if is_narrow => {
            format!("{:>digits$} ", number(found.new.max(found.old)))
        }
        Side::Same | Side::Added | Side::Removed => {
            format!("{:>digits$} {:>digits$} ", number(found.old), number(found.new))
        }
    };
    let mut spans = vec![Span::styled(gutter, look.style(Role::Faint))];
    let (sign, role) = match found.side {
        Side::Hunk | Side::Note => (" ", Role::Dim),
        Side::Same => (" ", Role::Text),
        Side::Added => ("+", Role::Added),
        Side::Removed => ("-", Role::Removed),
    };
    spans.push(Span::styled(sign, look.style(role)));
    let used: usize = spans.iter().map(|span| columns(&span.content)).sum();
    let text = pieces(file, at, look);
    spans.extend(window(text, left, width.saturating_sub(used), look));
    Line::from(spans)
}

fn head(file: &FilePatch, width: usize, look: Look) -> Line<'static> {
    let mut text = format!("{} {} ", letter(file.change), name(file, look));
    text = fit(&text, width, look);
    let left = width.saturating_sub(columns(&text));
    text.push_str(&look.sign("─", "-").repeat(left));
    Line::styled(text, look.style(Role::Accent))
}

/// Digits of the largest number of a file's lines.
fn digits(file: &FilePatch) -> usize {
    let last = file.lines.iter().rev().take(4).map(|line| line.old.max(line.new)).max();
    last.unwrap_or(0).to_string().len().max(3)
}

/// The text of a line in pieces that look different.
fn pieces(file: &FilePatch, at: usize, look: Look) -> Vec<(String, Style)> {
    let found = &file.lines[at];
    let (role, word) = match found.side {
        Side::Same => {
            let line = super::super::super::code::highlight(&file.path, &found.text, look);
            let spans = line.into_iter().next().map(|line| line.spans).unwrap_or_default();
            return spans.into_iter().map(|span| (span.content.into_owned(), span.style)).collect();
        }
        Side::Hunk | Side::Note => (Role::Dim, Role::Dim),
        Side::Added => (Role::Added, Role::AddedWord),
        Side::Removed => (Role::Removed, Role::RemovedWord),
    };
    let text = inert(&found.text, look);
    match partner(&file.lines, at) {
        Some(other) => {
            let other = inert(&other.text, look);
            compared(&text, &other, look.style(role), look.style(word))
        }
        None => vec![(text, look.style(role))],
    }
}

/// The line that this one stands for: lines that are gone and those that came for them, one by one.
fn partner(lines: &[PatchLine], at: usize) -> Option<&PatchLine> {
    let block = |from: usize, side: Side| -> Range<usize> {
        let before = lines[..from].iter().rev().take(BLOCK_LINES);
        let start = from - before.take_while(|line| line.side == side).count();
        let after = lines[from..].iter().take(BLOCK_LINES);
        start..from + after.take_while(|line| line.side == side).count()
    };
    let (mine, others) = match lines.get(at)?.side {
        Side::Removed => {
            let mine = block(at, Side::Removed);
            (mine.clone(), block(mine.end, Side::Added))
        }
        Side::Added => {
            let mine = block(at, Side::Added);
            (mine.clone(), block(mine.start, Side::Removed).start..mine.start)
        }
        Side::Hunk | Side::Same | Side::Note => return None,
    };
    let other = others.start + (at - mine.start);
    others.contains(&other).then(|| &lines[other])
}

/// A line with the words marked that the other one does not have.
fn compared(text: &str, other: &str, style: Style, marked: Style) -> Vec<(String, Style)> {
    if text.len() > WORDS_BYTES || other.len() > WORDS_BYTES {
        return vec![(text.to_owned(), style)];
    }
    let (old, new) = (compare::words(other), compare::words(text));
    let steps = compare::steps(&old, &new);
    if compare::likeness(&steps, old.len(), new.len()) < LIKENESS {
        return vec![(text.to_owned(), style)];
    }
    let mut pieces: Vec<(String, Style)> = Vec::new();
    for step in steps {
        let is_new = step.tag() != DiffTag::Equal;
        for word in &new[step.new_range()] {
            let style = if is_new && !word.trim().is_empty() { marked } else { style };
            match pieces.last_mut() {
                Some(last) if last.1 == style => last.0.push_str(word),
                _ => pieces.push(((*word).to_owned(), style)),
            }
        }
    }
    pieces
}

/// The part of a text that is seen when `left` columns are cut off.
fn window(
    pieces: Vec<(String, Style)>,
    left: usize,
    width: usize,
    look: Look,
) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    let (mut skipped, mut used) = (0, 0);
    for (text, style) in pieces {
        let mut shown = String::new();
        for c in text.chars() {
            let wide = columns(c.encode_utf8(&mut [0; 4]));
            if skipped < left {
                skipped += wide;
                continue;
            }
            if used + wide > width {
                shown.pop();
                shown.push_str(look.sign("…", "~"));
                spans.push(Span::styled(shown, style));
                return spans;
            }
            used += wide;
            shown.push(c);
        }
        if !shown.is_empty() {
            spans.push(Span::styled(shown, style));
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::super::super::super::testing::{ASCII, UNICODE};
    use super::*;
    use crate::client::patch::parse;

    fn patch() -> Patch {
        let text = "diff --git a/a.rs b/a.rs\n@@ -1,3 +1,3 @@ fn a\n one\n-let x = 1;\n-gone\n+let y = 1;\n three\ndiff --git a/b.png b/b.png\nBinary files differ\n";
        Patch { files: parse(text), note: None }
    }

    fn shown(row: usize, width: u16, left: usize) -> String {
        let patch = patch();
        let rows = Rows::of(&patch);
        line(&patch, rows.spot(row), width, left, UNICODE).to_string()
    }

    #[test]
    fn every_row_stands_for_one_thing_and_back() {
        let patch = patch();
        let rows = Rows::of(&patch);
        assert_eq!(rows.count(), 9);
        for row in 0..rows.count() {
            assert_eq!(rows.row(rows.spot(row)), row);
        }
        assert_eq!(rows.spot(7), Spot { file: 1, line: None });
        assert_eq!(rows.spot(99), Spot { file: 1, line: Some(0) });
    }

    #[test]
    fn rows_have_numbers_signs_and_remarks() {
        assert_eq!(shown(2, 60, 0), "  1   1  one");
        assert_eq!(shown(3, 60, 0), "  2     -let x = 1;");
        assert_eq!(shown(5, 60, 0), "      2 +let y = 1;");
        assert_eq!(shown(5, 30, 4), "  2 +y = 1;");
        assert_eq!(shown(8, 60, 0), "  a binary file");
        assert_eq!(shown(5, 12, 0), "  2 +let y …");
    }

    #[test]
    fn words_that_differ_are_marked_and_lines_that_differ_are_not() {
        let patch = patch();
        let line = line(&patch, Spot { file: 0, line: Some(4) }, 60, 0, UNICODE);
        let marked = UNICODE.style(Role::AddedWord);
        let words: Vec<&str> = line
            .spans
            .iter()
            .filter(|span| span.style == marked)
            .map(|span| &*span.content)
            .collect();
        assert_eq!(words, ["y"]);
        assert_eq!(partner(&patch.files[0].lines, 3), None, "nothing came for it");
        let other = compared("abc def", "xyz", Style::new(), marked);
        assert_eq!(other, [("abc def".to_owned(), Style::new())]);
    }

    #[test]
    fn a_file_is_told_in_ascii_where_only_that_is_shown() {
        let line = file_line(&patch().files[0], 40, ASCII).to_string();
        assert!(line.is_ascii() && line.contains("+1 -2"), "{line}");
    }
}
