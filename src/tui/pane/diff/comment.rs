//! Comments on changed lines: anchored by what the lines say, so that they find them again after the next edit.

use serde::{Deserialize, Serialize};

use super::rows::Spot;
use crate::client::patch::{FilePatch, Patch, PatchLine, Side};

/// Lines above and below that are remembered.
const NEIGHBOURS: usize = 3;

/// A comment that was not sent yet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Comment {
    /// The file.
    pub file: String,
    /// Number of its first line when it was written.
    pub number: u32,
    /// The lines that it is about, with their signs.
    pub lines: Vec<String>,
    /// The lines above them.
    #[serde(default)]
    pub before: Vec<String>,
    /// The lines below them.
    #[serde(default)]
    pub after: Vec<String>,
    /// What it says.
    pub text: String,
}

impl Comment {
    /// An empty comment on lines of a file; nothing when none of them can be commented on.
    pub fn on(file: &FilePatch, from: usize, to: usize) -> Option<Self> {
        let from = (from..=to).find(|&at| file.lines.get(at).is_some_and(is_text))?;
        let to = (from..=to).rev().find(|&at| file.lines.get(at).is_some_and(is_text))?;
        let signed = |lines: &[PatchLine]| -> Vec<String> {
            lines.iter().filter(|line| is_text(line)).map(signed).collect()
        };
        let first = &file.lines[from];
        Some(Self {
            file: file.path.clone(),
            number: if first.new > 0 { first.new } else { first.old },
            lines: signed(&file.lines[from..=to]),
            before: signed(&file.lines[from.saturating_sub(NEIGHBOURS)..from]),
            after: signed(&file.lines[to + 1..(to + 1 + NEIGHBOURS).min(file.lines.len())]),
            text: String::new(),
        })
    }

    /// The last of its lines in a patch; nothing when they are not there any more.
    ///
    /// Of several places that say the same, the one counts whose neighbours fit best and that is nearest.
    pub fn find(&self, patch: &Patch) -> Option<Spot> {
        let of_file = patch.files.iter().enumerate();
        let places = of_file.filter(|(_, file)| file.path == self.file).flat_map(|(at, file)| {
            let starts = 0..(file.lines.len() + 1).saturating_sub(self.lines.len());
            starts.filter(|&start| self.is_at(file, start)).map(move |start| (at, file, start))
        });
        let best = places.max_by_key(|(_, file, start)| {
            let found = &file.lines[*start];
            let number = if found.new > 0 { found.new } else { found.old };
            (self.likeness(file, *start), std::cmp::Reverse(number.abs_diff(self.number)))
        });
        best.map(|(file, _, start)| Spot { file, line: Some(start + self.lines.len() - 1) })
    }

    fn is_at(&self, file: &FilePatch, start: usize) -> bool {
        let lines = &file.lines[start..start + self.lines.len()];
        !lines.is_empty() && lines.iter().zip(&self.lines).all(|(line, known)| is_same(line, known))
    }

    /// Neighbours that are as they were.
    fn likeness(&self, file: &FilePatch, start: usize) -> usize {
        let above = file.lines[..start].iter().rev().filter(|line| is_text(line));
        let below = file.lines[start + self.lines.len()..].iter().filter(|line| is_text(line));
        above.zip(self.before.iter().rev()).filter(|(line, known)| is_same(line, known)).count()
            + below.zip(&self.after).filter(|(line, known)| is_same(line, known)).count()
    }

    /// Whether it is about these lines.
    pub fn is_about(&self, other: &Self) -> bool {
        self.file == other.file && self.lines == other.lines && self.before == other.before
    }
}

/// All comments as one message, in the order in which they were written.
pub fn message(comments: &[Comment]) -> String {
    let mut text = match comments.len() {
        1 => "A comment on your changes:\n".to_owned(),
        count => format!("{count} comments on your changes:\n"),
    };
    for comment in comments {
        text.push_str(&format_place(comment));
        for line in &comment.lines {
            text.push_str("    ");
            text.push_str(line);
            text.push('\n');
        }
        text.push_str(comment.text.trim());
        text.push('\n');
    }
    text
}

fn format_place(comment: &Comment) -> String {
    format!("\n{}:{}\n", comment.file, comment.number)
}

fn is_text(line: &PatchLine) -> bool {
    matches!(line.side, Side::Same | Side::Added | Side::Removed)
}

fn signed(line: &PatchLine) -> String {
    let sign = match line.side {
        Side::Added => '+',
        Side::Removed => '-',
        Side::Same | Side::Hunk | Side::Note => ' ',
    };
    format!("{sign}{}", line.text)
}

/// Whether a line says what was remembered. One that was added and is there to stay says the same.
fn is_same(line: &PatchLine, known: &str) -> bool {
    let Some((sign, text)) = known.split_at_checked(1) else { return false };
    let is_side = match line.side {
        Side::Removed => sign == "-",
        Side::Added | Side::Same => sign != "-",
        Side::Hunk | Side::Note => false,
    };
    is_side && line.text == text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::patch::parse;

    fn patch(lines: &str) -> Patch {
        let count = lines.lines().count();
        let text = format!("diff --git a/a.rs b/a.rs\n@@ -1,{count} +1,{count} @@\n{lines}\n");
        Patch { files: parse(&text), note: None }
    }

    fn line_of(comment: &Comment, patch: &Patch) -> Option<usize> {
        comment.find(patch)?.line
    }

    #[test]
    fn a_comment_finds_its_line_after_the_next_edit() {
        let before = patch(" fn a() {\n+x\n }\n fn b() {\n+x\n }");
        let comment = Comment::on(&before.files[0], 5, 5).unwrap();
        assert_eq!((comment.number, comment.lines.as_slice()), (5, ["+x".to_owned()].as_slice()));
        assert_eq!(line_of(&comment, &before), Some(5));
        let after = patch("+new\n+newer\n fn a() {\n+x\n }\n fn b() {\n x\n }");
        assert_eq!(line_of(&comment, &after), Some(7), "its neighbours tell which one it is");
        let gone = patch(" fn a() {\n+y\n }");
        assert_eq!(line_of(&comment, &gone), None);
    }

    #[test]
    fn several_lines_are_one_place_and_heads_are_none() {
        let patch = patch(" a\n+b\n+c\n d");
        let comment = Comment::on(&patch.files[0], 0, 3).unwrap();
        assert_eq!(comment.lines, [" a", "+b", "+c"]);
        assert_eq!(line_of(&comment, &patch), Some(3));
        assert_eq!(Comment::on(&patch.files[0], 0, 0), None);
        assert_eq!(Comment::on(&patch.files[0], 90, 99), None);
    }

    #[test]
    fn all_comments_are_one_message() {
        let patch = patch(" a\n+b");
        let mut first = Comment::on(&patch.files[0], 2, 2).unwrap();
        first.text = "use Money\n".to_owned();
        let text = message(&[first.clone(), first]);
        assert_eq!(
            text,
            "2 comments on your changes:\n\na.rs:2\n    +b\nuse Money\n\na.rs:2\n    +b\nuse Money\n"
        );
    }
}
