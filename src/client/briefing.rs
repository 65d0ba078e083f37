//! What a person should know who decides: what the gate shows, what was checked, what is proposed.

use super::shown::{Shown, shown_by};
use crate::base::flow::Expands;
use crate::base::redact::redact;
use crate::engine::State;
use crate::event::decision::DecisionKind;
use crate::ledger::Ledger;
use crate::snapshot::DecisionRow;

/// Characters of the instructions of a proposed task that are shown.
const PROMPT_CHARS: usize = 1_200;

/// What a person should know who decides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Briefing {
    /// Artifacts and stores that the gate shows.
    pub shows: Vec<Shown>,
    /// What commands said about the tree as it is.
    pub checks: Vec<Check>,
    /// Proposed tasks or runs with what they are to do.
    pub proposal: Vec<Shown>,
}

/// What a command said about the tree as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The command's name.
    pub name: String,
    /// What it said, in words.
    pub words: String,
    /// Whether it was content.
    pub is_green: bool,
    /// The end of its output, when it was not.
    pub tail: String,
}

impl Briefing {
    /// What is known about a decision of a run.
    pub fn of(ledger: &Ledger, row: &DecisionRow) -> Self {
        let state = ledger.state();
        let is_plan = row.kind == DecisionKind::Plan;
        let mut shows = shown_by(ledger, row);
        // The lines themselves say more than their numbers.
        shows.retain(|shown| shown.name != "diff");
        Self {
            shows,
            checks: checks(state),
            proposal: if is_plan { proposal(state, &row.subject) } else { Vec::new() },
        }
    }
}

/// What commands said about the tree as it is.
pub fn checks(state: &State) -> Vec<Check> {
    let names = state.evidence.keys();
    names
        .filter_map(|name| {
            let found = state.evidence_of(name)?;
            let words = match found.code {
                Some(0) => "green".to_owned(),
                Some(code) => format!("exited with code {code}"),
                None => "did not end by itself".to_owned(),
            };
            let tail = redact(&found.tail).into_owned();
            Some(Check { name: name.clone(), words, is_green: found.is_green(), tail })
        })
        .collect()
}

/// What a step proposes: tasks with their instructions, or runs with their goals.
fn proposal(state: &State, subject: &str) -> Vec<Shown> {
    let steps = &state.plan().steps;
    let Some(source) = steps.iter().position(|step| step.id.as_str() == subject) else {
        return Vec::new();
    };
    if steps[source].expands == Some(Expands::Runs) {
        let open = state.children.iter().filter(|child| {
            child.step.as_str() == subject && !child.abandoned && child.end.is_none()
        });
        return open
            .map(|child| {
                let after = match child.plan.after.as_slice() {
                    [] => String::new(),
                    after => format!(", after {}", after.join(", ")),
                };
                let name = format!("run {}{after}", child.plan.key);
                Shown { name, text: redact(&child.plan.goal).into_owned() }
            })
            .collect();
    }
    let added = (0..steps.len()).filter(|&step| state.steps[step].added_by == Some(source));
    added
        .map(|step| {
            let step = &steps[step];
            let text = crate::base::text::middle_cut(&step.prompt, PROMPT_CHARS);
            let name = format!("task {} ({})", step.id, step.role);
            Shown { name, text: redact(&text).into_owned() }
        })
        .collect()
}
