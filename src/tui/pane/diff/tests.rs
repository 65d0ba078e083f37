//! The diff on the stage: moving, commenting and sending, and how it looks.

use std::sync::Arc;

use super::super::super::model::Screen;
use super::super::super::testing::{Stage, UNICODE, calls, lines, run_of};
use super::super::super::want::{Loaded, Want};
use super::super::super::world::TaskRef;
use super::*;
use crate::base::RunNumber;
use crate::client::patch::{Patch, parse};
use crate::snapshot::sample;

const DIFF: &str = "diff --git a/src/refund.rs b/src/refund.rs
@@ -10,4 +10,5 @@ impl Refund {
     pub fn of(order: &Order) -> Self {
-        let amount = order.total as f64;
+        let amount = Money::of(order.total);
+        let reason = Reason::default();
         Self { amount }
     }
diff --git a/src/money/mod.rs b/src/money/mod.rs
new file mode 100644
@@ -0,0 +1,2 @@
+/// An amount in cents; 日本語 \u{1f600} is wide.
+pub struct Money(pub i64);
diff --git a/old.rs b/src/new.rs
rename from old.rs
rename to src/new.rs
diff --git a/logo.png b/logo.png
Binary files a/logo.png and b/logo.png differ
";

fn load(stage: &mut Stage, diff: &str) {
    let patch = Patch { files: parse(diff), note: None };
    let want = Want::Patch { run: RunNumber(5), task: None };
    stage.load(want, Loaded::Patch(Arc::new(patch)));
}

/// The work of a run in full size, while it works or when it waits for its merge.
fn stage(waits: bool) -> Stage {
    let more = if waits { sample::finished() } else { Vec::new() };
    let made = sample::records(sample::started().into_iter().chain(more));
    let mut stage = Stage::new(vec![run_of(made)]);
    stage.model.selected = Some(TaskRef { run: RunNumber(5), task: None });
    stage.press("D");
    load(&mut stage, DIFF);
    stage
}

fn row(stage: &Stage) -> usize {
    let patch = Patch { files: parse(DIFF), note: None };
    let rows = Rows::of(&patch);
    (0..rows.count()).find(|&row| stage.model.diff.is_on(row)).unwrap()
}

#[test]
fn keys_go_through_lines_and_files() {
    let mut stage = stage(false);
    stage.press("j j");
    assert_eq!(row(&stage), 2);
    stage.press("}");
    assert_eq!(row(&stage), 8);
    stage.press("j {");
    assert_eq!(row(&stage), 8, "first to the head of this file");
    stage.press("{");
    assert_eq!(row(&stage), 0);
    stage.press("G");
    assert!(stage.draw((80, 24), UNICODE).contains("a binary file"));
    stage.press("esc");
    assert_eq!(stage.model.screen, Screen::Fleet);
}

#[test]
fn comments_are_drafts_that_go_in_one_batch() {
    let mut stage = stage(false);
    stage.press("j j j j c");
    stage.type_text("use cents");
    stage.press("esc } j j j c");
    stage.type_text("derive Debug");
    stage.press("ctrl+s");
    let screen = stage.draw((120, 36), UNICODE);
    assert!(screen.contains("2 comments, ctrl+s sends"), "{screen}");
    assert!(screen.contains("┃ use cents"), "{screen}");
    let effects = stage.press("ctrl+s");
    let text = &calls(&effects)[0].args;
    assert_eq!(text[..2], ["send", "5"]);
    assert_eq!(
        text[2],
        "2 comments on your changes:\n\nsrc/refund.rs:11\n    +        let amount = Money::of(order.total);\nuse cents\n\nsrc/money/mod.rs:2\n    +pub struct Money(pub i64);\nderive Debug\n"
    );
    assert!(stage.press("ctrl+s").is_empty(), "they are on their way");
    stage.ends(&calls(&effects)[0], 7, "", "error: no");
    assert_eq!(stage.model.memory.comments["5"].len(), 2, "what was not sent is kept");
    let effects = stage.press("ctrl+s");
    stage.ends(&calls(&effects)[0], 0, "sent", "");
    assert!(stage.model.memory.comments.is_empty());
}

#[test]
fn comments_send_work_back_that_waits_for_its_merge() {
    let mut stage = stage(true);
    stage.press("j j V j j c");
    stage.type_text("one line, please");
    stage.press("esc");
    let effects = stage.press("ctrl+s");
    let line = &lines(&effects)[0];
    assert!(line.starts_with("crew request-changes 5 d1 --yes --text 'A comment"), "{line}");
    assert!(line.contains("-        let amount = order.total as f64;\n"), "{line}");
}

#[test]
fn a_comment_is_changed_where_it_stands_and_goes_when_it_is_emptied() {
    let mut stage = stage(false);
    stage.press("j j c");
    stage.type_text("ab");
    stage.press("esc c");
    stage.type_text("c");
    assert_eq!(stage.model.memory.comments["5"][0].text, "abc");
    stage.press("backspace backspace backspace esc");
    assert!(stage.model.memory.comments.is_empty());
    assert!(stage.press("ctrl+s").is_empty());
}

#[test]
fn the_next_edit_moves_cursor_and_comments_along() {
    let mut stage = stage(false);
    stage.press("j j j j c");
    stage.type_text("use cents");
    stage.press("esc");
    let edited = DIFF.replace(
        "@@ -10,4 +10,5 @@ impl Refund {\n",
        "@@ -8,6 +8,8 @@ impl Refund {\n+// one\n+// two\n a\n b\n",
    );
    load(&mut stage, &edited);
    let screen = stage.draw((120, 36), UNICODE);
    let at = screen.lines().position(|line| line.contains("Money::of")).unwrap();
    assert!(screen.lines().nth(at + 1).unwrap().contains("┃ use cents"), "{screen}");
    assert!(stage.model.diff.is_on(8), "{:?}", stage.model.diff);
    load(&mut stage, &DIFF.replace("Money::of(order.total)", "order.cents()"));
    stage.press("g");
    let screen = stage.draw((120, 36), UNICODE);
    assert!(screen.contains("src/refund.rs:11 is gone"), "{screen}");
    assert!(screen.contains("┃ use cents"), "{screen}");
}

#[test]
fn a_diff_with_a_comment_looks_so() {
    let mut stage = stage(false);
    stage.press("j j j j c");
    stage.type_text("This must be in cents, as everywhere else.");
    stage.press("esc j");
    insta::assert_snapshot!(stage.gallery());
}

#[test]
fn a_comment_being_written_looks_so() {
    let mut stage = stage(false);
    stage.press("j j V j c");
    stage.type_text("One line?");
    insta::assert_snapshot!(stage.gallery());
}

#[test]
fn nothing_changed_and_no_branch_are_told() {
    let mut stage = stage(false);
    load(&mut stage, "");
    assert!(stage.draw((80, 24), UNICODE).contains("Nothing is changed."));
    stage.loads.0.insert(
        Want::Patch { run: RunNumber(5), task: None },
        Err("run #5 has no branch yet".to_owned()),
    );
    assert!(stage.draw((80, 24), UNICODE).contains("run #5 has no branch yet"));
    assert!(stage.press("c ctrl+s").is_empty());
}

#[test]
fn of_a_large_diff_only_what_is_seen_is_drawn() {
    let mut diff = String::new();
    for file in 0..200 {
        use std::fmt::Write;
        writeln!(diff, "diff --git a/f{file} b/f{file}\n@@ -0,0 +1,500 @@").unwrap();
        for line in 0..500 {
            writeln!(diff, "+line {line}").unwrap();
        }
    }
    let mut stage = stage(false);
    load(&mut stage, &diff);
    stage.press("G");
    let screen = stage.draw((120, 36), UNICODE);
    assert!(screen.contains("line 499") && screen.contains("f199"), "{screen}");
}
