//! Appending to a log: one write and one sync for all events of a batch.
//!
//! Only who holds `run.lock` and has caught up can append; the lock's guard is the proof, and the
//! cursor is compared with the file before anything is written.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;

use super::cursor::{Cursor, Standing};
use super::files;
use super::layout::RunDir;
use super::log::{LogError, Torn};
use super::torn;
use crate::base::path::{PathContext, PathError};
use crate::base::{Time, limits};
use crate::event::body::LogTruncated;
use crate::event::{Actor, Body, Record};
use crate::lock::FileLock;

/// Appends to the log of one run while its lock is held.
#[derive(Debug)]
pub struct LogWriter<'lock> {
    _lock: &'lock FileLock,
    run: RunDir,
    file: File,
    cursor: Cursor,
    /// Length of the torn tail that was moved away and is not yet on record.
    cut: Option<u64>,
}

impl<'lock> LogWriter<'lock> {
    /// Opens the log of `run` behind `cursor`; creates it when the cursor is at its start.
    ///
    /// `lock` must be the run's `run.lock`, taken before the reader caught up to `cursor`; `torn`
    /// is what that reader found behind it. It is moved away here.
    ///
    /// # Errors
    /// The log is newer, goes on behind the cursor, or cannot be opened.
    pub fn open(
        lock: &'lock FileLock,
        run: &RunDir,
        cursor: Cursor,
        torn: Option<&Torn>,
    ) -> Result<Self, LogError> {
        let path = run.events();
        if cursor.is_newer() {
            let format = cursor.format;
            return Err(LogError::Newer { path, format });
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(cursor.offset == 0);
        let file = files::open(&path, "cannot write", &mut options)?;
        let behind = torn.map_or(0, |torn| torn.bytes);
        match cursor.standing_in(&file) {
            Standing::Current if behind == 0 => {}
            Standing::Behind(bytes) if bytes == behind => {}
            Standing::Foreign => return Err(LogError::Rewound(path)),
            Standing::Current | Standing::Behind(_) => return Err(LogError::Grown(path)),
        }
        let next = cursor.chain.seq + 1;
        let cut = match torn {
            Some(torn) => Some(torn::move_away(&file, torn, run, next)?),
            // A tail that was moved away by a writer that died before it could say so.
            None => run.torn(next).symlink_metadata().ok().map(|m| m.len()),
        };
        Ok(Self { _lock: lock, run: run.clone(), file, cursor, cut })
    }

    /// Where the log ends.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Appends events in one write; when this returns they are on disk.
    ///
    /// A torn tail that was moved away is put on record as the first of them. Returns what was
    /// written. Nothing is written when there are no items.
    ///
    /// # Errors
    /// Nothing was appended, and the writer can be used again.
    pub fn append(
        &mut self,
        at: Time,
        items: Vec<(Actor, u32, Body)>,
    ) -> Result<Vec<Record>, LogError> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let batch = self.cursor.chain.seq + 1;
        let mut end = self.cursor;
        let mut bytes = Vec::with_capacity(512 * items.len());
        let mut records = Vec::with_capacity(items.len() + 1);
        for (actor, epoch, body) in self.with_truncation(items) {
            let record = Record { seq: end.chain.seq + 1, at, actor, epoch, batch, body };
            let from = bytes.len();
            let chain = record.write(end.chain, &mut bytes);
            let line = bytes.len() - from;
            if line > limits::LOG_LINE_BYTES_MAX {
                let path = self.run.events();
                return Err(LogError::TooLong { path, bytes: line });
            }
            end.pass(&record, chain, line as u64);
            records.push(record);
        }
        if let Err(error) = self.write(&bytes) {
            // Invariant: after an error the log ends where it ended before. When even this fails
            // the next writer finds a torn tail, or whole lines that it can use.
            drop(self.file.set_len(self.cursor.offset));
            return Err(error.into());
        }
        self.cursor = end;
        self.cut = None;
        Ok(records)
    }

    /// Puts on disk what others have appended.
    ///
    /// A writer can die between its write and its sync; whoever acts on events that it read, not
    /// wrote, calls this first.
    ///
    /// # Errors
    /// The system could not write.
    pub fn sync(&self) -> Result<(), PathError> {
        self.file.sync_data().at("cannot sync", self.run.events())
    }

    fn write(&self, bytes: &[u8]) -> Result<(), PathError> {
        self.file.write_all_at(bytes, self.cursor.offset).at("cannot write", self.run.events())?;
        self.sync()?;
        if self.cursor.offset == 0 {
            files::sync_dir(self.run.path())?;
        }
        Ok(())
    }

    /// The first line stays the one with the plan; everything else comes after the truncation.
    fn with_truncation(&self, mut items: Vec<(Actor, u32, Body)>) -> Vec<(Actor, u32, Body)> {
        let Some(bytes) = self.cut else { return items };
        let epoch = items.first().map_or(1, |(_, epoch, _)| *epoch);
        let seq = self.cursor.chain.seq + 1;
        let file = self.run.torn(seq);
        let file = file.file_name().unwrap_or_default().to_owned();
        let body = Body::LogTruncated(LogTruncated { bytes, file });
        let place = usize::from(seq == 1);
        items.insert(place, (Actor::Supervisor, epoch, body));
        items
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::body::RunNoted;
    use crate::store::LogReader;

    struct Bench {
        _guard: tempfile::TempDir,
        run: RunDir,
        reader: LogReader,
    }

    impl Bench {
        fn new() -> Self {
            let guard = tempfile::tempdir().unwrap();
            let path = camino::Utf8PathBuf::try_from(guard.path().to_path_buf()).unwrap();
            let run = RunDir::at(path);
            let reader = LogReader::open(run.events());
            Self { _guard: guard, run, reader }
        }

        fn append(&mut self, texts: &[&str]) -> Result<Vec<Record>, LogError> {
            let lock = FileLock::exclusive(&self.run.run_lock())?;
            let torn = match self.reader.catch_up(drop) {
                Ok(found) => found.torn,
                Err(LogError::Missing(_)) => None,
                Err(error) => return Err(error),
            };
            let mut writer =
                LogWriter::open(&lock, &self.run, self.reader.cursor(), torn.as_ref())?;
            let records = writer.append(Time(1), texts.iter().map(|text| note(text)).collect())?;
            self.reader.advance(writer.cursor());
            Ok(records)
        }

        fn all(&self) -> Vec<Record> {
            let mut all = Vec::new();
            let mut reader = LogReader::open(self.run.events());
            reader.catch_up(|record| all.push(record)).unwrap();
            assert_eq!(reader.cursor(), self.reader.cursor());
            all
        }
    }

    fn note(text: &str) -> (Actor, u32, Body) {
        let body = RunNoted { text: text.into() };
        (Actor::Supervisor, 1, body.into())
    }

    #[test]
    fn what_was_appended_reads_back() {
        let mut bench = Bench::new();
        let mut written = bench.append(&["a"]).unwrap();
        written.extend(bench.append(&["b", "c"]).unwrap());
        assert_eq!(bench.all(), written);
        let batches: Vec<_> = written.iter().map(|r| (r.seq, r.batch)).collect();
        assert_eq!(batches, [(1, 1), (2, 2), (3, 2)]);
    }

    #[test]
    fn a_torn_tail_is_moved_away_and_put_on_record() {
        let mut bench = Bench::new();
        bench.append(&["a"]).unwrap();
        let whole = std::fs::read(bench.run.events()).unwrap();
        std::fs::write(bench.run.events(), [&whole[..], b"{\"seq\":2,\0\0"].concat()).unwrap();
        let records = bench.append(&["b"]).unwrap();
        let cut = LogTruncated { bytes: 11, file: "events.torn-2".into() };
        assert_eq!(records[0].body, Body::LogTruncated(cut));
        assert_eq!((records[1].seq, records[1].batch), (3, 2));
        assert_eq!(std::fs::read(bench.run.torn(2)).unwrap(), b"{\"seq\":2,\0\0");
        assert_eq!(bench.all().len(), 3);
        assert_eq!(bench.append(&["c"]).unwrap().len(), 1, "said once");
    }

    #[test]
    fn a_cut_that_was_not_put_on_record_is_said_by_the_next_writer() {
        let mut bench = Bench::new();
        bench.append(&["a"]).unwrap();
        std::fs::write(bench.run.torn(2), b"half").unwrap();
        let records = bench.append(&["b"]).unwrap();
        assert_eq!(records[0].body.kind(), "log.truncated");
        assert_eq!(records.len(), 2);
    }

    #[test]
    fn a_torn_first_line_leaves_the_first_place_to_the_plan() {
        let mut bench = Bench::new();
        std::fs::write(bench.run.events(), b"{\"seq").unwrap();
        let records = bench.append(&["plan"]).unwrap();
        let kinds: Vec<_> = records.iter().map(|r| r.body.kind().to_owned()).collect();
        assert_eq!(kinds, ["run.noted", "log.truncated"]);
    }

    #[test]
    fn a_writer_that_has_not_caught_up_is_refused() {
        let mut bench = Bench::new();
        bench.append(&["a"]).unwrap();
        let old = bench.reader.cursor();
        bench.append(&["b"]).unwrap();
        let lock = FileLock::exclusive(&bench.run.run_lock()).unwrap();
        let refused = LogWriter::open(&lock, &bench.run, old, None).unwrap_err();
        assert!(matches!(refused, LogError::Grown(_)), "{refused}");
    }

    #[test]
    fn a_log_that_changed_behind_the_cursor_is_never_continued() {
        let mut bench = Bench::new();
        bench.append(&["a"]).unwrap();
        bench.append(&["b"]).unwrap();
        let text = std::fs::read_to_string(bench.run.events()).unwrap();
        std::fs::write(bench.run.events(), text.replace("\"b\"", "\"B\"")).unwrap();
        let refused = bench.append(&["c"]).unwrap_err();
        assert!(matches!(refused, LogError::Rewound(_)), "{refused}");
        std::fs::write(bench.run.events(), &text[..text.len() / 2]).unwrap();
        let refused = bench.append(&["c"]).unwrap_err();
        assert!(matches!(refused, LogError::Rewound(_)), "{refused}");
    }

    #[test]
    fn an_unknown_event_forbids_writing() {
        let mut bench = Bench::new();
        bench.append(&["a"]).unwrap();
        let mut line = Vec::new();
        let record = Record {
            seq: 2,
            at: Time(1),
            actor: Actor::Supervisor,
            epoch: 1,
            batch: 2,
            body: Body::Unknown { kind: "moon.rose".into(), data: "{}".into() },
        };
        record.write(bench.reader.cursor().chain, &mut line);
        let whole = std::fs::read(bench.run.events()).unwrap();
        std::fs::write(bench.run.events(), [whole, line].concat()).unwrap();
        let refused = bench.append(&["b"]).unwrap_err();
        assert!(matches!(refused, LogError::Newer { .. }), "{refused}");
        assert_eq!(bench.all().len(), 2);
    }
}
