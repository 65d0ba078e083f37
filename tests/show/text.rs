//! What people read.

use crew::engine::{Command, Input};
use crew::event::body::{ArtifactStored, RunNoted};
use crew::store::{FileLock, artifact};

use super::place::{Place, play};
use super::script;

#[test]
fn a_run_that_asks_says_so_and_how_to_answer() {
    let mut place = Place::new();
    place.run(script::started().into_iter().chain(script::question()));
    let out = place.crew(&["status", "last"]).ended(4);
    for part in [
        "▲ shop#1  waiting (question)",
        "goal        Add refunds to the shop",
        "workflow    coding (team default)",
        "worktree    /shop/.crew/worktrees/add-refunds on branch crew/add-refunds",
        "✓ planning",
        "▲ coding",
        "waiting input",
        "Are amounts in cents?",
        "cents | euros",
        "crew answer 1 coding --text …",
        "· review/1",
        "it waits for `coding`",
    ] {
        assert!(out.contains(part), "{part}\n{out}");
    }
    assert!(!out.contains('\u{1b}'), "no colour without a terminal");
    assert!(out.lines().all(|line| line.chars().count() <= 100), "{out}");
}

#[test]
fn a_terminal_without_unicode_gets_ascii_and_colour_only_when_asked() {
    let mut place = Place::new();
    place.run(script::started().into_iter().chain(script::question()));
    let mut command = place.command(&["status", "1", "--color", "always"]);
    let out = command.env("LANG", "C").output().unwrap().stdout;
    let out = String::from_utf8(out).unwrap();
    assert!(out.is_ascii(), "{out}");
    assert!(out.contains("\u{1b}[1;33m!"), "{out}");
}

#[test]
fn without_a_run_status_lists_what_lives_attention_first() {
    let mut place = Place::new();
    let first = place.crew(&[]);
    assert_eq!((first.code, first.out.as_str()), (0, ""));
    assert!(first.err.contains("`crew run GOAL`"), "{first:?}");
    place.run(script::started());
    place.run(script::started().into_iter().chain(script::question()));
    let stop = (70_000, Input::Command(Command::Stop));
    place.run([stop]);
    let out = place.crew(&["status"]).ended(0);
    let rows: Vec<&str> =
        out.lines().skip(1).map(|line| &line[..line.find("  ").unwrap()]).collect();
    assert_eq!(rows, ["▲ #2", "◑ #1"], "{out}");
    let lock = FileLock::exclusive(&place.run_dir(1).supervisor_lock()).unwrap();
    let out = place.crew(&["status"]).ended(0);
    assert!(out.contains("● #1"), "{out}");
    drop(lock);
    let all = place.crew(&["ls"]).ended(0);
    assert!(all.contains("· #3") && all.contains("cancelled (stopped)"), "{all}");
    let newest = place.crew(&["ls", "--limit", "1"]).ended(0);
    assert!(newest.contains("#3") && !newest.contains("#2"), "{newest}");
}

#[test]
fn show_tells_plan_and_files() {
    let mut place = Place::new();
    place.run(script::started());
    let out = place.crew(&["show", "refunds"]).ended(0);
    for part in [
        "coding (coder on claude, writes) after planning",
        "review (reviewer on codex, 2 slots, verifies) after coding",
        "/shop/.crew/state/runs/0001/events.jsonl",
    ] {
        assert!(out.contains(part), "{part}\n{out}");
    }
}

#[test]
fn why_names_evidence_and_the_next_command() {
    let mut place = Place::new();
    place.run(script::started().into_iter().chain(script::question()));
    let out = place.crew(&["why", "1/coding"]).ended(0);
    assert!(out.contains("it asks: Are amounts in cents?"), "{out}");
    assert!(out.contains("crew answer 1 coding --text"), "{out}");
    let out = place.crew(&["why", "1"]).ended(0);
    assert!(out.contains("`coding` asks:"), "{out}");
    place.run(script::started());
    let out = place.crew(&["why", "2"]).ended(0);
    assert!(out.contains("no supervisor drives the run"), "{out}");
    assert!(out.contains("last beat"), "{out}");
    let missing = place.crew(&["why", "1/codng"]);
    assert_eq!(missing.code, 6);
    assert!(missing.err.contains("did you mean `coding`?"), "{missing:?}");
}

#[test]
fn the_story_of_a_run_can_be_told_and_listed() {
    let mut place = Place::new();
    place.run(script::started());
    let story = place.crew(&["timeline", "1"]).ended(0);
    assert!(story.contains("09:30:00"), "{story}");
    assert!(story.contains("+1m 05s"), "{story}");
    assert!(story.contains("attempt 1 ended with code 0 after 15s: wrote the plan"), "{story}");
    let events = place.crew(&["events", "1"]).ended(0);
    assert_eq!(
        events.lines().count(),
        place.crew(&["events", "1", "--json"]).ended(0).lines().count()
    );
    assert!(events.contains("worktree.created"), "{events}");
    let last = place.crew(&["events", "1", "-n", "1"]).ended(0);
    assert_eq!(last.lines().collect::<Vec<_>>(), [events.lines().last().unwrap()]);
}

#[test]
fn following_ends_with_the_run() {
    let mut place = Place::new();
    place.run([(70_000, Input::Command(Command::Stop))]);
    let out = place.crew(&["events", "1", "-f"]).ended(0);
    assert!(out.contains("cancelled (stopped)"), "{out}");
    let out = place.crew(&["status", "1", "--watch"]).ended(1);
    assert!(out.contains("cancelled (stopped)"), "{out}");
}

#[test]
fn logs_are_readable_redacted_and_harmless() {
    let mut place = Place::new();
    let ledger = place.run(script::started());
    let attempt = |task: &str| ledger.dir().attempt(&task.parse().unwrap(), 1);
    let nothing = place.crew(&["logs", "1"]);
    assert_eq!((nothing.code, nothing.out.trim()), (0, ""));
    for (task, text) in [
        ("planning", "first the plan\napi_key=abcdefgh12345678\n"),
        ("coding", "\u{1b}[2J\u{1b}]0;title\u{7}now the code\nhalf a li"),
    ] {
        std::fs::create_dir_all(attempt(task).path()).unwrap();
        std::fs::write(attempt(task).stdout(), text).unwrap();
    }
    std::fs::write(attempt("coding").stderr(), "warning: unused\n").unwrap();
    let out = place.crew(&["logs", "1"]).ended(0);
    let planning = out.find("planning · attempt 1 · claude").unwrap();
    assert!(planning < out.find("coding · attempt 1 · claude").unwrap(), "{out}");
    for part in ["first the plan", "api_key=[redacted]", "now the code", "half a li", "unused"] {
        assert!(out.contains(part), "{part}\n{out}");
    }
    assert!(!out.chars().any(|c| c.is_control() && c != '\n'), "{out:?}");
    let raw = place.crew(&["logs", "1/planning", "--raw"]).ended(0);
    assert_eq!(raw, "first the plan\napi_key=[redacted]\n");
    assert_eq!(place.crew(&["logs", "1", "coding", "--attempt", "3"]).code, 6);
}

#[test]
fn artifacts_are_listed_printed_and_checked() {
    let mut place = Place::new();
    let mut ledger = place.run(script::started());
    let name: crew::base::ArtifactName = "plan.md".parse().unwrap();
    let stored = artifact::store(ledger.dir(), &name, b"# Plan\n1. refunds\n").unwrap();
    let task = "planning".parse().unwrap();
    let (bytes, hash) = (stored.bytes, stored.hash);
    let fact = ArtifactStored { name: name.clone(), task, bytes, hash };
    play(&mut ledger, 70_000, Input::Fact(fact.into()));
    let list = place.crew(&["artifacts", "1"]).ended(0);
    assert!(list.contains("plan.md") && list.contains("18"), "{list}");
    assert_eq!(place.crew(&["artifacts", "1", "plan.md"]).ended(0), "# Plan\n1. refunds\n");
    assert_eq!(place.crew(&["artifacts", "1", "plam.md"]).code, 6);
    assert!(place.crew(&["verify", "1"]).ended(0).contains("run #1 is whole"));
    std::fs::write(ledger.dir().artifact(&name), "# Other\n").unwrap();
    let out = place.crew(&["verify", "1"]).ended(8);
    assert!(out.contains("is not what `planning` stored"), "{out}");
}

#[test]
fn brief_sorts_runs_by_what_they_need() {
    let mut place = Place::new();
    place.run(script::started().into_iter().chain(script::question()));
    place.run(script::started());
    place.run([(70_000, Input::Command(Command::Stop))]);
    let out = place.crew(&["brief", "--since", "2026-05-01T00:00:00Z"]).ended(0);
    let at = |text: &str| out.find(text).unwrap_or_else(|| panic!("{text}\n{out}"));
    assert!(at("waits for you") < at("shop#1 question of coding"));
    assert!(at("shop#1 question of coding") < at("ended or stuck"));
    assert!(at("ended or stuck") < at("#3") && at("#3") < at("going on"));
    assert!(at("going on") < at("#2"));
    let recent = place.crew(&["brief", "--since", "1h"]).ended(0);
    assert!(!recent.contains("ended or stuck"), "{recent}");
    assert_eq!(place.crew(&["brief", "--since", "soonish"]).code, 2);
}

#[test]
fn text_from_agents_cannot_draw_on_the_terminal() {
    let mut place = Place::new();
    let mut ledger = place.run(script::started());
    let note = RunNoted { text: "\u{1b}[2J\u{9b}31mevil\r\n\u{7}".into() };
    play(&mut ledger, 70_000, Input::Fact(note.into()));
    let Input::AttemptEnded(mut end) = script::question().remove(0).1 else { panic!("an end") };
    end.report.question.as_mut().unwrap().text = "\u{1b}]0;evil\u{7}why?".into();
    play(&mut ledger, 80_000, Input::AttemptEnded(end));
    play(&mut ledger, 80_100, script::question().remove(1).1);
    for args in [
        &["status", "1"][..],
        &["why", "1"],
        &["why", "1/coding"],
        &["timeline", "1"],
        &["events", "1"],
        &["brief"],
    ] {
        let out = place.crew(args).out;
        assert!(out.contains("evil"), "{args:?} {out}");
        assert!(!out.chars().any(|c| c.is_control() && c != '\n'), "{args:?} {out:?}");
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let mut place = Place::new();
    place.run(script::started());
    let mut child = place
        .command(&["events", "1"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let done = child.wait_with_output().unwrap();
    assert_eq!((done.status.code(), done.stderr.as_slice()), (Some(0), &b""[..]));
}
