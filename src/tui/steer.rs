//! What is done to the run or task under the cursor without more than a yes.

use super::model::Model;
use super::msg::{Effect, Foreground};
use super::update::{Data, ask, words};
use super::world::TaskRef;
use crate::event::StatusKind;

/// Asks before the runs that are tagged, or the one under the cursor, are stopped.
pub(super) fn ask_stop(model: &mut Model, data: &Data<'_>) {
    let mut numbers: Vec<_> = model.tagged.iter().map(|tagged| tagged.run).collect();
    numbers.dedup();
    if numbers.is_empty() {
        numbers.extend(model.selected.as_ref().map(|selected| selected.run));
    }
    let open = |number: &crate::base::RunNumber| {
        let row = data.world.row(*number);
        row.is_some_and(|row| !row.status.is_terminal())
    };
    numbers.retain(open);
    if numbers.is_empty() {
        return model.complain("there is no live run under the cursor", data.now);
    }
    let names: Vec<String> = numbers.iter().map(|number| format!("#{number}")).collect();
    let calls = numbers
        .iter()
        .map(|number| {
            (words(&["stop", &number.to_string(), "--yes"]), format!("run #{number} is stopped"))
        })
        .collect();
    ask(
        model,
        format!("Stop {}? What its agents did stays on its branch.", names.join(", ")),
        calls,
        data.now,
    );
}

/// Asks before all runs are stopped.
pub(super) fn ask_stop_all(model: &mut Model, data: &Data<'_>) {
    let live = data.world.views.values().filter(|run| !run.status.run.status.is_terminal()).count();
    if live == 0 {
        return model.complain("no run lives", data.now);
    }
    let question = format!("Stop all {live} live runs?");
    let calls = vec![(words(&["stop", "--all", "--yes"]), "all runs are stopped".to_owned())];
    ask(model, question, calls, data.now);
}

/// Pauses the run under the cursor, or lets it go on.
pub(super) fn pause(model: &mut Model, data: &Data<'_>) -> Vec<Effect> {
    let Some(number) = model.selected.as_ref().map(|selected| selected.run) else {
        return Vec::new();
    };
    let row = data.world.row(number);
    let is_held = row.is_some_and(|row| {
        matches!(row.status, StatusKind::Paused | StatusKind::Blocked | StatusKind::Waiting)
    });
    let verb = if is_held { "resume" } else { "pause" };
    vec![model.call(words(&[verb, &number.to_string(), "--yes"]), "")]
}

/// Gives the terminal to the agent under the cursor.
pub(super) fn take_over(model: &mut Model, data: &Data<'_>) -> Vec<Effect> {
    let Some(TaskRef { run, task: Some(task) }) = model.selected.clone() else {
        model.complain("choose a task to take over", data.now);
        return Vec::new();
    };
    let args = words(&["attach", &run.to_string(), &task.to_string()]);
    vec![Effect::Foreground(Foreground::Crew(args))]
}

/// Opens the first address in what is said of the thing under the cursor.
pub(super) fn open_link(model: &mut Model, data: &Data<'_>) -> Vec<Effect> {
    let scene = data.scene(model);
    let mut texts: Vec<&str> = Vec::new();
    if let Some((_, task)) = scene.selected_task() {
        texts.extend(task.summary.as_deref());
        texts.extend(task.why.as_deref());
    }
    if let Some(run) = scene.selected_run() {
        texts.extend(run.status.decisions.iter().map(|decision| decision.text.as_str()));
        texts.extend(run.status.run.detail.as_deref());
        texts.extend(run.story.iter().rev().map(|line| line.text.as_str()));
        texts.push(&run.status.run.goal);
    }
    let Some(link) = texts.into_iter().find_map(address) else {
        model.complain("no link stands here", data.now);
        return Vec::new();
    };
    vec![Effect::Browse(link)]
}

/// The first address of the web in a text, without what the sentence puts behind it.
fn address(text: &str) -> Option<String> {
    let starts = ["https://", "http://"];
    let at = starts.iter().filter_map(|start| text.find(start)).min()?;
    let is_end = |c: char| c.is_whitespace() || c.is_control() || "<>\"'`|".contains(c);
    let link = text[at..].split(is_end).next().unwrap_or_default();
    let link = link.trim_end_matches(['.', ',', ';', ':', ')', ']', '!', '?']);
    (link.len() > "https://".len()).then(|| link.to_owned())
}

/// Opens the worktree in the person's editor.
pub(super) fn editor(model: &mut Model, data: &Data<'_>) -> Vec<Effect> {
    let run = model.selected.as_ref().and_then(|selected| data.world.item(selected.run));
    let path = run
        .and_then(|item| item.row.as_ref().ok())
        .and_then(|row| row.worktree.path.clone().filter(|_| !row.worktree.removed));
    let Some(path) = path else {
        model.complain("the run has no worktree", data.now);
        return Vec::new();
    };
    vec![Effect::Foreground(Foreground::Editor(path.into_string()))]
}
