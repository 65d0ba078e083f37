//! Runs outlive the terminal and the command that started them.

use std::process::{Command, Stdio};

use crew::runtime::Pid;
use crew::runtime::process::{self, Signal};

use crate::project::TestEnv;

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

#[test]
fn a_closed_terminal_does_not_end_the_run() {
    let env = waiting();
    let plain = foreground(&env);
    let (pty, pts) = pty_process::blocking::open().expect("a terminal");
    let variables: Vec<_> =
        plain.get_envs().filter_map(|(name, value)| Some((name, value?))).collect();
    let mut child = pty_process::blocking::Command::new(plain.get_program())
        .args(plain.get_args())
        .env_clear()
        .envs(variables)
        .current_dir(env.project())
        .spawn(pts)
        .expect("started");
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
