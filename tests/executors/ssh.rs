//! Attempts on a host over ssh: they run, live through everything, and end with all that they started.

#![expect(clippy::unwrap_used, reason = "what a test stands on fails the test")]

use std::fs;

use crew::event::EndReason;
use crew::runtime::ShimFile;
use crew::runtime::process::{self, Pid, Signal};

use crate::project::TestEnv;
use crate::sshd::Sshd;
use crate::support::wait_until;

const TWO: &str =
    "## first\nrole: writer\n\n{goal}\n\n## second\nrole: writer\ndepends-on: first\n\n{goal}";
const WAITS: &str = "cat >/dev/null; echo begun >> $NOTES/begun; until [ -e $NOTES/go ]; do sleep 0.1; done; echo fine";
const ONE: &str = "## work\nrole: writer\n\n{goal}";

/// A project whose agents run this script on a host; nothing where there is no ssh server to start.
fn place(script: &str) -> Option<(TestEnv, Sshd)> {
    let env = TestEnv::new();
    let server = Sshd::start(&env.root)?;
    env.agent_with(script, &server.table());
    Some((env, server))
}

/// Processes of ssh and of its other side that speak for a project.
fn connections(env: &TestEnv, word: &str) -> Vec<Pid> {
    let key = env.root.join("sshd/user");
    let all = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).into_owned();
        (line.contains(key.as_str()) && line.contains(word)).then(|| Pid::of(pid)).flatten()
    });
    all.collect()
}

/// A run of two tasks whose host goes away while the first is at work.
fn loses_its_host(env: &TestEnv, server: &mut Sshd) -> u32 {
    env.workflow("two", "", TWO);
    let run = env.start_workflow("two");
    wait_until("the agent has begun", || !env.note("begun").is_empty());
    server.end();
    connections(env, "ssh").into_iter().for_each(kill);
    run
}

fn shim(env: &TestEnv, run: u32) -> ShimFile {
    let read = || ShimFile::read(&env.attempt(run, "work", 1)).unwrap();
    // The agent may be quicker than the one that started it.
    wait_until("its shim has told its number", || read().is_some());
    read().unwrap()
}

fn kill(process: Pid) {
    drop(process::signal(process, Signal::KILL));
}

#[test]
#[ignore = "needs a ssh server"]
fn two_tasks_run_on_the_host_with_exactly_their_environment() {
    let script = "cat >/dev/null; env > $NOTES/env-$CREW_TASK; ps -o sid= -p $PPID > $NOTES/sid; \
                  echo $SECRET_OF_TEST > $NOTES/secret; echo fine";
    let Some((env, server)) = place(script) else { return };
    let more = format!("{}[defaults]\nenv = [\"SECRET_OF_TEST\"]\n", server.table());
    env.agent_with(script, &more);
    env.workflow("two", "", TWO);
    let mut start = env.crew(&["run", "do it", "-d", "-w", "two", "-a", "sh"]);
    let started = start.env("SECRET_OF_TEST", "hunter2-of-the-test").output().unwrap();
    assert!(started.status.success(), "{started:?}");
    assert_eq!(env.rest(1), "done");
    let of_first = env.note("env-first").join("\n");
    assert!(of_first.contains("CREW_ATTEMPT=") && of_first.contains("CREW_TOKEN_FILE="));
    for name in ["SSH_CONNECTION", "SSH_CLIENT", "CREW_CONFIG_DIR"] {
        assert!(!of_first.contains(name), "{name}\n{of_first}");
    }
    assert_eq!(env.note("secret"), ["hunter2-of-the-test"]);
    // What an agent may know stands in no file of its attempt.
    for entry in fs::read_dir(env.attempt(1, "first", 1).path()).unwrap() {
        let text = fs::read(entry.unwrap().path()).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&text).contains("hunter2-of-the-test"));
    }
    let command = fs::read_to_string(env.attempt(1, "first", 1).command()).unwrap();
    assert!(command.contains("\"site\":\"ssh:127.0.0.1\""), "{command}");
    assert!(env.ok(&["doctor"]).contains("answers with crew"), "{}", env.ok(&["doctor"]));
    assert!(
        !env.run_dir(1)
            .path()
            .read_dir_utf8()
            .unwrap()
            .flatten()
            .any(|entry| { entry.file_name().starts_with(".probe") })
    );
}

#[test]
#[ignore = "needs a ssh server"]
fn a_killed_supervisor_is_replaced_and_the_agent_never_notices() {
    let Some((env, _server)) = place(WAITS) else {
        return;
    };
    env.workflow("one", "", ONE);
    let run = env.start_workflow("one");
    wait_until("the agent has begun", || !env.note("begun").is_empty());
    let agent = shim(&env, run).agent.unwrap();
    kill(env.supervisor(run).unwrap());
    wait_until("it is gone", || env.supervisor(run).is_none());
    // Its connection ends with it, and the other side as well.
    wait_until("ssh is gone", || connections(&env, "ssh").is_empty());
    assert!(process::is_alive(agent));
    env.ok(&["status"]);
    wait_until("another one drives the run", || env.supervisor(run).is_some());
    fs::write(env.notes().join("go"), "").unwrap();
    assert_eq!(env.rest(run), "done");
    assert_eq!((env.note("begun").len(), env.attempts(run, "work")), (1, 1));
}

#[test]
#[ignore = "needs a ssh server"]
fn an_end_that_nobody_saw_is_taken_in_by_the_next_supervisor() {
    let Some((env, mut server)) = place(WAITS) else {
        return;
    };
    env.workflow("one", "", ONE);
    let run = env.start_workflow("one");
    wait_until("the agent has begun", || !env.note("begun").is_empty());
    kill(env.supervisor(run).unwrap());
    server.end();
    fs::write(env.notes().join("go"), "").unwrap();
    wait_until("its record is there", || env.attempt(run, "work", 1).exit().exists());
    env.ok(&["status"]);
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.attempts(run, "work"), 1);
}

#[test]
#[ignore = "needs a ssh server"]
fn a_stop_ends_a_stubborn_tree() {
    let Some((env, _server)) = place(
        "trap '' INT TERM HUP; cat >/dev/null; setsid sh -c 'trap \"\" TERM; sleep 601' & \
         sleep 602 & echo begun > $NOTES/begun; while :; do sleep 1; done",
    ) else {
        return;
    };
    env.workflow("one", "", ONE);
    let run = env.start_workflow("one");
    wait_until("the agent has begun", || !env.note("begun").is_empty());
    env.ok(&["stop", "1"]);
    env.rest(run);
    assert_eq!(env.status_text(run), "cancelled(stopped)");
    let exit = env.ends(run).pop().unwrap();
    assert_eq!(exit.reason, EndReason::Stopped);
}

#[test]
#[ignore = "needs a ssh server"]
fn a_run_that_can_only_be_read_is_stopped_on_the_host_too() {
    let Some((env, _server)) = place(WAITS) else { return };
    env.workflow("one", "", ONE);
    let run = env.start_workflow("one");
    wait_until("the agent has begun", || !env.note("begun").is_empty());
    crate::assert_stopped_unread(&env, run);
}

/// Supervisors and connections are killed at any moment; shims are not, so no attempt is lost or runs twice.
#[test]
#[ignore = "needs a ssh server"]
fn whatever_is_killed_on_this_side_the_other_side_does_everything_once() {
    let Some((env, _server)) = place(crate::ONCE) else { return };
    let run = crate::start_many(&env);
    let mut random = fastrand::Rng::with_seed(7);
    let clock = crew::runtime::Clock::start();
    for _ in 0..14 {
        let until = clock.now().plus_ms(random.u64(20..1_200));
        wait_until("the next accident", || clock.now() >= until);
        if random.bool() {
            env.supervisor(run).into_iter().for_each(kill);
        } else {
            connections(&env, "ssh").into_iter().for_each(kill);
        }
        drop(env.output(&["status"]));
    }
    crate::assert_done_once(&env, run);
}

#[test]
#[ignore = "needs a ssh server"]
fn a_broken_connection_is_no_death() {
    let Some((env, mut server)) = place(WAITS) else {
        return;
    };
    env.workflow("one", "", ONE);
    let run = env.start_workflow("one");
    wait_until("the agent has begun", || !env.note("begun").is_empty());
    let before = connections(&env, "ssh");
    assert!(!before.is_empty());
    server.end();
    before.iter().copied().for_each(kill);
    wait_until("the loss is told", || {
        env.ok(&["why", "1/work"]).contains("it does not answer, trying again")
    });
    assert_eq!(env.task(run, "work"), "running");
    server.begin();
    wait_until("it is connected again", || {
        !connections(&env, "ssh").is_empty() && !env.ok(&["why", "1/work"]).contains("answer")
    });
    fs::write(env.notes().join("go"), "").unwrap();
    assert_eq!(env.rest(run), "done");
    assert_eq!((env.note("begun").len(), env.attempts(run, "work")), (1, 1));
}

#[test]
#[ignore = "needs a ssh server"]
fn what_is_to_start_on_a_host_that_went_away_waits_for_it() {
    let Some((env, mut server)) = place(WAITS) else { return };
    let run = loses_its_host(&env, &mut server);
    // Its record is seen in the shared folder, whoever does not answer.
    fs::write(env.notes().join("go"), "").unwrap();
    wait_until("the second waits", || {
        let why = env.ok(&["why", "1/second"]);
        why.contains("to begin: ssh:127.0.0.1: it does not answer, trying again")
    });
    assert_eq!((env.task(run, "first").as_str(), env.note("begun").len()), ("done", 1));
    server.begin();
    assert_eq!(env.rest(run), "done");
    assert_eq!((env.note("begun").len(), env.attempts(run, "second")), (2, 1));
}

#[test]
#[ignore = "needs a ssh server"]
fn a_stop_does_not_wait_for_a_host_that_was_never_told_of_the_attempt() {
    let Some((env, mut server)) = place(WAITS) else { return };
    let run = loses_its_host(&env, &mut server);
    fs::write(env.notes().join("go"), "").unwrap();
    wait_until("the second is to start", || env.task(run, "second") == "running");
    env.ok(&["stop", "1"]);
    env.rest(run);
    assert_eq!((env.status_text(run).as_str(), env.note("begun").len()), ("cancelled(stopped)", 1));
}

#[test]
#[ignore = "needs a ssh server"]
fn a_killed_shim_is_a_loss_and_the_task_is_tried_again() {
    let Some((env, _server)) = place(
        "cat >/dev/null; [ $CREW_ATTEMPT_NUMBER -gt 1 ] && { echo fine; exit; }; \
         sleep 600 & setsid sleep 601 & echo begun > $NOTES/begun; wait",
    ) else {
        return;
    };
    env.workflow("one", "", ONE);
    let run = env.start_workflow("one");
    wait_until("the agent has begun", || !env.note("begun").is_empty());
    let shim = shim(&env, run);
    kill(shim.shim);
    assert_eq!(env.rest(run), "done");
    let reasons: Vec<EndReason> = env.ends(run).iter().map(|end| end.reason).collect();
    assert_eq!(reasons, [EndReason::Lost, EndReason::Exited]);
    assert!(!process::is_alive(shim.agent.unwrap()));
}

/// A run that cannot start an attempt says why, and nothing of it is anywhere.
fn refused(env: &TestEnv, words: &[&str]) {
    env.workflow("one", "", ONE);
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "blocked(agent_crash)");
    let why = env.ok(&["why", "1/work"]);
    for word in words {
        assert!(why.contains(word), "{word}: {why}");
    }
    assert!(env.note("begun").is_empty() && !env.attempt(run, "work", 1).shim().exists());
    let doctor = env.output(&["doctor"]);
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(said.contains("error    executor") && said.contains(words[0]), "{said}");
}

#[test]
#[ignore = "needs a ssh server"]
fn a_host_that_cannot_be_reached_is_told_as_that() {
    let Some((env, mut server)) = place("echo begun > $NOTES/begun") else { return };
    server.end();
    refused(&env, &["Connection refused", "no attempt can run on `ssh:127.0.0.1`"]);
}

#[test]
#[ignore = "needs a ssh server"]
fn a_host_without_crew_or_with_another_version_is_told_as_that() {
    for (program, words) in [
        ("/nowhere/crew", ["/nowhere/crew", "(ssh ended with code 127)"]),
        ("OLD", ["there is crew 0.0.1, and this is crew", "0.0.1"]),
        ("OTHER", ["does not answer as crew does; it says: hello", "hello"]),
    ] {
        let script = "echo begun > $NOTES/begun";
        let Some((env, server)) = place(script) else { return };
        let hello = r#"{\"hello\":{\"version\":\"0.0.1\",\"host\":\"h\",\"problem\":null}}"#;
        env.program("OLD", &format!("echo \"{hello}\"; cat > /dev/null"));
        env.program("OTHER", "echo hello");
        let program = env.root.join(program);
        let more = format!("{}program = \"{program}\"\n", server.table());
        env.agent_with(script, &more);
        refused(&env, &words);
    }
}

#[test]
#[ignore = "needs a ssh server"]
fn a_host_that_does_not_see_the_folder_or_its_locks_is_told_as_that() {
    for (change, words) in [
        // A machine with another file system: another root of the same names.
        ("s#\"probe\":\"#\"probe\":\"/nowhere#", ["it does not see `/nowhere"]),
        // One that has a copy of it: the file is there, and nobody holds its lock.
        ("s#\\.probe-[0-9]*#events.jsonl#;s#state\"#state\"#", ["locks of `"]),
    ] {
        let script = "echo begun > $NOTES/begun";
        let Some((env, server)) = place(script) else { return };
        let crew = env!("CARGO_BIN_EXE_crew");
        let program = env.program("filter", &format!("sed -u '{change}' | {crew} host"));
        let more = format!("{}program = \"{program}\"\n", server.table());
        env.agent_with(script, &more);
        env.workflow("one", "", ONE);
        let run = env.start_workflow("one");
        assert_eq!(env.rest(run), "blocked(agent_crash)");
        let why = env.ok(&["why", "1/work"]);
        assert!(words.iter().all(|word| why.contains(word)), "{why}");
    }
}

/// A stand-in for a program that takes messages while it works.
const LIVE: &str = r#"
hear() { IFS= read -r line || line=; printf '%s\n' "$line" >> $NOTES/heard; }
name() { printf '%s' "$line" | sed 's/.*"uuid":"\([^"]*\)".*/\1/'; }
got() { printf '%s\n' "{\"type\":\"user\",\"isReplay\":true,\"uuid\":\"$(name)\",\"session_id\":\"s-1\"}"; }
hear; got; echo yes > $NOTES/begun; hear; got
printf '%s\n' "{\"type\":\"result\",\"is_error\":false,\"result\":\"done\",\"session_id\":\"s-1\"}"
while IFS= read -r line; do :; done; echo yes > $NOTES/ended
"#;

#[test]
#[ignore = "needs a ssh server"]
fn a_message_reaches_a_turn_on_the_host() {
    let Some((env, server)) = place(LIVE) else { return };
    let more = format!("live = \"claude\"\n{}", server.table());
    env.agent_with(LIVE, &more);
    env.workflow("one", "", ONE);
    let run = env.start_workflow("one");
    wait_until("the agent has begun", || !env.note("begun").is_empty());
    env.ok(&["send", "1", "use tabs", "--interrupt"]);
    assert_eq!((env.rest(run).as_str(), env.attempts(run, "work")), ("done", 1));
    assert!(env.note("heard")[1].contains("use tabs"));
    assert_eq!(env.note("ended"), ["yes"], "its input was closed");
}
