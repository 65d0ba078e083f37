//! The JSON contract.

use super::place::{Place, play};
use super::script;

#[test]
fn the_document_of_a_run_is_the_documented_one() {
    let mut place = Place::new();
    let mut ledger = place.run(script::started());
    for (ms, input) in script::question() {
        play(&mut ledger, ms, input);
    }
    let text = place.crew(&["status", "1", "--json"]).ended(4);
    // Order of fields included, which a parsed document would not show.
    let pretty = text.replace("},{", "},\n{").replace("\":[{", "\":[\n{");
    insta::assert_snapshot!("status_json", pretty.trim_end());
}

#[test]
fn a_row_of_the_list_is_the_run_of_the_status() {
    let mut place = Place::new();
    let mut ledger = place.run(script::started());
    for (ms, input) in script::finished() {
        play(&mut ledger, ms, input);
    }
    let status = place.crew(&["status", "#1", "--json"]).json();
    assert_eq!(status["run"]["legacy_status"], "WAITING_MERGE");
    assert_eq!(status["decisions"][0]["kind"], "merge");
    // Once from the log, once from the snapshot that the first look left behind.
    for _ in 0..2 {
        let list = place.crew(&["ls", "--json"]).json();
        assert_eq!(list["schema_version"], 1);
        assert_eq!(list["runs"][0], status["run"]);
    }
    assert!(place.run_dir(1).snapshot().exists());
    let filtered = |word: &str| place.crew(&["ls", "--json", "--status", word]).json();
    assert_eq!(filtered("waiting_merge")["runs"].as_array().unwrap().len(), 1);
    assert_eq!(filtered("running,done")["runs"].as_array().unwrap().len(), 0);
}

#[test]
fn events_as_json_are_the_lines_of_the_log() {
    let mut place = Place::new();
    place.run(script::started());
    let log = std::fs::read_to_string(place.run_dir(1).events()).unwrap();
    assert_eq!(place.crew(&["events", "1", "--json"]).ended(0), log);
    let lines: Vec<&str> = log.lines().collect();
    let since = place.crew(&["events", "1", "--json", "--since", "3"]).ended(0);
    assert_eq!(since.lines().collect::<Vec<_>>(), lines[3..]);
    let last = place.crew(&["events", "1", "--json", "--last", "2"]).ended(0);
    assert_eq!(last.lines().collect::<Vec<_>>(), lines[lines.len() - 2..]);
    let newest = (lines.len() - 1).to_string();
    for json in [&["--json"][..], &[]] {
        let args = [&["events", "1", "--last", "2", "--since", &newest][..], json].concat();
        assert_eq!(place.crew(&args).ended(0).lines().count(), 1);
    }
}

#[test]
fn the_last_events_as_json_are_read_from_the_end() {
    let mut place = Place::new();
    place.run(script::started());
    let path = place.run_dir(1).events();
    let log = std::fs::read_to_string(&path).unwrap();
    // Whoever begins with the first line never comes to the last.
    std::fs::write(&path, log.replacen("\"seq\":1,", "\"seq\":7,", 1)).unwrap();
    let last = place.crew(&["events", "1", "--json", "--last", "1"]).ended(0);
    assert_eq!(last.lines().last(), log.lines().last());
}

#[test]
fn replay_is_the_status_of_that_moment() {
    let mut place = Place::new();
    place.run(script::started().into_iter().chain(script::question()));
    let then = place.crew(&["replay", "1", "--at", "2", "--json"]);
    let then = serde_json::from_str::<serde_json::Value>(&then.ended(0)).unwrap();
    assert_eq!((&then["version"], &then["run"]["status"]), (&2.into(), &"queued".into()));
    let now = place.crew(&["status", "1", "--json"]).json();
    let seq = now["version"].to_string();
    assert_eq!(place.crew(&["replay", "1", "--at", &seq, "--json"]).json(), now);
    assert!(place.crew(&["replay", "1", "--at", "999"]).ended(6).is_empty());
    assert!(place.crew(&["replay", "1", "--at", "0"]).ended(2).is_empty());
}

#[test]
fn every_document_has_its_version() {
    let mut place = Place::new();
    place.run(script::started().into_iter().chain(script::question()));
    for args in [
        &["status"][..],
        &["status", "1"],
        &["ls"],
        &["show", "1"],
        &["why", "1"],
        &["why", "1/coding"],
        &["timeline", "1"],
        &["artifacts", "1"],
        &["brief"],
        &["verify", "1"],
        &["wait", "1"],
    ] {
        let document = place.crew(&[args, &["--json"]].concat()).json();
        assert_eq!(document["schema_version"], 1, "{args:?}");
    }
}

#[test]
fn errors_are_documents_too() {
    let place = Place::new();
    let output = place.crew(&["status", "7", "--json"]);
    assert_eq!((output.code, output.out.as_str()), (6, ""));
    let error: serde_json::Value = serde_json::from_str(&output.err).unwrap();
    assert_eq!(error["error"]["code"], "not_found");
}

#[test]
fn a_run_is_found_where_the_state_was_moved_to() {
    let mut place = Place::new();
    place.run(script::started());
    let moved = place.home.join("elsewhere");
    std::fs::rename(place.dir.state(), &moved).unwrap();
    assert_eq!(place.crew(&["status", "1", "--json"]).code, 6);
    let mut command = place.command(&["status", "1", "--json"]);
    let done = command.env("CREW_STATE_DIR", &moved).output().unwrap();
    assert_eq!(done.status.code(), Some(3), "{done:?}");
    // A folder in the user's file is shared by all projects, so this one has its own part of it.
    let config = place.home.join(".config/crew");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), "[state]\ndir = \"~/all\"\n").unwrap();
    let missing = place.crew(&["status", "1", "--json"]);
    assert_eq!(missing.code, 6, "{missing:?}");
    std::fs::write(config.join("config.toml"), "state = 3\n").unwrap();
    assert_eq!(place.crew(&["status", "1", "--json"]).code, 5);
}
