//! Decisions in real runs: they outlive the supervisor, and finished work is sent back or thrown away.

#![expect(clippy::unwrap_used, reason = "what a test stands on fails the test")]

use std::io::{Read, Write};

use crew::runtime::process::{self, Signal};

use crew::event::decision::DecisionKind;

use crate::project::TestEnv;
use crate::support::wait_until;

const GATES: &str = "start: write\nend: ship\n\
gates:\n  approval:\n    fields: { approved: bool, note: text }\n    writers: [human]\n    \
when: { check: approved, eq: true }\n    show: [diff]\n\
channels:\n  - { id: forward, from: write, to: ship, gate: approval }\n";

const STEPS: &str =
    "## write\nrole: writer\n\n{goal}\n\n## ship\nrole: writer\n\nShip it. {gate:approval.note}";

fn gated() -> TestEnv {
    let env = TestEnv::new();
    env.workflow("gated", GATES, STEPS);
    env.agent("cat > $NOTES/prompt.$CREW_TASK; echo x >> $CREW_TASK.txt; echo ok");
    env
}

fn look(env: &TestEnv) -> (String, serde_json::Value) {
    let told: serde_json::Value =
        serde_json::from_str(&env.ok(&["decisions", "1", "--json"])).unwrap();
    let entry = told["decisions"][0].clone();
    (entry["nonce"].as_str().unwrap().to_owned(), entry)
}

#[test]
fn a_nonce_outlives_the_supervisor_and_its_decision_starts_another() {
    let env = gated();
    let run = env.start_workflow("gated");
    env.wait_status(run, "waiting");
    let (nonce, entry) = look(&env);
    let diff = entry["shows"][0]["text"].as_str().unwrap();
    assert!(diff.contains("write.txt +1 -0"), "{entry:#}");
    if let Some(supervisor) = env.supervisor(run) {
        drop(process::signal(supervisor, Signal::KILL));
        wait_until("the supervisor is gone", || env.supervisor(run).is_none());
    }
    env.ok(&["approve", "1", "approval", "--nonce", &nonce, "--text", "mind the docs"]);
    assert_eq!(env.rest(run), "done");
    assert!(env.note("prompt.ship").join("\n").contains("mind the docs"));
    let made =
        env.records(run).iter().filter(|record| record.body.kind() == "decision.made").count();
    assert_eq!(made, 1);
}

#[test]
fn finished_work_is_sent_back_and_in_the_end_thrown_away() {
    let env = gated();
    env.whole_config(&format!(
        "[limits]\ngrace = \"400ms\"\n[runtimes.sh]\ncommand = [\"{}\"]\n",
        env.root.join("agent.sh")
    ));
    let run = env.start_workflow("gated");
    env.wait_status(run, "waiting");
    env.ok(&["approve", "1", "--yes"]);
    let is_finished = || {
        let state = env.state(run);
        state.asked_decisions().iter().any(|it| it.opened.kind == DecisionKind::Merge)
    };
    wait_until("the work is finished", is_finished);
    env.ok(&["request-changes", "1", "--text", "add tests", "--yes"]);
    wait_until("the step was played again", || env.attempts(run, "ship") == 2);
    wait_until("the work is finished again", is_finished);
    assert!(env.note("prompt.ship").join("\n").contains("add tests"));
    env.ok(&["discard", "1", "--yes"]);
    assert_eq!(env.rest(run), "cancelled(discarded)");
}

/// Gives a command at a terminal, types `answers` one after the other, each when a question stands there;
/// returns what was shown, and the exit code.
fn at_terminal(env: &TestEnv, args: &[&str], answers: &[&str]) -> (String, Option<i32>) {
    let plain = env.crew(args);
    let (pty, pts) = pty_process::blocking::open().unwrap();
    let variables: Vec<_> =
        plain.get_envs().filter_map(|(name, value)| Some((name, value?))).collect();
    let mut child = pty_process::blocking::Command::new(plain.get_program())
        .args(plain.get_args())
        .env_clear()
        .envs(variables)
        .current_dir(env.project())
        .spawn(pts)
        .unwrap();
    let (mut shown, mut bytes, mut next) = (String::new(), [0; 4096], answers.iter());
    let mut from = 0;
    // The end of a terminal without a process is an error on this system.
    while let Ok(count @ 1..) = (&pty).read(&mut bytes) {
        shown.push_str(&String::from_utf8_lossy(&bytes[..count]));
        let asks = ["[y/N] ", "(may stay empty): ", "answer: "];
        if asks.iter().any(|ask| shown[from..].ends_with(ask)) {
            from = shown.len();
            (&pty).write_all(next.next().unwrap().as_bytes()).unwrap();
        }
    }
    (shown, child.wait().unwrap().code())
}

#[test]
fn at_a_terminal_the_decision_is_shown_and_the_person_is_asked() {
    let env = gated();
    let run = env.start_workflow("gated");
    env.wait_status(run, "waiting");
    let (shown, code) = at_terminal(&env, &["approve", "1"], &["n\n"]);
    assert!(
        shown.contains("write.txt +1 -0") && shown.contains("`approved` is not written"),
        "{shown}"
    );
    assert!(shown.contains("nothing was decided"), "{shown}");
    assert_eq!((code, env.status_text(run).as_str()), (Some(7), "waiting"));
    let (shown, code) = at_terminal(&env, &["reject", "1"], &["y\n", "too large\n"]);
    assert_eq!(code, Some(0), "{shown}");
    env.wait_status(run, "blocked(human_rejected)");
    let (shown, code) = at_terminal(&env, &["approve", "1", "approval"], &["y\n"]);
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(env.rest(run), "done");
    assert!(env.records(run).iter().any(|record| {
        matches!(&record.body, crew::event::Body::DecisionMade(made) if made.text == "too large")
    }));
}

#[test]
fn at_a_terminal_an_answer_is_typed_under_its_question() {
    let env = TestEnv::new();
    env.agent_with(
        r#"cat > $NOTES/prompt$CREW_ATTEMPT_NUMBER
if [ $CREW_ATTEMPT_NUMBER = 1 ]; then echo '{"type":"question","text":"red or blue?"}'
else echo '{"type":"result","text":"painted"}'; fi"#,
        "output = \"crew\"\n",
    );
    env.workflow("one", "", "## paint\nrole: writer\n\n{goal}");
    let run = env.start_workflow("one");
    env.wait_status(run, "waiting");
    let (shown, code) = at_terminal(&env, &["answer", "1"], &["blue\n"]);
    assert!(shown.contains("red or blue?"), "{shown}");
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(env.rest(run), "done");
    assert!(env.note("prompt2").join("\n").contains("blue"));
}
