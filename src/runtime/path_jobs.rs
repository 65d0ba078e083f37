//! The path check as work of a supervisor: a listing before each writing attempt, and the look after it.

use camino::Utf8PathBuf;

use super::attempts::short;
use super::paths::{self, Listing, PathCheckError, Place};
use super::supervisor::{Key, Supervisor, Wake};
use super::worktree;
use crate::base::flow::Access;
use crate::base::limits;
use crate::event::body::{CheckFinished, DeniedPath};
use crate::plan::graph::TaskIx;
use crate::plan::paths::PathRules;

/// Everything that a check of what an attempt touched needs, to be taken along into the background.
#[derive(Debug, Clone)]
pub(super) struct PathJob {
    rules: Result<PathRules, String>,
    place: Place,
    listing: Utf8PathBuf,
    checked: Utf8PathBuf,
    started: Utf8PathBuf,
}

impl Supervisor {
    /// Whether what the attempts of a task may not touch is listed before they start.
    pub(super) fn lists_paths(&self, task: TaskIx) -> bool {
        let state = self.ledger.state();
        state.step_of(task).access == Access::Write && state.created.policy.paths.is_some()
    }

    /// Lists what an attempt may not touch; then it is started.
    pub(super) fn list_paths(&self, key: Key) {
        let job = self.path_job(key);
        let made = self.made_for(key.0);
        let sender = self.sender.clone();
        self.tracker.spawn_blocking(move || {
            // Without its branch the agent's first commit would have no parent.
            let mended = made.map_or(Ok(()), |made| worktree::mend(&made));
            let listed = mended.map_err(PathCheckError::from).and_then(|()| job.list());
            let listed = listed.map_err(|error| {
                let is_full =
                    matches!(&error, PathCheckError::Io(error) if super::attempts::is_full(error));
                (!is_full).then(|| short(&super::error_chain(&error)))
            });
            drop(sender.send(Wake::Listed(key, listed)));
        });
    }

    pub(super) fn path_job(&self, key: Key) -> PathJob {
        let state = self.ledger.state();
        let desk = self.desk();
        let id = state.task_id(key.0);
        let name = if desk.has_own_tree(key.0) {
            state.task_id(state.tree_owner(key.0)).file_name()
        } else {
            "run".to_owned()
        };
        let made = state.worktree.as_ref();
        let own = state.own_tree(key.0);
        let base = own.map(|own| own.base.as_str());
        let base = base.or_else(|| state.start_of_work().map(|(commit, _)| commit));
        let branch = own.and_then(|own| own.branch.as_ref());
        let git = made.and(state.created.git.as_ref());
        PathJob {
            rules: PathRules::new(&state.created.policy.paths),
            place: Place {
                tree: desk.folder_of(key.0),
                root: state.created.root.clone(),
                base: made.and(base).map(str::to_owned),
                branch: made.map(|made| branch.unwrap_or(&made.branch).clone()),
                target: git.and_then(|git| git.target.clone()),
            },
            listing: self.ledger.dir().listing(&name, false),
            checked: self.ledger.dir().listing(&name, true),
            started: self.ledger.dir().attempt(&id, key.1).command(),
        }
    }
}

impl PathJob {
    /// Keeps a listing of the tree, unless one waits for its check: what a turn touched that nobody looked
    /// at belongs to the next.
    fn list(&self) -> Result<(), PathCheckError> {
        if self.listing.exists() {
            return Ok(());
        }
        Ok(Listing::begin(&self.rules()?, &self.place)?.write(&self.listing)?)
    }

    /// Compares the tree with the listing, and says in `check` what was touched and may not be.
    pub(super) fn look(&self, check: &mut CheckFinished) -> Result<(), PathCheckError> {
        let rules = self.rules()?;
        if rules.is_empty() {
            return Ok(());
        }
        let before = Listing::read(&self.listing, &self.checked)?;
        note(check, paths::check(&rules, &self.place, &before, &self.started)?);
        Ok(())
    }

    /// The listing has served its check.
    pub(super) fn done(&self) {
        // One that stays is read by the next check, which then looks at more than it must.
        if let Err(error) = std::fs::rename(&self.listing, &self.checked)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, listing = %self.listing, "a listing stays");
        }
    }

    /// Says in `check` which of the paths that a reader changed nobody may touch.
    pub(super) fn look_at_strays(&self, check: &mut CheckFinished, strays: &[String]) {
        if let Ok(rules) = &self.rules {
            note(check, paths::denied(rules, strays));
        }
    }

    fn rules(&self) -> Result<PathRules, PathCheckError> {
        self.rules.clone().map_err(PathCheckError::Rules)
    }
}

fn note(check: &mut CheckFinished, hits: Vec<DeniedPath>) {
    if hits.is_empty() {
        return;
    }
    let all: Vec<String> = hits.iter().map(|hit| hit.path.clone()).collect();
    tracing::warn!(task = %check.task, paths = ?all, "denied paths were touched");
    check.denied_count = u32::try_from(hits.len()).unwrap_or(u32::MAX);
    check.denied = hits.into_iter().take(limits::CHANGED_SHOWN_MAX).collect();
}
