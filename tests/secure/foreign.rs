//! A state that came with the project: its runs are looked at, and nothing of them is executed without trust.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::bounded::bounded;
use crate::env::TestEnv;

/// A run of one command, as somebody else would put it into a repository; it is due at once.
fn foreign(env: &TestEnv) {
    let ran = env.home.join("ran");
    let plan = format!(
        r#"{{"workflow": "shell", "team": "default", "completion": "none", "max_iterations": 5,
        "steps": [{{"id": "check", "role": "check", "kind": "command", "command": "touch {ran}", "access": "read", "slots": 1}}],
        "channels": [], "start": [0], "end": [0]}}"#
    );
    let mut run = env.run_named("evil", &plan, "0123456789abcdef".repeat(2)).start();
    run.release();
}

fn ran(env: &TestEnv) -> bool {
    env.home.join("ran").exists()
}

#[test]
fn a_run_that_came_with_the_files_is_never_driven_until_it_is_trusted() {
    let env = TestEnv::new();
    foreign(&env);
    let log = env.dir().run(crew::base::RunNumber(1)).events();
    let before = fs::read(&log).expect("there");
    for args in [
        &["status"][..],
        &["ls"],
        &["status", "1"],
        &["show", "1"],
        &["why", "1"],
        &["diff", "1"],
        &["resume", "1"],
        &["retry", "1"],
        &["pause", "1"],
        &["stop", "1"],
        &["stop", "--all", "--yes"],
        &["send", "1", "hello"],
        &["merge", "1"],
        &["archive", "1", "--yes"],
        &["attach", "1", "check"],
        &["prune", "--yes", "--older-than", "0s"],
        &["doctor"],
        &["brief"],
        &["scheduler", "--once"],
        &["trust", "--show"],
    ] {
        let said = bounded(env.command().args(args), &format!("{args:?}"));
        assert!(said.code.is_some_and(|code| code < 100), "{args:?}: {}", said.text);
        assert!(!ran(&env), "{args:?}: {}", said.text);
    }
    assert_eq!(fs::read(&log).expect("there"), before, "nothing was written into it");
    let refused = env.crew(&["resume", "1"]);
    let refused = refused.code(5).says("you did not make it here");
    assert!(refused.stderr.contains("`crew trust`"), "{refused:?}");
    let shown = env.crew(&["trust", "--show"]).code(0);
    let shown =
        shown.prints(".crew/state/runs/0001/events.jsonl:1: run 1, which you did not make here");
    assert!(shown.stdout.contains("    touch "), "{shown:?}");
    env.crew(&["trust", "--yes"]).code(0).says("trusted");
    env.crew(&["status"]).code(0);
    crate::support::wait_until("it goes on", || ran(&env));
    crate::support::wait_until("it is done", || env.open(1).status() == "done");
}

#[test]
fn a_run_that_was_made_here_goes_on_wherever_the_project_is_moved() {
    let env = TestEnv::new();
    let mut run = env.run("mine", crate::env::SHELL).start();
    run.release();
    env.crew(&["status"]).code(0);
    crate::support::wait_until("it is done", || env.open(1).status() == "done");
    let key = env.home.join(".local/state/crew/key");
    let mode = key.metadata().expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn another_user_or_home_only_looks() {
    let env = TestEnv::new();
    let mut run = env.run("mine", crate::env::SHELL);
    run.release();
    let other = env.home.join("other");
    fs::create_dir(&other).expect("created");
    let mut command = env.command();
    let said = bounded(command.env("HOME", &other).args(["resume", "1"]), "resume");
    assert!(said.code == Some(5) && said.text.contains("another user or home"), "{}", said.text);
}
