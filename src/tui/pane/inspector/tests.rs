//! The inspector and the screen of one task: recorded output, mail, gates, prompt, why, attempts and search.

use std::sync::Arc;

use super::super::super::testing::{SIZES, Stage, UNICODE, lines, run_of};
use super::super::super::want::{AttemptFacts, Loaded, Want};
use super::super::super::world::{RunView, TaskRef};
use super::*;
use crate::agent::OutputFormat;
use crate::base::{RunNumber, Time};
use crate::client::pager::{Anchor, Finder, Pager, Reading};
use crate::event::Message;
use crate::event::message::{Delivery, MessageKind, MessagePriority};
use crate::snapshot::{MessageRow, ReceiptRow, sample};

/// What the programs of the recordings were started in.
const ROOT: &str = "/home/dev/repo";

/// The dashboard on one task of a run.
fn stage(mut run: RunView, task: &str) -> Stage {
    run.status.run.worktree.path = Some(ROOT.into());
    let mut stage = Stage::new(vec![run]);
    let task = Some(task.parse().unwrap());
    stage.model.selected = Some(TaskRef { run: RunNumber(5), task });
    stage.press("4");
    stage
}

fn at_work() -> RunView {
    run_of(sample::records(sample::started()))
}

/// What the stage wants of the task's output.
fn source_of_stage(stage: &Stage) -> Source {
    source(&stage.scene()).expect("an attempt is looked at")
}

fn load_recording(stage: &mut Stage, name: &str, format: OutputFormat) {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/recordings");
    let path = camino::Utf8PathBuf::from(format!("{folder}/{name}.jsonl"));
    let source = source_of_stage(stage);
    let mut pager = Pager::open(path.clone(), format, source.reading);
    pager.show(Anchor::End).unwrap();
    let want = Want::Transcript { source: source.clone(), anchor: Anchor::End };
    stage.load(want, Loaded::Transcript(Arc::new(pager.page())));
    if let Some(text) = stage.model.inspector.log.needle().map(str::to_owned) {
        let mut finder = Finder::new(path, format, source.reading, &text);
        while finder.step().unwrap() {}
        let want = Want::Found { source, text };
        stage.load(want, Loaded::Found(Arc::new(finder.hits())));
    }
}

fn message(id: &str, from: &str, to: &str, text: &str) -> MessageRow {
    MessageRow {
        message: Message {
            id: id.into(),
            at: Time(1_777_627_870_000),
            from: from.into(),
            to: to.into(),
            kind: MessageKind::Message,
            priority: MessagePriority::Normal,
            delivery: Delivery::NextTurn,
            text: text.into(),
            data: None,
            reply_to: None,
        },
        state: "sent",
        delivered: Vec::new(),
        acked: Vec::new(),
        dead: None,
    }
}

fn with_mail() -> RunView {
    let receipt = |attempt| vec![ReceiptRow { task: "coding".into(), attempt }];
    let mut run = at_work();
    let mut read = message("m1", "human:ada", "coding", "Use the existing `Money` type.");
    (read.state, read.delivered, read.acked) = ("acked", receipt(1), receipt(1));
    let mut given =
        message("m2", "planning", "coding", "The plan is in **plan.md**:\n\n- one\n- two");
    (given.state, given.delivered) = ("delivered", receipt(2));
    let mut dead = message("m3", "human:ada", "coding", "too late");
    (dead.state, dead.dead) = ("dead", Some("the run was cancelled".into()));
    let mut asks = message("m4", "coding", "human", "Are amounts in cents?");
    asks.message.kind = MessageKind::Question;
    let mut now = message(
        "m5",
        "human:ada",
        "coding",
        "Stop that, and read the test first, please; all of it\u{1b}[2J",
    );
    now.message.delivery = Delivery::Interrupt;
    let other = message("m6", "human:ada", "review/1", "not for coding");
    let queued = message("m7", "human:ada", "coding", "mind the tests");
    run.messages = vec![read, given, dead, asks, now, other, queued];
    run
}

#[test]
fn a_task_full_size_shows_its_facts_and_its_output() {
    let mut stage = stage(at_work(), "coding");
    let attempt = source_of_stage(&stage).attempt;
    let facts = AttemptFacts { runtime: "claude".into(), ..AttemptFacts::default() };
    stage.load(Want::Attempt(attempt), Loaded::Attempt(Arc::new(facts)));
    load_recording(&mut stage, "claude/parallel", OutputFormat::Claude);
    insta::assert_snapshot!(stage.gallery());
}

#[test]
fn the_inspector_beside_the_list_shows_the_output_too() {
    let mut stage = stage(at_work(), "coding");
    stage.press("1 tab");
    load_recording(&mut stage, "codex/toolfail", OutputFormat::Codex);
    insta::assert_snapshot!(stage.gallery());
}

#[test]
fn mail_says_how_far_each_message_came() {
    let mut stage = stage(with_mail(), "coding");
    stage.press("m");
    insta::assert_snapshot!(stage.gallery());
}

#[test]
fn only_a_message_that_nobody_has_can_be_taken_back() {
    let mut stage = stage(with_mail(), "coding");
    assert_eq!(lines(&stage.press("m x")), ["crew send 5 --retract m7"]);
    assert_eq!(lines(&stage.press("up x")), ["crew send 5 --retract m5"]);
    assert!(lines(&stage.press("g x")).is_empty());
    assert!(stage.draw((120, 36), UNICODE).contains("only a message that nobody has yet"));
}

#[test]
fn gates_prompt_and_why_are_readable() {
    let approval = run_of(sample::records_of(sample::created_with_approval(), sample::started()));
    let mut stage = stage(approval, "planning");
    let mut sheet = String::new();
    for (tab, size) in [(Tab::Gates, SIZES[2]), (Tab::Gates, SIZES[3]), (Tab::Why, SIZES[2])] {
        stage.model.tab = tab;
        sheet.push_str(&stage.draw(size, UNICODE));
    }
    stage.model.tab = Tab::Prompt;
    sheet.push_str(&stage.draw(SIZES[3], UNICODE));
    let task = "planning".parse().unwrap();
    let want = Want::Prompt { run: RunNumber(5), task, attempt: 1 };
    let prompt =
        "# Task\n\nWrite `plan.md`.\n\n1. read\n2. think\n\n```rust\nfn main() {}\n```\n".repeat(4);
    stage.load(want, Loaded::Text(prompt.into()));
    sheet.push_str(&stage.draw(SIZES[2], UNICODE));
    let before = stage.draw(SIZES[2], UNICODE);
    stage.press("down down");
    assert_ne!(stage.draw(SIZES[2], UNICODE), before);
    stage.press("g");
    assert_eq!(stage.draw(SIZES[2], UNICODE), before);
    insta::assert_snapshot!(sheet);
}

#[test]
fn earlier_attempts_are_one_key_away() {
    let mut run = at_work();
    let row = run.status.tasks.iter_mut().find(|row| row.id.to_string() == "coding").unwrap();
    row.attempt = 3;
    let mut stage = stage(run, "coding");
    let number = |stage: &Stage| source_of_stage(stage).attempt.number;
    let runtime = |stage: &Stage| source_of_stage(stage).attempt.runtime;
    assert_eq!((number(&stage), runtime(&stage).as_deref()), (3, Some("claude")));
    stage.press("<");
    assert_eq!((number(&stage), runtime(&stage)), (2, None), "the log tells what played it");
    stage.press("< <");
    assert_eq!(number(&stage), 1);
    assert!(stage.draw((80, 24), UNICODE).contains("this is the first attempt"));
    let attempt = source_of_stage(&stage).attempt;
    let facts = AttemptFacts {
        runtime: "codex".into(),
        ended: Some("attempt 1 ended with code 1 after 2m".into()),
        ..AttemptFacts::default()
    };
    stage.load(Want::Attempt(attempt), Loaded::Attempt(Arc::new(facts)));
    let screen = stage.draw((120, 36), UNICODE);
    assert!(screen.contains("agent codex") && screen.contains("attempt 1 of 3"), "{screen}");
    assert!(screen.contains("attempt 1 ended with code 1 after 2m"), "{screen}");
    stage.press("> >");
    assert_eq!(number(&stage), 3);
    let other = Some("planning".parse().unwrap());
    stage.press("<");
    stage.model.selected = Some(TaskRef { run: RunNumber(5), task: other });
    stage.happens(super::super::super::msg::Msg::Tick);
    assert_eq!(number(&stage), 1, "another task begins at its last attempt");
}

#[test]
fn a_search_is_typed_run_and_left() {
    let mut stage = stage(at_work(), "coding");
    load_recording(&mut stage, "claude/parallel", OutputFormat::Claude);
    stage.draw((80, 24), UNICODE);
    stage.press("/");
    stage.type_text("qecho b");
    stage.press("home");
    assert!(stage.draw((80, 24), UNICODE).contains("/qecho b"));
    stage.press("ctrl+u");
    stage.type_text("echo b");
    assert!(stage.model.inspector.log.needle().is_none(), "nothing is searched while one writes");
    stage.press("enter");
    let wants = stage.model.wants(&stage.scene());
    assert!(wants.iter().any(|want| matches!(want, Want::Found { text, .. } if text == "echo b")));
    load_recording(&mut stage, "claude/parallel", OutputFormat::Claude);
    assert!(stage.draw((80, 24), UNICODE).contains("/echo b  1/1"));
    stage.press("n N esc");
    assert!(!stage.draw((80, 24), UNICODE).contains("/echo b"));
    assert!(stage.press("/ enter esc").is_empty());
}

#[test]
fn the_tabs_turn_and_raw_lines_are_wanted_as_lines() {
    let mut stage = stage(at_work(), "coding");
    assert_eq!(stage.model.tab, Tab::Log);
    stage.press("]");
    assert_eq!(stage.model.tab, Tab::Diff);
    stage.press("] [ [ shift+tab");
    assert_eq!(stage.model.tab, Tab::Why);
    stage.press("tab");
    load_recording(&mut stage, "claude/parallel", OutputFormat::Claude);
    stage.press("v");
    assert_eq!(source_of_stage(&stage).reading, Reading::Lines);
    load_recording(&mut stage, "claude/parallel", OutputFormat::Claude);
    assert!(stage.draw((80, 24), UNICODE).contains("\"type\":\"user\""));
}
