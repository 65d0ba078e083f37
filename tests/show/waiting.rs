//! `crew wait`: its exit codes, and that it wakes by itself; what a run that waits for a person says.

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
        (&["wait", "1", "--timeout", "60s"][..], 4),
        (&["wait", "2", "--timeout", "60s"], 1),
        (&["wait", "3", "--timeout", "60s"], 4),
        (&["wait", "4", "--timeout", "0"], 3),
        (&["wait", "4", "--timeout", "20ms"], 3),
        (&["wait", "4", "--until", "running", "--timeout", "60s"], 0),
        (&["wait", "2", "--until", "STOPPED", "--timeout", "60s"], 0),
        (&["wait", "2", "--until", "done", "--timeout", "60s"], 1),
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
        .command(&["wait", "1", "--json", "--timeout", "60s"])
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

#[test]
fn a_gate_that_waits_for_a_person_is_told_everywhere_with_the_command_that_opens_it() {
    let mut place = Place::new();
    place.run_of(script::created_with_approval(), script::started());
    let command = "crew approve 1 approval";
    for (args, code, parts) in [
        (&["status", "1"][..], 4, &["waits for you: `approved` is not written", command][..]),
        (&["show", "1"], 0, &["waits for you", command]),
        (&["brief"], 0, &["waits for you", "gate approval: Is the plan good?", command]),
        (&["inbox"], 0, &["Is the plan good?", command]),
        (&["why", "1"], 0, &["`approval` waits for a person", "d1", command]),
        (&["why", "1/coding"], 0, &["it waits for gate `approval`", command]),
        (
            &["why", "1/approval"],
            0,
            &["it is closed", "from `planning` (done) to `coding`", command],
        ),
    ] {
        let out = place.crew(args).ended(code);
        for part in parts {
            assert!(out.contains(part), "{args:?}: {part}\n{out}");
        }
    }
    let waited = place.crew(&["wait", "1", "--timeout", "60s"]);
    assert_eq!(waited.code, 4);
    assert!(waited.err.contains(command), "{waited:?}");
}

#[test]
fn an_approved_gate_is_open_with_what_was_written() {
    let mut place = Place::new();
    let inputs = script::started().into_iter().chain([script::approval(true)]);
    place.run_of(script::created_with_approval(), inputs);
    let out = place.crew(&["gate", "list", "1"]).ended(0);
    assert!(out.contains("open") && out.contains("approved=true"), "{out}");
    let inputs = script::started().into_iter().chain([script::approval(false)]);
    place.run_of(script::created_with_approval(), inputs);
    let out = place.crew(&["status", "2"]).ended(1);
    assert!(out.contains("too large") && out.contains("crew approve 2 approval"), "{out}");
}
