//! The built-in workflows with gates, played through the real files.

use crew::base::flow::{Access, Isolation};
use crew::engine::Caller;
use crew::plan::graph::StepIx;
use serde_json::json;

use super::support::{Play, builtin};

/// coding-v2 up to the three reviews.
fn reviews() -> Play {
    let mut play = Play::with_git(builtin("coding-v2"));
    play.turn("planning", "plan-pr-gate", &json!({"pr_url": "plan.md"}));
    play.end("plan-review");
    assert_eq!(play.status(), "waiting(gate)");
    play.approve("plan-approval-gate");
    play.turn("coding", "code-pr-gate", &json!({"pr_url": "crew/x"}));
    play
}

fn feedback(play: &Play, step: &str) -> String {
    let ix: StepIx = play.state.step_ix(&step.parse().expect("a name")).expect("a step");
    play.state.steps[ix].feedback.clone()
}

const REVIEWS: [&str; 3] = ["review/1", "review/2", "review/3"];

#[test]
fn coding_v2_has_eight_tasks_and_goes_from_goal_to_merge() {
    let mut play = reviews();
    assert_eq!(play.state.tasks.len(), 8);
    assert_eq!(play.live(), REVIEWS);
    for task in REVIEWS {
        play.turn(task, "review-votes-gate", &json!({"votes": "approve"}));
    }
    play.turn("qa", "qa-result-gate", &json!({"result": "passed", "summary": "fine"}));
    play.end("done");
    assert_eq!((play.status().as_str(), play.state.epoch), ("waiting(merge)", 1));
    assert_eq!(play.count("decision.made"), 1, "one person's word before the merge");
}

#[test]
fn coding_v2_one_reviewer_sends_the_work_back_with_feedback() {
    let mut play = reviews();
    play.turn("review/1", "review-votes-gate", &json!({"votes": "approve"}));
    play.turn("review/3", "review-votes-gate", &json!({"votes": "approve"}));
    play.write("review/2", "review-votes-gate", &json!({"votes": "reject"})).unwrap();
    play.turn(
        "review/2",
        "review-reject-gate",
        &json!({"result": "rejected", "feedback": "P1: no tests"}),
    );
    assert_eq!(play.live(), ["coding"]);
    assert!(feedback(&play, "coding").contains("review/2: P1: no tests"));
    assert_eq!(play.stored("review-votes-gate", "votes"), json!(null), "old votes count no longer");
    assert_eq!(play.stored("plan-approval-gate", "approved"), json!(true), "the approval is kept");
    play.end("coding");
    assert_eq!(play.live(), REVIEWS, "the kept link fires again, with a new green check");
    for task in REVIEWS {
        play.turn(task, "review-votes-gate", &json!({"votes": "approve"}));
    }
    assert_eq!((play.live(), play.state.epoch), (vec!["qa".to_owned()], 2));
    assert_eq!(play.count("decision.opened"), 1, "the plan is not asked about again");
}

#[test]
fn coding_v2_qa_sends_the_work_back_and_everything_is_reviewed_again() {
    let mut play = reviews();
    for task in REVIEWS {
        play.turn(task, "review-votes-gate", &json!({"votes": "approve"}));
    }
    play.turn("qa", "qa-result-gate", &json!({"result": "failed", "summary": "it crashes"}));
    assert_eq!(
        (play.live(), feedback(&play, "coding").as_str()),
        (vec!["coding".to_owned()], "it crashes")
    );
    play.end("coding");
    assert_eq!(play.live(), REVIEWS);
    let late = Caller::Agent { task: "qa".parse().unwrap(), attempt: 1 };
    assert!(play.write_as(late, "qa", &json!({"result": "passed"})).is_err());
    assert!(!play.state.gate("qa-result-gate").open);
}

#[test]
fn coding_v2_a_refused_plan_blocks_and_no_agent_can_approve_it() {
    let mut play = Play::new(builtin("coding-v2"));
    play.write("planning", "plan-pr-gate", &json!({"pr_url": "plan.md"})).unwrap();
    assert!(play.write("planning", "plan-approval-gate", &json!({"approved": true})).is_err());
    play.end("planning");
    let vote = json!({"votes": "approve"});
    assert!(
        play.write("plan-review", "review-votes-gate", &vote).is_err(),
        "votes are on the code"
    );
    assert!(play.write("plan-review", "plan-approval-gate", &json!({"approved": true})).is_err());
    play.end("plan-review");
    play.decide(None, crew::event::decision::Action::Reject, "smaller").unwrap();
    assert_eq!(play.status(), "blocked(human_rejected)");
    play.approve("plan-approval-gate");
    assert_eq!(play.live(), ["coding"]);
}

#[test]
fn coding_v2_a_reviewer_without_a_vote_is_nudged_and_then_a_person_is_asked() {
    let mut play = reviews();
    for task in ["review/1", "review/2"] {
        play.turn(task, "review-votes-gate", &json!({"votes": "approve"}));
    }
    play.end("review/3");
    play.end("review/3");
    assert_eq!(play.status(), "waiting(question)");
    play.answer("review/3", "vote");
    play.turn("review/3", "review-votes-gate", &json!({"votes": "approve"}));
    assert_eq!(play.live(), ["qa"]);
}

#[test]
fn coding_v2_votes_without_a_reason_to_go_on_or_back_stall_and_say_so() {
    let mut play = reviews();
    for task in REVIEWS {
        play.turn(task, "review-votes-gate", &json!({"votes": "reject"}));
    }
    assert_eq!(play.status(), "blocked(stalled)");
    assert!(play.detail().contains("review-reject-gate"), "{}", play.detail());
}

#[test]
fn coding_v2_readers_read_on_a_tree_of_their_own() {
    let plan = builtin("coding-v2");
    let review = &plan.steps[plan.step_ix("review").unwrap()];
    assert_eq!((review.access, review.isolation), (Access::Read, Isolation::Snapshot));
    assert_eq!(plan.max_iterations, 5);
}

#[test]
fn coding_v2_changes_at_the_merge_go_to_coding() {
    let mut play = reviews();
    for task in REVIEWS {
        play.turn(task, "review-votes-gate", &json!({"votes": "approve"}));
    }
    play.turn("qa", "qa-result-gate", &json!({"result": "passed"}));
    play.end("done");
    play.decide(None, crew::event::decision::Action::RequestChanges, "rename").unwrap();
    assert_eq!(
        (play.live(), feedback(&play, "coding").as_str()),
        (vec!["coding".to_owned()], "rename")
    );
    play.end("coding");
    assert_eq!(play.live(), REVIEWS);
}

#[test]
fn coding_review_goes_round_until_it_is_approved() {
    let mut play = Play::with_git(builtin("coding-review"));
    play.turn("coding", "code-gate", &json!({"summary": "done"}));
    play.turn("review", "review-reject-gate", &json!({"result": "rejected", "feedback": "P0"}));
    assert_eq!(
        (play.live(), feedback(&play, "coding").as_str()),
        (vec!["coding".to_owned()], "P0")
    );
    play.end("coding");
    play.turn("review", "review-approve-gate", &json!({"result": "approved"}));
    assert_eq!(play.status(), "waiting(merge)");
    play.decide(None, crew::event::decision::Action::Discard, "").unwrap();
    assert_eq!(play.status(), "cancelled(discarded)");
}

#[test]
fn coding_review_blocks_at_its_limit() {
    let mut play = Play::with_git(builtin("coding-review"));
    play.turn("coding", "code-gate", &json!({"summary": "done"}));
    for _ in 0..5 {
        play.turn("review", "review-reject-gate", &json!({"result": "rejected"}));
        play.end("coding");
    }
    play.turn("review", "review-reject-gate", &json!({"result": "rejected", "feedback": "P0"}));
    assert_eq!(play.status(), "blocked(max_iterations)");
    assert!(play.detail().contains("ch-review-to-coding") && play.detail().contains("P0"));
}

#[test]
fn pair_revises_escalates_and_accepts() {
    let mut play = Play::new(builtin("pair"));
    play.end("craft");
    play.turn("lead", "accept-gate", &json!({"verdict": "revise", "feedback": "smaller"}));
    assert_eq!(
        (play.live(), feedback(&play, "craft").as_str()),
        (vec!["craft".to_owned()], "smaller")
    );
    play.end("craft");
    play.turn("lead", "accept-gate", &json!({"verdict": "escalate", "feedback": "which colour?"}));
    assert_eq!(
        (play.status().as_str(), play.task("ask-person")),
        ("waiting(question)", "waiting_input")
    );
    let asked = &play.state.decisions.last().unwrap().opened.text;
    assert!(asked.contains("which colour?"), "{asked}");
    play.answer("ask-person", "red");
    assert_eq!((play.live(), feedback(&play, "lead").as_str()), (vec!["lead".to_owned()], "red"));
    play.turn("lead", "accept-gate", &json!({"verdict": "accept"}));
    assert_eq!(play.status(), "done(delivered)");
}

#[test]
fn pair_lead_gives_exactly_one_verdict() {
    let mut play = Play::new(builtin("pair"));
    play.end("craft");
    play.write("lead", "accept-gate", &json!({"verdict": "accept"})).unwrap();
    let second = play.write("lead", "revise-gate", &json!({"verdict": "revise"})).unwrap_err();
    assert_eq!(second.code, "contract");
    assert!(play.write("lead", "accept-gate", &json!({"verdict": "maybe"})).is_err());
    play.end("lead");
    assert_eq!(play.status(), "done(delivered)");
}

#[test]
fn pair_a_person_is_asked_when_the_lead_gives_no_verdict() {
    let mut play = Play::new(builtin("pair"));
    play.end("craft");
    play.end("lead");
    play.end("lead");
    assert_eq!(play.status(), "waiting(question)");
    play.answer("lead", "accept it");
    play.turn("lead", "accept-gate", &json!({"verdict": "accept"}));
    assert_eq!(play.status(), "done(delivered)");
}

#[test]
fn pair_never_tells_craft_that_there_is_a_lead() {
    let plan = builtin("pair");
    let craft = &plan.steps[plan.step_ix("craft").unwrap()];
    let agent = &plan.agents[craft.agent.as_ref().unwrap()];
    for text in [&craft.prompt, &agent.prompt] {
        let words = text.to_lowercase();
        for named in ["the lead", "a lead", "your lead", "`lead`", "review"] {
            assert!(!words.contains(named), "{named}: {text}");
        }
    }
}

#[test]
fn pair_a_verdict_to_give_up_never_goes_on() {
    let mut play = Play::new(builtin("pair"));
    play.end("craft");
    play.turn("lead", "accept-gate", &json!({"verdict": "fail", "feedback": "impossible"}));
    assert!(
        play.status().starts_with("blocked") || play.status().starts_with("failed"),
        "{}",
        play.status()
    );
    assert!(play.detail().contains("fail"), "{}", play.detail());
}
