//! The autonomous loop of a step (SPEC 8.3): each pass is an attempt; what follows from its word and the checks.

use super::dead_loop;
use super::judge::Case;
use super::red::{ended, how, with_tail};
use super::state::State;
use super::task::Pass;
use crate::event::body::{ReadyCause, Settled, TaskReadied, TaskSettled};
use crate::event::gate::TurnOutcome;
use crate::event::pass::{PassFinished, PassValidation, Said};
use crate::event::{BlockedReason, Body};
use crate::plan::graph::TaskIx;

/// Words of somebody who complains about what the program that plays it lets it do.
const CONFINED: [&str; 10] = [
    "sandbox",
    "permission denied",
    "not permitted",
    "no permission",
    "permission to run",
    "read-only file system",
    "eacces",
    "eperm",
    "socket",
    "requires approval",
];
/// Words of somebody who needs more than that.
const NEEDS_MORE: [&str; 9] = [
    "?",
    "credential",
    "password",
    "api key",
    "token",
    "secret",
    "unclear",
    "decide",
    "requirement",
];

impl State {
    /// Passes of the loop of a task: those that count already, and those that it may have.
    pub fn passes(&self, task: TaskIx) -> Option<(u32, u32)> {
        let looping = self.step_of(task).looping.as_ref()?;
        let used = self.tasks[task].passes;
        let limit = looping.steps.saturating_add(self.passes_added);
        Some((used, limit))
    }

    /// Passes of all loops of the run, over its whole life; attempts that broke off are none.
    pub fn passes_used(&self) -> u32 {
        self.tasks.iter().map(|entry| entry.passes_total).sum()
    }

    /// Passes that have begun and do not count yet.
    pub(super) fn passes_under_way(&self) -> u32 {
        let busy = self.index.live.iter().chain(&self.index.checking).copied();
        let loops = busy.filter(|&other| self.step_of(other).looping.is_some());
        let open = loops.filter(|&other| {
            let entry = &self.tasks[other];
            let last = entry.history.last().map(|pass| pass.finished.attempt);
            last != Some(entry.attempts)
        });
        u32::try_from(open.count()).unwrap_or(u32::MAX)
    }

    /// Why a loop that is about to begin another pass may not.
    pub(super) fn no_pass_left(&self, task: TaskIx) -> Option<Body> {
        let (used, limit) = self.passes(task).filter(|(used, limit)| used >= limit)?;
        let why = format!("{used} of {limit} passes are used");
        let (task, blocks) = (self.task_id(task), Some(BlockedReason::BudgetSteps));
        Some(TaskSettled { task, status: Settled::Failed, result: None, why, blocks }.into())
    }

    /// Whether a task is a loop that may not begin another pass.
    pub(super) fn is_out_of_passes(&self, task: TaskIx) -> bool {
        self.passes(task).is_some_and(|(used, limit)| used >= limit)
    }

    /// The command that a loop must end with, or that finished work must be green by.
    pub(super) fn validation(&self) -> Option<&String> {
        let name = self.created.policy.validation.as_ref()?;
        self.plan().commands.contains_key(name).then_some(name)
    }
}

impl Case<'_> {
    /// Commands that a turn is looked at with, besides those of the gates behind its step.
    pub(super) fn validations(&self) -> Option<&String> {
        let name = self.state.validation()?;
        let validates = self.step.looping.as_ref().is_some_and(|looping| looping.validate);
        let is_doubted = || self.is_only_confined() && self.has_changed();
        (validates || is_doubted()).then_some(name)
    }

    /// Whether the validation says something about how this turn goes on.
    pub(super) fn is_worth_validating(&self) -> bool {
        match self.word() {
            Said::Done | Said::Continue => self.step.looping.is_some(),
            Said::Blocked => self.is_only_confined() && self.has_changed(),
            Said::Conflict => false,
        }
    }

    /// How the agent said that its task stands, by a tool call and by its output together.
    pub(super) fn word(&self) -> Said {
        let end = &self.checking.end;
        let called = self.entry().said.as_ref().filter(|(attempt, ..)| *attempt == end.attempt);
        let called = called.map(|(_, outcome, _)| match outcome {
            TurnOutcome::Done => Said::Done,
            TurnOutcome::Blocked | TurnOutcome::Failed => Said::Blocked,
        });
        // An older log knows only the reason.
        let marked =
            end.report.state.or_else(|| end.report.blocked.as_ref().map(|_| Said::Blocked));
        match (called, marked) {
            (None, None) => Said::Continue,
            (Some(one), None) | (None, Some(one)) => one,
            (Some(one), Some(other)) if one == other => one,
            (Some(_), Some(_)) => Said::Conflict,
        }
    }

    /// What follows from a turn of a loop that came to its end.
    pub(super) fn pass(&self) -> Body {
        let word = self.word();
        if word == Said::Conflict {
            return self.nudge(
                "it said two different things about how its task stands",
                "End with exactly one line: `TASK_STATE: DONE`, `TASK_STATE: CONTINUE` or `TASK_STATE: BLOCKED`.",
            );
        }
        let last = self.entry().history.last();
        if last.is_none_or(|pass| pass.finished.attempt != self.checking.end.attempt) {
            return self.finished(word).into();
        }
        let is_refuted = word == Said::Blocked && self.is_refuted();
        if word == Said::Blocked && !is_refuted {
            let why = self.said().map(|(_, why)| why).unwrap_or_default();
            return self.block(BlockedReason::AgentBlocked, why);
        }
        let names = self.validations().into_iter().chain(self.commands_behind());
        let red = self.state.first_red(names).map(|(name, found)| (how(name, found), found));
        let is_out = self.state.is_out_of_passes(self.task);
        if (word == Said::Done || is_refuted) && red.is_none() {
            let body = self.succeeded();
            // Something else that its step demands is missing, which would take another pass.
            return if is_out && matches!(body, Body::TaskReadied(_)) {
                self.used_up()
            } else {
                body
            };
        }
        if let Some(why) = dead_loop::of_passes(&self.entry().history[self.entry().forgiven..]) {
            return self.block(BlockedReason::DeadLoop, why);
        }
        if is_out {
            return self.used_up();
        }
        let failure = match (&red, self.validations()) {
            (Some((how, found)), _) => with_tail(how, &found.tail),
            (None, Some(name)) => {
                format!("(nothing: `{name}` is green on this work; say DONE when the goal is met)")
            }
            (None, None) => String::new(),
        };
        let task = self.state.task_id(self.task);
        let cause = ReadyCause::Pass;
        TaskReadied { task, cause, not_before: None, failure, runtime: None, model: None }.into()
    }

    fn finished(&self, said: Said) -> PassFinished {
        let check = self.checking.check.as_ref();
        let evidence = self.validations().and_then(|name| {
            let found = self.state.evidence_of(name)?;
            let print = if found.is_green() {
                String::new()
            } else {
                dead_loop::print(&format!("{:?} {}", found.code, found.tail))
            };
            Some(PassValidation { name: name.clone(), code: found.code, print })
        });
        let (used, limit) = self.state.passes(self.task).unwrap_or_default();
        PassFinished {
            task: self.state.task_id(self.task),
            attempt: self.checking.end.attempt,
            pass: used + 1,
            limit,
            said,
            commit: check.and_then(|check| check.commit.clone()),
            tree: check.and_then(|check| check.tree.clone()),
            validation: evidence,
        }
    }

    fn used_up(&self) -> Body {
        let (used, limit) = self.state.passes(self.task).unwrap_or_default();
        let last = self.entry().history.last();
        let mut why = format!("{used} of {limit} passes are used");
        if let Some(last) = last.map(told) {
            why = format!("{why}; the last one {last}");
        }
        self.block(BlockedReason::BudgetSteps, why)
    }

    /// Whether a claim to be blocked is contradicted by what crew sees for itself (T24).
    pub(super) fn is_refuted(&self) -> bool {
        let is_green = |name: &String| {
            self.state.evidence_of(name).is_some_and(super::CommandEvidence::is_green)
        };
        self.is_only_confined()
            && self.has_changed()
            && self.state.validation().is_some_and(is_green)
    }

    /// Whether all that keeps the agent from going on is what its program lets it do.
    ///
    /// Work on a branch of its own is not in the tree that a command would judge.
    fn is_only_confined(&self) -> bool {
        if self.state.has_own_branch(self.task) {
            return false;
        }
        let Some((TurnOutcome::Blocked, why)) = self.said() else { return false };
        let why = why.to_lowercase();
        CONFINED.iter().any(|word| why.contains(word))
            && !NEEDS_MORE.iter().any(|word| why.contains(word))
    }

    fn has_changed(&self) -> bool {
        let start = self.state.start_of_work().map(|(_, tree)| tree);
        self.checking.check.as_ref().is_some_and(|check| {
            check.files > 0 || check.tree.as_deref().is_some_and(|tree| Some(tree) != start)
        })
    }
}

/// What a pass said and what was found, in words.
pub(super) fn told(pass: &Pass) -> String {
    let finished = &pass.finished;
    let said = format!("said {}", finished.said.as_str().to_uppercase());
    match &finished.validation {
        None => said,
        Some(found) => format!("{said}, and `{}` {}", found.name, ended(found.code)),
    }
}
