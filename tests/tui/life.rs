//! How the dashboard comes, stays, and goes.

use std::io::{Read, Write};

use crew::runtime::Pid;
use crew::runtime::process::{self, Signal};

use crate::project::TestEnv;
use crate::screen::{self, Screen};
use crate::support::wait_until;

/// A run whose only task works until it is told to end.
fn working() -> TestEnv {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; echo working on it; touch $NOTES/begun; while [ ! -e $NOTES/go ]; do sleep 0.02; done; echo ok");
    env.workflow("one", "", "## work\nrole: writer\n\n{goal}");
    env.ok(&["run", "Add refunds", "-w", "one", "-a", "sh", "-d"]);
    wait_until("its agent is at work", || {
        !env.note("begun").is_empty() || env.notes().join("begun").exists()
    });
    env
}

fn pid(screen: &Screen) -> Pid {
    Pid::of(screen.child.id()).expect("it lives")
}

#[test]
fn it_shows_what_happens_and_gives_the_terminal_back() {
    let env = working();
    let screen = Screen::open(&env, 30, 110);
    screen.wait("#1 work");
    screen.wait("live");
    std::fs::write(env.notes().join("go"), "").expect("written");
    screen.wait("done·new");
    screen.keys("q");
    let (code, left) = screen.ends();
    assert_eq!(code, Some(0));
    assert!(!left.contains("keep"), "{left}");
}

#[test]
fn runs_go_on_when_it_is_closed_and_it_says_so() {
    let env = working();
    let screen = Screen::open(&env, 30, 110);
    screen.wait("#1 work");
    screen.keys("q");
    let (code, left) = screen.ends();
    assert_eq!(code, Some(0));
    assert!(left.contains("1 run keeps going; `crew` returns, `crew stop` ends them"), "{left}");
    assert_eq!(env.status_text(1), "running");
    std::fs::write(env.notes().join("go"), "").expect("written");
    assert_eq!(env.rest(1), "done");
}

#[test]
fn a_run_that_loses_its_supervisor_under_an_open_dashboard_is_given_another() {
    let env = working();
    let screen = Screen::open(&env, 30, 110);
    screen.wait("#1 work");
    let path = env.run_dir(1).supervisor_json();
    let told = || -> u32 {
        let text = std::fs::read_to_string(&path).expect("written");
        let told: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        told["pid"].as_u64().expect("a number").try_into().expect("a pid")
    };
    let first = told();
    let killed = process::signal(Pid::of(first).expect("a pid"), Signal::KILL);
    assert!(killed.expect("sent"));
    wait_until("another one drives the run", || told() != first);
    std::fs::write(env.notes().join("go"), "").expect("written");
    screen.wait("done·new");
    screen.keys("q");
    assert_eq!(screen.ends().0, Some(0));
}

#[test]
fn a_project_without_runs_offers_what_can_be_done() {
    let env = TestEnv::new();
    let screen = Screen::open(&env, 30, 110);
    screen.wait("There is no run here yet.");
    env.agent("cat >/dev/null; echo ok");
    env.workflow("one", "", "## work\nrole: writer\n\n{goal}");
    env.ok(&["run", "Add refunds", "-w", "one", "-a", "sh", "-d"]);
    screen.wait("#1");
    screen.keys("q");
    assert_eq!(screen.ends().0, Some(0));
}

#[test]
fn told_to_end_it_gives_the_terminal_back() {
    for signal in [Signal::TERM, Signal::HUP] {
        let env = working();
        let screen = Screen::open(&env, 24, 80);
        screen.wait("#1 work");
        assert!(process::signal(pid(&screen), signal).expect("sent"));
        assert_eq!(screen.ends().0, Some(0));
        std::fs::write(env.notes().join("go"), "").expect("written");
        assert_eq!(env.rest(1), "done");
    }
}

#[test]
fn a_terminal_that_goes_in_the_middle_of_a_key_ends_it() {
    let env = working();
    let (mut pty, mut child) = screen::spawn(&env.crew(&[]), &env, 24, 80);
    let (mut seen, mut bytes) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&seen).contains("#1 work") {
        let count = pty.read(&mut bytes).expect("read");
        seen.extend_from_slice(&bytes[..count]);
    }
    // Half of a key's code: whoever reads it waits for the other half.
    pty.write_all(b"\x1b[").expect("typed");
    wait_until("the half is read", || is_asleep_in_read(child.id()));
    drop(pty);
    wait_until("the dashboard has ended", || child.try_wait().expect("asked").is_some());
    std::fs::write(env.notes().join("go"), "").expect("written");
    assert_eq!(env.rest(1), "done");
}

/// Whether the first thread of a process waits for bytes.
fn is_asleep_in_read(pid: u32) -> bool {
    let place = std::fs::read_to_string(format!("/proc/{pid}/wchan")).unwrap_or_default();
    place.contains("read") || place.contains("tty") || place.contains("wait_woken")
}

#[test]
fn suspended_it_gives_the_terminal_back_and_returns() {
    let env = working();
    // A shell with job control, as people have it.
    let mut shell = env.crew(&[]);
    let crew = shell.get_program().to_owned();
    let line = "\"$0\"; echo back in the shell; read -r word; fg; echo over";
    shell = {
        let mut command = std::process::Command::new("/bin/sh");
        command.arg("-mc").arg(line).arg(crew).env_clear();
        command.envs(shell.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command
    };
    let screen = Screen::start(&shell, &env, 24, 80);
    screen.wait("#1 work");
    screen.keys("\u{1a}");
    screen.wait("back in the shell");
    wait_until("the terminal is given back", || screen.is_given_back());
    screen.keys("go on\r");
    screen.wait("#1 work");
    screen.keys("q");
    assert!(screen.ends().1.contains("over"));
}

#[test]
fn every_size_is_drawn_and_a_new_size_at_once() {
    let env = working();
    let screen = Screen::open(&env, 24, 80);
    for (rows, columns) in [(20, 50), (60, 200), (5, 10), (2, 3), (36, 120)] {
        screen.resize(rows, columns);
        match columns {
            3 => {}
            10 => screen.wait("crew: too"),
            _ => screen.wait("#1 work"),
        }
    }
    screen.keys("q");
    assert_eq!(screen.ends().0, Some(0));
}

#[test]
fn an_idle_dashboard_writes_nothing() {
    let env = working();
    std::fs::write(env.notes().join("go"), "").expect("written");
    assert_eq!(env.rest(1), "done");
    let screen = Screen::open(&env, 30, 110);
    screen.wait("done·new");
    let waits = || {
        let path = format!("/proc/{}/status", screen.child.id());
        let status = std::fs::read_to_string(path).expect("it lives");
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.and_then(|count| count.trim().parse::<u64>().ok()).expect("a count")
    };
    // Keys that change nothing show that it has drawn all that it wants to draw.
    screen.keys("?");
    screen.wait(" Keys ");
    screen.keys("?");
    screen.wait_for("the help is gone", |text| !text.contains(" Keys ") && screen.is_whole());
    let (before, waited) = (screen.bytes(), waits());
    // Other processes come and go; the dashboard of a project where nothing lives has no reason to move.
    for _ in 0..20 {
        env.ok(&["ls"]);
    }
    assert_eq!(screen.bytes(), before, "{}", screen.text());
    assert!(waits() - waited < 20, "it woke {} times", waits() - waited);
    screen.keys("q");
    assert_eq!(screen.ends().0, Some(0));
}

#[test]
fn a_run_that_disappears_or_breaks_is_shown_for_what_it_is() {
    let env = working();
    std::fs::write(env.notes().join("go"), "").expect("written");
    assert_eq!(env.rest(1), "done");
    env.ok(&["run", "Second goal", "-w", "one", "-a", "sh", "-d"]);
    assert_eq!(env.rest(2), "done");
    let broken = env.dir().run(crew::base::RunNumber(1));
    let text = std::fs::read_to_string(broken.events()).expect("read");
    std::fs::write(broken.events(), text.replacen("Add refunds", "Add refund!", 1))
        .expect("written");
    if broken.snapshot().exists() {
        std::fs::remove_file(broken.snapshot()).expect("removed");
    }
    let screen = Screen::open(&env, 30, 110);
    screen.wait("#2");
    screen.keys("5");
    screen.wait("damaged");
    std::fs::remove_dir_all(env.dir().run(crew::base::RunNumber(2)).path()).expect("removed");
    env.ok(&["run", "Third goal", "-w", "one", "-a", "sh", "-d"]);
    screen.wait("Third goal");
    screen.wait_for("the run that is gone is not shown", |text| !text.contains("Second goal"));
    screen.keys("q");
    assert_eq!(screen.ends().0, Some(0));
}
