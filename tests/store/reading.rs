//! Reading in steps, from the ends, and while others write.

use std::sync::atomic::{AtomicUsize, Ordering};

use crew::event::Record;
use crew::store::{LogError, LogReader, Standing, log, tail};
use proptest::prelude::*;

use crate::support::{Run, append, read};

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reading_in_any_steps_equals_reading_at_once(
        sizes in prop::collection::vec(1_usize..5, 1..12),
        mut cuts in prop::collection::vec(0.0_f64..1.0, 0..12),
    ) {
        let run = Run::with_batches(&sizes);
        let (expected, _, end) = read(&run.dir.events());
        let whole = run.log();
        cuts.sort_by(f64::total_cmp);
        cuts.push(1.0);
        let mut records: Vec<Record> = Vec::new();
        let mut reader = LogReader::open(run.dir.events());
        for cut in cuts {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss,
                reason = "a place in a small file")]
            let length = (whole.len() as f64 * cut) as usize;
            run.replace_log(&whole[..length]);
            // A new process goes on from the cursor alone.
            reader = LogReader::at(reader.path(), reader.cursor());
            let before = records.len() as u64;
            let found = reader.catch_up(|record| records.push(record)).expect("unbroken");
            prop_assert_eq!(found.records, records.len() as u64 - before);
            let torn = found.torn.map_or(0, |torn| torn.bytes);
            prop_assert_eq!(reader.cursor().offset + torn, length as u64);
        }
        prop_assert_eq!(&records, &expected);
        prop_assert_eq!(reader.cursor(), end);
        for count in [0, 1, 2, 5, 1_000] {
            let last = tail::last_records(run.dir.events(), count).expect("readable");
            prop_assert_eq!(&last[..], &expected[expected.len().saturating_sub(count)..]);
        }
        let first = tail::first(run.dir.events()).expect("readable");
        prop_assert_eq!(first.as_ref(), expected.first());
    }
}

#[test]
fn a_reader_that_stands_at_the_end_reads_nothing_twice() {
    let run = Run::with_batches(&[2]);
    let mut reader = LogReader::open(run.dir.events());
    assert_eq!(reader.catch_up(drop).expect("read").records, 2);
    assert_eq!(reader.catch_up(drop).expect("read").bytes, 0);
    assert_eq!(reader.cursor().standing(reader.path()), Standing::Current);
    let more = append(&run.dir, &mut LogReader::open(run.dir.events()), vec!["x".into()]);
    assert!(matches!(reader.cursor().standing(reader.path()), Standing::Behind(_)));
    let mut seen = Vec::new();
    reader.catch_up(|record| seen.push(record)).expect("read");
    assert_eq!(seen, more.expect("appended"));
}

#[test]
fn an_empty_log_has_no_events_and_a_missing_one_is_said_to_be_missing() {
    let run = Run::new();
    let path = run.dir.events();
    for error in [
        log::verify(&path).expect_err("missing"),
        tail::first(&path).expect_err("missing"),
        tail::last_records(&path, 1).expect_err("missing"),
    ] {
        assert!(matches!(error, LogError::Missing(_)), "{error}");
    }
    run.replace_log(b"");
    assert_eq!(log::verify(&path).expect("read").lines, 0);
    assert_eq!(tail::first(&path).expect("read"), None);
    assert_eq!(tail::last_records(&path, 1).expect("read"), []);
}

#[test]
fn long_lines_and_many_lines_are_found_from_the_end() {
    let run = Run::new();
    let mut reader = LogReader::open(run.dir.events());
    for length in [10, 100_000, 20, 40_000, 30] {
        append(&run.dir, &mut reader, vec!["x".repeat(length); 3]).expect("appended");
    }
    let (all, _, _) = read(&run.dir.events());
    for count in 0..=all.len() {
        let last = tail::last_records(run.dir.events(), count).expect("readable");
        assert_eq!(last, all[all.len() - count..], "{count}");
    }
}

#[test]
fn readers_without_a_lock_see_a_growing_prefix_while_eight_threads_write() {
    const WRITES: usize = 25;
    let run = Run::with_batches(&[1]);
    let left = AtomicUsize::new(8);
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let (run, left) = (&run, &left);
            scope.spawn(move || {
                let mut reader = LogReader::open(run.dir.events());
                for write in 0..WRITES {
                    let texts = vec![format!("writer {writer}, write {write}"); 1 + write % 3];
                    append(&run.dir, &mut reader, texts).expect("appended");
                }
                left.fetch_sub(1, Ordering::SeqCst);
            });
        }
        let mut reader = LogReader::open(run.dir.events());
        let mut seen = Vec::new();
        loop {
            let done = left.load(Ordering::SeqCst) == 0;
            reader.catch_up(|record| seen.push(record)).expect("never damaged");
            if done {
                break;
            }
        }
        assert_eq!(seen, read(&run.dir.events()).0);
        assert_eq!(seen.len(), 1 + 8 * (0..WRITES).map(|write| 1 + write % 3).sum::<usize>());
    });
}
