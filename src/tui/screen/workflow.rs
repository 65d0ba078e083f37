//! Screen 3: the workflow of the selected run, or a workflow file, as a canvas with details beside it.

mod files;
mod view;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::canvas::{Canvas, CanvasState, Direction, Drawing, Kept, Pick};
use super::super::keymap::{Action, Scope};
use super::super::model::Model;
use super::super::msg::{Effect, Foreground};
use super::super::page::Panel;
use super::super::scene::Scene;
use super::super::update::{Data, act};
use super::super::want::Want;
use super::super::world::{RunView, TaskRef};

pub use view::view;

/// Columns and lines by which the picture moves.
const PAN: (i32, i32) = (8, 3);
/// Lines by which the details scroll.
const SCROLL: usize = 5;

/// The screen of the graph.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// What is selected, and which part is seen.
    pub canvas: CanvasState,
    /// What was under the cursor of all screens when that was selected.
    pub picked_for: Option<TaskRef>,
    /// Whether details are shown; as there is room when nobody has said.
    pub details: Option<bool>,
    /// First line of the details.
    pub scroll: usize,
    /// The workflow file that is shown instead of a run; the first one when empty.
    pub file: Option<String>,
    /// Whether the keys move in the canvas, while files are listed.
    pub is_inside: bool,
    /// The drawing of the last frame.
    pub kept: Kept,
    /// Columns and lines of the canvas in the last frame.
    pub area: Cell<(u16, u16)>,
    /// Whether the last frame had details.
    pub has_details: Cell<bool>,
}

/// Where keys mean something, the innermost first.
pub fn scopes(model: &Model) -> Vec<Scope> {
    if model.workflow.file.is_some() || model.selected.is_none() {
        return vec![Scope::Canvas, Scope::List];
    }
    vec![Scope::Canvas, Scope::Target, Scope::List]
}

/// What it looks at.
pub fn wants(scene: &Scene<'_>, wants: &mut BTreeSet<Want>) {
    if files::is_open(scene) {
        wants.insert(Want::Workflows);
        wants.extend(files::name(scene).map(Want::Workflow));
    }
}

/// What is shown: the canvas, and the run that it belongs to.
pub(super) fn shown<'a>(scene: &Scene<'a>) -> Option<(Canvas, Option<&'a RunView>)> {
    if files::is_open(scene) {
        let page = files::page(scene)?.ok()?;
        return Some((Canvas::of_plan(page.plan.as_ref()?), None));
    }
    let run = scene.selected_run()?;
    Some((Canvas::of_run(&run.plan, &run.status), Some(run)))
}

/// What is selected: what was chosen here, or what the cursor of the other screens is on.
pub(super) fn canvas_state(scene: &Scene<'_>) -> CanvasState {
    let state = &scene.model.workflow;
    let mut canvas = state.canvas.clone();
    if !files::is_open(scene) && state.picked_for.as_ref() != scene.selected() {
        let task = scene.selected().and_then(|selected| selected.task.as_ref());
        canvas.selected = task.map(|task| Pick::Step(task.step().to_string()));
        canvas.pan = None;
    }
    canvas
}

/// What an action does here; nothing when it is not one of this screen's.
pub fn update(model: &mut Model, data: &Data<'_>, action: Action) -> Option<Vec<Effect>> {
    if files::is_open(&data.scene(model))
        && let Some(effects) = files::update(model, data, action)
    {
        return Some(effects);
    }
    match action {
        Action::Files => model.workflow.open_files(data.scene(model).selected_run().map(workflow)),
        Action::EditFile => return Some(act(model, data, Action::Editor)),
        Action::Open => toggle_details(model),
        Action::Back if model.workflow.details == Some(true) => {
            model.workflow.details = Some(false);
        }
        Action::PageUp => model.workflow.scroll = model.workflow.scroll.saturating_sub(SCROLL),
        Action::PageDown => model.workflow.scroll += SCROLL,
        Action::Center => model.workflow.canvas.pan = None,
        Action::Turn => model.workflow.canvas.turn(),
        Action::PanLeft => pan(model, data, (-PAN.0, 0)),
        Action::PanRight => pan(model, data, (PAN.0, 0)),
        Action::PanUp => pan(model, data, (0, -PAN.1)),
        Action::PanDown => pan(model, data, (0, PAN.1)),
        Action::Left => go(model, data, Go::To(Direction::Left)),
        Action::Right => go(model, data, Go::To(Direction::Right)),
        Action::Up => go(model, data, Go::To(Direction::Up)),
        Action::Down => go(model, data, Go::To(Direction::Down)),
        Action::Top => go(model, data, Go::First),
        Action::Bottom => go(model, data, Go::Last),
        _ => return None,
    }
    Some(Vec::new())
}

/// What a click on something of the canvas does: it is selected, and shown when it was selected already.
pub fn clicked(model: &mut Model, data: &Data<'_>, at: usize) -> Vec<Effect> {
    let scene = data.scene(model);
    let Some((canvas, run)) = shown(&scene) else { return Vec::new() };
    let (state, drawing) = (canvas_state(&scene), drawing(model, &canvas));
    let Some((pick, _)) = drawing.picks(&canvas).into_iter().nth(at) else { return Vec::new() };
    if state.selection(&canvas).as_ref() == Some(&pick) {
        toggle_details(model);
    } else {
        let target = run.and_then(|run| target(run, &pick));
        take(model, CanvasState { selected: Some(pick), ..state }, target);
    }
    model.workflow.is_inside = true;
    model.panel = Panel::List;
    Vec::new()
}

/// What a turn of the wheel means here.
pub fn wheel(action: Action) -> Action {
    match action {
        Action::Up => Action::PanUp,
        Action::Down => Action::PanDown,
        Action::Left => Action::PanLeft,
        Action::Right => Action::PanRight,
        _ => action,
    }
}

/// What a click on a file of the list does.
pub fn file_clicked(model: &mut Model, data: &Data<'_>, at: usize) -> Vec<Effect> {
    files::choose(model, data, |_, last| at.min(last));
    Vec::new()
}

/// Where the selection goes.
#[derive(Clone, Copy)]
enum Go {
    To(Direction),
    First,
    Last,
}

fn go(model: &mut Model, data: &Data<'_>, to: Go) {
    let scene = data.scene(model);
    let Some((canvas, run)) = shown(&scene) else { return };
    let (mut state, drawing) = (canvas_state(&scene), drawing(model, &canvas));
    match to {
        Go::To(direction) => state.move_(&canvas, &drawing, direction),
        Go::First => state.selected = canvas.steps.first().map(|step| Pick::Step(step.id.clone())),
        Go::Last => state.selected = canvas.steps.last().map(|step| Pick::Step(step.id.clone())),
    }
    state.pan = None;
    let target = state.selected.as_ref().and_then(|pick| target(run?, pick));
    take(model, state, target);
}

/// Takes a selection over; the cursor of the other screens goes with it.
fn take(model: &mut Model, canvas: CanvasState, target: Option<TaskRef>) {
    if model.workflow.canvas.selected != canvas.selected {
        model.workflow.scroll = 0;
    }
    model.workflow.canvas = canvas;
    if let Some(target) = target {
        model.workflow.picked_for = Some(target.clone());
        super::super::update::select(model, target);
    }
}

/// The task of a step that needs a look most; the run itself for a gate.
fn target(run: &RunView, pick: &Pick) -> Option<TaskRef> {
    let task = match pick {
        Pick::Step(id) => {
            let rows = run.status.tasks.iter().filter(|row| row.step.as_str() == id);
            Some(rows.min_by_key(|row| row.class)?.id.clone())
        }
        Pick::Gate { .. } => None,
    };
    Some(TaskRef { run: run.number(), task })
}

fn pan(model: &mut Model, data: &Data<'_>, by: (i32, i32)) {
    let scene = data.scene(model);
    let Some((canvas, _)) = shown(&scene) else { return };
    let (mut state, drawing) = (canvas_state(&scene), drawing(model, &canvas));
    let (width, height) = model.workflow.area.get();
    state.pan(&canvas, &drawing, by, width, height);
    model.workflow.canvas.pan = state.pan;
    model.workflow.picked_for.clone_from(&model.selected);
    model.workflow.canvas.selected = state.selection(&canvas);
}

fn drawing(model: &Model, canvas: &Canvas) -> Arc<Drawing> {
    let (width, height) = model.workflow.area.get();
    let orientation = model.workflow.canvas.orientation;
    model.workflow.kept.fitting(canvas, orientation, width, height)
}

fn toggle_details(model: &mut Model) {
    model.workflow.details = Some(!model.workflow.has_details.get());
    model.workflow.scroll = 0;
}

fn workflow(run: &RunView) -> String {
    run.plan.workflow.clone()
}

impl State {
    fn open_files(&mut self, name: Option<String>) {
        self.file = Some(name.unwrap_or_default());
        self.is_inside = false;
        self.canvas.selected = None;
        self.canvas.pan = None;
        self.scroll = 0;
    }

    fn close_files(&mut self) {
        self.file = None;
        self.canvas.selected = None;
        self.canvas.pan = None;
        self.picked_for = None;
        self.scroll = 0;
    }
}

/// Opens a file in the person's editor; it is read anew afterwards.
fn edit(path: &camino::Utf8Path) -> Effect {
    Effect::Foreground(Foreground::Editor(path.to_string()))
}

#[cfg(test)]
mod tests;
