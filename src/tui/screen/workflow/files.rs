//! Workflow files on the canvas, without a run: which there are, and what is wrong with the one that is shown.

use super::super::super::keymap::Action;
use super::super::super::library::WorkflowPage;
use super::super::super::model::Model;
use super::super::super::msg::Effect;
use super::super::super::scene::Scene;
use super::super::super::update::Data;

/// Whether files are shown: when somebody wants that, or there is no run to show.
pub(super) fn is_open(scene: &Scene<'_>) -> bool {
    scene.model.workflow.file.is_some() || scene.model.selected.is_none()
}

/// The name of the file that is shown.
pub(super) fn name(scene: &Scene<'_>) -> Option<String> {
    let wanted = scene.model.workflow.file.as_deref().unwrap_or_default();
    if !wanted.is_empty() {
        return Some(wanted.to_owned());
    }
    let items = scene.loads.workflows()?.ok()?;
    items.first().map(|item| item.name.clone())
}

/// The file that is shown; the error says why it cannot be.
pub(super) fn page<'a>(scene: &Scene<'a>) -> Option<Result<&'a WorkflowPage, &'a str>> {
    scene.loads.workflow(&name(scene)?)
}

/// What an action does while files are listed; nothing when it means the same as for a run.
pub(super) fn update(model: &mut Model, data: &Data<'_>, action: Action) -> Option<Vec<Effect>> {
    let is_inside = model.workflow.is_inside;
    match action {
        Action::Files | Action::Back if is_inside => model.workflow.is_inside = false,
        Action::Files => model.workflow.close_files(),
        Action::Back if model.workflow.file.is_some() => model.workflow.close_files(),
        Action::NextPanel | Action::PreviousPanel => model.workflow.is_inside = !is_inside,
        Action::EditFile => return Some(edit(model, data)),
        Action::Open if !is_inside => model.workflow.is_inside = true,
        Action::Up if !is_inside => choose(model, data, |at, _| at.saturating_sub(1)),
        Action::Down if !is_inside => choose(model, data, |at, last| (at + 1).min(last)),
        Action::Top if !is_inside => choose(model, data, |_, _| 0),
        Action::Bottom if !is_inside => choose(model, data, |_, last| last),
        Action::Left | Action::Right if !is_inside => {}
        _ => return None,
    }
    Some(Vec::new())
}

/// Shows another file, by its position in the list.
pub(super) fn choose(model: &mut Model, data: &Data<'_>, to: impl Fn(usize, usize) -> usize) {
    let scene = data.scene(model);
    let Some(Ok(items)) = scene.loads.workflows() else { return };
    let now = name(&scene);
    let at = items.iter().position(|item| Some(&item.name) == now.as_ref());
    // A run may be of a workflow that is not there any more.
    let next = at.map_or(0, |at| to(at, items.len().saturating_sub(1)));
    let Some(item) = items.get(next) else { return };
    model.workflow.open_files(Some(item.name.clone()));
}

fn edit(model: &mut Model, data: &Data<'_>) -> Vec<Effect> {
    let scene = data.scene(model);
    let Some(Ok(page)) = page(&scene) else { return Vec::new() };
    match page.editable() {
        Ok(path) => vec![super::edit(path)],
        Err(why) => {
            model.complain(why, data.now);
            Vec::new()
        }
    }
}
