//! Opening and following a run's log.

use camino::Utf8PathBuf;
use serde_json::value::RawValue;

use super::copied::copied_from;
use crate::base::path::PathError;
use crate::base::{Time, limits};
use crate::engine::{State, checkpoint};
use crate::event::{Actor, Body, Record};
use crate::store::{
    CatchUp, Damage, FileLock, LogError, LogReader, LogWriter, RunDir, Torn, chain, seal,
    snapshot_cache,
};

/// A run's folded state together with the place in the log that it stands for.
#[derive(Debug)]
pub struct Ledger {
    pub(super) dir: RunDir,
    pub(super) state: State,
    pub(super) reader: LogReader,
    pub(super) health: Health,
    /// Number of the last event that `snapshot.json` stands for; 0 when there is none to use.
    pub(super) saved: u64,
}

/// What was found at the end of the log at the last look.
#[derive(Debug, Default)]
pub struct Health {
    /// An interrupted write that the next writer moves away.
    pub torn: Option<Torn>,
    /// Why the run can only be read.
    pub read_only: Option<String>,
    /// Somebody else made it: it came with the files of the project, and nothing of it is executed.
    pub foreign: bool,
    /// The project whose run this is only a copy of: its processes are none of ours.
    pub copy_of: Option<Utf8PathBuf>,
    /// Where the log is broken; the state stands for the lines before.
    pub damage: Option<Damage>,
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

impl OpenError {
    /// Whether there is no log: the run's number was taken and nothing was written yet.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Log(LogError::Missing(_)))
    }
}

/// Why a run that somebody else made is only looked at.
const FOREIGN: &str =
    "you did not make it here: it came with the project's files, or is of another user or home";
/// Times that opening a log begins anew when a writer takes something back meanwhile.
const REWINDS_MAX: u32 = 8;

impl Ledger {
    /// Opens the run in `dir`: from its checkpoint and what came after, or from the first line.
    ///
    /// A checkpoint is trusted when the chain of lines before it is whole. A log that is too long for
    /// every look at it is followed by [`Ledger::open_checked`] and [`crate::store::log::verify`].
    /// A damaged log opens as far as it is whole, read-only; [`Ledger::health`] says where it breaks.
    ///
    /// # Errors
    /// There is no log, it cannot be read, or its first line is not a run.
    pub fn open(dir: RunDir) -> Result<Self, OpenError> {
        Self::open_with(dir, limits::CHAIN_LOOK_BYTES_MAX)
    }

    /// Opens the run in `dir` as [`Ledger::open`] does, and follows its chain however long it is.
    ///
    /// For whoever is about to write: nothing may be added to a log that is broken.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open_checked(dir: RunDir) -> Result<Self, OpenError> {
        Self::open_with(dir, u64::MAX)
    }

    fn open_with(dir: RunDir, look_max: u64) -> Result<Self, OpenError> {
        match Self::from_checkpoint(&dir, look_max) {
            Some(ledger) => Ok(ledger),
            None => Self::fold(dir, u64::MAX),
        }
    }

    /// Opens the run in `dir` from the first line of its log.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open_whole(dir: RunDir) -> Result<Self, OpenError> {
        Self::fold(dir, u64::MAX)
    }

    /// The run as it was after event `seq`.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open_at(dir: RunDir, seq: u64) -> Result<Self, OpenError> {
        Self::fold(dir, seq)
    }

    /// Nothing when there is no checkpoint of this log: the answer is always to fold the whole log.
    fn from_checkpoint(dir: &RunDir, look_max: u64) -> Option<Self> {
        let (header, bytes) = snapshot_cache::read(dir.snapshot())?;
        if !snapshot_cache::matches(&header, dir.events()) {
            return None;
        }
        let cursor = &header.cursor;
        if cursor.offset <= look_max && !chain::is_unbroken(&dir.events(), cursor) {
            return None;
        }
        let mut state = checkpoint::read(&bytes)?;
        // What somebody else made is folded as it stands: its checkpoint could say anything.
        if !seal::is_ours(&state.created) {
            return None;
        }
        let saved = header.cursor.chain.seq;
        if state.seq != saved {
            return None;
        }
        let mut reader = LogReader::at(dir.events(), header.cursor);
        let found = reader.catch_up(|record| state.apply_record(&record));
        let health = Health::of(found, dir, &mut state).ok()?;
        Some(Self { dir: dir.clone(), state, reader, health, saved })
    }

    /// A writer may cut a torn tail under the reader, which then begins anew.
    fn fold(dir: RunDir, until: u64) -> Result<Self, OpenError> {
        for _ in 0..REWINDS_MAX {
            match Self::fold_once(dir.clone(), until) {
                Err(OpenError::Log(LogError::Rewound(_))) => {}
                found => return found,
            }
        }
        Self::fold_once(dir, until)
    }

    fn fold_once(dir: RunDir, until: u64) -> Result<Self, OpenError> {
        let mut reader = LogReader::open(dir.events());
        let mut state: Option<State> = None;
        let found = reader.catch_up(|record| {
            if record.seq <= until {
                take(&mut state, &record);
            }
        });
        let Some(mut state) = state else {
            // Without its first line there is no run to show: why that is so is the error.
            found?;
            return Err(OpenError::NoRun(dir.events()));
        };
        let health = Health::of(found, &dir, &mut state)?;
        Ok(Self { dir, state, reader, health, saved: 0 })
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
        Ok(Self { dir, state, reader, health: Health::default(), saved: 0 })
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

    /// Whether the log ends where it was read to; one look at its length.
    pub fn is_current(&self) -> bool {
        let length = self.dir.events().symlink_metadata().map(|file| file.len());
        length.is_ok_and(|length| length == self.reader.cursor().offset)
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
                self.health = Health::of(found, &self.dir, &mut self.state)?;
                Ok(())
            }
        }
    }

    /// Whether a new checkpoint is worth its write: enough events came, or some and the run rests.
    pub fn is_checkpoint_due(&self) -> bool {
        let new = self.state.seq.saturating_sub(self.saved);
        let rests = !self.state.status.kind().holds_slot() && self.state.live_count() == 0;
        let is_sound = self.health.read_only.is_none();
        is_sound && (new >= limits::CHECKPOINT_EVERY_EVENTS || (new > 0 && rests))
    }

    /// Writes a checkpoint when one is due; `row` is what tables show of the run.
    ///
    /// A checkpoint that cannot be written is none: it is disposable, and the next one is tried again.
    pub fn write_checkpoint(&mut self, row: &RawValue) {
        if !self.is_checkpoint_due() {
            return;
        }
        let bytes = checkpoint::write(&self.state);
        let cursor = self.reader.cursor();
        if snapshot_cache::write(self.dir.snapshot(), &cursor, row, &bytes).is_ok() {
            self.saved = self.state.seq;
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
    fn of(
        found: Result<CatchUp, LogError>,
        dir: &RunDir,
        state: &mut State,
    ) -> Result<Self, LogError> {
        let created = &state.created;
        let foreign = created.flags.imported.is_none() && !seal::is_ours(created);
        let copy_of = copied_from(dir, created);
        let mut health = Self { torn: None, read_only: None, foreign, copy_of, damage: None };
        match found {
            Ok(found) => {
                let copy = health.copy_of.as_ref();
                let copy = copy
                    .map(|root| format!("it is a copy of the run of `{root}`, and goes on there"));
                let newer = found.newer.then(|| "a newer version of crew wrote it".to_owned());
                health.torn = found.torn;
                health.read_only = newer.or(copy).or_else(|| foreign.then(|| FOREIGN.to_owned()));
            }
            Err(LogError::Damaged(damage)) => {
                // It is only read, whoever made it; and the seal may be what is damaged.
                health.foreign = false;
                health.read_only = Some(damage.to_string());
                health.damage = Some(damage);
            }
            Err(error @ LogError::Newer { .. }) => health.read_only = Some(error.to_string()),
            Err(error) => return Err(error),
        }
        if foreign {
            state.disown(dir.path());
        }
        Ok(health)
    }
}

pub(super) fn take(state: &mut Option<State>, record: &Record) {
    match state {
        None => *state = State::begin(record),
        Some(state) => state.apply_record(record),
    }
}

#[cfg(test)]
mod tests;
