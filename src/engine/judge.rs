//! What follows for a task from the end of its attempt and from what the runtime found.

use std::collections::BTreeSet;

use super::beside::readers_beside;
use super::facts::CommandEvidence;
use super::red::red_again;
use super::state::{CheckingAttempt, State, TaskState};
use super::transitions::is_listed;
use super::trees;
use crate::base::flow::{Access, Expands, Isolation, StepKind};
use crate::base::{Time, limits};
use crate::event::body::{
    PlanExpanded, QuestionAsked, ReadyCause, Settled, TaskReadied, TaskSettled,
};
use crate::event::child::ChildrenProposed;
use crate::event::gate::TurnOutcome;
use crate::event::pass::Said;
use crate::event::{BlockedReason, Body, EndReason, Rule, StatusKind, TaskResult};
use crate::plan::graph::{StepPlan, TaskIx};
use crate::plan::{adaptive, children};

/// Whether the runtime must look at the tree before the attempt can be judged.
pub(super) fn needs_check(state: &State, task: TaskIx, checking: &CheckingAttempt) -> bool {
    let never_ran = matches!(checking.end.reason, EndReason::Revoked | EndReason::SpawnFailed);
    let step = state.step_of(task);
    // In place nothing is committed, and what must not be touched is looked at all the same.
    let has_rules = step.access == Access::Write && state.created.policy.paths.is_some();
    (state.worktree.is_some() || has_rules)
        && looks_at(step)
        && !never_ran
        && checking.check.is_none()
}

/// Whether the tree is looked at after a turn: a writer's work is committed, a reader's must be none.
fn looks_at(step: &StepPlan) -> bool {
    match step.access {
        Access::Write => true,
        Access::Read => step.kind != StepKind::Human,
        Access::None => false,
    }
}

/// Commands that must run before the attempt can be judged: those of the gates behind its step.
pub(super) fn needs_evidence(
    state: &State,
    task: TaskIx,
    checking: &CheckingAttempt,
) -> BTreeSet<String> {
    let case = Case::early(state, task, checking);
    if state.status.is_terminal() || !case.is_sound() {
        return BTreeSet::new();
    }
    // Only work that would count is worth a run of the commands.
    let counts = || case.is_success() && !case.goes_on();
    let behind = case.commands_behind().filter(|name| state.lacks_evidence(name));
    let behind: BTreeSet<String> = behind.cloned().collect();
    let mut wanted = if behind.is_empty() || !counts() { BTreeSet::new() } else { behind };
    let own = case.validations().filter(|name| state.lacks_evidence(name));
    wanted.extend(own.filter(|_| case.is_worth_validating()).cloned());
    wanted
}

/// The event that follows for a task whose attempt ended.
pub(super) fn judge(state: &State, task: TaskIx, checking: &CheckingAttempt, now: Time) -> Body {
    trees::kept_open(state, task, judged(state, task, checking, now))
}

fn judged(state: &State, task: TaskIx, checking: &CheckingAttempt, now: Time) -> Body {
    let case = Case { state, task, checking, step: state.step_of(task), now };
    if state.status.is_terminal() {
        let has_failed = state.status.kind() == StatusKind::Failed;
        let why = if has_failed { "the run has failed" } else { "the run was stopped" };
        return case.settle(Settled::Skipped, None, why, None);
    }
    if let Some(error) = checking.check.as_ref().and_then(|check| check.error.as_ref()) {
        let why = format!("the work could not be committed: {error}");
        return case.block(BlockedReason::WorktreeError, why);
    }
    if let Some(check) = checking.check.as_ref().filter(|check| !check.denied.is_empty()) {
        return case.settle(Settled::Failed, Some(TaskResult::Fail), check.denied_words(), None);
    }
    if let Some(body) = case.strays().filter(|_| !checking.by_person) {
        return body;
    }
    if let Some(error) = checking.merged.as_ref().and_then(|merged| merged.error.as_ref()) {
        let why = format!("its work could not be merged: {error}");
        return case.block(BlockedReason::WorktreeError, why);
    }
    match checking.end.reason {
        EndReason::Revoked => case.again(ReadyCause::Revoked, 0, String::new()),
        EndReason::Lost => case.lost(),
        EndReason::Deadline | EndReason::Stopped if case.is_over_budget() => case.again(
            ReadyCause::Interrupted,
            0,
            "The last attempt was stopped because the run's budget was used up. Look at what is there, \
             and go on from it."
                .to_owned(),
        ),
        EndReason::Deadline => case.timeout("it took longer than its step allows"),
        EndReason::OutputLimit => case.block(
            BlockedReason::OutputLimit,
            case.evidence("it wrote more than the output limit"),
        ),
        EndReason::SpawnFailed => case.crashed("it could not be started"),
        EndReason::Stopped if checking.is_over() => case.exited(),
        EndReason::Stopped => case.stopped(),
        EndReason::Exited => case.exited(),
    }
}

/// An attempt that is judged.
pub(super) struct Case<'a> {
    pub(super) state: &'a State,
    pub(super) task: TaskIx,
    pub(super) checking: &'a CheckingAttempt,
    pub(super) step: &'a StepPlan,
    pub(super) now: Time,
}

impl<'a> Case<'a> {
    /// An attempt that is looked at before it is judged.
    pub(super) fn early(state: &'a State, task: TaskIx, checking: &'a CheckingAttempt) -> Self {
        Self { state, task, checking, step: state.step_of(task), now: Time(0) }
    }
    pub(super) fn entry(&self) -> &TaskState {
        &self.state.tasks[self.task]
    }

    pub(super) fn settle(
        &self,
        status: Settled,
        result: Option<TaskResult>,
        why: impl Into<String>,
        blocks: Option<BlockedReason>,
    ) -> Body {
        let task = self.state.task_id(self.task);
        TaskSettled { task, status, result, why: why.into(), blocks }.into()
    }

    pub(super) fn block(&self, reason: BlockedReason, why: impl Into<String>) -> Body {
        self.settle(Settled::Failed, None, why, Some(reason))
    }

    pub(super) fn again(&self, cause: ReadyCause, tries: u32, failure: String) -> Body {
        let wait = match cause {
            ReadyCause::Retry | ReadyCause::Crash => {
                let doubled = limits::BACKOFF_MS.saturating_mul(1 << tries.min(16));
                Some(self.now.plus_ms(doubled.min(limits::BACKOFF_MS_MAX)))
            }
            ReadyCause::Timeout
            | ReadyCause::Interrupted
            | ReadyCause::Revoked
            | ReadyCause::Contract
            | ReadyCause::Human
            | ReadyCause::Validation
            | ReadyCause::Pass
            | ReadyCause::Final
            | ReadyCause::Outdated
            | ReadyCause::Limit
            | ReadyCause::Fallback
            | ReadyCause::Overflow
            | ReadyCause::Session
            | ReadyCause::Answer => None,
        };
        if let Some(why) = self.state.same_again(self.task, cause, &failure, self.now) {
            return self.block(BlockedReason::DeadLoop, why);
        }
        if self.entry().attempts >= limits::ATTEMPTS_MAX {
            let why = format!("{} attempts are more than any task may have", limits::ATTEMPTS_MAX);
            return self.block(BlockedReason::DeadLoop, why);
        }
        let task = self.state.task_id(self.task);
        TaskReadied { task, cause, not_before: wait, failure, runtime: None, model: None }.into()
    }

    /// The fragment with the tail of what the program wrote as its error.
    fn evidence(&self, what: &str) -> String {
        let failure =
            crate::base::text::one_line(&self.checking.end.failure, limits::FAILURE_SHOWN_CHARS);
        if failure.is_empty() { what.to_owned() } else { format!("{what}: {failure}") }
    }

    /// Changes of a task that may only read: one bounce, then the contract is broken.
    fn strays(&self) -> Option<Body> {
        let check = self.checking.check.as_ref().filter(|check| !check.strays.is_empty())?;
        let more = (check.files as usize).saturating_sub(check.strays.len());
        let mut what = format!("it may only read and changed {}", check.strays.join(", "));
        if more > 0 {
            what = format!("{what} and {more} more");
        }
        let others: Vec<String> = readers_beside(self.state, self.task, &self.checking.end)
            .filter(|_| self.step.isolation == Isolation::Shared)
            .map(|task| self.state.task_id(task).to_string())
            .collect();
        if !others.is_empty() {
            what = format!("{what} (or {} did, at the same time)", others.join(", "));
        }
        if let Some(kept) = &check.kept {
            what = format!("{what}; the changes were taken out and are kept as `{kept}`");
        }
        Some(self.nudge(&what, "Leave every file as it is, and only report."))
    }

    /// Whether the attempt was cut short for the budget's sake, and not by a person or at the end.
    fn is_over_budget(&self) -> bool {
        self.state.status.kind() == StatusKind::Running
            && !super::settle::is_end_reached(self.state)
            && super::budget::is_used_up(self.state, self.now)
    }

    fn lost(&self) -> Body {
        if self.checking.end.changed == Some(true) {
            let why = "its process is gone and files had changed; `crew resume` goes on there";
            return self.block(BlockedReason::SessionLost, self.evidence(why));
        }
        self.crashed("its process is gone without a record")
    }

    fn crashed(&self, what: &str) -> Body {
        let crashes = self.entry().crashes;
        if crashes < limits::CRASH_RETRIES {
            return self.again(ReadyCause::Crash, crashes, self.evidence(what));
        }
        let why = format!("crashed {} times; the last time {}", crashes + 1, self.evidence(what));
        self.block(BlockedReason::AgentCrash, why)
    }

    fn timeout(&self, what: &str) -> Body {
        if self.entry().timeouts == 0 {
            let note = format!(
                "The last attempt was stopped because {what}. Look at what is there, and go on from it."
            );
            return self.again(ReadyCause::Timeout, 0, note);
        }
        self.settle(Settled::TimedOut, None, format!("{what}, twice"), None)
    }

    fn stopped(&self) -> Body {
        if super::settle::is_end_reached(self.state) {
            return self.settle(Settled::Skipped, None, "every end step was done before it", None);
        }
        match &self.checking.stopped {
            // It did nothing wrong: a person wants it.
            Some(why) if why == super::takeover::STOPPING => {
                self.again(ReadyCause::Interrupted, 0, self.entry().failure.clone())
            }
            // It was told to end because it got nowhere: what was in the way decides.
            Some(why) if self.state.status.kind() == StatusKind::Running => {
                self.by_kind().unwrap_or_else(|| self.timeout(why))
            }
            _ => self.again(ReadyCause::Interrupted, 0, self.entry().failure.clone()),
        }
    }

    fn exited(&self) -> Body {
        let end = &self.checking.end;
        let is_over = self.checking.is_over();
        if let Some(signal) = end.signal.filter(|_| !is_over) {
            return self.crashed(&format!("it was ended by signal {signal}"));
        }
        if let Some(body) = self.asked() {
            return body;
        }
        let is_loop = self.step.looping.is_some();
        match self.said() {
            Some((TurnOutcome::Failed, why)) => {
                return self.settle(Settled::Failed, Some(TaskResult::Fail), why, None);
            }
            Some((TurnOutcome::Blocked, why)) if !is_loop && !self.is_refuted() => {
                return self.block(BlockedReason::AgentBlocked, why);
            }
            Some((TurnOutcome::Done | TurnOutcome::Blocked, _)) | None => {}
        }
        let code = end.code.filter(|_| !is_over).unwrap_or(0);
        let is_broken = end.report.broken.is_some() && self.said().is_none();
        if let Some(body) = (code != 0 || is_broken).then(|| self.by_kind()).flatten() {
            return body;
        }
        if code != 0 {
            return self.failed(&self.evidence(&format!("it exited with code {code}")));
        }
        if let Some(why) = end.report.broken.as_ref().filter(|_| self.said().is_none()) {
            return self.failed(why);
        }
        if !is_loop {
            return self.succeeded();
        }
        if !end.report.spoke && self.said().is_none() && end.report.state.is_none() {
            return self.failed(&self.evidence("it exited with code 0 but printed nothing"));
        }
        self.pass()
    }

    /// A question that is still open, or whose answer the agent has not seen.
    fn asked(&self) -> Option<Body> {
        let task = self.state.task_id(self.task);
        if let Some(question) = &self.checking.end.report.question {
            return Some(QuestionAsked { task, question: question.clone() }.into());
        }
        let asked = self.entry().asked.as_ref()?;
        if asked.answer.is_none() {
            return Some(QuestionAsked { task, question: asked.question.clone() }.into());
        }
        asked.parked.then(|| self.again(ReadyCause::Answer, 0, String::new()))
    }

    /// How the agent said that its turn ends: by a tool call, else by its output.
    pub(super) fn said(&self) -> Option<(TurnOutcome, String)> {
        let end = &self.checking.end;
        if let Some((attempt, outcome, text)) = &self.entry().said
            && *attempt == end.attempt
        {
            return Some((*outcome, text.clone()));
        }
        let failed = end.report.failed.as_ref().map(|why| (TurnOutcome::Failed, why.clone()));
        let blocked = || end.report.blocked.as_ref().map(|why| (TurnOutcome::Blocked, why.clone()));
        failed.or_else(blocked)
    }

    /// Whether the turn came to its end, and the runtime found nothing wrong with it.
    fn is_sound(&self) -> bool {
        let end = &self.checking.end;
        let check = self.checking.check.as_ref();
        self.checking.has_ended_well()
            && (end.report.broken.is_none() || self.said().is_some())
            && self.asked().is_none()
            && check.is_none_or(|check| check.error.is_none() && check.denied.is_empty())
    }

    /// Whether the turn went well as far as the agent's own words go.
    fn is_success(&self) -> bool {
        let is_verified = !self.step.verify || self.checking.end.report.verdict == Some(true);
        self.is_sound()
            && self.said().is_none_or(|(outcome, _)| outcome == TurnOutcome::Done)
            && self.checking.check.as_ref().is_none_or(|check| check.conflicts.is_empty())
            && is_verified
            && self.missing_write().is_none()
    }

    /// Whether the work of the attempt counts as far as that can be told before it is merged.
    pub(super) fn is_accepted(&self) -> bool {
        let end = &self.checking.end;
        let is_checked = self.step.kind == StepKind::Command
            || self.step.verify
            || self.commands_behind().next().is_some();
        let is_silent = !end.report.spoke && self.said().is_none() && !is_checked;
        self.is_success() && !is_silent && self.failing_verdict().is_none()
    }

    /// Whether it is a pass of a loop after which another one comes.
    fn goes_on(&self) -> bool {
        self.step.looping.is_some() && self.word() != Said::Done
    }

    /// Commands of the gates behind the step.
    pub(super) fn commands_behind(&self) -> impl Iterator<Item = &String> {
        self.state.commands_behind(self.state.step_ix_of(self.task))
    }

    /// The program says that all went well; success needs more than that.
    pub(super) fn succeeded(&self) -> Body {
        let end = &self.checking.end;
        if let Some(body) = self.unresolved() {
            return body;
        }
        if self.step.expands.is_some()
            && !self.state.steps[self.state.step_ix_of(self.task)].expanded
        {
            return if self.step.expands == Some(Expands::Runs) {
                self.runs()
            } else {
                self.expanded()
            };
        }
        if self.step.kind == StepKind::Command {
            if let Some(body) = self.red() {
                return body;
            }
            return self.settle(Settled::Done, Some(TaskResult::Pass), "", None);
        }
        if let Some(name) = self.missing_write() {
            return self.unwritten(name);
        }
        if let Some(why) = self.failing_verdict() {
            return self.settle(Settled::Failed, Some(TaskResult::Fail), why, None);
        }
        if let Some(body) = self.red() {
            return body;
        }
        if self.step.verify {
            return match end.report.verdict {
                Some(true) => self.settle(Settled::Done, Some(TaskResult::Pass), "", None),
                Some(false) => {
                    let why = self.verdict_text();
                    self.settle(Settled::Failed, Some(TaskResult::Fail), why, None)
                }
                None => self.nudge(
                    "it gave no verdict",
                    "End with one line `VERDICT: PASS` or `VERDICT: FAIL`.",
                ),
            };
        }
        if self.is_proved() {
            return self.settle(Settled::Done, Some(TaskResult::Pass), "", None);
        }
        let has_said = self.said().is_some();
        if !end.report.spoke && !has_said {
            return self.failed(&self.evidence("it exited with code 0 but printed nothing"));
        }
        self.settle(Settled::Done, Some(TaskResult::Unverified), "", None)
    }

    /// The proposal becomes part of the plan, or goes back to the planner once.
    fn expanded(&self) -> Body {
        let Some(proposal) = &self.checking.end.report.proposal else {
            return self.nudge("it proposed no plan", adaptive::ASKED);
        };
        let source = self.state.step_ix_of(self.task);
        match adaptive::compile(self.state.plan(), source, proposal) {
            Ok(added) => PlanExpanded { step: self.step.id.clone(), added }.into(),
            Err(wrong) => self
                .nudge(&format!("its plan cannot be used: {}", wrong.join("; ")), adaptive::ASKED),
        }
    }

    /// The proposed runs become children, or the proposal goes back to the planner once.
    fn runs(&self) -> Body {
        let Some(proposal) = &self.checking.end.report.proposal else {
            return self.nudge("it proposed no runs", children::ASKED);
        };
        match self.state.check_runs(proposal) {
            Ok(runs) => ChildrenProposed {
                task: self.state.task_id(self.task),
                attempt: self.checking.end.attempt,
                round: self.state.next_round(),
                runs,
            }
            .into(),
            Err(wrong) => self
                .nudge(&format!("its runs cannot be used: {}", wrong.join("; ")), children::ASKED),
        }
    }

    /// Whether there is more than the agent's word: the commands behind it are green.
    fn is_proved(&self) -> bool {
        let is_green =
            |name: &String| self.state.evidence_of(name).is_some_and(CommandEvidence::is_green);
        let mut names = self.commands_behind().chain(self.validations()).peekable();
        names.peek().is_some() && names.all(is_green)
    }

    /// A command of the gates behind this step that is red on its tree.
    fn red(&self) -> Option<Body> {
        let (name, found) = self.state.first_red(self.commands_behind())?;
        Some(red_again(self.state, self.task, name, found, self.now))
    }

    fn verdict_text(&self) -> String {
        let summary = &self.checking.end.summary;
        if summary.is_empty() {
            "its verdict is FAIL".to_owned()
        } else {
            format!("its verdict is FAIL: {summary}")
        }
    }

    pub(super) fn nudge(&self, what: &str, demand: &str) -> Body {
        if self.entry().nudges == 0 {
            return self.again(
                ReadyCause::Contract,
                0,
                format!("The last attempt did not count: {what}. {demand}"),
            );
        }
        self.block(BlockedReason::ContractViolation, format!("{what}, twice"))
    }

    fn failed(&self, why: &str) -> Body {
        let retries = self.entry().retries;
        if retries < self.step.retries {
            return self.again(ReadyCause::Retry, retries, why.to_owned());
        }
        let why =
            if retries == 0 { why.to_owned() } else { format!("{why} ({} attempts)", retries + 1) };
        self.settle(Settled::Failed, Some(TaskResult::Fail), why, None)
    }
}

/// Whether the table of transitions allows a conclusion; a test runs every emitter through it.
pub(super) fn is_allowed(state: &State, rule: Rule, to: StatusKind) -> bool {
    is_listed(rule, state.status.kind(), to)
}
