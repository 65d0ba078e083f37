//! What keys do in the inspector.

use super::super::super::keymap::Action;
use super::super::super::model::{Model, Screen, Tab};
use super::super::super::msg::Effect;
use super::super::super::update::{Data, words};
use super::super::super::world::RunView;
use super::super::transcript::Search;
use super::super::{diff, mail};
use super::{State, source_of, with_shown};

/// What an action does in it; nothing when it is not one of the inspector's.
pub fn update(model: &mut Model, data: &Data<'_>, action: Action) -> Option<Vec<Effect>> {
    match action {
        Action::NextPanel | Action::PreviousPanel if model.screen == Screen::Task => {
            let is_next = action == Action::NextPanel;
            turn_tab(model, if is_next { 1 } else { Tab::ALL.len() - 1 });
            Some(Vec::new())
        }
        Action::EarlierAttempt => turn_attempt(model, data, false),
        Action::LaterAttempt => turn_attempt(model, data, true),
        _ => match model.tab {
            Tab::Log => log(model, data, action),
            Tab::Mail => mailed(model, data, action),
            Tab::Gates => model.inspector.gates.update(action).then(Vec::new),
            Tab::Prompt => model.inspector.prompt.update(action).then(Vec::new),
            Tab::Why => model.inspector.why.update(action).then(Vec::new),
            Tab::Diff => diff::update(model, data, action),
        },
    }
}

/// The task's screen has one panel: the key for the next one turns its tabs.
fn turn_tab(model: &mut Model, step: usize) {
    let at = Tab::ALL.iter().position(|tab| *tab == model.tab).unwrap_or(0);
    model.tab = Tab::ALL[(at + step) % Tab::ALL.len()];
}

fn turn_attempt(model: &mut Model, data: &Data<'_>, is_later: bool) -> Option<Vec<Effect>> {
    let scene = data.scene(model);
    let (_, task) = scene.selected_task()?;
    let (last, now) = (task.attempt, model.inspector.number(task));
    let to = if is_later { now + 1 } else { now.saturating_sub(1) };
    if to == 0 || to > last {
        let end = if is_later { "last" } else { "first" };
        model.say(format!("this is the {end} attempt"), data.now);
        return Some(Vec::new());
    }
    let state = &mut model.inspector;
    let log = state.log.anew();
    *state = State {
        of: state.of.take(),
        attempt: (to < last).then_some(to),
        log,
        mail: std::mem::take(&mut state.mail),
        ..State::default()
    };
    Some(Vec::new())
}

fn log(model: &mut Model, data: &Data<'_>, action: Action) -> Option<Vec<Effect>> {
    let is_whole = model.screen == Screen::Task;
    let mut log = std::mem::take(&mut model.inspector.log);
    let scene = data.scene(model);
    let is_mine = with_shown(&scene, log.reading(), |shown| {
        match action {
            Action::Up => log.scroll(shown, -1),
            Action::Down => log.scroll(shown, 1),
            Action::PageUp => log.turn(shown, -1),
            Action::PageDown => log.turn(shown, 1),
            Action::Top => log.to_start(),
            Action::Bottom => log.to_end(),
            Action::Follow => log.follow(shown),
            Action::Fold => log.fold(shown),
            Action::Raw => log.raw(shown),
            Action::NextEntry => log.step(shown, true),
            Action::PreviousEntry => log.step(shown, false),
            Action::Open if is_whole || log.has_cursor() => log.toggle(shown),
            _ => return false,
        }
        true
    });
    let is_mine = is_mine.unwrap_or(false);
    let source = source_of(&scene, log.reading());
    let is_mine = is_mine
        || match action {
            Action::RunSearch | Action::LeaveSearch => {
                let stays = action == Action::RunSearch;
                log.search = log.search.take().filter(|search| stays && !search.text.is_empty());
                log.search.iter_mut().for_each(|search| search.is_typed = false);
                true
            }
            Action::Search => {
                log.search = Some(Search { is_typed: true, ..Search::default() });
                true
            }
            Action::NextMatch | Action::PreviousMatch if log.search.is_some() => {
                let text = log.needle().unwrap_or_default();
                let hits = source.and_then(|source| data.loads.hits(&source, text));
                if let Some(hits) = hits {
                    log.next_hit(hits, action == Action::NextMatch);
                }
                true
            }
            Action::Back if log.search.is_some() => {
                log.search = None;
                true
            }
            _ => false,
        };
    model.inspector.log = log;
    is_mine.then(Vec::new)
}

/// Takes a click on a row of what it shows.
pub fn clicked(model: &mut Model, data: &Data<'_>, row: usize) {
    if model.tab != Tab::Log {
        return diff::clicked(model, row);
    }
    let mut log = std::mem::take(&mut model.inspector.log);
    let scene = data.scene(model);
    with_shown(&scene, log.reading(), |shown| log.click(shown, row));
    model.inspector.log = log;
}

fn mailed(model: &mut Model, data: &Data<'_>, action: Action) -> Option<Vec<Effect>> {
    let mut state = std::mem::take(&mut model.inspector.mail);
    let scene = data.scene(model);
    let task = scene.selected().and_then(|selected| selected.task.clone());
    let run = scene.selected_run();
    let thread = run.map(|run| mail::thread(&run.messages, task.as_ref())).unwrap_or_default();
    let is_moved = state.update(action, &thread);
    let under = state.selected(&thread).filter(|row| mail::is_queued(row));
    let under = under.map(|row| row.message.id.clone());
    let number = run.map(RunView::number);
    model.inspector.mail = state;
    match (action, number, under) {
        (Action::Retract, Some(run), Some(id)) => {
            let args = words(&["send", &run.to_string(), "--retract", &id]);
            Some(vec![model.call(args, "the message is taken back")])
        }
        (Action::Retract, _, _) => {
            model.complain("only a message that nobody has yet can be taken back", data.now);
            Some(Vec::new())
        }
        _ => is_moved.then(Vec::new),
    }
}
