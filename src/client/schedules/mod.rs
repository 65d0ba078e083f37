//! Starting what schedules say, each time once: `crew scheduler` looks, and the log of a run is the record.
//!
//! What is remembered beside the runs (`memory.rs`) only spares looking at all of them. Two schedulers, or one that
//! died between starting a run and remembering it, start nothing twice: whether a run exists for a schedule and a time
//! is decided under the project's lock, from the first lines of the runs.

mod lock;
mod memory;
mod turn;

use crate::base::RunNumber;
use crate::event::{Body, RunCreated, ScheduleLink};
use crate::ledger::Ledger;
use crate::schedule::Schedules;
use crate::store::tail;

pub use lock::{LockError, SchedulerLock};
pub use memory::{Memory, MemoryError};
pub use turn::{Happened, Kind, Turn, TurnError, fire, is_trusted, turn};

use super::start::StartError;
use super::workspace::Workspace;

/// The schedules of a project, with what is wrong with their files.
pub fn load(workspace: &Workspace) -> Schedules {
    let env = &workspace.env;
    let home = env.home().map(camino::Utf8Path::as_str);
    Schedules::load(&workspace.found.root, env.config_dir().as_deref(), home)
}

/// How a run was created, when its log can be read.
fn created(workspace: &Workspace, number: RunNumber) -> Option<RunCreated> {
    let first = tail::first(workspace.dir.run(number).events()).ok()??;
    if let Body::RunCreated(created) = first.body { Some(created) } else { None }
}

/// The run of a schedule that is not over, with the word for its status.
fn unfinished(
    workspace: &Workspace,
    name: &str,
    among: impl Iterator<Item = RunNumber>,
) -> Option<(RunNumber, &'static str)> {
    among
        .filter(|number| {
            let link = created(workspace, *number).and_then(|created| created.flags.schedule);
            link.is_some_and(|link| link.name == name)
        })
        .find_map(|number| {
            let ledger = Ledger::open(workspace.dir.run(number)).ok()?;
            let status = &ledger.state().status;
            (!status.is_terminal()).then(|| (number, status.kind().as_str()))
        })
}

/// The run that was started for this schedule and time before; to be asked under the project's lock.
///
/// # Errors
/// Another run of the schedule is not over.
pub(super) fn existing(
    workspace: &Workspace,
    known: &[RunNumber],
    link: &ScheduleLink,
) -> Result<Option<RunNumber>, StartError> {
    let is_it = |number: &&RunNumber| {
        created(workspace, **number).is_some_and(|run| run.flags.schedule.as_ref() == Some(link))
    };
    if let Some(number) = known.iter().rev().find(is_it) {
        return Ok(Some(*number));
    }
    match unfinished(workspace, &link.name, known.iter().rev().copied()) {
        Some((run, status)) => Err(StartError::Overlaps { name: link.name.clone(), run, status }),
        None => Ok(None),
    }
}
