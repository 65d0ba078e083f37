//! `crew scheduler`: starts runs at their times, and looks after the queue, without anybody at the terminal.

mod list;
mod serve;
mod wait;

use camino::Utf8PathBuf;
use clap::Args as ClapArgs;

use super::context::Context;
use super::exit::Exit;
use super::report::{CliError, Result};
use crate::base::limits::JSON_SCHEMA;
use crate::base::text::did_you_mean;
use crate::client::schedules::{LockError, MemoryError, TurnError, fire};

/// Start runs at the times that schedules say, and keep the queue going.
///
/// Schedules are files: `.crew/schedules/NAME.toml`, after `crew trust`, and `schedules/NAME.toml` beside your own
/// configuration. It stays in the foreground, prints a line for each thing that happens, and ends when it is
/// interrupted; the runs go on. docs/scheduling.md shows how systemd or cron keep it going.
#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Do what is due now, and end.
    #[arg(long)]
    once: bool,
    /// Serve the project of this folder as well; may be given several times.
    #[arg(long, value_name = "DIR")]
    also: Vec<Utf8PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List the schedules: when each is due next, what its last time started, and why not.
    List,
    /// Start a run of a schedule now; its times stay as they are.
    Fire {
        /// The schedule.
        name: String,
    },
}

/// Runs the verb.
///
/// # Errors
/// Another scheduler serves the project, or the project cannot be used.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    match &args.verb {
        None => serve::run(args, context),
        Some(Verb::List) => list::run(context),
        Some(Verb::Fire { name }) => fire_now(name, context),
    }
}

fn fire_now(name: &str, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    super::warnings(&workspace, context)?;
    let (number, _) = fire(&workspace, name, context.now)?;
    let ledger = workspace.run(number)?;
    let state = ledger.state();
    let (reference, status) = (state.reference(), state.status.kind().as_str());
    if context.json {
        context.write_json(&serde_json::json!({
            "schema_version": JSON_SCHEMA,
            "run": {"number": number.0, "ref": reference, "status": status},
        }))?;
        return Ok(Exit::Ok);
    }
    writeln!(context.out, "{number}")?;
    context.say(&format!("run {reference} of schedule `{name}` is {status}"))?;
    Ok(Exit::Ok)
}

impl From<LockError> for CliError {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Held { .. } => Self::from_chain(Exit::Refused, "scheduler", &error).hinted(
                "one for each project is enough; `crew scheduler list` shows its schedules",
            ),
            LockError::Project(error) => error.into(),
            LockError::Io(error) => error.into(),
        }
    }
}

impl From<TurnError> for CliError {
    fn from(error: TurnError) -> Self {
        match error {
            TurnError::Child(error) => error.into(),
            TurnError::Memory(error) => error.into(),
            TurnError::Trust(error) => error.into(),
            TurnError::Start(error) => error.into(),
            TurnError::Untrusted => Self::from_chain(Exit::Invalid, "untrusted", &error)
                .hinted("`crew trust` shows and trusts what the project's files would execute"),
            TurnError::NoSuch { ref name, ref known } => {
                let hint = match did_you_mean(name, known.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "`crew scheduler list` lists them".to_owned(),
                };
                Self::from_chain(Exit::NotFound, "not_found", &error).hinted(hint)
            }
        }
    }
}

impl From<MemoryError> for CliError {
    fn from(error: MemoryError) -> Self {
        match error {
            MemoryError::Io(error) => error.into(),
            MemoryError::Project(error) => error.into(),
            MemoryError::Newer { .. } => Self::from_chain(Exit::Io, "newer", &error),
        }
    }
}
