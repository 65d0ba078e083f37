//! Decisions in real runs: they outlive the supervisor, and finished work is sent back or thrown away.

use crew::runtime::process::{self, Signal};

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
    assert!(diff.contains("write.txt | 1 +"), "{entry:#}");
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
    wait_until("the work is finished", || {
        env.fails(7, &["merge", "1"]).contains("crew does not merge in this version")
    });
    assert!(env.fails(7, &["merge", "1"]).contains("`git merge crew/do-it` takes it over"));
    env.ok(&["request-changes", "1", "--text", "add tests", "--yes"]);
    wait_until("the step was played again", || env.attempts(run, "ship") == 2);
    env.wait_status(run, "waiting");
    assert!(env.note("prompt.ship").join("\n").contains("add tests"));
    env.ok(&["discard", "1", "--yes"]);
    assert_eq!(env.rest(run), "cancelled(discarded)");
}
