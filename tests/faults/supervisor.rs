//! A supervisor that dies, at any moment, and the next one that goes on.

use std::collections::BTreeMap;

use crew::event::{Body, EndReason};
use crew::runtime::process::{self, Signal};

use crate::accident::kill;
use crate::accident::pause;
use crate::project::TestEnv;
use crate::support::wait_until;

/// Five tasks: two readers beside each other, a writer, a command, a reader; each takes some moments.
const STEPS: &str = "## a\nrole: reader\n\nx\n\n## b\nrole: reader\n\nx\n\n## c\nrole: writer\ndependsOn: a, b\n\nx\n\n\
                     ## d\nkind: command\ndependsOn: c\ncommand: test -f c.txt && echo $$ >> NOTES/pids.d\n\n\
                     ## e\nrole: reader\ndependsOn: d\n\nx";

fn five_tasks() -> TestEnv {
    let env = TestEnv::new();
    env.agent(
        "cat >/dev/null; echo $$ >> $NOTES/pids.$CREW_TASK; sleep 0.05
[ $CREW_TASK = c ] && echo c >> c.txt; sleep 0.05; echo $$",
    );
    env.workflow("five", "", &STEPS.replace("NOTES", env.notes().as_str()));
    env
}

/// How every attempt of a run ended, by task.
fn ends(env: &TestEnv, run: u32) -> BTreeMap<String, Vec<EndReason>> {
    let mut ends: BTreeMap<String, Vec<EndReason>> = BTreeMap::new();
    for end in env.ends(run) {
        ends.entry(end.task.to_string()).or_default().push(end.reason);
    }
    ends
}

/// Kills the run's supervisor again and again until the run ends; checks that nothing ran twice.
fn kill_rounds(seed: u64, rounds: u32) {
    let mut random = fastrand::Rng::with_seed(seed);
    let env = five_tasks();
    for _ in 0..rounds {
        let run = env.start("round", &["-w", "five", "-a", "sh"]);
        for _ in 0..random.u32(1..4) {
            // Somewhere within the run, which takes about half a second.
            let events = random.u64(4..28);
            let ms = random.u64(0..8);
            wait_until("the log has grown", || {
                env.state(run).seq >= events || env.state(run).is_at_rest()
            });
            pause(ms);
            if let Some(supervisor) = env.supervisor(run) {
                drop(process::signal(supervisor, Signal::KILL));
                wait_until("it is gone", || !process::is_alive(supervisor));
            }
            if env.state(run).is_at_rest() {
                break;
            }
            env.supervise(run);
        }
        assert_eq!(env.rest(run), "done", "seed {seed}, run {run}");
        let ends = ends(&env, run);
        for task in ["a", "b", "c", "d", "e"] {
            // What was revoked never ran: the number of real processes is that of the others.
            let ran = ends[task].iter().filter(|end| **end != EndReason::Revoked).count();
            let pids = env.note(&format!("pids.{task}"));
            assert_eq!(
                (ran, pids.len()),
                (1, 1),
                "seed {seed}, run {run}, {task}: {ends:?} {pids:?}"
            );
            std::fs::remove_file(env.notes().join(format!("pids.{task}"))).expect("removed");
        }
        assert!(env.ledger(run).state().is_consistent());
        let slug = env.state(run).created.slug.clone();
        assert_eq!(env.git(&["show", &format!("crew/{slug}:c.txt")]), "c");
    }
}

#[test]
fn killed_at_any_moment_it_loses_nothing_and_repeats_nothing_1() {
    kill_rounds(1, 7);
}

#[test]
fn killed_at_any_moment_it_loses_nothing_and_repeats_nothing_2() {
    kill_rounds(2, 7);
}

#[test]
fn killed_at_any_moment_it_loses_nothing_and_repeats_nothing_3() {
    kill_rounds(3, 7);
}

#[test]
fn a_living_agent_is_adopted_and_never_notices() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; echo $$; touch $NOTES/begun; while [ ! -e $NOTES/go ]; do sleep 0.02; done; echo $$");
    env.workflow("one", "", "## work\nrole: writer\n\n{goal}");
    let run = env.start_workflow("one");
    env.wait_note("begun");
    for _ in 0..3 {
        kill(env.wait_supervisor(run));
        env.supervise(run);
    }
    env.wait_supervisor(run);
    std::fs::write(env.notes().join("go"), "").expect("written");
    assert_eq!(env.rest(run), "done");
    let said = env.stdout(run, "work", 1);
    let pids: Vec<&str> = said.lines().collect();
    assert!(pids.len() == 2 && pids[0] == pids[1], "{said}");
    assert_eq!(env.attempts(run, "work"), 1);
}

#[test]
fn an_agent_that_ended_meanwhile_is_taken_in_once() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; touch $NOTES/begun; while [ ! -e $NOTES/go ]; do sleep 0.02; done; echo made > f; echo ok");
    env.workflow("one", "", "## work\nrole: writer\n\n{goal}");
    let run = env.start_workflow("one");
    env.wait_note("begun");
    kill(env.wait_supervisor(run));
    std::fs::write(env.notes().join("go"), "").expect("written");
    env.assert_nothing_lives();
    env.supervise(run);
    assert_eq!(env.rest(run), "done");
    assert_eq!(ends(&env, run)["work"], [EndReason::Exited]);
    assert_eq!(env.git(&["show", "crew/do-it:f"]), "made");
}

#[test]
fn starting_another_run_brings_back_a_run_without_supervisor() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; touch $NOTES/begun; while [ ! -e $NOTES/go ]; do sleep 0.02; done; echo ok");
    env.workflow("one", "", "## work\nrole: writer\n\n{goal}");
    let first = env.start_workflow("one");
    env.wait_note("begun");
    kill(env.wait_supervisor(first));
    let second = env.start_workflow("one");
    env.wait_supervisor(first);
    std::fs::write(env.notes().join("go"), "").expect("written");
    for run in [first, second] {
        env.wait_status(run, "done");
    }
    assert_eq!((env.rest(first), env.attempts(first, "work")), ("done".to_owned(), 1));
}

#[test]
fn there_is_never_a_second_supervisor() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; touch $NOTES/begun; while [ ! -e $NOTES/go ]; do sleep 0.02; done; echo ok");
    env.workflow("one", "", "## work\nrole: writer\n\n{goal}");
    let run = env.start_workflow("one");
    env.wait_note("begun");
    let first = env.wait_supervisor(run);
    kill(first);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| env.supervise(run));
        }
    });
    let started = |env: &TestEnv| {
        let records = env.records(run);
        records.iter().filter(|record| matches!(record.body, Body::SupervisorStarted(_))).count()
    };
    wait_until("the next one has taken over", || started(&env) == 2);
    std::fs::write(env.notes().join("go"), "").expect("written");
    assert_eq!(env.rest(run), "done");
    assert_eq!(started(&env), 2);
}

#[test]
fn an_idle_supervisor_uses_no_processor_time() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; touch $NOTES/begun; exec sleep 600");
    env.workflow("one", "", "## work\nrole: writer\n\n{goal}");
    let run = env.start_workflow("one");
    env.wait_note("begun");
    let supervisor = env.wait_supervisor(run);
    let shim = env.shim(run, "work", 1).shim;
    let used = |pid: u32| process::usage(pid).expect("it lives").cpu_ms;
    pause(300);
    let before = [used(supervisor.pid), used(shim.pid)];
    pause(2_000);
    let after = [used(supervisor.pid), used(shim.pid)];
    assert!(after[0] - before[0] <= 20 && after[1] - before[1] <= 20, "{before:?} {after:?}");
    env.ok(&["stop", "1"]);
    assert_eq!(env.rest(run), "cancelled(stopped)");
}

/// A run of one task whose agent ends when it is told to, and whose supervisor was killed.
fn lost_run(env: &TestEnv) -> u32 {
    env.agent("cat >/dev/null; touch $NOTES/begun; while [ ! -e $NOTES/go ]; do sleep 0.02; done; echo ok");
    env.workflow("one", "", "## work\nrole: writer\n\n{goal}");
    let run = env.start_workflow("one");
    env.wait_note("begun");
    kill(env.wait_supervisor(run));
    run
}

#[test]
fn whoever_waits_for_a_run_brings_back_its_supervisor_also_when_it_dies_meanwhile() {
    let env = TestEnv::new();
    let run = lost_run(&env);
    let mut waits = env.crew(&["wait", &run.to_string()]).spawn().expect("started");
    kill(env.wait_supervisor(run));
    env.wait_supervisor(run);
    std::fs::write(env.notes().join("go"), "").expect("written");
    // Nothing else here may do it: only the files are read.
    assert_eq!((waits.wait().expect("ends").code(), env.attempts(run, "work")), (Some(0), 1));
}

#[test]
fn commands_that_only_look_bring_back_supervisors_whatever_they_look_at() {
    let env = TestEnv::new();
    let run = lost_run(&env);
    let of_run = run.to_string();
    for command in
        [&["usage"][..], &["artifacts", &of_run], &["verify", &of_run], &["gate", "list", &of_run]]
    {
        assert!(env.crew(command).output().expect("ran").status.success(), "{command:?}");
        kill(env.wait_supervisor(run));
    }
    let looked = env.crew(&["--no-recover", "usage"]).output().expect("ran");
    assert!(looked.status.success() && env.supervisor(run).is_none());
    std::fs::write(env.notes().join("go"), "").expect("written");
    env.crew(&["stop", &of_run]).output().expect("ran");
    env.rest(run);
}

#[test]
fn a_stopped_run_that_lost_its_supervisor_before_its_agent_had_ended_is_finished_by_any_command() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; trap '' TERM INT; touch $NOTES/begun; while :; do sleep 0.05; done");
    env.workflow("one", "", "## work\nrole: writer\n\n{goal}");
    let run = env.start_workflow("one");
    env.wait_note("begun");
    let supervisor = env.wait_supervisor(run);
    crew::runtime::process::signal(supervisor, crew::runtime::process::Signal::STOP).expect("sent");
    let stopped = env.crew(&["stop", &run.to_string(), "--no-wait"]).output().expect("ran");
    assert!(stopped.status.success() || stopped.status.code() == Some(3));
    kill(supervisor);
    assert_eq!(env.state(run).live_count(), 1, "nobody has recorded its end");
    assert!(env.crew(&["usage"]).output().expect("ran").status.success());
    assert_eq!((env.rest(run), env.state(run).live_count()), ("cancelled(stopped)".to_owned(), 0));
}
