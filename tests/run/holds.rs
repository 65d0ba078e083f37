//! Questions that hold a turn: meanwhile no clock runs, others work, and nothing of them stays behind.

use std::fs;

use crew::runtime::Clock;
use crew::runtime::process::{self, Signal};

use crate::project::{LIMITS, TestEnv};
use crate::support::wait_until;

/// Agents that run this script, with these limits, in a workflow of these steps.
fn env(limits: &str, script: &str, steps: &str) -> TestEnv {
    let env = TestEnv::new();
    let path = env.program(
        "agent.sh",
        &format!("cat > $NOTES/prompt.$CREW_TASK.$CREW_ATTEMPT_NUMBER\n{script}"),
    );
    env.whole_config(&format!("{LIMITS}{limits}\n[runtimes.sh]\ncommand = [\"{path}\"]\n"));
    env.workflow("one", "", steps);
    env
}

fn has_asked(env: &TestEnv, run: u32) -> bool {
    env.records(run).iter().any(|record| record.body.kind() == "question.asked")
}

#[test]
fn an_answer_within_the_hold_reaches_a_turn_that_is_past_its_deadline() {
    let env = env(
        "",
        "crew tool ask 'red or blue?' > $NOTES/answer; echo done",
        "## work\nrole: reader\ntimeout: 1s\n\n{goal}",
    );
    let run = env.start_workflow("one");
    wait_until("it asks", || has_asked(&env, run));
    let clock = Clock::start();
    let asked = clock.now();
    wait_until("its time would be over", || clock.now().since_ms(asked) > 1_500);
    env.ok(&["answer", &run.to_string(), "work", "--text", "blue", "--yes"]);
    assert_eq!(env.rest(run), "done");
    assert_eq!((env.attempts(run, "work"), env.note("answer")), (1, vec!["blue".to_owned()]));
    let state = env.state(run);
    let worked = state.active_ms_at(state.updated_at);
    let whole = env.ends(run)[0].duration_ms;
    assert!(worked + 1_400 < whole, "{worked} of {whole} ms were work");
}

#[test]
fn others_start_in_the_place_of_who_asks() {
    let env = env(
        "agents = 1",
        "case $CREW_TASK in
ask) crew tool ask 'red or blue?' > $NOTES/answer;;
*) echo $CREW_TASK >> $NOTES/worked;;
esac; echo done",
        "## ask\nrole: reader\n\n{goal}\n\n## other\nrole: reader\n\n{goal}",
    );
    let run = env.start_workflow("one");
    wait_until("the other is done", || env.task(run, "other") == "done");
    assert_eq!(
        (env.note("worked"), env.task(run, "ask").as_str()),
        (vec!["other".to_owned()], "running")
    );
    env.ok(&["answer", &run.to_string(), "ask", "--text", "blue", "--yes"]);
    assert_eq!((env.rest(run).as_str(), env.attempts(run, "ask")), ("done", 1));
}

#[test]
fn another_run_starts_while_the_first_waits_for_an_answer() {
    let env = env(
        "runs = 1",
        "grep -q '^ask-me' $NOTES/prompt.work.1 && crew tool ask 'red or blue?' > $NOTES/answer; echo done",
        "## work\nrole: reader\n\n{goal}",
    );
    let first = env.start("ask-me", &["-w", "one", "-a", "sh"]);
    wait_until("it asks", || has_asked(&env, first));
    let second = env.start("other", &["-w", "one", "-a", "sh"]);
    env.wait_status(second, "done");
    assert_eq!(env.status_text(first), "running");
    env.ok(&["answer", &first.to_string(), "work", "--text", "blue", "--yes"]);
    assert_eq!(env.rest(first), "done");
}

#[test]
fn a_killed_question_lets_the_clocks_go_on_and_its_answer_begins_the_next_turn() {
    let env = env(
        "",
        "if [ $CREW_ATTEMPT_NUMBER = 1 ]; then
crew tool ask 'red or blue?' & echo $! > $NOTES/pid.new; mv $NOTES/pid.new $NOTES/pid; wait $!
while [ ! -e $NOTES/go ]; do sleep 0.02; done; fi; echo done",
        "## work\nrole: reader\n\n{goal}",
    );
    let run = env.start_workflow("one");
    wait_until("it asks", || has_asked(&env, run));
    let pid = env.note("pid")[0].parse().expect("a number");
    let asking = process::Pid::of(pid).expect("it waits");
    assert!(process::signal(asking, Signal::KILL).expect("a process of this test"));
    let parked = || env.records(run).iter().any(|record| record.body.kind() == "question.parked");
    wait_until("the hold is over", parked);
    env.ok(&["answer", &run.to_string(), "work", "--text", "blue", "--yes"]);
    fs::write(env.notes().join("go"), "").expect("written");
    assert_eq!((env.rest(run).as_str(), env.attempts(run, "work")), ("done", 2));
    assert!(env.note("prompt.work.2").join("\n").contains("blue"));
}

#[test]
fn nothing_lives_on_when_a_run_waits_for_its_answer() {
    let env = env(
        "hibernate = \"1s\"",
        "if [ $CREW_ATTEMPT_NUMBER = 1 ]; then
setsid crew tool ask 'red or blue?' > $NOTES/answer 2>&1 & 
while ! crew tool status > /dev/null || ! grep -q asked $CREW_RUN_DIR/events.jsonl; do sleep 0.02; done
fi; echo done",
        "## work\nrole: reader\n\n{goal}",
    );
    let run = env.start_workflow("one");
    env.wait_status(run, "waiting");
    wait_until("the reminder", || env.state(run).hibernated);
    let supervisor = env.supervisor(run);
    wait_until("nothing but the supervisor lives", || env.processes().iter().eq(&supervisor));
    env.ok(&["answer", &run.to_string(), "work", "--text", "blue", "--yes"]);
    assert_eq!((env.rest(run).as_str(), env.attempts(run, "work")), ("done", 2));
    assert!(env.note("prompt.work.2").join("\n").contains("blue"));
}
