//! A disk that is full: nothing is half-written, and everything goes on when there is room again.

use std::fs;

use crew::event::Body;

use crate::accident::pause;
use crate::mount::Mount;
use crate::project::TestEnv;
use crate::support::wait_until;

const TWO: &str = "## a\nrole: reader\n\nx\n\n## b\nrole: reader\ndependsOn: a\n\nx";

/// A project whose state lies on a small disk of its own; its agents wait for the note `go`.
fn on_small_disk() -> Option<(TestEnv, Mount)> {
    let env = TestEnv::new();
    let at = env.root.join("disk");
    let mount = Mount::small(&at, "1m")?;
    let env = env.with_state(&at.join("state"));
    env.agent("cat >/dev/null; echo ok; touch $NOTES/begun; while [ ! -e $NOTES/go ]; do sleep 0.02; done");
    env.workflow("two", "", TWO);
    Some((env, mount))
}

fn started(env: &TestEnv, run: u32) -> usize {
    let records = env.records(run);
    records.iter().filter(|record| matches!(record.body, Body::AttemptStarted(_))).count()
}

#[test]
fn a_full_disk_refuses_commands_and_the_run_goes_on_when_there_is_room() {
    let Some((env, mount)) = on_small_disk() else { return };
    let run = env.start_workflow("two");
    env.wait_note("begun");
    let filler = mount.fill();
    // As long as there is room left in the last page of the log, commands still work.
    let text = "x".repeat(900);
    let mut refused = None;
    for _ in 0..8 {
        let before = fs::read(env.run_dir(run).events()).expect("log");
        let output = env.output(&["send", "1", &text]);
        if !output.status.success() {
            refused = Some((output, before));
            break;
        }
    }
    let (output, before) = refused.expect("the disk is full");
    assert_eq!(output.status.code(), Some(8), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
    assert!(said.contains("no space") || said.contains("storage"), "{said}");
    assert_eq!(
        fs::read(env.run_dir(run).events()).expect("log"),
        before,
        "nothing is half-applied"
    );
    fs::write(env.notes().join("go"), "").expect("written");
    let agent = env.shim(run, "a", 1).agent.expect("started");
    wait_until("the agent has ended", || !crew::runtime::process::is_alive(agent));
    assert_eq!((env.status_text(run), started(&env, run)), ("running".to_owned(), 1));
    fs::remove_file(filler).expect("removed");
    assert_eq!(env.rest(run), "done");
    assert_eq!([env.attempts(run, "a"), env.attempts(run, "b")], [1, 1]);
    let whole = crew::store::log::verify(env.run_dir(run).events()).expect("read");
    assert!(whole.damage.is_none() && whole.torn.is_none(), "{whole:?}");
}

#[test]
fn no_run_is_created_on_a_full_disk() {
    let Some((env, mount)) = on_small_disk() else { return };
    fs::write(env.notes().join("go"), "").expect("written");
    let first = env.start_workflow("two");
    assert_eq!(env.rest(first), "done");
    let filler = mount.fill();
    let output = env.output(&["run", "x", "-d", "-w", "two", "-a", "sh"]);
    assert_eq!(output.status.code(), Some(8), "{output:?}");
    fs::remove_file(filler).expect("removed");
    let second = env.start_workflow("two");
    assert_eq!(env.rest(second), "done");
}

#[test]
fn an_attempt_that_finds_no_room_for_its_files_waits_and_is_not_charged() {
    let Some((env, mount)) = on_small_disk() else { return };
    let run = env.start_workflow("two");
    env.wait_note("begun");
    env.ok(&["pause", "1"]);
    assert_eq!(env.rest(run), "paused");
    // Room for some events in the last page of the log, and for nothing else on the disk.
    let room =
        |env: &TestEnv| 4_096 - fs::metadata(env.run_dir(run).events()).expect("log").len() % 4_096;
    while room(&env) < 3_000 {
        env.ok(&["send", "1", &"x".repeat(200)]);
    }
    let filler = mount.fill();
    env.ok(&["resume", "1"]);
    wait_until("the next attempt is on record", || started(&env, run) == 2);
    // Long enough for it to be tried in vain; on a full disk nobody can tell that it was.
    pause(1_200);
    assert_eq!(env.ends(run).len(), 1);
    fs::remove_file(filler).expect("removed");
    fs::write(env.notes().join("go"), "").expect("written");
    assert_eq!(env.rest(run), "done");
    let task = env.state(run).tasks[0].clone();
    assert_eq!((task.attempts, task.crashes), (2, 0));
}
