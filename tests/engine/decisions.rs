//! Decisions of people: SPEC section 9 and the rows T10, T13, T13b, T14, T14b, T15, T30, T31, T40.

use crew::engine::{Caller, Command, Input, Proof};
use crew::event::Actor;
use crew::event::body::SupervisorStarted;
use crew::event::decision::Action;
use serde_json::json;

use super::support::{Play, plan};

/// A plan, a person's word about it, and work that follows.
const APPROVAL: &str = "---
name: t
start: plan
end: done
gates:
  link: { writers: [planner], fields: { url: string }, when: { check: url } }
  approval: { writers: [human], fields: { approved: bool, reason: text }, show: ['gate:link'], when: { check: approved, eq: true } }
  pr: { writers: [coder, human], fields: { ok: bool }, when: { check: ok, eq: true } }
channels:
  - { id: p-c, from: plan, to: code, gates: [link, approval] }
  - { id: c-d, from: code, to: done, gate: pr }
---

## plan
role: planner
access: none

x

## code
role: coder

x

## done
kind: end
";

fn human() -> Caller {
    Caller::Human("ada".into())
}

fn waiting() -> Play {
    let mut play = Play::of(APPROVAL);
    play.turn("plan", "link", &json!({"url": "u"}));
    assert_eq!(play.status(), "waiting(gate)");
    play
}

#[test]
fn t10_an_open_human_gate_asks_once() {
    let mut play = waiting();
    assert_eq!(play.asked(), ["gate approval: approve reject"]);
    for _ in 0..3 {
        play.now = play.now.plus_ms(60_000);
        play.tick();
    }
    assert_eq!(play.count("decision.opened"), 1);
}

#[test]
fn t13_a_yes_is_effect_and_consumption_in_one_event_and_the_run_goes_on() {
    let mut play = waiting();
    let log = play.decide(Some("approval"), Action::Approve, "go").unwrap();
    assert_eq!(log.iter().filter(|body| body.kind() == "decision.made").count(), 1);
    assert_eq!(log.iter().filter(|body| body.kind() == "gate.written").count(), 0);
    assert_eq!(play.stored("approval", "approved"), json!(true));
    assert_eq!(play.stored("approval", "reason"), json!("go"));
    assert_eq!((play.live(), play.asked().len()), (vec!["code".to_owned()], 0));
}

#[test]
fn t13b_a_person_may_write_the_gate_before_anybody_asks() {
    let mut play = Play::of(APPROVAL);
    let early = play.decide(Some("approval"), Action::Approve, "").unwrap_err();
    assert_eq!(early.code, "state");
    assert!(early.hint.contains("gate write"), "{early:?}");
    play.write_as(human(), "approval", &json!({"approved": true})).unwrap();
    play.turn("plan", "link", &json!({"url": "u"}));
    assert_eq!((play.live(), play.count("decision.opened")), (vec!["code".to_owned()], 0));
}

#[test]
fn t13b_a_decision_in_a_run_that_does_not_wait_is_stored() {
    let mut play = waiting();
    play.person(Command::Pause).unwrap();
    play.approve("approval");
    assert_eq!(play.status(), "paused");
    play.resume();
    assert_eq!(play.live(), ["code"]);
}

#[test]
fn t14_a_no_blocks_and_t14b_a_yes_after_all_goes_on() {
    let mut play = waiting();
    play.decide(Some("approval"), Action::Reject, "too big").unwrap();
    assert_eq!(play.status(), "blocked(human_rejected)");
    assert!(play.detail().contains("approval") && play.detail().contains("too big"));
    assert_eq!(play.stored("approval", "approved"), json!(false));
    assert_eq!(play.asked(), ["gate approval: approve"]);
    play.decide(Some("approval"), Action::Reject, "too big").unwrap();
    assert_eq!(play.status(), "blocked(human_rejected)", "a second no is the first");
    assert_eq!(play.stored("approval", "reason"), json!("too big"));
    play.approve("approval");
    assert_eq!((play.live(), play.asked().len()), (vec!["code".to_owned()], 0));
    assert_eq!(play.stored("approval", "reason"), json!(""), "the reason was that of the no");
}

#[test]
fn t14_a_rejected_gate_stays_rejected_when_the_run_is_resumed() {
    let mut play = waiting();
    play.decide(Some("approval"), Action::Reject, "no").unwrap();
    play.resume();
    assert_eq!(play.status(), "blocked(human_rejected)");
    play.write_as(human(), "approval", &json!({"approved": true})).unwrap();
    assert_eq!(play.live(), ["code"], "a write by a person is a word as well");
}

#[test]
fn t14_a_no_while_the_run_is_at_work_blocks_it_when_it_rests() {
    let text = APPROVAL.replace("start: plan", "start: [plan, other]")
        + "\n## other\nrole: qa\naccess: none\n\nx\n";
    let mut play = Play::of(&text);
    play.turn("plan", "link", &json!({"url": "u"}));
    assert_eq!((play.status().as_str(), play.asked().len()), ("running", 1));
    play.decide(Some("approval"), Action::Reject, "no").unwrap();
    assert_eq!(play.status(), "running");
    play.end("other");
    assert_eq!(play.status(), "blocked(human_rejected)");
}

#[test]
fn a_reason_never_opens_the_gate_that_it_closes() {
    let fields = "fields: { approved: bool, reason: text }, show: ['gate:link'], when: { check: approved, eq: true }";
    assert!(APPROVAL.contains(fields));
    let text = APPROVAL.replace(fields, "fields: { note: text }, when: { check: note }");
    let mut play = Play::of(&text);
    play.turn("plan", "link", &json!({"url": "u"}));
    let refused = play.decide(Some("approval"), Action::Approve, "fine").unwrap_err();
    assert!(refused.hint.contains("gate write"), "{refused:?}");
    play.decide(Some("approval"), Action::Reject, "no").unwrap();
    assert_eq!(play.status(), "blocked(human_rejected)");
    assert!(!play.state.gate("approval").open);

    let word = "fields: { word: text }, when: { check: word, eq: 'yes' }";
    let mut play = Play::of(&APPROVAL.replace(fields, word));
    play.turn("plan", "link", &json!({"url": "u"}));
    play.decide(Some("approval"), Action::Approve, "looks good").unwrap();
    assert_eq!(play.live(), ["code"], "the text does not take the place of the yes");
}

#[test]
fn a_yes_that_is_not_enough_is_not_asked_for_again() {
    let fields = "writers: [coder, human], fields: { ok: bool }, when: { check: ok, eq: true }";
    let both = "writers: [human], fields: { ok: bool }, when: { all: [ { check: ok, eq: true }, { done: other } ] }";
    let text = APPROVAL.replace(fields, both) + "\n## other\nrole: qa\ndependsOn: done\n\nx\n";
    let mut play = Play::of(&text);
    play.turn("plan", "link", &json!({"url": "u"}));
    play.approve("approval");
    play.end("code");
    assert_eq!(play.status(), "waiting(gate)");
    play.approve("pr");
    assert_eq!(play.status(), "blocked(stalled)", "no person can open it");
    assert!(play.detail().contains("other"), "{}", play.detail());
}

#[test]
fn what_was_shown_changes_and_the_old_decision_is_superseded() {
    let text = APPROVAL.replace("writers: [planner]", "writers: [planner, human]");
    let mut play = Play::of(&text);
    play.turn("plan", "link", &json!({"url": "u"}));
    let old = play.state.decisions[0].opened.id.clone();
    let nonce = "a".repeat(64);
    play.person(Command::Show { id: old.clone(), nonce_hash: nonce.clone() }).unwrap();
    play.write_as(human(), "link", &json!({"url": "other"})).unwrap();
    assert_eq!(play.count("decision.opened"), 2);
    let refused = play.decide_with(None, Action::Approve, "", Proof::Nonce(nonce)).unwrap_err();
    assert_eq!(refused.code, "superseded");
    assert_eq!(play.decide(Some(&old), Action::Approve, "").unwrap_err().code, "superseded");
    play.approve("approval");
    assert_eq!(play.live(), ["code"]);
}

#[test]
fn mail_notes_pauses_and_hibernation_leave_a_decision_valid() {
    let mut play = waiting();
    let nonce = "a".repeat(64);
    play.person(Command::Show { id: "d1".into(), nonce_hash: nonce.clone() }).unwrap();
    play.send(human(), "code", &[]).unwrap();
    play.write_as(human(), "pr", &json!({"ok": false})).unwrap();
    play.now = play.now.plus_ms(3 * 60 * 60 * 1_000);
    play.tick();
    assert!(play.state.hibernated);
    play.decide_with(None, Action::Approve, "", Proof::Nonce(nonce)).unwrap();
    assert_eq!(play.live(), ["code"]);
}

#[test]
fn a_decision_whose_gate_was_opened_otherwise_cannot_be_made_any_more() {
    let mut play = waiting();
    let nonce = "a".repeat(64);
    play.person(Command::Show { id: "d1".into(), nonce_hash: nonce.clone() }).unwrap();
    play.write_as(human(), "approval", &json!({"approved": true})).unwrap();
    assert_eq!((play.live(), play.asked().len()), (vec!["code".to_owned()], 0));
    let late = play.decide_with(None, Action::Reject, "no", Proof::Nonce(nonce)).unwrap_err();
    assert_eq!(late.code, "superseded");
    assert_eq!(play.stored("approval", "approved"), json!(true));
    let late = play.decide(None, Action::Reject, "no").unwrap_err();
    assert_eq!(late.code, "state", "{late:?}");
}

#[test]
fn the_same_decision_twice_is_one_and_another_is_a_conflict() {
    let mut play = waiting();
    let nonce = "a".repeat(64);
    play.person(Command::Show { id: "d1".into(), nonce_hash: nonce.clone() }).unwrap();
    for _ in 0..2 {
        play.decide_with(None, Action::Approve, "", Proof::Nonce(nonce.clone())).unwrap();
    }
    play.approve("approval");
    assert_eq!(play.count("decision.made"), 1);
    let other = play.decide_with(None, Action::Reject, "", Proof::Nonce(nonce)).unwrap_err();
    assert_eq!(other.code, "conflict");
    assert!(other.reason.contains("human:ada") && other.reason.contains("approve"), "{other:?}");
    assert_eq!(play.decide(Some("approval"), Action::Reject, "").unwrap_err().code, "conflict");
}

#[test]
fn t40_an_expired_decision_is_refused_and_asked_anew_on_demand() {
    let mut play = waiting();
    let nonce = "a".repeat(64);
    play.person(Command::Show { id: "d1".into(), nonce_hash: nonce.clone() }).unwrap();
    play.now = play.now.plus_ms(25 * 60 * 60 * 1_000);
    play.tick();
    let late = play.decide_with(None, Action::Approve, "", Proof::Nonce(nonce)).unwrap_err();
    assert_eq!((late.code, play.status().as_str()), ("expired", "waiting(gate)"));
    let nonce = "b".repeat(64);
    play.person(Command::Show { id: "d1".into(), nonce_hash: nonce.clone() }).unwrap();
    play.decide_with(None, Action::Approve, "", Proof::Nonce(nonce)).unwrap();
    assert_eq!(play.live(), ["code"]);
}

#[test]
fn a_supervisor_that_starts_renews_what_has_expired_and_nothing_else() {
    let started = || {
        let data = SupervisorStarted { pid: 1, version: "0".into(), host: "h".into() };
        Input::SupervisorStarted(data)
    };
    let mut play = waiting();
    play.give(&Actor::Supervisor, &started()).unwrap();
    assert_eq!(play.count("decision.opened"), 1);
    play.now = play.now.plus_ms(25 * 60 * 60 * 1_000);
    play.give(&Actor::Supervisor, &started()).unwrap();
    assert_eq!((play.count("decision.opened"), play.asked().len()), (2, 1));
    play.approve("approval");
    play.now = play.now.plus_ms(25 * 60 * 60 * 1_000);
    play.give(&Actor::Supervisor, &started()).unwrap();
    assert_eq!(play.count("decision.opened"), 2);
}

#[test]
fn a_nonce_belongs_to_its_decision_and_an_unknown_one_to_nothing() {
    let mut play = waiting();
    let nonce = "a".repeat(64);
    play.person(Command::Show { id: "d1".into(), nonce_hash: nonce.clone() }).unwrap();
    let unknown = Proof::Nonce("f".repeat(64));
    assert_eq!(play.decide_with(None, Action::Approve, "", unknown).unwrap_err().code, "forbidden");
    let wrong = play.decide_with(Some("pr"), Action::Approve, "", Proof::Nonce(nonce)).unwrap_err();
    assert!(wrong.reason.contains("approval"), "{wrong:?}");
    assert_eq!(play.count("decision.made"), 0);
}

#[test]
fn two_questions_at_once_are_ambiguous_and_both_are_named() {
    let text = APPROVAL.replace("start: plan", "start: [plan, other]")
        + "\n## other\nkind: human\n\nWhich colour?\n";
    let mut play = Play::of(&text);
    play.turn("plan", "link", &json!({"url": "u"}));
    let both = APPROVAL.replace("gates: [link, approval]", "gates: [link, approval, pr]");
    let mut two = Play::of(&both);
    two.turn("plan", "link", &json!({"url": "u"}));
    let refused = two.decide(None, Action::Approve, "").unwrap_err();
    assert_eq!(refused.code, "ambiguous");
    assert!(refused.reason.contains("approval") && refused.reason.contains("pr"), "{refused:?}");
    assert_eq!(play.status(), "waiting(question)");
    play.decide(None, Action::Approve, "").unwrap();
    assert_eq!(play.live(), ["code"], "the only one that takes a yes");
}

#[test]
fn a_wrong_target_is_told_what_there_is() {
    let mut play = waiting();
    let mut refused = |target: &str, action| play.decide(Some(target), action, "x").unwrap_err();
    let typo = refused("aproval", Action::Approve);
    assert_eq!(typo.code, "not_found");
    assert!(typo.hint.contains("approval"), "{typo:?}");
    let agents = refused("link", Action::Approve);
    assert!(agents.reason.contains("planner"), "{agents:?}");
    assert!(refused("code", Action::Answer).reason.contains("asks nothing"));
    let verb = refused("approval", Action::Answer);
    assert!(verb.reason.contains("approve, reject"), "{verb:?}");
    assert!(refused("pr", Action::Approve).reason.contains("not asked for yet"));
}

#[test]
fn nothing_is_decided_in_a_run_that_is_over() {
    let mut play = waiting();
    play.person(Command::Stop).unwrap();
    assert!(play.decide(Some("approval"), Action::Approve, "").is_err());
    assert!(play.write_as(human(), "approval", &json!({"approved": true})).is_err());
    assert_eq!((play.status().as_str(), play.asked().len()), ("cancelled(stopped)", 0));
}

#[test]
fn t15_a_run_that_nobody_answers_is_put_to_sleep_once_and_still_waits() {
    let mut play = waiting();
    let since = play.state.status_since;
    for _ in 0..3 {
        play.now = play.now.plus_ms(2 * 60 * 60 * 1_000);
        play.tick();
    }
    let rows = play.log.iter().filter(|body| {
        matches!(body, crew::event::Body::RunTransitioned(moved) if moved.rule == crew::event::Rule::T15)
    });
    assert_eq!(rows.count(), 1);
    assert_eq!((play.status().as_str(), play.state.status_since), ("waiting(gate)", since));
    play.approve("approval");
    assert!(!play.state.hibernated);
    assert_eq!(play.live(), ["code"]);
}

/// A run whose work is done and whose branch waits for a person.
fn merging() -> Play {
    let mut play = Play::with_git(plan(APPROVAL));
    play.turn("plan", "link", &json!({"url": "u"}));
    play.approve("approval");
    play.turn("code", "pr", &json!({"ok": true}));
    assert_eq!(play.status(), "waiting(merge)");
    play
}

#[test]
fn t30_a_discarded_branch_ends_the_run() {
    let mut play = merging();
    let asked = play.asked();
    assert!(asked.len() == 1 && asked[0].contains("merge discard request-changes"), "{asked:?}");
    play.decide(None, Action::Discard, "").unwrap();
    assert_eq!(play.status(), "cancelled(discarded)");
}

#[test]
fn t31_requested_changes_go_into_the_rework_step_with_the_text() {
    let mut play = merging();
    let none = play.decide(None, Action::RequestChanges, " ").unwrap_err();
    assert!(none.reason.contains("text"), "{none:?}");
    play.decide(None, Action::RequestChanges, "rename it").unwrap();
    assert_eq!((play.live(), play.state.epoch), (vec!["code".to_owned()], 2));
    let code = play.state.step_ix(&"code".parse().unwrap()).unwrap();
    assert_eq!(play.state.steps[code].feedback, "rename it");
    play.end("code");
    assert_eq!(play.status(), "waiting(merge)");
    assert_eq!(play.asked().len(), 1, "the new work is asked about anew");
    play.decide(None, Action::Discard, "").unwrap();
    assert_eq!(play.status(), "cancelled(discarded)");
}

#[test]
fn t31_a_writer_that_no_end_step_waits_for_is_not_where_changes_go() {
    let text = "---\nname: t\nstart: [a, side]\nend: z\n---\n\n## a\nrole: coder\n\nx\n\n\
                ## z\nrole: writer\naccess: none\ndependsOn: a\n\nx\n\n## side\nrole: executor\n\nx\n";
    let mut play = Play::with_git(plan(text));
    play.end("a");
    play.end("side");
    play.end("z");
    assert_eq!(play.status(), "waiting(merge)");
    play.decide(None, Action::RequestChanges, "again").unwrap();
    assert_eq!(play.live(), ["a"]);
}

#[test]
fn the_decision_about_the_branch_outlives_hibernation() {
    let mut play = merging();
    let nonce = "a".repeat(64);
    let id = play.state.decisions.last().expect("asked").opened.id.clone();
    play.person(Command::Show { id, nonce_hash: nonce.clone() }).unwrap();
    play.now = play.now.plus_ms(3 * 60 * 60 * 1_000);
    play.tick();
    assert!(play.state.hibernated);
    play.decide_with(None, Action::Discard, "", Proof::Nonce(nonce)).unwrap();
    assert_eq!(play.status(), "cancelled(discarded)");
}

#[test]
fn t38b_a_run_that_is_taken_out_of_the_archive_is_what_it_was() {
    let mut play = waiting();
    play.person(Command::Unarchive).unwrap_err();
    play.decide(Some("approval"), Action::Reject, "no").unwrap();
    play.person(Command::Archive).unwrap();
    assert_eq!(play.status(), "archived");
    play.decide(Some("approval"), Action::Approve, "").unwrap_err();
    play.person(Command::Unarchive).unwrap();
    assert_eq!(play.status(), "blocked(human_rejected)");
    assert_eq!(play.asked(), ["gate approval: approve"]);
    play.approve("approval");
    assert_eq!(play.live(), ["code"]);
}
