//! The workflow screen over runs of the engine, and over files.

use std::sync::Arc;

use super::super::super::library::{Library, WorkflowItem, WorkflowPage};
use super::super::super::model::Screen;
use super::super::super::msg::{Effect, Foreground};
use super::super::super::testing::{ASCII, SIZES, Stage, UNICODE, run_of};
use super::super::super::want::{Loaded, Want};
use super::*;
use crate::config::{Config, Environment, Overrides};
use crate::resource::{Roots, Scope as From};
use crate::snapshot::sample;

fn approval() -> Stage {
    let mut stage = Stage::new(vec![run_of(sample::records_of(
        sample::created_with_approval(),
        sample::started(),
    ))]);
    stage.press("3");
    stage
}

fn library(root: &camino::Utf8Path) -> Library {
    let (config, _) =
        Config::load(&Environment::default(), None, &Overrides::default()).valid().unwrap();
    Library { roots: Roots { user: None, project: Some(root.to_owned()) }, config }
}

/// Gives a stage everything that it looks at of the workflow files of a project.
fn load_files(stage: &mut Stage, library: &Library) {
    for _ in 0..3 {
        for want in stage.model.wants(&stage.scene()) {
            let loaded = match &want {
                Want::Workflows => Ok(Loaded::Workflows(Arc::new(library.list()))),
                Want::Workflow(name) => library.page(name).map(Arc::new).map(Loaded::Workflow),
                _ => continue,
            };
            stage.loads.0.insert(want, loaded);
        }
    }
}

const BAD: &str = "---\nname: ship\ndescription: Build and ship\nstart: build\nend: done\ngates:\n  \
    good-gate:\n    fields: { result: [good, bad] }\n    writers: [reviewer]\n    \
    when: { check: result, eq: good }\nchannels:\n  - { id: out, from: build, to: done, gate: good-gate }\n---\n\
    \n## build\nrole: coder\n\nBuild {goal} with {output:nothing}.\n\n## done\nkind: end\n";

#[test]
fn the_canvas_of_a_run_with_its_details() {
    let mut stage = approval();
    insta::assert_snapshot!("a_run_that_waits", stage.gallery());
}

#[test]
fn what_is_selected_is_described() {
    let mut stage = approval();
    let screen = stage.draw((160, 45), UNICODE);
    assert!(screen.contains("gate approval") && screen.contains("`approved` is true"), "{screen}");
    assert!(screen.contains("crew approve 5 approval"), "{screen}");
    stage.press("left");
    let screen = stage.draw((160, 45), UNICODE);
    assert!(screen.contains("step planning") && screen.contains("wrote the plan"), "{screen}");
    let selected = stage.model.selected.clone().unwrap();
    assert_eq!(selected.task.unwrap().to_string(), "planning", "the cursor goes with it");
}

#[test]
fn details_open_and_close_and_scroll() {
    let mut stage = approval();
    assert!(!stage.draw((80, 24), UNICODE).contains("opens when"));
    stage.press("enter");
    assert!(stage.draw((80, 24), UNICODE).contains("opens when"));
    stage.press("esc");
    assert!(!stage.draw((80, 24), UNICODE).contains("opens when"));
    assert_eq!(stage.model.screen, Screen::Workflow);
    stage.press("enter");
    stage.draw((80, 10), UNICODE);
    stage.press("pagedown pagedown");
    assert!(!stage.draw((80, 10), UNICODE).contains("waiting for a person"));
}

#[test]
fn a_task_under_the_cursor_is_the_step_on_the_canvas() {
    let mut stage = Stage::new(vec![run_of(sample::records(sample::started()))]);
    stage.model.selected =
        Some(TaskRef { run: stage.world.runs[0].number, task: Some("review/2".parse().unwrap()) });
    stage.press("3");
    let canvas = shown(&stage.scene()).unwrap().0;
    let selection = canvas_state(&stage.scene()).selection(&canvas);
    assert_eq!(selection, Some(Pick::Step("review".into())));
}

#[test]
fn a_click_selects_and_a_second_one_describes() {
    let mut stage = approval();
    stage.draw((120, 36), UNICODE);
    let effects = clicked_at(&mut stage, 2);
    assert!(effects.is_empty() && !stage.draw((120, 36), UNICODE).contains("step review"));
    clicked_at(&mut stage, 2);
    assert!(stage.draw((120, 36), UNICODE).contains("step review"));
}

fn clicked_at(stage: &mut Stage, at: usize) -> Vec<Effect> {
    let mut model = stage.model.clone();
    let (world, loads, zone) = (stage.world.clone(), stage.loads.clone(), jiff::tz::TimeZone::UTC);
    let data = Data { world: &world, loads: &loads, hits: &[], zone: &zone, now: stage.now };
    let effects = clicked(&mut model, &data, at);
    stage.model = model;
    effects
}

#[test]
fn workflow_files_are_drawn_without_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let root = camino::Utf8Path::from_path(folder.path()).unwrap();
    let library = library(root);
    let mut stage = approval();
    stage.press("f");
    load_files(&mut stage, &library);
    assert!(stage.draw((120, 36), UNICODE).contains("no workflow is called `coding`"));
    stage.press("down down down");
    load_files(&mut stage, &library);
    insta::assert_snapshot!("a_file", stage.gallery());
    assert!(stage.press("e").is_empty(), "what is built in is not edited");
    assert!(stage.draw((120, 36), UNICODE).contains("is built in"));
    stage.press("f");
    assert!(stage.draw((120, 36), UNICODE).contains("epoch 1"), "back at the run");
}

#[test]
fn what_is_wrong_with_a_file_stands_beside_it_and_its_editor_opens() {
    let folder = tempfile::tempdir().unwrap();
    let root = camino::Utf8Path::from_path(folder.path()).unwrap();
    let path = root.join(".crew/workflows/ship.workflow.md");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, BAD).unwrap();
    let library = library(root);
    let mut stage = Stage::new(Vec::new());
    stage.press("3");
    load_files(&mut stage, &library);
    stage.press("G");
    load_files(&mut stage, &library);
    assert_eq!(files::name(&stage.scene()).as_deref(), Some("ship"));
    let screen = stage.draw((120, 36), UNICODE);
    assert!(screen.contains("error: ") && screen.contains("nothing"), "{screen}");
    let opened = stage.press("e");
    assert_eq!(opened, [Effect::Foreground(Foreground::Editor(path.to_string()))]);
    std::fs::write(&path, BAD.replace(" with {output:nothing}", "").replace("reviewer", "coder"))
        .unwrap();
    load_files(&mut stage, &library);
    let screen = stage.draw((120, 36), UNICODE);
    assert!(!screen.contains("error: ") && screen.contains("⟦good"), "{screen}");
}

#[test]
fn names_of_others_cannot_move_the_cursor() {
    let mut stage = Stage::new(Vec::new());
    stage.press("3");
    let hostile = "a\u{1b}[2Jb\u{7}";
    let item =
        WorkflowItem { name: hostile.into(), description: hostile.into(), scope: From::User };
    stage.load(Want::Workflows, Loaded::Workflows(Arc::new(vec![item])));
    let page = WorkflowPage {
        name: hostile.into(),
        scope: From::User,
        path: hostile.into(),
        description: hostile.into(),
        plan: None,
        findings: Vec::new(),
    };
    stage.load(Want::Workflow(hostile.into()), Loaded::Workflow(Arc::new(page)));
    for look in [UNICODE, ASCII] {
        for size in SIZES {
            let screen = stage.draw(size, look);
            assert!(!screen.contains('\u{1b}') && !screen.contains('\u{7}'), "{screen}");
        }
    }
}
