//! Tasks that people take over: nothing of theirs runs meanwhile, others go on, and what is there counts.

use crew::engine::{Command, Input, Refusal, deadline};
use crew::event::takeover::{HandBack, TaskHandedBack, TaskTaken};
use crew::event::{Actor, Body};

use super::support::{Play, id, plan};

const TWO: &str = "---\nname: t\n---\n\n## a\nrole: coder\naccess: none\n\nx\n\n## b\nrole: qa\naccess: none\n\nx\n\n\
     ## c\nrole: qa\naccess: none\ndependsOn: a\n\nx\n";
const WRITERS: &str = "---\nname: t\n---\n\n## a\nrole: coder\n\nx\n\n## b\nrole: coder\n\nx\n\n## r\nrole: qa\naccess: read\n\nx\n";

fn take(play: &mut Play, task: &str) -> Result<Vec<Body>, Refusal> {
    take_with(play, task, "m1", None)
}

fn take_with(
    play: &mut Play,
    task: &str,
    mark: &str,
    over: Option<&str>,
) -> Result<Vec<Body>, Refusal> {
    let taken = TaskTaken {
        task: id(task),
        by: Actor::Human("ada".into()),
        pid: 7,
        mark: mark.to_owned(),
        program: "shell".to_owned(),
    };
    play.person(Command::Take { taken, over: over.map(str::to_owned) })
}

fn back(task: &str, how: HandBack) -> TaskHandedBack {
    TaskHandedBack {
        task: id(task),
        how,
        code: Some(0),
        signal: None,
        files: vec!["a.txt".to_owned()],
        file_count: 1,
        duration_ms: 5,
    }
}

fn hand_back(play: &mut Play, task: &str, how: HandBack) -> Result<Vec<Body>, Refusal> {
    play.person(Command::HandBack { back: back(task, how), mark: "m1".to_owned() })
}

#[test]
fn a_task_that_is_taken_over_ends_its_turn_and_the_others_go_on() {
    let mut play = Play::of(TWO);
    assert_eq!(play.live(), ["a", "b"]);
    take(&mut play, "a").unwrap();
    assert_eq!((play.live(), play.task("a")), (vec!["b".to_owned()], "ready"));
    play.end("b");
    assert_eq!(play.status(), "running", "somebody is at work");
    assert!(!play.state.holds_slot(), "only a person is");
    assert_eq!(play.state.active_since, None, "clocks stand still");
    let next = deadline(&play.state, &play.vitals, play.now).expect("it is looked after");
    assert!(next > play.now);
    hand_back(&mut play, "a", HandBack::GoOn).unwrap();
    assert_eq!((play.live(), play.attempt("a")), (vec!["a".to_owned()], 2));
    let a = play.state.task_ix(&id("a")).unwrap();
    assert_eq!(play.state.handed_back(a).unwrap().files, ["a.txt"], "the next attempt is told");
    assert_eq!(play.state.tasks[a].timeouts + play.state.tasks[a].crashes, 0, "nothing is charged");
    play.end("a");
    assert!(play.state.handed_back(a).is_none(), "once");
    play.end("c");
    assert_eq!(play.status(), "done(delivered)");
}

#[test]
fn a_person_can_say_that_it_is_done() {
    for text in [TWO, &TWO.replace("role: coder\n", "role: coder\nverify: true\n")] {
        let mut play = Play::of(text);
        take(&mut play, "a").unwrap();
        hand_back(&mut play, "a", HandBack::Done).unwrap();
        assert_eq!((play.task("a"), play.count("attempt.started")), ("done", 3));
        assert_eq!(play.task("c"), "running", "what waits for it begins");
    }
}

#[test]
fn what_a_step_demands_a_person_owes_as_well() {
    let text = "---\nname: t\nstart: a\nend: z\ngates:\n  g: { writers: [coder], fields: { ok: bool }, when: { check: ok, eq: true } }\n\
        channels:\n  - { id: a-z, from: a, to: z, gate: g }\n---\n\n## a\nrole: coder\naccess: none\n\nx\n\n## z\nkind: end\n";
    let mut play = Play::of(text);
    take(&mut play, "a").unwrap();
    hand_back(&mut play, "a", HandBack::Done).unwrap();
    assert_ne!(play.status(), "done(delivered)", "the gate is not open");
}

#[test]
fn whoever_has_the_tree_keeps_others_out_of_it() {
    let mut play = Play::with_git(plan(WRITERS));
    assert_eq!(play.live(), ["a"]);
    let refused = take_with(&mut play, "b", "m2", None).unwrap_err();
    assert!(refused.reason.contains("`a` works in the same worktree"), "{refused:?}");
    take(&mut play, "a").unwrap();
    assert_eq!(play.live(), [""; 0], "one writes at a time, a person too");
    let refused = take_with(&mut play, "r", "m2", None).unwrap_err();
    assert!(refused.reason.contains("`a` works in the same worktree"), "{refused:?}");
    let checks = play.count("check.finished");
    hand_back(&mut play, "a", HandBack::GoOn).unwrap();
    assert_eq!(play.count("check.finished"), checks + 1, "what the person left is committed");
    assert_eq!((play.live(), play.attempt("a")), (vec!["a".to_owned()], 2));
}

#[test]
fn what_can_not_be_taken_over_says_why() {
    let mut play = Play::of(TWO);
    let pending = take(&mut play, "c").unwrap_err();
    assert!(pending.reason.contains("has not begun"), "{pending:?}");
    assert_eq!(take(&mut play, "nope").unwrap_err().code, "not_found");
    play.ask("b", "which?", &[]).unwrap();
    play.end("b");
    let asks = take(&mut play, "b").unwrap_err();
    assert!(asks.hint.contains("crew answer 1 b"), "{asks:?}");
    take(&mut play, "a").unwrap();
    let twice = take_with(&mut play, "a", "m2", None).unwrap_err();
    assert!(twice.code == "conflict" && twice.reason.contains("ada (process 7)"), "{twice:?}");
    let foreign = Command::HandBack { back: back("a", HandBack::GoOn), mark: "m2".to_owned() };
    assert!(play.person(foreign).is_err(), "nobody ends another's session");
    take_with(&mut play, "a", "m2", Some("m1")).expect("who is gone is followed");
    play.person(Command::Stop).unwrap();
    let over = Command::HandBack { back: back("a", HandBack::GoOn), mark: "m2".to_owned() };
    play.person(over).expect("who comes back to a run that is over still may go");
    assert_eq!(play.live(), [""; 0]);
    let ended = take(&mut play, "a").unwrap_err();
    assert!(ended.reason.contains("is cancelled"), "{ended:?}");
}

#[test]
fn a_taker_who_is_gone_gives_the_task_back() {
    let mut play = Play::of(TWO);
    take(&mut play, "a").unwrap();
    let gone = |mark: &str| Input::TakerGone { back: back("a", HandBack::Lost), mark: mark.into() };
    play.give(&Actor::Supervisor, &gone("m0")).unwrap();
    assert_eq!(play.task("a"), "ready", "that was another session");
    play.give(&Actor::Supervisor, &gone("m1")).unwrap();
    assert_eq!((play.task("a"), play.attempt("a")), ("running", 2));
    play.give(&Actor::Supervisor, &gone("m1")).unwrap();
    assert_eq!(play.count("task.handed_back"), 1);
}

#[test]
fn a_paused_run_stays_paused_whoever_works_in_it() {
    let mut play = Play::of(TWO);
    play.person(Command::Pause).unwrap();
    take(&mut play, "a").unwrap();
    hand_back(&mut play, "a", HandBack::GoOn).unwrap();
    assert_eq!((play.status().as_str(), play.task("a")), ("paused", "ready"));
    assert!(play.state.is_at_rest());
    take(&mut play, "a").unwrap();
    play.resume();
    assert_eq!(play.live(), ["b"], "the person still has it");
    let mut more = back("a", HandBack::GoOn);
    more.files = vec!["b.txt".to_owned()];
    play.person(Command::HandBack { back: more, mark: "m1".to_owned() }).unwrap();
    assert_eq!(play.live(), ["a", "b"]);
    let a = play.state.task_ix(&id("a")).unwrap();
    let told = play.state.handed_back(a).unwrap();
    assert_eq!((told.files.join(" ").as_str(), told.file_count), ("b.txt a.txt", 2), "of both");
}
