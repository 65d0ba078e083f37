//! Decisions: when a person is asked, what was bound to the question, and what an answer does (SPEC section 9).

mod ask;
mod autonomy;
mod choice;
mod conclude;
mod verdict;
mod work;

pub(super) use ask::{open, renew, suggested};
pub(super) use autonomy::by_configuration;
pub(super) use conclude::conclude;
pub(super) use verdict::{Wish, decide, show};

use super::edge::Edge;
use super::facts::DecisionState;
use super::input::{Proof, Refusal};
use super::state::State;
use crate::base::flow::Fire;
use crate::event::decision::{Action, DecisionKind};
use crate::plan::graph::{GatePlan, StepIx};

impl State {
    /// Whether a decision can still be made: open, and about what stands there now.
    ///
    /// A gate that was opened otherwise, a step that went stale or a run that ended asks nothing more.
    pub fn is_asked(&self, entry: &DecisionState) -> bool {
        entry.is_open() && ask::is_current(self, &entry.opened)
    }

    /// Decisions that can still be made, expired or not, in the order in which they were asked.
    pub fn asked_decisions(&self) -> Vec<&DecisionState> {
        self.decisions.iter().filter(|entry| self.is_asked(entry)).collect()
    }

    /// The open decision about a subject, expired or not.
    pub fn open_decision(&self, kind: DecisionKind, subject: &str) -> Option<&DecisionState> {
        let mut found = self.decisions.iter().rev();
        found.find(|entry| {
            entry.is_open() && entry.opened.kind == kind && entry.opened.subject == subject
        })
    }

    /// The decision that an action on `target` would make, or made already; see `Command::Decide`.
    ///
    /// # Errors
    /// None fits, or several do.
    pub fn decision_meant(
        &self,
        target: Option<&str>,
        action: Action,
        proof: &Proof,
    ) -> Result<&DecisionState, Refusal> {
        verdict::meant(self, target, action, proof)
    }

    /// The newest decision about a subject.
    pub(super) fn last_decision(
        &self,
        kind: DecisionKind,
        subject: &str,
    ) -> Option<&DecisionState> {
        let mut found = self.decisions.iter().rev();
        found.find(|entry| entry.opened.kind == kind && entry.opened.subject == subject)
    }

    /// Gates that wait for a person: written by people, closed, and on an edge whose sources are played.
    pub fn human_gates(&self) -> Vec<&GatePlan> {
        let plan = self.plan();
        let mut found: Vec<&GatePlan> = Vec::new();
        for edge in self.index.edges.iter().filter(|edge| self.asks_people(edge)) {
            for gate in edge.gates.iter().map(|&gate| &plan.gates[gate]) {
                let is_human = gate.writers.iter().any(|writer| writer == "human");
                let is_known = found.iter().any(|known| known.id == gate.id);
                let is_open = || self.evaluate(gate).open;
                if is_human && !is_known && !is_open() && !choice::is_yes_given(self, gate) {
                    found.push(gate);
                }
            }
        }
        found
    }

    /// Whether an edge waits for its gates: it fires when its played sources have said their part.
    fn asks_people(&self, edge: &Edge) -> bool {
        let is_played = || edge.sources.iter().all(|&source| self.is_played(source));
        match edge.fire {
            Fire::Settled => self.is_edge_waiting(edge),
            Fire::Open => self.steps[edge.to].activated == 0 && is_played(),
            Fire::Message => false,
        }
    }

    /// Whether the newest word of a person about a gate was no, and nothing was written since.
    pub(super) fn is_gate_rejected(&self, gate: &GatePlan) -> Option<&str> {
        let last = self
            .decisions
            .iter()
            .rev()
            .filter(|entry| entry.opened.kind == DecisionKind::Gate)
            .filter(|entry| entry.opened.subject == gate.id)
            .find_map(|entry| entry.verdict.as_ref())?;
        let written = self.stores.get(&gate.store).map_or(0, |store| store.seq);
        (last.action == Action::Reject && last.seq >= written).then_some(last.text.as_str())
    }

    /// Steps whose proposal waits for a person.
    pub(super) fn unapproved(&self) -> impl Iterator<Item = StepIx> {
        let asking = self.index.approved.iter().copied();
        asking.filter(|&step| self.steps[step].expanded && self.steps[step].approved != Some(true))
    }
}
