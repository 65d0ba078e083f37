//! Gives a command to a run: lock, catch up, ask the engine, append, and wake whoever must act on it.

use std::process::Child;

use crate::base::{RunNumber, Time};
use crate::engine::{Command, Input, State, Vitals};
use crate::event::{Body, Record, Status};
use crate::launch::is_supervised;
use crate::ledger::{CommitError, Ledger, OpenError};
use crate::store::{RunDir, mailbox};

use super::child::{ChildForbidden, forbid_to_agents};
use super::wake::{WakeError, wake};
use super::workspace::Workspace;

/// What became of a command.
#[derive(Debug)]
pub struct Given {
    /// The run.
    pub run: RunNumber,
    /// `project#number`.
    pub reference: String,
    /// The events of the command and all that followed from it in the same write.
    pub records: Vec<Record>,
    /// Status of the run after the command.
    pub status: Status,
    /// Attempts that still live.
    pub live: usize,
    /// No process is left, and nobody has to drive the run.
    pub is_at_rest: bool,
    /// Somebody has to drive the run, and nobody did.
    pub needs_supervisor: bool,
    /// The run waits in the queue, or others may wait there for its end.
    pub needs_queue: bool,
    /// Supervisors that this process started; one that goes on for long must reap them.
    pub children: Vec<Child>,
}

/// Why a command was not given.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// An agent tried it.
    #[error(transparent)]
    Child(#[from] ChildForbidden),
    /// The run cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Refused, or not written.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// It is on record, and nobody is there to act on it.
    #[error("the command is on record, but nothing could be started to carry it out")]
    Wake(#[source] WakeError),
}

/// Gives a person's command to a run.
///
/// With `expect_version` it is refused when an event after that one changed its subject. It returns
/// when the events are on disk and somebody is there to act on them; not when they have been acted on.
///
/// # Errors
/// Refused, not written, or nobody could be started to act on it.
pub fn give(
    workspace: &Workspace,
    run: RunNumber,
    command: Command,
    expect_version: Option<u64>,
    now: Time,
) -> Result<Given, CommandError> {
    forbid_to_agents(&workspace.env, command.verb())?;
    let actor = workspace.human();
    let mut ledger = Ledger::open_checked(workspace.dir.run(run))?;
    let mut given = {
        let mut locked = ledger.lock()?;
        if let Some(version) = expect_version {
            let (verb, subject) = (command.verb(), command.subject());
            locked.expect_version(now, &actor, verb, &subject, version)?;
        }
        let input = Input::Command(command);
        let records = locked.commit(now, &Vitals::default(), &actor, &[input])?;
        project_messages(locked.dir(), &records);
        // Still under the lock: a supervisor that is about to go cannot go unseen.
        // A lock that cannot be tried counts as free: a second supervisor finds it taken and goes.
        let is_driven = is_supervised(locked.dir()).unwrap_or(false);
        Given::of(locked.state(), records, is_driven)
    };
    if given.needs_supervisor || given.needs_queue {
        given.children = wake(workspace, run, now).map_err(CommandError::Wake)?;
    }
    Ok(given)
}

impl Given {
    fn of(state: &State, records: Vec<Record>, is_driven: bool) -> Self {
        Self {
            run: state.created.number,
            reference: state.reference(),
            status: state.status.clone(),
            live: state.live_count(),
            is_at_rest: state.is_at_rest(),
            needs_supervisor: !state.is_at_rest() && !is_driven,
            // Runs that come after one that has ended learn it from the queue; a supervisor runs it itself.
            needs_queue: matches!(state.status, Status::Queued { .. })
                || (state.status.is_terminal() && !is_driven && !records.is_empty()),
            records,
            children: Vec::new(),
        }
    }
}

/// Mailbox files are copies of what the log has; `crew mailbox verify` makes missing lines again.
pub(super) fn project_messages(dir: &RunDir, records: &[Record]) {
    let messages: Vec<_> = records
        .iter()
        .filter_map(|record| {
            let Body::MessageSent(sent) = &record.body else { return None };
            Some(sent.message.clone())
        })
        .collect();
    if !messages.is_empty() {
        drop(mailbox::append(dir, &messages));
    }
}
