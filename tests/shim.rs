//! The shim as a real process, with real agents: how it starts, watches, stops and cleans up.

#[path = "support/attempt.rs"]
mod attempt;
mod support;

use std::fs;
use std::io::Write;
use std::time::Duration;

use crew::runtime::attempt_files::{EndReason, Escalation, Stdin, revoke};
use crew::runtime::process::{self, MARK, Signal};
use crew::runtime::{Clock, CommandFile, ExitFile, Pid, ShimFile, ShimHandle};
use crew::store::FileLock;

use attempt::{Attempt, is_private, wait_end};
use support::wait_until;

#[test]
fn an_exit_code_arrives_with_the_output() {
    let mut attempt = Attempt::script("echo out; echo err >&2; exit 7");
    let exit = attempt.run();
    assert_eq!(exit.code, Some(7));
    assert_eq!(exit.signal, None);
    assert_eq!(exit.reason, EndReason::Exited);
    assert_eq!(exit.error, None);
    assert_eq!((exit.stdout_bytes, exit.stderr_bytes), (4, 4));
    assert_eq!((exit.leftovers, exit.stop_escalation), (0, Escalation::None));
    assert_eq!(exit.ended_at.since_ms(exit.started_at), exit.duration_ms);
    assert_eq!(attempt.stdout(), "out\n");
    assert_eq!(fs::read_to_string(attempt.dir.stderr()).unwrap(), "err\n");
    for path in [
        attempt.dir.stdout(),
        attempt.dir.stderr(),
        attempt.dir.exit(),
        attempt.dir.shim(),
        attempt.dir.command(),
        attempt.dir.alive_lock(),
    ] {
        assert!(is_private(&path), "{path}");
    }
}

#[test]
fn shim_json_names_both_processes_while_they_live() {
    // No program but the last one: a shell that waits for another forgets a SIGINT that comes late.
    let mut attempt = Attempt::script(": >ready; exec sleep 600");
    let shim = attempt.start();
    attempt.wait_for("ready");
    wait_until("shim.json", || ShimFile::read(&attempt.dir).unwrap().is_some());
    let file = ShimFile::read(&attempt.dir).unwrap().unwrap();
    assert_eq!(file.shim, shim.pid);
    assert_eq!(file.boot_id, process::boot_id());
    assert!(process::is_alive(file.agent.unwrap()));
    assert!(crew::ledger::attempt_vitals(&attempt.dir).beat_at.is_some());
    assert!(FileLock::try_exclusive(&attempt.dir.alive_lock()).unwrap().is_none());
    attempt.stop(shim);
    assert!(FileLock::try_exclusive(&attempt.dir.alive_lock()).unwrap().is_some());
    assert!(FileLock::try_exclusive(&attempt.dir.attempt_lock()).unwrap().is_some());
}

#[test]
fn a_signal_that_ends_the_agent_is_told() {
    let exit = Attempt::script("kill -9 $$").run();
    assert_eq!((exit.code, exit.signal), (None, Some(9)));
    assert_eq!(exit.reason, EndReason::Exited);
}

#[test]
fn an_obedient_agent_is_stopped_by_the_first_signal() {
    let mut attempt =
        Attempt::script("trap 'exit 5' INT; touch ready; while :; do sleep 0.01; done");
    let shim = attempt.start();
    attempt.wait_for("ready");
    let exit = attempt.stop(shim);
    assert_eq!(exit.code, Some(5));
    assert_eq!(exit.reason, EndReason::Stopped);
    assert_eq!(exit.stop_escalation, Escalation::Int);
    assert!(exit.duration_ms < 60_000);
}

#[test]
fn an_agent_that_knows_only_sigterm_gets_it_after_half_of_the_grace() {
    let script = "trap '' INT; trap 'exit 6' TERM; touch ready; while :; do sleep 0.01; done";
    let mut attempt = Attempt::script(script).grace(400);
    let shim = attempt.start();
    attempt.wait_for("ready");
    let exit = attempt.stop(shim);
    assert_eq!((exit.code, exit.stop_escalation), (Some(6), Escalation::Term));
}

#[test]
fn a_tree_that_ignores_everything_is_gone_after_the_grace() {
    // Five processes: three in the agent's group, one in a session of its own and its child.
    let script = "trap '' INT TERM HUP
        sh -c 'touch one; while :; do sleep 600; done' &
        setsid sh -c 'trap \"\" INT TERM; sh -c \"touch two; while :; do sleep 600; done\" & \
            touch three; while :; do sleep 600; done' &
        touch ready; while :; do sleep 600; done";
    let mut attempt = Attempt::script(script).grace(300);
    let shim = attempt.start();
    for name in ["one", "two", "three", "ready"] {
        attempt.wait_for(name);
    }
    let clock = Clock::start();
    let begin = clock.now();
    let exit = attempt.stop(shim);
    assert!(clock.now().since_ms(begin) >= 300);
    assert_eq!((exit.code, exit.signal), (None, Some(9)));
    assert_eq!(exit.reason, EndReason::Stopped);
    assert_eq!(exit.stop_escalation, Escalation::Kill);
    assert!(exit.leftovers >= 3, "{exit:?}");
}

#[test]
fn a_grandchild_that_keeps_the_output_open_does_not_delay_the_end() {
    let mut attempt = Attempt::script("sleep 600 & echo done");
    let exit = attempt.run();
    assert_eq!((exit.code, exit.leftovers), (Some(0), 1));
    assert_eq!(exit.reason, EndReason::Exited);
    assert!(exit.duration_ms < 60_000);
}

#[test]
fn a_daemon_left_behind_is_ended_even_if_it_ignores_sigterm() {
    let script = "setsid sh -c 'trap \"\" TERM HUP; touch ready; while :; do sleep 600; done' \
            >/dev/null 2>&1 </dev/null &
        while [ ! -e ready ]; do sleep 0.01; done; exit 3";
    let mut attempt = Attempt::script(script).grace(200);
    let exit = attempt.run();
    assert_eq!((exit.code, exit.reason), (Some(3), EndReason::Exited));
    assert!(exit.leftovers >= 1);
    assert_eq!(exit.stop_escalation, Escalation::None);
}

#[test]
fn a_child_that_drops_the_mark_is_found_by_its_ancestry() {
    let script = "env -i setsid sh -c 'echo $$ >pid; exec sleep 600' & 
        while [ ! -s pid ]; do sleep 0.01; done";
    let mut attempt = Attempt::script(script);
    let exit = attempt.run();
    assert_eq!(exit.leftovers, 1);
    let pid = fs::read_to_string(attempt.root.join("pid")).unwrap();
    assert_eq!(Pid::of(pid.trim().parse().unwrap()), None);
}

#[test]
fn the_deadline_stops_the_agent() {
    let mut attempt = Attempt::script("while :; do sleep 0.01; done").grace(1_000);
    attempt.command.deadline_ms = Some(100);
    let exit = attempt.run();
    assert_eq!(exit.reason, EndReason::Deadline);
    assert!(exit.duration_ms >= 100);
}

#[test]
fn while_a_question_holds_the_turn_its_time_stands_still_and_its_slot_is_free() {
    let mut attempt = Attempt::script("touch ready; exec sleep 600").grace(1_000);
    attempt.command.deadline_ms = Some(300);
    attempt.command.write(&attempt.dir).unwrap();
    let slot = attempt.root.join("slot.lock");
    attempt.slot = Some(FileLock::exclusive(&slot).unwrap());
    // Two may wait for the same answer.
    let waits = [(); 2].map(|()| FileLock::shared(&attempt.dir.ask_lock()).unwrap());
    let shim = attempt.start();
    attempt.wait_for("ready");
    let is_free = || FileLock::try_exclusive(&slot).unwrap();
    wait_until("the slot is free", || is_free().is_some());
    assert!(process::is_alive(shim.pid));
    assert_eq!(ExitFile::read(&attempt.dir).unwrap(), None);
    drop(waits);
    // Its time goes on, and runs out.
    let exit = attempt.end(shim);
    assert_eq!(exit.reason, EndReason::Deadline);
    assert!(exit.duration_ms >= 300);
}

#[test]
fn a_slot_that_was_given_back_is_taken_again() {
    let mut attempt = Attempt::script("touch ready; read line <go");
    let slot = attempt.root.join("slot.lock");
    attempt.command.write(&attempt.dir).unwrap();
    attempt.slot = Some(FileLock::exclusive(&slot).unwrap());
    let made = std::process::Command::new("mkfifo").arg(attempt.root.join("go")).status();
    assert!(made.unwrap().success());
    let waits = FileLock::shared(&attempt.dir.ask_lock()).unwrap();
    let shim = attempt.start();
    attempt.wait_for("ready");
    wait_until("the slot is free", || !FileLock::is_held(&slot).unwrap());
    drop(waits);
    wait_until("the slot is taken", || FileLock::is_held(&slot).unwrap());
    fs::write(attempt.root.join("go"), "\n").unwrap();
    assert_eq!(attempt.end(shim).code, Some(0));
    assert!(!FileLock::is_held(&slot).unwrap());
}

#[test]
fn a_hold_that_takes_too_long_stops_no_clock() {
    let mut attempt = Attempt::script("touch ready; exec sleep 600").grace(1_000);
    (attempt.command.deadline_ms, attempt.command.hold_ms) = (Some(300), 100);
    attempt.command.write(&attempt.dir).unwrap();
    let _waits = FileLock::shared(&attempt.dir.ask_lock()).unwrap();
    assert_eq!(attempt.run().reason, EndReason::Deadline);
}

#[test]
fn too_much_output_stops_the_agent_at_the_next_heartbeat() {
    let mut attempt = Attempt::script("head -c 3000 /dev/zero; exec sleep 600");
    attempt.command.max_output_bytes = 2_999;
    let exit = attempt.run();
    assert_eq!(exit.reason, EndReason::OutputLimit);
    assert_eq!(exit.stdout_bytes, 3_000);
    assert!(attempt.dir.heartbeat().exists());
}

#[test]
fn a_revoked_attempt_does_not_start() {
    let mut attempt = Attempt::script("touch started");
    revoke(&attempt.dir).unwrap();
    let shim = attempt.start();
    wait_end(shim);
    assert_eq!(ExitFile::read(&attempt.dir).unwrap(), None);
    assert!(!attempt.dir.shim().exists());
    assert!(!attempt.root.join("started").exists());
}

#[test]
fn an_attempt_whose_lock_is_held_does_not_start() {
    let mut attempt = Attempt::script("touch started");
    attempt.command.write(&attempt.dir).unwrap();
    let held = FileLock::exclusive(&attempt.dir.attempt_lock()).unwrap();
    let shim = attempt.start();
    wait_end(shim);
    drop(held);
    assert_eq!(ExitFile::read(&attempt.dir).unwrap(), None);
    assert!(!attempt.root.join("started").exists());
}

#[test]
fn an_attempt_is_never_run_twice() {
    let mut attempt = Attempt::script("echo once >>count");
    let exit = attempt.run();
    let again = attempt.run();
    assert_eq!(exit, again);
    assert_eq!(fs::read_to_string(attempt.root.join("count")).unwrap(), "once\n");
}

#[test]
fn a_missing_program_is_named() {
    let exit = Attempt::program(&["no-such-agent", "--json"]).run();
    assert_eq!(exit.reason, EndReason::SpawnFailed);
    assert_eq!((exit.code, exit.signal), (None, None));
    let error = exit.error.unwrap();
    assert!(error.contains("`no-such-agent`"), "{error}");
    assert!(error.contains("No such file"), "{error}");
}

#[test]
fn a_missing_folder_is_named() {
    let mut attempt = Attempt::program(&["true"]);
    attempt.command.cwd = attempt.root.join("gone");
    let error = attempt.run().error.unwrap();
    assert!(error.contains("gone` is not there"), "{error}");
}

#[test]
fn a_program_that_may_not_be_run_is_an_error() {
    let mut attempt = Attempt::program(&["./agent"]);
    fs::write(attempt.root.join("agent"), "#!/bin/sh\n").unwrap();
    let error = attempt.run().error.unwrap();
    assert!(error.contains("Permission denied"), "{error}");
}

#[test]
fn a_broken_command_is_an_error() {
    let mut attempt = Attempt::program(&[]);
    let exit = attempt.run();
    assert_eq!(exit.reason, EndReason::SpawnFailed);
    assert!(exit.error.unwrap().contains("names no program"));
}

#[test]
fn a_line_of_20_mb_and_binary_garbage_arrive_byte_for_byte() {
    let mut attempt = Attempt::program(&["cat", "input"]);
    let mut bytes = vec![b'x'; 20 << 20];
    bytes.push(b'\n');
    bytes.extend((0..1_000_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3]));
    fs::write(attempt.root.join("input"), &bytes).unwrap();
    let exit = attempt.run();
    assert_eq!(exit.stdout_bytes, bytes.len() as u64);
    assert!(fs::read(attempt.dir.stdout()).unwrap() == bytes);
}

#[test]
fn what_a_killed_shim_leaves_is_found_by_its_mark() {
    let mut attempt = Attempt::script("setsid sleep 600 & : >ready; exec sleep 600");
    let shim = attempt.start();
    attempt.wait_for("ready");
    wait_until("shim.json", || ShimFile::read(&attempt.dir).unwrap().is_some());
    wait_until("the setsid child", || process::marked(&attempt.command.mark).len() == 3);
    assert!(process::signal(shim.pid, Signal::KILL).unwrap());
    wait_end(shim);
    assert!(!process::is_alive(shim.pid));
    assert_eq!(ExitFile::read(&attempt.dir).unwrap(), None);
    let agent = ShimFile::read(&attempt.dir).unwrap().unwrap().agent.unwrap();
    assert!(process::is_alive(agent));
    assert!(FileLock::try_exclusive(&attempt.dir.alive_lock()).unwrap().is_none());
    assert_eq!(process::kill_marked(&attempt.command.mark, Duration::from_mins(1)), 2);
    assert!(!process::is_alive(agent));
    attempt.assert_nothing_lives();
}

#[test]
fn the_slot_is_held_until_the_end_and_never_reaches_the_agent() {
    let mut attempt = Attempt::script("ls -l /proc/self/fd >fds; touch ready; read line <go");
    let path = attempt.root.join("slot.lock");
    attempt.slot = Some(FileLock::exclusive(&path).unwrap());
    let made = std::process::Command::new("mkfifo").arg(attempt.root.join("go")).status();
    assert!(made.unwrap().success());
    let shim = attempt.start();
    attempt.wait_for("ready");
    assert!(FileLock::try_exclusive(&path).unwrap().is_none());
    fs::write(attempt.root.join("go"), "\n").unwrap();
    assert_eq!(attempt.end(shim).code, Some(0));
    drop(FileLock::exclusive(&path).unwrap());
    let fds = fs::read_to_string(attempt.root.join("fds")).unwrap();
    assert!(fds.contains("alive.lock"), "{fds}");
    assert!(!fds.contains("slot.lock") && !fds.contains("attempt.lock"), "{fds}");
}

#[test]
fn a_descriptor_that_somebody_left_open_does_not_reach_the_agent() {
    let attempt = Attempt::script("ls -l /proc/self/fd");
    attempt.command.write(&attempt.dir).unwrap();
    let status = std::process::Command::new("sh")
        .args(["-c", "exec 7>stray; exec \"$0\" shim attempt", env!("CARGO_BIN_EXE_crew")])
        .current_dir(&attempt.root)
        .status();
    assert!(status.unwrap().success());
    assert!(attempt.root.join("stray").exists());
    assert!(!attempt.stdout().contains("stray"), "{}", attempt.stdout());
}

#[test]
fn the_environment_is_exactly_what_was_given() {
    let mut attempt = Attempt::program(&["/usr/bin/env", "-0"]);
    attempt.env.push(("SECRET".to_owned(), "line 1\nline 2 ü".to_owned()));
    attempt.run();
    let text = attempt.stdout();
    let mut seen: Vec<&str> = text.split_terminator('\0').collect();
    let mut given: Vec<String> =
        attempt.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    seen.sort_unstable();
    given.sort_unstable();
    assert_eq!(seen, given);
    let command = CommandFile::read(&attempt.dir).unwrap();
    assert_eq!(command.env_names, ["PATH", MARK, "SECRET"]);
    for name in [attempt.dir.command(), attempt.dir.shim(), attempt.dir.exit()] {
        assert!(!fs::read_to_string(name).unwrap().contains("line 2"));
    }
}

#[test]
fn stdin_is_empty_or_the_prompt() {
    let mut attempt = Attempt::program(&["cat"]);
    assert_eq!(attempt.run().stdout_bytes, 0);

    let mut attempt = Attempt::program(&["cat"]);
    attempt.command.stdin = Stdin::Prompt;
    attempt.command.write(&attempt.dir).unwrap();
    fs::write(attempt.dir.prompt(), "do it\n").unwrap();
    attempt.run();
    assert_eq!(attempt.stdout(), "do it\n");

    let mut attempt = Attempt::program(&["cat"]);
    attempt.command.stdin = Stdin::Prompt;
    let error = attempt.run().error.unwrap();
    assert!(error.contains("prompt.md"), "{error}");
}

#[test]
fn a_fifo_takes_input_from_many_writers_until_it_is_closed() {
    let mut attempt = Attempt::program(&["cat"]);
    attempt.command.stdin = Stdin::Fifo;
    let shim = attempt.start();
    wait_until("shim.json", || ShimFile::read(&attempt.dir).unwrap().is_some());
    for line in ["one\n", "two\n"] {
        let mut fifo = fs::OpenOptions::new().write(true).open(attempt.dir.stdin()).unwrap();
        fifo.write_all(line.as_bytes()).unwrap();
        drop(fifo);
        wait_until("the line arrives", || attempt.stdout().ends_with(line));
    }
    assert!(process::is_alive(shim.pid));
    assert!(is_private(&attempt.dir.stdin()));
    assert!(Attempt::executor().close_input(shim.pid).unwrap());
    let exit = attempt.end(shim);
    assert_eq!((exit.code, exit.reason), (Some(0), EndReason::Exited));
    assert_eq!(attempt.stdout(), "one\ntwo\n");
}

#[test]
fn twenty_shims_at_once_do_not_disturb_each_other() {
    let mut attempts: Vec<(Attempt, Option<ShimHandle>)> = (0..20)
        .map(|n| (Attempt::script(&format!("echo {n}; sleep 600 & exit {n}")), None))
        .collect();
    for (attempt, shim) in &mut attempts {
        *shim = Some(attempt.start());
    }
    for (n, (attempt, shim)) in attempts.iter().enumerate() {
        let exit = attempt.end(shim.unwrap());
        assert_eq!(exit.code, i32::try_from(n).ok());
        assert_eq!(attempt.stdout(), format!("{n}\n"));
    }
}

#[test]
fn the_end_of_an_adopted_shim_is_seen_without_being_its_parent() {
    let mut attempt = Attempt::script("read line <go");
    let made = std::process::Command::new("mkfifo").arg(attempt.root.join("go")).status();
    assert!(made.unwrap().success());
    attempt.command.write(&attempt.dir).unwrap();
    let env = attempt.env.drain(..);
    // The shell is gone at once, so that the shim has another parent than this test.
    let status = std::process::Command::new("sh")
        .args([
            "-c",
            "\"$0\" shim attempt >/dev/null 2>&1 </dev/null &",
            env!("CARGO_BIN_EXE_crew"),
        ])
        .current_dir(&attempt.root)
        .envs(env)
        .status();
    assert!(status.unwrap().success());
    wait_until("shim.json", || ShimFile::read(&attempt.dir).unwrap().is_some());
    let shim = ShimFile::read(&attempt.dir).unwrap().unwrap().shim;
    fs::write(attempt.root.join("go"), "\n").unwrap();
    let exit = attempt.end(ShimHandle { pid: shim });
    assert_eq!(exit.code, Some(0));
    // Nobody lives under this name any more: that is an end, too.
    wait_end(ShimHandle { pid: shim });
    assert!(!Attempt::executor().stop(shim).unwrap());
}
