//! What must hold before finished work waits for a person: the validation is green on exactly its tree (T28).

use super::decide::{readied, rework_step};
use super::fire;
use super::red::{how, with_tail};
use super::state::State;
use crate::event::body::ReadyCause;
use crate::event::{BlockedReason, Body};
use crate::plan::Completion;

/// What the finished work still needs.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum FinalCheck {
    /// Nothing.
    Passed,
    /// The validation must run.
    Wanted(String),
    /// It is red: the work goes back.
    Back(Vec<Body>),
    /// It is red, and the step that would have to mend it has been tried as often as it may.
    Exhausted(BlockedReason, String),
}

impl State {
    /// Whether the work differs from what it started from.
    pub(super) fn has_work(&self) -> bool {
        let tree = self.worktree.as_ref().and_then(|worktree| worktree.tree.as_ref());
        self.start_of_work().zip(tree).is_some_and(|((_, base), tree)| base != *tree)
    }

    /// Looks at the finished work, once every end step is done and nobody is at work.
    pub(super) fn final_check(&self) -> FinalCheck {
        let is_merged = matches!(self.plan().completion, Completion::Merge | Completion::Pr);
        let Some(name) = self.validation().filter(|_| is_merged && self.has_work()) else {
            return FinalCheck::Passed;
        };
        let Some(found) = self.evidence_of(name) else { return FinalCheck::Wanted(name.clone()) };
        if found.is_green() {
            return FinalCheck::Passed;
        }
        let (step, how) = (rework_step(self), how(name, found));
        if self.final_reds >= self.plan().steps[step].retries {
            let tail = crate::base::text::one_line(&found.tail, 200);
            let tries = self.final_reds + 1;
            let why = format!("{}: {how} ({tries} attempts): {tail}", self.plan().steps[step].id);
            return FinalCheck::Exhausted(BlockedReason::ValidationExhausted, why);
        }
        let failure = with_tail(&how, &found.tail);
        let mut events = vec![fire::sent_back(self, step, String::new()).into()];
        let tasks = self.tasks_of(step).map(|task| self.task_id(task));
        events.extend(tasks.map(|task| readied(task, ReadyCause::Final, failure.clone(), None)));
        FinalCheck::Back(events)
    }
}
