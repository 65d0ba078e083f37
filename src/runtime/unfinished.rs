//! What git processes leave behind when they are killed: half-made worktrees and stale lock files.

use std::fs;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use crate::base::limits::{GIT_LOOK_MS, GIT_ORPHAN_WAIT_MS};
use crate::clock::Clock;
use crate::store::git::{GitError, git, is_there};
use crate::store::salvage::{Source, git_dir_of, keep_staged};

/// Whether the folder is a worktree that git has finished making.
pub(super) fn is_whole(worktree: &Utf8Path) -> bool {
    // While git makes a worktree, it is locked with this word.
    let is_unfinished = || {
        let locked = git_path(worktree, "locked").and_then(|path| fs::read_to_string(path).ok());
        locked.is_some_and(|why| why.trim() == "initializing")
    };
    // Git works on where a part of what it knows is gone, but no longer lists the worktree.
    super::worktree::is_linked(worktree) && is_there(worktree, "HEAD") && !is_unfinished()
}

/// Moves a worktree out of the way that is half made, or has lost its repository; it is renamed, because nothing is
/// ever deleted here.
///
/// # Errors
/// Git says no.
pub(super) fn put_aside(root: &Utf8Path, worktree: &Utf8Path) -> Result<(), GitError> {
    let is_known = git_dir_of(root, worktree).is_some();
    if worktree.is_dir() && (is_known || worktree.join(".git").exists()) {
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
    if !is_known {
        return Ok(());
    }
    let source = Source {
        name: worktree.file_name().unwrap_or_default().to_owned(),
        run: None,
        at: Clock::start().now(),
        by: "making it again".to_owned(),
        worktree: worktree.to_owned(),
        branch: None,
        known: None,
        start: None,
    };
    // Git forgets what was staged there; a half-made one may hold nothing that can be read.
    match keep_staged(root, &source) {
        Ok(Some(salvage)) => tracing::warn!(id = salvage.id, "what was staged is put away"),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "what was staged cannot be read"),
    }
    // Its own entry alone: another worktree may only be on a disk that is not there now.
    git(root, &["worktree", "remove", "--force", "--force", worktree.as_str()]).map(drop)
}

/// Removes lock files that a killed git left in the worktree, once no git works there any more.
pub(super) fn clear_locks(worktree: &Utf8Path, branch: &str) {
    let own = ["index.lock", "HEAD.lock"].map(|name| git_path(worktree, name));
    let of_branch = git_path(worktree, &branch_lock(branch));
    remove(worktree, own.into_iter().flatten().chain(of_branch));
}

/// Removes the lock of the run's branch that a killed git left, once no git makes its worktree.
pub(super) fn clear_branch_lock(root: &Utf8Path, worktree: &Utf8Path, branch: &str) {
    remove(worktree, git_path(root, &branch_lock(branch)));
}

fn branch_lock(branch: &str) -> String {
    format!("refs/heads/{branch}.lock")
}

fn remove(worktree: &Utf8Path, locks: impl IntoIterator<Item = Utf8PathBuf>) {
    let found: Vec<Utf8PathBuf> = locks.into_iter().filter(|path| path.exists()).collect();
    if found.is_empty() {
        return;
    }
    wait_for_orphans(worktree);
    for path in found {
        // One that was in use is gone by now.
        if fs::remove_file(&path).is_ok() {
            tracing::warn!(%path, "removed the lock of a git that was killed");
        }
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
