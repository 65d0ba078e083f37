//! Loops, validation, denied paths, circles, and votes about a tree that is gone.

use crew::engine::{Command, Input};
use crew::event::body::DeniedPath;
use crew::event::gate::TurnOutcome;
use crew::event::pass::Said;
use crew::event::{Actor, Body, EndReason};
use serde_json::json;

use super::support::{Play, id, plan};

const LOOP: &str =
    "---\nname: t\n---\n\n## work\nrole: coder\nloop: { steps: 4, validate: true }\n\nx\n";

fn play_of(text: &str) -> Play {
    let mut play = Play::with_git(plan(text));
    let mut created = (*play.state.created).clone();
    created.policy.validation = Some("check".to_owned());
    play.adopt(created);
    play
}

/// Ends a pass with this word and this exit code of the validation.
fn pass(play: &mut Play, said: Option<Said>, code: i32) {
    play.exec = Some(code);
    play.end_with("work", |end| end.report.state = said);
}

fn failure(play: &Play) -> &str {
    &play.state.tasks[0].failure
}

fn passes(play: &Play) -> u32 {
    play.state.tasks[0].passes
}

#[test]
fn only_done_and_green_ends_a_loop() {
    let mut play = play_of(LOOP);
    pass(&mut play, Some(Said::Done), 1);
    assert_eq!((play.attempt("work"), passes(&play)), (2, 1));
    assert!(
        failure(&play).contains("exited with code 1") && failure(&play).contains("2 tests failed")
    );
    pass(&mut play, None, 0);
    assert_eq!((play.attempt("work"), passes(&play)), (3, 2));
    assert!(failure(&play).contains("`check` is green"), "{}", failure(&play));
    pass(&mut play, Some(Said::Continue), 1);
    pass(&mut play, Some(Said::Done), 0);
    assert_eq!(play.status(), "waiting(merge)");
    let result = play
        .log
        .iter()
        .find_map(|body| if let Body::TaskSettled(settled) = body { settled.result } else { None });
    assert_eq!(result, Some(crew::event::TaskResult::Pass));
    let told: Vec<(u32, Said, Option<String>)> = play
        .log
        .iter()
        .filter_map(|body| {
            if let Body::PassFinished(pass) = body {
                Some((pass.pass, pass.said, pass.tree.clone()))
            } else {
                None
            }
        })
        .collect();
    let tree = |number: u32| Some(format!("t{number}"));
    assert_eq!(
        told,
        [
            (1, Said::Done, tree(1)),
            (2, Said::Continue, tree(2)),
            (3, Said::Continue, tree(3)),
            (4, Said::Done, tree(4))
        ]
    );
}

#[test]
fn a_loop_without_validation_ends_with_its_word() {
    let mut play = play_of(&LOOP.replace("validate: true", "validate: false"));
    play.exec = None;
    play.end_with("work", |end| end.report.state = Some(Said::Continue));
    play.end_with("work", |end| end.report.state = Some(Said::Done));
    assert_eq!(play.task("work"), "done");
}

#[test]
fn two_words_break_the_contract_and_are_no_pass() {
    let mut play = play_of(LOOP);
    pass(&mut play, Some(Said::Conflict), 0);
    assert_eq!((play.attempt("work"), passes(&play)), (2, 0));
    assert!(failure(&play).contains("two different things"), "{}", failure(&play));
    // The tool says one thing and the output another.
    let attempt = play.attempt("work");
    let (task, text) = (id("work"), String::new());
    let report = Command::Report { task, attempt, outcome: TurnOutcome::Done, text };
    play.give(&Actor::Agent(id("work")), &Input::Command(report)).expect("taken");
    pass(&mut play, Some(Said::Continue), 0);
    assert_eq!(play.status(), "blocked(contract_violation)");
    play.resume();
    let attempt = play.attempt("work");
    let (task, text) = (id("work"), String::new());
    let report = Command::Report { task, attempt, outcome: TurnOutcome::Done, text };
    play.give(&Actor::Agent(id("work")), &Input::Command(report)).expect("taken");
    pass(&mut play, None, 0);
    assert_eq!(play.status(), "waiting(merge)");
}

#[test]
fn used_up_passes_block_and_more_go_on_where_it_stopped() {
    let mut play = play_of(LOOP);
    for _ in 0..4 {
        pass(&mut play, Some(Said::Continue), 0);
    }
    assert_eq!(play.status(), "blocked(budget_steps)");
    let detail = play.state.status.detail().expect("a detail").to_owned();
    assert!(detail.contains("4 of 4 passes") && detail.contains("said CONTINUE"), "{detail}");
    let refused = play.person(Command::Resume { message: None, add_steps: 0 }).unwrap_err();
    assert!(refused.hint.contains("--add-steps"), "{refused:?}");
    let refused = play
        .person(Command::RetryTask { task: id("work"), runtime: None, message: None })
        .unwrap_err();
    assert!(refused.hint.contains("--add-steps"), "{refused:?}");
    play.person(Command::Resume { message: None, add_steps: 2 }).expect("it goes on");
    assert_eq!((play.attempt("work"), passes(&play)), (5, 4));
    pass(&mut play, Some(Said::Continue), 0);
    pass(&mut play, Some(Said::Done), 0);
    assert_eq!((play.status().as_str(), passes(&play)), ("waiting(merge)", 6));
}

#[test]
fn an_attempt_that_breaks_off_is_no_pass() {
    let mut play = play_of(LOOP);
    pass(&mut play, Some(Said::Continue), 0);
    play.end_with("work", |end| (end.code, end.signal) = (None, Some(9)));
    play.now = play.now.plus_ms(60_000);
    play.tick();
    play.end_with("work", |end| end.reason = EndReason::Revoked);
    play.end_with("work", |end| end.reason = EndReason::Deadline);
    assert_eq!((play.attempt("work"), passes(&play)), (5, 1));
    for _ in 0..3 {
        pass(&mut play, Some(Said::Continue), 0);
    }
    assert_eq!((play.status().as_str(), passes(&play)), ("blocked(budget_steps)", 4));
}

#[test]
fn a_claim_to_be_blocked_is_compared_with_what_crew_sees() {
    let blocked = |play: &mut Play, why: &str, code| {
        play.exec = Some(code);
        play.end_with("work", |end| {
            end.report.state = Some(Said::Blocked);
            end.report.blocked = Some(why.to_owned());
        });
    };
    for (why, code, status) in [
        ("the sandbox did not let me run the tests", 0, "waiting(merge)"),
        ("permission denied for the socket", 0, "waiting(merge)"),
        ("the sandbox did not let me run the tests", 1, "blocked(agent_blocked)"),
        ("I need the api key; permission denied without it", 0, "blocked(agent_blocked)"),
        ("which of the two designs?", 0, "blocked(agent_blocked)"),
    ] {
        for text in [LOOP, &LOOP.replace("loop: { steps: 4, validate: true }\n", "")] {
            let mut play = play_of(text);
            blocked(&mut play, why, code);
            assert_eq!(play.status(), status, "{why} {code}\n{text}");
        }
    }
}

#[test]
fn the_same_red_output_on_the_same_tree_is_a_dead_loop() {
    let text = LOOP.replace("steps: 4", "steps: 9");
    let mut play = play_of(&text);
    play.frozen = Some(1);
    pass(&mut play, Some(Said::Done), 1);
    pass(&mut play, Some(Said::Done), 1);
    assert_eq!(play.attempt("work"), 3);
    pass(&mut play, Some(Said::Done), 1);
    assert_eq!(play.status(), "blocked(dead_loop)");
    let detail = play.state.status.detail().expect("a detail").to_owned();
    assert!(detail.contains("in passes 1, 2, 3"), "{detail}");
    // A person's word makes it try again, with the whole number of looks.
    play.resume();
    pass(&mut play, Some(Said::Done), 1);
    assert_eq!((play.status().as_str(), passes(&play)), ("running", 4));
    play.frozen = None;
    for _ in 0..4 {
        pass(&mut play, Some(Said::Continue), 1);
    }
    assert_eq!((play.status().as_str(), passes(&play)), ("running", 8));
    // Back and forth.
    let mut play = play_of(&text);
    for tree in [7, 8, 7, 8] {
        assert_eq!(play.status(), "running");
        play.frozen = Some(tree);
        pass(&mut play, Some(Said::Continue), i32::from(tree == 7));
    }
    assert_eq!(play.status(), "blocked(dead_loop)");
}

#[test]
fn the_same_failure_in_a_short_time_is_a_dead_loop_and_over_a_long_one_is_not() {
    let text = "---\nname: t\n---\n\n## work\nrole: coder\nretries: 9\n\nx\n";
    for (wait_ms, status) in [(20_000, "blocked(dead_loop)"), (120_000, "running")] {
        let mut play = play_of(text);
        for number in 0..5 {
            assert_eq!(play.status(), "running");
            play.end_with("work", |end| {
                end.code = Some(1);
                end.failure = format!("cannot connect, request {number}");
            });
            play.now = play.now.plus_ms(wait_ms);
            play.tick();
        }
        assert_eq!(play.status(), status);
    }
    // Other failures are other failures.
    let mut play = play_of(text);
    for word in ["one", "two", "three", "four", "five", "six"] {
        play.end_with("work", |end| {
            end.code = Some(1);
            end.failure = format!("no {word}");
        });
        play.now = play.now.plus_ms(40_000);
        play.tick();
    }
    assert_eq!(play.status(), "running");
}

const CHECKED_AT_THE_END: &str = "---
name: t
---

## work
role: coder
retries: 1

x

## look
role: reviewer
dependsOn: work

x
";

#[test]
fn finished_work_waits_for_a_person_only_when_its_very_tree_is_green() {
    let mut play = play_of(CHECKED_AT_THE_END);
    play.exec = Some(1);
    play.end("work");
    assert_eq!(play.attempt("look"), 1, "nothing runs before the end is reached");
    play.end("look");
    assert_eq!(play.attempt("work"), 2);
    assert!(failure(&play).contains("2 tests failed"));
    play.exec = Some(0);
    play.end("work");
    assert_eq!(play.attempt("look"), 2, "what was seen before counts no longer");
    play.end("look");
    assert_eq!(play.status(), "waiting(merge)");
    let found = play.state.evidence_of("check").expect("it ran");
    assert!(found.is_green());
}

#[test]
fn red_at_the_end_after_all_retries_blocks_and_a_resume_looks_again() {
    let mut play = play_of(CHECKED_AT_THE_END);
    play.exec = Some(1);
    for _ in 0..2 {
        play.end("work");
        play.end("look");
    }
    assert_eq!(play.status(), "blocked(validation_exhausted)");
    // Somebody has mended what was in the way of the command.
    play.exec = Some(0);
    play.resume();
    assert_eq!(play.status(), "waiting(merge)");
}

const VOTES: &str = "---
name: t
start: code
end: [ship, docs]
gates:
  votes: { writers: [reviewer], fields: { votes: { map: [yes, no] } }, when: { count: votes, eq: yes, min: 2 } }
channels:
  - { id: c-r, from: code, to: review, fire: settled }
  - { id: c-d, from: code, to: docs, fire: settled }
  - { id: r-s, from: review, to: ship, gate: votes }
---

## code
role: coder

x

## docs
role: writer
access: write

x

## review
role: reviewer
slots: 2
isolation: snapshot

x

## ship
kind: end
";

#[test]
fn a_vote_about_an_older_tree_does_not_count_and_is_asked_for_again() {
    let mut play = Play::with_git(plan(VOTES));
    play.end("code");
    play.turn("review/1", "votes", &json!({"votes": "yes"}));
    play.write("review/2", "votes", &json!({"votes": "yes"})).expect("it may vote");
    assert!(play.state.gate("votes").open);
    play.end("docs");
    let verdict = play.state.gate("votes");
    assert_eq!(
        verdict.reason,
        "0 of 2 `votes` are yes: review/1 voted on an older tree, review/2 voted on an older tree"
    );
    assert_eq!(play.task("ship"), "pending");
    play.end("review/2");
    assert_eq!((play.attempt("review/1"), play.attempt("review/2")), (2, 2));
    play.turn("review/1", "votes", &json!({"votes": "yes"}));
    // One that does not vote again is not asked for ever.
    play.end("review/2");
    assert_eq!(play.status(), "blocked(stalled)");
    let detail = play.state.status.detail().expect("a detail");
    assert!(detail.contains("review/2 voted on an older tree"), "{detail}");
}

#[test]
fn a_denied_path_fails_the_run_at_once_and_for_good() {
    let text = "---\nname: t\n---\n\n## work\nrole: coder\nretries: 3\n\nx\n\n## look\nrole: reviewer\nisolation: snapshot\n\nx\n";
    let mut play = play_of(text);
    play.denied = vec![DeniedPath { path: "a/.env".into(), pattern: "**/.env".into() }];
    play.end("work");
    assert_eq!(play.status(), "failed(path_policy)");
    let detail = play.state.status.detail().expect("a detail");
    assert_eq!(detail, "work: it touched \"a/.env\" (denied by `**/.env`)");
    assert_eq!((play.task("work"), play.task("look")), ("failed", "skipped"));
    // Stop wins.
    let mut play = play_of(text);
    play.person(Command::Stop).expect("stopped");
    assert_eq!(play.status(), "cancelled(stopped)");
}
