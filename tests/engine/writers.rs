//! Who may write what: SPEC 7.2. The runtime stamps, agents can neither forge nor erase.

use crew::engine::Caller;
use serde_json::json;

use super::support::{Play, id};

const GATES: &str = "---
name: t
start: [code, review, qa]
end: done
gates:
  votes: { writers: [reviewer], fields: { votes: { map: [approve, reject] }, notes: { map: text } }, resetOnCycle: true, when: { count: votes, eq: approve, min: 3 } }
  human: { writers: [human], fields: { approved: bool }, when: { check: approved, eq: true } }
  machine: { writers: [runtime], fields: { n: number }, when: { check: n } }
  pr: { writers: [coder], fields: { url: string, ok: bool, kind: [small, large] }, when: { check: url } }
  step: { writers: [qa], fields: { ok: bool }, when: { check: ok } }
channels:
  - { id: r-d, from: review, to: done, gate: votes }
  - { id: c-d, from: code, to: done, gates: [human, machine, pr] }
  - { id: q-d, from: qa, to: done, gate: step }
---

## code
role: coder
access: none

x

## review
role: reviewer
slots: 3
access: none

x

## qa
role: test-engineer
access: none

x

## done
kind: end
";

#[test]
fn a_wrong_role_is_refused_and_told_who_may() {
    let mut play = Play::of(GATES);
    let refused = play.write("code", "votes", &json!({"votes": "approve"})).unwrap_err();
    assert_eq!(refused.code, "forbidden");
    assert!(refused.reason.contains("reviewer") && refused.reason.contains("coder"), "{refused:?}");
    assert!(play.write("code", "human", &json!({"approved": true})).is_err());
    assert!(play.write("code", "machine", &json!({"n": 1})).is_err());
    play.write("qa", "step", &json!({"ok": true})).expect("a step may be a writer as well");
}

#[test]
fn people_and_the_runtime_write_only_what_is_theirs() {
    let mut play = Play::of(GATES);
    let human = || Caller::Human("ada".into());
    play.write_as(human(), "human", &json!({"approved": true})).unwrap();
    assert!(play.write_as(human(), "pr", &json!({"url": "u"})).is_err());
    assert!(play.write_as(human(), "machine", &json!({"n": 1})).is_err());
    play.write_as(Caller::Runtime, "machine", &json!({"n": 1})).unwrap();
    assert!(play.write_as(Caller::Runtime, "human", &json!({"approved": true})).is_err());
}

#[test]
fn no_role_and_no_step_makes_an_agent_a_person() {
    let text = GATES.replace("role: coder", "role: human");
    let text = text.replace("channels:\n", "roles: { human: coder, runtime: qa }\nchannels:\n");
    let text = text.replace("role: test-engineer", "role: runtime");
    let mut play = Play::of(&text);
    assert_eq!(
        play.write("code", "human", &json!({"approved": true})).unwrap_err().code,
        "forbidden"
    );
    assert_eq!(play.write("qa", "machine", &json!({"n": 1})).unwrap_err().code, "forbidden");
}

#[test]
fn unknown_gates_fields_and_values_are_refused_with_what_there_is() {
    let mut play = Play::of(GATES);
    let gate = play.write("code", "prr", &json!({"url": "u"})).unwrap_err();
    assert!(gate.code == "not_found" && gate.hint.contains("pr"), "{gate:?}");
    let field = play.write("code", "pr", &json!({"urls": "u"})).unwrap_err();
    assert!(field.reason.contains("url, ok, kind") && field.hint.contains("url"), "{field:?}");
    let value = play.write("code", "pr", &json!({"kind": "huge"})).unwrap_err();
    assert!(value.hint.contains("small, large"), "{value:?}");
    for wrong in [
        json!({"ok": "true"}),
        json!({"ok": 1}),
        json!({"url": 1}),
        json!({"url": null}),
        json!({"kind": ["small"]}),
        json!({}),
    ] {
        assert!(play.write("code", "pr", &wrong).is_err(), "{wrong}");
    }
    assert!(play.write("code", "pr", &json!({"url": "u", "ok": "no"})).is_err(), "all or nothing");
    assert_eq!(play.stored("pr", "url"), json!(null));
    assert_eq!(play.count("gate.written"), 0);
}

#[test]
fn a_vote_is_stamped_with_the_task_and_no_other_can_be_forged_or_erased() {
    let mut play = Play::of(GATES);
    play.write("review/1", "votes", &json!({"votes": "reject"})).unwrap();
    play.write("review/2", "votes", &json!({"votes": {"review/2": "approve"}})).unwrap();
    assert_eq!(play.stored("votes", "votes"), json!({"review/1": "reject", "review/2": "approve"}));
    for forged in [
        json!({"votes": {"review/1": "approve"}}),
        json!({"votes": {"review/2": "approve", "review/1": "approve"}}),
        json!({"votes": {"review/1": "approve", "review/2": "approve", "review/3": "approve"}}),
        json!({"votes": {}}),
        json!({"votes": null}),
        json!({"votes": []}),
        json!({"votes": "maybe"}),
        json!({"votes": {"review/2": null}}),
    ] {
        assert!(play.write("review/2", "votes", &forged).is_err(), "{forged}");
    }
    assert_eq!(play.stored("votes", "votes"), json!({"review/1": "reject", "review/2": "approve"}));
    play.write("review/2", "votes", &json!({"votes": "reject"})).expect("its own may change");
    assert_eq!(play.stored("votes", "votes")["review/2"], json!("reject"));
}

#[test]
fn two_votes_at_once_both_count() {
    let mut play = Play::of(GATES);
    for n in 1..=3 {
        play.write(&format!("review/{n}"), "votes", &json!({"votes": "approve"})).unwrap();
    }
    assert!(play.state.gate("votes").open);
}

#[test]
fn the_same_write_of_the_same_turn_is_nothing_new() {
    let mut play = Play::of(GATES);
    for _ in 0..3 {
        play.write("code", "pr", &json!({"url": "u"})).unwrap();
    }
    assert_eq!(play.count("gate.written"), 1);
}

#[test]
fn an_attempt_that_is_over_or_was_never_there_writes_nothing() {
    let mut play = Play::of(GATES);
    play.end("code");
    let dead = Caller::Agent { task: id("code"), attempt: 1 };
    assert_eq!(play.write_as(dead, "pr", &json!({"url": "u"})).unwrap_err().code, "state");
    let other = Caller::Agent { task: id("qa"), attempt: 2 };
    assert_eq!(play.write_as(other, "step", &json!({"ok": true})).unwrap_err().code, "state");
    let nobody = Caller::Agent { task: id("nobody"), attempt: 1 };
    assert_eq!(play.write_as(nobody, "pr", &json!({"url": "u"})).unwrap_err().code, "state");
}

/// One store with a part for agents and a part for people.
const SHARED: &str = "---
name: t
start: code
end: done
gates:
  result: { store: s, writers: [coder], fields: { result: string }, when: { check: result } }
  word: { store: s, writers: [human], fields: { approved: bool }, when: { check: approved, eq: true } }
  free: { writers: [coder], when: { check: anything } }
  free-too: { store: s, writers: [coder], when: { check: else } }
channels:
  - { id: c-d, from: code, to: done, gates: [result, word, free, free-too] }
---

## code
role: coder
access: none

x

## done
kind: end
";

#[test]
fn a_shared_store_keeps_the_fields_of_each_gate_for_its_writers() {
    let mut play = Play::of(SHARED);
    play.write("code", "s", &json!({"result": "x"})).expect("a store is a name as well");
    for gate in ["s", "word", "result", "free-too"] {
        let refused = play.write("code", gate, &json!({"approved": true}));
        assert_eq!(refused.unwrap_err().code, "forbidden", "by `{gate}`");
    }
    assert!(!play.state.gate("word").open);
    play.write("code", "free-too", &json!({"else": {"x": [1]}})).unwrap();
}

#[test]
fn more_than_a_gate_takes_is_refused() {
    let mut play = Play::of(SHARED);
    let refused = play.write("code", "free", &json!({"anything": "x".repeat(70_000)})).unwrap_err();
    assert!(refused.hint.contains("artifact"), "{refused:?}");
}

/// A verdict that is given once in a turn.
const CONTRACT: &str = "---
name: t
start: qa
end: done
gates:
  pass: { store: v, writers: [qa], fields: { ok: bool, why: text }, when: { check: ok, eq: true } }
  fail: { store: v, writers: [qa], fields: { ok: bool, why: text }, when: { check: ok, eq: false } }
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
fn a_second_different_verdict_in_a_turn_is_refused() {
    let mut play = Play::of(CONTRACT);
    play.write("qa", "fail", &json!({"ok": false})).unwrap();
    play.write("qa", "pass", &json!({"ok": false})).expect("the same again is no second one");
    for gate in ["pass", "fail", "v"] {
        assert_eq!(play.write("qa", gate, &json!({"ok": true})).unwrap_err().code, "contract");
    }
    let by = play.agent("qa");
    let sent = play.send(by, "run", &[("pass", json!({"ok": true}))]);
    assert_eq!(sent.unwrap_err().code, "contract", "a message is no way around");
    assert_eq!(play.stored("v", "ok"), json!(false));
}

#[test]
fn a_verdict_may_come_with_a_message_and_counts() {
    let mut play = Play::of(CONTRACT);
    let by = play.agent("qa");
    let both = [("pass", json!({"ok": true})), ("fail", json!({"ok": false}))];
    assert_eq!(play.send(by.clone(), "run", &both).unwrap_err().code, "contract");
    play.send(by, "run", &[("pass", json!({"ok": true}))]).unwrap();
    assert_eq!(play.write("qa", "fail", &json!({"ok": false})).unwrap_err().code, "contract");
    play.end("qa");
    assert_eq!(play.status(), "done(delivered)");
}

#[test]
fn a_new_turn_may_judge_anew() {
    let mut play = Play::of(CONTRACT);
    play.write("qa", "fail", &json!({"ok": false})).unwrap();
    play.end_with("qa", |end| end.code = Some(1));
    play.now = play.now.plus_ms(120_000);
    play.tick();
    play.turn("qa", "pass", &json!({"ok": true}));
    assert_eq!(play.status(), "done(delivered)");
}

#[test]
fn a_verdict_that_goes_with_a_message_is_the_verdict_of_the_turn() {
    let text = GATES.replace(
        "## qa\nrole: test-engineer\n",
        "## qa\nrole: test-engineer\ncontract: { writes: step, exactly: 1, nudge: 1 }\n",
    );
    let mut play = Play::of(&text);
    let by = play.agent("qa");
    play.send(by, "done", &[("step", json!({"ok": true}))]).expect("along its channel");
    let refused = play.write("qa", "step", &json!({"ok": false})).unwrap_err();
    assert_eq!(refused.code, "contract", "{refused:?}");
    play.end("qa");
    assert_eq!(play.task("qa"), "done", "no nudge: it has given its verdict");
}

#[test]
fn an_attempt_that_is_over_writes_to_nobody() {
    let mut play = Play::of(GATES);
    let late = play.agent("qa");
    play.turn("qa", "step", &json!({"ok": true}));
    for to in ["run", "human", "done"] {
        let refused = play.send(late.clone(), to, &[]).unwrap_err();
        assert!(refused.reason.contains("is over"), "{to}: {refused:?}");
    }
}

#[test]
fn whoever_did_not_look_at_an_agent_says_nothing_about_its_silence() {
    let mut play = Play::of(GATES);
    play.now = play.now.plus_ms(60 * 60 * 1_000);
    play.write("code", "pr", &json!({"url": "x"})).expect("an hour later");
    let unseen = ["heartbeat.changed", "attention.raised", "attempt.stopping"];
    assert!(unseen.iter().all(|kind| play.count(kind) == 0));
    let task = play.state.task_ix(&id("code")).expect("a task");
    play.vitals.attempts.insert(task, crew::engine::AttemptVitals::default());
    play.tick();
    assert_eq!(play.count("heartbeat.changed"), 1, "the supervisor has looked");
}

#[test]
fn a_name_of_a_message_is_good_for_one_message() {
    let mut play = Play::of(GATES);
    let by = play.agent("qa");
    play.send(by.clone(), "human", &[]).expect("sent");
    let again = play.message(&by, "human", 1);
    let mut give = |message: crew::event::Message| {
        let command = crew::engine::Command::Send {
            message,
            gates: std::collections::BTreeMap::new(),
            by: by.clone(),
        };
        play.give(&by.actor(), &crew::engine::Input::Command(command))
    };
    assert_eq!(give(again.clone()), Ok(Vec::new()), "sent twice, on record once");
    let other = crew::event::Message { text: "something else".to_owned(), ..again };
    assert_eq!(give(other).unwrap_err().code, "conflict");
}
