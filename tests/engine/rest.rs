//! What cannot move by itself says so: waiting or blocked, with a reason and who may resolve it.

use crew::engine::{Caller, Command, Vitals, deadline, explain_run};
use serde_json::json;

use super::support::Play;

#[test]
fn t19_a_stall_names_the_closed_gates_and_their_writers() {
    let mut play = Play::of(
        "---\nname: t\nstart: a\nend: [b, c]\ngates:\n  \
         g: { writers: [coder, reviewer], fields: { ok: bool }, when: { check: ok, eq: true } }\n  \
         h: { writers: [qa], when: { check: x } }\n\
         channels:\n  - { id: a-b, from: a, to: b, gate: g }\n  - { id: a-c, from: a, to: c, gate: h }\n---\n\n\
         ## a\nrole: coder\n\nx\n\n## b\nrole: qa\n\nx\n\n## c\nrole: reviewer\n\nx\n",
    );
    play.turn("a", "g", &json!({"ok": false}));
    assert_eq!(play.status(), "blocked(stalled)");
    for word in ["`g`", "coder, reviewer", "`h`", "qa", "false"] {
        assert!(play.detail().contains(word), "{word}: {}", play.detail());
    }
    let why = explain_run(&play.state, &Vitals::default(), play.now);
    assert!(why.headline.contains("`g`") && why.command.is_some(), "{why:?}");
}

#[test]
fn a_gate_that_does_not_exist_is_closed_for_ever_and_blocks() {
    let mut compiled = super::support::plan(
        "---\nname: t\ngates:\n  g: { writers: [coder], when: { check: ok } }\n\
         channels:\n  - { id: a-b, from: a, to: b, gate: g }\n---\n\n## a\nrole: coder\n\nx\n\n## b\nrole: qa\n\nx\n",
    );
    compiled.channels[0].gates = vec!["gone".to_owned()];
    let mut play = Play::new(compiled);
    play.end("a");
    assert_eq!(play.status(), "blocked(stalled)");
    assert!(play.detail().contains("gone"), "{}", play.detail());
}

#[test]
fn a_human_gate_on_a_channel_that_fires_when_it_opens_is_asked_for() {
    let mut play = Play::of(
        "---\nname: t\ngates:\n  g: { writers: [human], fields: { ok: bool }, when: { check: ok, eq: true } }\n\
         channels:\n  - { id: a-b, from: a, to: b, gate: g, fire: open }\n---\n\n\
         ## a\nrole: coder\n\nx\n\n## b\nrole: qa\n\nx\n",
    );
    play.end("a");
    assert_eq!((play.status().as_str(), play.asked().len()), ("waiting(gate)", 1));
    play.approve("g");
    assert_eq!(play.live(), ["b"]);
}

#[test]
fn everything_that_waits_or_is_blocked_names_a_command() {
    let text = "---\nname: t\ngates:\n  g: { writers: [human], fields: { ok: bool }, when: { check: ok, eq: true } }\n\
         channels:\n  - { id: a-b, from: a, to: b, gate: g }\n---\n\n\
         ## a\nrole: coder\n\nx\n\n## b\nrole: qa\n\nx\n";
    let mut play = Play::of(text);
    play.end("a");
    let why = explain_run(&play.state, &Vitals::default(), play.now);
    assert!(why.command.as_deref().unwrap_or_default().contains("crew approve 1 g"), "{why:?}");
    assert!(
        deadline(&play.state, &Vitals::default(), play.now).is_some(),
        "it will be put to sleep"
    );
    play.decide(Some("g"), crew::event::decision::Action::Reject, "no").unwrap();
    let why = explain_run(&play.state, &Vitals::default(), play.now);
    assert!(why.command.as_deref().unwrap_or_default().contains("crew approve 1"), "{why:?}");
}

#[test]
fn a_channel_from_a_step_that_failed_waits_for_a_person_before_the_run_fails() {
    let mut play = Play::of(
        "---\nname: t\ngates:\n  g: { writers: [human], fields: { ok: bool }, when: { check: ok, eq: true } }\n\
         channels:\n  - { id: a-b, from: a, to: b, gate: g }\n---\n\n\
         ## a\nrole: coder\n\nx\n\n## b\nrole: qa\n\nx\n",
    );
    play.fail("a");
    assert_eq!(play.status(), "waiting(gate)");
    play.approve("g");
    play.end("b");
    assert_eq!(play.status(), "done(delivered)");
}

#[test]
fn a_task_that_blocks_is_retried_alone() {
    let mut play = Play::of(
        "---\nname: t\nchannels:\n  - { id: a-b, from: a, to: b, fire: settled }\n---\n\n\
         ## a\nrole: coder\n\nx\n\n## b\nrole: qa\n\nx\n",
    );
    play.end_with("a", |end| end.report.blocked = Some("no access".to_owned()));
    assert_eq!((play.status().as_str(), play.fired("a-b")), ("blocked(agent_blocked)", 0));
    let task = super::support::id("a");
    play.person(Command::RetryTask { task, runtime: None, message: None }).unwrap();
    play.end("a");
    assert_eq!(play.live(), ["b"]);
}

#[test]
fn a_stop_during_anything_wins() {
    let mut play = Play::of(
        "---\nname: t\ngates:\n  g: { writers: [coder], fields: { ok: bool }, when: { check: ok, eq: true } }\n\
         channels:\n  - { id: a-b, from: a, to: b, gate: g }\n---\n\n\
         ## a\nrole: coder\n\nx\n\n## b\nrole: qa\n\nx\n",
    );
    play.write("a", "g", &json!({"ok": true})).unwrap();
    play.ask("a", "which?", &[]).unwrap();
    play.person(Command::Stop).unwrap();
    assert_eq!(
        (play.status().as_str(), play.live().len(), play.fired("a-b")),
        ("cancelled(stopped)", 0, 0)
    );
    assert!(play.write_as(Caller::Runtime, "g", &json!({"ok": false})).is_err());
}

#[test]
fn a_cycle_at_its_limit_waits_for_the_living_and_then_blocks() {
    let mut play = Play::of(
        "---\nname: t\nstart: [a, other]\nend: z\nmaxIterations: 1\ngates:\n  \
         back: { writers: [reviewer], fields: { again: bool }, resetOnCycle: true, when: { check: again, eq: true } }\n  \
         go: { writers: [reviewer], when: { check: go } }\n\
         channels:\n  - { id: a-r, from: a, to: r, fire: settled }\n  - { id: r-a, from: r, to: a, gate: back, cyclic: true }\n  \
         - { id: r-z, from: r, to: z, gate: go }\n---\n\n\
         ## a\nrole: coder\naccess: none\n\nx\n\n## other\nrole: qa\naccess: none\n\nx\n\n\
         ## r\nrole: reviewer\naccess: none\n\nx\n\n## z\nkind: end\n",
    );
    for _ in 0..2 {
        play.end("a");
        play.turn("r", "back", &json!({"again": true}));
    }
    assert_eq!((play.status().as_str(), play.live()), ("running", vec!["other".to_owned()]));
    play.end("other");
    assert_eq!(play.status(), "blocked(max_iterations)");
}

#[test]
fn a_run_that_was_stopped_goes_on_through_its_gates_when_it_is_reopened() {
    let mut play = Play::of(
        "---\nname: t\ngates:\n  g: { writers: [coder], fields: { ok: bool }, when: { check: ok, eq: true } }\n\
         channels:\n  - { id: a-b, from: a, to: b, gate: g }\n---\n\n\
         ## a\nrole: coder\n\nx\n\n## b\nrole: qa\n\nx\n",
    );
    play.write("a", "g", &json!({"ok": true})).unwrap();
    play.person(Command::Stop).unwrap();
    play.person(Command::Reopen { message: None }).unwrap();
    assert_eq!((play.live(), play.fired("a-b")), (vec!["a".to_owned()], 0));
    play.end("a");
    play.end("b");
    assert_eq!(play.status(), "done(delivered)");
}

#[test]
fn a_pause_in_the_middle_of_a_flow_loses_nothing() {
    let mut play = Play::of(
        "---\nname: t\ngates:\n  g: { writers: [coder], fields: { ok: bool }, when: { check: ok, eq: true } }\n\
         channels:\n  - { id: a-b, from: a, to: b, gate: g }\n---\n\n\
         ## a\nrole: coder\n\nx\n\n## b\nrole: qa\n\nx\n",
    );
    play.write("a", "g", &json!({"ok": true})).unwrap();
    play.person(Command::Pause).unwrap();
    assert_eq!((play.status().as_str(), play.live().len()), ("paused", 0));
    play.resume();
    play.end("a");
    assert_eq!((play.live(), play.state.epoch), (vec!["b".to_owned()], 1));
}

#[test]
fn f10_a_yes_to_a_gate_inside_a_loop_does_not_give_the_limit_back() {
    let text = "---\nname: w\ndescription: d\nstart: code\nend: done\nmaxIterations: 2\ngates:\n  \
        look: { fields: { ok: bool }, writers: [human], resetOnCycle: true, when: { check: ok, eq: true } }\n  \
        no: { store: verdict, fields: { ok: bool }, writers: [qa], resetOnCycle: true, when: { check: ok, eq: false } }\n  \
        yes: { store: verdict, fields: { ok: bool }, writers: [qa], resetOnCycle: true, when: { check: ok, eq: true } }\n\
        channels:\n  - { id: c1, from: code, to: qa, gate: look }\n  \
        - { id: c2, from: qa, to: code, gate: no, cyclic: true }\n  - { id: c3, from: qa, to: done, gate: yes }\n---\n\n\
        ## code\nrole: coder\n\nx\n\n## qa\nrole: qa\naccess: none\n\nx\n\n## done\nkind: end\n";
    let mut play = Play::of(text);
    for _ in 0..2 {
        play.end("code");
        play.approve("look");
        play.turn("qa", "no", &json!({"ok": false}));
    }
    assert_eq!(play.state.cycles, 2, "the person only let the work pass");
    play.end("code");
    play.approve("look");
    play.turn("qa", "no", &json!({"ok": false}));
    assert_eq!(play.status(), "blocked(max_iterations)");
}
