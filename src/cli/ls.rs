//! `crew ls`: all runs, the newest first.

use super::context::Context;
use super::exit::Exit;
use super::json::RunsDocument;
use super::report::{CliError, Result};
use super::screen;
use super::status::readable;
use super::style::Style;
use crate::base::text::did_you_mean;
use crate::client::rows;
use crate::event::StatusKind;
use crate::event::status::word;
use crate::snapshot::{LegacyStatus, RunRow};

/// List runs, the newest first.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only runs with this status; several are separated by commas.
    #[arg(short, long, value_delimiter = ',', value_name = "STATUS")]
    pub status: Vec<String>,
    /// At most so many runs.
    #[arg(short = 'n', long, value_name = "N")]
    pub limit: Option<usize>,
}

/// Runs the verb.
///
/// # Errors
/// The project cannot be read, or there is no such status.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let wanted: Vec<Wanted> =
        args.status.iter().map(|word| Wanted::parse(word)).collect::<Result<_>>()?;
    let workspace = context.workspace()?;
    let project = workspace.project()?;
    let mut numbers = project.runs()?;
    numbers.reverse();
    let limit = args.limit.unwrap_or(usize::MAX);
    if wanted.is_empty() {
        numbers.truncate(limit);
    }
    let (mut runs, exit) = readable(rows::rows(&project, &numbers, context.now), context)?;
    runs.retain(|run| wanted.is_empty() || wanted.iter().any(|wanted| wanted.matches(run)));
    runs.truncate(limit);
    if context.json {
        context.write_json(&RunsDocument::new(&runs))?;
    } else if runs.is_empty() {
        context.say("no runs; `crew run GOAL` starts one")?;
    } else {
        let style = Style::of(context, &workspace.config);
        screen::runs(&runs, context.now, &style, &mut context.out)?;
    }
    Ok(exit)
}

/// A status that a person asks for, in our words or in those of older tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Status(StatusKind),
    Legacy(LegacyStatus),
}

impl Wanted {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let lower = text.to_lowercase();
        if let Some(kind) = StatusKind::ALL.into_iter().find(|kind| kind.as_str() == lower) {
            return Ok(Self::Status(kind));
        }
        let upper = serde_json::Value::String(text.to_uppercase());
        if let Ok(legacy) = serde_json::from_value(upper) {
            return Ok(Self::Legacy(legacy));
        }
        let words = StatusKind::ALL.map(StatusKind::as_str);
        let hint = match did_you_mean(&lower, words) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("statuses are {}", words.join(", ")),
        };
        Err(CliError::usage(format!("there is no status `{text}`")).hinted(hint))
    }

    pub(super) fn matches(self, run: &RunRow) -> bool {
        match self {
            Self::Status(kind) => run.status == kind,
            Self::Legacy(legacy) => run.legacy_status == legacy,
        }
    }

    pub(super) fn word(self) -> String {
        match self {
            Self::Status(kind) => kind.as_str().to_owned(),
            Self::Legacy(legacy) => word(&legacy),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_may_be_given_in_the_words_of_older_tools() {
        assert_eq!(Wanted::parse("running").unwrap(), Wanted::Status(StatusKind::Running));
        assert_eq!(Wanted::parse("Blocked").unwrap(), Wanted::Status(StatusKind::Blocked));
        let merge = Wanted::parse("waiting_merge").unwrap();
        assert_eq!(merge, Wanted::Legacy(LegacyStatus::WaitingMerge));
        let error = Wanted::parse("runing").unwrap_err();
        assert_eq!((error.exit, error.hints[0].as_str()), (Exit::Usage, "did you mean `running`?"));
    }
}
