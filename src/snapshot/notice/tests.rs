//! Which events are told, and when the same is told again.

use serde_json::json;

use super::*;
use crate::event::Actor;
use crate::snapshot::sample;

/// A record of this type, as the log would hold it.
fn record(seq: u64, kind: &str, data: &serde_json::Value) -> Record {
    let raw = serde_json::value::to_raw_value(data).unwrap();
    let body = Body::parse(kind, &raw).unwrap_or_else(|error| panic!("{kind}: {error}"));
    assert!(!matches!(body, Body::Unknown { .. }), "{kind}");
    Record { seq, at: Time(1_000), actor: Actor::Supervisor, epoch: 1, batch: seq, body }
}

/// What is told of events in this order: `name key` for people, nothing for what only hooks hear of.
fn told(events: &[(&str, serde_json::Value)]) -> Vec<String> {
    let mut notices = Notices::default();
    let mut told = Vec::new();
    for ((kind, data), seq) in events.iter().zip(1..) {
        let notice = notices.take(&record(seq, kind, data)).filter(Notice::is_for_people);
        told.push(notice.map_or_else(String::new, |told| format!("{} {}", told.name, told.key)));
    }
    told
}

fn opened(id: &str, kind: &str, subject: &str, version: u64) -> (&'static str, serde_json::Value) {
    let data = json!({"id": id, "kind": kind, "subject": subject, "version": version,
        "actions": ["approve"], "text": "Ship it?", "expires_at": "2026-05-01T09:30:00.000Z"});
    ("decision.opened", data)
}

fn made(id: &str) -> (&'static str, serde_json::Value) {
    ("decision.made", json!({"id": id, "action": "approve", "by": "human:ada"}))
}

#[expect(clippy::needless_pass_by_value, reason = "written where it is used")]
fn moved(rule: &str, to: serde_json::Value) -> (&'static str, serde_json::Value) {
    ("run.transitioned", json!({"rule": rule, "to": to}))
}

fn waiting() -> serde_json::Value {
    json!({"status": "waiting", "wait": {"on": "gate"}})
}

fn beat(task: &str, level: &str) -> (&'static str, serde_json::Value) {
    ("heartbeat.changed", json!({"task": task, "attempt": 1, "level": level, "age_ms": 65_000}))
}

fn attempt_ended(task: &str) -> (&'static str, serde_json::Value) {
    let data = json!({"task": task, "attempt": 1, "reason": "exited", "code": 0,
        "ended_at": "2026-05-01T09:30:00.000Z", "duration_ms": 5, "output_bytes": 1});
    ("attempt.ended", data)
}

#[test]
fn each_event_that_needs_somebody_is_told_and_no_other() {
    let queued = json!({"status": "queued", "resumed": false});
    let blocked = json!({"status": "blocked", "reason": "stalled", "detail": "no gate opens"});
    let failed = json!({"status": "failed", "reason": "agent_failed", "detail": "coding"});
    let silent = json!({"task": "coding", "attempt": 1, "kind": "silence", "detail": "10m"});
    let readied = json!({"task": "coding", "cause": "retry"});
    let settled = json!({"task": "coding", "status": "failed"});
    let table = [
        (opened("d1", "gate", "ship", 3), "decision.opened decision:gate:ship"),
        (opened("d1", "question", "coding", 3), "decision.opened decision:question:coding"),
        (opened("d1", "plan", "plan", 3), "decision.opened decision:plan:plan"),
        (opened("d1", "merge", "", 3), "decision.opened decision:merge:"),
        (opened("d1", "risk", "", 3), "decision.opened decision:risk:"),
        (moved("T18", blocked), "run.blocked run:blocked"),
        (moved("T26", failed), "run.failed run:failed"),
        (moved("T32", json!({"status": "done", "outcome": "merged"})), "run.done run:done"),
        (
            moved("T12", json!({"status": "waiting", "wait": {"on": "auth"}})),
            "run.waiting run:waiting",
        ),
        // What a waiting run waits for is a decision, and told as one.
        (moved("T10", waiting()), ""),
        (
            moved(
                "T12",
                json!({"status": "waiting", "wait": {"on": "limit", "wake_at": "2026-05-01T09:30:00.000Z"}}),
            ),
            "",
        ),
        (moved("T01", queued), ""),
        (moved("T16", json!({"status": "paused"})), ""),
        (moved("T36", json!({"status": "cancelled", "reason": "stopped"})), ""),
        (beat("coding", "warn"), ""),
        (beat("coding", "stale"), "heartbeat.stale heartbeat:coding:stale"),
        (beat("coding", "dead"), "heartbeat.dead heartbeat:coding:dead"),
        (("attention.raised", silent), "attention.raised attention:coding:silence"),
        (
            ("message.dead", json!({"ids": ["m1", "m2"], "why": "the run was done"})),
            "message.dead dead:m1,m2",
        ),
        (("run.noted", json!({"text": "hello"})), ""),
        (("task.readied", readied), ""),
        (("task.settled", settled), ""),
        (attempt_ended("coding"), ""),
        (made("d1"), ""),
    ];
    for (event, expected) in table {
        let data = event.1.to_string();
        assert_eq!(told(&[event]), [expected], "{data}");
    }
}

#[test]
fn the_same_is_told_again_only_after_it_was_resolved() {
    let ship = |id, version| opened(id, "gate", "ship", version);
    let fired =
        |cycle: bool| ("channels.fired", json!({"channels": ["c"], "steps": [], "cycle": cycle}));
    let wrote = |by: &str| {
        let entries = json!([{"field": "approved", "value": true}]);
        (
            "gate.written",
            json!({"gate": "ship", "by": by, "write": {"store": "ship", "entries": entries}}),
        )
    };
    let running = || moved("T05", json!({"status": "running"}));
    let blocked = || moved("T19", json!({"status": "blocked", "reason": "stalled", "detail": "x"}));
    let withdrawn = || ("question.withdrawn", json!({"task": "coding", "why": "it ended"}));
    let asks = |id| opened(id, "question", "coding", 1);
    let resolved: &[(_, Vec<_>, _)] = &[
        ("a decision", vec![made("d1")], true),
        ("a decision about another question", vec![made("d7")], false),
        ("the gate is written by a person", vec![wrote("human:ada")], true),
        ("the gate is written by an agent", vec![wrote("agent:review")], false),
        ("a new round", vec![fired(true)], true),
        ("a firing in the same round", vec![fired(false)], false),
        ("the run goes on with other work", vec![running()], false),
    ];
    for (what, between, expected) in resolved {
        let mut events = vec![ship("d1", 3)];
        events.extend(between.iter().cloned());
        events.push(ship("d2", 4));
        let last = told(&events).pop().unwrap();
        assert_eq!(!last.is_empty(), *expected, "{what}");
    }
    let again = told(&[ship("d1", 3), ship("d2", 4), made("d2"), ship("d3", 5)]);
    assert_eq!(again[1..], ["", "", "decision.opened decision:gate:ship"], "asked anew, decided");
    let question = told(&[asks("d1"), asks("d2"), withdrawn(), asks("d3")]);
    assert_eq!(question[1..], ["", "", "decision.opened decision:question:coding"]);
    let status = told(&[blocked(), blocked(), running(), blocked()]);
    assert_eq!(status[1..], ["", "", "run.blocked run:blocked"]);
    let beats =
        ["stale", "stale", "dead", "stale", "healthy", "stale"].map(|level| beat("a", level));
    let levels = told(&beats);
    let expected = ["heartbeat.stale", "", "heartbeat.dead", "", "", "heartbeat.stale"];
    assert_eq!(levels.map_first(), expected);
    let gone = told(&[
        beat("a", "stale"),
        attempt_ended("b"),
        beat("a", "stale"),
        attempt_ended("a"),
        beat("a", "stale"),
    ]);
    assert_eq!(gone.map_first(), ["heartbeat.stale", "", "", "", "heartbeat.stale"]);
}

trait FirstWords {
    fn map_first(&self) -> Vec<&str>;
}

impl FirstWords for Vec<String> {
    fn map_first(&self) -> Vec<&str> {
        self.iter().map(|line| line.split(' ').next().unwrap()).collect()
    }
}

#[test]
fn a_run_that_waits_for_long_reminds_once_of_all_that_it_asks() {
    let mut notices = Notices::default();
    let events = [
        opened("d1", "gate", "ship", 3),
        opened("d2", "question", "coding", 4),
        moved("T10", waiting()),
        moved("T15", waiting()),
        moved("T15", waiting()),
        made("d1"),
        moved("T13", json!({"status": "queued", "resumed": true})),
        moved("T10", waiting()),
        moved("T15", waiting()),
    ];
    let told: Vec<Option<Notice>> = events
        .iter()
        .zip(1..)
        .map(|((kind, data), seq)| notices.take(&record(seq, kind, data)))
        .collect();
    let reminder = told[3].as_ref().unwrap();
    assert_eq!((reminder.name.as_str(), reminder.severity), ("run.reminder", Severity::NeedsYou));
    assert_eq!(reminder.text, "gate `ship` waits for you; coding asks you");
    assert!(told[4].is_none(), "one reminder");
    assert_eq!(told[8].as_ref().unwrap().text, "coding asks you", "it waits anew");
}

#[test]
fn what_is_resolved_before_anybody_could_be_told_is_not_told() {
    let events = [
        opened("d1", "gate", "ship", 3),
        made("d1"),
        opened("d2", "gate", "ship", 5),
        beat("coding", "stale"),
        attempt_ended("coding"),
    ];
    let records: Vec<Record> =
        events.iter().zip(1..).map(|((kind, data), seq)| record(seq, kind, data)).collect();
    let told: Vec<String> = Notices::default()
        .look(&records)
        .into_iter()
        .map(|notice| format!("{} {}", notice.seq, notice.name))
        .collect();
    // What only hooks hear of is told in any case.
    assert_eq!(told, ["2 decision.made", "3 decision.opened", "5 attempt.ended"]);
}

#[test]
fn a_real_run_is_told_in_words() {
    let (_, records) = sample::records(sample::started().into_iter().chain(sample::question()));
    let mut notices = Notices::default();
    let told: Vec<Notice> =
        notices.look(&records).into_iter().filter(Notice::is_for_people).collect();
    let [asked] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(
        serde_json::to_value(asked).unwrap(),
        json!({"type": "decision.opened", "run": "shop#5", "key": "decision:question:coding",
            "severity": "needs_you", "title": "shop#5: coding asks you",
            "text": "Are amounts in cents?", "task": "coding", "next": "crew decisions 5",
            "seq": asked.seq, "at": asked.at})
    );
}

#[test]
fn nothing_secret_and_nothing_that_moves_the_cursor_is_told() {
    let mut asked = opened("d1", "question", "coding", 3);
    asked.1["text"] =
        "use\u{1b}]0;x\u{7}\r\nsk-ant-api03-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA?".into();
    let notice = Notices::default().take(&record(1, asked.0, &asked.1)).unwrap();
    assert!(!notice.text.contains("AAAA") && !notice.text.contains(char::is_control), "{notice:?}");
}

#[test]
fn dead_letters_are_over_when_the_run_is_taken_up_again() {
    let dead = ("message.dead", json!({"ids": ["m1"], "why": "the run was done"}));
    let queued = json!({"status": "queued", "resumed": true});
    let found = told(&[dead.clone(), moved("T37", queued), dead]);
    assert_eq!(found, ["message.dead dead:m1", "", "message.dead dead:m1"]);
}
