//! Shims and agents that are killed, alone and together with everything else.

use crew::event::EndReason;
use crew::runtime::process;

use crate::accident::kill;
use crate::project::TestEnv;
use crate::support::wait_until;

const ONE: &str = "## work\nrole: writer\n\n{goal}";

/// Its first attempt hangs after `first`; later ones end at once.
fn hanging(first: &str) -> TestEnv {
    let env = TestEnv::new();
    env.agent(&format!(
        "cat >/dev/null; echo $$ >> $NOTES/pids
[ $CREW_ATTEMPT_NUMBER -gt 1 ] && {{ echo fine; exit; }}
{first}
sleep 600 & setsid sleep 601 & touch $NOTES/begun; wait"
    ));
    env.workflow("one", "", ONE);
    env
}

fn reasons(env: &TestEnv, run: u32) -> Vec<EndReason> {
    env.ends(run).iter().map(|end| end.reason).collect()
}

#[test]
fn a_killed_agent_is_a_crash_and_tried_again() {
    let env = hanging("");
    let run = env.start_workflow("one");
    env.wait_note("begun");
    kill(env.shim(run, "work", 1).agent.expect("it was started"));
    assert_eq!(env.rest(run), "done");
    assert_eq!((env.attempts(run, "work"), env.state(run).tasks[0].crashes), (2, 1));
    assert_eq!(reasons(&env, run), [EndReason::Exited, EndReason::Exited]);
}

#[test]
fn a_killed_shim_takes_its_agent_with_it_and_the_task_is_tried_again() {
    let env = hanging("");
    let run = env.start_workflow("one");
    env.wait_note("begun");
    let shim = env.shim(run, "work", 1);
    kill(shim.shim);
    assert_eq!(env.rest(run), "done");
    assert!(!process::is_alive(shim.agent.expect("it was started")));
    assert_eq!(reasons(&env, run), [EndReason::Lost, EndReason::Exited]);
}

#[test]
fn a_killed_shim_whose_agent_had_changed_the_tree_blocks_the_run_until_a_person_resumes() {
    let env = hanging("echo half > half.txt");
    let run = env.start_workflow("one");
    env.wait_note("begun");
    kill(env.shim(run, "work", 1).shim);
    assert_eq!(env.rest(run), "blocked(session_lost)");
    assert!(env.ok(&["why", "1/work"]).contains("half.txt"));
    env.ok(&["resume", "1"]);
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.git(&["show", "crew/do-it:half.txt"]), "half");
}

#[test]
fn in_place_a_lost_attempt_blocks_the_run_when_it_had_changed_files() {
    for (script, rest) in [("echo half > half.txt", "blocked(session_lost)"), ("", "done")] {
        let env = hanging(script);
        let run = env.start("do it", &["-w", "one", "-a", "sh", "--in-place", "--yes"]);
        env.wait_note("begun");
        kill(env.shim(run, "work", 1).shim);
        assert_eq!(env.rest(run), rest, "{script}");
        if !script.is_empty() {
            assert!(env.ok(&["why", "1/work"]).contains("half.txt"));
            env.ok(&["resume", "1"]);
            assert_eq!(env.rest(run), "done");
        }
    }
}

#[test]
fn a_killed_shim_and_agent_are_one_loss() {
    let env = hanging("");
    let run = env.start_workflow("one");
    env.wait_note("begun");
    let shim = env.shim(run, "work", 1);
    kill(shim.shim);
    drop(process::signal(shim.agent.expect("started"), process::Signal::KILL));
    assert_eq!(env.rest(run), "done");
    assert_eq!((env.attempts(run, "work"), env.state(run).tasks[0].crashes), (2, 1));
}

/// Everything of the run is gone at once, as after a power cut.
pub fn kill_all(env: &TestEnv, run: u32) {
    kill(env.wait_supervisor(run));
    wait_until("all is gone", || {
        for process in env.processes() {
            drop(process::signal(process, process::Signal::KILL));
        }
        env.processes().is_empty()
    });
}

#[test]
fn after_the_loss_of_everything_an_unchanged_tree_is_worked_in_again() {
    let env = hanging("");
    let run = env.start_workflow("one");
    env.wait_note("begun");
    kill_all(&env, run);
    env.supervise(run);
    assert_eq!(env.rest(run), "done");
    assert_eq!(reasons(&env, run), [EndReason::Lost, EndReason::Exited]);
    assert_eq!(env.note("pids").len(), 2);
}

#[test]
fn after_the_loss_of_everything_a_changed_tree_waits_for_a_person() {
    let env = hanging("echo half > half.txt");
    let run = env.start_workflow("one");
    env.wait_note("begun");
    kill_all(&env, run);
    env.supervise(run);
    assert_eq!(env.rest(run), "blocked(session_lost)");
    env.ok(&["resume", "1"]);
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.git(&["show", "crew/do-it:half.txt"]), "half");
}

#[test]
fn a_killed_shim_while_no_supervisor_lives_leaves_nothing_alive() {
    let env = hanging("");
    let run = env.start_workflow("one");
    env.wait_note("begun");
    kill(env.wait_supervisor(run));
    kill(env.shim(run, "work", 1).shim);
    assert!(!env.processes().is_empty(), "the agent outlives both");
    env.supervise(run);
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.note("pids").len(), 2);
}

#[test]
fn a_stubborn_orphan_does_not_hold_up_the_rest_of_the_run() {
    let env = TestEnv::new();
    // After the loss of its shim the agent ignores what asks it to end, for the whole grace period.
    let path = env.program(
        "agent.sh",
        "cat >/dev/null
if [ $CREW_TASK = deaf ] && [ $CREW_ATTEMPT_NUMBER = 1 ]; then trap '' TERM INT; touch $NOTES/begun; while :; do sleep 0.1; done; fi
if [ $CREW_TASK = quick ]; then while [ ! -e $NOTES/go ]; do sleep 0.02; done; fi
if [ $CREW_TASK = next ]; then touch $NOTES/next; fi; echo ok",
    );
    env.whole_config(&format!(
        "[limits]\ngrace = \"3s\"\n[completion]\nmode = \"none\"\n[runtimes.sh]\ncommand = [\"{path}\"]\n"
    ));
    env.workflow("two", "", "## deaf\nrole: reader\n\nx\n\n## quick\nrole: reader\n\nx\n\n## next\nrole: reader\ndependsOn: quick\n\nx");
    let run = env.start_workflow("two");
    env.wait_note("begun");
    let shim = env.shim(run, "deaf", 1);
    kill(shim.shim);
    std::fs::write(env.notes().join("go"), "").expect("written");
    env.wait_note("next");
    assert!(
        process::is_alive(shim.agent.expect("started")),
        "the run went on before the grace was over"
    );
    assert_eq!(env.rest(run), "done");
}

#[test]
fn a_message_that_nobody_had_before_the_loss_of_everything_reaches_the_next_attempt_once() {
    let env = hanging("");
    let run = env.start_workflow("one");
    env.wait_note("begun");
    env.ok(&["send", "1/work", "mind the gap"]);
    kill_all(&env, run);
    env.ok(&["ls"]);
    env.wait_status(run, "done");
    assert_eq!(env.rest(run), "done");
    let prompt = std::fs::read_to_string(env.attempt(run, "work", 2).prompt()).expect("a prompt");
    assert_eq!(prompt.matches("mind the gap").count(), 1, "{prompt}");
    let count = |kind: &str| env.records(run).iter().filter(|r| r.body.kind() == kind).count();
    assert_eq!(
        [count("message.sent"), count("message.delivered"), count("message.dead")],
        [1, 1, 0]
    );
}
