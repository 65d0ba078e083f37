//! What follows for the run from decisions that were made and gates that were written.

use super::super::state::State;
use crate::event::decision::{Action, DecisionKind};
use crate::event::{BlockedReason, CancelReason, Rule, Status, Wait};
use crate::plan::graph::StepIx;

/// What follows for the run from decisions that were made and gates that were written.
pub(in crate::engine) fn conclude(state: &State) -> Option<(Rule, Status)> {
    let resumed = || Status::Queued { resumed: true, not_before: None };
    match &state.status {
        Status::Waiting { wait: Wait::Gate } => {
            let gates = state.human_gates();
            if let Some((gate, why)) =
                gates.iter().find_map(|gate| Some((gate, state.is_gate_rejected(gate)?)))
            {
                return Some((Rule::T14, human_rejected(&gate.id, why)));
            }
            if let Some(step) = rejected_plan(state) {
                let subject = state.step_name(step).to_string();
                let made = state.decisions.iter().rev().find_map(|entry| {
                    let is_same =
                        entry.opened.kind == DecisionKind::Plan && entry.opened.subject == subject;
                    entry.verdict.as_ref().filter(|_| is_same)
                });
                let why = made.map_or("", |made| made.text.as_str());
                return Some((Rule::T14, human_rejected(&subject, why)));
            }
            let is_asked = !gates.is_empty() || state.unapproved().next().is_some();
            (!is_asked || state.can_move()).then(|| (Rule::T13, resumed()))
        }
        Status::Waiting { wait: Wait::Question { .. } } => {
            let is_asked = state.asking().any(|task| {
                state.tasks[task].asked.as_ref().is_some_and(|asked| asked.answer.is_none())
            });
            (!is_asked || state.can_move()).then(|| (Rule::T13, resumed()))
        }
        Status::Blocked { reason: BlockedReason::HumanRejected, .. } => {
            let is_rejected =
                state.human_gates().iter().any(|gate| state.is_gate_rejected(gate).is_some());
            let is_plan = rejected_plan(state).is_some();
            (!is_rejected && !is_plan).then(|| (Rule::T14b, resumed()))
        }
        Status::Waiting { wait: Wait::Merge { .. } } => {
            let last = state.last_decision(DecisionKind::Merge, "")?;
            let verdict = last.verdict.as_ref().filter(|verdict| verdict.seq > state.status_seq)?;
            match verdict.action {
                Action::Discard => {
                    let reason = CancelReason::Discarded;
                    Some((Rule::T30, Status::Cancelled { reason }))
                }
                Action::RequestChanges => Some((Rule::T31, resumed())),
                Action::Merge => Some((Rule::T29, Status::Merging)),
                Action::Approve | Action::Reject | Action::Suggest | Action::Answer => None,
            }
        }
        Status::Waiting { wait: Wait::Children } => {
            let rule = if state.has_children_under_way() { Rule::T13 } else { Rule::T13c };
            (rule == Rule::T13c || state.can_move()).then(|| (rule, resumed()))
        }
        Status::Draft => draft(state),
        Status::Waiting { wait: Wait::Auth { .. } | Wait::Limit { .. } }
        | Status::Blocked { .. }
        | Status::Queued { .. }
        | Status::Running
        | Status::Paused
        | Status::Merging
        | Status::Done { .. }
        | Status::Failed { .. }
        | Status::Cancelled { .. }
        | Status::Archived { .. } => None,
    }
}

/// What a person said about a run that has not started.
fn draft(state: &State) -> Option<(Rule, Status)> {
    let last = state.last_decision(DecisionKind::Risk, "")?;
    let verdict = last.verdict.as_ref().filter(|verdict| verdict.seq > state.status_seq)?;
    match verdict.action {
        Action::Approve => Some((Rule::T03, Status::Queued { resumed: false, not_before: None })),
        Action::Reject => {
            let reason = CancelReason::Rejected;
            Some((Rule::T04, Status::Cancelled { reason }))
        }
        Action::Suggest => Some((Rule::T05, Status::Draft)),
        Action::Answer | Action::Merge | Action::Discard | Action::RequestChanges => None,
    }
}

fn rejected_plan(state: &State) -> Option<StepIx> {
    state.unapproved().find(|&step| state.steps[step].approved == Some(false))
}

fn human_rejected(subject: &str, why: &str) -> Status {
    let detail = if why.is_empty() {
        format!("a person said no to `{subject}`")
    } else {
        format!("a person said no to `{subject}`: {}", crate::base::text::one_line(why, 300))
    };
    Status::Blocked { reason: BlockedReason::HumanRejected, detail }
}
