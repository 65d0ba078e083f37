//! Decisions on the stage: keys, guards and commands, and how the panel looks.

use super::super::super::msg::Effect;
use super::super::super::testing::{ASCII, Stage, UNICODE, calls, lines, numbered, run_of};
use super::super::super::want::{Loaded, Want};
use super::super::super::world::RunView;
use super::*;
use crate::base::RunNumber;
use crate::client::Shown;
use crate::client::briefing::{Briefing, Check};
use crate::client::patch::{self, Patch};
use crate::engine::{Input, State as Run};
use crate::event::Record;
use crate::snapshot::sample;

type Made = (Run, Vec<Record>);

fn approval() -> Made {
    sample::records_of(sample::created_with_approval(), sample::started())
}

fn question() -> Made {
    sample::records(sample::started().into_iter().chain(sample::question()))
}

fn open_question() -> Made {
    let mut asked = sample::question();
    if let Input::AttemptEnded(end) = &mut asked[0].1 {
        end.report.question.as_mut().expect("it asks").choices.clear();
    }
    sample::records(sample::started().into_iter().chain(asked))
}

fn merge() -> Made {
    sample::records(sample::started().into_iter().chain(sample::finished()))
}

/// Its worktree cannot be made.
fn blocked() -> Made {
    let mut inputs = sample::started();
    inputs.truncate(2);
    inputs.push((300, Input::WorktreeFailed("no space is left on the device".to_owned())));
    sample::records(inputs)
}

fn stage(made: Vec<Made>) -> Stage {
    Stage::new(made.into_iter().map(run_of).collect::<Vec<RunView>>())
}

/// Takes the focus, and gives the nonce that looking mints.
fn look(stage: &mut Stage) {
    let effects = stage.press("w");
    mint(stage, &effects);
    stage.wait(GUARD_MS);
}

fn mint(stage: &mut Stage, effects: &[Effect]) {
    for call in calls(effects) {
        assert_eq!((call.args[0].as_str(), call.args[3].as_str()), ("decisions", "--json"));
        let out = format!(r#"{{"decisions": [{{"id": "{}", "nonce": "n0n"}}]}}"#, call.args[2]);
        stage.ends(&call, 0, &out, "");
    }
}

#[test]
fn looking_with_the_focus_mints_a_nonce_once_and_no_other_look_does() {
    let mut stage = stage(vec![approval()]);
    assert!(stage.press("2").is_empty(), "the list alone shows it without a nonce");
    let effects = stage.press("w");
    assert_eq!(lines(&effects), ["crew decisions 5 d1 --json"]);
    assert!(stage.press("j k").is_empty());
    mint(&mut stage, &effects);
    assert!(stage.press("esc w").is_empty());
    assert!(stage.model.toasts.is_empty(), "nobody is told: {:?}", stage.model.toasts);
    assert_eq!(stage.model.last_line, None);
}

#[test]
fn a_key_counts_only_with_the_focus_and_some_moments_after_it_appeared() {
    let mut stage = stage(vec![approval()]);
    assert!(stage.wait(1_000).press("a 2 a d").is_empty(), "it has no focus");
    stage.press("1");
    let effects = stage.press("w");
    mint(&mut stage, &effects);
    stage.wait(GUARD_MS - 1);
    assert!(stage.press("a").is_empty(), "too early");
    let effects = stage.wait(1).press("a");
    assert_eq!(lines(&effects), ["crew approve 5 d1 --nonce n0n"]);
    assert_eq!(stage.model.last_line.as_deref(), Some("crew approve 5 d1 --nonce n0n"));
}

#[test]
fn a_key_before_the_nonce_is_there_counts_when_it_comes() {
    let mut stage = stage(vec![approval()]);
    let asked = stage.press("w");
    assert!(stage.wait(GUARD_MS).press("a").is_empty());
    let out = r#"{"decisions": [{"id": "d1", "nonce": "n0n"}]}"#;
    let effects = stage.ends(&calls(&asked)[0], 0, out, "");
    assert_eq!(lines(&effects), ["crew approve 5 d1 --nonce n0n"]);
}

#[test]
fn the_next_one_is_selected_and_a_row_of_keys_clears_the_queue() {
    let made = [7, 6, 5].map(|number| numbered(approval(), number)).to_vec();
    let mut stage = stage(made);
    let mut given = Vec::new();
    for _ in 0..3 {
        look(&mut stage);
        let effects = stage.press("a");
        given.extend(calls(&effects));
        assert!(stage.wait(1_000).press("a").is_empty(), "the next one has no focus yet");
    }
    let runs: Vec<&str> = given.iter().map(|call| call.args[1].as_str()).collect();
    assert_eq!(runs, ["7", "6", "5"]);
    stage.press("w");
    assert!(stage.model.toasts.iter().any(|toast| toast.text == "nothing waits for you"));
    for call in given {
        stage.ends(&call, 0, "approved", "");
    }
    stage.becomes(Vec::new());
    assert!(stage.draw((80, 24), UNICODE).contains("Nothing waits for you."));
}

#[test]
fn a_refusal_is_shown_and_the_decision_is_looked_at_anew() {
    let mut stage = stage(vec![approval()]);
    look(&mut stage);
    let given = stage.press("a");
    stage.ends(&calls(&given)[0], 7, "", "error: `d1` was changed meanwhile\nhint: look again");
    let screen = stage.draw((120, 36), UNICODE);
    assert!(screen.contains("`d1` was changed meanwhile"), "{screen}");
    assert_eq!(lines(&stage.press("w")), ["crew decisions 5 d1 --json"], "it is minted again");
}

#[test]
fn a_denial_needs_a_reason_and_what_is_typed_decides_nothing() {
    let mut stage = stage(vec![approval()]);
    look(&mut stage);
    assert!(stage.press("d").is_empty());
    assert!(stage.press("ctrl+s").is_empty(), "without a reason nothing is given");
    assert!(stage.type_text("a bad plan").is_empty(), "text is text");
    stage.press("esc");
    assert_eq!(stage.model.memory.drafts["reason:5/d1"], "a bad plan");
    stage.press("d");
    let effects = stage.press("ctrl+s");
    assert_eq!(lines(&effects), ["crew reject 5 d1 --nonce n0n --text 'a bad plan'"]);
    stage.ends(&calls(&effects)[0], 0, "rejected", "");
    assert!(stage.model.memory.drafts.is_empty());
}

#[test]
fn pasted_text_decides_nothing() {
    let mut stage = stage(vec![approval()]);
    look(&mut stage);
    assert!(stage.happens(super::super::super::msg::Msg::Paste("a".to_owned())).is_empty());
}

#[test]
fn a_question_is_answered_by_a_choice_or_where_none_is_given_in_own_words() {
    let mut stage = stage(vec![question()]);
    look(&mut stage);
    assert!(stage.press("3").is_empty(), "there are two");
    let effects = stage.press("2");
    assert_eq!(lines(&effects), ["crew answer 5 d1 --nonce n0n --text euros"]);
    stage.ends(&calls(&effects)[0], 7, "", "error: no");
    look(&mut stage);
    assert!(stage.press("enter").is_empty() && stage.model.overlays.is_empty(), "there are two");
    assert!(stage.model.toasts.iter().any(|toast| toast.text.contains("1 cents, 2 euros")));
    let mut stage = self::stage(vec![open_question()]);
    look(&mut stage);
    stage.press("enter");
    stage.type_text("-5");
    let effects = stage.press("ctrl+s");
    assert_eq!(lines(&effects), ["crew answer 5 d1 --nonce n0n --text=-5"]);
}

#[test]
fn without_answers_to_choose_from_a_number_is_a_screen() {
    let mut stage = stage(vec![approval()]);
    look(&mut stage);
    stage.press("1");
    assert_eq!(stage.model.screen, Screen::Fleet);
}

#[test]
fn work_is_merged_sent_back_or_discarded_after_a_question() {
    let mut stage = stage(vec![merge()]);
    look(&mut stage);
    stage.press("c");
    stage.type_text("use Money");
    assert_eq!(
        lines(&stage.press("ctrl+s")),
        ["crew request-changes 5 d1 --nonce n0n --text 'use Money'"]
    );
    let mut stage = self::stage(vec![merge()]);
    look(&mut stage);
    assert!(stage.press("d y").is_empty(), "a yes that is too early counts for nothing");
    assert_eq!(lines(&stage.wait(GUARD_MS).press("y")), ["crew discard 5 d1 --nonce n0n"]);
    let mut stage = self::stage(vec![merge()]);
    look(&mut stage);
    assert_eq!(lines(&stage.press("a")), ["crew merge 5 d1 --nonce n0n"]);
}

#[test]
fn a_decision_that_is_gone_takes_the_focus_with_it() {
    let mut stage = stage(vec![numbered(approval(), 7), approval()]);
    look(&mut stage);
    stage.becomes(vec![run_of(approval())]);
    assert_eq!(stage.model.inbox.cursor.as_ref().map(|matter| matter.run), Some(RunNumber(5)));
    assert_eq!(stage.model.panel, Panel::List);
    assert!(stage.wait(1_000).press("a").is_empty());
}

#[test]
fn what_came_for_a_decision_that_was_looked_at_before_is_shown_at_once() {
    let mut stage = stage(vec![approval()]);
    look(&mut stage);
    stage.press("1");
    let mut made = approval();
    made.0.decisions[0].opened.id = "d2".to_owned();
    stage.becomes(vec![run_of(made)]);
    stage.press("2");
    assert!(stage.draw((120, 36), UNICODE).contains("Is the plan good?"));
}

#[test]
fn one_that_was_asked_anew_under_the_cursor_is_guarded_again() {
    let mut stage = stage(vec![approval()]);
    let asked = stage.press("w");
    let out = r#"{"decisions": [{"id": "d2", "nonce": "n0n"}]}"#;
    stage.ends(&calls(&asked)[0], 0, out, "");
    let mut made = approval();
    made.0.decisions[0].opened.id = "d2".to_owned();
    stage.wait(GUARD_MS).becomes(vec![run_of(made)]);
    assert!(stage.press("a").is_empty());
    assert_eq!(lines(&stage.wait(GUARD_MS).press("a")), ["crew approve 5 d2 --nonce n0n"]);
}

#[test]
fn a_blocked_run_goes_on_when_a_person_says_so() {
    let mut stage = stage(vec![blocked()]);
    assert!(stage.press("w").is_empty(), "it asks nothing");
    let effects = stage.wait(GUARD_MS).press("a");
    assert_eq!(lines(&effects), ["crew resume 5 --yes"]);
}

#[test]
fn a_run_that_failed_is_there_until_it_is_put_aside() {
    let mut run = run_of(blocked());
    run.status.run.status = crate::event::StatusKind::Failed;
    let mut stage = Stage::new(vec![run]);
    stage.press("w");
    assert!(stage.draw((80, 24), UNICODE).contains("put aside"));
    stage.wait(GUARD_MS).press("d");
    assert!(stage.draw((80, 24), UNICODE).contains("Nothing waits for you."));
}

#[test]
fn the_past_cannot_be_decided() {
    let mut stage = stage(vec![approval()]);
    look(&mut stage);
    stage.press("r left");
    assert!(stage.press("a").is_empty());
}

const DIFF: &str = "diff --git a/src/refund.rs b/src/refund.rs
@@ -10,5 +10,6 @@ impl Refund {
     pub fn of(order: &Order) -> Self {
-        let amount = order.total as f64;
+        let amount = Money::of(order.total);
+        let reason = Reason::default();
         Self { amount }
     }
 }
diff --git a/src/money.rs b/src/money.rs
new file mode 100644
@@ -0,0 +1,2 @@
+/// An amount in cents.
+pub struct Money(pub i64);
diff --git a/logo.png b/logo.png
Binary files a/logo.png and b/logo.png differ
";

fn briefing() -> Briefing {
    Briefing {
        shows: vec![Shown {
            name: "artifact plan.md".to_owned(),
            text: "# Plan\n\n1. Add `Money`\n2. Use it in **refunds**\n".to_owned(),
        }],
        checks: vec![
            Check {
                name: "clippy".to_owned(),
                words: "green".to_owned(),
                is_green: true,
                tail: String::new(),
            },
            Check {
                name: "tests".to_owned(),
                words: "exited with code 101".to_owned(),
                is_green: false,
                tail: "test refunds_are_rounded ... FAILED\nassertion failed: 1 == 2".to_owned(),
            },
        ],
        proposal: Vec::new(),
    }
}

fn furnish(stage: &mut Stage, briefing: Briefing, diff: &str) {
    let run = RunNumber(5);
    let id = "d1".to_owned();
    let patch = Patch { files: patch::parse(diff), note: None };
    stage.load(Want::Briefing { run, id }, Loaded::Briefing(briefing.into()));
    stage.load(Want::Patch { run, task: None }, Loaded::Patch(patch.into()));
}

#[test]
fn approval_of_a_plan_looks_so() {
    let mut stage = stage(vec![approval()]);
    look(&mut stage);
    furnish(&mut stage, briefing(), "");
    insta::assert_snapshot!(stage.gallery());
}

#[test]
fn a_question_with_choices_looks_so() {
    let mut stage = stage(vec![question()]);
    look(&mut stage);
    furnish(&mut stage, Briefing::default(), "");
    insta::assert_snapshot!(stage.gallery());
}

#[test]
fn a_merge_with_its_changes_looks_so() {
    let mut stage = stage(vec![merge()]);
    look(&mut stage);
    let briefing = Briefing { shows: Vec::new(), ..briefing() };
    furnish(&mut stage, briefing, DIFF);
    insta::assert_snapshot!(stage.gallery());
}

#[test]
fn a_risky_draft_looks_so() {
    let mut stage = stage(vec![sample::draft()]);
    look(&mut stage);
    furnish(&mut stage, Briefing::default(), "");
    insta::assert_snapshot!(stage.gallery());
}

#[test]
fn a_blocked_run_looks_so() {
    let mut stage = stage(vec![blocked()]);
    look(&mut stage);
    insta::assert_snapshot!(stage.gallery());
}

#[test]
fn an_empty_inbox_looks_so() {
    let mut stage = stage(vec![sample::records(sample::started())]);
    stage.press("2");
    insta::assert_snapshot!(stage.gallery());
}

#[test]
fn the_field_for_a_reason_looks_so() {
    let mut stage = stage(vec![approval()]);
    look(&mut stage);
    stage.press("d");
    stage.type_text("It is too large: leave the old table alone.");
    insta::assert_snapshot!(stage.gallery());
}

#[test]
fn hostile_text_is_inert() {
    let hostile = "a\u{1b}[2J\u{1b}]0;title\u{7}b\u{9b}31mc\rd\u{202e}e";
    let mut made = approval();
    made.0.decisions[0].opened.text = hostile.to_owned();
    let mut stage = stage(vec![made]);
    look(&mut stage);
    let mut briefing = briefing();
    briefing.shows[0].text = hostile.to_owned();
    briefing.checks[1].tail = hostile.to_owned();
    let diff = format!("diff --git a/{hostile} b/{hostile}\n@@ -0,0 +1 @@ {hostile}\n+{hostile}\n");
    furnish(&mut stage, briefing, &diff);
    for look in [UNICODE, ASCII] {
        let screen = stage.draw((120, 36), look);
        let bad = |c: char| c.is_control() && c != '\n';
        assert!(!screen.contains(bad) && !screen.contains("title"), "{screen}");
        assert!(!screen.contains('\u{202e}'), "{screen}");
    }
}
