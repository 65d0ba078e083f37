//! What an attempt changed in a folder that no git keeps for it, told by the times of the files.
//!
//! Nothing is listed before an attempt, which would cost every attempt what only a lost one needs: the
//! kernel writes down each change with its time, and that time cannot be set back.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;

use camino::{Utf8Path, Utf8PathBuf};

use crate::base::limits;

/// Files below `folder` that changed since `mark` was written, and folders (`name/`) that lost one.
///
/// `skipped` and what git keeps for itself are not looked at. Nothing is told of a folder with too many
/// entries, or when the mark is gone. A change by somebody else counts as well: whoever asks wants to
/// know whether the folder still is as it was.
pub(super) fn since(
    folder: &Utf8Path,
    mark: &Utf8Path,
    skipped: &[Utf8PathBuf],
) -> Option<Vec<String>> {
    // The clock of the kernel's file times is coarse: what changed at the same moment may be later.
    let mark = changed_at(&fs::metadata(mark).ok()?);
    let mut found = BTreeSet::new();
    let mut left = limits::CHANGE_LOOK_ENTRIES_MAX;
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        // A folder that went away or is closed to us is passed over: its parent tells of it.
        let Ok(entries) = current.read_dir_utf8() else { continue };
        let mut is_named = false;
        for entry in entries.flatten() {
            left = left.checked_sub(1)?;
            let path = entry.into_path();
            if path.file_name() == Some(".git") || skipped.contains(&path) {
                continue;
            }
            let Ok(meta) = path.symlink_metadata() else { continue };
            if meta.is_dir() {
                folders.push(path);
            } else if changed_at(&meta) >= mark {
                is_named = true;
                found.insert(path.strip_prefix(folder).unwrap_or(&path).to_string());
            }
        }
        // The time of a folder changes with the list of its entries.
        let is_later = |meta: Metadata| (meta.mtime(), meta.mtime_nsec()) >= mark;
        if !is_named && fs::symlink_metadata(&current).is_ok_and(is_later) {
            let name = current.strip_prefix(folder).unwrap_or(&current);
            let name = if name.as_str().is_empty() { Utf8Path::new(".") } else { name };
            found.insert(format!("{name}/"));
        }
    }
    Some(found.into_iter().collect())
}

/// Whether a file changed since `mark` was written; one that is gone did.
pub(super) fn is_since(path: &Utf8Path, mark: &Utf8Path) -> bool {
    let Ok(mark) = fs::metadata(mark) else { return true };
    path.symlink_metadata().map_or(true, |meta| changed_at(&meta) >= changed_at(&mark))
}

/// Names in one line, the first of them when they are many.
pub(super) fn shown(names: &[String]) -> String {
    let first = names.iter().take(limits::CHANGED_SHOWN_MAX).map(String::as_str);
    let first = first.collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(limits::CHANGED_SHOWN_MAX) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

fn changed_at(meta: &Metadata) -> (i64, i64) {
    (meta.ctime(), meta.ctime_nsec())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes the mark when the kernel's file times have moved on from those of what is there.
    fn mark(path: &Utf8Path) {
        fs::write(path, "").unwrap();
        let before = changed_at(&fs::metadata(path).unwrap());
        while changed_at(&fs::metadata(path).unwrap()) <= before {
            std::thread::yield_now();
            fs::write(path, "").unwrap();
        }
    }

    #[test]
    fn changed_new_and_removed_files_are_told_and_others_not() {
        let guard = tempfile::tempdir().unwrap();
        let top = Utf8PathBuf::try_from(guard.path().to_path_buf()).unwrap();
        let tree = top.join("tree");
        for folder in ["src", "old", ".git", "skipped", "same"] {
            fs::create_dir_all(tree.join(folder)).unwrap();
            fs::write(tree.join(folder).join("a"), "a").unwrap();
        }
        let mark_file = top.join("mark");
        mark(&mark_file);
        let skipped = [tree.join("skipped")];
        assert_eq!(since(&tree, &mark_file, &skipped), Some(Vec::new()));
        fs::write(tree.join("src/a"), "b").unwrap();
        fs::remove_file(tree.join("old/a")).unwrap();
        fs::write(tree.join(".git/index"), "").unwrap();
        fs::write(tree.join("skipped/b"), "").unwrap();
        let found = since(&tree, &mark_file, &skipped).unwrap();
        assert_eq!(found, ["old/", "src/a"]);
        assert_eq!(since(&tree, &top.join("no-mark"), &skipped), None);
    }

    #[test]
    fn many_names_are_cut() {
        let names: Vec<String> = (0..25).map(|at| at.to_string()).collect();
        assert_eq!(shown(&names[..2]), "0, 1");
        assert!(shown(&names).ends_with("19 and 5 more"), "{}", shown(&names));
    }
}
