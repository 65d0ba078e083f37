//! Ways back: SPEC 7.3, F3, F6, F7, F10, and the limit.

use std::collections::BTreeMap;

use crew::engine::{Caller, Command, Input};
use crew::event::message::{Delivery, Message, MessageKind, MessagePriority};
use serde_json::json;

use super::support::Play;

/// Code and review in turns; the link is kept, the verdict is not.
const LOOP: &str = "---
name: t
start: code
end: done
maxIterations: 2
gates:
  pr: { writers: [coder], fields: { url: string }, when: { check: url } }
  yes: { store: v, writers: [reviewer], fields: { ok: bool, why: text }, resetOnCycle: true, when: { check: ok, eq: true } }
  no: { store: v, writers: [reviewer], fields: { ok: bool, why: text }, resetOnCycle: true, when: { check: ok, eq: false } }
channels:
  - { id: c-r, from: code, to: review, gate: pr }
  - { id: r-c, from: review, to: code, gate: no, cyclic: true }
  - { id: r-d, from: review, to: done, gate: yes }
---

## code
role: coder

x {feedback}

## review
role: reviewer
access: none

x

## done
kind: end
";

fn reviewed() -> Play {
    let mut play = Play::of(LOOP);
    play.turn("code", "pr", &json!({"url": "u"}));
    play
}

#[test]
fn f3_a_kept_link_fires_again_without_a_second_write() {
    let mut play = reviewed();
    play.turn("review", "no", &json!({"ok": false}));
    assert_eq!(play.live(), ["code"]);
    play.end("code");
    assert_eq!(play.live(), ["review"]);
    assert_eq!(play.fired("c-r"), 2);
    play.turn("review", "yes", &json!({"ok": true}));
    assert_eq!(play.status(), "done(delivered)");
}

#[test]
fn f7_a_cycle_is_one_event_with_everything_in_it() {
    for text in [LOOP.to_owned(), LOOP.replace(", cyclic: true", "")] {
        let mut play = Play::of(&text);
        play.turn("code", "pr", &json!({"url": "u"}));
        play.turn("review", "no", &json!({"ok": false, "why": "tests are missing"}));
        let fired = play.firings().last().copied().cloned().expect("fired");
        assert!(fired.cycle);
        assert_eq!(fired.channels, ["r-c"]);
        assert_eq!(fired.steps.iter().map(ToString::to_string).collect::<Vec<_>>(), ["code"]);
        assert_eq!(fired.stale.iter().map(ToString::to_string).collect::<Vec<_>>(), ["review"]);
        assert_eq!(
            (fired.cleared, fired.feedback),
            (vec!["v".to_owned()], "tests are missing".to_owned())
        );
        assert_eq!((play.state.epoch, play.state.cycles), (2, 1), "declared or not: {text}");
        assert_eq!(play.stored("v", "ok"), json!(null));
        assert_eq!(play.stored("pr", "url"), json!("u"), "only stores that ask for it are emptied");
        assert_eq!((play.task("review"), play.live()), ("stale", vec!["code".to_owned()]));
        let code = play.state.step_ix(&"code".parse().unwrap()).unwrap();
        assert_eq!(play.state.steps[code].feedback, "tests are missing");
    }
}

#[test]
fn t18_the_limit_blocks_and_names_the_channel_and_the_last_feedback() {
    let mut play = reviewed();
    for round in 0..2 {
        play.turn("review", "no", &json!({"ok": false, "why": format!("round {round}")}));
        play.end("code");
    }
    play.turn("review", "no", &json!({"ok": false, "why": "still wrong"}));
    assert_eq!(play.status(), "blocked(max_iterations)");
    assert!(
        play.detail().contains("r-c") && play.detail().contains("still wrong"),
        "{}",
        play.detail()
    );
    assert_eq!((play.state.epoch, play.live().len()), (3, 0));
    play.resume();
    assert_eq!((play.live(), play.state.cycles, play.state.epoch), (vec!["code".to_owned()], 1, 4));
    let code = play.state.step_ix(&"code".parse().unwrap()).unwrap();
    assert_eq!(play.state.steps[code].feedback, "still wrong");
}

#[test]
fn t18_a_channel_may_have_a_smaller_limit_of_its_own() {
    let mut play = Play::of(&LOOP.replace("cyclic: true", "cyclic: true, maxCycles: 1"));
    play.turn("code", "pr", &json!({"url": "u"}));
    play.turn("review", "no", &json!({"ok": false}));
    play.end("code");
    play.turn("review", "no", &json!({"ok": false}));
    assert_eq!(play.status(), "blocked(max_iterations)");
    assert!(play.detail().contains("led back 1 time"), "{}", play.detail());
}

#[test]
fn f10_a_message_from_a_person_gives_the_cycles_their_limit_back() {
    let mut play = reviewed();
    for _ in 0..2 {
        play.turn("review", "no", &json!({"ok": false}));
        play.end("code");
    }
    assert_eq!(play.state.cycles, 2);
    play.send(Caller::Human("ada".into()), "review", &[]).unwrap();
    assert_eq!(play.state.cycles, 0);
    play.turn("review", "no", &json!({"ok": false}));
    assert_eq!((play.status().as_str(), play.state.cycles), ("running", 1));
    let agent = play.agent("code");
    play.send(agent, "review", &[]).unwrap();
    assert_eq!(play.state.cycles, 1, "an agent's message does not");
    let person = Caller::Human("ada".into());
    let mut message = play.message(&person, "run", 900);
    message.kind = MessageKind::FollowUp;
    let follow_up = Command::Send { message, gates: BTreeMap::new(), by: person.clone() };
    play.give(&person.actor(), &Input::Command(follow_up)).unwrap();
    assert_eq!(play.state.cycles, 1, "nor does that of a program that works for a person");
}

#[test]
fn a_reopened_run_may_cycle_again() {
    let mut play = reviewed();
    for _ in 0..2 {
        play.turn("review", "no", &json!({"ok": false}));
        play.end("code");
    }
    play.turn("review", "yes", &json!({"ok": true}));
    assert_eq!(play.status(), "done(delivered)");
    let message = Message {
        id: "again".into(),
        at: play.now,
        from: "human:ada".into(),
        to: "run".into(),
        kind: MessageKind::Message,
        priority: MessagePriority::Normal,
        delivery: Delivery::NextTurn,
        text: "one more thing".into(),
        data: None,
        reply_to: None,
    };
    play.person(crew::engine::Command::Reopen { message: Some(message) }).unwrap();
    assert_eq!((play.live(), play.state.cycles), (vec!["code".to_owned()], 1));
    play.end("code");
    assert_eq!(play.live(), ["review"]);
}

/// Three votes decide; one objection sends the work back.
const VOTES: &str = "---
name: t
start: code
end: done
gates:
  votes: { writers: [reviewer], fields: { votes: { map: [approve, reject] } }, resetOnCycle: true, when: { count: votes, eq: approve, min: 2 } }
  reject: { writers: [reviewer], fields: { result: [rejected], feedback: { map: text } }, resetOnCycle: true, when: { check: result, eq: rejected } }
channels:
  - { id: c-r, from: code, to: review, fire: settled }
  - { id: r-d, from: review, to: done, gate: votes }
  - { id: r-c, from: review, to: code, gate: reject, cyclic: true }
---

## code
role: coder

x

## review
role: reviewer
slots: 3
access: none

x

## done
role: writer

x
";

#[test]
fn f6_one_reject_beats_a_quorum() {
    let mut play = Play::of(VOTES);
    play.end("code");
    play.turn("review/1", "votes", &json!({"votes": "approve"}));
    play.turn("review/2", "votes", &json!({"votes": "approve"}));
    assert!(play.state.gate("votes").open);
    play.write("review/3", "votes", &json!({"votes": "reject"})).unwrap();
    play.turn("review/3", "reject", &json!({"result": "rejected", "feedback": "no tests"}));
    assert_eq!((play.fired("r-d"), play.fired("r-c")), (0, 1));
    assert_eq!(play.live(), ["code"]);
    let code = play.state.step_ix(&"code".parse().unwrap()).unwrap();
    assert_eq!(play.state.steps[code].feedback, "review/3: no tests");
    play.end("code");
    assert_eq!(play.live(), ["review/1", "review/2", "review/3"]);
    assert_eq!(play.fired("r-d"), 0, "the old votes are gone");
}

#[test]
fn f7_feedback_of_all_writers_is_collected() {
    let mut play = Play::of(VOTES);
    play.end("code");
    for n in 1..=3 {
        let task = format!("review/{n}");
        play.turn(
            &task,
            "reject",
            &json!({"result": "rejected", "feedback": format!("point {n}")}),
        );
    }
    let code = play.state.step_ix(&"code".parse().unwrap()).unwrap();
    let feedback = &play.state.steps[code].feedback;
    assert!((1..=3).all(|n| feedback.contains(&format!("review/{n}: point {n}"))), "{feedback}");
    assert_eq!(play.firings().iter().filter(|fired| fired.cycle).count(), 1);
}

/// `b` and `c` both lead to `d`; what comes second finds it settled. `c` leads to `e` as well.
const CROSS: &str = "---
name: t
start: [b, c]
end: [d, e]
channels:
  - { id: b-d, from: b, to: d, fire: settled }
  - { id: c-d, from: c, to: d, fire: settled }
  - { id: c-e, from: c, to: e, fire: settled }
---

## b
role: coder
access: none

x

## c
role: coder
access: none

x

## d
role: coder
access: none

x

## e
role: coder
access: none

x
";

#[test]
fn f7_a_cycle_that_does_not_undo_its_source_takes_nothing_else_from_it() {
    let mut play = Play::of(CROSS);
    play.end("b");
    play.end("d");
    play.end("c");
    assert_eq!((play.fired("c-d"), play.fired("c-e")), (1, 1), "{}", play.detail());
    assert_eq!((play.live(), play.state.cycles), (vec!["d".to_owned(), "e".to_owned()], 1));
}

#[test]
fn steps_that_were_skipped_behind_a_failure_are_done_after_a_way_back() {
    let mut play = Play::of(
        "---\nname: t\nstart: a\nend: z\ngates:\n  \
         back: { writers: [reviewer], fields: { again: bool }, resetOnCycle: true, when: { check: again, eq: true } }\n\
         channels:\n  - { id: a-r, from: a, to: r, fire: settled }\n  - { id: r-a, from: r, to: a, gate: back, cyclic: true }\n---\n\n\
         ## a\nrole: coder\nretries: 0\n\nx\n\n## r\nrole: reviewer\naccess: none\n\nx\n\n## z\nrole: writer\ndependsOn: a\n\nx\n",
    );
    play.fail("a");
    assert_eq!(play.task("z"), "skipped");
    play.turn("r", "back", &json!({"again": true}));
    assert_eq!(play.live(), ["a"]);
    play.end("a");
    assert!(play.live().contains(&"z".to_owned()), "{:?} {}", play.live(), play.status());
}

#[test]
fn steps_that_were_skipped_behind_a_stale_failure_are_done_after_a_way_back() {
    let mut play = Play::of(
        "---\nname: t\nstart: [a, r]\nend: z\ngates:\n  \
         back: { writers: [human], fields: { again: bool }, resetOnCycle: true, when: { check: again, eq: true } }\n\
         channels:\n  - { id: r-a, from: r, to: a, gate: back, cyclic: true }\n---\n\n\
         ## a\nrole: coder\n\nx\n\n## b\nrole: qa\ndependsOn: a\naccess: none\n\nx\n\n\
         ## r\nrole: reviewer\naccess: none\n\nx\n\n## z\nrole: writer\ndependsOn: b\n\nx\n",
    );
    play.end("r");
    play.end("a");
    play.fail("b");
    assert_eq!((play.task("z"), play.status().as_str()), ("skipped", "waiting(gate)"));
    play.approve("back");
    play.end("a");
    play.end("b");
    assert_eq!(play.live(), ["z"], "{}", play.detail());
}

#[test]
fn f3_a_channel_that_fires_when_it_opens_does_so_in_the_next_round_with_a_kept_gate() {
    let mut play = Play::of(
        "---\nname: t\nstart: a\nend: z\ngates:\n  \
         kept: { writers: [coder], fields: { ok: bool }, when: { check: ok, eq: true } }\n  \
         back: { store: v, writers: [qa], fields: { ok: bool }, resetOnCycle: true, when: { check: ok, eq: false } }\n  \
         go: { store: v, writers: [qa], fields: { ok: bool }, resetOnCycle: true, when: { check: ok, eq: true } }\n\
         channels:\n  - { id: a-b, from: a, to: b, gate: kept, fire: open }\n  \
         - { id: b-a, from: b, to: a, gate: back, cyclic: true }\n  - { id: b-z, from: b, to: z, gate: go }\n---\n\n\
         ## a\nrole: coder\naccess: none\n\nx\n\n## b\nrole: qa\naccess: none\n\nx\n\n## z\nkind: end\n",
    );
    play.turn("a", "kept", &json!({"ok": true}));
    play.turn("b", "back", &json!({"ok": false}));
    assert_eq!(play.live(), ["a"], "its source comes first");
    play.end("a");
    assert_eq!(play.live(), ["b"], "{}", play.detail());
    play.turn("b", "go", &json!({"ok": true}));
    assert_eq!(play.status(), "done(delivered)");
}

/// Two ways into `m`, which wants both; `m` sends the work back to `a` only.
const HELD: &str = "---
name: t
start: [a, b]
end: z
gates:
  ga: { writers: [a], fields: { ok: bool }, when: { check: ok, eq: true } }
  gb: { writers: [b], fields: { ok: bool }, when: { check: ok, eq: true } }
  back: { writers: [m], fields: { again: bool }, resetOnCycle: true, when: { check: again, eq: true } }
  go: { writers: [m], fields: { go: bool }, resetOnCycle: true, when: { check: go, eq: true } }
channels:
  - { id: a-m, from: a, to: m, gate: ga }
  - { id: b-m, from: b, to: m, gate: gb }
  - { id: m-a, from: m, to: a, gate: back, cyclic: true }
  - { id: m-z, from: m, to: z, gate: go }
---

## a
role: coder
access: none

x

## b
role: coder
access: none

x

## m
role: qa
access: none
join: all

x

## z
kind: end
";

#[test]
fn what_one_source_said_holds_while_the_other_is_done_again() {
    let mut play = Play::of(HELD);
    play.turn("a", "ga", &json!({"ok": true}));
    play.turn("b", "gb", &json!({"ok": true}));
    play.turn("m", "back", &json!({"again": true}));
    assert_eq!(play.live(), ["a"]);
    play.end("a");
    assert_eq!(play.live(), ["m"], "{}", play.detail());
    play.turn("m", "go", &json!({"go": true}));
    assert_eq!(play.status(), "done(delivered)");
}

#[test]
fn a_live_attempt_that_a_cycle_went_past_ends_without_counting() {
    let text = CYCLE_PAST;
    let mut play = Play::of(text);
    play.end("a");
    assert_eq!(play.live(), ["b", "r"]);
    play.turn("r", "back", &json!({"again": true}));
    assert_eq!(play.live(), ["a", "b"], "it drains");
    let refused = play.write("b", "gb", &json!({"ok": 1})).unwrap_err();
    assert_eq!(refused.code, "stale_epoch");
    let refused = play.ask("b", "may I?", &[]).unwrap_err();
    assert_eq!(refused.code, "stale_epoch");
    play.end("b");
    assert_eq!((play.task("b"), play.live()), ("stale", vec!["a".to_owned()]));
    play.end("a");
    assert_eq!(play.live(), ["b", "r"]);
}

#[test]
fn a_stale_attempt_that_is_still_live_when_its_step_begins_again_makes_room_first() {
    let mut play = Play::of(CYCLE_PAST);
    play.end("a");
    play.turn("r", "back", &json!({"again": true}));
    play.end("a");
    assert_eq!(play.live(), ["b", "r"]);
    let old = play.attempt("b");
    play.end("b");
    assert_eq!(play.attempt("b"), old + 1, "never two at once, and the old result does not count");
}

#[test]
fn on_stale_cancel_stops_what_a_cycle_went_past() {
    let mut play = Play::of(&CYCLE_PAST.replace("role: qa", "role: qa\nonStale: cancel"));
    play.end("a");
    play.turn("r", "back", &json!({"again": true}));
    assert_eq!((play.live(), play.task("b")), (vec!["a".to_owned()], "stale"));
}

/// `b` is at work while `r` sends the work back to `a`, which lies before both.
const CYCLE_PAST: &str = "---
name: t
start: a
end: z
gates:
  gb: { writers: [qa], when: { check: ok } }
  back: { writers: [reviewer], fields: { again: bool }, resetOnCycle: true, when: { check: again, eq: true } }
channels:
  - { id: a-b, from: a, to: b, fire: settled }
  - { id: a-r, from: a, to: r, fire: settled }
  - { id: r-a, from: r, to: a, gate: back, cyclic: true }
  - { id: b-z, from: b, to: z, gate: gb }
---

## a
role: coder
access: none

x

## b
role: qa
access: none

x

## r
role: reviewer
access: none

x

## z
kind: end
";

#[test]
fn a_question_of_an_attempt_that_went_stale_is_not_asked_any_more() {
    let mut play = Play::of(CYCLE_PAST);
    play.end("a");
    play.ask("b", "which one?", &[]).unwrap();
    assert_eq!(play.asked(), ["question b: answer"]);
    play.turn("r", "back", &json!({"again": true}));
    assert_eq!(play.asked(), Vec::<String>::new());
    let late = play.decide(Some("b"), crew::event::decision::Action::Answer, "this").unwrap_err();
    assert!(["superseded", "state"].contains(&late.code), "{late:?}");
}

#[test]
fn a_stale_attempt_is_not_forgotten_when_its_step_can_never_be_done() {
    let text = CYCLE_PAST
        .replace("  - { id: a-b, from: a, to: b, fire: settled }\n", "")
        .replace("## b\nrole: qa\n", "## b\nrole: qa\ndependsOn: a\n");
    let mut play = Play::of(&text);
    play.end("a");
    assert_eq!(play.live(), ["b", "r"]);
    play.turn("r", "back", &json!({"again": true}));
    play.fail("a");
    assert_eq!((play.task("b"), play.status().as_str()), ("running", "running"));
    play.end("b");
    assert_eq!(play.task("b"), "skipped");
}
