//! Runs that a run starts: proposed, created, released together, waited for, ended with it.

use crew::base::RunNumber;
use crew::engine::{Caller, Command, Effect, Input, react};
use crew::event::child::{ChildCreated, ChildEnd, ChildEnded, ChildrenRefused};
use crew::event::{Actor, Body, Outcome, ParentLink, StatusKind, Usage};
use serde_json::json;

use super::support::{Play, builtin, plan};

const TWO: &str =
    r#"{"runs":[{"key":"b","goal":"second","after":["a"]},{"key":"a","goal":"first"}]}"#;
const ONE: &str = r#"{"runs":[{"key":"a","goal":"again"}]}"#;

/// A planner whose runs a step that depends on it waits for.
const CHAIN: &str = "---\nname: t\ndescription: d\n---\n\n## plan\nrole: planner\nexpands: runs\n\nplan\n\n\
    ## after\nrole: reviewer\ndependsOn: plan\n\nlook\n";

fn propose(play: &mut Play, text: &str) {
    play.end_with("plan", |end| end.report.proposal = Some(text.to_owned()));
}

fn give(play: &mut Play, input: &Input) -> Vec<Body> {
    play.give(&Actor::Supervisor, input).expect("facts are not refused")
}

fn created(play: &mut Play, round: u32, key: &str, number: u32) -> Vec<Body> {
    let (key, number) = (key.to_owned(), RunNumber(number));
    give(play, &Input::ChildCreated(ChildCreated { round, key, number }))
}

fn ended(play: &mut Play, round: u32, key: &str, status: StatusKind) -> Vec<Body> {
    let outcome = (status == StatusKind::Done).then_some(Outcome::Delivered);
    let end = ChildEnd {
        status,
        reason: None,
        outcome,
        branch: None,
        summary: "said".into(),
        usage: Usage::default(),
        active_ms: 0,
    };
    give(play, &Input::ChildEnded(ChildEnded { round, key: key.to_owned(), end }))
}

fn effects(play: &Play) -> Vec<Effect> {
    let all = react(&play.state).into_iter();
    all.filter(|effect| !matches!(effect, Effect::Spawn { .. })).collect()
}

/// A run of `goal` whose two children go on.
fn waiting() -> Play {
    let mut play = Play::new(builtin("goal"));
    propose(&mut play, TWO);
    created(&mut play, 1, "a", 2);
    created(&mut play, 1, "b", 3);
    play
}

#[test]
fn a_proposal_is_created_released_at_once_and_waited_for() {
    let mut play = Play::new(builtin("goal"));
    propose(&mut play, TWO);
    assert_eq!((play.task("plan"), play.status().as_str()), ("done", "waiting(children)"));
    assert_eq!(effects(&play), [Effect::CreateChildren { round: 1 }]);
    created(&mut play, 1, "a", 2);
    assert_eq!(play.count("children.released"), 0, "none starts before all exist");
    created(&mut play, 1, "b", 3);
    assert_eq!(play.count("children.released"), 1);
    assert_eq!(effects(&play), [Effect::TendChildren]);
    assert!(created(&mut play, 1, "b", 4).is_empty(), "what is known is nothing new");
    let keys: Vec<&str> = play.state.children.iter().map(|child| child.plan.key.as_str()).collect();
    assert_eq!(keys, ["a", "b"], "each behind what it comes after");
    ended(&mut play, 1, "a", StatusKind::Done);
    assert_eq!(play.status(), "waiting(children)");
    ended(&mut play, 1, "b", StatusKind::Failed);
    assert_eq!((play.live(), play.status().as_str()), (vec!["review".to_owned()], "running"));
    assert!(ended(&mut play, 1, "b", StatusKind::Done).is_empty(), "an end is final");
    play.turn("review", "goal-met-gate", &json!({"result": "met"}));
    assert_eq!(play.status(), "done(delivered)");
}

#[test]
fn what_depends_on_the_step_waits_for_its_runs() {
    let mut play = Play::of(CHAIN);
    propose(&mut play, ONE);
    created(&mut play, 1, "a", 2);
    assert_eq!((play.task("plan"), play.task("after")), ("done", "pending"));
    assert_eq!(play.status(), "waiting(children)");
    ended(&mut play, 1, "a", StatusKind::Cancelled);
    assert_eq!(play.live(), ["after"]);
}

#[test]
fn a_step_that_is_the_end_ends_with_its_runs() {
    let text = CHAIN.split("\n\n## after").next().expect("a first step");
    let mut play = Play::of(&format!("{text}\n"));
    propose(&mut play, ONE);
    created(&mut play, 1, "a", 2);
    assert_eq!(play.status(), "waiting(children)");
    ended(&mut play, 1, "a", StatusKind::Done);
    assert_eq!(play.status(), "done(delivered)");
}

#[test]
fn an_unmet_goal_is_planned_again_until_the_limit() {
    let mut play = waiting();
    for round in 1..=2 {
        for key in if round == 1 { &["a", "b"][..] } else { &["a"] } {
            ended(&mut play, round, key, StatusKind::Done);
        }
        play.turn("review", "goal-met-gate", &json!({"result": "unmet", "feedback": "pages miss"}));
        assert_eq!(play.live(), ["plan"]);
        propose(&mut play, ONE);
        assert_eq!(effects(&play), [Effect::CreateChildren { round: round + 1 }]);
        created(&mut play, round + 1, "a", 10 + round);
    }
    ended(&mut play, 3, "a", StatusKind::Done);
    play.turn("review", "goal-met-gate", &json!({"result": "unmet", "feedback": "pages miss"}));
    assert_eq!(play.status(), "blocked(max_iterations)");
    assert!(play.detail().contains("pages miss"), "{}", play.detail());
}

#[test]
fn a_bad_proposal_goes_back_once_with_all_reasons() {
    let mut play = Play::new(builtin("goal"));
    let bad =
        r#"{"runs":[{"key":"a","goal":"","team":"dream"},{"key":"b","goal":"g","after":["c"]}]}"#;
    propose(&mut play, bad);
    let failure = play.state.tasks[0].failure.clone();
    for part in ["run `a` has no goal", "the team `dream`", "after `c`", "CHILD_RUNS_JSON_START"] {
        assert!(failure.contains(part), "{part}: {failure}");
    }
    play.end("plan");
    assert_eq!(play.status(), "blocked(contract_violation)");
    assert!(play.detail().contains("it proposed no runs"), "{}", play.detail());
    assert!(play.state.children.is_empty());
}

#[test]
fn only_so_many_runs_so_deep() {
    let mut play = Play::new(builtin("goal"));
    let mut created = (*play.state.created).clone();
    created.depth = 1;
    play.state.created = created.into();
    let wrong = play.state.check_runs(ONE).expect_err("too deep").join("; ");
    assert!(wrong.contains("`limits.max_depth` is 2"), "{wrong}");
    let other = Play::new(builtin("pair"));
    let wrong = other.state.check_runs(ONE).expect_err("not in this workflow").join("; ");
    assert!(wrong.contains("no step of this workflow"), "{wrong}");

    let mut play = waiting();
    let one = play.state.children[0].clone();
    play.state.children.resize(24, one);
    let wrong = play.state.check_runs(ONE).expect_err("too many").join("; ");
    assert!(wrong.contains("24 runs before; 24 are the limit"), "{wrong}");
}

#[test]
fn runs_that_cannot_be_created_block_the_run_and_are_proposed_anew() {
    let mut play = Play::new(builtin("goal"));
    propose(&mut play, TWO);
    created(&mut play, 1, "a", 2);
    let refused = ChildrenRefused { round: 1, why: "no agent program".into() };
    give(&mut play, &Input::ChildrenRefused(refused.clone()));
    assert_eq!(play.status(), "blocked(workflow_invalid)");
    assert!(play.detail().contains("no agent program"), "{}", play.detail());
    assert_eq!(effects(&play), [Effect::EndChildren], "the draft that exists is ended");
    assert!(!play.state.is_at_rest());
    ended(&mut play, 1, "a", StatusKind::Cancelled);
    ended(&mut play, 1, "b", StatusKind::Cancelled);
    assert!(play.state.is_at_rest());
    assert!(give(&mut play, &Input::ChildrenRefused(refused)).is_empty());
    play.resume();
    assert_eq!(play.live(), ["plan"]);
    propose(&mut play, ONE);
    assert_eq!(effects(&play), [Effect::CreateChildren { round: 2 }]);
}

#[test]
fn a_run_that_is_stopped_rests_when_its_children_have_ended() {
    let mut play = waiting();
    play.person(Command::Stop).expect("a waiting run can be stopped");
    assert_eq!(play.status(), "cancelled(stopped)");
    assert_eq!(effects(&play), [Effect::EndChildren]);
    assert!(!play.state.is_at_rest());
    ended(&mut play, 1, "a", StatusKind::Cancelled);
    ended(&mut play, 1, "b", StatusKind::Cancelled);
    assert!(effects(&play).is_empty() && play.state.is_at_rest());
}

#[test]
fn a_paused_run_starts_no_children() {
    let mut play = Play::new(builtin("goal"));
    propose(&mut play, TWO);
    play.person(Command::Pause).expect("a waiting run can be paused");
    assert!(effects(&play).is_empty());
    play.resume();
    assert_eq!(effects(&play), [Effect::CreateChildren { round: 1 }]);
}

#[test]
fn a_person_approves_the_runs_first_where_the_step_says_so() {
    let text = CHAIN.replace("expands: runs", "expands: runs\napprove: true");
    let mut play = Play::of(&text);
    propose(&mut play, TWO);
    assert_eq!(play.status(), "waiting(gate)");
    assert!(effects(&play).is_empty(), "nothing is created before");
    assert_eq!(play.state.asked_decisions()[0].opened.text, "`plan` proposes 2 runs");
    play.approve("plan");
    assert_eq!(play.status(), "waiting(children)");
    assert_eq!(effects(&play), [Effect::CreateChildren { round: 1 }]);
}

#[test]
fn a_question_is_answered_while_children_go_on() {
    let mut play = Play::of(&format!("{CHAIN}\n## other\nrole: executor\n\nwork\n"));
    propose(&mut play, ONE);
    play.ask("other", "which one?", &[]).expect("it may ask");
    play.end("other");
    assert_eq!(play.status(), "waiting(children)");
    play.answer("other", "this one");
    assert_eq!(play.live(), ["other"]);
    play.end("other");
    assert_eq!(play.status(), "waiting(children)");
}

#[test]
fn a_proposing_step_that_begins_again_gives_its_runs_up() {
    let text = "---\nname: t\ndescription: d\nstart: first\nend: done\nchannels:\n\
        \x20 - { id: c1, from: first, to: plan, fire: settled }\n\
        \x20 - { id: c2, from: first, to: watch, fire: settled }\n\
        \x20 - { id: c3, from: watch, to: first, fire: settled, cyclic: true, maxCycles: 1 }\n\
        \x20 - { id: c4, from: plan, to: done, fire: settled }\n---\n\n\
        ## first\nrole: executor\n\nx\n\n## plan\nrole: planner\nexpands: runs\n\nx\n\n\
        ## watch\nrole: reviewer\n\nx\n\n## done\nkind: end\n";
    let mut play = Play::new(plan(text));
    play.end("first");
    propose(&mut play, ONE);
    created(&mut play, 1, "a", 2);
    play.end("watch");
    assert_eq!(play.state.epoch, 2);
    assert!(play.state.children[0].abandoned);
    assert_eq!(effects(&play), [Effect::EndChildren]);
    ended(&mut play, 1, "a", StatusKind::Cancelled);
    play.end("first");
    propose(&mut play, ONE);
    assert_eq!(effects(&play), [Effect::CreateChildren { round: 2 }]);
}

/// A run that another one proposed.
fn child() -> Play {
    let mut play = Play::of(CHAIN);
    let mut created = (*play.state.created).clone();
    created.parent = Some(ParentLink { number: RunNumber(9), round: 1, key: "a".into() });
    play.adopt(created);
    play
}

#[test]
fn a_child_obeys_its_parent_and_nobody_elses() {
    let parent = RunNumber(9);
    let mut play = child();
    let other = RunNumber(8);
    for command in [Command::Release { parent: other }, Command::EndWithParent { parent: other }] {
        let refusal = play.person(command).expect_err("run 8 did not propose it");
        assert_eq!(refusal.code, "forbidden");
    }
    assert!(play.person(Command::Release { parent }).expect("allowed").is_empty(), "no draft");
    play.person(Command::EndWithParent { parent }).expect("allowed");
    assert_eq!(play.status(), "cancelled(parent)");
    assert!(play.person(Command::EndWithParent { parent }).expect("allowed").is_empty());
}

#[test]
fn drafts_and_queued_children_end_with_their_parent() {
    let parent = RunNumber(9);
    for release in [false, true] {
        let mut play = child();
        play.draft();
        play.promotes = false;
        if release {
            play.person(Command::Release { parent }).expect("a draft is released");
            assert_eq!(play.status(), "queued");
        } else {
            assert_eq!(play.status(), "draft");
        }
        play.person(Command::EndWithParent { parent }).expect("allowed");
        assert_eq!(play.status(), "cancelled(parent)");
    }
}

#[test]
fn a_verdict_fail_settles_the_task_as_failed() {
    let mut play = Play::new(builtin("pair"));
    play.end("craft");
    let said = json!({"verdict": "fail", "feedback": "it cannot be done"});
    play.turn("lead", "accept-gate", &said);
    assert_eq!((play.task("lead"), play.status().as_str()), ("failed", "failed(agent_failed)"));
    assert_eq!(play.detail(), "lead: its verdict is `fail`: it cannot be done");
}

#[test]
fn a_verdict_of_an_earlier_turn_fails_nothing() {
    let mut play = Play::new(builtin("pair"));
    play.end("craft");
    let lead = play.agent("lead");
    assert!(matches!(lead, Caller::Agent { .. }));
    play.turn("lead", "accept-gate", &json!({"verdict": "revise", "feedback": "more"}));
    assert_eq!(play.live(), ["craft"]);
    play.end("craft");
    play.turn("lead", "accept-gate", &json!({"verdict": "accept", "feedback": "fine"}));
    assert_eq!(play.status(), "done(delivered)");
}
