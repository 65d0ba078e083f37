//! Rules of the overlays: what they write, what they run, how they look.

mod keys;
mod lists;
mod looks;

use std::fmt::Write;
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::keymap::Action;
use super::super::model::{Screen, VerbName};
use super::super::msg::{Effect, Foreground};
use super::super::page::Page;
use super::super::testing::{ASCII, SIZES, Stage, UNICODE, calls, lines, numbered, run_of, text};
use super::super::want::{Loaded, Output, Want};
use super::command::{Meaning, meaning};
use super::find::Does;
use super::known;
use crate::snapshot::sample;

fn two() -> Stage {
    let first = run_of(numbered(sample::records(sample::started()), 5));
    let question = sample::started().into_iter().chain(sample::question());
    let second = run_of(numbered(sample::records(question), 6));
    let mut stage = Stage::new(vec![second, first]);
    stage.model.verbs = ["config", "inbox", "stop", "status"]
        .map(|name| VerbName { name: name.to_owned(), about: format!("About {name}.") })
        .as_slice()
        .into();
    stage
}

fn printed(out: &str) -> Loaded {
    Loaded::Output(Arc::new(Output { code: Some(0), out: out.to_owned(), err: String::new() }))
}

const RUNTIMES: &str = r#"{"runtimes": [
    {"name": "claude", "usable": true, "note": "answers questions"},
    {"name": "codex", "usable": false, "note": "not found"},
    {"name": "rehearsal", "usable": true, "note": "plays roles by a script"}]}"#;
const RESOURCES: &str = r#"{"resources": [
    {"name": "default", "description": "Plans, codes, reviews"},
    {"name": "fast-fix", "description": "The shortest way"}]}"#;

fn know(stage: &mut Stage) {
    stage.load(known::runtimes_want(), printed(RUNTIMES));
    stage.load(known::teams_want(), printed(RESOURCES));
    stage.load(known::workflows_want(), printed(RESOURCES));
}

fn drafts(stage: &Stage) -> Vec<(&str, &str)> {
    let drafts = stage.model.memory.drafts.iter();
    drafts.map(|(key, text)| (key.as_str(), text.as_str())).collect()
}

/// The screen at all sizes; what is for ASCII has nothing else.
fn gallery(stage: &mut Stage) -> String {
    let all = stage.gallery();
    is_ascii_where_it_must(&all);
    all
}

/// What lies over the screen at all sizes, without the screen.
fn alone(stage: &mut Stage) -> String {
    let mut all = String::new();
    for look in [UNICODE, ASCII] {
        for (width, height) in SIZES {
            (stage.model.size, stage.model.look) = ((width, height), look);
            let mut cells = Buffer::empty(Rect::new(0, 0, width, height));
            let mut page = Page::new(&mut cells, look);
            let scene = stage.scene();
            for overlay in &stage.model.overlays {
                overlay.view(&scene, page.area(), &mut page);
            }
            let name = if look.ascii { "ASCII" } else { "Unicode" };
            writeln!(all, "=== {width}x{height} {name}\n{}", text(&cells)).unwrap();
        }
    }
    is_ascii_where_it_must(&all);
    all
}

fn is_ascii_where_it_must(gallery: &str) {
    for screen in gallery.split("ASCII\n").skip(1) {
        let screen = screen.split("===").next().unwrap();
        let odd: String = screen.chars().filter(|c| !c.is_ascii()).collect();
        assert!(odd.is_empty(), "{odd:?} in\n{screen}");
    }
}

#[test]
fn a_message_is_a_draft_until_it_is_sent() {
    let mut stage = two();
    stage.press("s");
    stage.type_text("use q and a");
    assert_eq!(drafts(&stage), [("send:6/coding", "use q and a")]);
    stage.press("esc");
    assert!(stage.model.overlays.is_empty());
    stage.press("s");
    let effects = stage.press("tab right tab ctrl+s");
    assert_eq!(lines(&effects), ["crew send --interrupt 6/coding 'use q and a'"]);
    let call = &calls(&effects)[0];
    stage.ends(call, 7, "", "error: refused");
    assert_eq!(drafts(&stage).len(), 1, "what was not taken is not lost");
    let effects = stage.press("s ctrl+s");
    stage.ends(&calls(&effects)[0], 0, "", "message m1 is sent");
    assert!(stage.model.memory.drafts.is_empty());
}

#[test]
fn typed_text_never_is_a_command() {
    let mut stage = two();
    stage.press("s");
    let typed = "aqxyXdnR :/?1234";
    assert!(stage.type_text(typed).is_empty());
    assert_eq!(drafts(&stage), [("send:6/coding", typed)]);
}

#[test]
fn a_message_to_what_is_tagged_goes_to_each_of_them() {
    let mut stage = two();
    stage.press("g space G space S");
    stage.type_text("- stop at noon");
    let sent = lines(&stage.press("ctrl+s"));
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert!(sent.iter().all(|line| line.ends_with(" -- '- stop at noon'")), "{sent:?}");
    assert_eq!(drafts(&stage).len(), 1, "it goes when both have worked");
}

#[test]
fn nothing_is_sent_without_a_text() {
    let mut stage = two();
    assert!(stage.press("s ctrl+s").is_empty());
    assert!(!stage.model.overlays.is_empty());
}

#[test]
fn a_filter_holds_while_it_is_written_and_esc_shows_all() {
    let mut stage = two();
    stage.press("5 /");
    stage.type_text("#5");
    assert!(stage.draw((120, 36), ASCII).contains("Runs (1 of 2)"));
    assert_eq!(stage.model.selected.as_ref().unwrap().name(), "5");
    stage.press("enter");
    assert_eq!(stage.model.runs.filter, "#5");
    stage.press("esc");
    assert!(stage.model.runs.filter.is_empty());
    stage.press("/");
    stage.type_text("zzz");
    stage.press("esc");
    assert!(stage.model.runs.filter.is_empty() && stage.model.overlays.is_empty());
}

#[test]
fn a_line_goes_somewhere_or_is_a_command() {
    let stage = two();
    let means = |text: &str| meaning(text, &stage.model);
    let go = |text: &str| match means(text) {
        Meaning::Do(Does::Go(target)) => target.name(),
        other => panic!("{other:?}"),
    };
    assert_eq!((go("6"), go(" :#6/coding ")), ("6".to_owned(), "6/coding".to_owned()));
    assert_eq!(means("inbox"), Meaning::Do(Does::Show(Screen::Inbox)));
    assert_eq!(means("quit"), Meaning::Do(Does::Act(Action::Quit)));
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    assert_eq!(means("inbox 5"), Meaning::Run(words(&["inbox", "5"])));
    assert_eq!(means("crew stop 5"), Meaning::Run(words(&["stop", "5"])));
    assert_eq!(means("  "), Meaning::Nothing);
    let Meaning::Wrong(why) = means("statsu 5") else { panic!("it is no command") };
    assert!(why.contains("did you mean `status`?"), "{why}");
}

#[test]
fn the_output_of_a_command_line_is_shown() {
    let mut stage = two();
    stage.press(":");
    stage.type_text("status 5");
    let effects = stage.press("enter");
    assert_eq!(lines(&effects), ["crew status 5"]);
    assert!(stage.draw((80, 24), ASCII).contains("it runs"));
    stage.ends(&calls(&effects)[0], 3, "run #5 \u{1b}[31mis running\n", "");
    let screen = stage.draw((80, 24), ASCII);
    assert!(screen.contains("run #5 is running") && screen.contains("exit 3"), "{screen}");
    assert!(stage.model.toasts.is_empty(), "it is not told twice");
    stage.press("esc");
    assert!(stage.model.overlays.is_empty());
    // A wrong line is kept, so that it can be mended.
    stage.press(":");
    stage.type_text("statsu");
    stage.press("enter");
    assert_eq!(stage.model.overlays.len(), 1);
    assert!(!stage.model.toasts.is_empty());
}

#[test]
fn commands_that_ask_or_move_get_the_terminal() {
    let mut stage = two();
    stage.model.verbs = Arc::default();
    stage.press(":");
    stage.type_text("logs 5 -f");
    let effects = stage.press("enter");
    let words = ["logs", "5", "-f"].map(str::to_owned).to_vec();
    assert_eq!(effects, [Effect::Foreground(Foreground::Read(words))]);
}

#[test]
fn proposals_are_filled_in() {
    let mut stage = two();
    stage.press(":");
    stage.type_text("stat");
    stage.press("tab");
    stage.type_text("6");
    assert_eq!(lines(&stage.press("enter")), ["crew status 6"]);
    stage.press("esc :");
    stage.type_text("6/cod");
    stage.press("down enter");
    assert_eq!(stage.model.screen, Screen::Task);
    assert_eq!(stage.model.selected.as_ref().unwrap().name(), "6/coding");
}

#[test]
fn the_palette_finds_actions_places_and_commands() {
    let mut stage = two();
    stage.press("ctrl+p");
    stage.type_text("next att");
    stage.press("enter");
    assert_eq!(stage.model.screen, Screen::Inbox);
    stage.press("ctrl+p");
    stage.type_text("5/planning");
    stage.press("enter");
    assert_eq!(stage.model.selected.as_ref().unwrap().name(), "5/planning");
    stage.press("ctrl+p");
    stage.type_text("crew status");
    stage.press("enter");
    stage.type_text("5");
    assert_eq!(lines(&stage.press("enter")), ["crew status 5"]);
}

#[test]
fn a_task_is_tried_again_with_another_agent_and_a_note() {
    let mut stage = two();
    stage.press("R");
    know(&mut stage);
    let screen = stage.draw((120, 36), ASCII);
    assert!(screen.contains("claude") && !screen.contains("codex"), "only what is there\n{screen}");
    stage.press("down tab");
    stage.type_text("mind the tests");
    let effects = stage.press("ctrl+s");
    assert_eq!(lines(&effects), ["crew retry 6/coding --runtime claude '--text=mind the tests'"]);
    assert_eq!(drafts(&stage), [("retry:6/coding", "mind the tests")]);
}

#[test]
fn the_form_of_a_new_run_is_the_command_line() {
    let mut stage = two();
    stage.press("n");
    know(&mut stage);
    stage.type_text("fix the greeting");
    stage.press("tab");
    let found = r#"{"team": "fast-fix", "workflow": "fast-fix", "confidence": "high", "reasons": ["it is a fix"]}"#;
    stage.load(known::recommend_want("fix the greeting"), printed(found));
    assert!(stage.draw((120, 36), ASCII).contains("proposed: team fast-fix"));
    stage.press("ctrl+g tab tab right tab");
    stage.type_text("20");
    stage.press("tab");
    stage.type_text("1.5");
    stage.press("tab tab space");
    let effects = stage.press("ctrl+r");
    let rest = "-t fast-fix -w fast-fix -a claude --max-minutes=20 --max-cost=1.5 --in-place -- 'fix the greeting'";
    assert_eq!(lines(&effects), [format!("crew run --dry-run {rest}")]);
    stage.press("esc");
    let effects = stage.press("ctrl+s");
    assert_eq!(lines(&effects), [format!("crew run -d {rest}")]);
    stage.ends(&calls(&effects)[0], 5, "", "error: no team\nhint: make one");
    let screen = stage.draw((120, 36), ASCII);
    assert!(screen.contains("hint: make one"), "{screen}");
    let effects = stage.press("ctrl+s");
    stage.ends(&calls(&effects)[0], 10, "7\n", "run is a draft");
    assert!(stage.model.overlays.is_empty());
    assert_eq!(stage.model.screen, Screen::Inbox, "a draft waits for a person");
    assert!(stage.model.memory.drafts.is_empty());
}

#[test]
fn a_value_of_the_configuration_is_changed_and_holds_at_once() {
    let mut stage = two();
    let effects = stage.press(",");
    assert_eq!(lines(&effects), ["crew config --json"]);
    let config = |theme: &str| {
        format!(
            r#"{{"user_file": "/h/config.toml", "project_file": "/p/config.toml", "values": [
            {{"key": "limits.agents", "value": "3", "origins": ["preset"]}},
            {{"key": "ui.theme", "value": "\"{theme}\"", "origins": ["/h/config.toml:2"]}},
            {{"key": "ui.keys.help", "value": "[\"f2\"]", "origins": ["/h/config.toml:5"]}}]}}"#
        )
    };
    stage.ends(&calls(&effects)[0], 0, &config("contrast"), "");
    assert_eq!(stage.model.look.theme, super::super::look::Theme::Contrast);
    assert_eq!(stage.model.key(Action::Help), "f2");
    stage.type_text("theme");
    stage.press("enter ctrl+u");
    stage.type_text("lite");
    let effects = stage.press("enter");
    assert_eq!(lines(&effects), ["crew config set --in=user ui.theme lite"]);
    stage.ends(&calls(&effects)[0], 5, "", "error: must be one of");
    assert!(stage.draw((120, 36), ASCII).contains("must be one of"));
    stage.press("ctrl+u");
    stage.type_text("light");
    let effects = stage.press("tab enter");
    assert_eq!(lines(&effects), ["crew config set --in=project ui.theme light"]);
    let effects = stage.ends(&calls(&effects)[0], 0, "ui.theme = \"light\"\n", "");
    stage.ends(&calls(&effects)[0], 0, &config("light"), "");
    assert_eq!(stage.model.look.theme, super::super::look::Theme::Light);
    stage.press("enter ctrl+u");
    assert_eq!(lines(&stage.press("enter")), ["crew config unset --in=user ui.theme"]);
}

#[test]
fn runs_are_sorted_put_away_and_compared() {
    let mut stage = two();
    stage.press("5 G");
    assert_eq!(stage.model.selected.as_ref().unwrap().name(), "5");
    stage.press("A");
    let effects = stage.wait(400).press("y");
    assert_eq!(lines(&effects), ["crew archive 5 --yes"]);
    stage.press("c");
    assert!(stage.model.overlays.is_empty(), "one run alone is not compared");
    stage.press("g space G space c");
    let screen = stage.draw((120, 36), ASCII);
    assert!(screen.contains("Compare") && screen.contains("#5") && screen.contains("#6"));
    stage.press("esc o o");
    assert!(stage.draw((120, 36), ASCII).contains("by last activity"));
}

#[test]
fn the_past_is_shown_and_not_acted_upon() {
    let made = numbered(sample::records(sample::started()), 5);
    let last = made.0.seq;
    let mut stage = Stage::new(vec![run_of(made.clone())]);
    stage.press("r left");
    let want = Want::Past { run: crate::base::RunNumber(5), seq: last - 1 };
    assert!(stage.model.wants(&stage.scene()).contains(&want));
    let past = run_of(made);
    stage.load(want.clone(), Loaded::Past(Arc::new(past)));
    let screen = stage.draw((120, 36), ASCII);
    assert!(screen.contains("as it was") && screen.contains(&format!("{}/{last}", last - 1)));
    for keys in ["x", "s", "R", "t", "p"] {
        assert!(stage.press(keys).is_empty() && stage.model.overlays.is_empty(), "{keys}");
    }
    assert!(stage.draw((120, 36), ASCII).contains("this is the past"));
    // While the next moment is loaded, the one before stays.
    stage.press("left");
    assert!(stage.model.wants(&stage.scene()).contains(&want));
    stage.press("home");
    assert_eq!(stage.model.replay.as_ref().unwrap().seq, Some(1));
    stage.press("end");
    assert_eq!(stage.model.replay.as_ref().unwrap().seq, None);
    stage.press("r");
    assert_eq!(stage.model.replay, None);
}

#[test]
fn a_run_plays_only_as_fast_as_it_can_be_shown() {
    use super::super::msg::Msg;
    let made = numbered(sample::records(sample::started()), 5);
    let run = crate::base::RunNumber(5);
    let mut stage = Stage::new(vec![run_of(made.clone())]);
    stage.press("r space");
    let at = |stage: &Stage| stage.model.replay.as_ref().unwrap().seq;
    assert_eq!(at(&stage), Some(1));
    stage.wait(1_000).happens(Msg::Tick);
    assert_eq!(at(&stage), Some(1), "it is not loaded");
    stage.load(Want::Past { run, seq: 1 }, Loaded::Past(Arc::new(run_of(made))));
    stage.happens(Msg::Tick);
    assert_eq!(at(&stage), Some(2));
    stage.press("space");
    assert_eq!(stage.model.replay.as_ref().unwrap().playing, None);
}

#[test]
fn who_has_no_run_is_offered_what_can_be_begun() {
    let mut stage = Stage::new(Vec::new());
    stage.load(known::runtimes_want(), printed(RUNTIMES));
    insta::assert_snapshot!("welcome", gallery(&mut stage));
    let demo = Effect::Foreground(Foreground::Read(vec!["demo".to_owned()]));
    assert_eq!(stage.press("down enter"), [demo]);
    assert_eq!(lines(&stage.press("down enter")), ["crew init"]);
    stage.press("esc g enter");
    assert_eq!(stage.model.overlays.len(), 1, "the form of a new run");
}

#[test]
fn help_is_searched_and_names_the_actions() {
    let mut stage = two();
    stage.press("?");
    insta::assert_snapshot!("help", alone(&mut stage));
    stage.press("/");
    stage.type_text("clipboard");
    assert!(stage.draw((120, 36), ASCII).contains("no key does that"));
    stage.press("esc /");
    stage.type_text("copy");
    let screen = stage.draw((120, 36), ASCII);
    assert!(screen.contains("copy_command") && !screen.contains("take_over"), "{screen}");
    stage.press("enter esc esc");
    assert!(stage.model.overlays.is_empty());
}

#[test]
fn a_link_is_found_in_what_is_told() {
    let mut made = numbered(sample::records(sample::started()), 5);
    Arc::make_mut(&mut made.0.created).goal = "see (https://example.com/pr/7).".to_owned();
    let mut stage = Stage::new(vec![run_of(made)]);
    assert_eq!(stage.press("o"), [Effect::Browse("https://example.com/pr/7".to_owned())]);
    assert!(two().press("o").is_empty());
}
