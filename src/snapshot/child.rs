//! A run that a run started, as its views see it.

use serde::Serialize;

use crate::base::{RunNumber, StepId, limits, text};
use crate::engine::State;
use crate::event::status::word;
use crate::event::{Outcome, StatusKind};

/// A run that a run started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChildRow {
    /// Its number; absent until it exists.
    pub number: Option<RunNumber>,
    /// What it is called in its proposal.
    pub key: String,
    /// The proposal, from 1.
    pub round: u32,
    /// The step that proposed it.
    pub step: StepId,
    /// What is to be done.
    pub goal: String,
    /// Runs of the same proposal that it comes after.
    pub after: Vec<String>,
    /// Its status; that of a run that goes on is known to those who read its log.
    pub status: Option<StatusKind>,
    /// Why, or what it waits for.
    pub reason: Option<String>,
    /// What became of its work.
    pub outcome: Option<Outcome>,
    /// The branch that holds its work.
    pub branch: Option<String>,
    /// What it said at its end.
    pub summary: Option<String>,
}

impl ChildRow {
    /// The runs that a run started, in the order of its proposals.
    pub fn all(state: &State) -> Vec<Self> {
        let rows = state.children.iter().map(|child| {
            let end = child.end.as_ref();
            let said = end.map(|end| end.summary.clone());
            Self {
                number: child.number,
                key: child.plan.key.clone(),
                round: child.round,
                step: child.step.clone(),
                goal: child.plan.goal.clone(),
                after: child.plan.after.clone(),
                status: end.map(|end| end.status),
                reason: end.and_then(|end| end.reason.clone()),
                outcome: end.and_then(|end| end.outcome),
                branch: end.and_then(|end| end.branch.clone()),
                summary: said.filter(|said| !said.is_empty()),
            }
        });
        rows.collect()
    }

    /// Its name: its number, once it has one, and its key.
    pub fn name(&self) -> String {
        match self.number {
            Some(number) => format!("#{number} (`{}`)", self.key),
            None => format!("`{}`", self.key),
        }
    }

    /// Its status with the reason: `blocked (agent_crash)`.
    pub fn status_words(&self) -> String {
        let Some(status) = self.status else {
            let word = if self.number.is_some() { "not ended" } else { "being created" };
            return word.to_owned();
        };
        let outcome = self.outcome.as_ref().map(word);
        match self.reason.as_ref().or(outcome.as_ref()) {
            Some(more) => format!("{} ({more})", status.as_str()),
            None => status.as_str().to_owned(),
        }
    }

    /// Everything that the tasks of its parent are told about it.
    pub fn told(&self) -> String {
        let goal = text::one_line(&self.goal, limits::SUMMARY_CHARS_MAX);
        let branch = self.branch.as_ref().map(|branch| format!(", branch {branch}"));
        let said = self.summary.as_ref().map(|said| format!("\n  it said: {said}"));
        format!(
            "- {}, proposal {}: {}{}\n  its goal: {goal}{}",
            self.name(),
            self.round,
            self.status_words(),
            branch.unwrap_or_default(),
            said.unwrap_or_default()
        )
    }
}
