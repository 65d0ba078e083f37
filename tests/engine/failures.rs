//! Failures of programs and their providers, by kind: limits, logins, contexts, models, sessions.

use crew::base::{ErrorKind, Time};
use crew::engine::{AttemptVitals, Command, deadline};
use crew::event::attempt::Fault;
use crew::event::body::{ReadyCause, TaskReadied};
use crew::event::{AttemptStarted, Body, Status, Wait};

use super::support::{Play, plan};

const ONE: &str = "---\nname: t\n---\n\n## a\nrole: coder\naccess: none\n\nx\n";
const BOTH: &str = "---\nname: t\n---\n\n## a\nrole: coder\naccess: none\n\nx\n\n## b\nrole: reviewer\naccess: none\n\nx\n";
const MINUTE: u64 = 60_000;
const RESUME: Command = Command::Resume { message: None, add_steps: 0 };

/// A run whose steps ask for the model `first` and fall back to these.
fn with_models(text: &str, fallbacks: &[&str]) -> Play {
    let mut plan = plan(text);
    for step in &mut plan.steps {
        step.model = Some("first".to_owned());
    }
    for agent in plan.agents.values_mut() {
        agent.fallback_models = fallbacks.iter().map(|name| (*name).to_owned()).collect();
    }
    Play::new(plan)
}

fn fault(kind: ErrorKind, reset_at: Option<Time>) -> Fault {
    let text = format!("{} says no", kind.word());
    Fault { kind, retryable: true, reset_at, text, hint: String::new() }
}

fn fail(play: &mut Play, task: &str, fault: Fault) {
    play.end_with(task, |end| {
        end.code = Some(1);
        end.session = Some("s1".to_owned());
        end.report.error = Some(fault);
    });
}

fn later(play: &mut Play, ms: u64) {
    play.now = play.now.plus_ms(ms);
    play.tick();
}

/// What every attempt of a task asked for, and why.
fn asked(play: &Play, task: &str) -> Vec<(String, String)> {
    fn started(body: &Body) -> Option<&AttemptStarted> {
        if let Body::AttemptStarted(started) = body { Some(started) } else { None }
    }
    let of_task = play.log.iter().filter_map(started).filter(|it| it.task.to_string() == task);
    of_task.map(|it| (it.model.clone().unwrap_or_default(), it.model_why.clone())).collect()
}

fn readied(play: &Play) -> Vec<&TaskReadied> {
    fn ready(body: &Body) -> Option<&TaskReadied> {
        if let Body::TaskReadied(ready) = body { Some(ready) } else { None }
    }
    play.log.iter().filter_map(ready).collect()
}

fn wake_at(play: &Play) -> Time {
    let Status::Waiting { wait: Wait::Limit { wake_at } } = &play.state.status else {
        panic!("{:?}", play.state.status);
    };
    *wake_at
}

fn session(play: &Play) -> Option<String> {
    play.state.live().next().and_then(|(_, live)| live.session.clone())
}

/// Uses up the quick retries of a limit that says no end.
fn use_up(play: &mut Play, task: &str) {
    for wait in [1_000, 2_000, 4_000] {
        fail(play, task, fault(ErrorKind::RateLimit, None));
        assert_eq!(play.task(task), "ready");
        later(play, wait - 1);
        assert_eq!(play.task(task), "ready", "not before {wait}");
        later(play, 1);
        assert_eq!(play.task(task), "running");
    }
    fail(play, task, fault(ErrorKind::RateLimit, None));
}

#[test]
fn a_limit_is_tried_again_some_times_and_then_the_run_waits_for_it() {
    let mut play = Play::of(ONE);
    use_up(&mut play, "a");
    assert_eq!((play.status().as_str(), play.task("a")), ("waiting(limit)", "ready"));
    assert_eq!(wake_at(&play), play.now.plus_ms(5 * MINUTE));
    assert_eq!(deadline(&play.state, &play.vitals, play.now), Some(wake_at(&play)));
    let task = &play.state.tasks[0];
    assert_eq!((task.retries, task.crashes, task.timeouts), (0, 0, 0), "nothing is charged");
    later(&mut play, 5 * MINUTE - 1);
    assert_eq!(play.status(), "waiting(limit)");
    later(&mut play, 1);
    assert_eq!((play.status().as_str(), play.live()), ("running", vec!["a".to_owned()]));
    assert_eq!(session(&play).as_deref(), Some("s1"), "the session goes on");
    // It waited for nothing that counts.
    assert!(play.state.active_ms_at(play.now) < 6_000, "{}", play.state.active_ms_at(play.now));
    play.end("a");
    assert_eq!(play.status(), "done(delivered)");
}

#[test]
fn waits_grow_up_to_an_hour_and_a_turn_that_ends_well_ends_them() {
    let mut play = Play::of(ONE);
    for minutes in [5, 10, 20, 40, 60, 60] {
        use_up(&mut play, "a");
        assert_eq!(wake_at(&play), play.now.plus_ms(minutes * MINUTE));
        later(&mut play, minutes * MINUTE);
    }
    assert_eq!(play.status(), "running");
}

#[test]
fn a_limit_is_never_tried_before_its_end() {
    for (seconds, waits) in [(30, false), (60, false), (61, true), (7_200, true)] {
        let mut play = Play::of(ONE);
        let reset = play.now.plus_ms(1_000 + seconds * 1_000);
        fail(&mut play, "a", fault(ErrorKind::RateLimit, Some(reset)));
        let status = if waits { "waiting(limit)" } else { "running" };
        assert_eq!(play.status(), status, "{seconds}");
        later(&mut play, seconds * 1_000 - 1);
        assert_eq!((play.status().as_str(), play.task("a")), (status, "ready"), "{seconds}");
        later(&mut play, 1);
        assert_eq!(play.live(), ["a"], "{seconds}");
    }
    // One that is over says nothing.
    let mut play = Play::of(ONE);
    let past = Time(play.now.0 - 1_000);
    fail(&mut play, "a", fault(ErrorKind::Overload, Some(past)));
    later(&mut play, 1_000);
    assert_eq!(play.live(), ["a"]);
}

#[test]
fn fallback_models_are_tried_once_each_before_the_run_waits() {
    let mut play = with_models(ONE, &["second", "first", "third"]);
    let reset = play.now.plus_ms(100 * MINUTE);
    for kind in [ErrorKind::RateLimit, ErrorKind::Overload, ErrorKind::RateLimit] {
        fail(&mut play, "a", fault(kind, Some(reset)));
    }
    assert_eq!(play.status(), "waiting(limit)");
    assert_eq!(wake_at(&play), reset);
    play.now = reset;
    play.tick();
    let told = asked(&play, "a");
    let told: Vec<(&str, &str)> = told.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(
        told,
        [
            ("first", ""),
            ("second", "fallback after rate_limit on first"),
            ("third", "fallback after overload on second"),
            ("first", ""),
        ]
    );
}

#[test]
fn quick_retries_come_before_the_fallback_and_a_retry_stays_with_it() {
    let mut play = with_models(ONE, &["second"]);
    use_up(&mut play, "a");
    assert_eq!(asked(&play, "a").last().map(|it| it.0.as_str()), Some("second"));
    // A crash is no reason to change it again.
    play.end_with("a", |end| (end.code, end.signal) = (None, Some(11)));
    later(&mut play, MINUTE);
    let last = asked(&play, "a").pop().expect("started");
    assert_eq!(last, ("second".to_owned(), "fallback after rate_limit on first".to_owned()));
}

#[test]
fn the_run_sleeps_only_when_nothing_else_can_be_done() {
    let mut play = Play::of(BOTH);
    let reset = play.now.plus_ms(100 * MINUTE);
    fail(&mut play, "a", fault(ErrorKind::RateLimit, Some(reset)));
    assert_eq!((play.status().as_str(), play.live()), ("running", vec!["b".to_owned()]));
    play.end("b");
    assert_eq!(play.status(), "waiting(limit)");
    play.now = reset;
    play.tick();
    assert_eq!(play.live(), ["a"]);
}

#[test]
fn a_pause_does_not_move_the_end_of_a_limit() {
    let mut play = Play::of(ONE);
    let reset = play.now.plus_ms(100 * MINUTE);
    fail(&mut play, "a", fault(ErrorKind::RateLimit, Some(reset)));
    play.person(Command::Pause).expect("paused");
    later(&mut play, 50 * MINUTE);
    play.resume();
    assert_eq!(play.status(), "waiting(limit)");
    assert_eq!(wake_at(&play), reset);
    play.person(Command::Pause).expect("paused");
    later(&mut play, 60 * MINUTE);
    assert_eq!(play.status(), "paused");
    play.resume();
    assert_eq!(play.live(), ["a"], "it is over");
}

#[test]
fn a_person_can_try_at_once_or_end_it() {
    let mut play = Play::of(ONE);
    let reset = play.now.plus_ms(100 * MINUTE);
    fail(&mut play, "a", fault(ErrorKind::RateLimit, Some(reset)));
    play.resume();
    assert_eq!(play.live(), ["a"]);
    fail(&mut play, "a", fault(ErrorKind::RateLimit, Some(reset)));
    assert_eq!(play.status(), "waiting(limit)");
    play.person(Command::Stop).expect("stopped");
    assert_eq!(play.status(), "cancelled(stopped)");
}

#[test]
fn a_clock_that_was_set_back_does_not_prolong_a_wait() {
    let mut play = Play::of(ONE);
    let reset = play.now.plus_ms(100 * MINUTE);
    fail(&mut play, "a", fault(ErrorKind::RateLimit, Some(reset)));
    play.now = Time(play.now.0 - 86_400_000);
    play.tick();
    assert_eq!(play.live(), ["a"]);
}

#[test]
fn a_login_waits_for_a_person_and_costs_no_retry() {
    let mut play =
        Play::of("---\nname: t\n---\n\n## a\nrole: coder\naccess: none\nretries: 3\n\nx\n");
    let hint = "codex login".to_owned();
    fail(&mut play, "a", Fault { hint, ..fault(ErrorKind::Login, None) });
    assert_eq!(play.status(), "waiting(auth)");
    let Status::Waiting { wait: Wait::Auth { detail } } = &play.state.status else { panic!() };
    assert_eq!(
        detail,
        "a: `rehearsal` needs a login (login says no): log in with `codex login`, then `crew resume 1`; \
         or `crew retry 1/a --runtime NAME`"
    );
    assert_eq!(
        play.person(Command::Promote { dependencies: None }).expect_err("waits").code,
        "state"
    );
    play.person(RESUME).expect("somebody has logged in");
    assert_eq!(play.live(), ["a"]);
    assert_eq!(play.state.tasks[0].retries, 0);
    play.end("a");
    assert_eq!(play.status(), "done(delivered)");
}

#[test]
fn a_login_lets_others_finish_first() {
    let mut play = Play::of(BOTH);
    fail(&mut play, "a", fault(ErrorKind::Login, None));
    assert_eq!((play.status().as_str(), play.live()), ("running", vec!["b".to_owned()]));
    play.end("b");
    assert_eq!(play.status(), "waiting(auth)");
}

#[test]
fn a_conversation_that_no_longer_fits_is_begun_anew_twice() {
    let mut play = Play::of(ONE);
    for _ in 0..2 {
        fail(&mut play, "a", fault(ErrorKind::ContextOverflow, None));
        assert_eq!(play.live(), ["a"]);
        assert_eq!(session(&play), None, "a new session");
        assert!(play.state.tasks[0].trouble.needs_recap);
    }
    fail(&mut play, "a", fault(ErrorKind::ContextOverflow, None));
    assert_eq!(play.status(), "blocked(agent_crash)");
    assert!(play.detail().contains("did not fit into the model's context"), "{}", play.detail());
    play.resume();
    assert_eq!(play.live(), ["a"]);
}

#[test]
fn a_model_that_is_not_known_is_met_once_in_a_run() {
    let mut play = with_models(BOTH, &["second"]);
    play.end("b");
    fail(&mut play, "a", fault(ErrorKind::BadModel, None));
    assert_eq!(play.live(), ["a"], "at once");
    assert_eq!(asked(&play, "a")[1], ("second".into(), "fallback after bad_model on first".into()));
    assert_eq!(readied(&play).len(), 1);
    fail(&mut play, "a", fault(ErrorKind::BadModel, None));
    assert_eq!(play.status(), "blocked(workflow_invalid)");
    assert!(
        play.detail().contains("`rehearsal` knows none of the models `first`, `second`"),
        "{}",
        play.detail()
    );
}

#[test]
fn other_tasks_do_not_try_a_model_that_was_bad() {
    let two = BOTH.replace("role: reviewer\n", "role: reviewer\ndependsOn: a\n");
    let mut play = with_models(&two, &["second"]);
    fail(&mut play, "a", fault(ErrorKind::BadModel, None));
    play.end("a");
    assert_eq!(asked(&play, "b"), [("second".into(), "fallback after bad_model on first".into())]);
    // Where none is left nothing is started.
    let mut play = with_models(&two, &[]);
    fail(&mut play, "a", fault(ErrorKind::BadModel, None));
    assert_eq!(play.status(), "blocked(workflow_invalid)");
    assert!(play.detail().contains("does not know the model `first`"), "{}", play.detail());
}

#[test]
fn other_tasks_do_not_meet_a_limit_that_is_known() {
    let two = BOTH.replace("role: reviewer\n", "role: reviewer\nmaxConcurrency: 1\n");
    let mut one_slot = plan(&two);
    one_slot.max_concurrency = Some(1);
    let mut play = Play::new(one_slot);
    let reset = play.now.plus_ms(100 * MINUTE);
    fail(&mut play, "a", fault(ErrorKind::RateLimit, Some(reset)));
    assert_eq!((play.status().as_str(), play.count("attempt.started")), ("waiting(limit)", 1));
    assert_eq!(play.state.limits_told().len(), 2);
    play.now = reset;
    play.tick();
    assert_eq!(play.live(), ["a"]);
    // With another model it goes on with that.
    let mut play = with_models(
        &two.replace("role: reviewer\n", "role: reviewer\ndependsOn: a\n"),
        &["second"],
    );
    let reset = play.now.plus_ms(100 * MINUTE);
    fail(&mut play, "a", fault(ErrorKind::RateLimit, Some(reset)));
    play.end("a");
    assert_eq!(asked(&play, "b"), [("second".into(), "fallback after rate_limit on first".into())]);
}

#[test]
fn the_run_wakes_for_the_model_that_is_free_first_and_asks_for_no_other() {
    let mut play = with_models(ONE, &["second", "third"]);
    for minutes in [300, 10] {
        let reset = play.now.plus_ms(minutes * MINUTE);
        fail(&mut play, "a", fault(ErrorKind::RateLimit, Some(reset)));
    }
    fail(&mut play, "a", fault(ErrorKind::BadModel, None));
    assert_eq!(play.status(), "waiting(limit)");
    play.now = wake_at(&play);
    play.tick();
    let last = asked(&play, "a").pop().expect("started");
    assert_eq!(last, ("second".into(), "fallback after rate_limit on first".into()));
}

#[test]
fn a_session_that_is_gone_is_replaced_once() {
    let mut play =
        Play::of("---\nname: t\n---\n\n## a\nrole: coder\naccess: none\nretries: 2\n\nx\n");
    // The first attempt has no session to lose.
    fail(&mut play, "a", fault(ErrorKind::Session, None));
    assert_eq!(readied(&play).last().map(|it| it.cause), Some(ReadyCause::Retry));
    later(&mut play, MINUTE);
    assert_eq!(session(&play).as_deref(), Some("s1"));
    fail(&mut play, "a", fault(ErrorKind::Session, None));
    assert_eq!(readied(&play).last().map(|it| it.cause), Some(ReadyCause::Session));
    assert_eq!((play.live(), session(&play)), (vec!["a".to_owned()], None));
}

#[test]
fn a_refusal_fails_the_task_and_other_kinds_are_like_any_failure() {
    let retries = "---\nname: t\n---\n\n## a\nrole: coder\naccess: none\nretries: 1\n\nx\n";
    for (kind, task) in
        [(ErrorKind::Refusal, "failed"), (ErrorKind::Crash, "ready"), (ErrorKind::Other, "ready")]
    {
        let mut play = Play::of(retries);
        fail(&mut play, "a", fault(kind, None));
        assert_eq!(play.task("a"), task, "{kind:?}");
    }
}

/// What is seen of the live attempt of the first task.
fn see(play: &mut Play, retrying: Option<Time>, over_at: Option<Time>) {
    let now = Some(play.now);
    let retrying = retrying.map(|since| (since, "529".to_owned()));
    let seen = AttemptVitals {
        beat_at: now,
        stdout_at: now,
        output_at: now,
        retrying,
        over_at,
        ..AttemptVitals::default()
    };
    play.vitals.attempts.insert(0, seen);
}

#[test]
fn a_program_that_only_tries_again_is_told_of_and_ended_at_its_time() {
    let mut play = Play::of(ONE);
    let since = play.now.plus_ms(1);
    for (ms, attention, stopping) in [
        (150_000 - 1, 0, 0),
        (150_000, 1, 0),
        (200_000, 1, 0),
        (300_000 - 1, 1, 0),
        (300_000, 1, 1),
    ] {
        play.now = since.plus_ms(ms);
        see(&mut play, Some(since), None);
        let due = deadline(&play.state, &play.vitals, Time(play.now.0 - 1));
        play.tick();
        let seen = (play.count("attention.raised"), play.count("attempt.stopping"));
        assert_eq!(seen, (attention, stopping), "{ms}");
        assert!(due.is_some_and(|due| due <= since.plus_ms(300_000)), "{ms}: {due:?}");
    }
    assert_eq!(readied(&play).last().map(|it| it.cause), Some(ReadyCause::Timeout));
    assert_eq!(play.live(), ["a"], "what was seen of the last attempt says nothing about this one");
}

#[test]
fn a_turn_that_is_over_counts_although_its_program_does_not_exit() {
    let mut play = Play::of(ONE);
    let over = play.now.plus_ms(1);
    for (ms, status) in [(29_999, "running"), (30_000, "done(delivered)")] {
        play.now = over.plus_ms(ms);
        see(&mut play, None, Some(over));
        play.tick();
        assert_eq!(play.status(), status, "{ms}");
    }
    assert_eq!(play.state.tasks[0].attempts, 1);
}

#[test]
fn an_attempt_that_a_person_stops_is_never_over() {
    let mut play = Play::of(ONE);
    let over = play.now.plus_ms(1);
    see(&mut play, None, Some(over));
    play.person(Command::Pause).expect("paused");
    assert_eq!((play.status().as_str(), play.task("a")), ("paused", "ready"));
}
