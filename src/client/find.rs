//! Finding a run by what a person types: `5`, `#5`, `slug#5`, `last`, or a unique part of its slug.

use crate::base::path::PathError;
use crate::base::{RunNumber, TaskId, text};
use crate::engine::State;
use crate::event::Body;
use crate::plan::GatePlan;
use crate::store::{LogError, Project};

/// Why a text names no run.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// There is no run at all.
    #[error("this project has no runs yet")]
    NoRuns,
    /// No run is called so.
    #[error("no run `{wanted}`")]
    NoSuchRun {
        /// What was typed.
        wanted: String,
        /// A run that may be meant.
        near: Option<String>,
    },
    /// The run has no such task.
    #[error("run #{run} has no task `{wanted}`")]
    NoSuchTask {
        /// The run.
        run: RunNumber,
        /// What was typed.
        wanted: String,
        /// A task that may be meant.
        near: Option<String>,
    },
    /// The run has no such gate.
    #[error("run #{run} has no gate `{wanted}`")]
    NoSuchGate {
        /// The run.
        run: RunNumber,
        /// What was typed.
        wanted: String,
        /// A gate that may be meant.
        near: Option<String>,
    },
    /// Several runs are called so.
    #[error("`{wanted}` names several runs: {}", found.join(", "))]
    Ambiguous {
        /// What was typed.
        wanted: String,
        /// The runs.
        found: Vec<String>,
    },
    /// The system refused.
    #[error(transparent)]
    Io(#[from] PathError),
}

/// The number in `5`, `#5` or `slug#5`, when the text has this form and the slug is the project's.
pub fn parse_run(wanted: &str, slug: &str) -> Option<RunNumber> {
    let digits = match wanted.rsplit_once('#') {
        None => wanted,
        Some((before, digits)) if before.is_empty() || before == slug => digits,
        Some(_) => return None,
    };
    digits.parse().ok().filter(|number| *number > 0).map(RunNumber)
}

/// The number in `5` or `#5`, which needs no look at the project.
pub fn plain_number(wanted: &str) -> Option<RunNumber> {
    parse_run(wanted, "").filter(|_| !wanted.contains('#') || wanted.starts_with('#'))
}

/// Finds the run that a person means.
///
/// # Errors
/// No run or several runs are called so.
pub fn find_run(project: &Project, wanted: &str) -> Result<RunNumber, FindError> {
    let runs = project.runs()?;
    let Some(&last) = runs.last() else { return Err(FindError::NoRuns) };
    if wanted == "last" {
        return Ok(last);
    }
    if let Some(number) = parse_run(wanted, project.slug()) {
        let near = Some(format!("#{last}"));
        let missing = || FindError::NoSuchRun { wanted: wanted.to_owned(), near };
        return runs.contains(&number).then_some(number).ok_or_else(missing);
    }
    let slugs: Vec<(RunNumber, String)> =
        runs.iter().filter_map(|&number| Some((number, slug_of(project, number)?))).collect();
    if let Some((number, _)) = slugs.iter().find(|(_, slug)| slug == wanted) {
        return Ok(*number);
    }
    let found: Vec<&(RunNumber, String)> =
        slugs.iter().filter(|(_, slug)| slug.contains(wanted)).collect();
    match found.as_slice() {
        [(number, _)] => Ok(*number),
        [] => {
            let near = text::did_you_mean(wanted, slugs.iter().map(|(_, slug)| slug.as_str()));
            Err(FindError::NoSuchRun { wanted: wanted.to_owned(), near: near.map(str::to_owned) })
        }
        several => {
            let found = several.iter().map(|(number, slug)| format!("#{number} {slug}")).collect();
            Err(FindError::Ambiguous { wanted: wanted.to_owned(), found })
        }
    }
}

/// The run and the task in `5/coding` or `shop#5/review/1`; a text without a slash names a run alone.
pub fn split_task(wanted: &str) -> (&str, Option<&str>) {
    match wanted.split_once('/') {
        Some((run, task)) => (run, Some(task)),
        None => (wanted, None),
    }
}

/// Finds the task that a person means: by its name, or by the name of a step with one slot.
///
/// # Errors
/// The run has no such task.
pub fn find_task(state: &State, wanted: &str) -> Result<TaskId, FindError> {
    let found = wanted.parse::<TaskId>().ok().filter(|id| state.task_ix(id).is_some());
    found.ok_or_else(|| {
        let names: Vec<String> =
            (0..state.tasks.len()).map(|task| state.task_id(task).to_string()).collect();
        let near = text::did_you_mean(wanted, names.iter().map(String::as_str));
        FindError::NoSuchTask {
            run: state.created.number,
            wanted: wanted.to_owned(),
            near: near.map(str::to_owned),
        }
    })
}

/// Finds the gate that a person means.
///
/// # Errors
/// The run has no such gate.
pub fn find_gate<'a>(state: &'a State, wanted: &str) -> Result<&'a GatePlan, FindError> {
    let gates = &state.plan().gates;
    gates.iter().find(|gate| gate.id == wanted).ok_or_else(|| FindError::NoSuchGate {
        run: state.created.number,
        wanted: wanted.to_owned(),
        near: text::did_you_mean(wanted, gates.iter().map(|gate| gate.id.as_str()))
            .map(str::to_owned),
    })
}

/// The slug of a run, from the first line of its log.
fn slug_of(project: &Project, number: RunNumber) -> Option<String> {
    let first: Result<_, LogError> = crate::store::tail::first(project.dir().run(number).events());
    if let Body::RunCreated(created) = first.ok()??.body { Some(created.slug) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_number_names_no_project() {
        for (text, number) in [("5", Some(5)), ("#5", Some(5)), ("shop#5", None), ("last", None)] {
            assert_eq!(plain_number(text), number.map(RunNumber), "{text}");
        }
    }

    #[test]
    fn a_task_follows_its_run_after_a_slash() {
        for (text, run, task) in [
            ("5", "5", None),
            ("shop#5/review/1", "shop#5", Some("review/1")),
            ("last/coding", "last", Some("coding")),
        ] {
            assert_eq!(split_task(text), (run, task));
        }
    }

    #[test]
    fn a_task_that_is_not_there_names_the_nearest() {
        let state = crate::snapshot::sample::running();
        assert_eq!(find_task(&state, "review/2").unwrap().to_string(), "review/2");
        for (wanted, near) in
            [("codng", Some("coding")), ("review/3", Some("review/2")), ("~", None)]
        {
            let Err(FindError::NoSuchTask { near: found, .. }) = find_task(&state, wanted) else {
                panic!("{wanted} was found");
            };
            assert_eq!(found.is_some(), near.is_some(), "{wanted}: {found:?}");
        }
    }

    #[test]
    fn runs_are_named_by_number_with_or_without_their_project() {
        for (text, number) in [("5", 5), ("#5", 5), ("shop#5", 5)] {
            assert_eq!(parse_run(text, "shop"), Some(RunNumber(number)), "{text}");
        }
        for text in ["0", "other#5", "shop#", "five", "-1", ""] {
            assert_eq!(parse_run(text, "shop"), None, "{text}");
        }
    }
}
