//! approve, reject, suggest, discard, request-changes, merge, decisions: one decision is made once, by somebody who
//! saw it or says that they need not.

#![expect(clippy::unwrap_used, reason = "what a test stands on fails the test")]

use crew::engine::Input;
use crew::event::Body;
use crew::event::attempt::{EndReason, Report};
use serde_json::Value;

use crate::env::{CODING, GATED, Run, TWO_GATES, TestEnv};

/// A run whose gate waits for a person.
fn waiting(env: &TestEnv, slug: &str) -> Run {
    let mut run = env.run(slug, GATED).start();
    played(&mut run);
    run
}

fn played(run: &mut Run) {
    run.end("coding", EndReason::Exited, Report { spoke: true, ..Report::default() });
    assert_eq!(run.status(), "waiting");
}

/// The queue takes a run that goes on at once, so that it may run already.
fn goes_on(run: &mut Run) -> bool {
    matches!(run.status(), "queued" | "running")
}

fn count(run: &Run, kind: &str) -> usize {
    run.events().matches(&format!(r#""type":"{kind}""#)).count()
}

/// The nonce and the name of the only decision that a run asks.
fn look(env: &TestEnv, run: &str) -> (String, String) {
    let told = env.crew(&["decisions", run, "--json"]).code(0).json();
    let [only] = told["decisions"].as_array().unwrap().as_slice() else { panic!("{told:#}") };
    let text = |key: &str| only[key].as_str().unwrap().to_owned();
    (text("nonce"), text("id"))
}

fn refusal(run: &Run, text: &str) -> bool {
    run.events().lines().any(|line| line.contains("command.refused") && line.contains(text))
}

#[test]
fn a_yes_opens_the_gate_once_and_a_later_no_is_a_conflict() {
    let env = TestEnv::new();
    let mut run = waiting(&env, "ship-it");
    env.crew(&["approve", "1", "approval", "--yes"]).code(0).says("approved `approval`: run #1 is");
    assert!(goes_on(&mut run));
    let seq = run.seq();
    let told = env.crew(&["approve", "1", "approval", "--yes", "--json"]).code(0).json();
    assert_eq!(told["decision"]["repeated"], true, "{told}");
    assert_eq!(told["decision"]["by"], "human:ada");
    env.crew(&["approve", "1"]).code(0).says("human:ada approved `approval`").says("already");
    assert_eq!(run.seq(), seq, "nothing was written again");
    let told = env.crew(&["reject", "1", "approval", "--text", "no", "--yes", "--json"]).code(7);
    let error = told.json_error();
    assert_eq!(error["code"], "conflict");
    assert!(
        error["message"].as_str().unwrap().contains("human:ada decided `approve` on `approval` at")
    );
    assert_eq!(count(&run, "decision.made"), 1);
    assert!(refusal(&run, "conflict"), "the refusal is on record");
}

#[test]
fn a_no_blocks_the_run_and_a_yes_after_all_goes_on() {
    let env = TestEnv::new();
    let mut run = waiting(&env, "ship-it");
    env.crew(&["reject", "1", "--text", "too large", "--yes"]).code(0).says("rejected `approval`");
    assert_eq!(run.status(), "blocked");
    env.crew(&["reject", "1", "approval", "--yes"]).code(0).says("already");
    env.crew(&["status", "1"]).code(1).prints("too large").prints("crew approve 1 approval");
    env.crew(&["approve", "1", "--yes"]).code(0);
    assert!(goes_on(&mut run));
}

#[test]
fn without_a_terminal_somebody_must_have_looked() {
    let env = TestEnv::new();
    let mut run = waiting(&env, "ship-it");
    let told = env.crew(&["approve", "1", "--json"]).code(7);
    let error = told.json_error();
    assert_eq!(error["code"], "unseen");
    let hint = error["hint"].as_str().unwrap();
    assert!(
        hint.contains("`crew decisions 1`") && hint.contains("--nonce") && hint.contains("--yes")
    );
    assert_eq!((run.status(), count(&run, "decision.made")), ("waiting", 0));
}

#[test]
fn a_nonce_decides_what_was_shown_and_is_kept_nowhere() {
    let env = TestEnv::new();
    let mut run = waiting(&env, "ship-it");
    let (nonce, _) = look(&env, "1");
    assert_eq!((nonce.len(), count(&run, "decision.shown")), (32, 1));
    assert!(!run.events().contains(&nonce), "only its hash is on record");
    env.crew(&["decisions", "1"]).code(0).prints("Is it good?").prints("approval --nonce ");
    let other = format!("{}{}", if nonce.starts_with('0') { '1' } else { '0' }, &nonce[1..]);
    env.crew(&["approve", "1", "--nonce", &other]).code(7).says("never shown for this run");
    env.crew(&["approve", "1", "ship", "--nonce", &nonce])
        .code(7)
        .says("the nonce belongs to `approval`, not to `ship`");
    env.crew(&["approve", "1", "approval", "--nonce", &nonce]).code(0);
    assert!(goes_on(&mut run));
    // It is used up: the same again is the first, and anything else comes too late.
    env.crew(&["approve", "1", "--nonce", &nonce]).code(0).says("already");
    env.crew(&["reject", "1", "--nonce", &nonce]).code(7).says("decided `approve`");
    assert_eq!(count(&run, "decision.made"), 1);
}

#[test]
fn a_nonce_of_another_run_decides_nothing() {
    let env = TestEnv::new();
    let mut one = waiting(&env, "one");
    let mut two = waiting(&env, "two");
    let (nonce, _) = look(&env, "1");
    env.crew(&["approve", "2", "--nonce", &nonce]).code(7).says("never shown for this run");
    assert_eq!((one.status(), two.status()), ("waiting", "waiting"));
    assert!(refusal(&two, "never shown"), "the refusal is on record");
}

#[test]
fn a_nonce_counts_no_longer_when_what_was_shown_changes() {
    let env = TestEnv::new();
    let mut run = waiting(&env, "ship-it");
    let (nonce, first) = look(&env, "1");
    env.crew(&["gate", "write", "1", "approval", "note=mind the tests"])
        .code(0)
        .says("it is closed");
    let told = env.crew(&["approve", "1", "--nonce", &nonce, "--json"]).code(7);
    assert_eq!(told.json_error()["code"], "superseded");
    assert_eq!(run.status(), "waiting");
    let (nonce, second) = look(&env, "1");
    assert_ne!(first, second);
    env.crew(&["approve", "1", &second, "--nonce", &nonce]).code(0);
    assert!(goes_on(&mut run));
}

#[test]
fn of_many_at_once_one_decides_and_the_others_are_told() {
    let env = TestEnv::new();
    let run = waiting(&env, "ship-it");
    let (nonce, _) = look(&env, "1");
    let children: Vec<_> = ["approve", "reject", "approve", "reject", "approve", "reject"]
        .into_iter()
        .map(|verb| {
            let mut command = env.command();
            command.args([verb, "1", "--nonce", &nonce, "--quiet"]);
            command.stderr(std::process::Stdio::null());
            (verb, command.spawn().unwrap())
        })
        .collect();
    let codes: Vec<(&str, Option<i32>)> = children
        .into_iter()
        .map(|(verb, mut child)| (verb, child.wait().unwrap().code()))
        .collect();
    assert_eq!(count(&run, "decision.made"), 1, "{codes:?}");
    let winner = if run.events().contains(r#""action":"approve""#) { "approve" } else { "reject" };
    for (verb, code) in codes {
        assert_eq!(code, Some(if verb == winner { 0 } else { 7 }), "{verb}; {winner} won");
    }
}

#[test]
fn what_expired_is_asked_anew_before_it_is_decided() {
    let env = TestEnv::new();
    let mut run = env.old_run("ship-it", GATED).start();
    played(&mut run);
    env.crew(&["status", "1"]).code(4).prints("expired: `crew decisions 1` asks it anew");
    let told = env.crew(&["approve", "1", "--yes", "--json"]).code(7);
    assert_eq!(told.json_error()["code"], "expired");
    assert_eq!(run.status(), "waiting");
    let (nonce, name) = look(&env, "1");
    assert_eq!(name, "d2");
    env.crew(&["approve", "1", "d1", "--yes"]).code(7).says("`d1` counts no longer");
    env.crew(&["approve", "1", "--nonce", &nonce]).code(0);
    assert!(goes_on(&mut run));
}

#[test]
fn what_is_not_asked_of_people_cannot_be_decided() {
    let env = TestEnv::new();
    let mut run = waiting(&env, "ship-it");
    env.crew(&["approve", "1", "votes", "--yes"])
        .code(7)
        .says("not decided by people; reviewer may");
    env.crew(&["approve", "1", "aproval", "--yes"]).code(6).says("did you mean `approval`?");
    env.crew(&["approve", "1", "coding", "--yes"])
        .code(7)
        .says("task `coding` is done; it asks nothing");
    env.crew(&["approve", "1", "d9", "--yes"]).code(6);
    env.crew(&["suggest", "1", "--text", "x", "--yes"]).code(7).says("asks nothing that `suggest`");
    env.crew(&["request-changes", "1", "approval", "--text", "x", "--yes"])
        .code(7)
        .says("`approval` takes approve, reject");
    env.crew(&["approve", "1/approval", "approval", "--yes"]).code(2).says("named twice");
    env.crew(&["approve", "2", "--yes"]).code(6);
    assert_eq!((run.status(), count(&run, "decision.made")), ("waiting", 0));
    assert_eq!(count(&run, "command.refused"), 6, "every refusal is on record");
}

#[test]
fn a_finished_run_decides_nothing_more() {
    let env = TestEnv::new();
    let mut run = waiting(&env, "ship-it");
    let (nonce, _) = look(&env, "1");
    env.crew(&["stop", "1"]).code(0);
    for proof in [&["--yes"][..], &["--nonce", &nonce]] {
        let args = [&["approve", "1", "approval"], proof].concat();
        env.crew(&args).code(7).says("run #1 is cancelled");
    }
    env.crew(&["decisions", "1"]).code(0).says("asks nothing");
    assert_eq!((run.status(), count(&run, "decision.made")), ("cancelled", 0));
}

#[test]
fn of_several_decisions_one_must_be_named() {
    let env = TestEnv::new();
    let mut run = env.run("ship-it", TWO_GATES).start();
    played(&mut run);
    let told = env.crew(&["approve", "1", "--yes"]).code(7);
    told.says("2 decisions fit: first, second").says("`crew approve 1 first`");
    env.crew(&["approve", "1", "second", "--yes"]).code(0);
    let told = env.crew(&["decisions", "1", "--json"]).json();
    assert_eq!(told["decisions"][0]["subject"], "first", "{told:#}");
    assert_eq!(told["decisions"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_decision_shows_what_its_gate_names() {
    let env = TestEnv::new();
    let mut run = waiting(&env, "ship-it");
    let name: crew::base::ArtifactName = "plan.md".parse().unwrap();
    let stored = crew::store::artifact::store(run.ledger.dir(), &name, b"1. refunds\n").unwrap();
    let task = "coding".parse().unwrap();
    let (bytes, hash) = (stored.bytes, stored.hash);
    let fact = crew::event::body::ArtifactStored { name, task, bytes, hash };
    run.commit(Input::Fact(Body::from(fact)));
    let told = env.crew(&["decisions", "1", "--json"]).code(0).json();
    let shows: Vec<&Value> = told["decisions"][0]["shows"].as_array().unwrap().iter().collect();
    assert_eq!(shows[0], &serde_json::json!({"name": "artifact plan.md", "text": "1. refunds"}));
    assert_eq!(shows[1], &serde_json::json!({"name": "gate votes", "text": "nothing is written"}));
    env.crew(&["decisions", "1"]).code(0).prints("    1. refunds");
}

#[test]
fn gates_are_listed_shown_explained_and_written() {
    let env = TestEnv::new();
    let mut run = waiting(&env, "ship-it");
    let told = env.crew(&["gate", "list", "1", "--json"]).code(0).json();
    assert_eq!(told["gates"][0]["waiting_for"], "human");
    assert_eq!(told["gates"][1]["waiting_for"], Value::Null);
    env.crew(&["gate", "list", "1"]).code(0).prints("waits for you: `approved` is not written");
    env.crew(&["gate", "show", "1/votes"])
        .code(0)
        .prints("0 of 2 `votes` are approve: review/1, review/2 have not voted")
        .prints("votes: per task one of approve, reject");
    env.crew(&["why", "1/approval"])
        .code(0)
        .prints("it is closed")
        .prints("crew approve 1 approval");
    env.crew(&["why", "1/aproval"]).code(6).says("did you mean `approval`?");
    env.crew(&["gate", "show", "1", "vote"]).code(6).says("did you mean `votes`?");
    env.crew(&["gate", "write", "1", "votes", "votes=approve"]).code(7).says("reviewer may");
    env.crew(&["gate", "write", "1", "approval", "approvd=true"]).code(7).says("did you mean");
    env.crew(&["gate", "write", "1", "approval", "approved=perhaps"]).code(7).says("it takes bool");
    env.crew(&["gate", "write", "1", "nowhere", "x=1"]).code(6);
    env.crew(&["gate", "write", "1", "approval"]).code(2).says("nothing is written");
    env.crew(&["gate", "write", "1", "approval", "approved"]).code(2).says("not `field=value`");
    env.crew(&["gate", "write", "1", "approval", "--data", "[1]"]).code(2).says("no JSON object");
    assert_eq!(run.status(), "waiting");
    env.crew(&["gate", "write", "1", "approval", "--data", r#"{"approved": true}"#, "note=fine"])
        .code(0)
        .says("it is open; run #1 is");
    assert!(goes_on(&mut run));
    env.crew(&["gate", "show", "1", "approval"])
        .code(0)
        .prints("human:ada wrote note=fine in epoch 1");
    env.crew(&["gate", "write", "1", "approval", "approved=true"])
        .code(0)
        .says("holds that already");
}

#[test]
fn a_run_without_gates_says_so() {
    let env = TestEnv::new();
    let run = env.run("fix-it", CODING).start();
    env.crew(&["gate", "list", "1"]).code(0).says("has no gates");
    env.crew(&["decisions", "1"]).code(0).says("asks nothing");
    env.crew(&["decisions", "1", "coding"]).code(6);
    env.crew(&["merge", "1"]).code(7).says("asks nothing that `merge` decides");
    assert_eq!(count(&run, "decision.shown"), 0);
}

#[test]
fn only_finished_work_is_sent_back_or_thrown_away() {
    let env = TestEnv::new();
    let _run = waiting(&env, "ship-it");
    env.crew(&["discard", "1", "--yes"]).code(7).says("asks nothing that `discard` decides");
    env.crew(&["request-changes", "1", "--yes"]).code(2).says("needs a text");
    env.crew(&["discard", "1", "--text", "x", "--yes"]).code(2).says("takes no text");
}
