//! Attempts on other machines: over ssh with a real `sshd`, and as jobs of a real Slurm, both on loopback.
//!
//! They need programs that not every machine has, so these tests are ignored by `cargo test`; `.ci/run` installs
//! them where it can and runs `cargo test --test executors -- --ignored`. A test says loudly when it is skipped.

#[path = "support/project.rs"]
#[expect(dead_code, reason = "other test programs need the rest of it")]
mod project;
mod support;

#[path = "executors/slurm.rs"]
mod slurm;
#[path = "executors/ssh.rs"]
mod ssh;
#[path = "executors/sshd.rs"]
mod sshd;

use std::fmt::Write as _;
use std::io::Write;

use camino::Utf8PathBuf;
use crew::event::Hash;
use crew::runtime::process::{self, Signal};

use crate::support::wait_until;

/// A program that system administrators use, which are not on everybody's path.
fn find(program: &str) -> Option<Utf8PathBuf> {
    ["/usr/sbin", "/usr/bin", "/sbin", "/usr/local/sbin", "/usr/local/bin"]
        .map(|folder| Utf8PathBuf::from(folder).join(program))
        .into_iter()
        .find(|path| path.exists())
}

/// Says that a test proves nothing here, past the test program, which shows only what failed tests say.
fn skipped(why: &str) {
    let text = format!("\n!! SKIPPED: {why}\n\n");
    std::io::stderr().write_all(text.as_bytes()).expect("standard error is there");
}

/// Adds an event that only a newer crew knows to the log of a run that nobody drives: it can only be read then.
fn make_read_only(env: &project::TestEnv, run: u32) {
    let path = env.run_dir(run).events();
    let log = std::fs::read_to_string(&path).expect("the log is there");
    let last = log.lines().next_back().expect("it has a line");
    let (seq, prev) = (log.lines().count() + 1, Hash::of(last.as_bytes()));
    let line = format!(
        "{{\"seq\":{seq},\"at\":\"2026-01-01T00:00:00.000Z\",\"actor\":\"supervisor\",\"type\":\"thing.new\",\
         \"epoch\":1,\"batch\":{seq},\"data\":{{}},\"prev\":\"{prev}\"}}\n"
    );
    std::fs::write(path, format!("{log}{line}")).expect("written");
}

/// A stop ends the agent of a run that nobody drives and that can only be read.
fn assert_stopped_unread(env: &project::TestEnv, run: u32) {
    let supervisor = env.supervisor(run).expect("it is driven");
    process::signal(supervisor, Signal::KILL).expect("sent");
    wait_until("it is gone", || env.supervisor(run).is_none());
    make_read_only(env, run);
    let said = env.fails(8, &["stop", "1"]);
    assert!(said.contains("1 agent told to stop; that is not on record"), "{said}");
    wait_until("its record is there", || env.attempt(run, "work", 1).exit().exists());
    env.assert_nothing_lives();
}

/// An agent that notes that it has begun, and when another one of the same task lives.
const ONCE: &str = "cat >/dev/null; mkdir $NOTES/live-$CREW_TASK || echo $CREW_TASK >> $NOTES/twice; \
                    echo $CREW_TASK >> $NOTES/begun; sleep 0.4; rmdir $NOTES/live-$CREW_TASK; echo fine";

/// A run with some steps after each other.
fn start_many(env: &project::TestEnv) -> u32 {
    let mut steps = "## s0\nrole: writer\n\n{goal}\n\n".to_owned();
    for at in 1..STEPS {
        let before = at - 1;
        write!(steps, "## s{at}\nrole: writer\ndependsOn: s{before}\n\n{{goal}}\n\n")
            .expect("text");
    }
    env.workflow("many", "", &steps);
    env.start_workflow("many")
}

const STEPS: usize = 5;

/// Waits until such a run is done, and looks whether every agent ran once.
fn assert_done_once(env: &project::TestEnv, run: u32) {
    support::wait_until("all is done", || {
        // The last supervisor may have died while somebody looked whether it lived.
        drop(env.output(&["status"]));
        // One that found no way to the place again and again is blocked, and goes on when it is told to.
        if env.status_text(run).starts_with("blocked") {
            drop(env.output(&["resume", "1"]));
        }
        env.status_text(run) == "done"
    });
    env.assert_nothing_lives();
    let begun: Vec<String> = (0..STEPS).map(|at| format!("s{at}")).collect();
    assert_eq!((env.note("twice"), env.note("begun")), (Vec::new(), begun));
}
