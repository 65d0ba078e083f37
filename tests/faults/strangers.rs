//! Processes and folders that are not what a record says: numbers that others have now, copies, other places.

use std::fs;
use std::process::{Child, Command, Stdio};

use crew::runtime::process;
use crew::runtime::{Pid, ShimFile};

use crate::accident::kill;
use crate::killed::kill_all;
use crate::project::TestEnv;
use crate::support::wait_until;

/// A run whose first attempt waits until the test lets it go.
fn waiting() -> (TestEnv, u32) {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; echo $$ >> $NOTES/pids; touch $NOTES/begun; while [ ! -e $NOTES/go ]; do sleep 0.02; done; echo ok");
    env.workflow("one", "", "## work\nrole: writer\n\n{goal}");
    let run = env.start_workflow("one");
    env.wait_note("begun");
    (env, run)
}

fn go(env: &TestEnv) {
    fs::write(env.notes().join("go"), "").expect("written");
}

/// Somebody else's process, which has nothing to do with any run.
struct Stranger(Child);

impl Stranger {
    fn new() -> Self {
        let child = Command::new("sleep").arg("600").env_clear().stdin(Stdio::null()).spawn();
        Self(child.expect("started"))
    }

    fn pid(&self) -> Pid {
        Pid::of(self.0.id()).expect("it lives")
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// After the loss of everything the record names a stranger; the task is tried again and the stranger lives.
fn named(change: impl Fn(&mut ShimFile, Pid)) {
    let (env, run) = waiting();
    let stranger = Stranger::new();
    let dir = env.attempt(run, "work", 1);
    kill_all(&env, run);
    let mut record = ShimFile::read(&dir).expect("read").expect("there");
    change(&mut record, stranger.pid());
    record.write(&dir).expect("written");
    go(&env);
    env.supervise(run);
    assert_eq!(env.rest(run), "done");
    assert!(process::is_alive(stranger.pid()));
    assert_eq!(env.note("pids").len(), 2);
}

#[test]
fn numbers_that_another_process_has_now_are_not_taken_for_the_agent() {
    named(|record, stranger| {
        record.shim.pid = stranger.pid;
        record.agent = Some(Pid { pid: stranger.pid, start: 1 });
    });
}

#[test]
fn after_a_reboot_the_numbers_of_the_boot_before_mean_nothing() {
    named(|record, stranger| {
        // The very numbers of a process that lives now, told by another boot.
        (record.shim, record.agent) = (stranger, Some(stranger));
        "11111111-2222-3333-4444-555555555555".clone_into(&mut record.boot_id);
    });
}

#[test]
fn a_copy_of_a_project_is_only_looked_at_and_the_agents_of_the_original_live_on() {
    let (env, run) = waiting();
    let copy = env.root.join("copy");
    let copied = Command::new("cp").args(["-a", env.project().as_str(), copy.as_str()]).status();
    assert!(copied.is_ok_and(|status| status.success()));
    let log = copy.join(".crew/state/runs/0001/events.jsonl");
    let before = fs::read(&log).expect("copied");
    let agent = env.shim(run, "work", 1).agent.expect("started");
    let there = |args: &[&str]| env.crew(args).current_dir(&copy).output().expect("started");
    for args in [&["ls"][..], &["status"], &["status", "1"], &["why", "1"]] {
        assert_ne!(there(args).status.code(), Some(101), "{args:?}");
    }
    for args in [&["stop", "1"][..], &["pause", "1"], &["send", "1", "hello"]] {
        let refused = there(args);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains("copy"), "{args:?}: {said}");
    }
    assert!(process::is_alive(agent), "nobody has ended it");
    assert_eq!(fs::read(&log).expect("there"), before, "nothing was written");
    go(&env);
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.attempts(run, "work"), 1);
}

#[test]
fn what_is_removed_in_a_copy_of_a_project_is_not_the_worktree_of_the_original() {
    let (env, run) = waiting();
    go(&env);
    assert_eq!(env.rest(run), "done");
    let copy = env.root.join("copy");
    let copied = Command::new("cp").args(["-a", env.project().as_str(), copy.as_str()]).status();
    assert!(copied.is_ok_and(|status| status.success()));
    let worktree = env.dir().worktrees().join("do-it");
    assert!(worktree.join(".git").exists());
    let prune = ["prune", "--older-than", "0s", "--yes"];
    let said = env.crew(&prune).current_dir(&copy).output().expect("started");
    assert!(worktree.join(".git").exists(), "{said:?}");
    let said = env.ok(&prune);
    assert!(!worktree.exists(), "in its own project it goes: {said}");
}

#[test]
fn a_project_that_was_moved_is_no_copy() {
    let (env, run) = waiting();
    kill_all(&env, run);
    let moved = env.root.join("moved");
    fs::rename(env.project(), &moved).expect("moved");
    let output = env.crew(&["send", "1", "hello", "--no-recover"]).current_dir(&moved).output();
    let output = output.expect("started");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_log_that_was_taken_away_is_not_begun_anew_and_goes_on_when_it_is_back() {
    let (env, run) = waiting();
    let supervisor = env.wait_supervisor(run);
    let (log, away) = (env.run_dir(run).events(), env.root.join("away"));
    fs::rename(&log, &away).expect("moved");
    go(&env);
    let shim = env.shim(run, "work", 1).shim;
    wait_until("the agent has ended", || !process::is_alive(shim));
    assert!(!env.output(&["send", "1", "hello"]).status.success());
    crate::accident::pause(300);
    assert!(!log.exists(), "nobody begins another log");
    fs::rename(&away, &log).expect("moved");
    // One that has given up is followed by another, as soon as somebody looks.
    if !process::is_alive(supervisor) || env.state(run).seq < 8 {
        env.ok(&["ls"]);
    }
    env.wait_status(run, "done");
    assert_eq!((env.rest(run), env.attempts(run, "work")), ("done".to_owned(), 1));
}

#[test]
fn a_link_in_the_place_of_the_log_is_refused() {
    let (env, run) = waiting();
    kill(env.wait_supervisor(run));
    let (log, away) = (env.run_dir(run).events(), env.root.join("away"));
    fs::rename(&log, &away).expect("moved");
    std::os::unix::fs::symlink(&away, &log).expect("linked");
    let before = fs::read(&away).expect("there");
    let said = env.fails(8, &["send", "1", "hello"]);
    assert!(said.contains("link"), "{said}");
    assert_eq!(fs::read(&away).expect("there"), before);
    fs::remove_file(&log).expect("removed");
    fs::rename(&away, &log).expect("back");
    go(&env);
    env.ok(&["ls"]);
    assert_eq!(env.rest(run), "done");
}
