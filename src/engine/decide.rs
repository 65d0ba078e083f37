//! What an input means now: the events of a command that is allowed, or the refusal of one that is not.

use super::budget::{self, BudgetChange};
use super::decision::{self, Wish};
use super::input::{Command, Input, Refusal, Unmet};
use super::state::{State, TaskStatus};
use super::transitions::{from_words, is_listed};
use super::{call, children, failure, fire, mail, merge, risk, takeover, trees, verify};
use crate::base::flow::Access;
use crate::base::{RunNumber, TaskId, Time};
use crate::event::body::{CommandRefused, MessageSent, ReadyCause, RunTransitioned, TaskReadied};
use crate::event::decision::DecisionKind;
use crate::event::message::Message;
use crate::event::pass::PassesAdded;
use crate::event::{BlockedReason, Body, CancelReason, Rule, Status, StatusKind, Wait};

/// The events that an input causes by itself; what follows from them is for `settle`.
///
/// # Errors
/// The command is not allowed in this state; nothing happens.
pub fn decide(state: &State, now: Time, input: &Input) -> Result<Vec<Body>, Refusal> {
    if let Some(link) = &state.created.flags.imported {
        let number = state.created.number;
        return Err(Refusal {
            code: "imported",
            reason: format!("run #{number} was imported from {}, and is only looked at", link.from),
            hint: format!("`crew show {number}` shows it"),
        });
    }
    match input {
        Input::Wake => Ok(Vec::new()),
        Input::SupervisorStarted(started) => {
            let mut events = vec![started.clone().into()];
            events.extend(decision::renew(state, now));
            Ok(events)
        }
        Input::AttemptEnded(end) => Ok(match state.task_ix(&end.task) {
            Some(task) if is_live(state, task, end.attempt) => vec![end.clone().into()],
            _ => Vec::new(),
        }),
        Input::CheckFinished(check) => Ok(match state.task_ix(&check.task) {
            Some(task) if awaits_check(state, task, check.attempt) => vec![check.clone().into()],
            _ => Vec::new(),
        }),
        Input::TreeMerged(merged) => Ok(trees::merged(state, merged)),
        Input::TreeConflicted(found) => Ok(trees::conflicted(state, found)),
        Input::WorktreeCreated(made) => Ok(vec![made.clone().into()]),
        Input::WorktreeFailed(why) => worktree_failed(state, why),
        Input::Evidence(found) => Ok(vec![found.clone().into()]),
        Input::TakerGone { back, mark } => Ok(takeover::taker_gone(state, back, mark)),
        Input::MergeStarted => Ok(merge::started(state)),
        Input::MergeBuilt(built) => Ok(merge::built(state, built)),
        Input::MergeFinished(finished) => Ok(merge::finished(state, finished)),
        Input::ChildCreated(created) => Ok(children::created(state, created)),
        Input::ChildrenRefused(refused) => Ok(children::refused(state, refused)),
        Input::ChildEnded(ended) => Ok(children::ended(state, ended)),
        Input::Spoken(command) => {
            Ok(decide_command(state, now, command).unwrap_or_else(|refusal| {
                let code = refusal.code.to_owned();
                let (command, reason) = (command.verb().to_owned(), refusal.reason);
                vec![CommandRefused { command, code, reason }.into()]
            }))
        }
        Input::Fact(Body::MessageDelivered(given)) => Ok(mail::delivered(state, given)),
        Input::Fact(body) => Ok(vec![body.clone()]),
        Input::Command(command) => decide_command(state, now, command),
    }
}

fn is_live(state: &State, task: usize, number: u32) -> bool {
    matches!(&state.tasks[task].status, TaskStatus::Running(live) if live.number == number)
}

fn awaits_check(state: &State, task: usize, number: u32) -> bool {
    matches!(&state.tasks[task].status, TaskStatus::Checking(checking)
        if checking.end.attempt == number && checking.check.is_none())
}

fn worktree_failed(state: &State, why: &str) -> Result<Vec<Body>, Refusal> {
    if state.status.kind() != StatusKind::Running {
        return Ok(Vec::new());
    }
    let reason = BlockedReason::WorktreeError;
    moved(state, Rule::T24b, Status::Blocked { reason, detail: why.to_owned() })
}

fn decide_command(state: &State, now: Time, command: &Command) -> Result<Vec<Body>, Refusal> {
    let (command, change, accepts_risks) =
        if let Command::With { command, budget, accepts_risks } = command {
            (&**command, *budget, *accepts_risks)
        } else {
            (command, BudgetChange::default(), false)
        };
    let changed = budget::changed(state, now, &change)?;
    let mut events = decide_plain(state, now, command, changed.is_some())?;
    if matches!(command, Command::Resume { .. } | Command::RetryTask { .. }) {
        budget::check_left(state, now, changed.as_ref())?;
    }
    if let Some(changed) = changed {
        events.insert(0, changed.into());
    }
    risk::guard(state, now, events, accepts_risks)
}

fn decide_plain(
    state: &State,
    now: Time,
    command: &Command,
    has_budget: bool,
) -> Result<Vec<Body>, Refusal> {
    match command {
        // One within another says nothing more.
        Command::With { command, .. } => decide_plain(state, now, command, has_budget),
        Command::Promote { dependencies } => promote(state, now, dependencies.as_ref()),
        Command::Release { parent } => release(state, *parent),
        Command::EndWithParent { parent } if state.is_target_moving() => {
            children::check_parent(state, *parent)?;
            Ok(merge::stop(state).unwrap_or_default())
        }
        Command::EndWithParent { parent } => match children::end_with_parent(state, *parent)? {
            Some((rule, to)) => moved(state, rule, to),
            None => Ok(Vec::new()),
        },
        Command::Pause => pause(state),
        Command::Resume { message, add_steps } => resume(state, message.as_ref(), *add_steps),
        Command::Stop => {
            let reason = CancelReason::Stopped;
            let at_once = || by_person(state, "stop", Rule::T36, Status::Cancelled { reason });
            merge::stop(state).map_or_else(at_once, Ok)
        }
        Command::RetryTask { task, runtime, message } => {
            retry_task(state, task, runtime.as_ref(), message.as_ref())
        }
        Command::Reopen { message } => reopen(state, message.as_ref()),
        Command::Take { taken, over } => takeover::take(state, taken, over.as_deref()),
        Command::HandBack { back, mark } => takeover::hand_back(state, back, mark),
        Command::Archive => {
            let last = Box::new(state.status.clone());
            by_person(state, "archive", Rule::T38, Status::Archived { last })
        }
        Command::Unarchive => unarchive(state),
        Command::Decide { target, action, text, proof, by, into } => {
            let (target, into) = (target.as_deref(), into.as_deref());
            let wish = Wish { target, action: *action, text, proof, by, has_budget, into };
            decision::decide(state, now, &wish)
        }
        Command::Show { id, nonce_hash } => decision::show(state, now, id, nonce_hash),
        Command::WriteGate { gate, data, by } => call::write_gate(state, gate, data, by),
        Command::Send { message, gates, by } => call::send(state, message, gates, by),
        Command::Retract { id } => call::retract(state, id),
        Command::Ack { ids, task, attempt } => Ok(call::ack(state, ids, task, *attempt)),
        Command::Ask { task, attempt, question } => call::ask(state, task, *attempt, question),
        Command::Verify { task, attempt, name } => verify::verify(state, task, *attempt, name),
        Command::Park { task, attempt } => call::park(state, task, *attempt),
        Command::Report { task, attempt, outcome, text } => {
            call::report(state, task, *attempt, *outcome, text)
        }
    }
}

fn moved(state: &State, rule: Rule, to: Status) -> Result<Vec<Body>, Refusal> {
    if !is_listed(rule, state.status.kind(), to.kind()) {
        let reason = format!("the run is {}", state.status.kind().as_str());
        return Err(Refusal::state(reason, String::new()));
    }
    Ok(vec![RunTransitioned { rule, to, text: String::new() }.into()])
}

fn unarchive(state: &State) -> Result<Vec<Body>, Refusal> {
    let Status::Archived { last } = &state.status else {
        return Err(refusal(state, "undo", &from_words(Rule::T38b)));
    };
    by_person(state, "undo", Rule::T38b, (**last).clone())
}

fn by_person(state: &State, verb: &str, rule: Rule, to: Status) -> Result<Vec<Body>, Refusal> {
    moved(state, rule, to).map_err(|_| refusal(state, verb, &from_words(rule)))
}

pub(super) fn refusal(state: &State, verb: &str, allowed: &str) -> Refusal {
    let (number, status) = (state.created.number, state.status.kind().as_str());
    Refusal::state(
        format!("run #{number} is {status}; `{verb}` needs a run that is {allowed}"),
        next_step(state),
    )
}

/// The command that fits the status, for hints.
pub(super) fn next_step(state: &State) -> String {
    let number = state.created.number;
    match &state.status {
        Status::Draft if state.needs_approval() => format!(
            "`crew approve {number}` lets it start, `crew reject {number}` does not, \
             `crew suggest {number} --text …` changes it"
        ),
        Status::Draft => match &state.created.parent {
            Some(link) => format!("`crew status {}` shows the run that lets it start", link.number),
            None => format!("`crew status {number}` shows it"),
        },
        Status::Running | Status::Merging => {
            format!("`crew status {number}` shows it, `crew stop {number}` ends it")
        }
        Status::Waiting { wait: Wait::Question { task } } => {
            format!("`crew answer {number} {task} --text …` answers it")
        }
        Status::Waiting { wait: Wait::Merge { branch, .. } } => format!(
            "the work is on branch `{branch}`; `crew diff {number}` shows it, `crew merge {number}` takes it over, \
             `crew request-changes {number} --text …` sends it back, `crew discard {number}` throws it away"
        ),
        Status::Waiting { wait: Wait::Gate } => match asked_subject(state) {
            Some(subject) => format!(
                "`crew approve {number} {subject}` says yes, `crew reject {number} {subject} --text …` no"
            ),
            None => format!("`crew decisions {number}` shows what it waits for"),
        },
        Status::Blocked { reason: BlockedReason::HumanRejected, .. } => {
            let subject = asked_subject(state).map(|subject| format!(" {subject}"));
            let subject = subject.unwrap_or_default();
            format!(
                "`crew approve {number}{subject}` says yes after all, `crew retry {number}` starts anew"
            )
        }
        Status::Waiting { wait: Wait::Children } => {
            let mut open = state.children.iter().filter(|child| child.is_open());
            match open.find_map(|child| child.number) {
                Some(child) => {
                    format!("`crew status {child}` shows the first run that it waits for")
                }
                None => format!("`crew status {number}` shows it"),
            }
        }
        Status::Waiting { wait: Wait::Auth { .. } } => {
            format!(
                "`crew resume {number}` goes on when somebody has logged in, \
                 `crew retry {number}/TASK --runtime NAME` with another program"
            )
        }
        Status::Waiting { wait: Wait::Limit { .. } } => {
            format!("`crew resume {number}` tries at once, `crew stop {number}` ends it")
        }
        Status::Queued { .. } => {
            format!("`crew why {number}` tells what it waits for")
        }
        Status::Blocked { reason, .. } => budget::next_step(state, *reason)
            .unwrap_or_else(|| format!("`crew resume {number}` goes on")),
        Status::Paused => format!("`crew resume {number}` goes on"),
        Status::Done { .. } => format!("`crew reopen {number} --text …` works on it again"),
        Status::Failed { .. } | Status::Archived { .. } => {
            format!("`crew retry {number}` starts a new run")
        }
        Status::Cancelled { .. } => {
            format!("`crew reopen {number}` goes on, `crew retry {number}` starts anew")
        }
    }
}

/// What the first gate or proposal that waits for a person is called.
fn asked_subject(state: &State) -> Option<&str> {
    let asked = state.asked_decisions();
    let kinds = [DecisionKind::Gate, DecisionKind::Plan];
    asked
        .iter()
        .find(|entry| kinds.contains(&entry.opened.kind))
        .map(|entry| entry.opened.subject.as_str())
}

fn promote(
    state: &State,
    now: Time,
    dependencies: Option<&Result<(), Unmet>>,
) -> Result<Vec<Body>, Refusal> {
    let Status::Queued { not_before, .. } = &state.status else {
        return Err(refusal(state, "promote", "queued"));
    };
    if not_before.is_some_and(|moment| moment > now) {
        return Err(Refusal::not_due("its back-off is not over"));
    }
    match dependencies {
        None => Err(Refusal::not_due("a run that it depends on is not done")),
        Some(Err(unmet)) => {
            let to = if unmet.is_cancelled {
                Status::Cancelled { reason: CancelReason::Parent }
            } else {
                let reason = BlockedReason::DependencyFailed;
                Status::Blocked { reason, detail: unmet.detail.clone() }
            };
            let text = unmet.detail.clone();
            Ok(vec![RunTransitioned { rule: Rule::T09, to, text }.into()])
        }
        Some(Ok(())) => moved(state, Rule::T08, Status::Running),
    }
}

/// A draft goes into the queue; whoever was approved, rejected or released before stays as it is.
fn release(state: &State, parent: RunNumber) -> Result<Vec<Body>, Refusal> {
    children::check_parent(state, parent)?;
    // What the parent's planner wrote may be risky in itself: then a person lets it start, or nobody.
    if state.status.kind() != StatusKind::Draft || state.needs_approval() {
        return Ok(Vec::new());
    }
    moved(state, Rule::T06, Status::Queued { resumed: false, not_before: None })
}

fn pause(state: &State) -> Result<Vec<Body>, Refusal> {
    by_person(state, "pause", Rule::T16, Status::Paused)
}

const RESUMED: Status = Status::Queued { resumed: true, not_before: None };

fn resume(state: &State, message: Option<&Message>, add_steps: u32) -> Result<Vec<Body>, Refusal> {
    let rule = match &state.status {
        Status::Paused => Rule::T17,
        // Somebody has logged in, or knows better than the clock.
        Status::Waiting { wait: Wait::Auth { .. } | Wait::Limit { .. } } => Rule::T13,
        Status::Waiting { .. }
        | Status::Draft
        | Status::Queued { .. }
        | Status::Running
        | Status::Blocked { .. }
        | Status::Merging
        | Status::Done { .. }
        | Status::Failed { .. }
        | Status::Cancelled { .. }
        | Status::Archived { .. } => Rule::T34,
    };
    let mut events =
        moved(state, rule, RESUMED).map_err(|_| refusal(state, "resume", "paused or blocked"))?;
    if add_steps > 0 {
        if !state.plan().steps.iter().any(|step| step.looping.is_some()) {
            let reason =
                format!("run #{} has no loop that could get more passes", state.created.number);
            return Err(Refusal::state(reason, "leave `--add-steps` out"));
        }
        events.insert(0, PassesAdded { passes: add_steps }.into());
    } else if let Status::Blocked { reason: BlockedReason::BudgetSteps, .. } = &state.status {
        let blocking = state.first_blocking();
        blocking.map_or(Ok(()), |(task, _)| check_passes(state, task))?;
    }
    events.extend(message.map(sent));
    if matches!(state.status, Status::Waiting { wait: Wait::Limit { .. } }) {
        events.extend(failure::at_once(state));
    }
    for &task in &state.index.blocking {
        // Others go on; this one needs more passes, which nobody has given it.
        if add_steps == 0 && state.is_out_of_passes(task) {
            continue;
        }
        let failure = state.tasks[task].status.why().unwrap_or_default().to_owned();
        events.push(readied(state.task_id(task), ReadyCause::Human, failure, None));
    }
    events.extend(merge::ask_for_outputs(state));
    Ok(events)
}

/// A loop without passes cannot be tried again.
fn check_passes(state: &State, task: usize) -> Result<(), Refusal> {
    if !state.is_out_of_passes(task) {
        return Ok(());
    }
    let (used, _) = state.passes(task).unwrap_or_default();
    let reason = format!("`{}` has used all of its {used} passes", state.task_id(task));
    let hint = format!("`crew resume {} --add-steps 4` gives it more", state.created.number);
    Err(Refusal::state(reason, hint))
}

fn sent(message: &Message) -> Body {
    MessageSent { message: message.clone(), writes: Vec::new(), attempt: None }.into()
}

pub(super) fn readied(
    task: TaskId,
    cause: ReadyCause,
    failure: String,
    runtime: Option<String>,
) -> Body {
    TaskReadied { task, cause, not_before: None, failure, runtime, model: None }.into()
}

pub(super) fn find(state: &State, id: &TaskId) -> Result<usize, Refusal> {
    state.task_ix(id).ok_or_else(|| {
        let names: Vec<String> =
            (0..state.tasks.len()).map(|ix| state.task_id(ix).to_string()).collect();
        let near =
            crate::base::text::did_you_mean(&id.to_string(), names.iter().map(String::as_str));
        let hint = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("`crew status {}` lists the tasks", state.created.number),
        };
        let reason = format!("run #{} has no task `{id}`", state.created.number);
        Refusal { code: "not_found", reason, hint }
    })
}

fn retry_task(
    state: &State,
    id: &TaskId,
    runtime: Option<&String>,
    message: Option<&Message>,
) -> Result<Vec<Body>, Refusal> {
    let task = find(state, id)?;
    let status = &state.tasks[task].status;
    if !matches!(status, TaskStatus::Failed { .. } | TaskStatus::TimedOut { .. }) {
        let reason = format!(
            "task `{id}` is {}; only a failed or timed out task is tried again",
            status.as_str()
        );
        return Err(Refusal::state(reason, next_step(state)));
    }
    check_passes(state, task)?;
    // Another program needs no login of the one that the run waits for.
    let waits_for_login = matches!(&state.status, Status::Waiting { wait: Wait::Auth { .. } });
    let rule = if waits_for_login { Rule::T13 } else { Rule::T34b };
    let mut events = if state.status.kind() == StatusKind::Running {
        Vec::new()
    } else {
        by_person(state, "retry RUN/TASK", rule, RESUMED)?
    };
    events.extend(message.map(sent));
    let failure = status.why().unwrap_or_default().to_owned();
    events.push(readied(id.clone(), ReadyCause::Human, failure, runtime.cloned()));
    Ok(events)
}

/// A run that ended goes on: what was cut short is ready again, else its work is asked for again.
fn reopen(state: &State, message: Option<&Message>) -> Result<Vec<Body>, Refusal> {
    let mut events = by_person(state, "reopen", Rule::T37, RESUMED)?;
    events.extend(message.map(sent));
    let is_done = state.status.kind() == StatusKind::Done;
    let cut_short: Vec<usize> = (0..state.tasks.len())
        .filter(|_| !is_done)
        .filter(|&task| matches!(state.tasks[task].status, TaskStatus::Skipped { .. }))
        .filter(|&task| state.steps[state.step_ix_of(task)].activated > 0)
        .collect();
    for &task in &cut_short {
        let failure = state.tasks[task].failure.clone();
        events.push(readied(state.task_id(task), ReadyCause::Human, failure, None));
    }
    if is_done {
        let feedback = message.map(|message| message.text.clone()).unwrap_or_default();
        events.push(fire::sent_back(state, rework_step(state), feedback).into());
    }
    Ok(events)
}

/// The `rework` step, else the last step that wrote and that an end step waits for, else the first one.
pub(super) fn rework_step(state: &State) -> usize {
    let plan = state.plan();
    let leads_to_end = |ix: usize| {
        plan.end.contains(&ix) || fire::downstream(state, ix).iter().any(|to| plan.end.contains(to))
    };
    let wrote = |ix: &usize| {
        plan.steps[*ix].access == Access::Write
            && state.steps[*ix].activated > 0
            && leads_to_end(*ix)
    };
    plan.rework
        .or_else(|| (0..plan.steps.len()).rfind(wrote))
        .or_else(|| plan.start.first().copied())
        .unwrap_or(0)
}
