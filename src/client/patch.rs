//! What a run has changed, line by line: the unified diff of git as files and numbered lines, of bounded size.

use crate::base::TaskId;
use crate::base::limits::{PATCH_BYTES_MAX, PATCH_LINE_BYTES_MAX};
use crate::client::diff::{self, DiffError, Range};
use crate::ledger::Ledger;
use crate::store::git::git_head;

/// What was changed, line by line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Patch {
    /// The files, in the order of git.
    pub files: Vec<FilePatch>,
    /// Where it was found, when the branch is gone.
    pub note: Option<String>,
}

/// What was changed in one file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FilePatch {
    /// Its path, afterwards.
    pub path: String,
    /// Its path before, when that was another one.
    pub old_path: Option<String>,
    /// What happened to it as a whole.
    pub change: Change,
    /// Whether it has no lines.
    pub is_binary: bool,
    /// Lines that were added.
    pub added: u64,
    /// Lines that were removed.
    pub removed: u64,
    /// Hunks and their lines.
    pub lines: Vec<PatchLine>,
    /// Whether lines are left out, because the whole is too large.
    pub is_cut: bool,
}

/// What happened to a file as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Change {
    /// It was there before and is there now.
    #[default]
    Changed,
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
    /// It has another name.
    Renamed,
    /// Only its mode is another one.
    Mode,
}

/// What a line of a patch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The head of a hunk.
    Hunk,
    /// A line that stayed.
    Same,
    /// A line that is new.
    Added,
    /// A line that is gone.
    Removed,
    /// A remark of git.
    Note,
}

/// One line of a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchLine {
    /// What it is.
    pub side: Side,
    /// Its number before; 0 where it has none.
    pub old: u32,
    /// Its number afterwards; 0 where it has none.
    pub new: u32,
    /// Its text, without the sign in front.
    pub text: String,
}

/// Reads what a run has changed, or what the attempts of one of its tasks have committed.
///
/// # Errors
/// There is nothing to show, or git says no.
pub fn read(ledger: &Ledger, task: Option<&TaskId>) -> Result<Patch, DiffError> {
    let state = ledger.state();
    let work = diff::work(state)?;
    let ranges = match task {
        None => vec![Range { from: work.base, to: work.head }],
        Some(task) => diff::of_task(ledger, task)?,
    };
    let mut patch = Patch { files: Vec::new(), note: work.note };
    let mut room = PATCH_BYTES_MAX;
    for range in &ranges {
        let args = [
            "diff",
            "--patch",
            "--find-renames",
            "--no-color",
            "--no-ext-diff",
            "--no-textconv",
            "--src-prefix=a/",
            "--dst-prefix=b/",
            &range.from,
            &range.to,
            "--",
        ];
        let (raw, is_cut) = git_head(&state.created.root, &args, room)?;
        room = room.saturating_sub(raw.len());
        let mut files = parse(&String::from_utf8_lossy(&raw));
        if is_cut {
            if let Some(last) = files.last_mut() {
                last.is_cut = true;
            }
            add_missing(&mut files, diff::files(state, range)?);
        }
        patch.files.extend(files);
    }
    Ok(patch)
}

/// Adds the files of which nothing was read, with their numbers of lines.
fn add_missing(files: &mut Vec<FilePatch>, all: Vec<diff::FileChange>) {
    for file in all {
        let known = files.iter_mut().find(|known| {
            known.path == file.path || known.old_path.as_deref() == Some(file.path.as_str())
        });
        match known {
            Some(known) if known.is_cut => {
                known.added = file.added.unwrap_or(known.added);
                known.removed = file.removed.unwrap_or(known.removed);
            }
            Some(_) => {}
            None => files.push(FilePatch {
                path: file.path,
                is_binary: file.added.is_none(),
                added: file.added.unwrap_or(0),
                removed: file.removed.unwrap_or(0),
                is_cut: true,
                ..FilePatch::default()
            }),
        }
    }
}

/// The unified diff of git as files and lines.
pub fn parse(text: &str) -> Vec<FilePatch> {
    let mut files: Vec<FilePatch> = Vec::new();
    // Lines that the current hunk still has, before and afterwards.
    let (mut before, mut after) = (0_u32, 0_u32);
    let (mut old, mut new) = (0, 0);
    for line in text.split('\n') {
        if before == 0 && after == 0 {
            if let Some(names) = line.strip_prefix("diff --git ") {
                files.push(FilePatch { path: same_name(names), ..FilePatch::default() });
                continue;
            }
            let Some(file) = files.last_mut() else { continue };
            if let Some((starts, head)) = hunk(line) {
                [old, before, new, after] = starts;
                file.lines.push(PatchLine { side: Side::Hunk, old: 0, new: 0, text: head });
            } else if let Some(remark) = line.strip_prefix("\\ ") {
                file.note(remark);
            } else {
                file.headed(line);
            }
            continue;
        }
        let Some(file) = files.last_mut() else { continue };
        let (sign, rest) = line.split_at_checked(1).unwrap_or(("", ""));
        let text = || cut(rest).to_owned();
        match sign {
            "+" => {
                file.lines.push(PatchLine { side: Side::Added, old: 0, new, text: text() });
                (file.added, new, after) = (file.added + 1, new + 1, after.saturating_sub(1));
            }
            "-" => {
                file.lines.push(PatchLine { side: Side::Removed, old, new: 0, text: text() });
                (file.removed, old, before) = (file.removed + 1, old + 1, before.saturating_sub(1));
            }
            "\\" => file.note(rest.trim_start()),
            _ => {
                file.lines.push(PatchLine { side: Side::Same, old, new, text: text() });
                (old, before) = (old + 1, before.saturating_sub(1));
                (new, after) = (new + 1, after.saturating_sub(1));
            }
        }
    }
    files
}

impl FilePatch {
    fn note(&mut self, text: &str) {
        let text = text.to_owned();
        self.lines.push(PatchLine { side: Side::Note, old: 0, new: 0, text });
    }

    /// Takes in a line between the names of a file and its first hunk.
    fn headed(&mut self, line: &str) {
        if line.starts_with("new file mode") {
            self.change = Change::Added;
        } else if line.starts_with("deleted file mode") {
            self.change = Change::Deleted;
        } else if let Some(mode) = line.strip_prefix("old mode ") {
            self.change = Change::Mode;
            self.note(&format!("mode {mode} before"));
        } else if let Some(mode) = line.strip_prefix("new mode ") {
            self.note(&format!("mode {mode} now"));
        } else if let Some(name) = line.strip_prefix("rename from ") {
            (self.change, self.old_path) = (Change::Renamed, Some(unquoted(name)));
        } else if let Some(name) = line.strip_prefix("rename to ") {
            self.path = unquoted(name);
        } else if line.starts_with("Binary files ") {
            self.is_binary = true;
        } else if line.starts_with("--- ") && self.change == Change::Mode {
            self.change = Change::Changed;
        }
    }
}

/// The name of a file in `a/NAME b/NAME`; one that was renamed is told on lines of its own.
fn same_name(names: &str) -> String {
    if let Some(rest) = names.strip_prefix('"') {
        let end = rest.find("\" ").map_or(names.len(), |end| end + 2);
        return unquoted(&names[..end]).trim_start_matches("a/").to_owned();
    }
    let name = names.get(2..names.len().saturating_sub(1) / 2).unwrap_or(names);
    name.to_owned()
}

/// A name as git quotes it: octal bytes and backslashes.
fn unquoted(name: &str) -> String {
    let Some(inner) = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) else {
        return name.to_owned();
    };
    let mut bytes = Vec::new();
    let mut rest = inner.bytes().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(b't') => bytes.push(b'\t'),
            Some(b'n') => bytes.push(b'\n'),
            Some(digit @ b'0'..=b'7') => {
                let mut value = u32::from(digit - b'0');
                while let Some(more @ b'0'..=b'7') = rest.peek().copied() {
                    value = value * 8 + u32::from(more - b'0');
                    rest.next();
                    if value > 0o37 {
                        break;
                    }
                }
                bytes.push(u8::try_from(value).unwrap_or(b'?'));
            }
            Some(other) => bytes.push(other),
            None => {}
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The head of a hunk: first line and number of lines before and afterwards, and its own text.
fn hunk(line: &str) -> Option<([u32; 4], String)> {
    let (ranges, context) = line.strip_prefix("@@ -")?.split_once(" @@")?;
    let (old, new) = ranges.split_once(" +")?;
    let range = |text: &str| -> Option<(u32, u32)> {
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        Some((start.parse().ok()?, count.parse().ok()?))
    };
    let ((old, before), (new, after)) = (range(old)?, range(new)?);
    Some(([old, before, new, after], cut(context.trim()).to_owned()))
}

/// The text as far as it is shown.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(PATCH_LINE_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "diff --git a/src/a b.rs b/src/a b.rs
index 1..2 100644
--- a/src/a b.rs
+++ b/src/a b.rs
@@ -1,3 +1,3 @@ fn main
 one
--- two
+++ deux
 three
@@ -9 +9,0 @@
-nine
\\ No newline at end of file
diff --git a/old.rs b/new.rs
similarity index 90%
rename from old.rs
rename to new.rs
diff --git a/pic.png b/pic.png
new file mode 100644
Binary files /dev/null and b/pic.png differ
diff --git \"a/we\\\"ird\\303\\244\" \"b/we\\\"ird\\303\\244\"
old mode 100644
new mode 100755
";

    #[test]
    fn lines_have_their_numbers_and_a_line_that_looks_like_a_head_is_none() {
        let files = parse(TWO);
        let first = &files[0];
        assert_eq!((first.path.as_str(), first.added, first.removed), ("src/a b.rs", 1, 2));
        let lines: Vec<_> =
            first.lines.iter().map(|line| (line.side, line.old, line.new, &*line.text)).collect();
        assert_eq!(
            lines,
            [
                (Side::Hunk, 0, 0, "fn main"),
                (Side::Same, 1, 1, "one"),
                (Side::Removed, 2, 0, "-- two"),
                (Side::Added, 0, 2, "++ deux"),
                (Side::Same, 3, 3, "three"),
                (Side::Hunk, 0, 0, ""),
                (Side::Removed, 9, 0, "nine"),
                (Side::Note, 0, 0, "No newline at end of file"),
            ]
        );
    }

    #[test]
    fn renamed_binary_and_oddly_named_files_are_known() {
        let files = parse(TWO);
        assert_eq!(files.len(), 4);
        assert_eq!((files[1].change, &*files[1].path), (Change::Renamed, "new.rs"));
        assert_eq!(files[1].old_path.as_deref(), Some("old.rs"));
        assert!(files[2].is_binary && files[2].change == Change::Added);
        assert_eq!((files[3].change, &*files[3].path), (Change::Mode, "we\"irdä"));
    }

    #[test]
    fn a_line_without_an_end_is_cut_and_nonsense_is_no_file() {
        let long = format!("diff --git a/x b/x\n@@ -0,0 +1 @@\n+{}", "ä".repeat(5_000));
        let files = parse(&long);
        assert_eq!(files[0].lines[1].text.len(), PATCH_LINE_BYTES_MAX);
        assert!(parse("nonsense\n@@ -1 +1 @@\n+x").is_empty());
    }

    #[test]
    fn files_of_which_nothing_was_read_are_named() {
        let mut files = parse("diff --git a/x b/x\n@@ -0,0 +1,9 @@\n+1\n");
        files[0].is_cut = true;
        let change = |path: &str, added| diff::FileChange {
            path: path.to_owned(),
            added: Some(added),
            removed: Some(0),
        };
        add_missing(&mut files, vec![change("x", 9), change("y", 3)]);
        let told: Vec<_> =
            files.iter().map(|file| (&*file.path, file.added, file.is_cut)).collect();
        assert_eq!(told, [("x", 9, true), ("y", 3, true)]);
    }

    #[test]
    fn of_a_long_diff_the_beginning_is_read_and_a_refusal_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let dir = camino::Utf8Path::from_path(folder.path()).unwrap();
        crate::store::git::git(dir, &["init", "-q"]).unwrap();
        std::fs::write(dir.join("long"), "one more line\n".repeat(50_000)).unwrap();
        let args = ["diff", "--no-index", "--", "/dev/null", "long"];
        let (raw, is_cut) = git_head(dir, &args, 1_000).unwrap();
        assert!(is_cut && raw.len() == 1_000);
        let files = parse(&String::from_utf8_lossy(&raw));
        assert_eq!(
            (files.len(), files[0].path.as_str(), files[0].change),
            (1, "long", Change::Added)
        );
        assert!(git_head(dir, &["diff", "no-such-commit", "--"], 1_000).is_err());
    }
}
