//! The autonomous loop with the real program: passes until the validation is green, checkpoints, and what breaks it.

use std::fs;

use crew::event::pass::Said;
use crew::event::{Body, Status, Wait};
use crew::runtime::process::{self, Signal};

use crate::project::TestEnv;
use crate::support::wait_until;

/// An agent that gets one line nearer to `want` in each pass.
const STEPWISE: &str = "cat > $NOTES/prompt.$CREW_ATTEMPT_NUMBER
echo line >> done.txt
[ $(wc -l < done.txt) -lt 3 ] && echo 'TASK_STATE: CONTINUE' || echo 'TASK_STATE: DONE'";

/// Green as soon as there are three lines.
const WANTS_THREE: &str = "echo \"lines: $(wc -l < done.txt)\"; test $(wc -l < done.txt) -ge 3";

fn passes(env: &TestEnv, run: u32) -> Vec<(u32, Said, Option<i32>)> {
    let records = env.records(run).into_iter();
    let passes = records.filter_map(|record| {
        if let Body::PassFinished(pass) = record.body { Some(pass) } else { None }
    });
    passes
        .map(|pass| (pass.pass, pass.said, pass.validation.and_then(|found| found.code)))
        .collect()
}

fn is_waiting_to_merge(env: &TestEnv, run: u32) -> bool {
    matches!(env.status(run), Status::Waiting { wait: Wait::Merge { .. } })
}

/// The built-in workflow `autonomous`, played by the script of this test.
fn start(env: &TestEnv, check: &str) -> u32 {
    env.start("do it", &["-w", "autonomous", "-a", "sh", "--validate", check])
}

#[test]
fn autonomous_work_goes_on_until_it_is_done_and_green() {
    let env = TestEnv::new();
    env.agent(STEPWISE);
    let run = start(&env, WANTS_THREE);
    wait_until("it waits for a person", || is_waiting_to_merge(&env, run));
    let expected =
        [(1, Said::Continue, Some(1)), (2, Said::Continue, Some(1)), (3, Said::Done, Some(0))];
    assert_eq!(passes(&env, run), expected);
    let second = env.note("prompt.2").join("\n");
    for said in
        ["pass 2 of at most 8", "`check` exited with code 1", "lines: 1", "TASK_STATE: DONE"]
    {
        assert!(second.contains(said), "{said}: {second}");
    }
    // Each pass is a commit, and the tree that is offered is the one that was green.
    assert_eq!(env.git(&["rev-list", "--count", "main..crew/do-it"]), "3");
    let state = env.state(run);
    let tree = env.git(&["rev-parse", "crew/do-it^{tree}"]);
    assert_eq!(state.tree_key(), tree);
    assert!(state.evidence_of("check").is_some_and(|found| found.code == Some(0)));
    let why = env.ok(&["why", &format!("{run}/work")]);
    assert!(
        why.contains("pass 1 of 8") && why.contains("said DONE, and `check` was green"),
        "{why}"
    );
}

#[test]
fn a_loop_without_a_command_says_how_to_name_one() {
    let env = TestEnv::new();
    env.agent(STEPWISE);
    let said = env.fails(5, &["run", "do it", "-d", "-w", "autonomous", "-a", "sh"]);
    assert!(said.contains("--validate CMD") && said.contains("[validation.commands]"), "{said}");
}

#[test]
fn used_up_passes_go_on_with_more() {
    let env = TestEnv::new();
    env.workflow("two", "", "## work\nrole: writer\nloop: 2\n\n{goal}");
    env.agent(STEPWISE);
    let run = env.start("do it", &["-w", "two", "-a", "sh", "--validate", WANTS_THREE]);
    assert_eq!(env.rest(run), "blocked(budget_steps)");
    let said = env.fails(7, &["resume", &run.to_string()]);
    assert!(said.contains("--add-steps"), "{said}");
    env.ok(&["resume", &run.to_string(), "--add-steps", "1", "--text", "one more"]);
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    assert_eq!(passes(&env, run).len(), 3);
    let third = env.note("prompt.3").join("\n");
    assert!(third.contains("one more") && third.contains("pass 3 of at most 3"), "{third}");
}

#[test]
fn passes_that_a_flag_asks_for_are_those_of_the_loop() {
    let env = TestEnv::new();
    env.workflow("one", "", "## work\nrole: writer\nloop: 1\n\n{goal}");
    env.agent(STEPWISE);
    let flags = ["-w", "one", "-a", "sh", "--validate", WANTS_THREE, "--max-steps", "3"];
    let run = env.start("do it", &flags);
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    assert_eq!(passes(&env, run).len(), 3);
}

#[test]
fn a_killed_supervisor_costs_no_pass() {
    let env = TestEnv::new();
    // The agent and the command each wait once for the test to let them go on.
    env.agent(
        "cat >/dev/null; echo line >> done.txt; echo $CREW_ATTEMPT_NUMBER >> $NOTES/agent
while [ ! -e $NOTES/go ]; do sleep 0.02; done
[ $(wc -l < done.txt) -lt 3 ] && echo 'TASK_STATE: CONTINUE' || echo 'TASK_STATE: DONE'",
    );
    let notes = env.notes();
    let run = start(
        &env,
        &format!(
            "echo x >> {notes}/check; while [ ! -e {notes}/check-go ]; do sleep 0.02; done; {WANTS_THREE}"
        ),
    );
    let kill = || {
        let pid = env.supervisor(run).expect("a supervisor");
        process::signal(pid, Signal::KILL).expect("killed");
        wait_until("the supervisor is gone", || !process::is_alive(pid));
        // Whoever looks at the project starts what is missing.
        env.output(&["status", &run.to_string()]);
    };
    // While the agent works, and while the command runs.
    wait_until("the agent works", || !env.note("agent").is_empty());
    kill();
    fs::write(notes.join("go"), "").expect("written");
    wait_until("the command runs", || !env.note("check").is_empty());
    kill();
    wait_until("the command runs again", || env.note("check").len() > 1);
    fs::write(notes.join("check-go"), "").expect("written");
    wait_until("it waits for a person", || is_waiting_to_merge(&env, run));
    let numbers: Vec<u32> = passes(&env, run).into_iter().map(|(number, ..)| number).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(env.note("agent"), ["1", "2", "3"]);
}

#[test]
fn a_command_that_cannot_be_run_hangs_floods_or_leaves_something_behind_is_red_in_clear_words() {
    let cases = [
        ("no-such-program --x", "", "code 127: a program was not found"),
        ("echo before; sleep 600", ", timeout: 1s", "longer than its timeout"),
        ("yes 'a line of a flood' | head -c 1G; exit 3", "", "exited with code 3"),
        ("setsid sleep 600 & echo left; exit 4", "", "exited with code 4"),
    ];
    for (command, more, said) in cases {
        let env = TestEnv::new();
        let front =
            format!("policy:\n  validation: {{ name: check, command: {command:?}{more} }}\n");
        env.workflow("one", &front, "## work\nrole: writer\nloop: 1\n\n{goal}");
        env.agent("cat >/dev/null; echo x > made; echo 'TASK_STATE: DONE'");
        let run = env.start_workflow("one");
        assert_eq!(env.rest(run), "blocked(budget_steps)", "{command}");
        let found = env.state(run).evidence_of("check").expect("it ran").clone();
        assert!(found.tail.len() < 8_192, "{command}: {} bytes", found.tail.len());
        let told = format!("{:?}\n{}", env.status(run), found.tail);
        assert!(told.contains(said), "{told}");
        env.assert_nothing_lives();
        assert!(env.processes().is_empty(), "{command} left something behind");
    }
}

#[test]
fn one_byte_after_a_green_check_closes_the_gate_again() {
    let env = TestEnv::new();
    env.workflow(
        "gated",
        "start: build\nend: [ship, docs]\n\
gates:\n  green-gate:\n    fields: { link: string }\n    writers: [writer]\n    when: { all: [{ exec: check }, { done: docs }] }\n\
channels:\n  - { id: b-s, from: build, to: ship, gate: green-gate }\n  - { id: b-d, from: build, to: docs, fire: settled }\n",
        "## build\nrole: writer\n\n{goal}\n\n## docs\nrole: writer\n\nDocs.\n\n## ship\nkind: end",
    );
    env.agent(
        "cat >/dev/null
case $CREW_TASK in
  build) printf good > work.txt;;
  docs) [ $CREW_ATTEMPT_NUMBER = 1 ] && printf 'x' >> work.txt;;
esac; echo done",
    );
    let run = env.start(
        "do it",
        &["-w", "gated", "-a", "sh", "--validate", "test \"$(cat work.txt)\" = good"],
    );
    // The second writer made it red: the first one is asked to mend it, and then it is shipped.
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    let codes: Vec<Option<i32>> = env
        .records(run)
        .into_iter()
        .filter_map(|record| {
            if let Body::EvidenceRecorded(found) = record.body { Some(found.code) } else { None }
        })
        .collect();
    assert_eq!(codes[..2], [Some(0), Some(1)], "{codes:?}");
    assert_eq!(env.attempts(run, "build"), 2);
}
