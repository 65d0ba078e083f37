//! The canvas as it is seen, reviewed as text.

use std::collections::BTreeMap;

use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::*;
use crate::plan::{BuildInput, Completion, Plan, build};
use crate::resource::{Catalog, Roots, WorkflowFile, workflow};
use crate::snapshot::{Class, GateLook, Live, StatusView, sample};
use crate::tui::look::{Look, Theme};

fn compiled(file: &WorkflowFile, catalog: &Catalog) -> Plan {
    let input = BuildInput {
        workflow: file,
        team: None,
        catalog,
        runtime_flag: Some("claude"),
        model_flag: None,
        default_runtime: "claude",
        default_model: None,
        params: &BTreeMap::new(),
        completion: Completion::Deliver,
        commands: BTreeMap::new(),
    };
    build(&input).expect("a plan")
}

/// The canvas of a workflow's text.
fn canvas_of(text: &str) -> Canvas {
    let catalog = Catalog::load(&Roots { user: None, project: None });
    let (file, found) = workflow::parse("w.workflow.md".into(), text);
    assert!(!file.steps.is_empty(), "{found:?}");
    Canvas::of_plan(&compiled(&file, &catalog))
}

/// The canvas of a built-in workflow.
fn built_in(name: &str) -> Canvas {
    let catalog = Catalog::load(&Roots { user: None, project: None });
    let file = &catalog.workflow(name).expect("built in").file;
    Canvas::of_plan(&compiled(file, &catalog))
}

/// Twenty steps: two lines of work that meet, and ways back, one of them long.
fn twenty() -> Canvas {
    let names = [
        "intake",
        "scope",
        "design",
        "api",
        "schema",
        "ui",
        "backend",
        "frontend",
        "migrate",
        "docs",
        "unit",
        "integration",
        "load",
        "security",
        "review",
        "fix",
        "stage",
        "smoke",
        "release",
        "report",
    ];
    let before: [&[&str]; 20] = [
        &[],
        &["intake"],
        &["scope"],
        &["design"],
        &["design"],
        &["design"],
        &["api", "schema"],
        &["api", "ui"],
        &["schema"],
        &["api"],
        &["backend", "frontend"],
        &["backend", "migrate"],
        &["integration"],
        &["integration"],
        &["unit", "load", "security"],
        &["review"],
        &["fix"],
        &["stage"],
        &["smoke", "docs"],
        &["release"],
    ];
    let mut text =
        "---\nname: twenty\nstart: intake\nend: report\nmaxIterations: 3\ngates:\n".to_owned();
    for gate in ["review-reject-gate", "smoke-fail-gate"] {
        text += &format!(
            "  {gate}:\n    fields: {{ result: [rejected] }}\n    writers: [reviewer]\n    \
             when: {{ check: result, eq: rejected }}\n"
        );
    }
    text += "channels:\n";
    for (to, from) in names.iter().zip(before) {
        for from in from {
            text += &format!("  - {{ id: {from}-{to}, from: {from}, to: {to} }}\n");
        }
    }
    text += "  - { id: back, from: review, to: backend, gate: review-reject-gate, cyclic: true }\n";
    text += "  - { id: long, from: smoke, to: scope, gate: smoke-fail-gate, cyclic: true }\n---\n";
    for name in names {
        text += &format!("\n## {name}\nrole: coder\n\nDo {name} for {{goal}}.\n");
    }
    canvas_of(&text)
}

/// Puts steps and gates of a canvas into a state; what is not named waits.
fn staged(
    mut canvas: Canvas,
    epoch: u32,
    steps: &[(&str, &[Class])],
    gates: &[(&str, GateLook, (u32, u32))],
    fired: &[&str],
) -> Canvas {
    for step in &mut canvas.steps {
        let found = steps.iter().find(|(name, _)| *name == step.id);
        let tasks = found.map_or_else(|| vec![Class::Idle; step.slots], |(_, it)| it.to_vec());
        let class = tasks.iter().min().copied().unwrap_or(Class::Idle);
        let word = match class {
            Class::NeedsYou => "asks you",
            Class::Failed => "failed",
            Class::Stalled => "stalled",
            Class::Running => "running",
            Class::Starting => "starting",
            Class::Parked => "ready",
            Class::Done => "done",
            Class::Idle => "waits",
        };
        let done = tasks.iter().filter(|class| **class == Class::Done).count();
        step.state = Some(StepState { class, word, tasks, done });
    }
    for gate in canvas.channels.iter_mut().flat_map(|channel| &mut channel.gates) {
        let found = gates.iter().find(|(name, ..)| *name == gate.id);
        gate.look = Some(found.map_or(GateLook::Closed, |(_, look, _)| *look));
        if gate.count.is_some() {
            gate.look = Some(found.map_or(GateLook::Counting, |(_, look, _)| *look));
            gate.count = Some(found.map_or((0, 3), |(.., count)| *count));
        }
    }
    for channel in &mut canvas.channels {
        let name = format!("{}-{}", canvas.steps[channel.from].id, canvas.steps[channel.to].id);
        channel.has_fired = fired.contains(&name.as_str());
    }
    canvas.round = Some(Round { epoch, cycles: epoch - 1, most: 5 });
    canvas
}

const DONE: &[Class] = &[Class::Done];
const RUNNING: &[Class] = &[Class::Running];

fn waiting_for_approval() -> Canvas {
    staged(
        built_in("coding-v2"),
        1,
        &[("planning", DONE), ("plan-review", DONE)],
        &[
            ("plan-pr-gate", GateLook::Open, (0, 0)),
            ("plan-approval-gate", GateLook::Waiting, (0, 0)),
        ],
        &["planning-plan-review"],
    )
}

fn second_epoch() -> Canvas {
    staged(
        built_in("coding-v2"),
        2,
        &[
            ("planning", DONE),
            ("plan-review", DONE),
            ("coding", DONE),
            ("review", &[Class::Running, Class::Done, Class::Idle]),
        ],
        &[
            ("plan-pr-gate", GateLook::Open, (0, 0)),
            ("plan-approval-gate", GateLook::Open, (0, 0)),
            ("code-pr-gate", GateLook::Open, (0, 0)),
            ("review-votes-gate", GateLook::Counting, (1, 3)),
        ],
        &["planning-plan-review", "plan-review-coding", "coding-review", "review-coding"],
    )
}

fn rejected() -> Canvas {
    staged(
        built_in("coding-v2"),
        1,
        &[
            ("planning", DONE),
            ("plan-review", DONE),
            ("coding", DONE),
            ("review", &[Class::Done, Class::Done, Class::Done]),
            ("qa", &[Class::Failed]),
        ],
        &[
            ("plan-pr-gate", GateLook::Open, (0, 0)),
            ("plan-approval-gate", GateLook::Open, (0, 0)),
            ("code-pr-gate", GateLook::Error, (0, 0)),
            ("review-votes-gate", GateLook::Open, (3, 3)),
            ("qa-result-gate", GateLook::Rejected, (0, 0)),
        ],
        &["planning-plan-review", "plan-review-coding", "coding-review", "review-qa"],
    )
}

const UNICODE: Look = Look { theme: Theme::Dark, ascii: false };
const ASCII: Look = Look { theme: Theme::Plain, ascii: true };

fn text(buf: &Buffer) -> String {
    let width = usize::from(buf.area.width).max(1);
    let rows = buf.content.chunks(width).map(|row| {
        let line: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
        line.trim_end().to_owned() + "\n"
    });
    rows.collect()
}

/// A canvas on a screen.
fn screen(canvas: &Canvas, width: u16, height: u16, look: Look) -> String {
    let area = Rect::new(0, 0, width, height);
    let mut buf = Buffer::empty(area);
    let drawing = Drawing::fitting(canvas, Orientation::Fitting, width, height);
    draw(canvas, &drawing, &CanvasState::default(), area, &mut buf, look);
    text(&buf)
}

#[test]
fn look() {
    for (name, canvas) in [
        ("fresh", built_in("coding-v2")),
        ("approval", waiting_for_approval()),
        ("second", second_epoch()),
        ("rejected", rejected()),
        ("pair", built_in("pair")),
        ("coding-review", built_in("coding-review")),
        ("parallel", built_in("parallel-research")),
        ("twenty", twenty()),
    ] {
        for (width, height) in [(156, 38), (118, 30), (78, 20), (50, 17)] {
            eprintln!("==== {name} {width}x{height}\n{}", screen(&canvas, width, height, UNICODE));
        }
        let area = Rect::new(0, 0, 76, 3);
        let mut buf = Buffer::empty(area);
        strip(&canvas, area, &mut buf, UNICODE);
        eprintln!("{}", text(&buf));
        eprintln!("==== {name} ascii\n{}", screen(&canvas, 118, 30, ASCII));
    }
}
