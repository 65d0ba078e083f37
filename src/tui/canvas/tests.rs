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
        text += &["  ", gate, ":\n    fields: { result: [rejected] }\n    writers: [reviewer]\n"]
            .concat();
        text += "    when: { check: result, eq: rejected }\n";
    }
    text += "channels:\n";
    for (to, from) in names.iter().zip(before) {
        for from in from {
            text += &["  - { id: ", from, "-", to, ", from: ", from, ", to: ", to, " }\n"].concat();
        }
    }
    text += "  - { id: back, from: review, to: backend, gate: review-reject-gate, cyclic: true }\n";
    text += "  - { id: long, from: smoke, to: scope, gate: smoke-fail-gate, cyclic: true }\n---\n";
    for name in names {
        text += &["\n## ", name, "\nrole: coder\n\nDo ", name, " for {goal}.\n"].concat();
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

/// A canvas on the screens that people have, without what is empty around it.
fn screens(canvas: &Canvas, look: Look) -> String {
    let sizes = [(160, 45), (120, 36), (80, 24), (50, 20)];
    let shown = sizes.map(|(width, height)| {
        let text = screen(canvas, width, height, look);
        let lines: Vec<&str> = text.lines().collect();
        let is_full = |line: &&str| !line.is_empty();
        let first = lines.iter().position(is_full).unwrap_or(0);
        let last = lines.iter().rposition(is_full).unwrap_or(0);
        format!("{width}x{height}\n{}\n", lines[first..=last].join("\n"))
    });
    let area = Rect::new(0, 0, 78, 2);
    let mut buf = Buffer::empty(area);
    strip(canvas, area, &mut buf, look);
    format!("{}strip\n{}", shown.join("\n"), text(&buf))
}

#[test]
fn a_fresh_workflow() {
    insta::assert_snapshot!(screens(&built_in("coding-v2"), UNICODE));
}

#[test]
fn a_run_that_waits_for_approval() {
    insta::assert_snapshot!(screens(&waiting_for_approval(), UNICODE));
    insta::assert_snapshot!("approval_in_ascii", screens(&waiting_for_approval(), ASCII));
}

#[test]
fn a_second_epoch_in_the_middle_of_a_review() {
    insta::assert_snapshot!(screens(&second_epoch(), UNICODE));
    insta::assert_snapshot!("second_epoch_in_ascii", screens(&second_epoch(), ASCII));
}

#[test]
fn a_result_that_was_rejected() {
    insta::assert_snapshot!(screens(&rejected(), UNICODE));
}

#[test]
fn small_workflows_with_ways_back() {
    insta::assert_snapshot!("pair", screens(&built_in("pair"), UNICODE));
    insta::assert_snapshot!("coding_review", screens(&built_in("coding-review"), UNICODE));
}

#[test]
fn steps_beside_each_other() {
    let running: Vec<(&str, &[Class])> = vec![
        ("discover", DONE),
        ("explore-core", DONE),
        ("explore-ui", &[Class::Running]),
        ("explore-runtime", &[Class::NeedsYou]),
        ("explore-extensions", &[Class::Parked]),
    ];
    let fired: Vec<String> = ["core", "ui", "runtime", "extensions"]
        .map(|part| format!("discover-explore-{part}"))
        .to_vec();
    let fired: Vec<&str> = fired.iter().map(String::as_str).collect();
    let canvas = staged(built_in("parallel-research"), 1, &running, &[], &fired);
    insta::assert_snapshot!(screens(&canvas, UNICODE));
}

#[test]
fn twenty_steps_with_a_long_way_back() {
    insta::assert_snapshot!(screens(&twenty(), UNICODE));
}

#[test]
fn nothing_moves_while_a_run_goes_on() {
    for (width, height) in [(160, 45), (120, 36), (80, 24), (50, 20)] {
        let places =
            |canvas: &Canvas| Drawing::fitting(canvas, Orientation::Fitting, width, height).layout;
        let fresh = staged(built_in("coding-v2"), 1, &[], &[], &[]);
        for later in [waiting_for_approval(), second_epoch(), rejected()] {
            assert_eq!(places(&fresh), places(&later), "{width}x{height}");
        }
    }
}

#[test]
fn a_run_is_folded_into_steps_gates_and_ways() {
    let state = sample::waiting_for_approval();
    let view = StatusView::of(&state, &Live::default(), state.updated_at);
    let canvas = Canvas::of_run(state.plan(), &view);
    let classes: Vec<Class> =
        canvas.steps.iter().filter_map(|step| Some(step.state.as_ref()?.class)).collect();
    assert_eq!(classes, [Class::Done, Class::Idle, Class::Idle]);
    assert_eq!(canvas.steps[2].state.as_ref().map(|state| state.tasks.len()), Some(2));
    assert_eq!(canvas.channels[0].gates[0].look, Some(GateLook::Waiting));
    assert!(canvas.round.is_some_and(|round| (round.epoch, round.most) == (1, 5)));
    let waiting = Pick::Gate { channel: "0-1".into(), gate: "approval".into() };
    assert_eq!(canvas.most_urgent(), Some(waiting));
    let state = sample::running();
    let view = StatusView::of(&state, &Live::default(), state.updated_at);
    let canvas = Canvas::of_run(state.plan(), &view);
    assert_eq!(canvas.most_urgent(), Some(Pick::Step("coding".into())));
    assert_eq!(canvas.channels.iter().map(|it| it.has_fired).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn keys_lead_to_what_is_next_in_their_direction() {
    let canvas = waiting_for_approval();
    let drawing = Drawing::fitting(&canvas, Orientation::Fitting, 160, 45);
    let mut state = CanvasState::default();
    let mut visited = Vec::new();
    for direction in [Direction::Left, Direction::Left, Direction::Right, Direction::Right] {
        state.move_(&canvas, &drawing, direction);
        visited.push(match state.selected.clone().unwrap() {
            Pick::Step(id) => id,
            Pick::Gate { gate, .. } => gate,
        });
    }
    // It begins at the gate that waits for a person.
    assert_eq!(visited, ["plan-review", "plan-pr-gate", "plan-review", "plan-approval-gate"]);
    state.move_(&canvas, &drawing, Direction::Up);
    assert_eq!(state.selection(&canvas), state.selected, "nothing above: it stays");
}

#[test]
fn what_is_selected_is_always_seen() {
    let canvas = twenty();
    let drawing = Drawing::fitting(&canvas, Orientation::Across, 60, 12);
    for (pick, cells) in drawing.picks(&canvas) {
        let state = CanvasState { selected: Some(pick), ..CanvasState::default() };
        let (x, y) = state.origin(&canvas, &drawing, 60, 12);
        assert!(cells.x >= x && cells.x + cells.width <= x + 60, "{cells:?} {x}");
        assert!(cells.y >= y && cells.y + cells.height <= y + 12, "{cells:?} {y}");
    }
}

#[test]
fn a_moved_picture_stays_on_the_screen() {
    let canvas = twenty();
    let drawing = Drawing::fitting(&canvas, Orientation::Across, 60, 12);
    let mut state = CanvasState::default();
    for _ in 0..100 {
        state.pan(&canvas, &drawing, (8, 3), 60, 12);
    }
    let far = (drawing.layout.width - 60, drawing.layout.height - 12);
    assert_eq!(state.origin(&canvas, &drawing, 60, 12), far);
    assert_eq!(state.beyond(&canvas, &drawing, (60, 12), UNICODE), "← ↑");
    state.pan(&canvas, &drawing, (0, -3), 60, 12);
    assert_eq!(state.origin(&canvas, &drawing, 60, 12), (far.0, far.1 - 3), "one key, one step");
}

#[test]
fn a_click_finds_what_lies_there() {
    let canvas = built_in("coding-review");
    let drawing = Drawing::fitting(&canvas, Orientation::Fitting, 120, 36);
    for (pick, cells) in drawing.picks(&canvas) {
        assert_eq!(drawing.at(&canvas, (cells.x, cells.y)), Some(pick));
    }
    assert_eq!(drawing.at(&canvas, (-1, 0)), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_size_is_too_small_or_too_large(
        width in 0..250_u16,
        height in 0..80_u16,
        which in 0..4_usize,
        pan in prop::option::of((-300..300_i32, -300..300_i32)),
        ascii: bool,
        is_down: bool,
    ) {
        let canvas = match which {
            0 => second_epoch(),
            1 => built_in("pair"),
            2 => twenty(),
            _ => Canvas { steps: Vec::new(), channels: Vec::new(), start: Vec::new(), ..twenty() },
        };
        let orientation = if is_down { Orientation::Down } else { Orientation::Across };
        let drawing = Drawing::fitting(&canvas, orientation, width, height);
        let state = CanvasState { selected: None, pan, orientation };
        // The area may be larger than what it is drawn on.
        let mut buf = Buffer::empty(Rect::new(3, 2, width, height));
        let area = Rect::new(3, 2, width.saturating_add(5), height.saturating_add(5));
        let look = Look { theme: Theme::Plain, ascii };
        draw(&canvas, &drawing, &state, area, &mut buf, look);
        strip(&canvas, area, &mut buf, look);
        if ascii {
            prop_assert!(text(&buf).is_ascii());
        }
    }
}
