//! Appending to a log against writing and syncing the same bytes to a plain file.

mod support;

use std::fs::File;
use std::io::Write;

use crew::base::Time;
use crew::event::{Actor, Chain, Record};
use crew::store::{FileLock, LogReader, LogWriter};
use divan::Bencher;

use support::Run;

fn main() {
    divan::main();
}

/// Lock, catch up, write, sync, unlock.
#[divan::bench(args = [1, 64], sample_count = 400, sample_size = 1)]
fn log(bencher: Bencher, events: usize) {
    let run = Run::with_events(1_000);
    let mut reader = LogReader::open(run.dir.events());
    reader.catch_up(drop).expect("read");
    bencher
        .with_inputs(|| vec![(Actor::Supervisor, 1, support::note()); events])
        .bench_local_values(|items| {
            let lock = FileLock::exclusive(&run.dir.run_lock()).expect("lock");
            let found = reader.catch_up(drop).expect("read");
            let torn = found.torn.as_ref();
            let mut writer = LogWriter::open(&lock, &run.dir, reader.cursor(), torn).expect("open");
            let records = writer.append(Time(1_777_000_000_000), items);
            reader.advance(writer.cursor());
            records.expect("appended")
        });
}

/// The floor: the same bytes at the end of an open file, and one sync.
#[divan::bench(args = [1, 64], sample_count = 400, sample_size = 1)]
fn plain(bencher: Bencher, events: usize) {
    let run = Run::with_events(1_000);
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
    let mut file = File::options().append(true).open(run.dir.events()).expect("file");
    bencher.bench_local(|| {
        file.write_all(&bytes).expect("written");
        file.sync_data().expect("synced");
    });
}

/// Making the lines of a batch, without any file.
#[divan::bench(args = [1, 64], sample_count = 400, sample_size = 1)]
fn encode(bencher: Bencher, events: u64) {
    let records: Vec<Record> = (1..=events)
        .map(|seq| Record {
            seq,
            at: Time(1_777_000_000_000),
            actor: Actor::Supervisor,
            epoch: 1,
            batch: 1,
            body: support::note(),
        })
        .collect();
    bencher.bench_local(|| {
        let mut bytes = Vec::new();
        let mut chain = Chain::default();
        for record in &records {
            chain = record.write(chain, &mut bytes);
        }
        bytes
    });
}
