//! Finding a run by what a person types: `5`, `#5`, `slug#5`, `last`, or a unique part of its slug.

use crate::base::path::PathError;
use crate::base::{RunNumber, text};
use crate::event::Body;
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
        let near = Some(format!("#{last} is the newest"));
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

/// The slug of a run, from the first line of its log.
fn slug_of(project: &Project, number: RunNumber) -> Option<String> {
    let first: Result<_, LogError> = crate::store::tail::first(project.dir().run(number).events());
    match first.ok()??.body {
        Body::RunCreated(created) => Some(created.slug),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
