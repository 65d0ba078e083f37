//! The own trees of tasks as work of a supervisor: made before an attempt, removed when nobody needs them.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::attempts::short;
use super::own_tree::{self, Wanted};
use super::ready::{Making, fill};
use super::snapshot_tree;
use super::supervisor::{Key, Supervisor, Wake};
use crate::base::flow::Access;
use crate::engine::{Effect, Input, WorktreeState};
use crate::event::body::RunNoted;
use crate::event::tree::TreePrepared;
use crate::event::{RunCreated, Status, Wait};
use crate::plan::graph::TaskIx;
use crate::store::salvage::SalvageError;

/// Makes the own tree of one task.
struct Job {
    created: Arc<RunCreated>,
    wanted: Wanted,
    /// The task may write there.
    writes: bool,
}

impl Supervisor {
    /// The worktree that a task works in, with its branch and the newest commit that is known of it.
    pub(super) fn made_for(&self, task: TaskIx) -> Option<WorktreeState> {
        let state = self.ledger.state();
        let made = state.worktree.clone()?;
        let Some(own) = state.own_tree(task) else { return Some(made) };
        let branch = own.branch.as_ref().unwrap_or(&made.branch).clone();
        let (path, commit) = (own.path.clone(), own.commit.clone());
        Some(WorktreeState { path, branch, commit, ..made })
    }

    /// Makes the own tree of a task, then its attempt is started.
    pub(super) fn prepare_tree(&mut self, key: Key) {
        let making = self.making();
        let state = self.ledger.state();
        let Some(made) = state.worktree.clone() else { return };
        let owner = state.tree_owner(key.0);
        let task = state.task_id(owner);
        let path = snapshot_tree::path_of(&made.path, &task);
        let job = Job {
            created: state.created.clone(),
            wanted: Wanted {
                root: state.created.root.clone(),
                source: self
                    .source(&path, format!("attempt {} of {}", key.1, state.task_id(key.0))),
                run_branch: made.branch,
                start: made.commit,
                task,
                known: state.tasks[owner].own.clone(),
                merges: state.is_resolving(key.0),
            },
            writes: state.step_of(key.0).access == Access::Write,
        };
        let sender = self.sender.clone();
        self.tracker.spawn(async move {
            let made = job.run(&making).await.map_err(|why| short(&why));
            drop(sender.send(Wake::TreeMade(key, made)));
        });
    }

    /// Once nobody works in them any more, the trees of tasks go whose work is in the run's branch.
    pub(super) fn drop_trees(&mut self) {
        let state = self.ledger.state();
        let is_over = state.status.is_terminal()
            || matches!(state.status, Status::Waiting { wait: Wait::Merge { .. } });
        if !is_over || !state.is_at_rest() || !std::mem::take(&mut self.has_trees) {
            return;
        }
        let Some(worktree) = state.worktree.clone() else { return };
        let own: Vec<Utf8PathBuf> = state.own_branches().map(|tree| tree.path.clone()).collect();
        let root = state.created.root.clone();
        let source = self.source(&worktree.path, "the end of the run".to_owned());
        let done = Effect::EnsureWorktree;
        self.jobs.insert(done.clone());
        let sender = self.sender.clone();
        self.tracker.spawn_blocking(move || {
            let keep = |path: &Utf8Path| {
                if !own.iter().any(|own| own == path) {
                    return Ok(false);
                }
                if !own_tree::remove_merged(&root, path, &worktree.branch)? {
                    tracing::info!(%path, "work that is not merged stays in its own tree");
                }
                Ok::<bool, SalvageError>(true)
            };
            let removed = snapshot_tree::remove_all(&root, &worktree.path, &source, keep);
            if let Err(error) = removed {
                tracing::warn!(error = %super::error_chain(&error), "the own tree of a task stays");
            }
            drop(sender.send(Wake::Done(done, Vec::new())));
        });
    }
}

impl Job {
    /// What is to be recorded of the tree.
    async fn run(self, making: &Making) -> Result<Vec<Input>, String> {
        let path = self.wanted.source.worktree.clone();
        let writes = self.writes;
        let made = tokio::task::spawn_blocking(move || self.make()).await;
        let inputs = made.map_err(|error| error.to_string())??;
        if writes {
            let ready = making.make_ready(&path).await;
            ready.unwrap_or_else(|| Err("its setup was stopped".to_owned()))?;
        }
        Ok(inputs)
    }

    fn make(self) -> Result<Vec<Input>, String> {
        let Wanted { source, start, task, known, .. } = &self.wanted;
        let whole = |error: SalvageError| super::error_chain(&error);
        let (branch, base, notes) = if self.writes {
            let made = own_tree::prepare(&self.wanted).map_err(whole)?;
            let notes = fill(&self.created, &source.worktree)?;
            (Some(made.branch), made.base, notes)
        } else {
            snapshot_tree::prepare(&self.wanted.root, start, source).map_err(whole)?;
            (None, Some(start.clone()), Vec::new())
        };
        if known.is_none() && base.is_none() {
            return Err(format!("`{}` holds work that nobody knows", source.worktree));
        }
        let is_known = |base: &String| {
            let same = known.as_ref().filter(|known| known.branch == branch);
            same.is_some_and(|known| known.base == *base && known.commit == *base)
        };
        let mut inputs = Vec::new();
        if let Some(commit) = base.filter(|base| !is_known(base)) {
            let (task, path) = (task.clone(), source.worktree.clone());
            inputs.push(Input::Fact(TreePrepared { task, path, branch, commit }.into()));
        }
        // Once is enough for what is not there.
        let notes = notes.into_iter().filter(|_| known.is_none());
        inputs.extend(notes.map(|text| Input::Fact(RunNoted { text }.into())));
        Ok(inputs)
    }
}
