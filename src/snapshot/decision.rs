//! What a person is asked to decide.

use serde::Serialize;

use crate::base::{RunNumber, Time};
use crate::engine::{State, TaskStatus};
use crate::event::{Status, Wait};

/// Something a person is asked to decide, with what may be done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DecisionRow {
    /// Names it as long as it is open.
    pub id: String,
    /// What kind of decision it is.
    pub kind: DecisionKind,
    /// The verbs that decide it.
    pub actions: Vec<&'static str>,
    /// What is asked.
    pub text: String,
    /// When it has to be asked anew.
    pub expires_at: Option<Time>,
    /// The task that asks.
    pub task: Option<String>,
    /// Answers to choose from; empty for free text.
    pub choices: Vec<String>,
    /// Since when it is asked.
    pub since: Time,
}

/// What kind of decision it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionKind {
    /// Whether a risky run may start.
    Risk,
    /// Whether a gate opens.
    Gate,
    /// An agent's question.
    Question,
    /// What becomes of the work.
    Merge,
}

impl DecisionKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Risk => "risk",
            Self::Gate => "gate",
            Self::Question => "question",
            Self::Merge => "merge",
        }
    }
}

impl DecisionRow {
    /// Everything that a person is asked in a run, questions first.
    pub fn all(state: &State) -> Vec<Self> {
        if state.status.is_terminal() {
            return Vec::new();
        }
        let mut rows: Vec<Self> = state.asking().filter_map(|task| question(state, task)).collect();
        let (id, kind, actions, text) = match &state.status {
            Status::Draft => {
                let text = "the run is a draft and must be approved before it starts".to_owned();
                ("risk", DecisionKind::Risk, vec!["approve", "reject", "suggest"], text)
            }
            Status::Waiting { wait: Wait::Merge { branch, .. } } => {
                let text = format!("the work is done on branch `{branch}`");
                let actions = vec!["merge", "discard", "request-changes"];
                ("merge", DecisionKind::Merge, actions, text)
            }
            Status::Queued { .. }
            | Status::Running
            | Status::Waiting { .. }
            | Status::Paused
            | Status::Blocked { .. }
            | Status::Merging
            | Status::Done { .. }
            | Status::Failed { .. }
            | Status::Cancelled { .. }
            | Status::Archived { .. } => return rows,
        };
        rows.push(Self {
            id: id.to_owned(),
            kind,
            actions,
            text,
            expires_at: None,
            task: None,
            choices: Vec::new(),
            since: state.status_since,
        });
        rows
    }

    /// The branch that a merge decision is about, as its text names it.
    fn branch(&self) -> Option<&str> {
        self.text.split('`').nth(1)
    }

    /// The command that decides it.
    pub fn command(&self, run: RunNumber) -> String {
        match (self.kind, &self.task) {
            (DecisionKind::Question, Some(task)) => format!("crew answer {run} {task} --text …"),
            // Merging by crew itself is not in this version; git does it as well.
            (DecisionKind::Merge, _) => format!("git merge {}", self.branch().unwrap_or("…")),
            (DecisionKind::Question | DecisionKind::Risk | DecisionKind::Gate, _) => {
                format!("crew show {run}")
            }
        }
    }
}

fn question(state: &State, task: usize) -> Option<DecisionRow> {
    let TaskStatus::WaitingInput { question, since } = &state.tasks[task].status else {
        return None;
    };
    let id = state.task_id(task);
    Some(DecisionRow {
        id: format!("q-{id}"),
        kind: DecisionKind::Question,
        actions: vec!["answer"],
        text: question.text.clone(),
        expires_at: None,
        task: Some(id.to_string()),
        choices: question.choices.clone(),
        since: *since,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::sample;

    #[test]
    fn a_question_is_a_decision_with_a_stable_name_until_it_is_answered() {
        let state = sample::asking();
        let rows = DecisionRow::all(&state);
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].id.as_str(), rows[0].kind), ("q-coding", DecisionKind::Question));
        assert_eq!(rows[0].choices, ["cents", "euros"]);
        assert_eq!(rows[0].command(RunNumber(5)), "crew answer 5 coding --text …");
        assert!(DecisionRow::all(&sample::running()).is_empty());
    }

    #[test]
    fn finished_work_on_a_branch_is_a_decision_to_merge() {
        let state = sample::waiting_for_merge();
        let rows = DecisionRow::all(&state);
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].id.as_str(), rows[0].kind), ("merge", DecisionKind::Merge));
        assert!(rows[0].text.contains("`crew/add-refunds`"), "{}", rows[0].text);
    }
}
