//! Trees of their own for tasks that write: a branch each, brought up to date before an attempt while it holds
//! no work of its own, and the merge that an attempt goes on with which resolves a conflict.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};

use super::{unfinished, worktree};
use crate::base::TaskId;
use crate::engine::OwnTree;
use crate::store::git::{GitError, git, git_as_author, git_names, is_ancestor, is_there, resolve};
use crate::store::salvage::{SalvageError, Source, keep};

/// Branches that are looked at for a free name.
const NAMES_MAX: usize = 1_000;

/// What the tree of a task is made from.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// The project's own folder.
    pub root: Utf8PathBuf,
    /// Where the tree is, and how what is put away there is called.
    pub source: Source,
    /// Branch of the run.
    pub run_branch: String,
    /// Newest commit of the run.
    pub start: String,
    /// The task whose tree it is.
    pub task: TaskId,
    /// The tree as the log knows it.
    pub known: Option<OwnTree>,
    /// The attempt resolves a conflict: the merge of the run's branch is begun.
    pub merges: bool,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    /// Its branch.
    pub branch: String,
    /// The commit of the run where it stands now, when it was brought there.
    pub base: Option<String>,
}

/// Makes the tree of a task that writes, or makes it ready for its next attempt.
///
/// One without work of its own goes on from the newest commit of the run; one with work goes on from there.
///
/// # Errors
/// Git says no, or what stands in its place cannot be put away.
pub(super) fn prepare(wanted: &Wanted) -> Result<Made, SalvageError> {
    let (root, path, start) = (&wanted.root, &wanted.source.worktree, &wanted.start);
    unfinished::wait_for_orphans(path);
    let known = wanted.known.as_ref().and_then(|known| Some((known.branch.clone()?, known)));
    if known.is_none() {
        clear_place(wanted)?;
    }
    let branch = match &known {
        Some((branch, known)) => {
            bring_back(root, branch, known, start)?;
            branch.clone()
        }
        None => free_branch(wanted)?,
    };
    let mut base = None;
    if !unfinished::is_whole(path) {
        unfinished::put_aside(root, path)?;
        unfinished::clear_branch_lock(root, path, &branch);
        if has_branch(root, &branch) {
            git(root, &["worktree", "add", "-q", "-f", path.as_str(), &branch])?;
        } else {
            let add = ["worktree", "add", "-q", "-f", "--no-track", "-b", &branch];
            git(root, &[&add[..], &[path.as_str(), start]].concat())?;
        }
    }
    unfinished::clear_locks(path, &branch);
    if is_on(path, &branch) && is_idle(path)? {
        let head = git(path, &["rev-parse", "HEAD"])?;
        if is_in(path, &head, start) {
            if head != *start {
                git(path, &["merge", "-q", "--ff-only", "--no-verify", start])?;
            }
            base = Some(start.clone());
        }
    }
    if wanted.merges {
        begin_merge(path, &wanted.run_branch)?;
    }
    Ok(Made { branch, base })
}

/// Puts away what stands in the place of a tree that this run has not made; a half-made one of its own is gone
/// with it, and is made again.
fn clear_place(wanted: &Wanted) -> Result<(), SalvageError> {
    let path = &wanted.source.worktree;
    if !unfinished::is_whole(path) {
        return Ok(());
    }
    let head = git(path, &["rev-parse", "HEAD"])?;
    if !(is_idle(path)? && is_in(path, &head, &wanted.start)) {
        keep(path, &wanted.source)?;
    }
    Ok(git(&wanted.root, &["worktree", "remove", "--force", "--force", path.as_str()]).map(drop)?)
}

/// Makes the branch again that somebody deleted, unless everything of it is in the run's branch.
fn bring_back(root: &Utf8Path, branch: &str, known: &OwnTree, start: &str) -> Result<(), GitError> {
    if has_branch(root, branch) {
        return Ok(());
    }
    let commit = if is_in(root, &known.commit, start) { start } else { &known.commit };
    git(root, &["branch", "--no-track", branch, commit]).map(drop)
}

/// A name for the branch that nobody else's work has.
fn free_branch(wanted: &Wanted) -> Result<String, GitError> {
    // A name of a step may hold dots, which a branch may not have in all places.
    let step = wanted.task.step().as_str().replace('.', "_");
    let slot = wanted.task.slot().map(|slot| format!(".{slot}")).unwrap_or_default();
    // No slug holds two hyphens: no run's own branch is called so.
    let base = format!("{}--{step}{slot}", wanted.run_branch);
    let root = &wanted.root;
    let names = (1..NAMES_MAX).map(|number| match number {
        1 => base.clone(),
        number => format!("{base}-{number}"),
    });
    for name in names {
        let reference = format!("refs/heads/{name}");
        let Some(tip) = resolve(root, &reference)? else { return Ok(name) };
        let held = git(root, &["for-each-ref", "--format=%(worktreepath)", &reference])?;
        // Made by a supervisor that was killed: nothing was done on it yet.
        if held.is_empty() && is_in(root, &tip, &wanted.start) {
            return Ok(name);
        }
    }
    Ok(base)
}

/// Begins the merge of the run's branch, unless one is begun; the conflicts are left in the files.
fn begin_merge(path: &Utf8Path, run_branch: &str) -> Result<(), GitError> {
    if is_merging(path) {
        return Ok(());
    }
    let args = ["merge", "-q", "--no-commit", "--no-ff", "--no-verify", run_branch];
    let rerere = ["-c", "rerere.enabled=false", "-c", "merge.verifySignatures=false"];
    match git_as_author(path, &[&rerere[..], &args].concat()) {
        Err(error) if !is_merging(path) => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Whether a merge is begun in the tree and not committed.
pub(super) fn is_merging(tree: &Utf8Path) -> bool {
    is_there(tree, "MERGE_HEAD")
}

/// Files of a begun merge in which the two sides still stand side by side.
///
/// An attempt that did not end by itself has resolved nothing, whatever the files look like.
pub(super) fn unresolved(
    tree: &Utf8Path,
    run_branch: &str,
    known: &[String],
    has_ended: bool,
) -> Result<Vec<String>, GitError> {
    if !is_merging(tree) {
        return Ok(Vec::new());
    }
    let mut files = git_names(tree, &["diff", "--name-only", "--diff-filter=U", "-z"])?;
    if !has_ended && !files.is_empty() {
        return Ok(files);
    }
    files.extend(known.iter().cloned());
    files.sort();
    files.dedup();
    let end = format!(">>>>>>> {run_branch}");
    let has_marks = |file: &String| {
        let bytes = fs::read(tree.join(file)).unwrap_or_default();
        let mut lines = bytes.split(|byte| *byte == b'\n');
        lines.any(|line| line.starts_with(b"<<<<<<< HEAD") || line.starts_with(end.as_bytes()))
    };
    files.retain(has_marks);
    Ok(files)
}

fn has_branch(root: &Utf8Path, branch: &str) -> bool {
    is_there(root, &format!("refs/heads/{branch}"))
}

fn is_on(path: &Utf8Path, branch: &str) -> bool {
    git(path, &["symbolic-ref", "-q", "HEAD"]).is_ok_and(|on| on == format!("refs/heads/{branch}"))
}

/// Whether the tree holds nothing that is not committed.
fn is_idle(path: &Utf8Path) -> Result<bool, GitError> {
    let head = git(path, &["rev-parse", "HEAD"])?;
    Ok(!is_merging(path) && worktree::changes(path, &head)?.is_empty())
}

fn is_in(dir: &Utf8Path, commit: &str, of: &str) -> bool {
    is_ancestor(dir, commit, of).unwrap_or(false)
}

/// Removes the tree of a task, and its branch, when everything in them is in the run's branch.
///
/// Returns whether it is gone.
///
/// # Errors
/// Git says no.
pub(super) fn remove_merged(
    root: &Utf8Path,
    path: &Utf8Path,
    run_branch: &str,
) -> Result<bool, GitError> {
    let on = git(path, &["symbolic-ref", "-q", "HEAD"]).unwrap_or_default();
    let head = git(path, &["rev-parse", "HEAD"])?;
    let run = format!("refs/heads/{run_branch}");
    if !on.starts_with(&format!("{run}--")) || !is_idle(path)? || !is_in(path, &head, &run) {
        return Ok(false);
    }
    git(root, &["worktree", "remove", "--force", path.as_str()])?;
    // With its old value: a commit that came in between keeps it alive.
    git(root, &["update-ref", "-d", &on, &head])?;
    Ok(true)
}
