//! Questions: of people's steps, of agents in the middle of a turn, and at the end of one.

use crew::engine::{Command, Input};
use crew::event::Actor;
use crew::event::attempt::Question;
use crew::event::decision::Action;

use super::support::{Play, id};

const ONE: &str = "---\nname: t\n---\n\n## a\nrole: coder\naccess: none\n\nx\n\n## b\nrole: qa\naccess: none\n\nx\n";

#[test]
fn a_person_s_step_asks_and_its_answer_is_its_result() {
    let mut play = Play::of(
        "---\nname: t\n---\n\n## who\nkind: human\n\nWho is it for?\n\n## a\nrole: coder\ndependsOn: who\n\nx\n",
    );
    assert_eq!((play.status().as_str(), play.task("who")), ("waiting(question)", "waiting_input"));
    assert_eq!(play.asked(), ["question who: answer"]);
    let blank = play.decide(Some("who"), Action::Answer, " \n").unwrap_err();
    assert!(blank.reason.contains("needs a text"), "{blank:?}");
    play.answer("who", "for everybody");
    assert_eq!((play.task("who"), play.live()), ("done", vec!["a".to_owned()]));
    let who = play.state.task_ix(&id("who")).unwrap();
    assert_eq!(play.state.tasks[who].answer.as_ref().unwrap().1, "for everybody");
}

#[test]
fn a_question_in_a_turn_leaves_the_others_at_work_and_its_answer_reaches_the_turn() {
    let mut play = Play::of(ONE);
    play.ask("a", "which?", &[]).unwrap();
    play.ask("a", "which?", &[]).unwrap();
    assert_eq!(play.count("question.asked"), 1, "the same question is one");
    assert_eq!(
        (play.status().as_str(), play.asked()),
        ("running", vec!["question a: answer".to_owned()])
    );
    assert!(play.ask("a", "another?", &[]).is_err(), "one after the other");
    let attempt = play.attempt("a");
    play.answer("a", "the first");
    assert_eq!(play.attempt("a"), attempt);
    let a = play.state.task_ix(&id("a")).unwrap();
    let asked = play.state.tasks[a].asked.as_ref().unwrap();
    assert_eq!(asked.answer.as_deref(), Some("the first"));
    play.end("a");
    assert_eq!(play.task("a"), "done");
}

#[test]
fn a_parked_question_waits_and_its_answer_starts_the_next_attempt() {
    let mut play = Play::of(ONE);
    play.ask("a", "which?", &[]).unwrap();
    let attempt = play.attempt("a");
    let park = Command::Park { task: id("a"), attempt };
    play.give(&Actor::Agent(id("a")), &Input::Command(park)).unwrap();
    play.end("a");
    assert_eq!((play.task("a"), play.status().as_str()), ("waiting_input", "running"));
    play.end("b");
    assert_eq!(play.status(), "waiting(question)");
    assert_eq!(play.count("decision.opened"), 1, "it is the same question still");
    play.answer("a", "the second");
    assert_eq!(play.attempt("a"), attempt + 1);
    play.end("a");
    assert_eq!(play.status(), "done(delivered)");
}

#[test]
fn an_answer_that_comes_between_park_and_end_starts_the_next_attempt() {
    let mut play = Play::of(ONE);
    play.ask("a", "which?", &[]).unwrap();
    let attempt = play.attempt("a");
    let park = Command::Park { task: id("a"), attempt };
    play.give(&Actor::Agent(id("a")), &Input::Command(park)).unwrap();
    play.answer("a", "now");
    play.end("a");
    assert_eq!(play.attempt("a"), attempt + 1);
}

#[test]
fn a_question_survives_the_crash_of_its_attempt() {
    let mut play = Play::of(ONE);
    play.ask("a", "which?", &[]).unwrap();
    play.end_with("a", |end| (end.code, end.signal) = (None, Some(9)));
    assert_eq!(play.asked(), ["question a: answer"], "{}", play.task("a"));
    play.answer("a", "this");
    play.now = play.now.plus_ms(120_000);
    play.tick();
    let a = play.state.task_ix(&id("a")).unwrap();
    assert_eq!(play.state.tasks[a].answer.as_ref().unwrap().1, "this");
    play.end("a");
    assert_eq!(play.task("a"), "done");
}

#[test]
fn choices_are_the_only_answers() {
    let mut play = Play::of(ONE);
    play.ask("a", "which?", &["red", "blue"]).unwrap();
    let wrong = play.decide(Some("a"), Action::Answer, "green").unwrap_err();
    assert!(wrong.hint.contains("red, blue"), "{wrong:?}");
    play.answer("a", "blue");
    play.answer("a", "blue");
    let other = play.decide(Some("a"), Action::Answer, "red").unwrap_err();
    assert_eq!(other.code, "conflict");
}

#[test]
fn a_question_at_the_end_of_a_turn_parks_the_task() {
    let mut play = Play::of(ONE);
    play.end("b");
    play.end_with("a", |end| {
        end.report.question = Some(Question { text: "which?".into(), choices: Vec::new() });
    });
    assert_eq!(play.status(), "waiting(question)");
    play.answer("a", "x");
    assert_eq!(play.attempt("a"), 2);
}

#[test]
fn the_same_question_in_the_next_turn_is_asked_anew() {
    let mut play = Play::of(ONE);
    play.end("b");
    for round in 1..=2 {
        play.end_with("a", |end| {
            end.report.question = Some(Question { text: "which?".into(), choices: Vec::new() });
        });
        assert_eq!(
            (play.status().as_str(), play.count("decision.opened")),
            ("waiting(question)", round)
        );
        play.answer("a", "x");
    }
    assert_eq!(play.attempt("a"), 3);
}

#[test]
fn an_attempt_that_is_over_cannot_ask_park_or_report() {
    let mut play = Play::of(ONE);
    play.end("a");
    let by = Actor::Agent(id("a"));
    let question = Question { text: "late?".into(), choices: Vec::new() };
    for command in [
        Command::Ask { task: id("a"), attempt: 1, question },
        Command::Park { task: id("a"), attempt: 1 },
    ] {
        assert_eq!(play.give(&by, &Input::Command(command)).unwrap_err().code, "state");
    }
}
