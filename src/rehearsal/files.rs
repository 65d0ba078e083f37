//! Files of the worktree: listing them, and changing them without ever leaving it.

use std::fs;
use std::io;
use std::io::Write;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use crate::base::path::{PathContext, PathError};

/// Files in a listing; enough to name something real.
const LISTED_MAX: usize = 12;
/// Folders that are looked into for a listing.
const FOLDERS_MAX: usize = 200;

/// Why a file was not changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    /// The path would leave the worktree.
    #[error("`{0}` is not inside the worktree; a script changes only files inside")]
    Outside(String),
    /// The system refused.
    #[error(transparent)]
    Path(#[from] PathError),
}

/// Replaces a file, making its folders.
pub(super) fn write(worktree: &Utf8Path, path: &str, text: &str) -> Result<(), FileError> {
    let path = inside(worktree, path)?;
    Ok(fs::write(&path, text).at("cannot write", &path)?)
}

/// Adds to the end of a file, making it and its folders.
pub(super) fn append(worktree: &Utf8Path, path: &str, text: &str) -> Result<(), FileError> {
    let path = inside(worktree, path)?;
    let mut file =
        fs::OpenOptions::new().create(true).append(true).open(&path).at("cannot open", &path)?;
    Ok(file.write_all(text.as_bytes()).at("cannot write", &path)?)
}

/// Removes a file; a file that is not there is removed already.
pub(super) fn delete(worktree: &Utf8Path, path: &str) -> Result<(), FileError> {
    let path = inside(worktree, path)?;
    match fs::remove_file(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => Ok(result.at("cannot remove", &path)?),
    }
}

/// The real path of a file in the worktree, with its folders made. Symlinks may not lead outside.
fn inside(worktree: &Utf8Path, path: &str) -> Result<Utf8PathBuf, FileError> {
    let outside = || FileError::Outside(path.to_owned());
    let mut names = Vec::new();
    for component in Utf8Path::new(path).components() {
        match component {
            Utf8Component::Normal(name) => names.push(name),
            Utf8Component::CurDir => {}
            Utf8Component::Prefix(_) | Utf8Component::RootDir | Utf8Component::ParentDir => {
                return Err(outside());
            }
        }
    }
    let last = names.pop().ok_or_else(outside)?;
    let root = worktree.canonicalize_utf8().at("cannot open", worktree)?;
    let mut folder = root.clone();
    for name in names {
        let next = folder.join(name);
        match fs::create_dir(&next) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(error).at("cannot create", &next).map_err(Into::into);
            }
            _ => {}
        }
        folder = next.canonicalize_utf8().at("cannot open", &next)?;
        if !folder.starts_with(&root) {
            return Err(outside());
        }
    }
    let file = folder.join(last);
    if file.is_symlink() {
        return Err(outside());
    }
    Ok(file)
}

/// Some files of the worktree as a Markdown list, in the order of their names, nearest first.
pub(super) fn listing(worktree: &Utf8Path) -> String {
    let mut found = Vec::new();
    let mut folders = std::collections::VecDeque::from([worktree.to_owned()]);
    let mut visited = 0;
    while let Some(folder) = folders.pop_front() {
        visited += 1;
        if visited > FOLDERS_MAX || found.len() >= LISTED_MAX {
            break;
        }
        let mut entries: Vec<_> = folder.read_dir_utf8().into_iter().flatten().flatten().collect();
        entries.sort_by(|a, b| a.file_name().cmp(b.file_name()));
        for entry in entries {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let skipped = matches!(entry.file_name(), ".git" | ".crew" | "target" | "node_modules");
            if skipped {
                continue;
            }
            if is_folder {
                folders.push_back(entry.into_path());
            } else if let Ok(path) = entry.path().strip_prefix(worktree) {
                found.push(format!("- {path}"));
            }
        }
    }
    found.truncate(LISTED_MAX);
    if found.is_empty() {
        return "- (no files yet)".to_owned();
    }
    found.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
        let dir = tempfile::tempdir().expect("temporary folder");
        let path = Utf8PathBuf::from_path_buf(dir.path().to_owned()).expect("UTF-8");
        let worktree = path.join("worktree");
        fs::create_dir(&worktree).expect("created");
        (dir, worktree)
    }

    #[test]
    fn files_are_written_appended_and_deleted_inside() {
        let (_dir, worktree) = folder();
        write(&worktree, "a/b/c.txt", "one\n").expect("written");
        append(&worktree, "./a/b/c.txt", "two\n").expect("appended");
        let path = worktree.join("a/b/c.txt");
        assert_eq!(fs::read_to_string(&path).expect("read"), "one\ntwo\n");
        delete(&worktree, "a/b/c.txt").expect("deleted");
        delete(&worktree, "a/b/c.txt").expect("deleted twice");
        assert!(!path.exists());
    }

    #[test]
    fn no_path_leads_outside() {
        let (_dir, worktree) = folder();
        let outer = worktree.parent().expect("parent");
        fs::write(outer.join("file"), "kept").expect("written");
        std::os::unix::fs::symlink(outer, worktree.join("up")).expect("linked");
        std::os::unix::fs::symlink(outer.join("file"), worktree.join("link")).expect("linked");
        for path in ["../file", "/tmp/x", "a/../../file", "up/file", "link", "", "."] {
            let error = write(&worktree, path, "x").expect_err(path);
            assert!(error.to_string().contains("not inside the worktree"), "{path}: {error}");
            assert!(append(&worktree, path, "x").is_err() && delete(&worktree, path).is_err());
        }
        assert_eq!(fs::read_to_string(outer.join("file")).expect("read"), "kept");
    }

    #[test]
    fn a_listing_names_real_files_but_not_those_of_tools() {
        let (_dir, worktree) = folder();
        assert_eq!(listing(&worktree), "- (no files yet)");
        for path in ["b.txt", "src/main.rs", ".git/config", "a.txt"] {
            write(&worktree, path, "").expect(path);
        }
        assert_eq!(listing(&worktree), "- a.txt\n- b.txt\n- src/main.rs");
    }
}
