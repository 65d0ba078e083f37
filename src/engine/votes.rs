//! Votes are about the tree that the voter saw: on another tree they do not count, and are asked for again.

use super::decide::readied;
use super::state::{State, TaskStatus};
use crate::base::TaskId;
use crate::base::flow::{Access, Condition};
use crate::event::Body;
use crate::event::body::ReadyCause;
use crate::plan::graph::TaskIx;

impl State {
    /// Whether an entry of a map in a store was written by an agent that saw another tree than the current one.
    pub(super) fn is_outdated_vote(&self, store: &str, field: &str, voter: &str) -> bool {
        let field = field.trim_start_matches('/');
        let origin =
            self.stores.get(store).and_then(|it| it.origins.get(&format!("{field}/{voter}")));
        let seen = origin.and_then(|origin| origin.tree.as_ref());
        seen.is_some_and(|tree| *tree != self.tree_key())
    }

    /// Voters on an older tree whose votes keep work from going on: each votes once more.
    pub(super) fn vote_again(&self) -> Vec<Body> {
        // While somebody writes there is no current tree to speak of.
        if !self.index.tree_writers.is_empty() {
            return Vec::new();
        }
        let tree = self.tree_key();
        let mut again: Vec<TaskIx> = Vec::new();
        let plan = self.plan();
        let waiting = self.index.edges.iter().filter(|edge| self.is_edge_waiting(edge));
        for gate in waiting.flat_map(|edge| &edge.gates).map(|&gate| &plan.gates[gate]) {
            if self.evaluate(gate).open {
                continue;
            }
            gate.when.walk(&mut |part| {
                let Condition::Count { field, .. } = part else { return };
                let store = self.stores.get(&gate.store);
                let entries = store.and_then(|it| it.data.get(field)?.as_object());
                for (voter, _) in entries
                    .into_iter()
                    .flatten()
                    .filter(|(who, _)| self.is_outdated_vote(&gate.store, field, who))
                {
                    let task = voter.parse::<TaskId>().ok().and_then(|id| self.task_ix(&id));
                    again.extend(task.filter(|&task| {
                        let entry = &self.tasks[task];
                        // Whoever saw this tree and did not vote again has said what it has to say.
                        matches!(entry.status, TaskStatus::Done { .. }) && entry.tree != tree
                    }));
                }
            });
        }
        again.sort_unstable();
        again.dedup();
        let why = "The work has changed since you voted, so that your vote no longer counts. Look at it as it is now, and vote again.";
        let again = again.into_iter().map(|task| self.task_id(task));
        again.map(|task| readied(task, ReadyCause::Outdated, why.to_owned(), None)).collect()
    }

    /// A writer has seen its own work: what it voted on in its turn is the tree that it left.
    pub(super) fn saw_own_work(&mut self, id: &TaskId, attempt: u32) {
        let Some(task) = self.task_ix(id) else { return };
        if self.step_of(task).access != Access::Write || self.tasks[task].attempts != attempt {
            return;
        }
        let tree = self.tree_key();
        for store in self.stores.values_mut() {
            for origin in store.origins.values_mut() {
                let is_own = origin.attempt == Some(attempt)
                    && matches!(&origin.by, crate::event::Actor::Agent(by) if by == id);
                if is_own {
                    origin.tree = Some(tree.clone());
                }
            }
        }
        self.tasks[task].tree = tree;
    }
}
