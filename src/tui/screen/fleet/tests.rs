//! How few and very many agents look, and how one goes from one to another.

use crate::base::RunNumber;
use crate::snapshot::sample;
use crate::tui::testing::{SIZES, Stage, UNICODE, numbered, run_of};
use crate::tui::world::Activity;

/// More agents than can have a row each.
fn crowd() -> Stage {
    let started = || sample::records(sample::started());
    let asks = || sample::records(sample::started().into_iter().chain(sample::question()));
    let run = |number: u32| {
        let made = if number.is_multiple_of(9) { asks() } else { started() };
        run_of(numbered(made, number))
    };
    Stage::new((1..=40).rev().map(run).collect())
}

#[test]
fn very_many_agents_are_cells_below_what_needs_a_person() {
    let mut stage = crowd();
    let gallery = stage.gallery();
    assert!(gallery.contains("Agents (116)"), "{gallery}");
    insta::assert_snapshot!("heat", gallery);
}

#[test]
fn arrows_and_clicks_go_from_cell_to_cell() {
    use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
    let mut stage = crowd();
    for size in SIZES {
        stage.draw(size, UNICODE);
        stage.press("g");
        let first = stage.model.selected.clone();
        stage.press("right");
        let second = stage.model.selected.clone();
        assert_ne!(first, second);
        stage.press("down");
        assert_ne!(stage.model.selected, second, "{size:?}");
        stage.press("up left");
        assert_eq!(stage.model.selected, first, "{size:?}");
    }
    // The cells of a run stand behind its number.
    let screen = stage.draw((120, 36), UNICODE);
    let (row, line) = screen.lines().enumerate().find(|(_, line)| line.contains("#7 ")).unwrap();
    let column = line.chars().collect::<String>().split("#7 ").next().unwrap().chars().count() + 3;
    let event = MouseEvent {
        kind: MouseEventKind::Down(MouseButton::Left),
        column: u16::try_from(column).unwrap(),
        row: u16::try_from(row).unwrap(),
        modifiers: KeyModifiers::NONE,
    };
    stage.happens(crate::tui::msg::Msg::Mouse(event));
    assert_eq!(stage.model.selected.as_ref().unwrap().run, RunNumber(7), "{screen}");
}

#[test]
fn few_agents_are_cards_with_what_they_said_last() {
    let mut run = run_of(sample::records(sample::started()));
    let said = |text: &str| text.to_owned();
    let activity = Activity {
        word: said("Bash"),
        detail: said("cargo test -p refunds"),
        is_tool: true,
        lines: vec![
            said("I look at the tests."),
            said("Edit src/refund.rs"),
            said("Bash cargo test"),
        ],
        ..Activity::default()
    };
    run.activity.insert("coding".parse().unwrap(), activity);
    let mut stage = Stage::new(vec![run]);
    insta::assert_snapshot!("cards", stage.gallery());
}
