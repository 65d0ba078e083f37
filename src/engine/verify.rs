//! Commands that an agent lets the runtime run while it judges, and what follows from red ones (SPEC 8.6).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::contract::VERDICT;
use super::facts::CommandEvidence;
use super::input::Refusal;
use super::state::State;
use super::write::{Caller, live_attempt};
use crate::base::{TaskId, limits, text};
use crate::event::Body;
use crate::event::gate::{StoreWrite, VerificationAsked};
use crate::plan::graph::StepPlan;

/// The verdict that hands the judgement to a person.
const ESCALATE: &str = "escalate";

/// What is known of a command that agents asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Verification {
    /// Who waits for it, with the number of the attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<(TaskId, u32)>,
    /// Times in a row that it was not green, since a person said something.
    #[serde(default)]
    pub reds: u32,
    /// Tree and epoch that were counted last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<(String, u32)>,
}

impl State {
    /// Whether the attempt of a task waits for a command.
    pub(super) fn is_verifying(&self, task: usize) -> bool {
        let mut asked = self.verifications.values().filter_map(|known| known.asked.as_ref());
        asked.any(|(id, _)| self.task_ix(id) == Some(task))
    }

    pub(super) fn verification_asked(&mut self, asked: &VerificationAsked) {
        let entry = self.verifications.entry(asked.name.clone()).or_default();
        entry.asked = Some((asked.task.clone(), asked.attempt));
        self.count_verification(&asked.name);
    }

    /// Counts what a command says about the current tree, once, when an agent has asked for it.
    pub(super) fn count_verification(&mut self, name: &str) {
        let Some(is_green) = self.evidence_of(name).map(CommandEvidence::is_green) else { return };
        let place = Some((self.tree_key(), self.epoch));
        let Some(entry) = self.verifications.get_mut(name) else { return };
        if entry.asked.take().is_some() && entry.counted != place {
            entry.counted = place;
            entry.reds = if is_green { 0 } else { entry.reds + 1 };
        }
    }

    /// Nobody waits any more for what an attempt that has ended asked for.
    pub(super) fn forget_verifications(&mut self, task: &TaskId, attempt: u32) {
        for entry in self.verifications.values_mut() {
            entry.asked = entry.asked.take().filter(|by| *by != (task.clone(), attempt));
        }
    }
}

/// Commands that agents wait for.
pub(super) fn wanted(state: &State) -> BTreeSet<String> {
    if !state.index.tree_writers.is_empty() {
        return BTreeSet::new();
    }
    let asked = state.verifications.iter().filter(|(_, known)| known.asked.is_some());
    asked.map(|(name, _)| name.clone()).filter(|name| state.lacks_evidence(name)).collect()
}

/// An agent wants to know what a command says about the current tree.
pub(super) fn verify(
    state: &State,
    task: &TaskId,
    attempt: u32,
    name: &str,
) -> Result<Vec<Body>, Refusal> {
    let (step, live) = live_attempt(state, task, attempt)?;
    let allowed = step.verifies.iter().map(String::as_str);
    if !step.verifies.iter().any(|known| known == name) {
        let (reason, hint) = match text::did_you_mean(name, allowed.clone()) {
            _ if step.verifies.is_empty() => {
                (format!("`{}` may run no commands", step.id), who_may(state))
            }
            near => {
                let names = allowed.collect::<Vec<_>>().join(", ");
                let hint = near.map(|near| format!("did you mean `{near}`?")).unwrap_or_default();
                (format!("`{}` may run {names}, not `{name}`", step.id), hint)
            }
        };
        return Err(Refusal { code: "forbidden", reason, hint });
    }
    if live.stale {
        let reason = format!("the work has gone on without attempt {attempt} of `{task}`");
        return Err(Refusal { code: "stale_epoch", reason, hint: "end the turn".to_owned() });
    }
    if let Some(&writer) = state.index.tree_writers.first() {
        let reason = format!("`{}` changes the tree now", state.task_id(writer));
        return Err(Refusal::state(reason, "ask again when its turn has ended"));
    }
    let known = state.verifications.get(name);
    let is_asked = known.is_some_and(|known| known.asked.is_some());
    let here = (state.tree_key(), state.epoch);
    let is_counted = known.is_some_and(|known| known.counted.as_ref() == Some(&here));
    if is_asked || (is_counted && state.evidence_of(name).is_some()) {
        return Ok(Vec::new());
    }
    let (task, name) = (task.clone(), name.to_owned());
    Ok(vec![VerificationAsked { task, attempt, name }.into()])
}

/// Which steps may run commands, in words.
fn who_may(state: &State) -> String {
    let may = state.plan().steps.iter().filter(|step| !step.verifies.is_empty());
    let names: Vec<&str> = may.map(|step| step.id.as_str()).collect();
    if names.is_empty() { "no step may".to_owned() } else { format!("{} may", names.join(", ")) }
}

/// A command of the step that was red so often that only a person can go on.
pub(super) fn exhausted<'a>(state: &'a State, step: &StepPlan) -> Option<(&'a str, u32)> {
    let found = state.verifications.iter().find(|(name, known)| {
        known.reds >= limits::VERIFY_REDS_MAX && step.verifies.iter().any(|own| own == *name)
    });
    found.map(|(name, known)| (name.as_str(), known.reds))
}

/// After too many red runs of the same command, the only verdict that counts is the one for a person.
pub(super) fn check_escalation(
    state: &State,
    write: &StoreWrite,
    by: &Caller,
) -> Result<(), Refusal> {
    let Caller::Agent { task, attempt } = by else { return Ok(()) };
    let (step, _) = live_attempt(state, task, *attempt)?;
    let Some((name, reds)) = exhausted(state, step) else { return Ok(()) };
    let mut verdicts = write.entries.iter().filter(|entry| entry.field == VERDICT);
    if verdicts.all(|entry| entry.value.as_str() == Some(ESCALATE)) {
        return Ok(());
    }
    let reason =
        format!("`{name}` was red {reds} times in a row: only `{VERDICT}={ESCALATE}` counts now");
    let hint = "say in the feedback what fails and what you want to know".to_owned();
    Err(Refusal { code: "escalate", reason, hint })
}
