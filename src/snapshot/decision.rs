//! What a person is asked to decide.

use serde::Serialize;

use crate::base::{RunNumber, Time};
use crate::engine::{DecisionState, State};
use crate::event::decision::{Action, DecisionKind};
use crate::event::{Status, Wait};

/// Something a person is asked to decide, with what may be done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DecisionRow {
    /// Names it in its run: `d1`, `d2`, ….
    pub id: String,
    /// What kind of decision it is.
    pub kind: DecisionKind,
    /// The verbs that decide it.
    pub actions: Vec<Action>,
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
    /// What it is about: a gate, a task or a step; `merge` or `risk` for the run itself.
    pub subject: String,
    /// Whether it has to be asked anew before it can be decided, as whoever looks at it does.
    #[serde(skip)]
    pub expired: bool,
    /// What keeps a gate closed.
    pub reason: Option<String>,
    /// The branch that a merge is about.
    pub branch: Option<String>,
}

impl DecisionRow {
    /// Everything that a person is asked in a run, in the order in which it was asked.
    pub fn all(state: &State, now: Time) -> Vec<Self> {
        let asked = state.asked_decisions().into_iter();
        asked.map(|entry| Self::of(state, entry, now)).collect()
    }

    /// The row of one decision.
    pub fn of(state: &State, entry: &DecisionState, now: Time) -> Self {
        let opened = &entry.opened;
        let is_gate = opened.kind == DecisionKind::Gate;
        let is_question = opened.kind == DecisionKind::Question;
        let branch = if let Status::Waiting { wait: Wait::Merge { branch, .. } } = &state.status {
            Some(branch.clone())
        } else {
            None
        };
        let subject =
            if opened.subject.is_empty() { opened.kind.as_str() } else { &opened.subject };
        Self {
            id: opened.id.clone(),
            kind: opened.kind,
            actions: opened.actions.clone(),
            text: opened.text.clone(),
            expires_at: Some(opened.expires_at),
            task: is_question.then(|| opened.subject.clone()),
            choices: opened.choices.clone(),
            since: entry.at,
            subject: subject.to_owned(),
            expired: opened.expires_at <= now,
            reason: is_gate.then(|| state.gate(&opened.subject).reason),
            branch: branch.filter(|_| opened.kind == DecisionKind::Merge),
        }
    }

    /// The commands that decide it, the first one the most likely.
    pub fn commands(&self, run: RunNumber) -> Vec<String> {
        let command = |action: &Action| match (self.kind, action) {
            (DecisionKind::Merge, Action::RequestChanges)
            | (DecisionKind::Risk, Action::Suggest) => {
                Some(format!("crew {action} {run} --text …"))
            }
            (DecisionKind::Merge | DecisionKind::Risk, _) => Some(format!("crew {action} {run}")),
            (_, Action::Answer | Action::Reject | Action::Suggest) => {
                Some(format!("crew {action} {run} {} --text …", self.subject))
            }
            (_, _) => Some(format!("crew {action} {run} {}", self.subject)),
        };
        let commands: Vec<String> = self.actions.iter().filter_map(command).collect();
        if commands.is_empty() { vec![format!("crew show {run}")] } else { commands }
    }

    /// The command that resolves it most likely.
    pub fn command(&self, run: RunNumber) -> String {
        self.commands(run).swap_remove(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::sample;

    fn rows(state: &State) -> Vec<DecisionRow> {
        DecisionRow::all(state, state.updated_at)
    }

    #[test]
    fn a_question_is_a_decision_about_its_task_until_it_is_answered() {
        let rows = rows(&sample::asking());
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].id.as_str(), rows[0].kind), ("d1", DecisionKind::Question));
        assert_eq!(rows[0].choices, ["cents", "euros"]);
        assert_eq!(rows[0].command(RunNumber(5)), "crew answer 5 coding --text …");
        assert!(self::rows(&sample::running()).is_empty());
    }

    #[test]
    fn finished_work_on_a_branch_is_a_decision_to_merge() {
        let rows = rows(&sample::waiting_for_merge());
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].subject.as_str(), rows[0].kind), ("merge", DecisionKind::Merge));
        assert!(rows[0].text.contains("`crew/add-refunds`"), "{}", rows[0].text);
        assert_eq!(
            rows[0].commands(RunNumber(5)),
            ["crew merge 5", "crew discard 5", "crew request-changes 5 --text …"]
        );
    }

    #[test]
    fn a_gate_of_a_person_is_a_decision_with_what_keeps_it_closed() {
        let rows = rows(&sample::waiting_for_approval());
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].subject.as_str(), rows[0].kind), ("approval", DecisionKind::Gate));
        assert_eq!(rows[0].reason.as_deref(), Some("`approved` is not written; it must be true"));
        assert_eq!(
            rows[0].commands(RunNumber(5)),
            ["crew approve 5 approval", "crew reject 5 approval --text …"]
        );
        assert!(self::rows(&sample::approved()).is_empty(), "a yes settles it");
    }

    #[test]
    fn an_expired_decision_is_still_shown() {
        let state = sample::waiting_for_approval();
        let late = DecisionRow::all(&state, state.updated_at.plus_ms(25 * 3_600_000));
        assert!(late[0].expired && !rows(&state)[0].expired);
    }
}
