//! How overlays look at every size.

use super::super::super::testing::{UNICODE, calls};
use super::super::super::want::Want;
use super::{alone, gallery, know, printed, two};

#[test]
fn overlays_fit_at_every_size() {
    let mut stage = two();
    stage.press("s");
    stage.type_text("use the existing Money type");
    stage.press("enter");
    stage.type_text("and say so");
    insta::assert_snapshot!("compose", alone(&mut stage));
    stage.press("ctrl+r esc ctrl+p");
    stage.type_text("re");
    insta::assert_snapshot!("palette", alone(&mut stage));
    stage.press("esc :");
    stage.type_text("st");
    insta::assert_snapshot!("command", alone(&mut stage));
    stage.press("esc R");
    know(&mut stage);
    insta::assert_snapshot!("retry", alone(&mut stage));
    stage.press("esc n");
    know(&mut stage);
    insta::assert_snapshot!("new_run", alone(&mut stage));
    stage.press("esc X");
    insta::assert_snapshot!("confirm", alone(&mut stage));
}

#[test]
fn runs_and_their_comparison_fit_at_every_size() {
    let mut stage = two();
    stage.press("5 /");
    stage.type_text("plan");
    insta::assert_snapshot!("runs_filtered", gallery(&mut stage));
    stage.press("esc g space j space");
    insta::assert_snapshot!("runs", gallery(&mut stage));
    stage.press("c");
    let diff = r#"{"files": [{"path": "src/refund/mod.rs", "added": 38, "removed": 4}]}"#;
    let want = |run: &str| Want::Output(["diff", run, "--json"].map(str::to_owned).to_vec());
    stage.load(want("5"), printed(diff));
    insta::assert_snapshot!("compare", alone(&mut stage));
    stage.press("esc r left");
    insta::assert_snapshot!("replay", gallery(&mut stage));
}

#[test]
fn settings_fit_at_every_size() {
    let mut stage = two();
    let effects = stage.press(",");
    let rows: Vec<String> = crate::config::Config::preset()
        .rows()
        .iter()
        .map(|row| {
            let (key, value) = (serde_json::json!(row.key), serde_json::json!(row.value));
            format!(r#"{{"key": {key}, "value": {value}, "origins": ["preset"]}}"#)
        })
        .collect();
    let told = format!(
        r#"{{"user_file": "/home/ada/.config/crew/config.toml", "project_file": null, "values": [{}]}}"#,
        rows.join(",")
    );
    stage.ends(&calls(&effects)[0], 0, &told, "");
    stage.type_text("ui.");
    stage.press("enter");
    let (look, theme) = (stage.model.look, UNICODE.theme);
    assert_eq!(look.theme, theme, "a theme of its own is kept");
    insta::assert_snapshot!("settings", alone(&mut stage));
}
