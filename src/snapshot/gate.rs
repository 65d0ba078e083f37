//! One gate as one line of a table.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::class::Class;
use crate::base::flow::{CheckOp, Condition};
use crate::engine::{GateVerdict, State, Tally};
use crate::event::StatusKind;
use crate::plan::GatePlan;

/// One gate as one line of a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateRow {
    /// Its name.
    pub id: String,
    /// Whether it is open.
    pub open: bool,
    /// Why it is closed.
    pub reason: Option<String>,
    /// The store it reads.
    pub store: String,
    /// What was written into the store.
    pub data: BTreeMap<String, Value>,
    /// Who may write it.
    pub writers: Vec<String>,
    /// Who must write it, when nobody else can open it.
    pub waiting_for: Option<String>,
    /// What it is for.
    pub description: String,
    /// How it stands, in one word.
    pub look: GateLook,
    /// How far its count is, when it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<Tally>,
}

/// How a gate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GateLook {
    /// What has to hold, holds.
    Open,
    /// Nothing was written yet, or something that is no refusal.
    Closed,
    /// A person has to say something.
    Waiting,
    /// It asks for a yes, and something else was written.
    Rejected,
    /// Entries are counted, and there are not enough yet.
    Counting,
    /// It cannot be evaluated, or a command that it asks for failed.
    Error,
}

impl GateLook {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Waiting => "waiting for a person",
            Self::Rejected => "rejected",
            Self::Counting => "counting",
            Self::Error => "error",
        }
    }

    fn of(
        gate: &GatePlan,
        verdict: &GateVerdict,
        data: &BTreeMap<String, Value>,
        waits: bool,
    ) -> Self {
        if verdict.open {
            Self::Open
        } else if waits {
            Self::Waiting
        } else if verdict.is_broken {
            Self::Error
        } else if is_refused(gate, data) {
            Self::Rejected
        } else if verdict.tally.is_some() {
            Self::Counting
        } else {
            Self::Closed
        }
    }
}

/// Values that a gate asks for when something has to be found good.
const YES: [&str; 12] = [
    "accept", "accepted", "approve", "approved", "good", "green", "ok", "pass", "passed", "ready",
    "true", "yes",
];

/// Whether a gate asks for a yes, and something else was written.
fn is_refused(gate: &GatePlan, data: &BTreeMap<String, Value>) -> bool {
    let mut refused = false;
    gate.when.walk(&mut |part| {
        if let Condition::Check { field, op: CheckOp::Eq(wanted) } = part {
            let is_yes = match wanted {
                Value::Bool(wanted) => *wanted,
                Value::String(wanted) => YES.contains(&wanted.to_lowercase().as_str()),
                Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => false,
            };
            let written = data.get(field.trim_start_matches('/'));
            refused |= is_yes && written.is_some_and(|written| written != wanted);
        }
    });
    refused
}

impl GateRow {
    /// The rows of all gates of a run, in the order of its plan.
    pub fn all(state: &State) -> Vec<Self> {
        let asked: Vec<&str> =
            state.human_gates().into_iter().map(|gate| gate.id.as_str()).collect();
        let is_asked = |gate: &GatePlan| asked.contains(&gate.id.as_str());
        let gates = state.plan().gates.iter();
        gates.map(|gate| Self::of(state, gate, is_asked(gate))).collect()
    }

    /// The word for how it stands.
    pub fn word(&self) -> &'static str {
        if self.open { "open" } else { "closed" }
    }

    /// How much it needs a look.
    pub fn class(&self) -> Class {
        match (self.open, &self.waiting_for) {
            (true, _) => Class::Done,
            (false, Some(_)) => Class::NeedsYou,
            (false, None) => Class::Parked,
        }
    }

    /// The row of one gate; `waits` tells whether it waits for a person.
    fn of(state: &State, gate: &GatePlan, waits: bool) -> Self {
        let verdict = state.evaluate(gate);
        let data = state.stores.get(&gate.store).map(|store| &store.data);
        let data = data.into_iter().flatten();
        let data = data.map(|(field, value)| (field.clone(), value.clone())).collect();
        let waits = waits && !state.status.is_terminal();
        // After a refusal a person may still say yes, but nothing waits for it.
        let is_refused = state.status.kind() == StatusKind::Blocked && is_refused(gate, &data);
        Self {
            look: GateLook::of(gate, &verdict, &data, waits && !is_refused),
            count: verdict.tally,
            id: gate.id.clone(),
            open: verdict.open,
            reason: (!verdict.open).then_some(verdict.reason),
            store: gate.store.clone(),
            data,
            writers: gate.writers.clone(),
            waiting_for: waits.then(|| "human".to_owned()),
            description: gate.description.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::sample;

    #[test]
    fn a_gate_says_why_it_is_closed_and_who_must_write_it() {
        let rows = GateRow::all(&sample::waiting_for_approval());
        let [row] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!((row.id.as_str(), row.open), ("approval", false));
        assert_eq!(row.reason.as_deref(), Some("`approved` is not written; it must be true"));
        assert_eq!((row.waiting_for.as_deref(), row.data.len()), (Some("human"), 0));
        assert_eq!(row.look, GateLook::Waiting);
    }

    #[test]
    fn an_open_gate_shows_what_was_written_and_waits_for_nobody() {
        let rows = GateRow::all(&sample::approved());
        let [row] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!((row.open, row.reason.as_ref(), row.waiting_for.as_ref()), (true, None, None));
        assert_eq!((row.look, &row.data["approved"]), (GateLook::Open, &Value::Bool(true)));
    }

    #[test]
    fn a_gate_that_asks_for_a_yes_is_rejected_by_anything_else_that_is_written() {
        let look = |wanted: Value, written: Option<Value>| {
            let mut gate = sample::waiting_for_approval().plan().gates[0].clone();
            gate.when = Condition::Check { field: "result".into(), op: CheckOp::Eq(wanted) };
            let data = written.map(|written| ("result".to_owned(), written)).into_iter().collect();
            let verdict = sample::waiting_for_approval().evaluate(&gate);
            GateLook::of(&gate, &verdict, &data, false)
        };
        assert_eq!(look("passed".into(), Some("failed".into())), GateLook::Rejected);
        assert_eq!(look(true.into(), Some(false.into())), GateLook::Rejected);
        assert_eq!(look("passed".into(), None), GateLook::Closed);
        // The way back stays closed when the result is good: that is no refusal.
        assert_eq!(look("failed".into(), Some("passed".into())), GateLook::Closed);
    }

    #[test]
    fn a_count_says_how_far_it_is_and_what_cannot_be_evaluated_is_an_error() {
        let state = sample::waiting_for_approval();
        let row = |when: Condition| {
            let gate = GatePlan { when, ..state.plan().gates[0].clone() };
            GateRow::of(&state, &gate, false)
        };
        let count = Condition::Count { field: "votes".into(), eq: "approve".into(), min: 3 };
        let votes = row(Condition::All(vec![count.clone()]));
        assert_eq!(votes.look, GateLook::Counting);
        assert_eq!(votes.count, Some(Tally { have: 0, need: 3, against: 0 }));
        let broken = row(Condition::All(vec![count, Condition::Exec("nothing".into())]));
        assert_eq!(broken.look, GateLook::Error);
    }
}
