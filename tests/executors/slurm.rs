//! Attempts as jobs of Slurm: `.ci/slurm` starts one beside these tests.

#![expect(clippy::unwrap_used, reason = "what a test stands on fails the test")]

use std::fs;
use std::process::{Command, Stdio};

use crew::event::EndReason;
use crew::runtime::ShimFile;
use crew::runtime::process::{self, Signal};
use crew::store::PlaceFile;

use crate::project::TestEnv;
use crate::support::wait_until;

const TWO: &str =
    "## first\nrole: writer\n\n{goal}\n\n## second\nrole: writer\ndepends-on: first\n\n{goal}";
const ONE: &str = "## work\nrole: writer\n\n{goal}";
const WAITS: &str = "cat >/dev/null; echo begun >> $NOTES/begun; \
                     until [ -e $NOTES/go ]; do sleep 0.1; done; echo fine";

/// A project whose agents run this script as jobs; nothing where no Slurm was started for the tests.
fn place(script: &str, more: &str) -> Option<TestEnv> {
    let Some(config) = slurm_conf() else {
        crate::skipped("no Slurm was started for this; `.ci/slurm` does that");
        return None;
    };
    let env = TestEnv::new();
    for program in ["sbatch", "squeue", "scancel", "scontrol"] {
        let path = crate::find(program).unwrap();
        let script = format!("SLURM_CONF='{config}' exec {path} \"$@\"");
        env.program(&format!("bin/{program}"), &script);
    }
    env.agent_with(script, &format!("[run]\nexecutor = \"slurm\"\n{more}"));
    env.workflow("one", "", ONE);
    Some(env)
}

#[expect(clippy::disallowed_methods, reason = "the script that starts Slurm tells it so")]
fn slurm_conf() -> Option<String> {
    std::env::var("SLURM_CONF").ok().filter(|path| path.starts_with("/tmp"))
}

/// What a command of Slurm prints.
fn slurm(env: &TestEnv, program: &str, args: &[&str]) -> String {
    let output = Command::new(env.root.join("bin").join(program))
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The number of the job of an attempt, once that is known.
fn job(env: &TestEnv, run: u32, number: u32) -> String {
    let dir = env.attempt(run, "work", number);
    let known = || PlaceFile::read(&dir).and_then(|place| place.job);
    wait_until("the job has a number", || known().is_some());
    known().unwrap()
}

fn shim(env: &TestEnv, run: u32) -> ShimFile {
    let read = || ShimFile::read(&env.attempt(run, "work", 1)).unwrap();
    // The agent may be quicker than the one that started it.
    wait_until("its shim has told its number", || read().is_some());
    read().unwrap()
}

fn wait_begun(env: &TestEnv) {
    wait_until("the agent has begun", || !env.note("begun").is_empty());
}

fn go(env: &TestEnv) {
    fs::write(env.notes().join("go"), "").unwrap();
}

#[test]
#[ignore = "needs a Slurm"]
fn two_tasks_run_as_jobs_with_exactly_their_environment() {
    let script = "cat >/dev/null; env > $NOTES/env-$CREW_TASK; echo $SECRET_OF_TEST > $NOTES/secret; echo fine";
    let Some(env) = place(script, "[defaults]\nenv = [\"SECRET_OF_TEST\"]\n") else { return };
    env.workflow("two", "", TWO);
    let mut start = env.crew(&["run", "do it", "-d", "-w", "two", "-a", "sh"]);
    let started = start.env("SECRET_OF_TEST", "hunter2-of-the-test").output().unwrap();
    assert!(started.status.success(), "{started:?}");
    assert_eq!(env.rest(1), "done");
    let of_first = env.note("env-first").join("\n");
    assert!(of_first.contains("CREW_ATTEMPT=") && of_first.contains("CREW_TOKEN_FILE="));
    assert!(!of_first.contains("SLURM_"), "{of_first}");
    assert_eq!(env.note("secret"), ["hunter2-of-the-test"]);
    for entry in fs::read_dir(env.attempt(1, "first", 1).path()).unwrap() {
        let text = fs::read(entry.unwrap().path()).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&text).contains("hunter2-of-the-test"));
    }
    assert!(env.ok(&["doctor"]).contains("slurm: slurm-wlm"), "{}", env.ok(&["doctor"]));
}

#[test]
#[ignore = "needs a Slurm"]
fn a_killed_supervisor_is_replaced_and_the_job_goes_on() {
    let Some(env) = place(WAITS, "") else { return };
    let run = env.start_workflow("one");
    wait_begun(&env);
    let agent = shim(&env, run).agent.unwrap();
    process::signal(env.supervisor(run).unwrap(), Signal::KILL).unwrap();
    wait_until("it is gone", || env.supervisor(run).is_none());
    env.ok(&["status"]);
    wait_until("another one drives the run", || env.supervisor(run).is_some());
    assert!(process::is_alive(agent));
    go(&env);
    assert_eq!(env.rest(run), "done");
    assert_eq!((env.note("begun").len(), env.attempts(run, "work")), (1, 1));
}

#[test]
#[ignore = "needs a Slurm"]
fn however_often_its_supervisor_is_killed_every_job_runs_once() {
    let Some(env) = place(crate::ONCE, "") else { return };
    let run = crate::start_many(&env);
    let mut random = fastrand::Rng::with_seed(7);
    let clock = crew::runtime::Clock::start();
    for _ in 0..10 {
        let until = clock.now().plus_ms(random.u64(20..1_000));
        wait_until("the next accident", || clock.now() >= until);
        if let Some(supervisor) = env.supervisor(run) {
            process::signal(supervisor, Signal::KILL).unwrap();
        }
        drop(env.output(&["status"]));
    }
    crate::assert_done_once(&env, run);
}

#[test]
#[ignore = "needs a Slurm"]
fn a_supervisor_that_dies_before_it_knows_the_job_finds_it_by_its_mark() {
    let Some(env) = place(WAITS, "") else { return };
    // The job is taken, and whoever handed it in is killed before it hears the number.
    let path = crate::find("sbatch").unwrap();
    let config = slurm_conf().unwrap();
    env.program(
        "bin/sbatch",
        &format!(
            "export SLURM_CONF='{config}'\n[ -e $NOTES/killed ] && exec {path} \"$@\"\n\
             {path} \"$@\" > $NOTES/number; echo >> $NOTES/killed; kill -9 $PPID"
        ),
    );
    let run = env.start_workflow("one");
    wait_until("the supervisor is killed", || {
        !env.note("killed").is_empty() && env.supervisor(run).is_none()
    });
    assert_eq!(PlaceFile::read(&env.attempt(run, "work", 1)).unwrap().job, None);
    env.ok(&["status"]);
    assert_eq!([job(&env, run, 1)], env.note("number")[..]);
    wait_begun(&env);
    go(&env);
    assert_eq!(env.rest(run), "done");
    assert_eq!((env.note("begun").len(), env.attempts(run, "work")), (1, 1));
}

#[test]
#[ignore = "needs a Slurm"]
fn a_stop_ends_a_stubborn_tree() {
    let script = "trap '' INT TERM HUP; cat >/dev/null; setsid sh -c 'trap \"\" TERM; sleep 601' & \
                  sleep 602 & echo begun > $NOTES/begun; while :; do sleep 1; done";
    let Some(env) = place(script, "") else { return };
    let run = env.start_workflow("one");
    wait_begun(&env);
    env.ok(&["stop", "1"]);
    env.rest(run);
    assert_eq!(env.status_text(run), "cancelled(stopped)");
    let end = env.ends(run).pop().unwrap();
    assert_eq!((end.reason, end.leftovers > 0), (EndReason::Stopped, true));
}

#[test]
#[ignore = "needs a Slurm"]
fn a_run_that_can_only_be_read_is_stopped_too() {
    let Some(env) = place(WAITS, "") else { return };
    let run = env.start_workflow("one");
    wait_begun(&env);
    crate::assert_stopped_unread(&env, run);
}

#[test]
#[ignore = "needs a Slurm"]
fn a_job_that_waits_is_told_as_that_and_no_clock_runs() {
    let limits = "[limits]\ngrace = \"400ms\"\nfirst_output = \"1s\"\nsilence = \"1s\"\n[heartbeat]\n\
                  warn = \"1s\"\nstale = \"2s\"\ndead = \"3s\"\n";
    let Some(env) = place(WAITS, "sbatch = [\"--hold\"]\n") else { return };
    let text = fs::read_to_string(env.root.join("config/config.toml")).unwrap();
    env.whole_config(&text.replace("[limits]\ngrace = \"400ms\"\n", limits));
    let run = env.start_workflow("one");
    let number = job(&env, run, 1);
    let told = format!("it waits to begin: Slurm job {number}: pending, JobHeldUser");
    let status = || String::from_utf8(env.output(&["status", "1"]).stdout).unwrap();
    wait_until("status tells it", || status().contains(&told));
    let why = env.ok(&["why", "1/work"]);
    assert!(why.contains("to begin: Slurm job") && why.contains("JobHeldUser"), "{why}");
    // Another supervisor finds it where it is.
    process::signal(env.supervisor(run).unwrap(), Signal::KILL).unwrap();
    wait_until("it is gone", || env.supervisor(run).is_none());
    env.ok(&["status"]);
    // Longer than every clock of the run.
    let started = env.state(run).live().next().unwrap().1.started_at;
    let clock = crew::runtime::Clock::start();
    wait_until("time goes by", || clock.now().since_ms(started) > 4_000);
    let clocks = ["attention.raised", "heartbeat.changed"];
    let told = env.records(run).into_iter().find(|record| clocks.contains(&record.body.kind()));
    assert_eq!(told, None);
    slurm(&env, "scontrol", &["release", &number]);
    wait_begun(&env);
    go(&env);
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.attempts(run, "work"), 1);
}

#[test]
#[ignore = "needs a Slurm"]
fn a_stop_takes_a_job_that_waits_out_of_the_queue() {
    let Some(env) = place(WAITS, "sbatch = [\"--hold\"]\n") else { return };
    let run = env.start_workflow("one");
    let number = job(&env, run, 1);
    env.ok(&["stop", "1"]);
    env.rest(run);
    let left = slurm(&env, "squeue", &["-h", "-o", "%i"]);
    assert!(!left.lines().any(|line| line.trim() == number), "{left}");
    assert!(env.note("begun").is_empty());
    assert!(!env.attempt(run, "work", 1).environment().exists(), "nobody needs it any more");
}

#[test]
#[ignore = "needs a Slurm"]
fn a_killed_shim_is_a_loss_and_the_task_is_tried_again() {
    let script = "cat >/dev/null; [ $CREW_ATTEMPT_NUMBER -gt 1 ] && { echo fine; exit; }; \
                  sleep 600 & echo begun > $NOTES/begun; wait";
    let Some(env) = place(script, "") else { return };
    let run = env.start_workflow("one");
    wait_begun(&env);
    // As when the node runs out of memory.
    process::signal(shim(&env, run).shim, Signal::KILL).unwrap();
    assert_eq!(env.rest(run), "done");
    let reasons: Vec<EndReason> = env.ends(run).iter().map(|end| end.reason).collect();
    assert_eq!(reasons, [EndReason::Lost, EndReason::Exited]);
}

#[test]
#[ignore = "needs a Slurm"]
fn what_slurm_refuses_or_cannot_begin_is_told_as_that() {
    for (more, word) in [
        ("sbatch = [\"--partition=nowhere\"]\n", "invalid partition specified: nowhere"),
        ("program = \"/nowhere/crew\"\n", "could not begin (failed, NonZeroExitCode)"),
    ] {
        let Some(env) = place("echo begun > $NOTES/begun", more) else { return };
        let run = env.start_workflow("one");
        assert_eq!(env.rest(run), "blocked(agent_crash)");
        let why = env.ok(&["why", "1/work"]);
        assert!(why.contains(word), "{why}");
        assert!(env.note("begun").is_empty());
    }
}
