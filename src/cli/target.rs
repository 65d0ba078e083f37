//! `RUN` and `RUN/TASK` as people type them.

use std::io::Read;

use super::exit::Exit;
use super::report::{CliError, Result};
use crate::base::{RunNumber, TaskId};
use crate::client::Workspace;
use crate::client::find::find_run;

/// A run, and what was named inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The run.
    pub run: RunNumber,
    /// What follows the first slash.
    pub inside: Option<String>,
}

impl Target {
    /// Finds the run that `wanted` names as a whole.
    ///
    /// # Errors
    /// There is no such run, or more than a run is named.
    pub fn find_run(workspace: &Workspace, wanted: &str) -> Result<RunNumber> {
        let target = Self::find(workspace, wanted)?;
        match target.inside {
            None => Ok(target.run),
            Some(_) => Err(CliError::usage(format!("`{wanted}` names a task, not a run"))
                .hinted(format!("the run is `{}`", target.run))),
        }
    }

    /// Finds what `wanted` names; the text after the first slash is not looked up.
    ///
    /// # Errors
    /// There is no such run.
    pub fn find(workspace: &Workspace, wanted: &str) -> Result<Self> {
        let (run, inside) = match wanted.split_once('/') {
            Some((run, inside)) => (run, Some(inside.to_owned())),
            None => (wanted, None),
        };
        Ok(Self { run: find_run(&workspace.project()?, run)?, inside })
    }
}

/// The name of a task, read.
///
/// # Errors
/// The text cannot name a task.
pub fn task_id(text: &str) -> Result<TaskId> {
    text.parse().map_err(|error: crate::base::id::NameError| {
        CliError::new(Exit::NotFound, "not_found", error.to_string())
            .hinted("a task is called like its step, `coding`, or `review/2` when it has several")
    })
}

/// The words of a text joined, or what standard input says when the text is `-`.
///
/// # Errors
/// Standard input cannot be read, or is no text.
pub fn text_of(words: &[String]) -> Result<String> {
    match words {
        [only] if only == "-" => {
            let mut text = String::new();
            // One byte more than is allowed, so that a longer text is seen to be longer.
            let most = crate::base::limits::GOAL_BYTES_MAX as u64 + 1;
            std::io::stdin().take(most).read_to_string(&mut text)?;
            Ok(text)
        }
        words => Ok(words.join(" ")),
    }
}
