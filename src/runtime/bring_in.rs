//! The merge of a task's branch into the run's branch: made without a checkout, then brought into the run's
//! worktree, then into its branch. Killed at any point, it is made again or found done.

use camino::Utf8Path;

use super::attempts::short;
use super::supervisor::{Supervisor, Wake};
use super::{submodules, unfinished, worktree};
use crate::base::{TaskId, limits, text};
use crate::engine::{Conflict, Effect, Input, WorktreeState};
use crate::event::tree::TreeMerged;
use crate::plan::graph::TaskIx;
use crate::store::git::{
    GitCall, GitError, blob_of, git, git_as_author, git_merge_tree, git_names, is_ancestor, resolve,
};

/// Everything that a merge needs, to be taken along into the background.
struct Merge {
    made: WorktreeState,
    task: TaskId,
    attempt: u32,
    /// Newest commit of the task's branch.
    theirs: String,
    message: String,
}

impl Supervisor {
    /// Merges the branch of a task, once no command runs on the tree any more.
    pub(super) fn bring_in(&mut self, task: TaskIx, attempt: u32) {
        let effect = Effect::BringIn { task, attempt };
        let is_busy =
            |job: &Effect| matches!(job, Effect::Evidence { .. } | Effect::BringIn { .. });
        // What is under way is told to stop, and its end wakes the supervisor.
        if self.jobs.iter().any(is_busy) {
            return;
        }
        let state = self.ledger.state();
        let checking = state.tasks[task].status.as_checking();
        let commit = checking.and_then(|found| found.check.as_ref()?.commit.clone());
        let (Some(made), Some(theirs)) = (state.worktree.clone(), commit) else { return };
        let id = state.task_id(task);
        let message = format!(
            "{id}: merge attempt {attempt}\n\nCrew-Run: {}\nCrew-Task: {id}",
            state.reference()
        );
        let merge = Merge { made, task: id, attempt, theirs, message };
        let root = state.created.root.clone();
        self.jobs.insert(effect.clone());
        let sender = self.sender.clone();
        self.tracker.spawn_blocking(move || {
            let input = merge.run(&root);
            drop(sender.send(Wake::Done(effect, vec![input])));
        });
    }
}

impl Merge {
    fn run(self, root: &Utf8Path) -> Input {
        match self.try_run(root) {
            Ok(input) => input,
            Err(error) => self.failed(&text::error_chain(&error)),
        }
    }

    fn failed(&self, why: &str) -> Input {
        let error = Some(short(why));
        Input::TreeMerged(TreeMerged { error, ..self.result(None, None, 0) })
    }

    fn result(&self, commit: Option<String>, tree: Option<String>, files: u32) -> TreeMerged {
        let (task, attempt) = (self.task.clone(), self.attempt);
        TreeMerged { task, attempt, commit, tree, files, by: None, error: None }
    }

    fn try_run(&self, root: &Utf8Path) -> Result<Input, GitError> {
        let tree = self.made.path.as_path();
        unfinished::wait_for_orphans(tree);
        unfinished::clear_locks(tree, &self.made.branch);
        worktree::mend(&self.made)?;
        let reference = format!("refs/heads/{}", self.made.branch);
        let ours = git(tree, &["rev-parse", "--verify", "-q", &reference])?;
        if git(tree, &["symbolic-ref", "-q", "HEAD"]).ok().as_ref() != Some(&reference) {
            let why =
                format!("`{tree}` has another branch than `{}` checked out", self.made.branch);
            return Ok(self.failed(&why));
        }
        // Done already by a supervisor that could not say so any more, or there was nothing to do.
        if is_ancestor(tree, &self.theirs, &ours)? {
            return self.merged(&ours, &ours);
        }
        let new = if is_ancestor(tree, &ours, &self.theirs)? {
            self.theirs.clone()
        } else {
            match git_merge_tree(tree, &ours, &self.theirs, &GitCall::default())? {
                Ok(merged) => {
                    let parents = ["-p", &ours, "-p", &self.theirs, "-m", &self.message];
                    git_as_author(tree, &[&["commit-tree", &merged][..], &parents].concat())?
                }
                Err(conflict) => {
                    let mut files = conflict.files;
                    files.truncate(limits::CHANGED_SHOWN_MAX);
                    return Ok(Input::TreeConflicted(Conflict {
                        task: self.task.clone(),
                        attempt: self.attempt,
                        commit: self.theirs.clone(),
                        onto: ours,
                        files,
                        text: text::middle_cut(&conflict.text, limits::QUOTE_BYTES_MAX)
                            .into_owned(),
                    }));
                }
            }
        };
        check_out(tree, &ours, &new)?;
        git(tree, &["update-ref", "-m", "crew: merge", &reference, &new, &ours])?;
        // What a merge brings of submodules is taken from what the repository has.
        drop(submodules::fill(root, tree));
        self.merged(&ours, &new)
    }

    fn merged(&self, before: &str, commit: &str) -> Result<Input, GitError> {
        let dir = self.made.path.as_path();
        let tree = git(dir, &["rev-parse", &format!("{commit}^{{tree}}")])?;
        let names = git_names(dir, &["diff", "--name-only", "-z", before, commit])?;
        let files = u32::try_from(names.len()).unwrap_or(u32::MAX);
        Ok(Input::TreeMerged(self.result(Some(commit.to_owned()), Some(tree), files)))
    }
}

/// Brings the files and the index of the run's worktree from one commit to the next.
///
/// What else was changed there stays; where it is in the way nothing happens.
fn check_out(tree: &Utf8Path, ours: &str, new: &str) -> Result<(), GitError> {
    // The index of a worktree that was only copied or touched knows other times than the files have.
    drop(git(tree, &["update-index", "-q", "--refresh"]));
    let args = ["read-tree", "-m", "-u", ours, new];
    let Err(error) = git(tree, &args) else { return Ok(()) };
    if !undo_part(tree, ours, new)? {
        return Err(error);
    }
    git(tree, &args).map(drop)
}

/// Takes back what a killed merge has written: every file that differs is as the new commit has it.
///
/// Returns whether that was all that is in the way.
fn undo_part(tree: &Utf8Path, ours: &str, new: &str) -> Result<bool, GitError> {
    let paths = git_names(tree, &["diff", "--name-only", "--no-renames", "-z", ours, new])?;
    let blob = |commit: &str, path: &str| resolve(tree, &format!("{commit}:{path}"));
    let mut written = Vec::new();
    for path in paths {
        let now = blob_of(tree, path.as_ref())?;
        let before = blob(ours, &path)?;
        if now == before {
            continue;
        }
        if now != blob(new, &path)? {
            return Ok(false);
        }
        written.push((path, before.is_some()));
    }
    for (path, was_there) in &written {
        if *was_there {
            git(tree, &["checkout-index", "-f", "-q", "--", path])?;
        } else if let Err(error) = std::fs::remove_file(tree.join(path)) {
            tracing::warn!(%error, path, "a file of a killed merge stays");
        }
    }
    drop(git(tree, &["update-index", "-q", "--refresh"]));
    Ok(!written.is_empty())
}
