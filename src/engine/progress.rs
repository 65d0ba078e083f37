//! The tree that the run's work stands on, what is known of it, and what can go on by itself.

use super::facts::CommandEvidence;
use super::state::State;
use crate::base::flow::Access;
use crate::plan::graph::{StepIx, TaskIx};

impl State {
    /// Names the tree that the run's work stands on: git's name, or without git the count of turns
    /// that may have changed files.
    pub fn tree_key(&self) -> String {
        let made = self.worktree.as_ref().and_then(|worktree| worktree.tree.as_ref());
        let first = || self.start_of_work().map(|(_, tree)| tree.to_owned());
        if let Some(tree) = made.cloned().or_else(first) {
            return tree;
        }
        let writes = |task: &TaskIx| self.step_of(*task).access == Access::Write;
        let turns: u64 = (0..self.tasks.len())
            .filter(writes)
            .map(|task| u64::from(self.tasks[task].attempts))
            .sum();
        format!("turn-{turns}")
    }

    /// What a command of the workflow said about the current tree in this epoch.
    pub fn evidence_of(&self, name: &str) -> Option<&CommandEvidence> {
        let found = self.evidence.get(name)?.get(&self.tree_key())?;
        (found.epoch == self.epoch).then_some(found)
    }

    /// Commands of the gates on the ways out of a step.
    pub(super) fn commands_behind(&self, step: StepIx) -> impl Iterator<Item = &String> {
        let edges = self.index.edges.iter().filter(move |edge| edge.sources.contains(&step));
        edges.flat_map(|edge| &edge.commands)
    }

    /// Whether a command is configured and has not run on the current tree in this epoch.
    pub(super) fn lacks_evidence(&self, name: &str) -> bool {
        self.plan().commands.contains_key(name) && self.evidence_of(name).is_none()
    }

    /// The first of some commands that is red on the current tree, with what it said.
    pub(super) fn first_red<'a>(
        &'a self,
        names: impl IntoIterator<Item = &'a String>,
    ) -> Option<(&'a str, &'a CommandEvidence)> {
        let mut found =
            names.into_iter().filter_map(|name| Some((name.as_str(), self.evidence_of(name)?)));
        found.find(|(_, found)| !found.is_green())
    }

    /// Whether a person has answered the question of a task, and the answer was not used yet.
    pub(super) fn is_answered(&self, task: TaskIx) -> bool {
        self.tasks[task].asked.as_ref().is_some_and(|asked| asked.answer.is_some())
    }

    /// Whether something can go on by itself once the run is running.
    pub(super) fn can_move(&self) -> bool {
        let startable = |task: &TaskIx| !super::start::is_held(self, *task);
        !self.index.delayed.is_empty()
            || self.index.ready.iter().any(startable)
            || !self.index.fireable.is_empty()
            || self.asking().any(|task| self.is_answered(task))
            || self.index.edges.iter().any(|edge| self.is_edge_due(edge))
    }
}
