//! Sessions in which a person had a task: told behind the output of the attempt that they ended.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use super::super::want::AttemptRef;
use crate::base::time::human_ms;
use crate::base::{Time, redact, text};
use crate::client::attach;
use crate::client::pager::{Item, Place};
use crate::client::transcript::{Entry, Kind};
use crate::event::Body;
use crate::event::takeover::{HandBack, TaskHandedBack, TaskTaken};
use crate::store::{LogReader, RunDir};

/// Bytes of what a terminal showed that are read, the last.
const SHOWN_BYTES_MAX: u64 = 256 << 10;
/// Where entries of sessions stand: behind every byte of any output.
const BEHIND: u64 = 1 << 62;

/// What is told of the sessions of an attempt, as long as nothing changes.
#[derive(Debug, Clone, Default)]
pub(super) struct Sessions {
    stamp: (usize, u64, u64),
    pub(super) items: Vec<Arc<Item>>,
}

impl Sessions {
    /// Reads again what has changed; whether anything has.
    ///
    /// The log is read only for a task that somebody has had in a terminal.
    pub(super) fn look(&mut self, dir: &RunDir, attempt: &AttemptRef) -> bool {
        let shown = attach::sessions(dir, &attempt.task);
        let size = |path: &camino::Utf8Path| path.metadata().map_or(0, |file| file.len());
        let log = if shown.is_empty() { 0 } else { size(&dir.events()) };
        let stamp = (shown.len(), shown.last().map_or(0, |path| size(path)), log);
        if stamp == self.stamp {
            return false;
        }
        self.stamp = stamp;
        let items = items(dir, attempt);
        let changed = items != self.items;
        self.items = items;
        changed
    }
}

fn items(dir: &RunDir, attempt: &AttemptRef) -> Vec<Arc<Item>> {
    let mut items = Vec::new();
    let mut number = 0;
    let mut tell = |at: Time, seq: u64, part: u32, kind: Kind, title: &str, text: String| {
        let entry = Entry { kind, title: title.to_owned(), text };
        let place = Place { offset: BEHIND + seq, part };
        items.push(Arc::new(Item { place, at: Some(at), entry, call: None }));
    };
    // A damaged log still tells what stands before the damage.
    drop(LogReader::open(dir.events()).catch_up(|record| match &record.body {
        Body::AttemptStarted(start) if start.task == attempt.task => number = start.attempt,
        Body::TaskTaken(taken) if taken.task == attempt.task && number == attempt.number => {
            tell(record.at, record.seq, 0, Kind::Marker, "taken over", by(taken));
            let shown = shown(&dir.attached(&attempt.task, record.seq));
            if !shown.is_empty() {
                tell(record.at, record.seq, 1, Kind::Raw, "", shown);
            }
        }
        Body::TaskHandedBack(back) if back.task == attempt.task && number == attempt.number => {
            let title = match back.how {
                HandBack::GoOn => "handed back",
                HandBack::Done => "done by hand",
                HandBack::Unused => "not taken over",
                HandBack::Lost => "session lost",
            };
            tell(record.at, record.seq, 0, Kind::Marker, title, end(back));
        }
        _ => {}
    }));
    items
}

fn by(taken: &TaskTaken) -> String {
    format!("by {} with {}", taken.by.name(), taken.program)
}

/// How a session ended: how long it was, its exit code, what it changed.
fn end(back: &TaskHandedBack) -> String {
    let parts = [human_ms(back.duration_ms), back.end_words(), back.file_words()];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(", ")
}

/// What the terminal showed, without its codes and without secrets.
fn shown(path: &camino::Utf8Path) -> String {
    // What cannot be read was not shown.
    let text = tail(path).unwrap_or_default();
    let text = text::printable(&String::from_utf8_lossy(&text));
    let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    redact::redact(&lines.collect::<Vec<_>>().join("\n")).into_owned()
}

fn tail(path: &camino::Utf8Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(SHOWN_BYTES_MAX)))?;
    let mut bytes = Vec::new();
    file.take(SHOWN_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Actor, Body};
    use crate::ledger::Ledger;
    use crate::snapshot::sample;
    use crate::store::ProjectDir;

    #[test]
    fn a_session_is_told_behind_the_attempt_that_it_ended() {
        let temp = tempfile::tempdir().unwrap();
        let root = camino::Utf8Path::from_path(temp.path()).unwrap();
        let project = ProjectDir::new(root.to_owned(), None, None);
        let (state, records) = sample::records(sample::started());
        let mut log: Vec<(Actor, u32, Body)> = records
            .iter()
            .map(|record| (record.actor.clone(), record.epoch, record.body.clone()))
            .collect();
        let task: crate::base::TaskId = "coding".parse().unwrap();
        let ada = Actor::Human("ada".to_owned());
        let taken = TaskTaken {
            task: task.clone(),
            by: ada.clone(),
            pid: 7,
            mark: "m".to_owned(),
            program: "claude".to_owned(),
        };
        let back = TaskHandedBack {
            task: task.clone(),
            how: HandBack::GoOn,
            code: Some(0),
            signal: None,
            files: vec!["src/lib.rs".to_owned()],
            file_count: 1,
            duration_ms: 61_000,
        };
        log.push((ada.clone(), 1, taken.into()));
        let seq = log.len() as u64;
        log.push((ada, 1, back.into()));
        let dir = project.run(state.created.number);
        Ledger::create(dir.clone(), Time(1), log).unwrap();
        let attempt = |number| AttemptRef {
            run: state.created.number,
            task: task.clone(),
            number,
            runtime: None,
        };
        let mut sessions = Sessions::default();
        assert!(!sessions.look(&dir, &attempt(1)), "nothing was shown in a terminal");
        std::fs::create_dir_all(dir.task(&task)).unwrap();
        let screen = "\u{1b}[2Jhello\r\n\r\n\u{1b}[31mworld\n";
        std::fs::write(dir.attached(&task, seq), screen).unwrap();
        assert!(sessions.look(&dir, &attempt(1)) && !sessions.look(&dir, &attempt(1)));
        let told: Vec<(&str, &str)> = sessions
            .items
            .iter()
            .map(|item| (item.entry.title.as_str(), item.entry.text.as_str()))
            .collect();
        let expected = [
            ("taken over", "by ada with claude"),
            ("", "hello\nworld"),
            ("handed back", "1m 01s, exit code 0, changed: src/lib.rs"),
        ];
        assert_eq!(told, expected);
        let mut other = Sessions::default();
        assert!(!other.look(&dir, &attempt(2)), "{:?}", other.items);
    }
}
