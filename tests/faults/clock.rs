//! A wall clock that somebody sets while a run is at work: nothing is due too early, nothing waits for a day.

use std::fs;
use std::process::Stdio;

use camino::Utf8Path;

use crate::accident::kill;
use crate::calls;
use crate::project::TestEnv;

const DAY: i64 = 86_400;

/// The next supervisor of the run, which sees the clock as the file says.
fn supervise(env: &TestEnv, library: &Utf8Path, clock: &Utf8Path) {
    let dir = env.dir();
    let args = ["supervise", dir.root().as_str(), dir.state().as_str(), dir.worktrees().as_str()];
    let mut command = env.crew(&[&args[..], &["1"]].concat());
    calls::set_clock(&mut command, library, clock);
    let mut child = command.stdout(Stdio::null()).spawn().expect("started");
    std::thread::spawn(move || drop(child.wait()));
}

/// A run whose agents are killed after the clock was set by so many seconds, under another supervisor.
fn set_by(seconds: i64) {
    let env = TestEnv::new();
    let Some(library) = calls::build(&env.root) else { return };
    env.agent("cat >/dev/null; echo begun; touch $NOTES/begun.$CREW_ATTEMPT_NUMBER; while [ ! -e $NOTES/go ]; do sleep 0.02; done; echo ok");
    env.workflow("two", "", "## a\nrole: reader\n\nx\n\n## b\nrole: writer\ndependsOn: a\n\nx");
    let run = env.start_workflow("two");
    env.wait_note("begun.1");
    kill(env.wait_supervisor(run));
    let clock = env.root.join("clock");
    fs::write(&clock, seconds.to_string()).expect("written");
    supervise(&env, &library, &clock);
    env.wait_supervisor(run);
    // The time until the next try is counted from what the log says, not from the new clock.
    kill(env.shim(run, "a", 1).agent.expect("it was started"));
    env.wait_note("begun.2");
    fs::write(env.notes().join("go"), "").expect("written");
    assert_eq!(env.rest(run), "done");
    assert_eq!((env.attempts(run, "a"), env.attempts(run, "b")), (2, 1));
    for end in env.ends(run) {
        assert!(end.duration_ms < 120_000, "{end:?}");
    }
    let times: Vec<i64> = env.records(run).iter().map(|record| record.at.0).collect();
    assert!(seconds > 0 || times.is_sorted(), "the time of a run never goes back: {times:?}");
}

#[test]
fn a_clock_that_was_set_back_by_a_day_delays_nothing() {
    set_by(-DAY);
}

#[test]
fn a_clock_that_was_set_forward_by_a_day_ends_nothing() {
    set_by(DAY);
}

#[test]
fn a_clock_that_is_set_under_a_living_supervisor_changes_nothing() {
    let env = TestEnv::new();
    let Some(library) = calls::build(&env.root) else { return };
    env.whole_config(&format!(
        "[limits]\ngrace = \"400ms\"\nsilence = \"3s\"\n[completion]\nmode = \"none\"\n[runtimes.sh]\ncommand = [\"{}\"]\n",
        env.program("agent.sh", "cat >/dev/null; touch $NOTES/begun; while [ ! -e $NOTES/go ]; do echo on; sleep 0.05; done; echo ok")
    ));
    env.workflow("one", "", "## a\nrole: reader\n\nx");
    let clock = env.root.join("clock");
    fs::write(&clock, "0").expect("written");
    let mut command = env.crew(&["run", "do it", "-d", "-w", "one", "-a", "sh"]);
    calls::set_clock(&mut command, &library, &clock);
    let output = command.output().expect("started");
    assert!(output.status.success(), "{output:?}");
    env.wait_note("begun");
    // Files are stamped by the kernel's clock, which this test may not set: to the supervisor they seem to jump.
    for seconds in [DAY, -DAY, 0] {
        fs::write(&clock, seconds.to_string()).expect("written");
        crate::accident::pause(4_000);
    }
    fs::write(env.notes().join("go"), "").expect("written");
    assert_eq!(env.rest(1), "done");
    assert_eq!(env.attempts(1, "a"), 1);
    let kinds: Vec<String> = env.records(1).iter().map(|r| r.body.kind().to_owned()).collect();
    assert!(
        !kinds.iter().any(|kind| kind == "attention.raised" || kind == "attempt.stopping"),
        "{kinds:?}"
    );
}
