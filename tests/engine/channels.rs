//! When channels fire forward: SPEC 7.3, F1 to F5, F8, F9, F11.

use std::collections::BTreeMap;

use crew::engine::{Caller, Command, Input};
use serde_json::json;

use super::support::Play;

/// `a` leads through gate `g` to `b`, which ends the run.
const GATED: &str = "---
name: t
gates:
  g: { writers: [coder], fields: { ok: bool }, when: { check: ok, eq: true } }
channels:
  - { id: a-b, from: a, to: b, gate: g }
---

## a
role: coder
access: none

x

## b
role: qa
access: none

x
";

#[test]
fn f1_a_channel_without_a_gate_is_open_and_one_with_a_closed_gate_is_not() {
    let mut play = Play::of(&GATED.replace("gate: g", "fire: settled"));
    play.end("a");
    assert_eq!(play.live(), ["b"]);
    let mut play = Play::of(GATED);
    play.end("a");
    assert_eq!((play.fired("a-b"), play.status().as_str()), (0, "blocked(stalled)"));
}

#[test]
fn f2_a_gated_channel_fires_by_whichever_comes_last() {
    let mut play = Play::of(GATED);
    play.write("a", "g", &json!({"ok": true})).unwrap();
    assert_eq!(play.fired("a-b"), 0, "its source is live");
    play.end("a");
    assert_eq!((play.fired("a-b"), play.live()), (1, vec!["b".to_owned()]));

    let text = GATED.replace("writers: [coder]", "writers: [human]");
    let mut play = Play::of(&text);
    play.end("a");
    assert_eq!(play.status(), "waiting(gate)");
    play.write_as(Caller::Human("ada".into()), "g", &json!({"ok": true})).unwrap();
    assert_eq!((play.fired("a-b"), play.live()), (1, vec!["b".to_owned()]));
}

#[test]
fn f2_open_fires_on_the_edge_while_its_source_is_live() {
    let mut play = Play::of(&GATED.replace("gate: g }", "gate: g, fire: open }"));
    play.write("a", "g", &json!({"ok": true})).unwrap();
    assert_eq!(play.live(), ["a", "b"]);
    play.write("a", "g", &json!({"ok": true})).unwrap();
    play.write("a", "g", &json!({"ok": false})).unwrap();
    assert_eq!(play.fired("a-b"), 1, "only the way from closed to open fires");
    play.write("a", "g", &json!({"ok": true})).unwrap();
    assert_eq!(play.fired("a-b"), 2);
    assert_eq!(play.live(), ["a", "b"], "into a live task it is only feedback");
}

#[test]
fn f2_message_fires_only_when_one_is_sent_along_it_while_it_is_open() {
    let mut play = Play::of(&GATED.replace("gate: g }", "gate: g, fire: message }"));
    let a = play.agent("a");
    play.send(a.clone(), "b", &[]).unwrap();
    assert_eq!(play.fired("a-b"), 0, "the gate is closed");
    play.write("a", "g", &json!({"ok": true})).unwrap();
    assert_eq!(play.fired("a-b"), 0, "the message came before it opened");
    play.send(a, "b", &[]).unwrap();
    assert_eq!((play.fired("a-b"), play.live().len()), (1, 2));
    let Some(fired) = play.firings().first().copied().cloned() else { panic!("fired") };
    assert_eq!(fired.messages, ["m2"]);
}

#[test]
fn f2_a_gateless_entry_under_channels_waits_for_a_message() {
    let mut play = Play::of(&GATED.replace(", gate: g", ""));
    play.end("a");
    assert_eq!(play.status(), "blocked(stalled)");
    assert!(play.detail().contains('a') && play.detail().contains("message"), "{}", play.detail());
    let mut play = Play::of(&GATED.replace(", gate: g", ""));
    let a = play.agent("a");
    play.send(a, "b", &[]).unwrap();
    assert_eq!(play.live(), ["a", "b"]);
}

#[test]
fn f4_channels_that_share_a_gate_are_one_edge_and_wait_for_all_their_sources() {
    let text = "---
name: t
start: [a, b]
gates:
  g: { writers: [coder], when: { check: ok } }
channels:
  - { id: a-c, from: a, to: c, gate: g }
  - { id: b-c, from: b, to: c, gate: g }
---

## a
role: coder
access: none

x

## b
role: coder
access: none

x

## c
role: qa
access: none

x
";
    let mut play = Play::of(text);
    play.turn("a", "g", &json!({"ok": 1}));
    assert_eq!(play.live(), ["b"], "the other source is at work");
    play.end("b");
    assert_eq!(play.live(), ["c"]);
    assert_eq!(play.firings().len(), 1);
    assert_eq!(play.firings()[0].channels, ["a-c", "b-c"]);
}

#[test]
fn f4_a_way_back_does_not_wait_for_the_way_forward_that_shares_its_gate() {
    let text = "---
name: t
start: a
end: z
gates:
  g: { writers: [coder, reviewer], fields: { ok: bool }, resetOnCycle: true, when: { check: ok, eq: true } }
  go: { writers: [reviewer], fields: { ok: bool }, when: { check: ok, eq: true } }
channels:
  - { id: a-b, from: a, to: b, gate: g }
  - { id: b-b, from: b, to: b, gate: g, cyclic: true }
  - { id: b-z, from: b, to: z, gate: go }
---

## a
role: coder
access: none

x

## b
role: reviewer
access: none

x

## z
kind: end
";
    let mut play = Play::of(&text.replace("resetOnCycle: true, ", ""));
    play.turn("a", "g", &json!({"ok": true}));
    assert_eq!(play.live(), ["b"], "{}", play.detail());
    play.end("b");
    assert_eq!((play.live(), play.fired("b-b"), play.state.epoch), (vec!["b".to_owned()], 1, 2));
}

/// Two sources with a gate each into `c`, with the given `join:` line.
fn joined(join: &str) -> Play {
    Play::of(&format!(
        "---
name: t
start: [a, b]
end: c
gates:
  ga: {{ writers: [a], when: {{ check: ok }} }}
  gb: {{ writers: [b], when: {{ check: ok }} }}
channels:
  - {{ id: a-c, from: a, to: c, gate: ga }}
  - {{ id: b-c, from: b, to: c, gate: gb }}
---

## a
role: coder
access: none

x

## b
role: coder
access: none

x

## c
role: qa
access: none
{join}
x
"
    ))
}

#[test]
fn f4_channels_join_with_any_and_join_all_overrides() {
    let mut play = joined("");
    play.turn("a", "ga", &json!({"ok": 1}));
    assert_eq!(play.live(), ["b", "c"]);

    let mut play = joined("join: all\n");
    play.turn("a", "ga", &json!({"ok": 1}));
    assert_eq!(play.live(), ["b"]);
    play.turn("b", "gb", &json!({"ok": 1}));
    assert_eq!(play.live(), ["c"]);
}

#[test]
fn f4_join_all_that_can_never_be_complete_blocks_and_names_the_gate() {
    let mut play = joined("join: all\n");
    play.turn("a", "ga", &json!({"ok": 1}));
    play.end("b");
    assert_eq!(play.status(), "blocked(stalled)");
    assert!(play.detail().contains("gb"), "{}", play.detail());
}

/// `c` waits for `b` as a dependency and for `a` as a channel, and wants both.
const MIXED: &str = "---
name: t
start: [a, b]
end: c
channels:
  - { id: a-c, from: a, to: c, fire: settled }
---

## a
role: coder
access: none

x

## b
role: coder
access: none

x

## c
role: qa
access: none
dependsOn: b
join: all

x
";

#[test]
fn f4_join_all_takes_channels_and_dependencies_in_either_order() {
    for order in [["a", "b"], ["b", "a"]] {
        let mut play = Play::of(MIXED);
        play.end(order[0]);
        assert_eq!(play.live(), [order[1]], "{order:?}");
        play.end(order[1]);
        assert_eq!(play.live(), ["c"], "{order:?}: {}", play.status());
    }
}

#[test]
fn f5_a_channel_fires_once_in_a_turn_of_its_source() {
    let mut play = Play::of(&GATED.replace("writers: [coder]", "writers: [coder, human]"));
    play.turn("a", "g", &json!({"ok": true}));
    let human = Caller::Human("ada".into());
    for ok in [false, true, true] {
        play.write_as(human.clone(), "g", &json!({"ok": ok})).unwrap();
    }
    play.tick();
    assert_eq!(play.fired("a-b"), 1);
    assert_eq!(play.state.cycles, 0);
}

#[test]
fn f5_a_message_that_is_sent_twice_is_one() {
    let mut play = Play::of(&GATED.replace("gate: g", "fire: message"));
    let by = play.agent("a");
    let message = play.message(&by, "b", 7);
    let command = Command::Send { message, gates: BTreeMap::default(), by: by.clone() };
    for _ in 0..2 {
        play.give(&by.actor(), &Input::Command(command.clone())).unwrap();
    }
    assert_eq!((play.count("message.sent"), play.fired("a-b")), (1, 1));
}

#[test]
fn f8_firing_into_a_step_at_work_only_delivers_what_was_said() {
    let mut play = joined("");
    play.turn("a", "ga", &json!({"ok": 1}));
    let attempt = play.attempt("c");
    play.turn("b", "gb", &json!({"ok": 1}));
    assert_eq!(play.fired("b-c"), 1);
    assert_eq!((play.attempt("c"), play.state.epoch, play.state.cycles), (attempt, 1, 0));
}

#[test]
fn f9_a_fan_out_activates_all_targets_in_one_event() {
    let step = |n| format!("\n## b{n}\nrole: qa\naccess: none\n\nx\n");
    let channel = |n| format!("  - {{ id: c{n}, from: a, to: b{n}, gate: g }}\n");
    let steps = (1..=5).map(step).collect::<Vec<_>>().concat();
    let channels = (1..=5).map(channel).collect::<Vec<_>>().concat();
    let mut play = Play::of(&format!(
        "---\nname: t\nmaxConcurrency: 2\ngates:\n  g: {{ writers: [coder], when: {{ check: ok }} }}\n\
         channels:\n{channels}---\n\n## a\nrole: coder\n\nx\n{steps}"
    ));
    play.turn("a", "g", &json!({"ok": 1}));
    assert_eq!(play.firings().len(), 1);
    assert_eq!((play.firings()[0].channels.len(), play.firings()[0].steps.len()), (5, 5));
    assert_eq!(play.live(), ["b1", "b2"], "processes are bounded");
}

#[test]
fn f11_a_message_carries_writes_all_or_nothing() {
    let text = GATED.replace(
        "channels:",
        "  h: { writers: [human], fields: { ok: bool }, when: { check: ok, eq: true } }\nchannels:",
    );
    let mut play = Play::of(&text);
    let a = play.agent("a");
    let refusal =
        play.send(a.clone(), "b", &[("g", json!({"ok": true})), ("h", json!({"ok": true}))]);
    assert_eq!(refusal.unwrap_err().code, "forbidden");
    assert_eq!((play.stored("g", "ok"), play.state.messages.len()), (json!(null), 0));
    play.send(a, "b", &[("g", json!({"ok": true}))]).unwrap();
    assert_eq!((play.stored("g", "ok"), play.state.messages.len()), (json!(true), 1));
    play.end("a");
    assert_eq!(play.live(), ["b"]);
}

#[test]
fn f11_the_writes_of_a_message_come_before_its_delivery() {
    let mut play = Play::of(&GATED.replace("gate: g }", "gate: g, fire: message }"));
    let a = play.agent("a");
    play.send(a, "b", &[("g", json!({"ok": true}))]).unwrap();
    assert_eq!(play.fired("a-b"), 1, "the message opened the gate that it goes through");
}

#[test]
fn f12_the_run_is_done_when_all_end_steps_are_and_the_living_are_stopped() {
    let mut play = Play::of(
        "---\nname: t\nstart: [a, b, c]\nend: [a, b]\n---\n\n## a\nrole: coder\naccess: none\n\nx\n\n\
         ## b\nrole: coder\naccess: none\n\nx\n\n## c\nrole: coder\naccess: none\n\nx\n",
    );
    play.end("a");
    assert_eq!(play.status(), "running");
    play.end("b");
    assert_eq!(play.status(), "done(delivered)");
    assert_eq!(play.count("attempt.stopping"), 1);
    assert_eq!(play.task("c"), "skipped");
}

#[test]
fn a_source_that_failed_for_good_has_settled_and_fires_what_is_open() {
    let mut play = Play::of(&GATED.replace("gate: g", "fire: settled"));
    play.fail("a");
    assert_eq!(play.live(), ["b"]);
    play.end("b");
    assert_eq!(play.status(), "done(delivered)");
}
