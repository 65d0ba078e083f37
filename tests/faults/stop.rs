//! Stopping, pausing and resuming live runs.

use crew::event::{Body, EndReason};
use crew::runtime::Clock;

use crate::accident::kill;
use crate::project::TestEnv;
use crate::support::wait_until;

/// Deaf to what asks it to end, with children and grandchildren in sessions of their own, as deaf.
const STUBBORN: &str = "trap '' INT TERM HUP; cat >/dev/null
for i in 1 2 3; do
setsid sh -c 'trap \"\" INT TERM HUP; setsid sh -c \"trap \\\"\\\" INT TERM HUP; while :; do sleep 1; done\" & while :; do sleep 1; done' &
done
(while :; do sleep 1; done) &
touch $NOTES/begun.$CREW_TASK; while :; do sleep 1; done";

const THREE: &str = "## a\nrole: reader\n\nx\n\n## b\nrole: reader\n\nx\n\n## c\nrole: reader\n\nx";

#[test]
fn a_stopped_run_leaves_nothing_however_stubborn_it_is() {
    let env = TestEnv::new();
    env.agent(STUBBORN);
    env.workflow("three", "", THREE);
    let run = env.start_workflow("three");
    for task in ["a", "b", "c"] {
        env.wait_note(&format!("begun.{task}"));
    }
    wait_until("the trees have grown", || env.processes().len() > 24);
    let clock = Clock::start();
    let begun = clock.now();
    env.ok(&["stop", "1"]);
    // The verb waits for the agents; the supervisor itself goes right after.
    env.assert_nothing_lives();
    let took = clock.now().since_ms(begun);
    assert!(took < 10_000, "{took} ms for a grace period of 400 ms");
    assert_eq!(env.rest(run), "cancelled(stopped)");
    for task in ["a", "b", "c"] {
        assert_eq!(env.task(run, task), "skipped");
    }
}

#[test]
fn a_run_whose_supervisor_is_dead_is_stopped_all_the_same() {
    let env = TestEnv::new();
    env.agent(STUBBORN);
    env.workflow("three", "", THREE);
    let run = env.start_workflow("three");
    env.wait_note("begun.a");
    kill(env.wait_supervisor(run));
    env.ok(&["stop", "1"]);
    assert_eq!(env.rest(run), "cancelled(stopped)");
}

#[test]
fn a_stop_right_after_the_start_leaves_nothing() {
    let env = TestEnv::new();
    env.agent(STUBBORN);
    env.workflow("three", "", THREE);
    for _ in 0..6 {
        let run = env.start_workflow("three");
        env.ok(&["stop", &run.to_string()]);
        assert_eq!(env.rest(run), "cancelled(stopped)");
    }
}

#[test]
fn a_stop_wins_over_a_supervisor_that_is_killed_while_it_stops() {
    let env = TestEnv::new();
    env.agent(STUBBORN);
    env.workflow("three", "", THREE);
    let run = env.start_workflow("three");
    env.wait_note("begun.a");
    env.ok(&["stop", "1", "--no-wait"]);
    if let Some(supervisor) = env.supervisor(run) {
        drop(crew::runtime::process::signal(supervisor, crew::runtime::process::Signal::KILL));
    }
    env.supervise(run);
    assert_eq!(env.rest(run), "cancelled(stopped)");
}

#[test]
fn a_paused_attempt_is_not_charged_and_the_run_goes_on() {
    let env = TestEnv::new();
    env.agent(
        "cat > $NOTES/prompt$CREW_ATTEMPT_NUMBER
[ $CREW_ATTEMPT_NUMBER = 1 ] || { echo fine; exit; }; touch $NOTES/begun; exec sleep 600",
    );
    env.workflow("one", "", "## work\nrole: writer\n\n{goal}");
    let run = env.start_workflow("one");
    env.wait_note("begun");
    env.ok(&["pause", "1"]);
    assert_eq!(env.rest(run), "paused");
    env.ok(&["resume", "1", "--text", "mind the gap"]);
    assert_eq!(env.rest(run), "done");
    let task = env.state(run).tasks[0].clone();
    assert_eq!((task.attempts, task.crashes, task.retries, task.timeouts), (2, 0, 0, 0));
    assert!(env.note("prompt2").join("\n").contains("mind the gap"));
    assert_eq!(env.ends(run)[0].reason, EndReason::Stopped);
}

#[test]
fn pausing_and_resuming_in_quick_turns_ends_well() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; sleep 0.05; echo ok");
    env.workflow("three", "", THREE);
    let run = env.start_workflow("three");
    for _ in 0..6 {
        let paused = env.output(&["pause", "1", "--no-wait"]).status.success();
        let resumed = env.output(&["resume", "1"]).status.success();
        assert!(paused == resumed || env.state(run).status.is_terminal());
    }
    assert_eq!(env.rest(run), "done");
    assert!(env.state(run).tasks.iter().all(|task| task.crashes == 0));
}

#[test]
fn silence_is_noted_and_ends_in_a_restart() {
    let env = TestEnv::new();
    let path = env.program("agent.sh", "cat >/dev/null; touch $NOTES/begun; exec sleep 600");
    env.whole_config(&format!(
        "[limits]\nfirst_output = \"200ms\"\nsilence = \"400ms\"\n[runtimes.sh]\ncommand = [\"{path}\"]\n"
    ));
    env.workflow("one", "", "## work\nrole: writer\n\n{goal}");
    let run = env.start_workflow("one");
    let noted = || {
        let records = env.records(run);
        records.iter().filter(|record| matches!(record.body, Body::AttentionRaised(_))).count()
    };
    wait_until("both notes are there", || noted() == 2);
    env.ok(&["stop", "1"]);
    assert_eq!(env.rest(run), "cancelled(stopped)");
}

#[test]
fn a_stop_reaches_a_shim_that_had_not_told_its_number_when_it_was_adopted() {
    let env = TestEnv::new();
    env.agent(STUBBORN);
    env.workflow("one", "", "## a\nrole: reader\n\nx");
    let run = env.start_workflow("one");
    env.wait_note("begun.a");
    kill(env.wait_supervisor(run));
    // As if the shim was only just starting: it holds its lock and nobody knows its number.
    let file = env.attempt(run, "a", 1).shim();
    let aside = file.with_extension("aside");
    std::fs::rename(&file, &aside).expect("moved");
    env.supervise(run);
    env.wait_supervisor(run);
    env.ok(&["stop", "1", "--no-wait"]);
    wait_until("the new supervisor has read of the stop", || {
        let log = std::fs::read_to_string(env.run_dir(run).supervisor_log()).unwrap_or_default();
        !log.contains("panic") && env.state(run).supervisors == 2
    });
    std::fs::rename(&aside, &file).expect("moved back");
    assert_eq!(env.rest(run), "cancelled(stopped)");
}
