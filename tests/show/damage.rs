//! Logs that are torn, damaged, newer or not there.

use std::fs;

use crew::base::limits::CHAIN_LOOK_BYTES_MAX;
use crew::engine::Input;
use crew::event::body::RunNoted;

use super::place::Place;
use super::script;

fn append(place: &Place, bytes: &[u8]) {
    let path = place.run_dir(1).events();
    let mut log = fs::read(&path).unwrap();
    log.extend_from_slice(bytes);
    fs::write(path, log).unwrap();
}

fn last_line(place: &Place) -> String {
    let log = fs::read_to_string(place.run_dir(1).events()).unwrap();
    format!("{}\n", log.lines().last().unwrap())
}

#[test]
fn a_torn_tail_is_nobody_s_trouble() {
    let mut place = Place::new();
    place.run(script::started().into_iter().chain(script::question()));
    let before = place.crew(&["status", "1", "--json"]).ended(4);
    append(&place, b"{\"seq\":99,\"at\":\"20");
    let after = place.crew(&["status", "1", "--json"]);
    assert_eq!((after.err.as_str(), after.out.as_str()), ("", before.as_str()));
    let verified = place.crew(&["verify", "1"]).ended(0);
    assert!(verified.contains("an interrupted write left bytes"), "{verified}");
}

#[test]
fn a_damaged_log_is_shown_as_far_as_it_is_whole() {
    let mut place = Place::new();
    let ledger = place.run(script::started().into_iter().chain(script::question()));
    let line = format!("line {}", ledger.state().seq + 1);
    append(&place, last_line(&place).as_bytes());
    for args in [&["status", "1"][..], &["show", "1"], &["ls"], &["status"], &["why", "1"]] {
        let output = place.crew(args);
        assert_eq!(output.code, 8, "{args:?} {output:?}");
        assert!(output.out.contains("waiting"), "{args:?} {output:?}");
        assert!(output.err.contains(&line), "{args:?} {output:?}");
        assert!(output.err.contains("`crew verify 1`"), "{output:?}");
    }
    let output = place.crew(&["wait", "1", "--until", "done"]);
    assert_eq!(output.code, 8, "{output:?}");
    let verified = place.crew(&["verify", "1"]).ended(8);
    assert!(verified.contains(&line) && verified.contains("not whole"), "{verified}");
    let events = place.crew(&["events", "1"]);
    assert_eq!(events.code, 8);
    assert_eq!(events.out.lines().count() as u64, ledger.state().seq);
    let json = place.crew(&["status", "1", "--json"]);
    let error: serde_json::Value = serde_json::from_str(&json.err).unwrap();
    assert_eq!((error["error"]["code"].as_str(), json.code), (Some("damaged"), 8));
}

/// Changes one digit in the middle of the log of run 1.
fn edit(place: &Place) {
    let path = place.run_dir(1).events();
    let log = fs::read_to_string(&path).unwrap();
    let edited = log.replacen("\"pid\":4242", "\"pid\":4243", 1);
    assert_ne!(edited, log);
    fs::write(&path, edited).unwrap();
}

#[test]
fn damage_in_the_middle_is_told_by_whoever_opens_the_run_even_behind_a_snapshot() {
    let mut place = Place::new();
    place.run(script::started().into_iter().chain(script::question()));
    assert!(place.crew(&["ls"]).ended(0).contains("waiting"));
    edit(&place);
    assert!(place.run_dir(1).snapshot().exists());
    let verified = place.crew(&["verify", "1"]).ended(8);
    assert!(verified.contains("hash"), "{verified}");
    let before = fs::read(place.run_dir(1).events()).unwrap();
    for args in [&["status", "1"][..], &["show", "1"], &["why", "1"], &["pause", "1"]] {
        let output = place.crew(args);
        assert_eq!(output.code, 8, "{args:?} {output:?}");
        assert!(output.err.contains("is damaged at line "), "{args:?} {output:?}");
    }
    assert_eq!(fs::read(place.run_dir(1).events()).unwrap(), before, "nothing was written");
}

#[test]
fn a_long_log_is_followed_to_its_start_before_it_is_written_to() {
    let mut place = Place::new();
    let mut ledger = place.run(script::started().into_iter().chain(script::question()));
    while fs::metadata(place.run_dir(1).events()).unwrap().len() <= CHAIN_LOOK_BYTES_MAX {
        let text = "x".repeat(60 << 10);
        super::place::play(&mut ledger, 90_000, Input::Fact(RunNoted { text }.into()));
    }
    assert!(place.crew(&["ls"]).ended(0).contains("waiting"));
    edit(&place);
    assert!(place.crew(&["status", "1"]).ended(4).contains("waiting"), "a look stays quick");
    let before = fs::read(place.run_dir(1).events()).unwrap();
    for args in [&["pause", "1"][..], &["retry", "1"]] {
        let output = place.crew(args);
        assert_eq!(output.code, 8, "{args:?} {output:?}");
        assert!(output.err.contains("is damaged at line "), "{args:?} {output:?}");
    }
    assert_eq!(fs::read(place.run_dir(1).events()).unwrap(), before, "nothing was written");
    assert!(place.crew(&["doctor"]).out.contains("can only be read"));
}

#[test]
fn events_of_a_newer_version_do_not_hide_the_run() {
    let mut place = Place::new();
    let ledger = place.run(script::started().into_iter().chain(script::question()));
    let log = fs::read(place.run_dir(1).events()).unwrap();
    let last = log[..log.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    let prev = crew::event::Hash::of(&log[last..log.len() - 1]);
    let seq = ledger.state().seq + 1;
    append(
        &place,
        format!(
            "{{\"seq\":{seq},\"at\":\"2026-05-01T10:00:00.000Z\",\"actor\":\"supervisor\",\
             \"type\":\"moon.rose\",\"epoch\":1,\"batch\":{seq},\"data\":{{}},\"prev\":\"{prev}\"}}\n"
        )
        .as_bytes(),
    );
    let output = place.crew(&["status", "1"]);
    assert_eq!(output.code, 4, "{output:?}");
    assert!(output.out.contains("waiting (question)"), "{output:?}");
    assert!(output.err.contains("a newer version of crew wrote it"), "{output:?}");
    assert!(place.crew(&["events", "1"]).ended(0).contains("moon.rose"));
}

#[test]
fn a_number_that_was_taken_and_has_no_log_is_no_run_yet() {
    let mut place = Place::new();
    place.run([]);
    fs::create_dir(place.run_dir(2).path()).unwrap();
    let list = place.crew(&["ls"]);
    assert_eq!((list.code, list.err.as_str()), (0, ""));
    assert_eq!(list.out.lines().count(), 2);
    assert_eq!(place.crew(&["status", "2"]).code, 6);
}

#[test]
fn a_log_without_a_readable_first_line_is_an_error_with_its_place() {
    let mut place = Place::new();
    place.run(script::started());
    let path = place.run_dir(1).events();
    let log = fs::read_to_string(&path).unwrap();
    fs::write(&path, log.replacen("run.created", "run.cremated", 1)).unwrap();
    for args in [&["status", "1"][..], &["ls"]] {
        let output = place.crew(args);
        assert_eq!(output.code, 8, "{output:?}");
        assert!(output.err.contains("events.jsonl"), "{output:?}");
    }
}
