//! `crew wait`: its exit codes, and that it wakes by itself.

use std::io::Read;
use std::process::Stdio;

use crew::engine::{Command, Input};

use super::place::{Place, play};
use super::script;

#[test]
fn wait_ends_with_the_code_of_the_status() {
    let mut place = Place::new();
    place.run(script::started().into_iter().chain(script::question()));
    place.run([(70_000, Input::Command(Command::Stop))]);
    place.run([(70_000, Input::Command(Command::Pause))]);
    place.run(script::started());
    for (args, code) in [
        (&["wait", "1"][..], 4),
        (&["wait", "2"], 1),
        (&["wait", "3"], 4),
        (&["wait", "4", "--timeout", "0"], 3),
        (&["wait", "4", "--timeout", "20ms"], 3),
        (&["wait", "4", "--until", "running"], 0),
        (&["wait", "2", "--until", "STOPPED"], 0),
        (&["wait", "2", "--until", "done"], 1),
        (&["wait", "1", "--until", "nonsense"], 2),
        (&["wait", "1", "--timeout", "soon"], 2),
        (&["wait", "9"], 6),
    ] {
        let output = place.crew(args);
        assert_eq!(output.code, code, "{args:?} {output:?}");
    }
}

#[test]
fn wait_wakes_when_the_run_moves() {
    let mut place = Place::new();
    let mut ledger = place.run(script::started());
    let mut child = place
        .command(&["wait", "1", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    for (ms, input) in script::question() {
        play(&mut ledger, ms, input);
    }
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(4), "{out}");
    assert!(out.contains("\"wait\":\"question\""), "{out}");
}
