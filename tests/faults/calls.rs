//! Every call that changes a file, one after the other: a kill right before it, or an error from it.

use std::process::Output;

use crew::event::Body;

use crate::calls::{self, ERRORS};
use crate::project::TestEnv;

/// More calls than any command makes.
const CALLS_MAX: u32 = 200;

/// A run that rests: it waits for a person, and what is sent to it stays.
fn resting() -> (TestEnv, u32) {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; echo ok");
    env.workflow("one", "", "## work\nrole: reader\n\n{goal}");
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done");
    (env, run)
}

fn sent(env: &TestEnv, run: u32, text: &str) -> usize {
    let records = env.records(run);
    let has = |body: &Body| matches!(body, Body::MessageSent(sent) if sent.message.text == text);
    records.iter().filter(|record| has(&record.body)).count()
}

fn assert_whole(env: &TestEnv, run: u32, what: &str) {
    let found = crew::store::log::verify(env.run_dir(run).events()).expect("read");
    assert!(found.damage.is_none(), "{what}: {found:?}");
}

/// Gives the same command again and again, each time with the next call failing, until none is left to fail.
fn each_call(
    how: &str,
    mut command: impl FnMut(u32) -> Output,
    mut check: impl FnMut(u32, &Output),
) {
    for at in 1..CALLS_MAX {
        let output = command(at);
        check(at, &output);
        let is_reached = !output.status.success();
        if !is_reached && at > 40 {
            assert!(at > 3, "{how}: no call was reached");
            return;
        }
    }
}

#[test]
fn a_command_killed_before_any_call_has_happened_or_not() {
    let (env, run) = resting();
    let Some(library) = calls::build(&env.root) else { return };
    let mut killed = 0;
    each_call(
        "kill",
        |at| {
            let mut command = env.crew(&["send", "1", &format!("word {at} end")]);
            calls::failing(&mut command, &library, " send ", at, "kill");
            command.output().expect("started")
        },
        |at, output| {
            let count = sent(&env, run, &format!("word {at} end"));
            let is_told = output.status.success();
            killed += u32::from(!is_told);
            assert!(if is_told { count == 1 } else { count <= 1 }, "call {at}: {count} {output:?}");
            assert_whole(&env, run, &format!("call {at}"));
        },
    );
    assert!(killed >= 2, "{killed}");
    env.ok(&["send", "1", "the last word"]);
    assert_eq!(sent(&env, run, "the last word"), 1);
    assert_eq!(env.output(&["verify", "1"]).status.code(), Some(0));
}

#[test]
fn a_command_whose_write_or_sync_fails_says_so_and_has_not_happened() {
    let (env, run) = resting();
    let Some(library) = calls::build(&env.root) else { return };
    let interrupted = [("EINTR", "4"), ("a short write", "short")];
    for (name, how) in ERRORS.into_iter().chain(interrupted) {
        let mut failed = 0;
        let text = |at: u32| format!("{name} {at} end");
        each_call(
            name,
            |at| {
                let mut command = env.crew(&["send", "1", &text(at)]);
                calls::failing(&mut command, &library, " send ", at, how);
                command.output().expect("started")
            },
            |at, output| {
                let count = sent(&env, run, &text(at));
                failed += u32::from(!output.status.success());
                // What is on record and could not be carried out says just that.
                let said = String::from_utf8_lossy(&output.stderr);
                let is_told = output.status.success() || said.contains("is on record");
                assert_eq!(count, usize::from(is_told), "{name}, call {at}: {output:?}");
                assert_whole(&env, run, &format!("{name}, call {at}"));
            },
        );
        let is_error = ERRORS.iter().any(|(error, _)| *error == name);
        assert_eq!(failed > 0, is_error, "{name}: {failed} failed");
    }
    assert_eq!(env.output(&["verify", "1"]).status.code(), Some(0));
}

#[test]
fn a_start_killed_before_any_call_leaves_a_run_that_goes_on_or_none() {
    let (env, first) = resting();
    let Some(library) = calls::build(&env.root) else { return };
    // Every third call, to be quick: the others are much the same.
    for at in (1..60).step_by(3) {
        let mut command = env.crew(&["run", &format!("goal {at}"), "-d", "-w", "one", "-a", "sh"]);
        calls::failing(&mut command, &library, " run ", at, "kill");
        drop(command.output().expect("started"));
    }
    env.ok(&["ls"]);
    let last = env.start_workflow("one");
    assert!(last > first);
    for run in (first..=last).filter(|run| env.has_run(*run)) {
        env.wait_status(run, "done");
        assert_eq!(env.attempts(run, "work"), 1, "run {run}");
    }
    env.assert_nothing_lives();
}

#[test]
fn a_supervisor_whose_call_fails_once_brings_its_run_to_the_end() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; [ $CREW_TASK = b ] && echo b > b.txt; echo ok");
    env.workflow("two", "", "## a\nrole: reader\n\nx\n\n## b\nrole: writer\ndependsOn: a\n\nx");
    let Some(library) = calls::build(&env.root) else { return };
    for (at, (name, how)) in (2..60).step_by(4).zip(ERRORS.into_iter().cycle()) {
        let mut command = env.crew(&["run", "do it", "-d", "-w", "two", "-a", "sh"]);
        calls::failing(&mut command, &library, " supervise ", at, how);
        let output = command.output().expect("started");
        let run: u32 =
            String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or_else(|_| {
                panic!("{name}, call {at}: {output:?}");
            });
        // A person looks again where the error has ended the supervisor.
        crate::support::wait_until("the run is at rest", || {
            let state = env.state(run);
            if !state.is_at_rest() && env.supervisor(run).is_none() {
                env.ok(&["ls"]);
            }
            if state.status.kind() == crew::event::StatusKind::Blocked {
                env.ok(&["resume", &run.to_string()]);
            }
            state.status.is_terminal() && state.is_at_rest()
        });
        assert_eq!(env.rest(run), "done", "{name}, call {at}");
        assert_whole(&env, run, &format!("{name}, call {at}"));
        let slug = env.state(run).created.slug.clone();
        assert_eq!(env.git(&["show", &format!("crew/{slug}:b.txt")]), "b", "{name}, call {at}");
    }
}
