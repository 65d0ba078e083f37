//! Changing a run while its lock is held.

use std::convert::Infallible;

use super::open::{Ledger, OpenError};
use crate::base::Time;
use crate::base::path::PathError;
use crate::engine::{Input, Refusal, State, Subject, Vitals, step};
use crate::event::body::CommandRefused;
use crate::event::{Actor, Body, Record};
use crate::store::{FileLock, LogError, LogWriter};

/// A run whose lock is held and whose state is caught up: nobody else can change it.
#[derive(Debug)]
pub struct Locked<'a> {
    ledger: &'a mut Ledger,
    lock: FileLock,
}

/// Why a change did not happen.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The run's state does not allow the command; the refusal is on record.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The run can only be read.
    #[error("run #{number} can only be read: {why}")]
    ReadOnly {
        /// The run.
        number: u32,
        /// Why.
        why: String,
        /// The project whose run it is a copy of.
        copy_of: Option<camino::Utf8PathBuf>,
        /// Somebody else made it.
        foreign: bool,
    },
    /// The log could not be written; nothing changed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The log could not be read again after a failed write.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl Ledger {
    /// Takes the run's lock, waiting for it, and catches up.
    ///
    /// # Errors
    /// The lock or the log cannot be opened.
    pub fn lock(&mut self) -> Result<Locked<'_>, OpenError> {
        let lock = FileLock::exclusive(&self.dir.run_lock())?;
        self.refresh()?;
        Ok(Locked { ledger: self, lock })
    }

    /// Takes the run's lock, catches up, and commits one input.
    ///
    /// # Errors
    /// As [`Locked::commit`].
    pub fn commit(
        &mut self,
        now: Time,
        vitals: &Vitals,
        actor: &Actor,
        input: Input,
    ) -> Result<Vec<Record>, CommitError> {
        self.lock()?.commit(now, vitals, actor, &[input])
    }

    /// Puts the refusal of a command on record that was seen to be hopeless before it was given.
    ///
    /// # Errors
    /// Always: the refusal itself, or why it could not be written.
    pub fn refuse(
        &mut self,
        now: Time,
        actor: &Actor,
        verb: &str,
        refusal: Refusal,
    ) -> Result<Infallible, CommitError> {
        self.lock()?.record_refusal(now, actor, verb, &refusal)?;
        Err(refusal.into())
    }
}

impl Locked<'_> {
    /// What the run is now; nobody else can change it while this lives.
    pub fn state(&self) -> &State {
        &self.ledger.state
    }

    /// The run's files.
    pub fn dir(&self) -> &crate::store::RunDir {
        &self.ledger.dir
    }

    /// Checks `--expect-version`: no event after `version` changed the subject.
    ///
    /// # Errors
    /// The subject changed since; the refusal is on record.
    pub fn expect_version(
        &mut self,
        now: Time,
        actor: &Actor,
        verb: &str,
        subject: &Subject,
        version: u64,
    ) -> Result<(), CommitError> {
        let state = &self.ledger.state;
        let changed = subject.version(state);
        if changed <= version {
            return Ok(());
        }
        let reason = format!("event {changed} changed it after version {version}");
        let hint =
            format!("`crew status {} --json` shows the current version", state.created.number);
        let refusal = Refusal { code: "stale_version", reason, hint };
        Err(self.refuse(now, actor, verb, refusal))
    }

    /// Puts on record that a command was refused which the engine has no rule for; returns the error.
    pub fn refuse(
        &mut self,
        now: Time,
        actor: &Actor,
        verb: &str,
        refusal: Refusal,
    ) -> CommitError {
        match self.record_refusal(now, actor, verb, &refusal) {
            Ok(()) => refusal.into(),
            Err(error) => error,
        }
    }

    /// Decides on inputs and appends everything that follows, in one write with one sync.
    ///
    /// When the write fails the state is read again from the disk: what is not on disk never was.
    ///
    /// # Errors
    /// Refused, read-only, or not written; nothing changed.
    pub fn commit(
        &mut self,
        now: Time,
        vitals: &Vitals,
        actor: &Actor,
        inputs: &[Input],
    ) -> Result<Vec<Record>, CommitError> {
        self.check_writable()?;
        let mut events = Vec::new();
        for input in inputs {
            match step(&mut self.ledger.state, vitals, now, actor, input) {
                Ok(more) => events.extend(more),
                Err(refusal) => {
                    self.append(now, events)?;
                    if let Input::Command(command) = input
                        && refusal.code != "not_due"
                    {
                        self.record_refusal(now, actor, command.verb(), &refusal)?;
                    }
                    return Err(refusal.into());
                }
            }
        }
        self.append(now, events)
    }

    fn check_writable(&self) -> Result<(), CommitError> {
        match &self.ledger.health.read_only {
            None => Ok(()),
            Some(why) => Err(CommitError::ReadOnly {
                number: self.ledger.state.created.number.0,
                why: why.clone(),
                copy_of: self.ledger.health.copy_of.clone(),
                foreign: self.ledger.health.foreign,
            }),
        }
    }

    /// Writes events that the state has already taken in.
    fn append(
        &mut self,
        now: Time,
        events: Vec<(Actor, u32, Body)>,
    ) -> Result<Vec<Record>, CommitError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let ledger = &mut *self.ledger;
        // A cut tail is put on record before the events that the engine numbered.
        let torn = ledger.health.torn.take();
        let written =
            LogWriter::open(&self.lock, &ledger.dir, ledger.reader.cursor(), torn.as_ref())
                .and_then(|mut writer| {
                    let records = writer.append(now, events)?;
                    Ok((records, writer.cursor()))
                });
        match written {
            Ok((records, cursor)) => {
                tracing::debug!(run = %ledger.state.created.number, last = cursor.chain.seq, "appended");
                ledger.reader.advance(cursor);
                // The writer may add the note about a cut tail, which the engine did not count.
                let extra = cursor.chain.seq.saturating_sub(ledger.state.seq);
                if extra > 0 {
                    *ledger = Ledger::open(ledger.dir.clone())?;
                }
                Ok(records)
            }
            Err(error) => {
                *ledger = Ledger::open(ledger.dir.clone())?;
                Err(error.into())
            }
        }
    }

    fn record_refusal(
        &mut self,
        now: Time,
        actor: &Actor,
        command: &str,
        refusal: &Refusal,
    ) -> Result<(), CommitError> {
        self.check_writable()?;
        let body: Body = CommandRefused {
            command: command.to_owned(),
            code: refusal.code.to_owned(),
            reason: refusal.reason.clone(),
        }
        .into();
        let events =
            step(&mut self.ledger.state, &Vitals::default(), now, actor, &Input::Fact(body))?;
        self.append(now, events)?;
        Ok(())
    }
}

impl From<PathError> for CommitError {
    fn from(error: PathError) -> Self {
        Self::Open(error.into())
    }
}
