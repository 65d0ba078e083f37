//! What follows from failures of agent programs and their providers, by kind (SPEC section 12).
//!
//! A limit is waited out by the task as long as that is short, then another model takes over, and
//! when none is left the task waits longer and, with nothing else to do, the run sleeps (T12). A
//! login waits for a person. A conversation that no longer fits, and a session that is not known,
//! are gone on with in a new one.

use serde::{Deserialize, Serialize};

use super::judge::Case;
use super::models::{because, models, no_model};
use super::state::{State, TaskState, TaskStatus};
use crate::base::{ErrorKind, Time, limits, text};
use crate::event::attempt::Fault;
use crate::event::body::{ModelChoice, ReadyCause, Settled, TaskReadied};
use crate::event::{BlockedReason, Body, Status, TaskResult, Wait};
use crate::plan::graph::TaskIx;

/// What went wrong between a task, its models and their providers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Trouble {
    /// Quick retries after limits and overload, of the first model that its program knows.
    pub limits: u32,
    /// Times that no model was left and it waited.
    pub waits: u32,
    /// New sessions because the conversation no longer fitted.
    pub overflows: u32,
    /// New sessions because the old one was not known.
    pub lost_sessions: u32,
    /// The model that plays it, when that is not the one that its step asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelChoice>,
    /// It waits for a limit, whose end does not move when the run is paused.
    pub waits_for_limit: bool,
    /// Its next attempt has a new session and is told what was done before.
    pub needs_recap: bool,
}

impl Trouble {
    /// Whether nothing is known.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// What is left of it after the task was readied for this reason.
    pub(super) fn readied(&mut self, readied: &TaskReadied) {
        let is_new_program = readied.runtime.is_some();
        self.waits_for_limit = readied.cause == ReadyCause::Limit;
        match readied.cause {
            // A person's word is a new beginning; so is another program, which has other models.
            ReadyCause::Human => *self = Self::default(),
            ReadyCause::Limit if readied.model.is_some() => {
                self.waits += 1;
                self.limits = 0;
            }
            ReadyCause::Limit => self.limits += 1,
            ReadyCause::Overflow => self.overflows += 1,
            ReadyCause::Session => self.lost_sessions += 1,
            ReadyCause::Fallback
            | ReadyCause::Retry
            | ReadyCause::Crash
            | ReadyCause::Timeout
            | ReadyCause::Interrupted
            | ReadyCause::Revoked
            | ReadyCause::Contract
            | ReadyCause::Answer
            | ReadyCause::Validation
            | ReadyCause::Pass
            | ReadyCause::Final
            | ReadyCause::Outdated => {}
        }
        if let Some(model) = &readied.model {
            self.model = Some(model.clone()).filter(|model| model.place > 0);
        }
        if is_new_program {
            self.model = None;
        }
        self.needs_recap |= matches!(readied.cause, ReadyCause::Overflow | ReadyCause::Session);
    }

    /// A turn came to its end: only the model that has worked is kept.
    pub(super) fn worked(&mut self) {
        *self = Self { model: self.model.take(), ..Self::default() };
    }
}

impl State {
    /// Whether something other than a moment that comes would let a run go on that waits for a limit.
    fn can_move_now(&self) -> bool {
        let startable = |task: &TaskIx| !super::start::is_held(self, *task);
        let index = &self.index;
        index.ready.iter().any(startable)
            || !index.fireable.is_empty()
            || !index.doomed.is_empty()
            || super::settle::is_end_reached(self)
            || self.asking().any(|task| self.is_answered(task))
            || index.edges.iter().any(|edge| self.is_edge_due(edge))
    }

    /// What tasks wait for that wait for a limit: what their programs said.
    pub fn limits_told(&self) -> Vec<String> {
        let waiting = self.index.delayed.iter().map(|&(_, task)| task);
        let told = waiting.filter_map(|task| Some((task, self.tasks[task].limit_told()?)));
        told.map(|(task, said)| format!("{}: {said}", self.task_id(task))).collect()
    }

    /// The run wakes from a limit: what waited for it no longer than this is due now.
    pub(super) fn wake_limited(&mut self, wake_at: Time) {
        self.limited.retain(|known| known.until > wake_at);
        let due = self.index.delayed.range(..=(wake_at, TaskIx::MAX)).map(|&(_, task)| task);
        for task in due.collect::<Vec<TaskIx>>() {
            if let TaskStatus::Ready { since, .. } = self.tasks[task].status
                && self.tasks[task].trouble.waits_for_limit
            {
                self.set_task(task, TaskStatus::Ready { since, not_before: None });
            }
        }
    }
}

impl TaskState {
    /// The limit that the task waits for, in the words of its program.
    pub fn limit_told(&self) -> Option<String> {
        if !self.trouble.waits_for_limit {
            return None;
        }
        let error = self.last.as_ref().and_then(|last| last.report.error.as_ref());
        Some(match error {
            Some(error) => format!("{} ({})", text::one_line(&error.text, 200), error.kind.word()),
            None => "another task has met the limit of its model".to_owned(),
        })
    }
}

/// What a run waits for that has nothing to do until a moment that is far away (T12).
pub(super) fn sleep(state: &State, now: Time) -> Option<Wait> {
    let index = &state.index;
    let is_idle = index.live.is_empty()
        && index.checking.is_empty()
        && index.fireable.is_empty()
        && index.doomed.is_empty()
        && index.ready.iter().all(|&task| super::start::is_held(state, task));
    let (wake_at, task) = *index.delayed.first()?;
    let limited = state.tasks[task].trouble.waits_for_limit;
    let is_far = wake_at > now.plus_ms(state.created.limits.limit_wait_ms);
    (is_idle && limited && is_far).then_some(Wait::Limit { wake_at })
}

/// Whether a run that waits for a limit goes on: its moment has come, or there is something else to do.
///
/// A clock that stands before the moment at which the wait began was set back: nobody can tell how
/// much longer it is, so the provider is asked again.
pub(super) fn wakes(state: &State, now: Time) -> bool {
    let Status::Waiting { wait: Wait::Limit { wake_at } } = &state.status else { return false };
    is_over(*wake_at, state.status_since, now) || state.can_move_now()
}

/// A person lets the tasks that wait for a limit try at once.
pub(super) fn at_once(state: &State) -> impl Iterator<Item = Body> {
    let waiting = state.index.delayed.iter().map(|&(_, task)| task);
    waiting.filter(|&task| state.tasks[task].trouble.waits_for_limit).map(|task| {
        let failure = state.tasks[task].failure.clone();
        super::decide::readied(state.task_id(task), ReadyCause::Human, failure, None)
    })
}

/// Whether a wait that began at `since` is over.
pub(super) fn is_over(wake_at: Time, since: Time, now: Time) -> bool {
    now >= wake_at || now < since
}

impl Case<'_> {
    /// What follows from a failure whose kind says more than that the attempt failed.
    pub(super) fn by_kind(&self) -> Option<Body> {
        let fault = self.checking.end.report.error.as_ref()?;
        match fault.kind {
            ErrorKind::RateLimit | ErrorKind::Overload => Some(self.limited(fault)),
            ErrorKind::Login => Some(self.needs_login(fault)),
            ErrorKind::ContextOverflow => Some(self.overflowed(fault)),
            ErrorKind::BadModel => Some(self.unknown_model(fault)),
            ErrorKind::Session => self.lost_session(fault),
            ErrorKind::Permission => Some(self.cannot_be_held(fault)),
            ErrorKind::Refusal => {
                let why = format!("the model refused: {}", fault.text);
                Some(self.settle(Settled::Failed, Some(TaskResult::Fail), why, None))
            }
            ErrorKind::Crash | ErrorKind::Other => None,
        }
    }

    /// A short wait is the task's own; a longer one is for another model, or for the limit's end.
    fn limited(&self, fault: &Fault) -> Body {
        let trouble = &self.entry().trouble;
        let reset = fault.reset_at.filter(|reset| *reset > self.now);
        let quick = self.now.plus_ms(doubled(limits::BACKOFF_MS, trouble.limits));
        let quick = reset.map_or(quick, |reset| quick.max(reset));
        let is_short = quick <= self.now.plus_ms(self.state.created.limits.limit_wait_ms);
        // A fallback is tried once; when it fails, the next one is.
        if fault.retryable
            && is_short
            && self.is_first_model()
            && trouble.limits < limits::LIMIT_RETRIES
        {
            return self.later(quick, None, fault);
        }
        if let Some(body) = self.fallback(fault) {
            return body;
        }
        let wake_at = self.next_free().unwrap_or(self.now);
        self.later(wake_at, Some(ModelChoice::default()), fault)
    }

    /// When the first of the models that its program knows may be free again; nothing: it knows none.
    fn next_free(&self) -> Option<Time> {
        let waits = self.entry().trouble.waits;
        let own = doubled(limits::LIMIT_WAIT_MS, waits).min(limits::LIMIT_WAIT_MS_MAX);
        let (state, runtime) = (self.state, &self.checking.runtime);
        let models = models(state, self.step);
        let known = models.iter().filter(|model| !state.is_unknown(runtime, model.as_ref()));
        let limits = known.map(|model| state.limited_until(runtime, model.as_ref(), self.now));
        limits.map(|until| until.unwrap_or_else(|| self.now.plus_ms(own))).min()
    }

    /// Place of the model that was asked for among those of the step.
    fn place(&self, models: &[Option<String>]) -> usize {
        models.iter().position(|model| *model == self.checking.model).unwrap_or(0)
    }

    /// Whether its program knows none of the models before the one that was asked for.
    fn is_first_model(&self) -> bool {
        let models = models(self.state, self.step);
        let known =
            |model: &Option<String>| !self.state.is_unknown(&self.checking.runtime, model.as_ref());
        !models[..self.place(&models)].iter().any(known)
    }

    /// The task tries again at a moment, with the model that it has or with the first one.
    fn later(&self, at: Time, model: Option<ModelChoice>, fault: &Fault) -> Body {
        let failure = told("The last attempt was ended by its provider", fault);
        self.ready(ReadyCause::Limit, Some(at), failure, model)
    }

    /// The next model of the agent that the program may know, at once.
    fn fallback(&self, fault: &Fault) -> Option<Body> {
        let models = models(self.state, self.step);
        let place = self.place(&models);
        let unknown =
            |at: &usize| self.state.is_unknown(&self.checking.runtime, models[*at].as_ref());
        let next = (place + 1..models.len()).find(|at| !unknown(at))?;
        let why = because(fault.kind, self.checking.model.as_ref());
        let choice = ModelChoice { place: u32::try_from(next).ok()?, why };
        let failure = told("The last attempt was ended by its provider", fault);
        Some(self.ready(ReadyCause::Fallback, None, failure, Some(choice)))
    }

    /// Only a person can log in; no retry is used up meanwhile.
    fn needs_login(&self, fault: &Fault) -> Body {
        let number = self.state.created.number;
        let how = match fault.hint.as_str() {
            "" => "log in".to_owned(),
            hint => format!("log in with `{hint}`"),
        };
        let why = format!(
            "`{}` needs a login ({}): {how}, then `crew resume {number}`; or \
             `crew retry {number}/{} --runtime NAME`",
            self.checking.runtime,
            text::one_line(&fault.text, 160),
            self.state.task_id(self.task),
        );
        self.block(BlockedReason::AuthFailed, why)
    }

    /// The same program would say the same again: a person takes another one, or another level.
    fn cannot_be_held(&self, fault: &Fault) -> Body {
        let number = self.state.created.number;
        let why = format!(
            "`{}` was not let begin: {}; `crew retry {number}/{} --runtime NAME` takes another program, \
             `crew run … --permission LEVEL` another level",
            self.checking.runtime,
            text::one_line(&fault.text, 160),
            self.state.task_id(self.task),
        );
        self.block(BlockedReason::WorkflowInvalid, why)
    }

    fn overflowed(&self, fault: &Fault) -> Body {
        let begun = self.entry().trouble.overflows;
        if begun >= limits::NEW_SESSIONS_MAX {
            let why = format!(
                "its conversation did not fit into the model's context, nor did {begun} new ones: {}",
                fault.text
            );
            return self.block(BlockedReason::AgentCrash, why);
        }
        let failure =
            "The conversation of the last attempt no longer fitted into the model's context. \
             This is a new one: look at what is there, and go on from it."
                .to_owned();
        self.ready(ReadyCause::Overflow, None, failure, None)
    }

    /// The next model at once; each one that is not known is met once in a run.
    fn unknown_model(&self, fault: &Fault) -> Body {
        if let Some(body) = self.fallback(fault) {
            return body;
        }
        // Those before it are known, and had no room.
        if let Some(moment) = self.next_free() {
            return self.later(moment, Some(ModelChoice::default()), fault);
        }
        let why = no_model(self.state, self.task, &self.checking.runtime);
        let why = format!("{why}: {}", text::one_line(&fault.text, 160));
        self.block(BlockedReason::WorkflowInvalid, why)
    }

    /// A new session once; without one to go on with there was nothing to lose.
    fn lost_session(&self, fault: &Fault) -> Option<Body> {
        if !self.checking.is_resumed || self.entry().trouble.lost_sessions > 0 {
            return None;
        }
        let failure = format!(
            "The session of the last attempt is gone ({}). This is a new one: look at what is there, \
             and go on from it.",
            text::one_line(&fault.text, 160)
        );
        Some(self.ready(ReadyCause::Session, None, failure, None))
    }

    fn ready(
        &self,
        cause: ReadyCause,
        not_before: Option<Time>,
        failure: String,
        model: Option<ModelChoice>,
    ) -> Body {
        if self.entry().attempts >= limits::ATTEMPTS_MAX {
            let why = format!("{} attempts are more than any task may have", limits::ATTEMPTS_MAX);
            return self.block(BlockedReason::DeadLoop, why);
        }
        let task = self.state.task_id(self.task);
        TaskReadied { task, cause, not_before, failure, runtime: None, model }.into()
    }
}

/// What the next attempt is told of a failure that was not its own.
fn told(what: &str, fault: &Fault) -> String {
    let said = text::one_line(&fault.text, 200);
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    format!("{what} ({}{said}). Look at what is there, and go on from it.", fault.kind.word())
}

fn doubled(first: u64, times: u32) -> u64 {
    first.saturating_mul(1 << times.min(16))
}
