//! Attempts that wait for a person's answer: clocks stand still, slots are for others.

use crew::base::Time;
use crew::engine::{AttemptVitals, Command, Input, deadline};
use crew::event::Actor;

use super::support::{Play, id};

const TWO: &str = "---\nname: t\n---\n\n## a\nrole: coder\naccess: none\n\nx\n\n## b\nrole: qa\naccess: none\n\nx\n";

/// Two tasks, and room for this many attempts.
fn play(agents: u32, runtimes: Option<u32>, machine: u32) -> Play {
    let mut play = Play::of("---\nname: t\n---\n\n## z\nrole: coder\naccess: none\n\nx\n");
    let mut created = (*play.state.created).clone();
    created.limits.agents = agents;
    created.limits.runtime.extend(runtimes.map(|limit| ("rehearsal".to_owned(), limit)));
    created.plan = std::sync::Arc::new(super::support::plan(TWO));
    play.adopt(created);
    play.restart();
    play.vitals.machine_slots = machine;
    play.tick();
    play
}

fn park(play: &mut Play, task: &str) {
    let command = Command::Park { task: id(task), attempt: play.attempt(task) };
    play.give(&Actor::Agent(id(task)), &Input::Command(command)).expect("it may park");
}

#[test]
fn who_asks_gives_its_slot_to_who_waits_for_one() {
    for (agents, runtimes, machine) in [(1, None, 8), (8, Some(1), 8), (8, None, 1)] {
        let mut play = play(agents, runtimes, machine);
        assert_eq!(play.live(), ["a"], "{agents} {runtimes:?} {machine}");
        play.ask("a", "which?", &[]).unwrap();
        assert_eq!(play.live(), ["a", "b"], "{agents} {runtimes:?} {machine}");
        play.answer("a", "this");
        assert_eq!(play.live(), ["a", "b"], "who has begun goes on");
        play.end("a");
        play.end("b");
        assert_eq!(play.status(), "done(delivered)");
    }
}

#[test]
fn a_run_that_only_waits_for_an_answer_leaves_its_place_to_other_runs() {
    let mut play = play(8, None, 8);
    assert!(play.state.holds_slot());
    play.ask("a", "which?", &[]).unwrap();
    assert!(play.state.holds_slot(), "the other works");
    play.ask("b", "what?", &[]).unwrap();
    assert!(!play.state.holds_slot());
    assert_eq!(play.status(), "running");
    play.answer("b", "that");
    assert!(play.state.holds_slot());
}

#[test]
fn time_that_people_take_to_answer_is_nobody_s_work() {
    let mut play = play(8, None, 8);
    play.end("b");
    let begun = play.state.active_ms_at(play.now);
    play.ask("a", "which?", &[]).unwrap();
    play.now = play.now.plus_ms(40_000);
    assert_eq!(play.state.active_ms_at(play.now), begun);
    play.answer("a", "this");
    let from = play.now;
    play.end_with("a", |end| end.duration_ms = 50_000);
    assert_eq!(play.state.active_ms, begun + play.now.since_ms(from));
    let a = play.state.task_ix(&id("a")).unwrap();
    assert_eq!(play.state.tasks[a].active_ms, 50_000 - 41_000);
}

#[test]
fn an_agent_that_waits_for_an_answer_is_not_silent() {
    let mut play = play(8, None, 8);
    play.end("b");
    let limits = play.state.created.limits.clone();
    let a = play.state.task_ix(&id("a")).unwrap();
    let see = |play: &mut Play, is_asking: bool| {
        let seen = AttemptVitals { beat_at: Some(play.now), is_asking, ..AttemptVitals::default() };
        play.vitals.attempts.insert(a, seen);
        play.tick();
    };
    play.now = play.now.plus_ms(limits.first_output_ms - 10_000);
    play.ask("a", "which?", &[]).unwrap();
    play.now = play.now.plus_ms(limits.ask_hold_ms - 1_000);
    see(&mut play, true);
    assert_eq!(play.count("attention.raised"), 0);
    play.answer("a", "this");
    play.now = play.now.plus_ms(5_000);
    see(&mut play, false);
    assert_eq!(play.count("attention.raised"), 0, "what it held does not count");
    play.now = play.now.plus_ms(10_000);
    see(&mut play, false);
    assert_eq!(play.count("attention.raised"), 1, "its clock went on");
}

#[test]
fn a_hold_ends_with_its_process_or_its_time() {
    for is_seen in [true, false] {
        let mut play = play(8, None, 8);
        play.end("b");
        play.ask("a", "which?", &[]).unwrap();
        let next = deadline(&play.state, &play.vitals, play.now);
        assert!(next.is_some_and(|next| next > play.now && next <= play.now.plus_ms(2_000)));
        if is_seen {
            let a = play.state.task_ix(&id("a")).unwrap();
            play.vitals
                .attempts
                .insert(a, AttemptVitals { beat_at: Some(play.now), ..AttemptVitals::default() });
        } else {
            play.now = play.now.plus_ms(60_000);
            play.tick();
            assert_eq!(play.count("question.parked"), 0, "its process may still tell");
            play.now = play.now.plus_ms(10_000);
        }
        play.tick();
        assert_eq!(play.count("question.parked"), 1);
        assert!(play.state.active_since.is_some(), "it works again");
        park(&mut play, "a");
        assert_eq!(play.count("question.parked"), 1);
        play.end("a");
        assert_eq!(play.status(), "waiting(question)");
        play.answer("a", "this");
        assert_eq!(play.attempt("a"), 2, "the answer begins the next turn");
    }
}

#[test]
fn the_next_attempt_that_asks_the_same_waits_for_the_same_answer() {
    let mut play = play(8, None, 8);
    play.end("b");
    play.ask("a", "which?", &[]).unwrap();
    play.person(Command::Pause).unwrap();
    play.person(Command::Resume { message: None, add_steps: 0 }).unwrap();
    assert_eq!((play.attempt("a"), play.state.holds_slot()), (2, true));
    play.ask("a", "which?", &[]).unwrap();
    assert!(!play.state.holds_slot(), "it waits again");
    assert_eq!(play.count("decision.opened"), 1, "people are asked once");
    play.answer("a", "this");
    assert!(play.state.active_since.is_some());
    play.end("a");
    assert_eq!(play.status(), "done(delivered)");
}

#[test]
fn deadlines_of_a_held_attempt_lie_ahead() {
    let mut play = play(8, None, 8);
    play.ask("a", "which?", &[]).unwrap();
    for step in 0..200 {
        play.now = Time(play.now.0 + step * 50);
        let next = deadline(&play.state, &play.vitals, play.now);
        assert!(next.is_none_or(|next| next > play.now), "a deadline in the past never ends");
        play.tick();
    }
}
