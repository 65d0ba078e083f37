//! One gate as one line of a table.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::engine::State;

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
    /// Who must write it, when the run cannot go on otherwise.
    pub waiting_for: Option<String>,
}

impl GateRow {
    /// The rows of all gates of a run, in the order of its plan.
    pub fn all(state: &State) -> Vec<Self> {
        let waits =
            state.status == crate::event::Status::Waiting { wait: crate::event::Wait::Gate };
        let gates = state.plan().gates.iter();
        gates
            .map(|gate| {
                let is_human = gate.writers.iter().any(|writer| writer == "human");
                Self {
                    id: gate.id.clone(),
                    open: false,
                    reason: Some("nothing was written yet".to_owned()),
                    store: gate.store.clone(),
                    data: BTreeMap::new(),
                    writers: gate.writers.clone(),
                    waiting_for: (waits && is_human).then(|| "human".to_owned()),
                }
            })
            .collect()
    }
}
