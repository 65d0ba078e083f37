//! Forgetting runs, and leaving: nothing goes that is still wanted, and nothing stays unnamed.

use std::process::Command;

use crate::project::TestEnv;

/// A project with a run that is done, merged nowhere, and still has its worktree.
fn done() -> TestEnv {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; echo x > work.txt; echo ok");
    env.workflow("one", "", "## work\nrole: writer\n\n{goal}");
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done");
    env
}

fn said(env: &TestEnv, args: &[&str]) -> (Option<i32>, String, String) {
    let output = env.output(args);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn only_a_run_that_has_ended_and_left_nothing_behind_is_forgotten() {
    let env = done();
    let (code, _, error) = said(&env, &["forget", "1", "--yes"]);
    assert!(code == Some(7) && error.contains("still has the worktree"), "{error}");
    env.ok(&["archive", "1", "--yes"]);
    let (code, table, error) = said(&env, &["forget", "1"]);
    assert!(
        code == Some(0) && table.contains("#1") && error.contains("`--yes` does it"),
        "{error}"
    );
    assert!(env.run_dir(1).events().exists());
    // What an earlier call could not finish goes along.
    std::fs::create_dir_all(env.dir().state().join("forgotten-9/tasks")).expect("made");
    env.ok(&["forget", "1", "--yes"]);
    let left = env.dir().state().read_dir_utf8().expect("read").flatten();
    let left: Vec<String> = left.map(|entry| entry.file_name().to_owned()).collect();
    assert!(!left.iter().any(|name| name.starts_with("forgotten-")), "{left:?}");
    assert_eq!(said(&env, &["status", "1"]).0, Some(6));
    // Its branch is git's, and its number is not used again.
    assert_eq!(env.git(&["show", "crew/do-it:work.txt"]), "x");
    assert_eq!(env.start_workflow("one"), 2);
    assert_eq!(env.rest(2), "done");
}

#[test]
fn by_age_only_those_go_that_may() {
    let env = done();
    let (code, _, error) = said(&env, &["forget", "--older-than", "0s", "--yes"]);
    assert!(code == Some(0) && error.contains("there is no run to forget"), "{error}");
    env.ok(&["archive", "1", "--yes"]);
    let (_, _, error) = said(&env, &["forget", "--older-than", "1d", "--yes"]);
    assert!(error.contains("there is no run to forget"), "{error}");
    env.ok(&["forget", "--older-than", "0s", "--yes"]);
    assert!(!env.run_dir(1).path().exists());
}

#[test]
fn a_live_run_is_neither_forgotten_nor_uninstalled() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; sleep 600");
    env.workflow("one", "", "## work\nrole: reader\n\n{goal}");
    let run = env.start_workflow("one");
    crate::support::wait_until("it is driven", || env.supervisor(run).is_some());
    let (code, _, error) = said(&env, &["forget", "1", "--yes"]);
    assert!(code == Some(7) && error.contains("only a run that has ended"), "{error}");
    let (code, _, error) = said(&env, &["uninstall"]);
    assert!(code == Some(7) && error.contains("is at work"), "{error}");
    assert_eq!(said(&env, &["uninstall", "--dry-run"]).0, Some(0), "a list is a list");
    env.ok(&["stop", "1"]);
    env.rest(run);
}

#[test]
fn the_script_of_uninstall_removes_everything_and_nothing_else() {
    let env = done();
    let before = env.git(&["rev-parse", "HEAD"]);
    std::fs::create_dir_all(env.project().join(".crew/teams")).expect("made");
    std::fs::write(env.project().join(".crew/teams/own.md"), "mine").expect("written");
    let (_, list, _) = said(&env, &["uninstall", "--dry-run"]);
    for part in ["worktrees of runs", "state of runs", "refs/heads/crew/do-it", "own; stays"] {
        assert!(list.contains(part), "{part}: {list}");
    }
    assert!(env.run_dir(1).path().exists(), "nothing was removed");
    let (code, script, _) = said(&env, &["uninstall"]);
    assert_eq!(code, Some(0));
    let ran = Command::new("sh").arg("-ec").arg(&script).status().expect("a shell");
    assert!(ran.success(), "{script}");
    assert!(!env.dir().state().exists() && !env.dir().worktrees().exists());
    assert_eq!(env.git(&["for-each-ref", "refs/heads/crew", "refs/crew"]), "");
    assert_eq!(env.git(&["worktree", "list"]).lines().count(), 1);
    assert_eq!(env.git(&["rev-parse", "HEAD"]), before);
    assert!(env.project().join(".crew/teams/own.md").exists());
    let (_, list, _) = said(&env, &["uninstall", "--dry-run"]);
    assert!(!list.contains("state of runs"), "{list}");
}
