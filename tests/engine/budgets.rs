//! Budgets, clocks that stand still, stops that win, drafts.

use crew::engine::{Command, Input, deadline};
use crew::event::body::AttemptStopping;
use crew::event::decision::{Action, DecisionKind};
use crew::event::message::{Delivery, Message, MessageKind, MessagePriority};
use crew::event::{Actor, Body, EndReason, ParentLink, Rule, Usage};
use crew::plan::policy::{Budget, RiskPolicy};
use crew::plan::{Policy, Risk, RiskReason};

use super::support::{Play, plan};

const TWO: &str = "---\nname: t\n---\n\n## a\nrole: coder\naccess: none\n\nx\n\n## b\nrole: coder\naccess: none\ndependsOn: a\n\nx\n";
const BOTH: &str = "---\nname: t\n---\n\n## a\nrole: coder\naccess: none\n\nx\n\n## b\nrole: coder\naccess: none\n\nx\n";
const MINUTE: u64 = 60_000;

fn limited(text: &str, budget: Budget) -> Play {
    Play::with_policy(plan(text), Policy { budget, ..Policy::default() })
}

fn minutes(minutes: u64) -> Budget {
    Budget { active_ms: Some(minutes * MINUTE), ..Budget::default() }
}

fn later(play: &mut Play, ms: u64) {
    play.now = play.now.plus_ms(ms);
    play.tick();
}

fn adding(budget: Budget, command: Command) -> Command {
    let budget = crew::engine::BudgetChange { add: budget, ..Default::default() };
    Command::With { command: Box::new(command), budget, accepts_risks: false }
}

const RESUME: Command = Command::Resume { message: None, add_steps: 0 };

#[test]
fn at_eighty_percent_people_are_told_once() {
    let mut play = limited(TWO, minutes(10));
    later(&mut play, 8 * MINUTE - 1);
    assert_eq!(play.count("budget.warned"), 0);
    assert_eq!(deadline(&play.state, &play.vitals, play.now), Some(play.now.plus_ms(1)));
    later(&mut play, 1);
    later(&mut play, MINUTE);
    assert_eq!(play.count("budget.warned"), 1);
}

#[test]
fn at_a_hundred_percent_a_turn_ends_and_nothing_starts() {
    let mut play = limited(TWO, minutes(10));
    later(&mut play, 10 * MINUTE);
    assert_eq!(play.live(), ["a"], "the turn goes on");
    play.end("a");
    assert_eq!((play.status().as_str(), play.task("a")), ("blocked(budget_time)", "done"));
    assert!(play.detail().contains("of 10m"), "{}", play.detail());
    assert_eq!(play.person(RESUME).expect_err("refused").code, "budget");
    play.person(adding(minutes(1), RESUME)).expect("raised");
    assert_eq!(play.live(), ["b"]);
    // What was used beyond the limit is not taken from what was added.
    let left = play.state.budget_left(play.now).active_ms;
    assert_eq!(left, Some(MINUTE));
}

#[test]
fn a_run_whose_end_is_reached_is_done_whatever_it_used() {
    let mut play = limited(TWO, minutes(10));
    play.end("a");
    later(&mut play, 11 * MINUTE);
    play.end("b");
    assert_eq!(play.status(), "done(delivered)");
}

#[test]
fn at_a_hundred_and_twenty_percent_a_turn_is_cut_short_and_nothing_is_charged() {
    let mut play = limited(BOTH, minutes(10));
    later(&mut play, 12 * MINUTE - 1);
    assert_eq!(play.live().len(), 2);
    later(&mut play, 1);
    assert_eq!(play.status(), "blocked(budget_time)");
    assert_eq!((play.task("a"), play.task("b")), ("ready", "ready"));
    let task = &play.state.tasks[0];
    assert_eq!((task.timeouts, task.retries, task.crashes), (0, 0, 0));
    assert!(task.failure.contains("budget was used up"), "{}", task.failure);
}

#[test]
fn the_shim_of_an_attempt_knows_how_long_it_may_take_should_nobody_else_be_there() {
    let mut play = limited(TWO, minutes(10));
    let hold = play.state.created.limits.ask_hold_ms;
    let limit = |play: &Play| play.state.live().next().and_then(|(_, live)| live.deadline_ms);
    assert_eq!(limit(&play), Some(12 * MINUTE + hold));
    later(&mut play, 5 * MINUTE - 1_000);
    play.end("a");
    assert_eq!(limit(&play), Some(7 * MINUTE + hold));
    play.now = play.now.plus_ms(8 * MINUTE);
    play.end_with("b", |end| end.reason = EndReason::Deadline);
    assert_eq!((play.status().as_str(), play.task("b")), ("blocked(budget_time)", "ready"));
}

#[test]
fn tokens_are_counted_while_a_turn_goes_on() {
    let budget = Budget { tokens: Some(100), ..Budget::default() };
    for (seen, live, told) in [(79, 1, 0), (80, 1, 1), (119, 1, 1), (120, 0, 1)] {
        let mut play = limited(TWO, budget);
        let usage = Usage { input_tokens: seen, ..Usage::default() };
        play.vitals.attempts.insert(0, crew::engine::AttemptVitals { usage, ..Default::default() });
        later(&mut play, 1_000);
        let stopped = play
            .log
            .iter()
            .any(|body| matches!(body, Body::AttemptStopping(AttemptStopping { .. })));
        assert_eq!((usize::from(!stopped), play.count("budget.warned")), (live, told), "{seen}");
    }
}

#[test]
fn a_cost_counts_as_far_as_it_is_known() {
    let mut play = limited(TWO, Budget { cost_usd: Some(1.0), ..Budget::default() });
    play.end_with("a", |end| end.usage.input_tokens = 1_000_000);
    assert_eq!(play.live(), ["b"], "nobody knows what it cost");
    assert_eq!((play.state.usage.cost_usd, play.state.usage.unpriced), (None, 1));
    let mut play = limited(TWO, Budget { cost_usd: Some(1.0), ..Budget::default() });
    play.end_with("a", |end| end.usage.cost_usd = Some(1.0));
    assert_eq!(play.status(), "blocked(budget_cost)");
}

#[test]
fn waiting_pause_and_downtime_are_free() {
    let mut play = limited(TWO, minutes(10));
    later(&mut play, MINUTE);
    play.person(Command::Pause).expect("paused");
    let used = play.state.active_ms_at(play.now);
    later(&mut play, 600 * MINUTE);
    assert_eq!(play.state.active_ms_at(play.now), used, "paused");
    play.resume();
    play.ask("a", "which?", &[]).expect("asked");
    let used = play.state.active_ms_at(play.now);
    later(&mut play, MINUTE / 2);
    assert_eq!(play.state.active_ms_at(play.now), used, "it waits for a person");
    play.answer("a", "this");
    let ended_at = play.now.plus_ms(2 * MINUTE);
    let used = play.state.active_ms_at(play.now);
    // Nobody was there to see its end: a day later a supervisor finds its record.
    play.now = play.now.plus_ms(24 * 60 * MINUTE);
    play.end_with("a", |end| end.ended_at = ended_at);
    assert_eq!(play.state.active_ms, used + 2 * MINUTE, "downtime");
    assert_eq!(play.live(), ["b"]);
}

#[test]
fn a_back_off_stands_still_while_the_run_is_paused() {
    let mut play =
        Play::of("---\nname: t\n---\n\n## a\nrole: coder\naccess: none\nretries: 9\n\nx\n");
    for _ in 0..4 {
        later(&mut play, MINUTE);
        play.end_with("a", |end| end.code = Some(1));
    }
    let wait =
        |play: &Play| deadline(&play.state, &play.vitals, play.now).map(|at| at.since_ms(play.now));
    let before = wait(&play).expect("it waits");
    play.person(Command::Pause).expect("paused");
    assert_eq!(deadline(&play.state, &play.vitals, play.now), None, "no clock runs");
    later(&mut play, 60 * MINUTE);
    play.resume();
    let after = wait(&play).expect("it still waits");
    assert!(
        play.live().is_empty() && after <= before && after + 2_000 >= before,
        "{before} {after}"
    );
}

#[test]
fn what_is_said_when_it_goes_on_reaches_the_tasks_that_were_interrupted() {
    let mut play = Play::of(BOTH);
    play.person(Command::Pause).expect("paused");
    let message = message("do it otherwise");
    play.person(Command::Resume { message: Some(message), add_steps: 0 }).expect("resumed");
    assert_eq!(play.live(), ["a", "b"]);
    let sent = play.state.messages.last().expect("sent");
    assert_eq!(
        (sent.message.to.as_str(), sent.delivered.len()),
        ("run", 0),
        "the next prompt has it"
    );
}

fn message(text: &str) -> Message {
    Message {
        id: "m1".into(),
        at: crew::base::Time(0),
        from: "human:ada".into(),
        to: "run".into(),
        kind: MessageKind::Message,
        priority: MessagePriority::Normal,
        delivery: Delivery::NextTurn,
        text: text.into(),
        data: None,
        reply_to: None,
    }
}

/// Interleavings of a stop with every result in flight: whichever comes second changes nothing.
#[test]
fn a_stop_wins_over_every_result_in_flight() {
    // Stopped while at work: what the agent still says counts for nothing.
    let mut play = Play::of(TWO);
    let late = Input::AttemptEnded({
        let mut other = Play::of(TWO);
        other.end("a");
        let Some(Body::AttemptEnded(end)) =
            other.log.iter().find(|body| matches!(body, Body::AttemptEnded(_)))
        else {
            panic!("it ended")
        };
        end.clone()
    });
    play.person(Command::Stop).expect("stopped");
    play.give(&Actor::Supervisor, &late).expect("a fact");
    assert_eq!((play.status().as_str(), play.task("b")), ("cancelled(stopped)", "pending"));
    // Stopped while a command runs on the tree.
    let gated = "---\nname: t\ngates:\n  g: { when: { exec: check } }\n\
                 channels:\n  - { id: a-b, from: a, to: b, gate: g }\n---\n\n\
                 ## a\nrole: coder\n\nx\n\n## b\nrole: coder\n\nx\n";
    let mut play = Play::of(gated);
    play.exec = None;
    play.end("a");
    play.person(Command::Stop).expect("stopped");
    let green = Input::Evidence(play.found("check", 0));
    play.give(&Actor::Supervisor, &green).expect("a fact");
    assert_eq!((play.status().as_str(), play.live().len()), ("cancelled(stopped)", 0));
    // Done first, in the same instant: the stop is refused, and done stays done.
    let mut play = Play::of(TWO);
    play.end("a");
    play.end("b");
    assert_eq!(play.person(Command::Stop).expect_err("too late").code, "state");
    assert_eq!(play.status(), "done(delivered)");
    // While the budget is being enforced.
    let mut play = limited(BOTH, minutes(10));
    later(&mut play, 9 * MINUTE);
    play.person(Command::Stop).expect("stopped");
    later(&mut play, 10 * MINUTE);
    assert_eq!(play.status(), "cancelled(stopped)");
}

#[test]
fn a_stop_wins_over_a_merge_that_is_decided() {
    let mut play = Play::with_git(plan(TWO.replace("access: none\n", "").as_str()));
    play.end("a");
    play.end("b");
    assert_eq!(play.status(), "waiting(merge)");
    play.person(Command::Stop).expect("stopped");
    assert!(play.decide(None, Action::Discard, "").is_err());
    assert_eq!(play.status(), "cancelled(stopped)");
}

fn strict() -> Policy {
    let keywords = vec!["deploy".to_owned(), "database".to_owned()];
    let risk = RiskPolicy { is_strict: true, accept: Vec::new(), keywords };
    Policy { risk, ..Policy::default() }
}

/// A draft of a child run whose goal is this.
fn child(goal: &str) -> Play {
    let mut play = Play::with_policy(plan(TWO), strict());
    let mut created = (*play.state.created).clone();
    created.goal = goal.into();
    created.parent =
        Some(ParentLink { number: crew::base::RunNumber(7), round: 1, key: "k".into() });
    created.risks = vec![Risk::plain(RiskReason::CreatedByAgent)];
    play.adopt(created);
    play.draft();
    play.tick();
    play
}

const RELEASE: Command = Command::Release { parent: crew::base::RunNumber(7) };

#[test]
fn a_child_starts_with_its_parent_s_word_unless_it_is_risky_in_itself() {
    let mut play = child("add a page");
    assert!(play.asked().is_empty(), "nobody is asked: {:?}", play.asked());
    play.person(RELEASE).expect("released");
    assert_eq!(play.status(), "running");

    let mut play = child("deploy it");
    assert_eq!(play.asked().len(), 1);
    assert!(play.person(RELEASE).expect("allowed").is_empty(), "it stays a draft");
    assert_eq!(play.status(), "draft");
    play.decide(None, Action::Approve, "").expect("approved");
    assert_eq!(play.status(), "running");
    assert!(play.person(RELEASE).expect("allowed").is_empty());
}

#[test]
fn t03_t04_t05_a_draft_is_approved_rejected_or_changed() {
    let rules = |play: &Play| -> Vec<Rule> {
        let moved = play.log.iter().filter_map(|body| {
            if let Body::RunTransitioned(moved) = body { Some(moved.rule) } else { None }
        });
        moved.collect()
    };
    let mut play = child("deploy it");
    play.decide(None, Action::Suggest, "and the database").expect("changed");
    assert_eq!(rules(&play), [Rule::T05]);
    let open = play.state.open_decision(DecisionKind::Risk, "").expect("asked anew");
    assert!(open.opened.text.contains("`database`"), "{}", open.opened.text);
    play.decide(None, Action::Approve, "").expect("approved");
    assert_eq!(rules(&play)[..2], [Rule::T05, Rule::T03]);
    assert!(play.state.open_risks().is_empty(), "all of it is accepted");

    let mut play = child("deploy it");
    play.decide(None, Action::Reject, "no").expect("rejected");
    assert_eq!((play.status().as_str(), rules(&play)), ("cancelled(rejected)", vec![Rule::T04]));
}

#[test]
fn a_later_instruction_that_makes_a_run_riskier_needs_a_word() {
    let mut play = Play::with_policy(plan(TWO), strict());
    play.person(Command::Pause).expect("paused");
    let risky = Command::Resume { message: Some(message("then deploy")), add_steps: 0 };
    let refused = play.person(risky.clone()).expect_err("nobody accepts it");
    assert!(refused.code == "risk" && refused.reason.contains("`deploy`"), "{refused:?}");
    assert_eq!(play.status(), "paused");
    let budget = crew::engine::BudgetChange::default();
    play.person(Command::With { command: Box::new(risky), budget, accepts_risks: true })
        .expect("accepted");
    assert_eq!((play.status().as_str(), play.count("risk.accepted")), ("running", 1));
    // A budget that a person raises over the line is one too.
    let mut policy = strict();
    policy.budget = minutes(15);
    let mut play = Play::with_policy(plan(TWO), policy);
    play.person(Command::Pause).expect("paused");
    assert_eq!(play.person(adding(minutes(10), RESUME)).expect_err("over 20").code, "risk");
}
