//! Errors as people and scripts see them: `error: …`, `caused by: …`, `hint: …`.

use std::io::Write;

use super::exit::Exit;
use crate::base::text;
use crate::client::{FindError, WorkspaceError};
use crate::ledger::{CommitError, OpenError};
use crate::store::{LogError, ProjectError};

/// The result of a verb.
pub type Result<T> = std::result::Result<T, CliError>;

/// An error with its exit code, its word for scripts, and what to do next.
#[derive(Debug)]
pub struct CliError {
    /// The exit code.
    pub exit: Exit,
    /// One word for scripts: `not_found`, `refused`, `invalid`, …
    pub code: &'static str,
    /// What happened, outermost first.
    pub causes: Vec<String>,
    /// What to do next; empty when there is nothing to say.
    pub hints: Vec<String>,
}

impl CliError {
    /// An error of this kind.
    pub fn new(exit: Exit, code: &'static str, message: impl Into<String>) -> Self {
        Self { exit, code, causes: vec![message.into()], hints: Vec::new() }
    }

    /// The command line makes no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// The text of the parser of the command line, taken apart: what is wrong, and what to type.
    pub fn from_usage(text: &str) -> Self {
        let mut parts = text.trim().split("\n\n").map(|part| text::one_line(part, 400));
        let message = parts.next().unwrap_or_default();
        let message = message.strip_prefix("error: ").unwrap_or(&message).to_owned();
        let hints = parts.map(|part| part.strip_prefix("tip: ").unwrap_or(&part).to_owned());
        Self { hints: hints.collect(), ..Self::usage(message) }
    }

    /// A resource, the configuration or a program is not usable.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Exit::Invalid, "invalid", message)
    }

    /// Not allowed now.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, "refused", message)
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hinted(mut self, hint: impl Into<String>) -> Self {
        let hint = hint.into();
        if !hint.is_empty() {
            self.hints.push(hint);
        }
        self
    }

    /// The causes of an error and of what is behind it, outermost first.
    pub fn from_chain(exit: Exit, code: &'static str, error: &dyn std::error::Error) -> Self {
        let mut causes = vec![error.to_string()];
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if causes.last() != Some(&text) {
                causes.push(text);
            }
            source = cause.source();
        }
        Self { exit, code, causes, hints: Vec::new() }
    }

    /// Writes the error for a person, or as one JSON document.
    ///
    /// # Errors
    /// The output is gone.
    pub fn write(&self, json: bool, out: &mut dyn Write) -> std::io::Result<()> {
        if json {
            let error = serde_json::json!({"error": {
                "code": self.code,
                "message": self.causes.join(": "),
                "hint": self.hints.join("; "),
            }});
            return writeln!(out, "{error}");
        }
        for (at, cause) in self.causes.iter().enumerate() {
            let label = if at == 0 { "error" } else { "caused by" };
            writeln!(out, "{label}: {}", text::printable(cause))?;
        }
        for hint in &self.hints {
            writeln!(out, "hint: {}", text::printable(hint))?;
        }
        Ok(())
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        // Nobody reads any more: that is how `crew … | head` ends, and no fault.
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self {
                exit: Exit::Ok,
                code: "broken_pipe",
                causes: Vec::new(),
                hints: Vec::new(),
            };
        }
        Self::from_chain(Exit::Io, "io", &error)
    }
}

impl From<crate::base::PathError> for CliError {
    fn from(error: crate::base::PathError) -> Self {
        Self::from_chain(Exit::Io, "io", &error)
    }
}

impl From<FindError> for CliError {
    fn from(error: FindError) -> Self {
        let hint = match &error {
            FindError::NoRuns => "`crew run GOAL` starts one".to_owned(),
            FindError::NoSuchRun { near: Some(near), .. } => {
                format!("did you mean `{near}`? `crew ls` lists all runs")
            }
            FindError::NoSuchTask { near: Some(near), .. }
            | FindError::NoSuchGate { near: Some(near), .. } => format!("did you mean `{near}`?"),
            FindError::NoSuchTask { run, near: None, .. } => {
                format!("`crew status {run}` lists its tasks")
            }
            FindError::NoSuchGate { run, near: None, .. } => {
                format!("`crew gate list {run}` lists its gates")
            }
            FindError::NoSuchRun { near: None, .. } => "`crew ls` lists all runs".to_owned(),
            FindError::Ambiguous { .. } => "use its number".to_owned(),
            FindError::Io(error) => return Self::from_chain(Exit::Io, "io", error),
        };
        Self::from_chain(Exit::NotFound, "not_found", &error).hinted(hint)
    }
}

impl From<LogError> for CliError {
    fn from(error: LogError) -> Self {
        let exit = if matches!(error, LogError::Missing(_)) { Exit::NotFound } else { Exit::Io };
        Self::from_chain(exit, "log", &error)
    }
}

impl From<OpenError> for CliError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Log(error) => error.into(),
            OpenError::Io(error) => error.into(),
            OpenError::NoRun(_) => Self::from_chain(Exit::Io, "log", &error),
        }
    }
}

impl From<CommitError> for CliError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Refused(refusal) => {
                let exit = if refusal.code == "not_found" { Exit::NotFound } else { Exit::Refused };
                Self::new(exit, refusal.code, refusal.reason).hinted(refusal.hint)
            }
            CommitError::ReadOnly { copy_of: Some(ref root), .. } => {
                let hint = format!("give the command in `{root}`");
                Self::from_chain(Exit::Io, "read_only", &error).hinted(hint)
            }
            CommitError::ReadOnly { foreign: true, .. } => {
                Self::from_chain(Exit::Invalid, "untrusted", &error)
                    .hinted("`crew trust` shows what it would execute, and takes it over")
            }
            CommitError::ReadOnly { .. } => Self::from_chain(Exit::Io, "read_only", &error)
                .hinted("`crew verify` tells what is wrong with the log"),
            CommitError::Log(error) => error.into(),
            CommitError::Open(error) => error.into(),
        }
    }
}

impl From<ProjectError> for CliError {
    fn from(error: ProjectError) -> Self {
        Self::from_chain(Exit::Io, "project", &error)
    }
}

impl From<WorkspaceError> for CliError {
    fn from(error: WorkspaceError) -> Self {
        match error {
            WorkspaceError::Discover(error) => Self::from_chain(Exit::Io, "project", &error),
            WorkspaceError::Project(error) => error.into(),
            WorkspaceError::Config(error) => {
                let mut report = Self::invalid(error.to_string());
                for problem in &error.0 {
                    report.causes.push(problem.to_string());
                    report.hints.extend(problem.hint.clone());
                }
                report
            }
        }
    }
}
