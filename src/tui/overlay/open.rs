//! Which overlay an action opens.

use super::super::keymap::Action;
use super::super::model::Model;
use super::super::msg::Effect;
use super::super::update::{Data, ask, words};
use super::super::world::TaskRef;
use super::{Overlay, command, compare, compose, filter, help, palette, retry, settings, wizard};
use crate::base::RunNumber;
use crate::event::StatusKind;

/// Opens the overlay that an action stands for; nothing for other actions.
pub fn open(model: &mut Model, data: &Data<'_>, action: Action) -> Vec<Effect> {
    match action {
        Action::Help => {
            let state = help::State::new(model.scopes());
            model.overlays.push(Overlay::Help(Box::new(state)));
        }
        Action::Health => model.overlays.push(Overlay::Health(Box::default())),
        Action::Send => {
            let to = model.selected.iter().cloned().collect();
            write(model, data, to);
        }
        Action::Broadcast => {
            let to = if model.tagged.is_empty() {
                let run = model.selected.as_ref().map(|selected| selected.run);
                run.map(|run| TaskRef { run, task: None }).into_iter().collect()
            } else {
                model.tagged.iter().cloned().collect()
            };
            write(model, data, to);
        }
        Action::Filter => match filter::State::new(model) {
            Some(state) => model.overlays.push(Overlay::Filter(Box::new(state))),
            None => model.say("this screen has no list to filter", data.now),
        },
        Action::Goto => {
            let state = command::State::new("", model, data);
            model.overlays.push(Overlay::Command(Box::new(state)));
        }
        Action::Palette => {
            let state = palette::State::new(model, data);
            model.overlays.push(Overlay::Palette(Box::new(state)));
        }
        Action::Retry => {
            let targets = marked(model);
            try_again(model, data, targets);
        }
        Action::RetryRun => retry_runs(model, data),
        Action::Settings => {
            let (state, effects) = settings::State::new(model);
            model.overlays.push(Overlay::Settings(Box::new(state)));
            return effects;
        }
        Action::NewRun => {
            let state = wizard::State::new(model);
            model.overlays.push(Overlay::Wizard(Box::new(state)));
        }
        Action::Compare => {
            let runs = marked_runs(model);
            if runs.len() < 2 {
                let key = model.key(Action::Tag);
                model
                    .complain(format!("tag two or more runs with {key} to compare them"), data.now);
            } else {
                model.overlays.push(Overlay::Compare(Box::new(compare::State::new(runs))));
            }
        }
        Action::Archive => archive(model, data),
        _ => {}
    }
    Vec::new()
}

/// What is tagged, or else what is under the cursor.
fn marked(model: &Model) -> Vec<TaskRef> {
    if model.tagged.is_empty() {
        return model.selected.iter().cloned().collect();
    }
    model.tagged.iter().cloned().collect()
}

/// The runs of what is tagged, or else the one under the cursor.
pub fn marked_runs(model: &Model) -> Vec<RunNumber> {
    let mut runs: Vec<RunNumber> = marked(model).iter().map(|target| target.run).collect();
    runs.dedup();
    runs
}

fn write(model: &mut Model, data: &Data<'_>, to: Vec<TaskRef>) {
    if to.is_empty() {
        return model.complain("there is no run under the cursor to write to", data.now);
    }
    let state = compose::State::new(to, model);
    model.overlays.push(Overlay::Compose(Box::new(state)));
}

fn try_again(model: &mut Model, data: &Data<'_>, targets: Vec<TaskRef>) {
    if targets.is_empty() {
        return model.complain("there is nothing under the cursor to try again", data.now);
    }
    let state = retry::State::new(targets, model);
    model.overlays.push(Overlay::Retry(Box::new(state)));
}

/// Runs that did not end well are tried again as they were.
fn retry_runs(model: &mut Model, data: &Data<'_>) {
    let runs = marked_runs(model);
    if let [run] = runs.as_slice()
        && let Some(Ok(row)) = data.world.item(*run).map(|item| item.row.as_ref())
        && !matches!(
            row.status,
            StatusKind::Blocked | StatusKind::Failed | StatusKind::Cancelled | StatusKind::Archived
        )
    {
        // One that went well is begun anew with another plan, perhaps.
        let state = wizard::State::with(&row.goal);
        return model.overlays.push(Overlay::Wizard(Box::new(state)));
    }
    let targets = runs.into_iter().map(|run| TaskRef { run, task: None }).collect();
    try_again(model, data, targets);
}

/// Asks before runs are put away.
fn archive(model: &mut Model, data: &Data<'_>) {
    let is_open = |number: &RunNumber| {
        let row = data.world.row(*number);
        row.is_some_and(|row| row.status != StatusKind::Archived)
    };
    let runs: Vec<RunNumber> = marked_runs(model).into_iter().filter(is_open).collect();
    if runs.is_empty() {
        return model.complain("there is no run under the cursor to put away", data.now);
    }
    let names: Vec<String> = runs.iter().map(|number| format!("#{number}")).collect();
    let calls = runs
        .iter()
        .map(|number| {
            let told = format!("run #{number} is archived; `crew undo` brings its worktree back");
            (words(&["archive", &number.to_string(), "--yes"]), told)
        })
        .collect();
    let question = format!(
        "Archive {}? Worktrees go; what was in them is kept for `crew undo`.",
        names.join(", ")
    );
    ask(model, question, calls, data.now);
}
