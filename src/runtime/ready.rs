//! Makes a worktree ready for its first task: files are copied, submodules filled, setup commands run.
//!
//! That it is ready is kept beside what git knows of the worktree, and goes with it: one that is made again,
//! or whose setup was cut short, is made ready again.

use std::fs;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use tokio_util::sync::CancellationToken;

use super::attempts::short;
use super::setup::{self, Setup};
use super::supervisor::{Supervisor, Wake};
use super::worktree;
use crate::base::{limits, text};
use crate::clock::Clock;
use crate::engine::{Effect, Input};
use crate::event::body::{RunNoted, WorktreeCreated};
use crate::event::{Hash, RunCreated};
use crate::plan::policy::WorktreePolicy;
use crate::store::salvage::git_dir_of;

/// In the worktree's own part of the repository: it is ready, by what was asked for then.
const MARK: &str = "crew-ready";

/// Whether a worktree is there and ready, by a look that costs no git.
pub(super) fn is_ready(path: &Utf8Path, policy: &WorktreePolicy) -> bool {
    let needs_more = !policy.setup.is_empty() || !policy.copy.is_empty();
    worktree::is_linked(path) && (!needs_more || has_mark(path, policy))
}

fn has_mark(path: &Utf8Path, policy: &WorktreePolicy) -> bool {
    let link = fs::read_to_string(path.join(".git")).unwrap_or_default();
    let git_dir = link.trim().strip_prefix("gitdir:").map(|to| path.join(to.trim()));
    let found = git_dir.and_then(|git_dir| fs::read_to_string(git_dir.join(MARK)).ok());
    found.is_some_and(|found| found.trim() == mark_of(policy))
}

fn mark_of(policy: &WorktreePolicy) -> String {
    let asked = serde_json::to_string(&(&policy.setup, &policy.copy)).unwrap_or_default();
    Hash::of(asked.as_bytes()).to_string()
}

/// Everything that is needed to make a worktree, away from the loop.
pub(super) struct Making {
    created: std::sync::Arc<RunCreated>,
    /// Newest commit that the log knows; absent before the worktree was made first.
    known: Option<String>,
    env: Vec<(String, String)>,
    clock: Clock,
    stop: CancellationToken,
}

impl Supervisor {
    /// Makes the run's worktree, or makes it again, and makes it ready.
    pub(super) fn ensure_worktree(&mut self, effect: Effect) {
        let making = self.making();
        let sender = self.sender.clone();
        self.tracker.spawn(async move {
            let inputs = making.run().await;
            drop(sender.send(Wake::Done(effect, inputs)));
        });
    }

    /// What makes a worktree of the run; a run that does not go on stops it.
    pub(super) fn making(&mut self) -> Making {
        let stop = self.making.get_or_insert_default().clone();
        let state = self.ledger.state();
        Making {
            created: state.created.clone(),
            known: state.worktree.as_ref().map(|made| made.commit.clone()),
            env: self.desk().command_environment(),
            clock: self.clock,
            stop,
        }
    }

    /// Whether the worktree that the log speaks of has to be made again before anybody can work.
    pub(super) fn lacks_worktree(&self) -> bool {
        let state = self.ledger.state();
        let policy = &state.created.policy.worktree;
        state.worktree.as_ref().is_some_and(|made| !is_ready(&made.path, policy))
    }
}

impl Making {
    /// What became of it; nothing when it was stopped.
    async fn run(self) -> Vec<Input> {
        let Some(base) = self.created.git.clone() else { return Vec::new() };
        let (created, known) = (self.created.clone(), self.known.clone());
        let made = tokio::task::spawn_blocking(move || prepare(&created, known.as_deref())).await;
        let (fact, mut inputs) = match made {
            Ok(Ok(made)) => made,
            Ok(Err(why)) => return vec![Input::WorktreeFailed(short(&why))],
            Err(error) => return vec![Input::WorktreeFailed(short(&error.to_string()))],
        };
        let policy = &self.created.policy.worktree;
        match self.make_ready(&base.worktree).await {
            None => return Vec::new(),
            Some(Ok(())) => {}
            Some(Err(why)) => return vec![Input::WorktreeFailed(why)],
        }
        if !is_ready(&base.worktree, policy) {
            let why = format!("git has made `{}`, and it is no worktree", base.worktree);
            return vec![Input::WorktreeFailed(short(&why))];
        }
        inputs.push(fact);
        inputs
    }

    /// Runs the setup commands of a worktree that is not ready; nothing when it was stopped.
    pub(super) async fn make_ready(&self, worktree: &Utf8PathBuf) -> Option<Result<(), String>> {
        let policy = &self.created.policy.worktree;
        if has_mark(worktree, policy) {
            return Some(Ok(()));
        }
        let setup = Setup {
            root: &self.created.root,
            folder: worktree,
            commands: &policy.setup,
            env: &self.env,
            mark: Hash::of(format!("{}/setup/{worktree}", self.created.uid).as_bytes()).to_string(),
            grace: Duration::from_millis(self.created.limits.grace_ms),
        };
        if let Err(failure) = setup.run(self.clock, &self.stop).await? {
            let tail = text::one_line(failure.tail.trim(), limits::EVIDENCE_TAIL_BYTES);
            let tail = text::tail(&tail, limits::SETUP_SHOWN_CHARS);
            return Some(Err(format!("setup `{}` {}: {tail}", failure.command, failure.how)));
        }
        if let Some(git_dir) = git_dir_of(&self.created.root, worktree)
            && let Err(error) = fs::write(git_dir.join(MARK), mark_of(policy))
        {
            let why = format!("cannot write `{}`: {error}", git_dir.join(MARK));
            return Some(Err(short(&why)));
        }
        Some(Ok(()))
    }
}

/// The folder with its branch, its copies and its submodules.
fn prepare(created: &RunCreated, known: Option<&str>) -> Result<(Input, Vec<Input>), String> {
    let Some(base) = &created.git else { return Err("the run has no branch".to_owned()) };
    let whole = |error: &dyn std::error::Error| text::error_chain(error);
    let fact = if let Some(known) = known {
        worktree::ensure(&created.root, base, known).map_err(|error| whole(&error))?;
        let text = "the worktree was gone or not ready, and is made again from its branch";
        Input::Fact(RunNoted { text: text.to_owned() }.into())
    } else {
        let made = worktree::create(&created.root, base, !created.after.is_empty());
        let (commit, tree) = made.map_err(|error| whole(&error))?;
        let (path, branch) = (base.worktree.clone(), base.branch.clone());
        Input::WorktreeCreated(WorktreeCreated { path, branch, commit, tree })
    };
    let notes = fill(created, &base.worktree)?;
    let notes = notes.into_iter().map(|text| Input::Fact(RunNoted { text }.into()));
    Ok((fact, notes.collect()))
}

/// Fills the submodules of a worktree and copies the files that it is to have; says what is not there.
pub(super) fn fill(created: &RunCreated, worktree: &Utf8Path) -> Result<Vec<String>, String> {
    let policy = &created.policy.worktree;
    let copy: &[_] = if has_mark(worktree, policy) { &[] } else { &policy.copy };
    setup::fill(&created.root, worktree, copy)
}
