//! Tasks that a person has taken over in a terminal: they hold their tree and nothing else, no attempt of
//! theirs starts, and their clocks stand still (SPEC 12).

use serde::{Deserialize, Serialize};

use super::decide::{find, next_step, refusal};
use super::input::Refusal;
use super::state::{CheckingAttempt, State, TaskStatus};
use crate::base::flow::{Access, StepKind};
use crate::base::{TaskId, Time};
use crate::event::attempt::{AttemptEnded, Report};
use crate::event::body::AttemptStopping;
use crate::event::pass::Said;
use crate::event::takeover::{HandBack, TaskHandedBack, TaskTaken};
use crate::event::{Actor, Body, EndReason, StatusKind, Usage};
use crate::plan::graph::TaskIx;

/// Why the attempt of a task is stopped that a person wants.
pub(super) const STOPPING: &str = "a person takes it over";

/// A task in a person's hands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Taken {
    /// Who.
    pub by: Actor,
    /// The process that holds the terminal.
    pub pid: u32,
    /// Marks every process of the session.
    pub mark: String,
    /// The program that was opened.
    pub program: String,
    /// Since when.
    pub since: Time,
}

impl State {
    /// Who has taken the task over, while somebody has.
    pub fn taken(&self, task: TaskIx) -> Option<&Taken> {
        self.taken.get(&task)
    }

    /// Tasks in people's hands, in order.
    pub fn all_taken(&self) -> impl Iterator<Item = (TaskIx, &Taken)> {
        self.taken.iter().map(|(task, taken)| (*task, taken))
    }

    /// What the next attempt of a task is told about the person who had it.
    pub fn handed_back(&self, task: TaskIx) -> Option<&TaskHandedBack> {
        self.tasks[task].handed.as_deref()
    }

    /// Whether a person works in the run's own tree, writing (`true`) or reading.
    pub(super) fn is_tree_in_hands(&self, writing: bool) -> bool {
        let wanted = if writing { Access::Write } else { Access::Read };
        self.taken.keys().any(|&task| {
            let step = self.step_of(task);
            self.is_in_hands(task) && step.access == wanted && self.index.is_shared(step)
        })
    }

    /// Whether a person works on the task now; one whose last attempt has not ended is still its agent's.
    pub(super) fn is_in_hands(&self, task: TaskIx) -> bool {
        self.taken.contains_key(&task) && !self.tasks[task].status.is_settled()
    }

    /// Whether everything that is ready is in people's hands.
    pub(super) fn is_all_taken(&self) -> bool {
        let mut ready = self.index.ready.iter();
        self.taken.keys().any(|&task| self.is_in_hands(task))
            && ready.all(|task| self.taken.contains_key(task))
    }

    pub(super) fn task_taken(&mut self, at: Time, taken: &TaskTaken) {
        let Some(task) = self.task_ix(&taken.task) else { return };
        let entry = Taken {
            by: taken.by.clone(),
            pid: taken.pid,
            mark: taken.mark.clone(),
            program: taken.program.clone(),
            since: at,
        };
        self.taken.insert(task, entry);
        self.tasks[task].seq = self.seq;
    }

    /// What is there is looked at like the work of an attempt, then the task goes on.
    pub(super) fn task_handed_back(&mut self, at: Time, back: &TaskHandedBack) {
        let Some(task) = self.task_ix(&back.task) else { return };
        if self.taken.remove(&task).is_none() {
            return;
        }
        let entry = &mut self.tasks[task];
        entry.seq = self.seq;
        // Before its attempt had ended nobody could work on it.
        if back.how == HandBack::Unused || !matches!(entry.status, TaskStatus::Ready { .. }) {
            return;
        }
        // Nobody was told of an earlier session yet: what changed there counts as well.
        let mut told = back.clone();
        if let Some(before) = entry.handed.take() {
            let new: Vec<_> =
                before.files.iter().filter(|file| !told.files.contains(file)).collect();
            let count = u32::try_from(new.len()).unwrap_or(u32::MAX);
            let unnamed = before
                .file_count
                .saturating_sub(u32::try_from(before.files.len()).unwrap_or(u32::MAX));
            told.file_count = told.file_count.saturating_add(count).saturating_add(unnamed);
            told.files.extend(new.into_iter().cloned());
            told.files.truncate(crate::base::limits::CHANGED_SHOWN_MAX);
        }
        entry.handed = Some(Box::new(told));
        if entry.attempts == 0 || self.status.is_terminal() {
            return;
        }
        entry.said = None;
        let checking = CheckingAttempt {
            end: end_of(at, back, entry.attempts, entry.session.clone()),
            runtime: entry.runtime.clone().unwrap_or_default(),
            model: None,
            is_resumed: false,
            stopped: None,
            by_person: true,
            check: None,
            merged: None,
            conflict: None,
        };
        self.set_task(task, TaskStatus::Checking(Box::new(checking)));
    }
}

/// The turn of a person as an attempt that ended; it used nothing that is known.
fn end_of(at: Time, back: &TaskHandedBack, attempt: u32, session: Option<String>) -> AttemptEnded {
    let is_done = back.how == HandBack::Done;
    let report = Report {
        spoke: is_done,
        verdict: is_done.then_some(true),
        state: is_done.then_some(Said::Done),
        ..Report::default()
    };
    AttemptEnded {
        task: back.task.clone(),
        attempt,
        reason: if is_done { EndReason::Exited } else { EndReason::Stopped },
        code: is_done.then_some(0),
        signal: None,
        ended_at: at,
        duration_ms: 0,
        output_bytes: 0,
        summary: String::new(),
        failure: String::new(),
        session,
        report,
        usage: Usage::default(),
        leftovers: 0,
        changed: None,
    }
}

/// A person wants the task; `over` names the session of one who is gone.
pub(super) fn take(
    state: &State,
    wanted: &TaskTaken,
    over: Option<&str>,
) -> Result<Vec<Body>, Refusal> {
    let task = find(state, &wanted.task)?;
    check(state, task, over)?;
    Ok(vec![wanted.clone().into()])
}

/// Whether a person may take the task over now.
///
/// # Errors
/// Why not, and what to do instead.
pub fn check(state: &State, task: TaskIx, over: Option<&str>) -> Result<(), Refusal> {
    let (id, number) = (state.task_id(task), state.created.number);
    if let Some(taken) = state.taken(task).filter(|taken| over != Some(&taken.mark)) {
        let reason =
            format!("`{id}` is in the hands of {} (process {})", taken.by.name(), taken.pid);
        let hint = "end that session first".to_owned();
        return Err(Refusal { code: "conflict", reason, hint });
    }
    if state.status.is_terminal()
        || matches!(state.status.kind(), StatusKind::Draft | StatusKind::Merging)
    {
        return Err(refusal(state, "attach", "queued, running, waiting, paused or blocked"));
    }
    let step = state.step_of(task);
    let has_agent = match step.kind {
        StepKind::Human => false,
        StepKind::End => !step.runtime.is_empty(),
        StepKind::Agent | StepKind::Command => true,
    };
    if !has_agent {
        let reason = format!("no program plays `{id}`, so there is nothing to take over");
        return Err(Refusal::state(reason, next_step(state)));
    }
    check_status(state, task, &id)?;
    // Who has the tree now ends first: there is one writer at a time.
    let is_writer = step.access == Access::Write;
    if step.access == Access::None || !state.index.is_shared(step) {
        return Ok(());
    }
    let index = &state.index;
    let readers = is_writer.then_some(&index.tree_readers).into_iter().flatten();
    let hands = state.taken.keys().filter(|&&other| {
        let other = state.step_of(other);
        state.index.is_shared(other)
            && other.access != Access::None
            && (is_writer || other.access == Access::Write)
    });
    let mut others = index.tree_writers.iter().chain(readers).chain(hands);
    match others.find(|&&other| other != task) {
        None => Ok(()),
        Some(&other) => {
            let other = state.task_id(other);
            let reason = format!("`{other}` works in the same worktree now");
            let hint = format!(
                "wait until it has ended (`crew status {number}`), or take it over: `crew attach {number} {other}`"
            );
            Err(Refusal::state(reason, hint))
        }
    }
}

fn check_status(state: &State, task: TaskIx, id: &TaskId) -> Result<(), Refusal> {
    let number = state.created.number;
    let status = &state.tasks[task].status;
    let hint = match status {
        TaskStatus::Ready { .. } | TaskStatus::Running(_) => return Ok(()),
        TaskStatus::Checking(checking) if checking.conflict.is_none() => return Ok(()),
        TaskStatus::Checking(_) => format!("`crew why {number}/{id}` says who resolves it"),
        TaskStatus::Pending | TaskStatus::Stale => {
            format!("`crew why {number}/{id}` tells what it waits for")
        }
        TaskStatus::WaitingInput { .. } => {
            format!("`crew answer {number} {id} --text …` answers it, then it can be taken over")
        }
        TaskStatus::Failed { .. } | TaskStatus::TimedOut { .. } => {
            format!("`crew retry {number}/{id}` tries it again, then it can be taken over")
        }
        TaskStatus::Done { .. } | TaskStatus::Skipped { .. } => next_step(state),
    };
    let what = match status {
        TaskStatus::Checking(_) => "has a conflict with the work of others".to_owned(),
        TaskStatus::Pending | TaskStatus::Stale => "has not begun".to_owned(),
        TaskStatus::WaitingInput { .. } => "waits for an answer".to_owned(),
        TaskStatus::Ready { .. }
        | TaskStatus::Running(_)
        | TaskStatus::Failed { .. }
        | TaskStatus::TimedOut { .. }
        | TaskStatus::Done { .. }
        | TaskStatus::Skipped { .. } => format!("is {}", status.as_str()),
    };
    Err(Refusal::state(format!("task `{id}` {what}"), hint))
}

/// A person gives the task back; `mark` names the session, so that nobody ends another's.
pub(super) fn hand_back(
    state: &State,
    back: &TaskHandedBack,
    mark: &str,
) -> Result<Vec<Body>, Refusal> {
    let task = find(state, &back.task)?;
    let id = &back.task;
    if state.taken(task).is_none_or(|taken| taken.mark != mark) {
        let reason = format!("`{id}` is not in these hands any more");
        return Err(Refusal::state(reason, next_step(state)));
    }
    if back.how == HandBack::Done && state.tasks[task].attempts == 0 {
        let reason = format!("`{id}` had no attempt yet that could be called done");
        return Err(Refusal::state(reason, "let it go on instead"));
    }
    Ok(vec![back.clone().into()])
}

/// Whoever had the task is gone, as the supervisor sees.
pub(super) fn taker_gone(state: &State, back: &TaskHandedBack, mark: &str) -> Vec<Body> {
    hand_back(state, back, mark).unwrap_or_default()
}

/// Attempts whose tasks people have taken over end.
pub(super) fn interrupted(state: &State) -> Vec<Body> {
    let live = state.taken.keys().filter_map(|&task| {
        let live = state.tasks[task].status.as_live()?;
        live.stopping.is_none().then(|| {
            let (task, attempt) = (state.task_id(task), live.number);
            AttemptStopping { task, attempt, why: STOPPING.to_owned() }.into()
        })
    });
    live.collect()
}
