//! Where one is in a diff, and what the keys do there.

use std::cell::Cell;
use std::sync::Arc;

use super::super::super::keymap::Action;
use super::super::super::model::{Model, Tab};
use super::super::super::msg::{Call, Called, Effect};
use super::super::super::overlay::{Overlay, comment};
use super::super::super::update::{Data, words};
use super::super::super::world::TaskRef;
use super::super::inspector::is_inspecting;
use super::comment::{Comment, message};
use super::rows::{Rows, Spot};
use crate::base::limits::COMMENTS_MAX;
use crate::client::patch::Patch;
use crate::event::decision::Action as Verdict;

/// Columns of one step to the side.
const SIDE_STEP: usize = 8;

/// Where one is in a diff.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Whose diff it is.
    of: Option<TaskRef>,
    /// The row under the cursor.
    pub(super) cursor: usize,
    /// Columns that are cut off at the left.
    pub(super) left: usize,
    /// The other end of the chosen rows.
    pub(super) range: Option<usize>,
    /// Whether the list of files is hidden.
    pub(super) is_tree_hidden: bool,
    /// First row of the last frame.
    pub(super) top: Cell<usize>,
    /// Where the comments stand.
    pub(super) anchored: Option<Anchored>,
    /// The command that sends comments, and these.
    sending: Option<(Call, Vec<Comment>)>,
}

/// Comments and where they stand in a patch.
#[derive(Debug, Clone)]
pub(super) struct Anchored {
    patch: Arc<Patch>,
    pub(super) comments: Vec<Comment>,
    pub(super) spots: Vec<Option<Spot>>,
}

impl State {
    /// Whether the cursor is on a row.
    pub fn is_on(&self, row: usize) -> bool {
        self.cursor == row
    }
}

/// Whether a diff takes the keys.
pub fn has_focus(model: &Model) -> bool {
    model.tab == Tab::Diff && model.selected.is_some() && is_inspecting(model)
}

fn patch<'a>(model: &Model, data: &Data<'a>) -> Option<&'a Arc<Patch>> {
    let target = model.selected.as_ref()?;
    data.loads.patch(target.run, target.task.as_ref())?.ok()
}

/// Keeps up with what is looked at: another diff begins at its top, a newer one stays at the same line.
pub fn follow(model: &mut Model, data: &Data<'_>) {
    if model.tab != Tab::Diff {
        return;
    }
    if model.diff.of != model.selected {
        let is_tree_hidden = model.diff.is_tree_hidden;
        let (of, sending) = (model.selected.clone(), model.diff.sending.take());
        model.diff = State { of, is_tree_hidden, sending, ..State::default() };
    }
    let Some(patch) = patch(model, data).cloned() else { return };
    let key = model.diff.of.as_ref().map(TaskRef::name).unwrap_or_default();
    let comments = model.memory.comments.get(&key).cloned().unwrap_or_default();
    let state = &mut model.diff;
    if let Some(known) = &state.anchored {
        let is_same = Arc::ptr_eq(&known.patch, &patch);
        if is_same && known.comments == comments {
            return;
        }
        if !is_same {
            state.cursor = stayed(&known.patch, &patch, state.cursor);
            state.range = None;
        }
    }
    let spots = comments.iter().map(|comment| comment.find(&patch)).collect();
    state.anchored = Some(Anchored { patch, comments, spots });
}

/// The row of a newer patch that says what the row of the older one said.
fn stayed(old: &Patch, new: &Patch, row: usize) -> usize {
    let spot = Rows::of(old).spot(row);
    let rows = Rows::of(new);
    let file = old.files.get(spot.file);
    let line =
        file.zip(spot.line).and_then(|(file, line)| Comment::on(file, line, line)?.find(new));
    let head = || {
        let path = &file?.path;
        let file = new.files.iter().position(|known| known.path == *path)?;
        Some(Spot { file, line: None })
    };
    line.or_else(head).map_or(row, |spot| rows.row(spot))
}

/// What an action does here; nothing when it is not one of the diff's.
pub fn update(model: &mut Model, data: &Data<'_>, action: Action) -> Option<Vec<Effect>> {
    if action == Action::Tree {
        model.diff.is_tree_hidden = !model.diff.is_tree_hidden;
        return Some(Vec::new());
    }
    let patch = patch(model, data)?.clone();
    let rows = Rows::of(&patch);
    let last = rows.count().saturating_sub(1);
    let state = &mut model.diff;
    let page = usize::from(model.size.1).saturating_sub(10).max(1);
    let at = state.cursor.min(last);
    state.cursor = match action {
        Action::Up => at.saturating_sub(1),
        Action::Down => (at + 1).min(last),
        Action::PageUp => at.saturating_sub(page),
        Action::PageDown => (at + page).min(last),
        Action::Top => 0,
        Action::Bottom => last,
        Action::NextFile => {
            let next = rows.spot(at).file + 1;
            if next < patch.files.len() { rows.start(next) } else { at }
        }
        Action::PreviousFile => {
            let file = rows.spot(at).file;
            // From within a file first to its head.
            let start = rows.start(file);
            if at > start { start } else { rows.start(file.saturating_sub(1)) }
        }
        Action::Left => {
            state.left = state.left.saturating_sub(SIDE_STEP);
            at
        }
        Action::Right => {
            state.left += SIDE_STEP;
            at
        }
        Action::Range => {
            state.range = if state.range.is_some() { None } else { Some(at) };
            at
        }
        Action::Back if state.range.is_some() => {
            state.range = None;
            at
        }
        Action::Comment => {
            write(model, data, &patch, &rows);
            return Some(Vec::new());
        }
        Action::SendComments => return Some(send(model, data)),
        _ => return None,
    };
    Some(Vec::new())
}

/// A row was clicked.
pub fn clicked(model: &mut Model, row: usize) {
    model.diff.cursor = row;
}

/// The chosen rows, the smaller first.
pub(super) fn chosen(state: &State) -> (usize, usize) {
    let other = state.range.unwrap_or(state.cursor);
    (other.min(state.cursor), other.max(state.cursor))
}

/// Opens the field for a comment on the chosen lines, or for the one that is there.
fn write(model: &mut Model, data: &Data<'_>, patch: &Patch, rows: &Rows) {
    let (from, to) = chosen(&model.diff);
    let (from, to) = (rows.spot(from), rows.spot(to));
    let anchored = model.diff.anchored.as_ref();
    let here = anchored.and_then(|anchored| {
        let at = anchored.spots.iter().position(|spot| *spot == Some(to))?;
        anchored.comments.get(at).cloned()
    });
    let lines = |file: usize| {
        let from = if from.file == file { from.line.unwrap_or(0) } else { 0 };
        Comment::on(&patch.files[file], from, to.line?)
    };
    let new = || (to.file < patch.files.len()).then(|| lines(to.file)).flatten();
    let Some(comment) = here.or_else(new) else {
        return model.complain("go to a line to comment on it", data.now);
    };
    let count = anchored.map_or(0, |anchored| anchored.comments.len());
    if comment.text.is_empty() && count >= COMMENTS_MAX {
        let said = format!("{count} comments wait already: send them first");
        return model.complain(said, data.now);
    }
    let Some(of) = model.diff.of.clone() else { return };
    model.diff.range = None;
    let state = comment::State::new(of.name(), comment);
    model.overlays.push(Overlay::Comment(Box::new(state)));
}

/// Sends all comments in one batch: as what has to change where the run waits for that, else as a message.
fn send(model: &mut Model, data: &Data<'_>) -> Vec<Effect> {
    let Some(of) = model.diff.of.clone() else { return Vec::new() };
    let comments = model.memory.comments.get(&of.name()).cloned().unwrap_or_default();
    if comments.is_empty() {
        let key = model.key(Action::Comment);
        model.complain(format!("there is no comment to send; {key} writes one"), data.now);
        return Vec::new();
    }
    if model.diff.sending.is_some() {
        model.say("they are on their way", data.now);
        return Vec::new();
    }
    let text = message(&comments);
    let decisions = data.world.views.get(&of.run).map(|run| &run.status.decisions);
    let waits =
        decisions.into_iter().flatten().find(|row| row.actions.contains(&Verdict::RequestChanges));
    let args = match waits {
        Some(row) => {
            let run = of.run.to_string();
            words(&["request-changes", &run, &row.id, "--yes", "--text", &text])
        }
        None => words(&["send", &of.name(), &text]),
    };
    let effect = model.call(args, "");
    if let Effect::Call(call) = &effect {
        model.diff.sending = Some((call.clone(), comments));
    }
    vec![effect]
}

/// Lets go of comments that were sent.
pub fn called(model: &mut Model, called: &Called) {
    let Some((_, sent)) = model.diff.sending.take_if(|(call, _)| call.id == called.call.id) else {
        return;
    };
    if called.code != Some(0) {
        return;
    }
    for waiting in model.memory.comments.values_mut() {
        waiting.retain(|comment| !sent.contains(comment));
    }
    model.memory.comments.retain(|_, waiting| !waiting.is_empty());
}
