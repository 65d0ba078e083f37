//! Reading logs: all of it against plain parsing, one new event, and the last few.

mod support;

#[path = "support/plan.rs"]
mod plan;

use std::borrow::Cow;

use crew::base::Time;
use crew::engine::{State, checkpoint};
use crew::event::{Actor, Body, Hash};
use crew::store::{FileLock, LogReader, LogWriter, tail};
use divan::Bencher;
use divan::counter::ItemsCount;
use serde::Deserialize;
use serde_json::value::RawValue;

use support::Run;

const EVENTS: u64 = 100_000;

fn main() {
    divan::main();
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

#[divan::bench(sample_count = 20, sample_size = 1)]
fn log(bencher: Bencher) {
    let run = Run::with_events(EVENTS);
    bencher.counter(ItemsCount::new(EVENTS)).bench_local(|| {
        let mut reader = LogReader::open(run.dir.events());
        reader.catch_up(|record| drop(divan::black_box(record))).expect("read")
    });
}

/// The same into the state of the run.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn state(bencher: Bencher) {
    let run = whole_run();
    bencher.counter(ItemsCount::new(EVENTS)).bench_local(|| folded(&run));
}

/// Reading a checkpoint instead, in a run of so many tasks.
#[divan::bench(args = [50, 2_000, 10_000], sample_count = 50, sample_size = 1)]
fn from_checkpoint(bencher: Bencher, tasks: u32) {
    let state = begun(tasks);
    let bytes = checkpoint::write(&state);
    bencher.bench_local(|| checkpoint::read(&bytes).expect("a checkpoint"));
}

/// The first event of a run, and what happens in one.
fn whole_run() -> Run {
    let first = plan::created(50).into();
    Run::of(std::iter::once(first).chain((2..=EVENTS).map(support::body)))
}

fn begun(tasks: u32) -> State {
    let run = Run::of(std::iter::once(plan::created(tasks).into()));
    folded(&run)
}

fn folded(run: &Run) -> State {
    let mut state: Option<State> = None;
    let mut reader = LogReader::open(run.dir.events());
    let found = reader.catch_up(|record| match &mut state {
        None => state = State::begin(&record),
        Some(state) => state.apply_record(&record),
    });
    drop(found.expect("read"));
    state.expect("a run")
}

/// The floor: the same lines into the same types, without numbers, hashes and cursor.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn plain(bencher: Bencher) {
    let run = Run::with_events(EVENTS);
    bencher.counter(ItemsCount::new(EVENTS)).bench_local(|| {
        let bytes = std::fs::read(run.dir.events()).expect("read");
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line: Line<'_> = serde_json::from_slice(line).expect("a line");
            let body = Body::parse(&line.kind, line.data).expect("an event");
            drop(divan::black_box((line, body)));
        }
    });
}

/// One event more, behind a history of this length.
#[divan::bench(args = [1_000, 1_000_000], sample_count = 200, sample_size = 1)]
fn refresh(bencher: Bencher, history: u64) {
    let run = Run::with_events(history);
    let mut writing = LogReader::open(run.dir.events());
    writing.catch_up(drop).expect("read");
    let mut reader = writing.clone();
    bencher
        .with_inputs(|| {
            let lock = FileLock::exclusive(&run.dir.run_lock()).expect("lock");
            let mut writer =
                LogWriter::open(&lock, &run.dir, writing.cursor(), None).expect("open");
            let items = vec![(Actor::Supervisor, 1, support::note())];
            writer.append(Time(1_777_000_000_000), items).expect("appended");
            writing.advance(writer.cursor());
        })
        .bench_local_values(|()| reader.catch_up(drop).expect("read"));
}

#[divan::bench(args = [1_000, 1_000_000], sample_count = 200, sample_size = 1)]
fn last_20(bencher: Bencher, history: u64) {
    let run = Run::with_events(history);
    bencher.bench_local(|| tail::last_records(run.dir.events(), 20).expect("read"));
}
