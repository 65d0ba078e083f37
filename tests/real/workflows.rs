//! Whole workflows in which several programs work together.

use crew::event::{Body, Record};
use serde_json::json;

use crate::stage::Stage;

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn a_coder_with_a_shell_and_a_reviewer_with_tools_go_two_rounds() {
    two_rounds("pi", "claude", "write-gate");
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn programs_of_other_makers_go_two_rounds() {
    // codex shows tools to its model by names without hyphens.
    two_rounds("claude", "codex", "write_gate");
}

fn two_rounds(coder: &str, reviewer: &str, tool: &str) {
    let write = "crew tool write-gate code-gate summary='round";
    let send = "crew tool send review 'please look at greet.txt'";
    let approved = json!({"gate": "review-approve-gate", "data": {"result": "approved"}});
    let rejected = json!({"gate": "review-reject-gate", "data": {"result": "rejected", "feedback": "say more"}});
    let stage = Stage::new(&json!([
        {"match": "Implement, with tests[\\s\\S]*say more", "steps": [
            {"bash": format!("echo more >> greet.txt && {write} two' reference=branch")},
            {"say": "More is said."}]},
        {"match": "Implement, with tests", "steps": [
            {"bash": format!("echo hello > greet.txt && {write} one' reference=branch && {send}")},
            {"say": "It says hello."}]},
        {"match": "The coder says: round two", "steps": [{"tool": tool, "args": approved}, {"say": "Approved."}]},
        {"match": "The coder says: round one", "steps": [{"tool": tool, "args": rejected}, {"say": "Rejected."}]},
    ]));
    let env = &stage.env;
    stage.team(
        "both",
        "coding-review",
        &[("coder", "coder", coder), ("reviewer", "reviewer", reviewer)],
    );
    let run = env.start("greet", &["-t", "both", "--permission", "full"]);
    env.wait_status(run, "waiting");
    assert_eq!((env.attempts(run, "coding"), env.attempts(run, "review")), (2, 2), "{coder}");
    let branch = env.state(run).worktree.expect("a worktree").branch;
    assert_eq!(env.git(&["show", &format!("{branch}:greet.txt")]), "hello\nmore");
    let is_delivered = |record: &Record| matches!(&record.body, Body::MessageDelivered(to) if to.task.to_string() == "review");
    assert!(env.records(run).iter().any(is_delivered));
    env.ok(&["merge", &run.to_string(), "--yes"]);
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.git(&["show", "main:greet.txt"]), "hello\nmore");
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn a_worker_and_a_lead_go_two_rounds() {
    // codex works in its sandbox; pi has neither shell nor tools as a reader, and speaks in lines.
    let stage = Stage::new(&json!([
        {"match": "Judge the result[\\s\\S]*second round", "steps": [
            {"say": "CREW: write-gate accept-gate verdict=accept"}]},
        {"match": "Judge the result", "steps": [
            {"say": "CREW: write-gate revise-gate verdict=revise\nCREW: write-gate revise-gate feedback=once more"}]},
        {"match": "once more", "steps": [
            {"bash": "echo two >> work.txt"}, {"say": "This was the second round."}]},
        {"match": "greet", "steps": [{"bash": "echo one > work.txt"}, {"say": "Done."}]},
    ]));
    let env = &stage.env;
    stage.team("mixed", "pair", &[("craft", "craft", "codex"), ("lead", "lead", "pi")]);
    let run = env.start("greet", &["-t", "mixed"]);
    assert_eq!(env.rest(run), "done", "{}", stage.transcript(run, "lead"));
    assert_eq!((env.attempts(run, "craft"), env.attempts(run, "lead")), (2, 2));
    let branch = env.state(run).worktree.expect("a worktree").branch;
    assert_eq!(env.git(&["show", &format!("{branch}:work.txt")]), "one\ntwo");
}
