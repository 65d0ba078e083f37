//! stop, pause, resume, retry, reopen, archive.

use crew::event::attempt::{EndReason, Report};

use crate::env::{CODING, SHELL, TestEnv};
use crate::support::wait_until;

fn blocked() -> Report {
    Report { spoke: true, blocked: Some("no key".to_owned()), ..Report::default() }
}

fn failed() -> Report {
    Report { spoke: true, failed: Some("it does not build".to_owned()), ..Report::default() }
}

#[test]
fn stop_waits_until_the_agents_are_gone() {
    let env = TestEnv::new();
    let mut run = env.run("fix-it", CODING).start();
    let mut child = env.command().args(["stop", "1", "--quiet"]).spawn().unwrap();
    wait_until("the run is cancelled", || run.status() == "cancelled");
    assert!(child.try_wait().unwrap().is_none(), "an agent still lives");
    run.end("coding", EndReason::Stopped, Report::default());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(run.ledger.state().is_at_rest());
}

#[test]
fn stop_gives_up_waiting_after_its_timeout_or_does_not_wait() {
    let env = TestEnv::new();
    let _first = env.run("first", CODING).start();
    let _second = env.run("second", CODING).start();
    env.crew(&["stop", "1", "--timeout", "50ms"]).code(3).says("1 agent still ending");
    env.crew(&["stop", "2", "--no-wait"]).code(0).says("run #2 is stopped");
}

#[test]
fn stop_tells_its_events_as_json() {
    let env = TestEnv::new();
    let mut run = env.run("fix-it", CODING);
    let told = env.crew(&["stop", "fix", "--json"]).code(0);
    let seq = run.seq();
    assert_eq!(
        told.json(),
        serde_json::json!({
            "schema_version": 1,
            "run": {"number": 1, "ref": "shop#1", "status": "cancelled"},
            "events": (3..=seq).collect::<Vec<_>>(),
        })
    );
    assert_eq!(told.stderr, "");
}

#[test]
fn stop_all_asks_and_tells_every_run() {
    let env = TestEnv::new();
    let mut queued = env.run("queued", CODING);
    let mut ended = env.run("ended", CODING);
    // Any other command would start what is queued.
    env.crew(&["stop", "2", "--no-recover"]).code(0);
    let before = ended.seq();
    env.crew(&["stop", "--all"]).code(7).says("stop 1 run (#1)?").says("hint: `--yes` says yes");
    assert_eq!(queued.status(), "queued");
    let told = env.crew(&["stop", "--all", "--yes", "--json"]).code(0).json();
    assert_eq!(told["runs"][0]["run"]["status"], "cancelled");
    assert_eq!(told["runs"].as_array().map(Vec::len), Some(1));
    assert_eq!((queued.status(), ended.seq()), ("cancelled", before));
    env.crew(&["stop", "--all"]).code(0).says("no run to stop");
    env.crew(&["stop", "--all", "1"]).code(2);
    env.crew(&["stop"]).code(2);
}

#[test]
fn pause_interrupts_and_resume_queues_again() {
    let env = TestEnv::new();
    let mut run = env.run("fix-it", CODING).start();
    env.crew(&["pause", "#1", "--no-wait"]).code(0).says("run #1 is paused");
    assert_eq!(run.status(), "paused");
    run.end("coding", EndReason::Stopped, Report::default());
    env.crew(&["pause", "1"]).code(7).says("error: run #1 is paused; `pause` needs a run that is");
    env.crew(&["resume", "1", "--text", "mind the tests"]).code(0).says("run #1 goes on");
    assert_eq!(run.task("coding"), "ready");
    let message = &run.ledger.state().messages[0].message;
    assert_eq!((message.text.as_str(), message.from.as_str()), ("mind the tests", "human:ada"));
    let mailbox = std::fs::read_to_string(run.ledger.dir().mailbox_of("run")).unwrap();
    assert!(mailbox.contains("mind the tests"));
}

#[test]
fn pause_all_leaves_runs_alone_that_cannot_be_paused() {
    let env = TestEnv::new();
    let (mut first, mut second) = (env.run("first", CODING), env.run("second", CODING));
    env.crew(&["stop", "1"]).code(0);
    env.crew(&["pause", "--all"]).code(0).says("run #2 is paused");
    assert_eq!((first.status(), second.status()), ("cancelled", "paused"));
}

#[test]
fn a_resumed_run_is_driven_to_its_end() {
    let env = TestEnv::new();
    let mut run = env.run("check-it", SHELL);
    env.crew(&["pause", "1"]).code(0);
    run.release();
    env.crew(&["resume", "last"]).code(0).says("run #1 goes on and is queued");
    wait_until("the run is done", || run.status() == "done");
    env.crew(&["reopen", "1", "--text", "once more"]).code(0).says("run #1 is open again");
    wait_until("it is done again", || run.status() == "done");
    assert!(run.ledger.state().tasks[0].attempts >= 2);
}

#[test]
fn resume_takes_a_blocked_run_up_again() {
    let env = TestEnv::new();
    let mut run = env.run("fix-it", CODING).start();
    run.end("coding", EndReason::Exited, blocked());
    assert_eq!(run.status(), "blocked");
    env.crew(&["resume", "1"]).code(0);
    assert_eq!(run.task("coding"), "ready");
}

#[test]
fn retry_tries_a_failed_task_again_with_another_program() {
    let env = TestEnv::new();
    let mut run = env.run("fix-it", CODING).start();
    run.end("coding", EndReason::Exited, blocked());
    env.crew(&["retry", "1/coding", "-a", "rehersal"]).code(5).says("did you mean `rehearsal`?");
    env.crew(&["retry", "1/coding", "-a", "ghost"]).code(5).says("there is no runtime `ghost`");
    env.crew(&["retry", "1", "-a", "rehearsal"]).code(2).says("go with a task");
    env.crew(&["retry", "1/codin"]).code(6).says("did you mean `coding`?");
    env.crew(&["retry", "1/review/1"]).code(7).says("task `review/1` is pending");
    env.crew(&["retry", "1/coding", "-a", "rehearsal", "--text", "the key is there now"])
        .code(0)
        .says("task `coding` is tried again");
    assert_eq!(run.task("coding"), "ready");
    let state = run.ledger.state();
    assert_eq!(state.tasks[0].runtime.as_deref(), Some("rehearsal"));
    assert_eq!(state.messages[0].message.to, "coding");
}

#[test]
fn a_refused_retry_of_a_run_is_on_its_record() {
    let env = TestEnv::new();
    let run = env.run("fix-it", CODING).start();
    env.crew(&["retry", "1"]).code(7).says("run #1 is running; `retry` needs a run that is");
    let last = run.events().lines().last().unwrap_or_default().to_owned();
    assert!(last.contains("command.refused") && last.contains("\"retry\""), "{last}");
}

#[test]
fn a_failed_run_is_not_reopened_but_archived() {
    let env = TestEnv::new();
    let mut run = env.run("fix-it", CODING).start();
    run.end("coding", EndReason::Exited, failed());
    assert_eq!(run.status(), "failed");
    env.crew(&["reopen", "1"])
        .code(7)
        .says("`reopen` needs a run that is")
        .says("hint: `crew retry 1`");
    env.crew(&["resume", "1"]).code(7);
    env.crew(&["archive", "1"]).code(0).says("run #1 is archived");
    assert_eq!(run.status(), "archived");
    env.crew(&["archive", "1"]).code(7).says("run #1 is archived");
}

#[test]
fn what_was_stopped_can_be_reopened() {
    let env = TestEnv::new();
    let mut run = env.run("fix-it", CODING).start();
    env.crew(&["archive", "1"]).code(7).says("`crew stop 1` ends it");
    env.crew(&["stop", "1", "--no-wait"]).code(0);
    run.end("coding", EndReason::Stopped, Report::default());
    env.crew(&["reopen", "1"]).code(0).says("run #1 is open again");
    assert_eq!(run.task("coding"), "ready");
}

#[test]
fn retry_makes_a_new_run_of_one_that_was_stopped() {
    let env = TestEnv::new();
    let mut old = env.run("check-it", SHELL);
    env.crew(&["retry", "1"])
        .code(7)
        .says("`retry` needs a run that is blocked, failed or cancelled");
    env.crew(&["stop", "1"]).code(0);
    let version = old.seq().to_string();
    env.crew(&["retry", "1", "--expect-version", "1"]).code(7).says("changed it after version 1");
    let told = env.crew(&["retry", "1", "--expect-version", &version, "--json"]).code(0).json();
    assert_eq!((&told["run"]["number"], &told["retry_of"]), (&2.into(), &1.into()));
    let mut new = env.open(2);
    wait_until("the new run is done", || new.status() == "done");
    let state = new.ledger.state();
    assert!(state.messages[0].message.text.contains("Run #1 tried this before"));
    assert_eq!(state.created.retry_of.map(|number| number.0), Some(1));
    assert_eq!(old.status(), "cancelled");
}
