//! What is torn, what is damaged, and that nothing is lost in silence.

use crew::base::limits;
use crew::event::Body;
use crew::store::{LogError, LogReader, Standing, log, tail};

use crate::support::{Run, append, read};

/// Sizes of the batches: single lines, and several in one write.
const BATCHES: [usize; 4] = [1, 2, 1, 3];
/// Number of the first line of the last batch.
const LAST_BATCH: u64 = 5;

/// Where each line begins, and the end of the last.
fn bounds(log: &[u8]) -> Vec<usize> {
    let ends = log.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect()
}

/// Lines that are whole in the first `length` bytes.
fn whole_lines(bounds: &[usize], length: usize) -> usize {
    bounds.iter().filter(|bound| **bound <= length).count() - 1
}

/// Reads a log whose rest from `offset` on is torn, and then lets a writer continue it.
fn check_torn(run: &Run, log: &[u8], lines: usize, offset: usize) {
    run.replace_log(log);
    let path = run.dir.events();
    let (records, found, cursor) = read(&path);
    let found = found.expect("torn is no error");
    assert_eq!((records.len(), cursor.offset), (lines, offset as u64));
    let last = tail::last_records(&path, 3).expect("readable");
    assert_eq!(last, records[records.len().saturating_sub(3)..]);
    let rest = &log[offset..];
    assert_eq!(
        found.torn.as_ref().map(|torn| torn.offset),
        (!rest.is_empty()).then_some(offset as u64)
    );

    let written = append(&run.dir, &mut LogReader::open(&path), vec!["next".into()]);
    let written = written.expect("a torn tail does not stop a writer");
    let kept = run.dir.torn(lines as u64 + 1);
    if rest.is_empty() {
        assert_eq!(written.len(), 1);
        assert!(!kept.exists());
    } else {
        assert!(
            matches!(&written[0].body, Body::LogTruncated(cut) if cut.bytes == rest.len() as u64)
        );
        assert_eq!(std::fs::read(&kept).expect("kept"), rest);
        std::fs::remove_file(kept).expect("removed for the next round");
    }
    let (after, found, _) = read(&path);
    assert_eq!(after, [records, written].concat());
    assert_eq!(found.expect("whole again").torn, None);
}

#[test]
fn a_write_cut_at_any_byte_leaves_a_torn_tail_that_the_next_writer_moves_away() {
    let run = Run::with_batches(&BATCHES);
    let log = run.log();
    let bounds = bounds(&log);
    for length in bounds[4]..=log.len() {
        let lines = whole_lines(&bounds, length);
        check_torn(&run, &log[..length], lines, bounds[lines]);
    }
}

#[test]
fn a_tail_of_zeros_of_any_length_is_torn() {
    let run = Run::with_batches(&BATCHES);
    let log = run.log();
    let bounds = bounds(&log);
    for length in bounds[4]..log.len() {
        let mut zeroed = log.clone();
        zeroed[length..].fill(0);
        let lines = whole_lines(&bounds, length);
        check_torn(&run, &zeroed, lines, bounds[lines]);
    }
}

#[test]
fn a_hole_of_zeros_in_the_last_batch_is_torn_with_the_lines_behind_it() {
    let run = Run::with_batches(&BATCHES);
    let log = run.log();
    let bounds = bounds(&log);
    for start in (bounds[4]..log.len() - 16).step_by(5) {
        let mut holed = log.clone();
        holed[start..start + 16].fill(0);
        let lines = whole_lines(&bounds, start);
        check_torn(&run, &holed, lines, bounds[lines]);
    }
}

#[test]
fn a_hole_before_the_last_batch_is_damage_and_no_writer_cuts_it() {
    let run = Run::with_batches(&BATCHES);
    let log = run.log();
    let bounds = bounds(&log);
    for start in (0..bounds[4] - 16).step_by(5) {
        let mut holed = log.clone();
        holed[start..start + 16].fill(0);
        run.replace_log(&holed);
        let line = whole_lines(&bounds, start) as u64 + 1;
        let refused = append(&run.dir, &mut LogReader::open(run.dir.events()), vec!["x".into()]);
        let Err(LogError::Damaged(damage)) = refused else {
            panic!("hole at {start}: {refused:?}");
        };
        assert_eq!(damage.line, line, "hole at {start}");
        assert_eq!(run.log(), holed, "the log is left as it is");
    }
}

/// A change of one byte shows as damage at its line, or one line later because the chain breaks
/// there; in the last batch, also as a torn tail. Only a change in the very last line can leave a
/// log that looks right: nothing follows that would name its hash. Whoever read that line before
/// notices (its cursor is foreign, its writer refuses), and so does every snapshot that covers it.
#[test]
fn no_changed_byte_goes_unnoticed() {
    let run = Run::with_batches(&BATCHES);
    let (original, _, end) = read(&run.dir.events());
    let log = run.log();
    let bounds = bounds(&log);
    let last = original.len() as u64;
    for at in 0..log.len() {
        for change in [log[at] ^ 1, log[at] ^ 0x80, 0, b'\n'] {
            if change == log[at] {
                continue;
            }
            let mut changed = log.clone();
            changed[at] = change;
            run.replace_log(&changed);
            let line = whole_lines(&bounds, at) as u64 + 1;
            let what = format!("byte {at} of line {line} became {change}");
            let (records, found, _) = read(&run.dir.events());
            let before = usize::try_from(line - 1).expect("small");
            assert_eq!(records[..before], original[..before], "{what}");
            match found {
                Err(LogError::Damaged(damage)) => {
                    assert!([line, line + 1].contains(&damage.line), "{what}: {damage}");
                }
                Ok(found) => match found.torn {
                    Some(torn) => {
                        assert!(line >= LAST_BATCH, "{what}: {torn:?}");
                        assert_eq!(torn.offset, bounds[before] as u64, "{what}");
                    }
                    None => assert_eq!(line, last, "{what}"),
                },
                Err(error) => panic!("{what}: {error}"),
            }
            if line == last {
                assert_eq!(end.standing(&run.dir.events()), Standing::Foreign, "{what}");
            }
            if change == b'\n' {
                tail::first(run.dir.events()).map_or_else(drop, drop);
                tail::last_records(run.dir.events(), 3).map_or_else(drop, drop);
            }
        }
    }
}

#[test]
fn a_changed_last_line_is_caught_by_the_writer_that_had_read_it() {
    let run = Run::with_batches(&BATCHES);
    let mut reader = LogReader::open(run.dir.events());
    reader.catch_up(drop).expect("whole");
    let text = String::from_utf8(run.log()).expect("text");
    run.replace_log(text.replace("batch 3, event 2", "batch 3, event 9").as_bytes());
    assert_eq!(log::verify(run.dir.events()).expect("read").damage, None);
    let refused = append(&run.dir, &mut reader, vec!["next".into()]);
    assert!(matches!(refused, Err(LogError::Rewound(_))), "{refused:?}");
}

#[test]
fn whole_lines_lost_in_the_middle_are_damage() {
    let run = Run::with_batches(&BATCHES);
    let log = run.log();
    let bounds = bounds(&log);
    for line in 0..bounds.len() - 2 {
        run.replace_log(&[&log[..bounds[line]], &log[bounds[line + 1]..]].concat());
        let found = log::verify(run.dir.events()).expect("readable");
        let damage = found.damage.expect("a gap");
        assert_eq!((found.lines, damage.line), (line as u64, line as u64 + 1));
        assert!(damage.why.contains("event number"), "{damage}");
    }
}

#[test]
fn damage_names_file_line_and_place() {
    let run = Run::with_batches(&[1, 1]);
    let text = String::from_utf8(run.log()).expect("text");
    run.replace_log(text.replace("batch 0", "batch 9").as_bytes());
    let error = read(&run.dir.events()).1.expect_err("damaged").to_string();
    let place = bounds(text.as_bytes())[1];
    let expected = format!(
        "`{}` is damaged at line 2 (byte {place}): the line before it was changed or lost (its hash does not match)",
        run.dir.events()
    );
    assert_eq!(error, expected);
}

#[test]
fn a_first_line_that_only_a_newer_version_can_read_is_newer_and_not_damaged() {
    let run = Run::new();
    let zero = "0".repeat(32);
    run.replace_log(format!(
        r#"{{"seq":1,"at":"2026-05-01T09:30:00.123Z","actor":"supervisor","type":"run.created","epoch":1,"batch":1,"data":{{"format":2,"shape":"new"}},"prev":"{zero}"}}
"#
    ).as_bytes());
    for error in [
        read(&run.dir.events()).1.expect_err("newer"),
        tail::first(run.dir.events()).expect_err("newer"),
        tail::last_records(run.dir.events(), 1).expect_err("newer"),
    ] {
        assert!(matches!(error, LogError::Newer { format: 2, .. }), "{error}");
    }
}

#[test]
fn a_line_longer_than_the_limit_is_never_held_in_memory_as_a_whole() {
    let run = Run::with_batches(&[1]);
    let log = std::fs::OpenOptions::new().append(true).open(run.dir.events()).expect("log");
    let length = log.metadata().expect("log").len();
    log.set_len(length + limits::LOG_LINE_BYTES_MAX as u64 + 10).expect("a hole");
    let (records, found, _) = read(&run.dir.events());
    let torn = found.expect("torn").torn.expect("torn");
    assert_eq!((records.len(), torn.offset), (1, length));
    assert_eq!(torn.reason, "the line is too long");
}
