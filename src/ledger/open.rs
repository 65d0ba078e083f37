//! Opening and following a run's log.

use crate::base::Time;
use crate::base::path::PathError;
use crate::engine::State;
use crate::event::{Actor, Body, Record};
use crate::store::{FileLock, LogError, LogReader, LogWriter, RunDir, Torn};

/// A run's folded state together with the place in the log that it stands for.
#[derive(Debug)]
pub struct Ledger {
    pub(super) dir: RunDir,
    pub(super) state: State,
    pub(super) reader: LogReader,
    pub(super) health: Health,
}

/// What was found at the end of the log at the last look.
#[derive(Debug, Default)]
pub struct Health {
    /// An interrupted write that the next writer moves away.
    pub torn: Option<Torn>,
    /// Why the run can only be read.
    pub read_only: Option<String>,
}

/// Why a run cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The log cannot be read at all.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The log does not begin with its run.
    #[error("`{0}` does not begin with a run")]
    NoRun(camino::Utf8PathBuf),
    /// The system refused.
    #[error(transparent)]
    Io(#[from] PathError),
}

impl Ledger {
    /// Opens the run in `dir` and folds its log.
    ///
    /// A damaged log opens as far as it is whole, read-only; [`Ledger::health`] says where it breaks.
    ///
    /// # Errors
    /// There is no log, it cannot be read, or its first line is not a run.
    pub fn open(dir: RunDir) -> Result<Self, OpenError> {
        Self::fold(dir, u64::MAX)
    }

    /// The run as it was after event `seq`.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open_at(dir: RunDir, seq: u64) -> Result<Self, OpenError> {
        Self::fold(dir, seq)
    }

    fn fold(dir: RunDir, until: u64) -> Result<Self, OpenError> {
        let mut reader = LogReader::open(dir.events());
        let mut state: Option<State> = None;
        let found = reader.catch_up(|record| {
            if record.seq <= until {
                take(&mut state, &record);
            }
        });
        let health = Health::of(found)?;
        let state = state.ok_or_else(|| OpenError::NoRun(dir.events()))?;
        Ok(Self { dir, state, reader, health })
    }

    /// Creates a run: its folder, and its log with `events` in one batch.
    ///
    /// # Errors
    /// The folder or the log could not be written; nothing is left that looks like a run.
    pub fn create(
        dir: RunDir,
        now: Time,
        events: Vec<(Actor, u32, Body)>,
    ) -> Result<Self, OpenError> {
        crate::store::files::create_private_dir(dir.path())?;
        let lock = FileLock::exclusive(&dir.run_lock())?;
        let mut reader = LogReader::open(dir.events());
        let mut writer = LogWriter::open(&lock, &dir, reader.cursor(), None)?;
        let records = writer.append(now, events)?;
        reader.advance(writer.cursor());
        let mut state = None;
        for record in &records {
            take(&mut state, record);
        }
        let state = state.ok_or_else(|| OpenError::NoRun(dir.events()))?;
        Ok(Self { dir, state, reader, health: Health::default() })
    }

    /// The run's files.
    pub fn dir(&self) -> &RunDir {
        &self.dir
    }

    /// What the run is now, as far as it was read.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What was found at the end of the log.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Takes in what others appended, without a lock, and shows each new event to `each`.
    ///
    /// # Errors
    /// The log cannot be read any more.
    pub fn refresh_with(&mut self, mut each: impl FnMut(&Record)) -> Result<(), OpenError> {
        let state = &mut self.state;
        let found = self.reader.catch_up(|record| {
            state.apply_record(&record);
            each(&record);
        });
        match found {
            Err(LogError::Rewound(_)) => {
                // A writer took a failed write back after we had read it: what we know never was.
                *self = Self::open(self.dir.clone())?;
                Ok(())
            }
            found => {
                self.health = Health::of(found)?;
                Ok(())
            }
        }
    }

    /// Takes in what others appended.
    ///
    /// # Errors
    /// The log cannot be read any more.
    pub fn refresh(&mut self) -> Result<(), OpenError> {
        self.refresh_with(|_| {})
    }
}

impl Health {
    fn of(found: Result<crate::store::CatchUp, LogError>) -> Result<Self, LogError> {
        match found {
            Ok(found) => Ok(Self {
                torn: found.torn,
                read_only: found.newer.then(|| "a newer version of crew wrote it".to_owned()),
            }),
            Err(LogError::Damaged(damage)) => {
                Ok(Self { torn: None, read_only: Some(damage.to_string()) })
            }
            Err(error) => Err(error),
        }
    }
}

pub(super) fn take(state: &mut Option<State>, record: &Record) {
    match state {
        None => *state = State::begin(record),
        Some(state) => state.apply_record(record),
    }
}
