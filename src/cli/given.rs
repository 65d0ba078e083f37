//! What verbs that give a command to a run have in common: their flags, and how they tell the result.

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::exit::Exit;
use super::report::{CliError, Result};
use crate::base::limits::JSON_SCHEMA;
use crate::base::{RunNumber, time};
use crate::client::message::TextError;
use crate::client::{ChildForbidden, CommandError, Given, Workspace, give, wait_for_rest};
use crate::engine::Command;

/// The flag that guards against changes in between.
#[derive(Debug, Clone, Args)]
pub struct Version {
    /// Refuse when the run or task changed after this event.
    ///
    /// `crew status RUN --json` tells the current version.
    #[arg(long, value_name = "SEQ")]
    pub expect_version: Option<u64>,
}

/// The flags of verbs that interrupt agents.
#[derive(Debug, Clone, Args)]
pub struct Wait {
    /// Return as soon as the command is on record; the agents end later.
    #[arg(long)]
    pub no_wait: bool,
    /// Wait at most so long for the agents to end; then the exit code is 3.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    pub timeout: Duration,
}

fn duration(text: &str) -> std::result::Result<Duration, String> {
    time::parse_ms(text).map(Duration::from_millis).map_err(|error| error.to_string())
}

/// What became of one run.
#[derive(Debug)]
pub struct Told {
    /// The command as it was taken in.
    pub given: Given,
    /// The run's processes are gone.
    pub is_at_rest: bool,
}

impl Wait {
    /// Gives the command, and waits until the run rests.
    ///
    /// # Errors
    /// As [`give`].
    pub fn give(
        &self,
        context: &Context,
        workspace: &Workspace,
        run: RunNumber,
        command: Command,
        version: Option<u64>,
    ) -> Result<Told> {
        let given = give(workspace, run, command, version, context.now)?;
        let mut told = Told { is_at_rest: given.is_at_rest, given };
        if !self.no_wait {
            self.until_rest(context, workspace, &mut told)?;
        }
        Ok(told)
    }

    /// Waits until the run rests, or the time is up.
    ///
    /// # Errors
    /// Its log cannot be read.
    pub fn until_rest(
        &self,
        context: &Context,
        workspace: &Workspace,
        told: &mut Told,
    ) -> Result<()> {
        if !told.is_at_rest {
            let mut ledger = workspace.run(told.given.run)?;
            told.is_at_rest =
                wait_for_rest(workspace, &mut ledger, context.now, Some(self.timeout))?;
            told.given.status = ledger.state().status.clone();
            told.given.live = ledger.state().live_count();
        }
        Ok(())
    }

    /// The exit code: 3 when it was waited for in vain.
    pub fn exit(&self, told: &Told) -> Exit {
        if told.is_at_rest || self.no_wait { Exit::Ok } else { Exit::Running }
    }
}

#[derive(Serialize)]
struct RunJson<'a> {
    number: RunNumber,
    #[serde(rename = "ref")]
    reference: &'a str,
    status: &'static str,
}

/// A command that was given, as JSON.
#[derive(Serialize)]
pub struct GivenJson<'a> {
    run: RunJson<'a>,
    events: Vec<u64>,
}

#[derive(Serialize)]
struct OneJson<'a> {
    schema_version: u32,
    #[serde(flatten)]
    given: GivenJson<'a>,
}

#[derive(Serialize)]
struct AllJson<'a> {
    schema_version: u32,
    runs: Vec<GivenJson<'a>>,
}

/// A command that was given, as JSON.
pub fn given_json(given: &Given) -> GivenJson<'_> {
    GivenJson {
        run: RunJson {
            number: given.run,
            reference: &given.reference,
            status: given.status.kind().as_str(),
        },
        events: given.records.iter().map(|record| record.seq).collect(),
    }
}

/// Tells what became of one run: a line for people, or JSON.
///
/// # Errors
/// The output is gone.
pub fn tell(context: &mut Context, given: &Given, line: &str) -> Result<()> {
    if context.json {
        context.write_json(&OneJson { schema_version: JSON_SCHEMA, given: given_json(given) })
    } else {
        context.say(line)
    }
}

/// Tells, as JSON, what became of several runs.
///
/// # Errors
/// The output is gone.
pub fn tell_all(context: &mut Context, all: &[Told]) -> Result<()> {
    let runs = all.iter().map(|told| given_json(&told.given)).collect();
    context.write_json(&AllJson { schema_version: JSON_SCHEMA, runs })
}

impl From<ChildForbidden> for CliError {
    fn from(error: ChildForbidden) -> Self {
        Self::new(Exit::Refused, "child_forbidden", error.to_string())
            .hinted("only a person may do this; an agent ends its turn with a question instead")
    }
}

impl From<CommandError> for CliError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Child(error) => error.into(),
            CommandError::Open(error) => error.into(),
            CommandError::Commit(error) => error.into(),
            CommandError::Wake(_) => Self::from_chain(Exit::Io, "wake", &error)
                .hinted("any later `crew` command tries again, such as `crew status`"),
        }
    }
}

impl From<TextError> for CliError {
    fn from(error: TextError) -> Self {
        match error {
            TextError::Empty => Self::usage(error.to_string()),
            TextError::Long { .. } => Self::refused(error.to_string())
                .hinted("put it into a file of the project and name the file"),
        }
    }
}
