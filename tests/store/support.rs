//! A run folder with a log, and one door for appending to it.

use camino::{Utf8Path, Utf8PathBuf};
use crew::base::Time;
use crew::event::body::RunNoted;
use crew::event::{Actor, Body, Record};
use crew::store::{CatchUp, Cursor, FileLock, LogError, LogReader, LogWriter, RunDir};

/// A run folder that is removed at the end of the test.
pub struct Run {
    _guard: tempfile::TempDir,
    pub dir: RunDir,
}

impl Run {
    pub fn new() -> Self {
        let guard = tempfile::tempdir().expect("folder");
        let path = guard.path().canonicalize().expect("exists");
        let dir = RunDir::at(Utf8PathBuf::try_from(path).expect("UTF-8"));
        Self { _guard: guard, dir }
    }

    /// A run whose log has batches of these sizes.
    pub fn with_batches(sizes: &[usize]) -> Self {
        let run = Self::new();
        let mut reader = LogReader::open(run.dir.events());
        for (index, size) in sizes.iter().enumerate() {
            let texts = (0..*size).map(|at| format!("batch {index}, event {at}"));
            append(&run.dir, &mut reader, texts.collect()).expect("appended");
        }
        run
    }

    pub fn log(&self) -> Vec<u8> {
        std::fs::read(self.dir.events()).expect("log")
    }

    pub fn replace_log(&self, bytes: &[u8]) {
        std::fs::write(self.dir.events(), bytes).expect("written");
    }
}

/// Takes the lock, catches up and appends one batch of notes, as every writer does.
pub fn append(
    run: &RunDir,
    reader: &mut LogReader,
    texts: Vec<String>,
) -> Result<Vec<Record>, LogError> {
    let lock = FileLock::exclusive(&run.run_lock())?;
    let torn = match reader.catch_up(drop) {
        Ok(found) => found.torn,
        Err(LogError::Missing(_)) => None,
        Err(error) => return Err(error),
    };
    let mut writer = LogWriter::open(&lock, run, reader.cursor(), torn.as_ref())?;
    let notes = texts.into_iter().map(note).collect();
    let records = writer.append(Time(1_777_000_000_123), notes)?;
    reader.advance(writer.cursor());
    Ok(records)
}

pub fn note(text: String) -> (Actor, u32, Body) {
    (Actor::Supervisor, 1, RunNoted { text }.into())
}

/// Everything that a new reader sees.
pub fn read(path: &Utf8Path) -> (Vec<Record>, Result<CatchUp, LogError>, Cursor) {
    let mut records = Vec::new();
    let mut reader = LogReader::open(path);
    let found = reader.catch_up(|record| records.push(record));
    (records, found, reader.cursor())
}
