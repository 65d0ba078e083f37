//! What git processes leave behind when they are killed: half-made worktrees and stale lock files.

use std::fs;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use crate::base::limits::{GIT_LOOK_MS, GIT_ORPHAN_WAIT_MS};
use crate::clock::Clock;
use crate::store::git::{GitError, git};

/// Whether the folder is a worktree that git has finished making.
pub(super) fn is_whole(worktree: &Utf8Path) -> bool {
    // While git makes a worktree, it is locked with this word.
    let is_unfinished = || {
        let locked = git_path(worktree, "locked").and_then(|path| fs::read_to_string(path).ok());
        locked.is_some_and(|why| why.trim() == "initializing")
    };
    worktree.join(".git").exists()
        && git(worktree, &["rev-parse", "--verify", "-q", "HEAD"]).is_ok()
        && !is_unfinished()
}

/// Moves a half-made worktree out of the way; it is renamed, because nothing is ever deleted here.
///
/// # Errors
/// Git says no.
pub(super) fn put_aside(root: &Utf8Path, worktree: &Utf8Path) -> Result<(), GitError> {
    if worktree.join(".git").exists() {
        let aside = (1..1_000)
            .map(|number| Utf8PathBuf::from(format!("{worktree}.unfinished-{number}")))
            .find(|path| path.symlink_metadata().is_err());
        if let Some(aside) = aside
            && let Err(error) = fs::rename(worktree, &aside)
        {
            // Git will say what is in its way.
            tracing::warn!(%error, %worktree, "a half-made worktree cannot be put aside");
        }
    }
    // It fails for one that is not locked, which is just as well.
    drop(git(root, &["worktree", "unlock", worktree.as_str()]));
    git(root, &["worktree", "prune"]).map(drop)
}

/// Removes lock files that a killed git left in the worktree, once no git works there any more.
pub(super) fn clear_locks(worktree: &Utf8Path, branch: &str) {
    let names =
        ["index.lock".to_owned(), "HEAD.lock".to_owned(), format!("refs/heads/{branch}.lock")];
    let found = |name: &String| git_path(worktree, name).filter(|path| path.exists());
    if names.iter().find_map(found).is_none() {
        return;
    }
    wait_for_orphans(worktree);
    for path in names.iter().filter_map(found) {
        tracing::warn!(%path, "removed the lock of a git that was killed");
        drop(fs::remove_file(path));
    }
}

/// Waits, for some seconds at most, for git processes that outlived the supervisor that started them.
pub(super) fn wait_for_orphans(worktree: &Utf8Path) {
    let clock = Clock::start();
    let end = clock.now().plus_ms(GIT_ORPHAN_WAIT_MS);
    while is_git_at_work(worktree) && clock.now() < end {
        // Nobody tells about the end of a process that is not one's child.
        std::thread::park_timeout(Duration::from_millis(GIT_LOOK_MS));
    }
}

fn git_path(worktree: &Utf8Path, name: &str) -> Option<Utf8PathBuf> {
    let path = git(worktree, &["rev-parse", "--git-path", name]).ok()?;
    Some(worktree.join(path))
}

/// Whether a git process works in the folder or was told its name.
fn is_git_at_work(worktree: &Utf8Path) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.map(|entry| entry.path()).any(|process| {
        let is_git = fs::read(process.join("comm")).is_ok_and(|name| name.trim_ascii() == b"git");
        is_git
            && (fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(worktree))
                || fs::read(process.join("cmdline")).is_ok_and(|line| {
                    line.split(|byte| *byte == 0).any(|word| word == worktree.as_str().as_bytes())
                }))
    })
}
