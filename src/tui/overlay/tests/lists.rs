//! Rules of what tells of everything at once: health, and the runs of all projects.

use std::sync::Arc;

use super::super::super::model::Screen;
use super::super::super::msg::{Effect, Foreground};
use super::super::super::screen::runs::projects::ProjectRuns;
use super::super::super::testing::{ASCII, numbered, run_of};
use super::super::super::want::{Loaded, Want};
use super::super::super::world::{Process, RunItem};
use super::super::health::letters_want;
use super::{alone, gallery, printed, two};
use crate::base::{RunNumber, Time};
use crate::client::processes;
use crate::snapshot::sample;

#[test]
fn health_tells_of_heartbeats_processes_dead_letters_and_what_was_mended() {
    let mut stage = two();
    stage.press("H");
    let told = r#"{"letters": [{"run": 4, "task": "qa", "reason": "task_timeout", "attempts": 3,
        "why": "it took longer than 30m", "at": null, "command": "crew retry 4/qa"}]}"#;
    stage.load(letters_want(), printed(told));
    let process = |task: Option<&str>, pid, mega: u64| Process {
        run: RunNumber(5),
        cpu_percent: task.map(|_| 130),
        process: processes::Process {
            task: task.map(|task| task.parse().unwrap()),
            attempt: 1,
            pid,
            count: 3,
            rss_bytes: mega << 20,
            cpu_ms: 0,
            beat_at: task.map(|_| Time(stage.now.0 - 4_000)),
            output_at: task.map(|_| Time(stage.now.0 - 71_000)),
        },
    };
    let found = vec![process(None, 4_711, 12), process(Some("coding"), 4_713, 2_100)];
    stage.world.processes = found;
    assert!(stage.model.looks_closely());
    insta::assert_snapshot!("health", alone(&mut stage));
    stage.press("H");
    assert!(stage.model.overlays.is_empty() && !stage.model.looks_closely());
}

#[test]
fn runs_of_all_projects_are_one_list_and_those_of_others_are_opened_where_they_are() {
    let mut stage = two();
    stage.press("5 P");
    assert!(stage.model.wants(&stage.scene()).contains(&Want::Projects));
    let other = run_of(numbered(sample::records(sample::started()), 3));
    let item = RunItem { number: other.number(), row: Ok(other.status.run.clone()), damage: None };
    let project = |name: &str, runs| ProjectRuns {
        root: format!("/{name}").into(),
        name: name.to_owned(),
        runs,
    };
    let broken = Err("cannot read `project.json`".to_owned());
    let all = vec![
        project("bank", Ok(vec![item])),
        project("shop", Ok(Vec::new())),
        project("zoo", broken),
    ];
    stage.load(Want::Projects, Loaded::Projects(Arc::new(all)));
    insta::assert_snapshot!("all_projects", gallery(&mut stage));
    stage.press("g");
    let open = ["--project", "/bank"].map(str::to_owned).to_vec();
    let is_other =
        |effects: &[Effect]| effects == [Effect::Foreground(Foreground::Crew(open.clone()))];
    let mut seen = 0;
    for _ in 0..3 {
        if is_other(&stage.press("enter")) {
            seen += 1;
            assert!(stage.press("A").is_empty() && stage.model.overlays.is_empty());
            assert!(stage.press("x").is_empty() && stage.model.overlays.is_empty());
        }
        stage.model.screen = Screen::Runs;
        stage.press("j");
    }
    assert_eq!(seen, 1);
    stage.press("P");
    assert!(!stage.draw((120, 36), ASCII).contains("bank"));
}
