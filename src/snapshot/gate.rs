//! One gate as one line of a table.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::class::Class;
use crate::engine::State;
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
        Self {
            id: gate.id.clone(),
            open: verdict.open,
            reason: (!verdict.open).then_some(verdict.reason),
            store: gate.store.clone(),
            data: data.map(|(field, value)| (field.clone(), value.clone())).collect(),
            writers: gate.writers.clone(),
            waiting_for: (waits && !state.status.is_terminal()).then(|| "human".to_owned()),
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
    }

    #[test]
    fn an_open_gate_shows_what_was_written_and_waits_for_nobody() {
        let rows = GateRow::all(&sample::approved());
        let [row] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!((row.open, row.reason.as_ref(), row.waiting_for.as_ref()), (true, None, None));
        assert_eq!(row.data["approved"], true);
    }
}
