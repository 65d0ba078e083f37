//! Worktrees that a git which was killed has registered by half: with them around git works with none.

use std::fs;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use crate::base::limits::{GIT_INDEX_WAIT_MS, GIT_LOOK_MS};

/// Removes registrations that were never finished; whether there were any.
///
/// `git worktree add` makes an empty file `commondir` and then fills it. Left empty, it lets every git die that
/// looks at the worktrees of the repository. One that is still at it fills it in a moment.
pub(super) fn clear(common: &Utf8Path) -> bool {
    let mut found = halves(common);
    if found.is_empty() {
        // Whoever was at it has finished since.
        return true;
    }
    for _ in 0..GIT_INDEX_WAIT_MS / GIT_LOOK_MS {
        std::thread::park_timeout(Duration::from_millis(GIT_LOOK_MS));
        found.retain(|entry| is_half(entry));
        if found.is_empty() {
            return true;
        }
    }
    for entry in &found {
        match fs::remove_dir_all(entry) {
            Ok(()) => {
                tracing::warn!(%entry, "removed a worktree that a killed git had not finished");
            }
            Err(error) => tracing::warn!(%entry, %error, "a half-registered worktree stays"),
        }
    }
    halves(common).is_empty()
}

fn halves(common: &Utf8Path) -> Vec<Utf8PathBuf> {
    let entries = common.join("worktrees").read_dir_utf8().into_iter().flatten().flatten();
    entries.map(camino::Utf8DirEntry::into_path).filter(|entry| is_half(entry)).collect()
}

/// Whether nothing was done yet in the worktree of this entry: it has no index, and git cannot read it.
fn is_half(entry: &Utf8Path) -> bool {
    let is_empty = |file: Utf8PathBuf| fs::metadata(file).is_ok_and(|file| file.len() == 0);
    is_empty(entry.join("commondir")) && !entry.join("index").exists()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::git::{git, git_as_author};

    #[test]
    fn a_worktree_that_a_killed_git_registered_by_half_hurts_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(dir.path()).unwrap();
        git(root, &["init", "-q"]).unwrap();
        git_as_author(root, &["commit", "-q", "--allow-empty", "-m", "first"]).unwrap();
        git(root, &["worktree", "add", "-q", "-b", "whole", "whole"]).unwrap();
        let half = root.join(".git/worktrees/half");
        fs::create_dir(&half).unwrap();
        for (name, text) in
            [("locked", "initializing"), ("gitdir", "x/half/.git\n"), ("commondir", "")]
        {
            fs::write(half.join(name), text).unwrap();
        }
        git(root, &["worktree", "add", "-q", "-b", "half", "half"]).unwrap();
        let list = git(root, &["worktree", "list"]).unwrap();
        assert_eq!(list.lines().count(), 3, "{list}");
    }

    #[test]
    fn a_folder_without_repository_gets_no_lock_file() {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(dir.path()).unwrap();
        assert!(git(root, &["worktree", "list"]).is_err());
        assert_eq!(root.read_dir_utf8().unwrap().count(), 0);
        assert!(!Utf8Path::new("crew-worktrees.lock").exists(), "in the folder of this process");
    }
}
