//! The fold of what is used up: by whom and when, and the clock of active time.

use serde::{Deserialize, Serialize};

use super::start::SHELL_RUNTIME;
use super::state::{State, TaskStatus};
use crate::base::{TaskId, Time};
use crate::event::policy::BudgetChanged;
use crate::event::{AttemptEnded, EndReason, Usage};

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// What attempts of one task used that were played by one program and model and ended on one day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spending {
    /// The task.
    pub task: TaskId,
    /// The program.
    pub runtime: String,
    /// The model that answered; where the program does not name it, the one that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The beginning of the day on which they ended (UTC).
    pub day: Time,
    /// How many they were; one counts for the model that answered last, and for no other that worked for it.
    pub attempts: u32,
    /// Milliseconds from their starts to their ends.
    pub active_ms: u64,
    /// Tokens and money.
    pub usage: Usage,
}

impl State {
    /// Books what an attempt used; returns it with the note that its cost is unknown, where it is.
    pub(super) fn spend(
        &mut self,
        runtime: String,
        model: Option<String>,
        active_ms: u64,
        end: &AttemptEnded,
    ) -> Usage {
        let mut usage = end.usage;
        let has_run = !matches!(end.reason, EndReason::Revoked | EndReason::SpawnFailed);
        if has_run && usage.cost_usd.is_none() && runtime != SHELL_RUNTIME {
            usage.unpriced = 1;
        }
        if has_run && usage.tokens() + usage.cache_tokens == 0 && runtime != SHELL_RUNTIME {
            usage.uncounted = 1;
        }
        let mut spending = Spending {
            task: end.task.clone(),
            runtime,
            model: end.report.model.clone().or(model),
            day: Time(end.ended_at.0.div_euclid(DAY_MS) * DAY_MS),
            attempts: 1,
            active_ms,
            usage,
        };
        if end.report.models.is_empty() {
            self.book(spending);
            return usage;
        }
        // The attempt itself stands with the first of them, the one that answered.
        for part in &end.report.models {
            (spending.model, spending.usage) = (Some(part.model.clone()), part.usage);
            self.book(spending.clone());
            (spending.attempts, spending.active_ms) = (0, 0);
        }
        usage
    }

    fn book(&mut self, spending: Spending) {
        let known = self.spendings.iter_mut().rev().find(|entry| {
            entry.task == spending.task
                && entry.runtime == spending.runtime
                && entry.model == spending.model
                && entry.day == spending.day
        });
        let Some(entry) = known else { return self.spendings.push(spending) };
        entry.attempts += spending.attempts;
        entry.active_ms += spending.active_ms;
        entry.usage.add(&spending.usage);
    }

    /// The clock runs while an attempt is live that does not wait for a person's answer.
    pub(super) fn look_at_clock(&mut self, at: Time) {
        let is_active = self.working_count() > 0;
        match self.active_since {
            None if is_active => {
                self.active_since = Some(at);
                self.active_until = None;
            }
            Some(since) if !is_active => {
                // The end as the shims saw it: the time until somebody noticed is not work.
                let until = self.active_until.take().filter(|_| self.index.live.is_empty());
                self.active_ms += until.unwrap_or(at).since_ms(since);
                self.active_since = None;
            }
            None | Some(_) => {}
        }
    }

    pub(super) fn budget_changed(&mut self, changed: &BudgetChanged) {
        self.budget = changed.budget;
        self.warned.clear();
        self.words_seq = self.seq;
    }

    /// While a run is paused its back-offs stand still.
    pub(super) fn shift_delays(&mut self, ms: u64) {
        let paused_at = self.status_since;
        let delayed = self.index.delayed.iter().filter(|(moment, _)| *moment > paused_at);
        // A limit ends when it ends.
        let own = delayed.filter(|(_, task)| !self.tasks[*task].trouble.waits_for_limit);
        for task in own.map(|&(_, task)| task).collect::<Vec<usize>>() {
            if let TaskStatus::Ready { since, not_before: Some(moment) } = self.tasks[task].status {
                let not_before = Some(moment.plus_ms(ms));
                self.set_task(task, TaskStatus::Ready { since, not_before });
            }
        }
    }
}
