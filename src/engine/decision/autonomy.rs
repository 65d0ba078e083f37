//! Gates that a person lets approve themselves, by configuration: the last word, never the only one.

use super::super::facts::{Origin, StoreState};
use super::super::input::Proof;
use super::super::state::State;
use super::choice::write_of;
use super::verdict::Wish;
use crate::base::Time;
use crate::event::decision::{Action, DecisionKind, DecisionMade};
use crate::event::{Actor, Body, StatusKind};
use crate::plan::graph::GatePlan;

/// The approval of a gate that asks for no more than the configured autonomy, once nothing else keeps it
/// closed: votes, checks and steps come first. What a person has rejected stays theirs.
pub(in crate::engine) fn by_configuration(state: &State, now: Time) -> Option<Body> {
    let is_going = matches!(state.status.kind(), StatusKind::Running | StatusKind::Waiting);
    if state.created.limits.autonomy == 0 || !is_going {
        return None;
    }
    let gates = state.human_gates();
    gates.into_iter().find_map(|gate| approval(state, gate, now))
}

fn approval(state: &State, gate: &GatePlan, now: Time) -> Option<Body> {
    let allowed = state.created.limits.autonomy;
    let level = gate.required_level.filter(|level| *level <= allowed)?;
    let was_rejected = state.decisions.iter().any(|entry| {
        entry.opened.kind == DecisionKind::Gate
            && entry.opened.subject == gate.id
            && entry.verdict.as_ref().is_some_and(|made| made.action == Action::Reject)
    });
    if was_rejected {
        return None;
    }
    let entry = state.open_decision(DecisionKind::Gate, &gate.id)?;
    let by = Actor::Supervisor;
    let proof = Proof::Minted(String::new());
    let wish = Wish {
        target: None,
        action: Action::Approve,
        text: "",
        proof: &proof,
        by: &by,
        has_budget: false,
        into: None,
    };
    let write = write_of(state, entry, &wish).ok()??;
    let mut store: StoreState = state.stores.get(&gate.store).cloned().unwrap_or_default();
    let origin = Origin { by: by.clone(), attempt: None, epoch: state.epoch, at: now, tree: None };
    store.write(state.seq + 1, &write, &origin);
    if !state.evaluate_with(gate, Some(&store)).open {
        return None;
    }
    let text = format!("configured autonomy {allowed}; the gate asks for {level}");
    let made = DecisionMade {
        id: entry.opened.id.clone(),
        action: Action::Approve,
        text,
        by,
        write: Some(write),
        accepts: Vec::new(),
        into: None,
    };
    Some(made.into())
}
