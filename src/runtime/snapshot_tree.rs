//! Trees that readers work in: a checkout of their own for `isolation: snapshot`, and the check that
//! whoever may only read has left a tree as it was.

use camino::{Utf8Path, Utf8PathBuf};

use super::{unfinished, worktree};
use crate::base::TaskId;
use crate::store::git::{GitError, git, git_as_author};

/// Separates the name of a run's worktree from the task whose snapshot it is; no slug holds it.
const MARK: char = '@';
/// Paths that are named at most.
const PATHS_MAX: usize = 20;

/// Folder of a task's own tree.
pub fn path_of(worktree: &Utf8Path, task: &TaskId) -> Utf8PathBuf {
    let name = task.to_string().replace('/', ".");
    Utf8PathBuf::from(format!("{worktree}{MARK}{name}"))
}

/// Makes the tree of a reader, or brings the one of its last attempt to `commit`.
///
/// What an earlier attempt left there is kept under `reference` before it goes.
///
/// # Errors
/// Git says no.
pub fn prepare(
    root: &Utf8Path,
    path: &Utf8Path,
    commit: &str,
    reference: &str,
) -> Result<(), GitError> {
    unfinished::wait_for_orphans(path);
    if !unfinished::is_whole(path) {
        unfinished::put_aside(root, path)?;
        return git(root, &["worktree", "add", "-q", "-f", "--detach", path.as_str(), commit])
            .map(drop);
    }
    let head = git(path, &["rev-parse", "HEAD"])?;
    put_away(path, &head, reference)?;
    if head == commit {
        Ok(())
    } else {
        git(path, &["checkout", "-q", "--detach", commit]).map(drop)
    }
}

/// What a reader changed, and where it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Strays {
    /// The first paths.
    pub paths: Vec<String>,
    /// All of them.
    pub count: usize,
}

/// Looks whether a tree is as `commit` says, keeps what is not under `reference`, and restores it.
///
/// # Errors
/// Git says no; what was found may still be in the tree.
pub fn put_away(tree: &Utf8Path, commit: &str, reference: &str) -> Result<Strays, GitError> {
    let paths = changed(tree, commit)?;
    if paths.is_empty() {
        return Ok(Strays::default());
    }
    git(tree, &["add", "-A"])?;
    let content = git(tree, &["write-tree"])?;
    let message = "What a task left that may only read";
    let kept = git_as_author(tree, &["commit-tree", &content, "-p", "HEAD", "-m", message])?;
    git(tree, &["update-ref", reference, &kept])?;
    git(tree, &["reset", "-q", "--hard", commit])?;
    git(tree, &["clean", "-fdq"])?;
    let count = paths.len();
    Ok(Strays { paths: paths.into_iter().take(PATHS_MAX).collect(), count })
}

/// Paths that differ from a commit, ignored files aside.
///
/// # Errors
/// Git says no.
pub(super) fn changed(tree: &Utf8Path, commit: &str) -> Result<Vec<String>, GitError> {
    let mut paths: Vec<String> = Vec::new();
    if git(tree, &["rev-parse", "HEAD"])? != commit {
        let differing = git(tree, &["diff", "--name-only", "-z", commit, "HEAD"])?;
        paths.extend(differing.split('\0').filter(|path| !path.is_empty()).map(str::to_owned));
        if paths.is_empty() {
            // Other commits with the same content: the branch is not where it was.
            paths.push("HEAD".to_owned());
        }
    }
    let status =
        git(tree, &["status", "--porcelain", "-z", "--no-renames", "--untracked-files=all"])?;
    paths.extend(status.split('\0').filter_map(|entry| entry.get(3..)).map(str::to_owned));
    paths.sort();
    paths.dedup();
    Ok(paths)
}

/// Removes the trees of all readers of a run; what somebody left there is kept under `reference`.
///
/// # Errors
/// Git says no, or the folder cannot be read.
pub fn remove_all(root: &Utf8Path, run: &Utf8Path, reference: &str) -> Result<(), GitError> {
    let (Some(folder), Some(name)) = (run.parent(), run.file_name()) else { return Ok(()) };
    let prefix = format!("{name}{MARK}");
    let Ok(entries) = folder.read_dir_utf8() else { return Ok(()) };
    let own = entries.flatten().filter(|entry| entry.file_name().starts_with(&prefix));
    for (number, entry) in own.enumerate() {
        let path = entry.path();
        if worktree::is_linked(path) {
            let head = git(path, &["rev-parse", "HEAD"])?;
            put_away(path, &head, &format!("{reference}-{number}"))?;
            git(root, &["worktree", "remove", "--force", path.as_str()])?;
        }
    }
    Ok(())
}
