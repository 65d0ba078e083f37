//! Commands that an agent lets run while it judges: who may, what is run, what counts, and when only a
//! person can go on.

use crew::engine::{Command, Input, Refusal, react};
use crew::event::{Actor, Body};
use serde_json::json;

use super::support::{Play, builtin, id, plan};

fn verify(play: &mut Play, task: &str, name: &str) -> Result<Vec<Body>, Refusal> {
    let (task, attempt) = (id(task), play.attempt(task));
    let actor = Actor::Agent(task.clone());
    play.give(&actor, &Input::Command(Command::Verify { task, attempt, name: name.to_owned() }))
}

fn reds(play: &Play) -> u32 {
    play.state.verifications.get("check").map_or(0, |known| known.reds)
}

/// The pair in a worktree, with the lead at work; its check exits with this code.
fn pair(code: i32) -> Play {
    let mut play = Play::with_git(builtin("pair"));
    play.exec = Some(code);
    play.end("craft");
    play
}

/// Another round: the lead sends the work back, and gets it again.
fn round(play: &mut Play) {
    play.turn("lead", "revise-gate", &json!({"verdict": "revise", "feedback": "again"}));
    play.end("craft");
}

#[test]
fn the_lead_s_check_runs_on_the_work_and_is_run_once_for_a_tree() {
    let mut play = pair(0);
    verify(&mut play, "lead", "check").unwrap();
    assert_eq!((play.count("verification.asked"), play.count("evidence.recorded")), (1, 1));
    assert!(play.state.evidence_of("check").is_some_and(crew::engine::CommandEvidence::is_green));
    assert_eq!(verify(&mut play, "lead", "check").unwrap(), []);
    round(&mut play);
    verify(&mut play, "lead", "check").unwrap();
    assert_eq!(play.count("evidence.recorded"), 2, "another tree");
    play.turn("lead", "accept-gate", &json!({"verdict": "accept", "feedback": ""}));
    assert_eq!(play.status(), "waiting(merge)");
}

#[test]
fn who_may_run_which_check() {
    let mut play = pair(0);
    let unknown = verify(&mut play, "lead", "chek").unwrap_err();
    assert_eq!(unknown.code, "forbidden");
    assert!(unknown.reason.contains("`lead` may run check, not `chek`"), "{unknown:?}");
    assert_eq!(unknown.hint, "did you mean `check`?");
    round(&mut play);
    play.turn("lead", "revise-gate", &json!({"verdict": "revise", "feedback": "again"}));
    let other = verify(&mut play, "craft", "check").unwrap_err();
    assert_eq!((other.code, other.hint.as_str()), ("forbidden", "lead may"));
    let late = Command::Verify { task: id("lead"), attempt: 1, name: "check".into() };
    let late = play.give(&Actor::Agent(id("lead")), &Input::Command(late)).unwrap_err();
    assert_eq!(late.code, "state");
}

#[test]
fn the_third_red_of_the_same_check_leaves_only_escalation() {
    for verdict in ["accept", "revise", "fail"] {
        let mut play = pair(1);
        for times in 1..=3 {
            verify(&mut play, "lead", "check").unwrap();
            verify(&mut play, "lead", "check").unwrap();
            assert_eq!(reds(&play), times, "the same tree counts once");
            if times < 3 {
                round(&mut play);
            }
        }
        let data = json!({"verdict": verdict, "feedback": "x"});
        let refused = play.write("lead", "accept-gate", &data).unwrap_err();
        assert_eq!(refused.code, "escalate");
        assert!(refused.reason.contains("`check` was red 3 times in a row"), "{refused:?}");
        let by = play.agent("lead");
        let sent = play.send(by, "craft", &[("revise-gate", data)]).unwrap_err();
        assert_eq!(sent.code, "escalate", "nor along with a message");
        play.turn("lead", "escalate-gate", &json!({"verdict": "escalate", "feedback": "why?"}));
        assert_eq!(play.status(), "waiting(question)");
        // The answer gives the loop its whole limit back, and the lead its choice.
        play.answer("ask-person", "leave it red");
        assert_eq!((play.live(), reds(&play)), (vec!["lead".to_owned()], 0));
        play.turn("lead", "accept-gate", &json!({"verdict": "accept", "feedback": ""}));
        assert_eq!(play.status(), "waiting(merge)");
    }
}

#[test]
fn a_green_one_in_between_begins_the_count_anew() {
    let mut play = pair(1);
    for (code, expected) in [(1, 1), (1, 2), (0, 0), (1, 1), (1, 2), (1, 3)] {
        play.exec = Some(code);
        verify(&mut play, "lead", "check").unwrap();
        assert_eq!(reds(&play), expected);
        if expected < 3 {
            round(&mut play);
        }
    }
    let accept = json!({"verdict": "accept", "feedback": ""});
    assert_eq!(play.write("lead", "accept-gate", &accept).unwrap_err().code, "escalate");
}

#[test]
fn a_lead_that_ends_without_escalating_is_asked_once_and_then_a_person_is() {
    let mut play = pair(1);
    for _ in 0..2 {
        verify(&mut play, "lead", "check").unwrap();
        round(&mut play);
    }
    verify(&mut play, "lead", "check").unwrap();
    play.end("lead");
    play.end("lead");
    assert_eq!(play.status(), "waiting(question)");
}

#[test]
fn what_nobody_waits_for_is_not_run() {
    let mut play = pair(0);
    play.exec = None;
    verify(&mut play, "lead", "check").unwrap();
    let wanted = |play: &Play| {
        react(&play.state)
            .iter()
            .any(|effect| matches!(effect, crew::engine::Effect::Evidence { .. }))
    };
    assert!(wanted(&play));
    play.end_with("lead", |end| end.signal = Some(9));
    assert!(!wanted(&play));
}

#[test]
fn no_check_runs_while_somebody_writes() {
    let mut play = Play::new(plan(
        "---\nname: t\n---\n\n## a\nrole: coder\naccess: write\n\nx\n\n\
         ## b\nrole: reviewer\naccess: none\nverifies: check\n\nx\n",
    ));
    let refused = verify(&mut play, "b", "check").unwrap_err();
    assert!(refused.reason.contains("`a` changes the tree now"), "{refused:?}");
    play.end("a");
    verify(&mut play, "b", "check").unwrap();
    assert_eq!(play.count("evidence.recorded"), 1);
}
