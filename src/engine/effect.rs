//! What the supervisor must do, derived from the state: nothing is remembered, so nothing is lost.

use std::collections::BTreeSet;

use super::judge::{needs_check, needs_evidence};
use super::red::evidence_wanted;
use super::settle::needs_worktree;
use super::state::State;
use super::trees;
use crate::event::StatusKind;
use crate::plan::graph::TaskIx;

/// Something to do in the world. Effects are idempotent by task and attempt number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Make the run's worktree.
    EnsureWorktree,
    /// Start the process of this attempt, unless that was done.
    Spawn {
        /// The task.
        task: TaskIx,
        /// Number of the attempt.
        attempt: u32,
    },
    /// Stop the process of this attempt.
    Stop {
        /// The task.
        task: TaskIx,
        /// Number of the attempt.
        attempt: u32,
    },
    /// Run a command of the workflow on the current tree.
    Evidence {
        /// Its name.
        name: String,
    },
    /// Create the runs of a proposal, as drafts.
    CreateChildren {
        /// The proposal.
        round: u32,
    },
    /// Let the released children start, and see which have ended.
    TendChildren,
    /// End the children that nobody waits for any more.
    EndChildren,
    /// Merge the branch of this attempt's task into the run's branch.
    BringIn {
        /// The task.
        task: TaskIx,
        /// Number of the attempt.
        attempt: u32,
    },
    /// Put on record that a try to take the work over begins.
    BeginMerge,
    /// Take the work over.
    Merge,
    /// Find out what became of a try whose process died.
    ResolveMerge,
    /// Look at what this attempt left in the worktree, and commit it.
    Check {
        /// The task.
        task: TaskIx,
        /// Number of the attempt.
        attempt: u32,
    },
}

/// Everything that the state calls for.
pub fn react(state: &State) -> Vec<Effect> {
    let mut effects = Vec::new();
    let is_running = state.status.kind() == StatusKind::Running;
    if is_running && needs_worktree(state) {
        effects.push(Effect::EnsureWorktree);
    }
    for (task, live) in state.live() {
        let attempt = live.number;
        if is_running && live.stopping.is_none() {
            effects.push(Effect::Spawn { task, attempt });
        } else {
            effects.push(Effect::Stop { task, attempt });
        }
    }
    for &task in &state.index.checking {
        if let Some(checking) = state.tasks[task].status.as_checking()
            && needs_check(state, task, checking)
        {
            effects.push(Effect::Check { task, attempt: checking.end.attempt });
        }
    }
    if let Some((task, attempt)) = trees::next_merge(state) {
        effects.push(Effect::BringIn { task, attempt });
    }
    effects.extend(children(state));
    effects.extend(super::merge::effect(state));
    if is_running {
        effects.extend(evidence(state).into_iter().map(|name| Effect::Evidence { name }));
    }
    effects
}

/// What is to be done about the runs that this run started.
fn children(state: &State) -> Vec<Effect> {
    let mut effects = Vec::new();
    if state.children.is_empty() {
        return effects;
    }
    if matches!(state.status.kind(), StatusKind::Running | StatusKind::Waiting) {
        let round = state.children_to_create().map(|child| child.round).next();
        effects.extend(round.map(|round| Effect::CreateChildren { round }));
        if state.children.iter().any(|child| child.is_open() && child.number.is_some()) {
            effects.push(Effect::TendChildren);
        }
    }
    if state.children_to_end().next().is_some() {
        effects.push(Effect::EndChildren);
    }
    effects
}

/// Commands that must run now, on a tree that nobody is changing.
pub(super) fn evidence(state: &State) -> BTreeSet<String> {
    // What is merged now makes another tree, and so does a person who works there.
    if trees::next_merge(state).is_some() || state.is_tree_in_hands(true) {
        return BTreeSet::new();
    }
    let mut wanted = evidence_wanted(state);
    wanted.extend(super::verify::wanted(state));
    for &task in &state.index.checking {
        // While somebody else writes there is no current tree to speak of.
        if state.index.tree_writers.iter().any(|writer| *writer != task) {
            continue;
        }
        if let Some(checking) = state.tasks[task].status.as_checking()
            && !needs_check(state, task, checking)
            && !trees::needs_merge(state, task, checking)
        {
            wanted.extend(needs_evidence(state, task, checking));
        }
    }
    wanted
}

impl State {
    /// Whether nobody has to drive the run any more: no process, no check, no child to end, and a status
    /// that waits for nobody but people or other runs.
    pub fn is_at_rest(&self) -> bool {
        // Whatever an imported run was doing, it does not do it here.
        if self.created.flags.imported.is_some() {
            return true;
        }
        !self.status.kind().needs_supervisor()
            && self.index.live.is_empty()
            && self.index.checking.is_empty()
            && self.children_to_end().next().is_none()
    }
}
