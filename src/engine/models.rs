//! Which model a task asks for: what its step says, then the fallback models of its agent, without those
//! that its program does not know or that are known to have a limit.

use serde::{Deserialize, Serialize};

use super::failure::is_over;
use super::state::State;
use crate::base::flow::StepKind;
use crate::base::{ErrorKind, Time};
use crate::event::attempt::AttemptEnded;
use crate::event::body::{ModelChoice, ReadyCause, Settled, TaskReadied, TaskSettled};
use crate::event::{BlockedReason, Body};
use crate::plan::graph::{StepPlan, TaskIx};

/// A model whose limit ends at a moment that its provider has told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limited {
    /// The program that was told so.
    pub runtime: String,
    /// The model that it asked for; empty: its own.
    pub model: String,
    /// When it was told.
    pub since: Time,
    /// When the limit ends.
    pub until: Time,
}

/// The model that an attempt asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chosen {
    /// Its name; nothing: what the program takes by itself.
    pub name: Option<String>,
    /// Why it is not the one that the step asks for; else empty.
    pub why: String,
}

/// The models of a step in the order in which they are asked for.
pub(super) fn models(state: &State, step: &StepPlan) -> Vec<Option<String>> {
    let mut models = vec![step.model.clone()];
    let agent = step.agent.as_ref().and_then(|agent| state.plan().agents.get(agent));
    let fallbacks = agent.into_iter().flat_map(|agent| &agent.fallback_models);
    for name in fallbacks.map(|name| Some(name.clone())) {
        if !models.contains(&name) {
            models.push(name);
        }
    }
    models
}

/// Which model a task asks for next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choice {
    /// This one.
    Model(Chosen),
    /// Each that its program knows is known to be limited until this moment or longer.
    Later(Time),
    /// Its program knows none of those that it may ask for.
    Unknown,
}

/// The model that plays the task next.
pub(super) fn choose(state: &State, task: TaskIx, runtime: &str, now: Time) -> Choice {
    let step = state.step_of(task);
    if step.kind == StepKind::Command {
        return Choice::Model(Chosen { name: None, why: String::new() });
    }
    let models = models(state, step);
    let wanted = state.tasks[task].trouble.model.clone().unwrap_or_default();
    let first = (wanted.place as usize).min(models.len() - 1);
    let is_free = |at: &usize| {
        let model = models[*at].as_ref();
        !state.is_unknown(runtime, model) && state.limited_until(runtime, model, now).is_none()
    };
    if let Some(place) = (first..models.len()).find(is_free) {
        let kind = if state.is_unknown(runtime, models[first].as_ref()) {
            ErrorKind::BadModel
        } else {
            ErrorKind::RateLimit
        };
        let why = if place == first { wanted.why } else { because(kind, models[first].as_ref()) };
        return Choice::Model(Chosen { name: models[place].clone(), why });
    }
    let known = models.iter().filter(|model| !state.is_unknown(runtime, model.as_ref()));
    let limits = known.map(|model| state.limited_until(runtime, model.as_ref(), now));
    match limits.min() {
        None => Choice::Unknown,
        Some(Some(moment)) => Choice::Later(moment),
        // One before the place is free: the task begins at the front again.
        Some(None) => {
            let place = (0..first).find(is_free).unwrap_or(0);
            Choice::Model(Chosen { name: models[place].clone(), why: String::new() })
        }
    }
}

/// A task that would only meet a limit which another one has met.
pub(super) fn not_yet(state: &State, task: TaskIx, moment: Time) -> Body {
    let entry = &state.tasks[task];
    TaskReadied {
        task: state.task_id(task),
        cause: ReadyCause::Limit,
        not_before: Some(moment),
        failure: entry.failure.clone(),
        runtime: None,
        model: Some(ModelChoice::default()),
    }
    .into()
}

/// A task whose program knows none of the models that it may ask for.
pub(super) fn without_model(state: &State, task: TaskIx, runtime: &str) -> Body {
    let why = no_model(state, task, runtime);
    let blocks = Some(BlockedReason::WorkflowInvalid);
    let task = state.task_id(task);
    TaskSettled { task, status: Settled::Failed, result: None, why, blocks }.into()
}

/// That its program knows none of the models of a task, in words.
pub(super) fn no_model(state: &State, task: TaskIx, runtime: &str) -> String {
    let named = models(state, state.step_of(task)).into_iter().flatten();
    let named: Vec<String> = named.map(|name| format!("`{name}`")).collect();
    match named.as_slice() {
        [] => format!("`{runtime}` does not know the model that it is set up with"),
        [one] => format!("`{runtime}` does not know the model {one}"),
        many => format!("`{runtime}` knows none of the models {}", many.join(", ")),
    }
}

/// Why a model is asked for that is not the first: the failure of the one before it.
pub(super) fn because(kind: ErrorKind, model: Option<&String>) -> String {
    let model = model.map_or("the program's own model", String::as_str);
    format!("fallback after {} on {model}", kind.word())
}

impl State {
    /// Whether a program has said in this run that it does not know a model.
    pub(super) fn is_unknown(&self, runtime: &str, model: Option<&String>) -> bool {
        let model = model.map_or("", String::as_str);
        self.unknown_models.iter().any(|(known, name)| known == runtime && name == model)
    }

    /// When the limit of a model ends, if it is known to have one at the moment.
    pub(super) fn limited_until(
        &self,
        runtime: &str,
        model: Option<&String>,
        now: Time,
    ) -> Option<Time> {
        let model = model.map_or("", String::as_str);
        let mut known = self.limited.iter();
        let found = known.find(|known| known.runtime == runtime && known.model == model)?;
        (!is_over(found.until, found.since, now)).then_some(found.until)
    }

    /// Remembers a model that a program does not know, or that has a limit.
    pub(super) fn note_model(
        &mut self,
        at: Time,
        runtime: &str,
        model: Option<&String>,
        end: &AttemptEnded,
    ) {
        let Some(error) = &end.report.error else { return };
        let (runtime, model) = (runtime.to_owned(), model.cloned().unwrap_or_default());
        let is_limit = matches!(error.kind, ErrorKind::RateLimit | ErrorKind::Overload);
        if error.kind == ErrorKind::BadModel {
            self.unknown_models.insert((runtime, model));
        } else if let Some(until) = error.reset_at.filter(|_| is_limit) {
            self.limited.retain(|known| (&known.runtime, &known.model) != (&runtime, &model));
            self.limited.push(Limited { runtime, model, since: at, until });
        }
    }
}
