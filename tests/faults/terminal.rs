//! Runs outlive the terminal and the command that started them.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use crew::runtime::Pid;
use crew::runtime::process::{self, Signal};

use crate::project::TestEnv;
use crate::pty;
use crate::support::wait_until;

fn waiting() -> TestEnv {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; touch $NOTES/begun; while [ ! -e $NOTES/go ]; do sleep 0.02; done; echo ok");
    env.workflow("one", "", "## work\nrole: writer\n\n{goal}");
    env
}

fn goes_on(env: &TestEnv) {
    env.wait_supervisor(1);
    std::fs::write(env.notes().join("go"), "").expect("written");
    assert_eq!(env.rest(1), "done");
    assert_eq!(env.attempts(1, "work"), 1);
}

fn foreground(env: &TestEnv) -> Command {
    env.crew(&["run", "do it", "-w", "one", "-a", "sh"])
}

/// The foreground command at a terminal of its own.
fn at_terminal(env: &TestEnv) -> (pty_process::blocking::Pty, Child) {
    pty::spawn(&foreground(env), &env.project(), None, &[])
}

/// How often a process had to wait for something until now.
fn waits(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("it lives");
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.and_then(|count| count.trim().parse().ok()).expect("a count")
}

/// What the terminal has shown; as terminals do, it says where its cursor is when it is asked.
fn answering(pty: &Arc<pty_process::blocking::Pty>) -> Arc<Mutex<String>> {
    let shown = Arc::new(Mutex::new(String::new()));
    let (pty, all) = (Arc::clone(pty), Arc::clone(&shown));
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count) = (&*pty).read(&mut bytes) {
            let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
            for _ in text.matches("\u{1b}[6n") {
                (&*pty).write_all(b"\x1b[1;1R").expect("answered");
            }
            all.lock().expect("whole").push_str(&text);
        }
    });
    shown
}

#[test]
fn an_idle_foreground_command_sleeps_and_still_takes_keys() {
    let env = waiting();
    let (pty, mut child) = at_terminal(&env);
    let pty = Arc::new(pty);
    pty.resize(pty_process::Size::new(24, 80)).expect("resized");
    let shown = answering(&pty);
    let is_there = |text: &str| shown.lock().expect("whole").contains(text);
    env.wait_note("begun");
    wait_until("the region is there", || is_there("Ctrl-C"));
    let before = waits(&child);
    std::thread::park_timeout(std::time::Duration::from_secs(2));
    let idle = waits(&child) - before;
    // Two redraws of the clocks, and not a hundred looks for keys.
    assert!(idle < 40, "it woke up {idle} times in two seconds");
    (&*pty).write_all(b"\x03").expect("typed");
    wait_until("it asks", || is_there("[d]etach"));
    (&*pty).write_all(b"d").expect("typed");
    assert_eq!(child.wait().expect("ended").code(), Some(130));
    goes_on(&env);
}

#[test]
fn a_closed_terminal_does_not_end_the_run() {
    let env = waiting();
    let (pty, mut child) = at_terminal(&env);
    env.wait_note("begun");
    drop(pty);
    assert!(!child.wait().expect("ended").success(), "it was hung up");
    goes_on(&env);
}

#[test]
fn a_killed_or_interrupted_foreground_command_does_not_end_the_run() {
    for signal in [Signal::KILL, Signal::HUP, Signal::TERM, Signal::INT] {
        let env = waiting();
        let mut child =
            foreground(&env).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
        env.wait_note("begun");
        process::signal(Pid::of(child.id()).expect("it lives"), signal).expect("sent");
        child.wait().expect("ended");
        goes_on(&env);
    }
}

#[test]
fn a_reader_that_goes_away_does_not_end_the_run() {
    let env = waiting();
    let mut child = foreground(&env).stdout(Stdio::piped()).spawn().expect("started");
    env.wait_note("begun");
    drop(child.stdout.take());
    std::fs::write(env.notes().join("go"), "").expect("written");
    assert_eq!(child.wait().expect("ended").code(), Some(0), "a broken pipe is no fault");
    assert_eq!(env.rest(1), "done");
}
