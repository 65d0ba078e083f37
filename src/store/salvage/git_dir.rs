//! Where git keeps what belongs to one worktree: its head, its index, its state.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};

use super::record::SalvageError;
use crate::store::git::{GitCall, git, git_with};

/// The folder in which the repository keeps what belongs to the worktree at `path`; nothing when it knows
/// none there. The worktree itself may be gone.
pub fn git_dir_of(root: &Utf8Path, path: &Utf8Path) -> Option<Utf8PathBuf> {
    let common = root.join(git(root, &["rev-parse", "--git-common-dir"]).ok()?);
    let wanted = real(path);
    let folders = common.join("worktrees").read_dir_utf8().ok()?;
    folders.flatten().map(camino::Utf8DirEntry::into_path).find(|folder| {
        let Ok(text) = fs::read_to_string(folder.join("gitdir")) else { return false };
        let link = folder.join(text.strip_suffix('\n').unwrap_or(&text));
        link.parent().is_some_and(|found| real(found) == wanted)
    })
}

/// The path without links in its parents, as far as those exist.
fn real(path: &Utf8Path) -> Utf8PathBuf {
    let parent = path.parent().and_then(|parent| parent.canonicalize_utf8().ok());
    match (parent, path.file_name()) {
        (Some(parent), Some(name)) => parent.join(name),
        _ => path.to_owned(),
    }
}

/// Folders of all worktrees that the repository knows, the main one first.
///
/// # Errors
/// Git says no.
pub fn registered(root: &Utf8Path) -> Result<Vec<Utf8PathBuf>, SalvageError> {
    let out = git_with(root, &["worktree", "list", "--porcelain", "-z"], &GitCall::default())?;
    let text = String::from_utf8_lossy(&out);
    let paths = text.split('\0').filter_map(|line| line.strip_prefix("worktree "));
    Ok(paths.map(Utf8PathBuf::from).collect())
}

/// The worktree in which a branch is checked out.
pub(super) fn holder_of(root: &Utf8Path, branch: &str) -> Option<Utf8PathBuf> {
    let out =
        git_with(root, &["worktree", "list", "--porcelain", "-z"], &GitCall::default()).ok()?;
    let text = String::from_utf8_lossy(&out);
    let wanted = format!("branch refs/heads/{branch}");
    let mut path = None;
    for line in text.split('\0') {
        if let Some(found) = line.strip_prefix("worktree ") {
            path = Some(Utf8PathBuf::from(found));
        } else if line == wanted {
            return path;
        }
    }
    None
}
