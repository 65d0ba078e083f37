//! Truth tables of every condition: what cannot be evaluated is closed, never open.

use crew::base::Time;
use crew::base::flow::{CheckOp, Condition};
use crew::engine::{CommandEvidence, GateVerdict, State, StoreState};
use serde_json::{Value, json};

use super::support::Play;

/// A run with one gate that holds this condition.
fn with(when: &str) -> Play {
    Play::of(&format!(
        "---\nname: t\ngates:\n  g: {{ writers: [coder], when: {when} }}\nchannels:\n  \
         - {{ id: a-b, from: a, to: b, gate: g }}\n---\n\n## a\nrole: coder\n\nx\n\n## b\nrole: qa\n\nx\n"
    ))
}

/// What the gate says when its store holds this; `Null` stands for a store that nobody wrote.
fn verdict(play: &Play, data: &Value) -> GateVerdict {
    let mut state: State = play.state.clone();
    if let Value::Object(data) = data {
        state.stores.insert("g".into(), StoreState { data: data.clone(), ..StoreState::default() });
    }
    state.gate("g")
}

fn table(when: &str, rows: &[(Value, bool)]) {
    let play = with(when);
    for (data, open) in rows {
        let found = verdict(&play, data);
        assert_eq!(found.open, *open, "{when} with {data}: {}", found.reason);
        assert_eq!(found.reason.is_empty(), found.open, "{when} with {data}: {found:?}");
    }
}

#[test]
fn check_asks_for_a_value_that_is_neither_null_nor_empty_text() {
    table(
        "{ check: f }",
        &[
            (Value::Null, false),
            (json!({}), false),
            (json!({"other": 1}), false),
            (json!({"f": null}), false),
            (json!({"f": ""}), false),
            (json!({"f": " "}), true),
            (json!({"f": 0}), true),
            (json!({"f": false}), true),
            (json!({"f": []}), true),
            (json!({"f": {}}), true),
            (json!({"f": "x"}), true),
        ],
    );
}

#[test]
fn eq_compares_as_json_without_coercion() {
    table(
        "{ check: f, eq: true }",
        &[
            (Value::Null, false),
            (json!({}), false),
            (json!({"f": true}), true),
            (json!({"f": "true"}), false),
            (json!({"f": 1}), false),
            (json!({"f": [true]}), false),
            (json!({"f": null}), false),
        ],
    );
    table(
        "{ check: f, eq: 1 }",
        &[
            (json!({"f": 1}), true),
            (json!({"f": 1.0}), true),
            (json!({"f": 1.5}), false),
            (json!({"f": "1"}), false),
            (json!({"f": true}), false),
        ],
    );
    table("{ check: f, eq: 0 }", &[(json!({"f": -0.0}), true), (json!({"f": false}), false)]);
    table("{ check: f, eq: '' }", &[(json!({"f": ""}), true), (json!({}), false)]);
    table("{ check: f, eq: 'yes' }", &[(json!({"f": "yes"}), true), (json!({"f": "Yes"}), false)]);
    table(
        "{ check: f, eq: [1, {a: 2}] }",
        &[(json!({"f": [1.0, {"a": 2}]}), true), (json!({"f": [{"a": 2}, 1]}), false)],
    );
}

#[test]
fn large_whole_numbers_are_not_rounded_together() {
    let (a, b) = (9_007_199_254_740_992_u64, 9_007_199_254_740_993_u64);
    table(
        &format!("{{ check: f, eq: {a} }}"),
        &[(json!({"f": a}), true), (json!({"f": b}), false)],
    );
}

#[test]
fn ne_holds_for_a_missing_value() {
    table(
        "{ check: f, ne: rejected }",
        &[
            (Value::Null, true),
            (json!({}), true),
            (json!({"f": null}), true),
            (json!({"f": "rejected"}), false),
            (json!({"f": "approved"}), true),
            (json!({"f": ["rejected"]}), true),
        ],
    );
    table("{ check: f, ne: 1 }", &[(json!({"f": 1.0}), false), (json!({"f": "1"}), true)]);
}

#[test]
fn count_counts_equal_values_of_an_object_and_of_nothing_else() {
    table(
        "{ count: votes, eq: approve, min: 2 }",
        &[
            (Value::Null, false),
            (json!({}), false),
            (json!({"votes": null}), false),
            (json!({"votes": {"a": "approve"}}), false),
            (json!({"votes": {"a": "approve", "b": "approve"}}), true),
            (json!({"votes": {"a": "approve", "b": "approve", "c": "reject"}}), true),
            (json!({"votes": {"a": "approve", "b": "Approve"}}), false),
            (json!({"votes": ["approve", "approve"]}), false),
            (json!({"votes": "approve approve"}), false),
            (json!({"votes": 2}), false),
            (json!({"votes": {"a": ["approve"], "b": "approve"}}), false),
        ],
    );
    table("{ count: n, eq: 1, min: 1 }", &[(json!({"n": {"a": 1.0}}), true)]);
}

#[test]
fn a_minimum_of_nothing_still_asks_for_one() {
    let mut play = with("{ count: votes, eq: approve, min: 1 }");
    let created = std::sync::Arc::make_mut(&mut play.state.created);
    let compiled = std::sync::Arc::make_mut(&mut created.plan);
    compiled.gates[0].when =
        Condition::Count { field: "votes".into(), eq: "approve".into(), min: 0 };
    assert!(!verdict(&play, &json!({})).open, "`min: 0` opens at once");
    assert!(verdict(&play, &json!({"votes": {"a": "approve"}})).open);
}

#[test]
fn a_leading_slash_makes_a_json_pointer_and_a_dot_makes_nothing() {
    table(
        "{ check: /a/b }",
        &[
            (json!({"a": {"b": 1}}), true),
            (json!({"a": {"b": ""}}), false),
            (json!({"a": 1}), false),
            (json!({"/a/b": 1}), false),
        ],
    );
    table(
        "{ check: /a/1, eq: y }",
        &[(json!({"a": ["x", "y"]}), true), (json!({"a": ["y"]}), false)],
    );
    table("{ check: /a~1b }", &[(json!({"a/b": 1}), true), (json!({"a": {"b": 1}}), false)]);
    table("{ check: /a~0b/c }", &[(json!({"a~b": {"c": 1}}), true)]);
    table("{ check: a.b }", &[(json!({"a": {"b": 1}}), false), (json!({"a.b": 1}), true)]);
    table("{ count: /v/w, eq: x, min: 1 }", &[(json!({"v": {"w": {"t": "x"}}}), true)]);
}

#[test]
fn all_and_any_nest_and_empty_ones_are_what_logic_says() {
    table("{ all: [] }", &[(Value::Null, true)]);
    table("{ any: [] }", &[(Value::Null, false), (json!({"f": 1}), false)]);
    table(
        "{ all: [ { check: a }, { any: [ { check: b }, { check: c, eq: 2 } ] } ] }",
        &[
            (json!({"a": 1}), false),
            (json!({"b": 1}), false),
            (json!({"a": 1, "b": 1}), true),
            (json!({"a": 1, "c": 2}), true),
            (json!({"a": 1, "c": 3}), false),
        ],
    );
    table("{ any: [ { all: [] }, { check: a } ] }", &[(Value::Null, true)]);
}

#[test]
fn the_long_form_means_the_same() {
    let exists = "{ type: check, field: f, op: exists }";
    table(exists, &[(json!({"f": 0}), true), (json!({"f": ""}), false)]);
    table(
        "{ type: check, field: f, op: '==', value: x }",
        &[(json!({"f": "x"}), true), (json!({}), false)],
    );
    table("{ type: check, field: f, op: '!=', value: x }", &[(json!({}), true)]);
}

#[test]
fn conditions_beyond_the_limits_are_closed() {
    let mut play = with("{ check: f }");
    let mut set = |when: Condition| {
        let created = std::sync::Arc::make_mut(&mut play.state.created);
        std::sync::Arc::make_mut(&mut created.plan).gates[0].when = when;
        verdict(&play, &json!({"f": 1}))
    };
    let check = || Condition::Check { field: "f".into(), op: CheckOp::Exists };
    let nested = |depth: usize| (1..depth).fold(check(), |inner, _| Condition::All(vec![inner]));
    assert!(set(nested(8)).open);
    let deep = set(nested(9));
    assert!(!deep.open && deep.reason.contains("deeper"), "{deep:?}");
    let any = set(Condition::Any(vec![check(), nested(9)]));
    assert!(any.open, "what is deep enough still counts: {any:?}");
    assert!(set(Condition::All((0..63).map(|_| check()).collect())).open);
    let wide = set(Condition::All((0..64).map(|_| check()).collect()));
    assert!(!wide.open && wide.reason.contains("65"), "{wide:?}");
}

#[test]
fn done_looks_at_the_step_and_not_at_its_past() {
    let mut play = Play::of(
        "---\nname: t\nstart: a\nend: z\ngates:\n  g: { writers: [coder], when: { done: b } }\n  \
         back: { writers: [reviewer], fields: { again: bool }, resetOnCycle: true, when: { check: again, eq: true } }\n  \
         go: { writers: [reviewer], when: { check: go } }\n\
         channels:\n  - { id: a-b, from: a, to: b, fire: settled }\n  - { id: b-c, from: b, to: c, fire: settled }\n  \
         - { id: c-a, from: c, to: a, gate: back, cyclic: true }\n  - { id: c-z, from: c, to: z, gates: [go, g] }\n---\n\n\
         ## a\nrole: coder\n\nx\n\n## b\nrole: qa\n\nx\n\n## c\nrole: reviewer\n\nx\n\n## z\nkind: end\n",
    );
    assert!(!play.state.gate("g").open);
    play.end("a");
    assert!(!play.state.gate("g").open, "b is live");
    play.end("b");
    assert!(play.state.gate("g").open);
    play.turn("c", "back", &json!({"again": true}));
    assert_eq!(play.task("b"), "stale");
    assert!(!play.state.gate("g").open, "a stale step is not done");
}

#[test]
fn exec_wants_green_evidence_of_this_tree_and_this_epoch() {
    let play = with("{ exec: check }");
    let tree = play.state.tree_key();
    let evidence = |code, epoch| CommandEvidence { code, epoch, at: Time(0), tail: String::new() };
    let verdict = |name: &str, tree: &str, found: CommandEvidence| {
        let mut state = play.state.clone();
        state.evidence.entry(name.into()).or_default().insert(tree.into(), found);
        state.gate("g")
    };
    assert!(!play.state.gate("g").open, "nothing has run");
    assert!(verdict("check", &tree, evidence(Some(0), 1)).open);
    assert!(!verdict("check", &tree, evidence(Some(1), 1)).open, "red");
    assert!(!verdict("check", &tree, evidence(None, 1)).open, "killed");
    assert!(!verdict("check", "other", evidence(Some(0), 1)).open, "an old tree");
    assert!(!verdict("check", &tree, evidence(Some(0), 0)).open, "an old epoch");
    assert!(!verdict("other", &tree, evidence(Some(0), 1)).open, "another command");
}

#[test]
fn what_does_not_exist_is_closed_with_a_reason() {
    let mut play = with("{ exec: nothing }");
    let found = play.state.gate("g");
    assert!(!found.open && found.reason.contains("nothing"), "{found:?}");
    assert!(!play.state.gate("no-gate").open);
    let created = std::sync::Arc::make_mut(&mut play.state.created);
    let compiled = std::sync::Arc::make_mut(&mut created.plan);
    compiled.gates[0].when = Condition::Done("nobody".parse().expect("a name"));
    let found = play.state.gate("g");
    assert!(!found.open && found.reason.contains("nobody"), "{found:?}");
}
