//! The log against plain files and plain parsing.

use std::borrow::Cow;
use std::fs::File;
use std::io::Write;

use crew::base::Time;
use crew::engine::State;
use crew::event::{Actor, Body, Chain, Hash, Record};
use crew::store::{FileLock, LogReader, LogWriter};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Given;
use super::measure::in_turn;
use super::plan;
use super::report::Row;
use super::support::{self, Run};

const APPENDS: usize = 2_000;
const EVENTS: u64 = 100_000;

pub fn rows(_: &Given) -> Vec<Row> {
    vec![append(1, 1.25), append(64, 1.3), fold()]
}

fn append(events: usize, target: f64) -> Row {
    let run = Run::with_events(1_000);
    let mut reader = LogReader::open(run.dir.events());
    reader.catch_up(drop).expect("read");
    let plain = Run::with_events(1_000);
    let mut file = File::options().append(true).open(plain.dir.events()).expect("file");
    let bytes = lines(events);
    // One by one in turn: how long a disk takes to sync changes from second to second.
    let (ours, theirs) = in_turn(
        APPENDS,
        || locked_append(&run, &mut reader, events),
        || {
            file.write_all(&bytes).expect("written");
            file.sync_data().expect("synced");
        },
    );
    let work = format!("durable append of {events} event{}", if events == 1 { "" } else { "s" });
    let (ours, theirs) = (ours.wall().per(0.001), theirs.wall().per(0.001));
    Row::ratio(&work, "`write` + `fdatasync`", "µs", ours, theirs, target)
}

fn locked_append(run: &Run, reader: &mut LogReader, events: usize) {
    let items = vec![(Actor::Supervisor, 1, support::note()); events];
    let lock = FileLock::exclusive(&run.dir.run_lock()).expect("lock");
    let found = reader.catch_up(drop).expect("read");
    let torn = found.torn.as_ref();
    let mut writer = LogWriter::open(&lock, &run.dir, reader.cursor(), torn).expect("open");
    writer.append(Time(1_777_000_000_000), items).expect("appended");
    reader.advance(writer.cursor());
}

fn lines(events: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..events {
        let record = Record {
            seq: 1,
            at: Time(1_777_000_000_000),
            actor: Actor::Supervisor,
            epoch: 1,
            batch: 1,
            body: support::note(),
        };
        record.write(Chain::default(), &mut bytes);
    }
    bytes
}

/// The envelope of a line, for parsing without any check.
#[derive(Deserialize)]
#[expect(dead_code, reason = "parsed to compare the time it takes")]
struct Line<'a> {
    seq: u64,
    at: Time,
    actor: Actor,
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    epoch: u32,
    batch: u64,
    #[serde(borrow)]
    data: &'a RawValue,
    prev: Hash,
}

fn fold() -> Row {
    let first = plan::created(50).into();
    let run = Run::of(std::iter::once(first).chain((2..=EVENTS).map(support::body)));
    let log = run.dir.events();
    let (ours, theirs) = in_turn(
        9,
        || {
            let mut state: Option<State> = None;
            let mut reader = LogReader::open(log.clone());
            let found = reader.catch_up(|record| match &mut state {
                None => state = State::begin(&record),
                Some(state) => state.apply_record(&record),
            });
            assert_eq!(found.expect("read").records, EVENTS);
        },
        || {
            let bytes = std::fs::read(&log).expect("read");
            for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let line: Line<'_> = serde_json::from_slice(line).expect("a line");
                let body = Body::parse(&line.kind, line.data).expect("an event");
                drop(std::hint::black_box((line, body)));
            }
        },
    );
    Row::wall(
        "fold of 100,000 events into a state",
        "`serde_json`, same types",
        &ours,
        &theirs,
        1.5,
    )
}
