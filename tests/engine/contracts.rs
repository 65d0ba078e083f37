//! Verdicts of attempts that were cut short: what is on record need not be written again.

use crew::engine::Command;
use crew::event::EndReason;
use serde_json::json;

use super::support::{Play, builtin, id};

const ACCEPT: fn() -> serde_json::Value = || json!({"verdict": "accept", "feedback": ""});

/// The pair, with the lead at work and its verdict on record.
fn decided() -> Play {
    let mut play = Play::new(builtin("pair"));
    play.end("craft");
    play.write("lead", "accept-gate", &ACCEPT()).expect("it may write");
    play
}

fn attempts(play: &Play) -> u32 {
    play.state.tasks[play.state.task_ix(&id("lead")).expect("a task")].attempts
}

/// Lets the back-off of a retry pass.
fn later(play: &mut Play) {
    play.now = play.now.plus_ms(120_000);
    play.tick();
}

#[test]
fn a_verdict_counts_for_the_attempt_after_one_that_was_cut_short() {
    for reason in [EndReason::Exited, EndReason::Lost, EndReason::Deadline] {
        let mut play = decided();
        play.end_with("lead", |end| {
            end.reason = reason;
            (end.code, end.signal) = (None, (reason == EndReason::Exited).then_some(9));
        });
        later(&mut play);
        assert_eq!(play.attempt("lead"), 2, "{reason:?}");
        play.end("lead");
        assert_eq!(play.status(), "done(delivered)", "{reason:?}");
    }
    let mut play = decided();
    play.person(Command::Pause).unwrap();
    play.person(Command::Resume { message: None, add_steps: 0 }).unwrap();
    play.end("lead");
    assert_eq!((attempts(&play), play.status().as_str()), (2, "done(delivered)"));
}

#[test]
fn it_counts_through_several_attempts_that_were_cut_short() {
    let mut play = decided();
    for _ in 0..2 {
        play.end_with("lead", |end| (end.code, end.signal) = (None, Some(9)));
        later(&mut play);
    }
    play.end("lead");
    assert_eq!((attempts(&play), play.status().as_str()), (3, "done(delivered)"));
}

#[test]
fn it_counts_for_no_other_round_and_not_after_a_failure_of_its_own() {
    let mut play = Play::new(builtin("pair"));
    play.end("craft");
    play.write("lead", "revise-gate", &json!({"verdict": "revise", "feedback": "x"})).unwrap();
    play.end_with("lead", |end| (end.code, end.signal) = (None, Some(9)));
    later(&mut play);
    play.end("lead");
    play.end("craft");
    let round = play.attempt("lead");
    play.end("lead");
    assert_eq!(play.attempt("lead"), round + 1, "a verdict about another round is none");
    let mut play = decided();
    play.end_with("lead", |end| end.code = Some(1));
    later(&mut play);
    play.end("lead");
    assert_eq!(play.attempt("lead"), 3, "it is asked to write again");
}
