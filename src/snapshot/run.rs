//! One run as one line of a table; serialised it is the `run` object of the JSON contract.

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::class::Class;
use super::usage::UsageRow;
use crate::base::{RunNumber, Time};
use crate::engine::{State, TaskStatus};
use crate::event::merge::MergeResult;
use crate::event::status::word;
use crate::event::{CancelReason, Outcome, Status, StatusKind, Wait};

/// One run as one line of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRow {
    /// Its number in the project.
    pub number: RunNumber,
    /// `project#number`.
    #[serde(rename = "ref")]
    pub reference: String,
    /// Its slug.
    pub slug: String,
    /// What is to be done.
    pub goal: String,
    /// Its status.
    pub status: StatusKind,
    /// Why, for a blocked, failed or cancelled run.
    pub reason: Option<String>,
    /// What a waiting run waits for.
    pub wait: Option<String>,
    /// What went wrong before it waited: `error`, `interrupted` or `hibernated`.
    pub wait_detail: Option<String>,
    /// When it goes on by itself.
    pub wake_at: Option<Time>,
    /// The run that started it.
    pub parent: Option<RunNumber>,
    /// What became of the work.
    pub outcome: Option<Outcome>,
    /// The status in the words of older tools.
    pub legacy_status: LegacyStatus,
    /// Name of its team.
    pub team: String,
    /// Name of its workflow.
    pub workflow: String,
    /// Passes through its cycles, from 1.
    pub epoch: u32,
    /// Firings that led back.
    pub cycles: u32,
    /// Firings that may lead back.
    pub max_iterations: u32,
    /// When it was created.
    pub created_at: Time,
    /// When something happened last.
    pub updated_at: Time,
    /// Milliseconds during which at least one agent was at work.
    pub active_ms: u64,
    /// Used by all its attempts.
    pub usage: UsageRow,
    /// What it may use.
    pub budget: BudgetRow,
    /// Why it is risky.
    pub risk: Vec<String>,
    /// Where its work is.
    pub worktree: WorktreeRow,
    /// The process that drives it.
    pub supervisor: SupervisorRow,
    /// The evidence for the reason, in one line.
    pub detail: Option<String>,
    /// It rests, but something of it does not yet: an agent ends, or work is checked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_ending: bool,
    /// How far it is.
    pub progress: ProgressRow,
    /// Since when at least one agent is at work.
    pub active_since: Option<Time>,
    /// Decisions that wait for a person.
    pub decisions: usize,
    /// What it was called where it was imported from; such a run is only looked at.
    #[serde(default)]
    pub imported: Option<String>,
    /// What became of its work when it was last taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge: Option<MergeResult>,
}

/// What a run may use; absent means without limit.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct BudgetRow {
    /// Passes of its loops.
    pub steps: Option<u32>,
    /// Minutes of work.
    pub minutes: Option<u32>,
    /// Tokens, in and out.
    pub tokens: Option<u64>,
    /// US dollars.
    pub cost_usd: Option<f64>,
    /// What is used of it, by the run and the runs that it started.
    #[serde(default)]
    pub used: UsedRow,
}

/// What a run and the runs that it started have used up.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct UsedRow {
    /// Passes of loops.
    pub steps: u32,
    /// Milliseconds of work.
    pub active_ms: u64,
    /// Tokens, in and out.
    pub tokens: u64,
    /// US dollars; absent when no program told.
    pub cost_usd: Option<f64>,
}

impl BudgetRow {
    fn of(state: &State, now: Time) -> Self {
        let (budget, spent) = (&state.budget, state.budget_used(now));
        let minutes = |ms: u64| u32::try_from(ms.div_ceil(60_000)).unwrap_or(u32::MAX);
        Self {
            steps: budget.steps,
            minutes: budget.active_ms.map(minutes),
            tokens: budget.tokens,
            cost_usd: budget.cost_usd,
            used: UsedRow {
                steps: spent.steps,
                active_ms: spent.active_ms,
                tokens: spent.usage.tokens(),
                cost_usd: spent.usage.cost_usd,
            },
        }
    }

    /// Whether anything is limited.
    pub fn is_limited(&self) -> bool {
        self.steps.is_some()
            || self.minutes.is_some()
            || self.tokens.is_some()
            || self.cost_usd.is_some()
    }
}

/// Where a run's work is; absent before it begins and without git.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WorktreeRow {
    /// Its folder.
    pub path: Option<Utf8PathBuf>,
    /// Its branch.
    pub branch: Option<String>,
    /// The folder is not there any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
    /// The branch is not there either, as far as somebody has looked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub branch_removed: bool,
}

impl WorktreeRow {
    /// Where the work is, in words; nothing before it begins and without git.
    pub fn words(&self) -> Option<String> {
        let (path, branch) = (self.path.as_ref()?, self.branch.as_ref()?);
        Some(match (self.removed, self.branch_removed) {
            (false, _) => format!("{path} on branch {branch}"),
            (true, false) => format!(
                "removed; its commits are on branch {branch}, and `crew salvage list` shows what else was put away"
            ),
            (true, true) => format!(
                "removed with its branch {branch}; `crew salvage list` shows what was put away"
            ),
        })
    }
}

/// The process that drives a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SupervisorRow {
    /// Whether it lives.
    pub live: bool,
    /// Its process, while it lives.
    pub pid: Option<u32>,
}

/// How many of a run's tasks are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProgressRow {
    /// Tasks that are done.
    pub done: usize,
    /// Tasks at work.
    pub live: usize,
    /// All tasks.
    pub tasks: usize,
}

/// A run's status in the words of older tools (SPEC 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the words of the specification, section 5.1")]
pub enum LegacyStatus {
    Draft,
    Pending,
    Running,
    Validating,
    WaitingMerge,
    Blocked,
    Applied,
    Merged,
    Timeout,
    Failed,
    Rejected,
    Discarded,
    Stopped,
}

impl LegacyStatus {
    /// The word for a status; `is_checking` tells whether a task's work is being checked.
    pub fn of(status: &Status, is_checking: bool) -> Self {
        match status {
            Status::Draft => Self::Draft,
            Status::Queued { .. } => Self::Pending,
            Status::Running if is_checking => Self::Validating,
            Status::Running => Self::Running,
            Status::Waiting { wait: Wait::Merge { .. } } => Self::WaitingMerge,
            Status::Done { outcome: Outcome::Merged } => Self::Merged,
            Status::Merging | Status::Done { .. } => Self::Applied,
            Status::Blocked { reason, .. } if reason.is_timeout() => Self::Timeout,
            Status::Waiting { .. } | Status::Paused | Status::Blocked { .. } => Self::Blocked,
            Status::Failed { .. } => Self::Failed,
            Status::Cancelled { reason: CancelReason::Rejected } => Self::Rejected,
            Status::Cancelled { reason: CancelReason::Discarded } => Self::Discarded,
            Status::Cancelled { .. } => Self::Stopped,
            Status::Archived { last } => Self::of(last, is_checking),
        }
    }
}

impl RunRow {
    /// The row of a run at the moment `now`.
    pub fn of(state: &State, supervisor: SupervisorRow, now: Time) -> Self {
        let created = &state.created;
        let plan = state.plan();
        let is_checking = || state.tasks.iter().any(|task| task.status.as_checking().is_some());
        let (wait, mut wait_detail, wake_at) = waiting(&state.status);
        if wait.as_deref() == Some("limit") {
            wait_detail = Some(state.limits_told().join("; "));
        }
        Self {
            number: created.number,
            reference: state.reference(),
            slug: created.slug.clone(),
            goal: created.goal.clone(),
            status: state.status.kind(),
            reason: state.status.reason(),
            wait,
            wait_detail,
            wake_at,
            parent: created.parent.as_ref().map(|link| link.number),
            outcome: outcome(&state.status),
            legacy_status: LegacyStatus::of(
                &state.status,
                state.status.kind() == StatusKind::Running && is_checking(),
            ),
            team: plan.team.clone(),
            workflow: plan.workflow.clone(),
            epoch: state.epoch,
            cycles: state.cycles,
            max_iterations: plan.max_iterations,
            created_at: state.created_at,
            updated_at: state.updated_at,
            active_ms: state.active_ms_at(now),
            usage: UsageRow::from(&state.usage),
            budget: BudgetRow::of(state, now),
            risk: reasons(state),
            worktree: state.worktree.as_ref().map_or_else(WorktreeRow::default, |tree| {
                let (path, branch) = (Some(tree.path.clone()), Some(tree.branch.clone()));
                WorktreeRow { path, branch, ..WorktreeRow::default() }
            }),
            supervisor,
            detail: state.status.detail().map(str::to_owned),
            is_ending: !state.status.kind().needs_supervisor() && !state.is_at_rest(),
            progress: ProgressRow {
                done: state
                    .tasks
                    .iter()
                    .filter(|task| matches!(task.status, TaskStatus::Done { .. }))
                    .count(),
                live: state.live_count(),
                tasks: state.tasks.len(),
            },
            active_since: state.active_since,
            // Whatever it asked, nobody here can decide it.
            decisions: if created.flags.imported.is_some() {
                0
            } else {
                state.asked_decisions().len()
            },
            imported: created.flags.imported.as_ref().map(|link| link.from.clone()),
            merge: state.merge.as_ref().and_then(|merge| merge.result.clone()),
        }
    }

    /// The row as a checkpoint keeps it: without what is only true at one moment.
    pub fn stored(state: &State) -> Box<RawValue> {
        let moment = state.active_since.unwrap_or(state.updated_at);
        let row = Self::of(state, SupervisorRow::default(), moment);
        serde_json::value::to_raw_value(&row).expect("a row has no map keys but text")
    }

    /// A stored row at the moment `now`; nothing when another version of crew wrote it.
    pub fn restore(stored: &RawValue, supervisor: SupervisorRow, now: Time) -> Option<Self> {
        let mut row: Self = serde_json::from_str(stored.get()).ok()?;
        let more = row.active_since.map_or(0, |since| now.since_ms(since));
        row.active_ms += more;
        row.budget.used.active_ms += more;
        row.supervisor = supervisor;
        Some(row)
    }

    /// Whether somebody has to drive it: it is at work, or not yet at rest.
    pub fn needs_supervisor(&self) -> bool {
        self.status.needs_supervisor() || self.is_ending
    }

    /// How much the run needs a look.
    pub fn class(&self) -> Class {
        if self.imported.is_some() && !self.status.is_terminal() {
            return Class::Idle;
        }
        match self.status {
            // What is asked meanwhile can be answered before the child runs have ended.
            StatusKind::Waiting if self.decisions > 0 => Class::NeedsYou,
            StatusKind::Draft => Class::NeedsYou,
            StatusKind::Waiting => match self.wait.as_deref() {
                Some("limit" | "children") => Class::Parked,
                _ => Class::NeedsYou,
            },
            StatusKind::Blocked | StatusKind::Failed => Class::Failed,
            StatusKind::Running | StatusKind::Merging if !self.supervisor.live => Class::Stalled,
            StatusKind::Running if self.decisions > 0 => Class::NeedsYou,
            StatusKind::Running | StatusKind::Merging => Class::Running,
            StatusKind::Queued | StatusKind::Paused => Class::Parked,
            StatusKind::Done => Class::Done,
            StatusKind::Cancelled | StatusKind::Archived => Class::Idle,
        }
    }

    /// The status with its reason, as tables show it: `waiting (question)`.
    pub fn status_words(&self) -> String {
        let outcome = self.outcome.map(|outcome| word(&outcome));
        let more = self.wait.as_ref().or(self.reason.as_ref()).or(outcome.as_ref());
        match more {
            Some(more) => format!("{} ({more})", self.status.as_str()),
            None if self.class() == Class::Stalled => {
                format!("{} (no supervisor)", self.status.as_str())
            }
            None => self.status.as_str().to_owned(),
        }
    }
}

/// The reasons for which the run is risky, each once.
fn reasons(state: &State) -> Vec<String> {
    let mut reasons: Vec<String> = Vec::new();
    for risk in state.risks() {
        let word = risk.reason.as_str();
        if !reasons.iter().any(|known| known == word) {
            reasons.push(word.to_owned());
        }
    }
    reasons
}

fn waiting(status: &Status) -> (Option<String>, Option<String>, Option<Time>) {
    match status {
        Status::Waiting { wait } => {
            let (detail, wake_at) = match wait {
                Wait::Merge { trouble, .. } => (trouble.as_ref().map(word), None),
                Wait::Limit { wake_at } => (None, Some(*wake_at)),
                Wait::Auth { detail } => (Some(detail.clone()), None),
                Wait::Gate | Wait::Question { .. } | Wait::Children => (None, None),
            };
            (Some(wait.as_str().to_owned()), detail, wake_at)
        }
        Status::Queued { not_before, .. } => (None, None, *not_before),
        Status::Archived { .. }
        | Status::Draft
        | Status::Running
        | Status::Paused
        | Status::Blocked { .. }
        | Status::Merging
        | Status::Done { .. }
        | Status::Failed { .. }
        | Status::Cancelled { .. } => (None, None, None),
    }
}

fn outcome(status: &Status) -> Option<Outcome> {
    match status {
        Status::Done { outcome } => Some(*outcome),
        Status::Archived { last } => outcome(last),
        Status::Draft
        | Status::Queued { .. }
        | Status::Running
        | Status::Waiting { .. }
        | Status::Paused
        | Status::Blocked { .. }
        | Status::Merging
        | Status::Failed { .. }
        | Status::Cancelled { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{BlockedReason, FailedReason};
    use crate::snapshot::sample;

    #[test]
    fn older_tools_get_the_words_they_know() {
        use LegacyStatus as L;
        let blocked = |reason| Status::Blocked { reason, detail: String::new() };
        let cancelled = |reason| Status::Cancelled { reason };
        let done = |outcome| Status::Done { outcome };
        let waiting = |wait| Status::Waiting { wait };
        let merge = || Wait::Merge { branch: "b".into(), trouble: None };
        let failed = Status::Failed { reason: FailedReason::AgentFailed, detail: String::new() };
        for (status, legacy) in [
            (Status::Draft, L::Draft),
            (Status::Queued { resumed: false, not_before: None }, L::Pending),
            (Status::Running, L::Running),
            (waiting(merge()), L::WaitingMerge),
            (waiting(Wait::Gate), L::Blocked),
            (Status::Paused, L::Blocked),
            (Status::Merging, L::Applied),
            (done(Outcome::Merged), L::Merged),
            (done(Outcome::Delivered), L::Applied),
            (blocked(BlockedReason::BudgetCost), L::Timeout),
            (blocked(BlockedReason::TaskTimeout), L::Timeout),
            (blocked(BlockedReason::Stalled), L::Blocked),
            (failed.clone(), L::Failed),
            (cancelled(CancelReason::Rejected), L::Rejected),
            (cancelled(CancelReason::Discarded), L::Discarded),
            (cancelled(CancelReason::Parent), L::Stopped),
            (Status::Archived { last: Box::new(failed) }, L::Failed),
        ] {
            assert_eq!(LegacyStatus::of(&status, false), legacy, "{status:?}");
        }
        assert_eq!(LegacyStatus::of(&Status::Running, true), L::Validating);
        assert_eq!(word(&L::WaitingMerge), "WAITING_MERGE");
    }

    #[test]
    fn a_stored_row_reads_back_as_the_row_of_the_moment() {
        let state = sample::running();
        let now = state.updated_at.plus_ms(5_000);
        let supervisor = SupervisorRow { live: true, pid: Some(7) };
        let restored = RunRow::restore(&RunRow::stored(&state), supervisor, now);
        assert_eq!(restored, Some(RunRow::of(&state, supervisor, now)));
        assert!(RunRow::of(&state, supervisor, now).active_ms >= 5_000);
    }

    #[test]
    fn a_running_run_without_a_supervisor_is_stalled() {
        let state = sample::running();
        let row = |live| RunRow::of(&state, SupervisorRow { live, pid: None }, state.updated_at);
        assert_eq!(row(true).class(), Class::Running);
        assert_eq!(row(false).class(), Class::Stalled);
        assert_eq!(row(false).status_words(), "running (no supervisor)");
    }
}
