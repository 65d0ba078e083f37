//! No key of the table is without a meaning.

use super::super::super::keymap::{Action, BINDINGS, Scope};
use super::super::super::model::Model;
use super::super::super::testing::Stage;
use super::super::super::update::{Data, act};
use super::{know, known, printed, two};

/// Whether an action does something here: the model changes, or effects come out.
fn does_something(stage: &mut Stage, action: Action) -> bool {
    let scopes = stage.model.scopes();
    let is_reachable = stage.model.keys.reachable(&scopes).any(|row| row.action == action);
    if !is_reachable {
        return false;
    }
    let zone = jiff::tz::TimeZone::UTC;
    let mut model: Model = stage.model.clone();
    let before = format!("{model:?}");
    let data =
        Data { world: &stage.world, loads: &stage.loads, hits: &[], zone: &zone, now: stage.now };
    let effects = act(&mut model, &data, action);
    let after = format!("{model:?}");
    !effects.is_empty() || before != after
}

/// Dashboards in which something can be done, each after some keys.
fn situations() -> Vec<Stage> {
    let mut stages = Vec::new();
    for keys in [
        "g",
        "G",
        "j",
        "tab",
        "w",
        "2",
        "3",
        "3 l",
        "3 j l",
        "3 f",
        "3 L L L",
        "w enter",
        "4",
        "5",
        "5 G",
        "s",
        "s tab",
        "s tab right",
        ":",
        ": down",
        "ctrl+p",
        "ctrl+p down",
        "R",
        "R tab",
        "n",
        "n tab",
        "n tab tab tab tab tab tab tab",
        "?",
        "H",
        "x",
        "r",
        "r left",
        "r left left",
        ", down",
        "4 ]",
        "4 ] ]",
        "4 [",
        "4 /",
        "space G space",
        "5 space G space",
    ] {
        let mut stage = two();
        stage.press(keys);
        know(&mut stage);
        stage.wait(1_000);
        stages.push(stage);
    }
    let mut stage = two();
    stage.press("n");
    know(&mut stage);
    stage.type_text("fix it");
    stage.press("tab");
    let found =
        r#"{"team": "default", "workflow": "fast-fix", "confidence": "low", "reasons": []}"#;
    stage.load(known::recommend_want("fix it"), printed(found));
    stages.push(stage);
    stages
}

#[test]
fn no_key_is_without_a_meaning() {
    // What is in a patch, a letter or an output is proved where those are.
    let of_panes = [Scope::Diff, Scope::Mail, Scope::Transcript];
    let mut stages = situations();
    let mut idle = Vec::new();
    for row in BINDINGS.iter().filter(|row| !of_panes.contains(&row.scope)) {
        if !stages.iter_mut().any(|stage| does_something(stage, row.action)) {
            idle.push(row.action.name());
        }
    }
    assert!(idle.is_empty(), "nothing happens: {}", idle.join(", "));
}
