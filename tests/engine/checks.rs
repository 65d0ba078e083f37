//! What the runtime checks by itself: contracts, verdicts, commands of gates, and proposed plans.

use crew::event::decision::Action;
use crew::event::{Body, body::ReadyCause};
use serde_json::json;

use super::support::{Play, id};

/// A judge who must write once.
const CONTRACT: &str = "---
name: t
start: qa
end: done
gates:
  pass: { store: v, writers: [qa], fields: { ok: bool, why: text }, when: { check: ok, eq: true } }
channels:
  - { id: q-d, from: qa, to: done, gate: pass }
---

## qa
access: none
contract: { writes: v, exactly: 1, nudge: 1 }

x

## done
kind: end
";

#[test]
fn an_unwritten_verdict_is_nudged_once_and_then_a_person_is_asked() {
    let mut play = Play::of(CONTRACT);
    play.end("qa");
    assert_eq!(play.attempt("qa"), 2);
    let qa = play.state.task_ix(&id("qa")).unwrap();
    assert!(
        play.state.tasks[qa].failure.contains("write-gate"),
        "{}",
        play.state.tasks[qa].failure
    );
    play.end("qa");
    assert_eq!(play.status(), "waiting(question)");
    assert_eq!(play.asked(), ["question qa: answer"]);
    play.answer("qa", "write true");
    assert_eq!(play.attempt("qa"), 3);
    play.turn("qa", "pass", &json!({"ok": true}));
    assert_eq!(play.status(), "done(delivered)");
}

#[test]
fn a_verify_step_that_fails_fails_its_task_and_one_without_verdict_breaks_its_contract() {
    let text = "---\nname: t\n---\n\n## v\nrole: verifier\nverify: true\n\nx\n";
    let mut play = Play::of(text);
    play.end_with("v", |end| end.report.verdict = Some(false));
    assert_eq!((play.task("v"), play.status().as_str()), ("failed", "failed(agent_failed)"));
    let mut play = Play::of(text);
    play.end("v");
    assert_eq!(play.attempt("v"), 2);
    play.end("v");
    assert_eq!(play.status(), "blocked(contract_violation)");
    play.resume();
    play.end_with("v", |end| end.report.verdict = Some(true));
    assert_eq!(play.status(), "done(delivered)");
}

/// Code whose gate asks for a command.
const CHECKED: &str = "---
name: t
start: code
end: done
gates:
  pr: { writers: [coder], fields: { url: string }, when: { all: [ { check: url }, { exec: check } ] } }
channels:
  - { id: c-d, from: code, to: done, gate: pr }
---

## code
role: coder
retries: 1

x {failure}

## done
kind: end
";

#[test]
fn a_red_command_gives_another_attempt_with_its_tail_and_then_blocks() {
    let mut play = Play::of(CHECKED);
    play.exec = Some(1);
    play.turn("code", "pr", &json!({"url": "u"}));
    assert_eq!((play.attempt("code"), play.count("evidence.recorded")), (2, 1));
    let code = play.state.task_ix(&id("code")).unwrap();
    let failure = play.state.tasks[code].failure.clone();
    assert!(failure.contains("2 tests failed") && failure.contains("code 1"), "{failure}");
    let again = play.log.iter().any(
        |body| matches!(body, Body::TaskReadied(again) if again.cause == ReadyCause::Validation),
    );
    assert!(again);
    play.end("code");
    assert_eq!(play.status(), "blocked(validation_exhausted)");
    play.resume();
    play.exec = Some(0);
    play.end("code");
    assert_eq!(play.status(), "done(delivered)");
    assert_eq!(play.fired("c-d"), 1);
}

#[test]
fn a_command_runs_once_for_a_tree_and_again_for_another() {
    let mut play = Play::of(CHECKED);
    play.turn("code", "pr", &json!({"url": "u"}));
    assert_eq!((play.status().as_str(), play.count("evidence.recorded")), ("done(delivered)", 1));
}

#[test]
fn nothing_is_judged_before_the_command_has_run() {
    let mut play = Play::of(CHECKED);
    play.exec = None;
    play.turn("code", "pr", &json!({"url": "u"}));
    assert_eq!((play.task("code"), play.status().as_str()), ("checking", "running"));
    let found = play.found("check", 0);
    play.give(&crew::event::Actor::Supervisor, &crew::engine::Input::Evidence(found)).unwrap();
    assert_eq!(play.status(), "done(delivered)");
}

#[test]
fn a_turn_that_would_not_count_runs_no_command() {
    let mut play = Play::of(CHECKED);
    play.end_with("code", |end| end.code = Some(1));
    assert_eq!(play.count("evidence.recorded"), 0);
}

#[test]
fn a_command_that_nobody_configured_keeps_its_gate_closed_and_says_so() {
    let mut play = Play::of(&CHECKED.replace("exec: check", "exec: other"));
    play.turn("code", "pr", &json!({"url": "u"}));
    assert_eq!(play.status(), "blocked(stalled)");
    assert!(play.detail().contains("other"), "{}", play.detail());
}

#[test]
fn a_tree_that_changed_after_a_green_command_is_tried_again() {
    let text = CHECKED
        .replace("writers: [coder]", "writers: [coder, human]")
        .replace("start: code", "start: [code, fix]")
        + "\n## fix\nrole: executor\n\nx\n";
    let mut play = Play::of(&text);
    play.end("code");
    assert_eq!(play.live(), ["fix"], "one writer at a time");
    play.exec = Some(1);
    play.end("fix");
    assert_eq!(play.live(), ["code"], "the step whose gate is red now");
    play.exec = Some(0);
    play.turn("code", "pr", &json!({"url": "u"}));
    assert_eq!(play.status(), "done(delivered)");
}

#[test]
fn a_command_does_not_run_while_somebody_else_writes() {
    let text = CHECKED
        .replace("start: code", "start: [code, fix]")
        .replace("role: coder\nretries", "role: coder\naccess: none\nretries")
        + "\n## fix\nrole: executor\n\nx\n";
    let mut play = Play::of(&text);
    assert_eq!(play.live(), ["code", "fix"]);
    play.turn("code", "pr", &json!({"url": "u"}));
    assert_eq!((play.count("evidence.recorded"), play.task("code")), (0, "checking"));
    play.end("fix");
    assert_eq!((play.count("evidence.recorded"), play.status().as_str()), (1, "done(delivered)"));
}

#[test]
fn nobody_begins_to_write_while_a_command_looks_at_the_tree() {
    let text = CHECKED
        .replace("start: code", "start: [code, pre]")
        .replace("role: coder\nretries", "role: coder\naccess: none\nretries")
        + "\n## pre\nrole: qa\naccess: none\n\nx\n\n## fix\nrole: executor\ndependsOn: pre\n\nx\n";
    let mut play = Play::of(&text);
    play.exec = None;
    play.turn("code", "pr", &json!({"url": "u"}));
    play.end("pre");
    assert_eq!((play.task("code"), play.task("fix")), ("checking", "ready"));
    let found = play.found("check", 1);
    play.give(&crew::event::Actor::Supervisor, &crew::engine::Input::Evidence(found)).unwrap();
    assert_eq!(play.live(), ["code", "fix"]);
}

/// A planner whose tasks a person approves.
const PLANNED: &str = "---\nname: t\nroles: { planner: planner, coder: coder, explorer: explorer }\n---\n\n\
    ## plan\nrole: planner\nexpands: adaptive\napprove: true\n\nx\n";

const PROPOSAL: &str = r#"{"phases": [{"name": "p", "tasks": [
    {"role": "explorer", "task": "look"}, {"role": "coder", "task": "build"}]}]}"#;

fn proposed() -> Play {
    let mut play = Play::of(PLANNED);
    play.end_with("plan", |end| end.report.proposal = Some(PROPOSAL.to_owned()));
    play
}

#[test]
fn read_only_tasks_of_an_unapproved_plan_run_and_writers_wait() {
    let mut play = proposed();
    assert_eq!(play.live(), ["plan-1-1-explorer"]);
    assert_eq!(play.asked(), ["plan plan: approve reject"]);
    play.end("plan-1-1-explorer");
    assert_eq!((play.status().as_str(), play.live().len()), ("waiting(gate)", 0));
    play.promotes = false;
    play.tick();
    assert_eq!(play.status(), "waiting(gate)", "it waits and does not spin");
    play.promotes = true;
    play.approve("plan");
    assert_eq!(play.live(), ["plan-1-2-coder"]);
    play.end("plan-1-2-coder");
    assert_eq!(play.status(), "done(delivered)");
}

#[test]
fn a_plan_may_be_approved_while_its_readers_are_at_work() {
    let mut play = proposed();
    play.approve("plan");
    play.end("plan-1-1-explorer");
    assert_eq!(play.live(), ["plan-1-2-coder"]);
    assert_eq!(play.count("decision.opened"), 1);
}

#[test]
fn a_rejected_plan_blocks_and_may_be_approved_after_all() {
    let mut play = proposed();
    play.end("plan-1-1-explorer");
    play.decide(Some("plan"), Action::Reject, "too much").unwrap();
    assert_eq!(play.status(), "blocked(human_rejected)");
    assert!(play.detail().contains("too much"), "{}", play.detail());
    assert_eq!(play.asked(), ["plan plan: approve"]);
    play.resume();
    assert_eq!(play.status(), "blocked(human_rejected)");
    play.approve("plan");
    assert_eq!(play.live(), ["plan-1-2-coder"]);
}

#[test]
fn an_approval_holds_for_one_proposal_only() {
    let text = PLANNED.replace(
        "explorer: explorer }\n",
        "explorer: explorer, qa: qa }\nstart: plan\nend: z\ngates:\n  \
         back: { writers: [qa], fields: { again: bool }, resetOnCycle: true, when: { check: again, eq: true } }\n  \
         go: { writers: [qa], fields: { go: bool }, resetOnCycle: true, when: { check: go, eq: true } }\n\
         channels:\n  - { id: q-p, from: q, to: plan, gate: back, cyclic: true }\n  - { id: q-z, from: q, to: z, gate: go }\n",
    ) + "\n## q\nrole: qa\naccess: none\ndependsOn: plan\n\nx\n\n## z\nkind: end\n";
    let mut play = Play::of(&text);
    play.end_with("plan", |end| end.report.proposal = Some(PROPOSAL.to_owned()));
    play.approve("plan");
    play.end("plan-1-1-explorer");
    play.end("plan-1-2-coder");
    play.turn("q", "back", &json!({"again": true}));
    assert_eq!(play.live(), ["plan"]);
    let other = PROPOSAL.replace(
        "\"name\": \"p\", \"tasks\": [",
        "\"name\": \"p\", \"tasks\": [{\"role\": \"qa\", \"task\": \"first\"},",
    );
    play.end_with("plan", |end| end.report.proposal = Some(other));
    assert_eq!(play.asked(), ["plan plan: approve reject"], "{:?} {}", play.live(), play.detail());
}

/// A planner whose plan is judged when its tasks are done, and sent back.
const JUDGED: &str = "---\nname: t\nstart: plan\nend: done\n\
    roles: { planner: planner, coder: coder, explorer: explorer, reviewer: reviewer }\n\
    gates:\n  yes: { store: v, writers: [reviewer], fields: { ok: bool }, resetOnCycle: true, when: { check: ok, eq: true } }\n  \
    no: { store: v, writers: [reviewer], fields: { ok: bool }, resetOnCycle: true, when: { check: ok, eq: false } }\n\
    channels:\n  - { id: on, from: judge, to: done, gate: yes }\n  - { id: back, from: judge, to: plan, gate: no, cyclic: true }\n---\n\n\
    ## plan\nrole: planner\nexpands: adaptive\n\nx\n\n## judge\nrole: reviewer\naccess: none\ndependsOn: plan\n\nx\n\n## done\nkind: end\n";

#[test]
fn a_new_plan_of_the_same_step_takes_the_place_of_the_one_before() {
    let mut play = Play::of(JUDGED);
    let propose = |play: &mut Play, roles: &[&str]| {
        let tasks: Vec<_> = roles.iter().map(|role| json!({"role": role, "task": "x"})).collect();
        let text = json!({"phases": [{"name": "p", "tasks": tasks}]}).to_string();
        play.end_with("plan", |end| end.report.proposal = Some(text));
    };
    propose(&mut play, &["explorer", "explorer"]);
    assert_eq!(play.live(), ["plan-1-1-explorer", "plan-1-2-explorer"]);
    play.end("plan-1-1-explorer");
    play.end("plan-1-2-explorer");
    play.turn("judge", "no", &json!({"ok": false}));
    assert_eq!(play.live(), ["plan"]);
    propose(&mut play, &["explorer", "coder"]);
    assert_eq!(play.live(), ["plan-1-1-explorer-2"], "nothing of the old plan");
    assert_eq!(play.task("plan-1-2-explorer"), "skipped");
    play.end("plan-1-1-explorer-2");
    play.end("plan-1-2-coder");
    assert_eq!(play.live(), ["judge"], "it waits for the new plan only");
    play.turn("judge", "no", &json!({"ok": false}));
    propose(&mut play, &["coder"]);
    play.end("plan-1-1-coder");
    play.turn("judge", "yes", &json!({"ok": true}));
    assert_eq!(play.status(), "done(delivered)");
}
