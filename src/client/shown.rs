//! What a person is shown who must decide: files, other gates, the size of the change (`show` of a gate).

use serde::Serialize;

use super::diff;
use crate::base::text;
use crate::engine::State;
use crate::event::decision::DecisionKind;
use crate::ledger::Ledger;
use crate::snapshot::DecisionRow;
use crate::store::{RunDir, artifact};

/// Most bytes of one thing that are shown; `crew artifacts` prints the whole.
const SHOWN_BYTES: usize = 4 << 10;
/// Changed files that are shown; `crew diff` shows all.
const FILES_SHOWN: usize = 8;

/// One thing that is shown with a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// What it is: `diff`, `artifact plan.md`, `gate review-votes-gate`.
    pub name: String,
    /// What it says, cut when it is long.
    pub text: String,
}

/// What is shown with a decision: what its gate names; for a merge the size of the change.
pub fn shown_by(ledger: &Ledger, row: &DecisionRow) -> Vec<Shown> {
    let state = ledger.state();
    let shown: Vec<&str> = match row.kind {
        DecisionKind::Gate => {
            let gate = state.plan().gates.iter().find(|gate| gate.id == row.subject);
            gate.into_iter().flat_map(|gate| gate.show.iter().map(String::as_str)).collect()
        }
        DecisionKind::Merge => vec!["diff"],
        DecisionKind::Risk | DecisionKind::Question | DecisionKind::Plan => Vec::new(),
    };
    shown.into_iter().map(|item| one(ledger, state, item)).collect()
}

fn one(ledger: &Ledger, state: &State, item: &str) -> Shown {
    let (kind, name) = item.split_once(':').unwrap_or(("artifact", item));
    let (name, text) = match (item, kind) {
        ("diff", _) => ("diff".to_owned(), changed(state)),
        (_, "gate") => (format!("gate {name}"), gate(state, name)),
        _ => (format!("artifact {name}"), file(ledger.dir(), state, name)),
    };
    let text = crate::base::redact::redact(&text);
    Shown { name, text: text::middle_cut(text.trim_end(), SHOWN_BYTES).into_owned() }
}

/// The files that the run has changed so far, with numbers of lines.
fn changed(state: &State) -> String {
    let work = match diff::work(state) {
        Ok(work) => work,
        Err(error) => return error.to_string(),
    };
    let range = diff::Range { from: work.base, to: work.head };
    match diff::files(state, &range) {
        Ok(files) if files.is_empty() => "nothing is changed".to_owned(),
        Ok(files) => diff::summary(&files, FILES_SHOWN),
        Err(error) => format!("cannot be shown: {error}"),
    }
}

fn gate(state: &State, name: &str) -> String {
    let Some(gate) = state.plan().gates.iter().find(|gate| gate.id == name) else {
        return "there is no such gate".to_owned();
    };
    let Some(store) = state.stores.get(&gate.store).filter(|store| !store.data.is_empty()) else {
        return "nothing is written".to_owned();
    };
    let fields: Vec<String> = store
        .data
        .iter()
        .map(|(field, value)| match value.as_str() {
            Some(text) => format!("{field}: {text}"),
            None => format!("{field}: {value}"),
        })
        .collect();
    fields.join("\n")
}

fn file(dir: &RunDir, state: &State, name: &str) -> String {
    let known = name.parse().ok().filter(|name| state.artifacts.contains_key(name));
    let Some(name) = known else { return "it was not stored yet".to_owned() };
    match artifact::read(dir, &name, 4 * SHOWN_BYTES as u64) {
        Ok(content) => String::from_utf8_lossy(&content.head).into_owned(),
        Err(error) => format!("cannot be read: {error}"),
    }
}
