//! What happens when something happens: the model changes, and effects come out. No terminal, no files.

use crossterm::event::{KeyEventKind, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

use super::divider;
use super::key::Key;
use super::keymap::Action;
use super::model::{Model, Screen, Tab};
use super::msg::{Called, Effect, Msg};
use super::overlay::{self, Overlay, confirm};
use super::page::{Page, Panel, Target};
use super::pane::{attention, decision, diff, inspector, welcome};
use super::scene::Scene;
use super::screen::{fleet, inbox, runs, task, workflow};
use super::steer::{ask_stop, ask_stop_all, editor, open_link, pause, take_over};
use super::want::Loads;
use super::world::{TaskRef, World};
use crate::base::Time;
use crate::base::text::one_line;
use crate::snapshot::Class;

/// Rows of one turn of the mouse wheel.
const WHEEL_ROWS: usize = 3;
/// Rows of a page where nobody knows how long one is.
const PAGE_ROWS: usize = 10;

/// Everything that is known beside the model.
#[derive(Clone, Copy)]
pub struct Data<'a> {
    /// What is known.
    pub world: &'a World,
    /// What was loaded.
    pub loads: &'a Loads,
    /// What the mouse finds on the last frame.
    pub hits: &'a [(Rect, Target)],
    /// The person's time zone.
    pub zone: &'a jiff::tz::TimeZone,
    /// The moment.
    pub now: Time,
}

impl<'a> Data<'a> {
    /// What a view would see.
    pub fn scene(&self, model: &'a Model) -> Scene<'a> {
        Scene { model, world: self.world, loads: self.loads, zone: self.zone, now: self.now }
    }
}

/// Takes in something that happened.
pub fn update(model: &mut Model, data: &Data<'_>, msg: Msg) -> Vec<Effect> {
    model.toasts.retain(|toast| toast.until > data.now);
    let before = model.selected.clone();
    let mut effects = take_in(model, data, msg);
    effects.extend(decision::follow(model, data));
    diff::follow(model, data);
    if let Some(left) = before.filter(|before| model.selected.as_ref() != Some(before)) {
        see(model, data, &left);
    }
    inspector::settle(model, data);
    effects
}

/// What has ended and was under the cursor was seen; while it is there, its row stays where it is.
fn see(model: &mut Model, data: &Data<'_>, target: &TaskRef) {
    let attempt = match &target.task {
        None => data.world.row(target.run).filter(|row| row.status.is_terminal()).map(|_| 0),
        Some(task) => data
            .world
            .views
            .get(&target.run)
            .and_then(|run| run.task(task))
            .filter(|row| row.heartbeat.is_none() && row.ended_at.is_some())
            .map(|row| row.attempt),
    };
    if let Some(attempt) = attempt {
        model.memory.seen.insert(Model::seen_key(target, attempt));
    }
}

fn take_in(model: &mut Model, data: &Data<'_>, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Key(event) if event.kind == KeyEventKind::Release => Vec::new(),
        Msg::Key(event) => {
            if let Some(effects) = overlay::typed(model, event, data) {
                return effects;
            }
            if let Some(effects) = inspector::typed(model, event) {
                return effects;
            }
            match model.keys.action(Key::of(event), &model.scopes()) {
                Some(action) => act(model, data, action),
                None => Vec::new(),
            }
        }
        Msg::Mouse(event) => mouse(model, data, event),
        Msg::Paste(text) if inspector::pasted(model, &text) => Vec::new(),
        Msg::Paste(text) => overlay::pasted(model, &text, data),
        Msg::Resized(width, height) => {
            model.size = (width, height);
            Vec::new()
        }
        Msg::Focused(is_focused) => {
            model.is_focused = is_focused;
            Vec::new()
        }
        Msg::World => {
            settle(model, data);
            let mut effects = overlay::news(model, data);
            effects.extend(notice(model, data));
            effects
        }
        Msg::Called(called) => {
            if let Some(effects) = decision::called(model, &called, data) {
                return effects;
            }
            diff::called(model, &called);
            ended(model, &called, data.now);
            overlay::called(model, &called, data)
        }
        Msg::Loaded(_) => {
            super::replay::loaded(model, data);
            overlay::news(model, data)
        }
        Msg::Tick => {
            super::replay::tick(model, data);
            Vec::new()
        }
    }
}

/// Tells what has begun to wait for a person, while the person looks elsewhere.
fn notice(model: &mut Model, data: &Data<'_>) -> Vec<Effect> {
    let items = attention::items(&data.scene(model));
    let waiting = items.iter().map(|item| (item.target.clone(), item.decision.clone())).collect();
    let before = model.waiting.replace(waiting);
    let Some(before) = before.filter(|_| !model.is_focused) else { return Vec::new() };
    let is_new = |item: &&attention::Item| {
        item.class == Class::NeedsYou
            && !before.contains(&(item.target.clone(), item.decision.clone()))
    };
    let new: Vec<&attention::Item> = items.iter().filter(is_new).collect();
    let Some(first) = new.first() else { return Vec::new() };
    let more = if new.len() > 1 { format!(" and {} more", new.len() - 1) } else { String::new() };
    vec![Effect::Notify(format!("{}{more}", first.title), first.text.clone())]
}

/// Does what an action means here.
pub fn act(model: &mut Model, data: &Data<'_>, action: Action) -> Vec<Effect> {
    let is_of_all = matches!(action, Action::Redraw | Action::Suspend | Action::CopyCommand);
    if !model.overlays.is_empty() && !is_of_all {
        return overlay::update(model, data, action);
    }
    if let Some(effects) = super::replay::update(model, data, action) {
        return effects;
    }
    if model.screen == Screen::Fleet && welcome::is_shown(&data.scene(model)) {
        match welcome::update(model, action) {
            Some(Some(effects)) => return effects,
            Some(None) => return overlay::open(model, data, Action::NewRun),
            None => {}
        }
    }
    if inspector::is_inspecting(model)
        && let Some(effects) = inspector::update(model, data, action)
    {
        return effects;
    }
    let rows = rows(model, data);
    let handled = match model.screen {
        Screen::Fleet => fleet::update(model, &rows, action),
        Screen::Inbox => inbox::update(model, data, action),
        Screen::Workflow => workflow::update(model, data, action),
        Screen::Task => task::update(model, &rows, action),
        Screen::Runs => runs::update(model, data, &rows, action),
    };
    handled.unwrap_or_else(|| general(model, data, action))
}

/// What actions mean that mean the same on every screen.
pub fn general(model: &mut Model, data: &Data<'_>, action: Action) -> Vec<Effect> {
    match action {
        Action::Fleet => show(model, data, Screen::Fleet),
        Action::Inbox => show(model, data, Screen::Inbox),
        Action::Workflow => show(model, data, Screen::Workflow),
        Action::Task => show(model, data, Screen::Task),
        Action::Runs => show(model, data, Screen::Runs),
        Action::NextPanel => turn_panel(model, 1),
        Action::PreviousPanel => turn_panel(model, -1),
        Action::NextAttention => inbox::next(model, data, 1),
        Action::PreviousAttention => inbox::next(model, data, -1),
        Action::Open => open(model),
        Action::Back => back(model),
        Action::Why => model.tab = Tab::Why,
        Action::ShowDiff => {
            model.tab = Tab::Diff;
            task::enter(model);
        }
        Action::ShowMail => model.tab = Tab::Mail,
        Action::Tag => tag(model),
        Action::CopyCommand => return copy(model, data.now),
        Action::Redraw => return vec![Effect::Redraw],
        Action::Suspend => return vec![Effect::Suspend],
        Action::Quit => return vec![Effect::Quit],
        Action::Stop => ask_stop(model, data),
        Action::StopAll => ask_stop_all(model, data),
        Action::Pause => return pause(model, data),
        Action::TakeOver => return take_over(model, data),
        Action::Editor => return editor(model, data),
        Action::OpenLink => return open_link(model, data),
        Action::Replay => {
            if let Some(run) = model.selected.as_ref().map(|selected| selected.run) {
                super::replay::open(model, run);
            }
        }
        _ => return overlay::open(model, data, action),
    }
    Vec::new()
}

/// The rows of the screen's list.
fn rows(model: &Model, data: &Data<'_>) -> Vec<TaskRef> {
    let scene = data.scene(model);
    match model.screen {
        Screen::Fleet | Screen::Workflow | Screen::Task => fleet::targets(&scene),
        Screen::Inbox => inbox::targets(&scene),
        Screen::Runs => runs::targets(&scene),
    }
}

fn show(model: &mut Model, data: &Data<'_>, screen: Screen) {
    model.screen = screen;
    model.panel = Panel::List;
    task::forget(model);
    settle(model, data);
}

fn turn_panel(model: &mut Model, step: isize) {
    let panels = if model.screen == Screen::Inbox { inbox::panels() } else { fleet::panels(model) };
    let at = panels.iter().position(|panel| *panel == model.panel).unwrap_or(0);
    let count = panels.len();
    let next = at.checked_add_signed(step).unwrap_or(count - 1) % count;
    model.panel = panels[next];
}

/// Moves the cursor in a list; nothing for other actions.
pub fn move_in(model: &mut Model, rows: &[TaskRef], action: Action) -> Option<Vec<Effect>> {
    let last = rows.len().saturating_sub(1);
    let at = model.selected.as_ref().and_then(|now| rows.iter().position(|row| row == now));
    let from = at.unwrap_or(0);
    let page = usize::from(model.size.1).saturating_sub(8).max(PAGE_ROWS);
    let to = match action {
        Action::Up => from.saturating_sub(1),
        Action::Down => {
            if at.is_some() {
                from + 1
            } else {
                0
            }
        }
        Action::PageUp => from.saturating_sub(page),
        Action::PageDown => from + page,
        Action::Top => 0,
        Action::Bottom => last,
        _ => return None,
    };
    if let Some(row) = rows.get(to.min(last)) {
        select(model, row.clone());
    }
    Some(Vec::new())
}

/// Moves the cursor of the screen's list.
pub fn step(model: &mut Model, data: &Data<'_>, action: Action) {
    let rows = rows(model, data);
    move_in(model, &rows, action);
}

/// Puts the cursor on a row that is shown, when the one under it is not.
pub fn to_visible(model: &mut Model, data: &Data<'_>) {
    let rows = rows(model, data);
    if !model.selected.as_ref().is_some_and(|selected| rows.contains(selected))
        && let Some(first) = rows.first()
    {
        select(model, first.clone());
    }
}

/// Puts the cursor on something; what it leaves was seen.
pub fn select(model: &mut Model, target: TaskRef) {
    if model.selected.as_ref() != Some(&target) {
        model.selected = Some(target);
    }
}

/// Keeps the cursor on something that is there; what is under it counts as seen once it has ended.
fn settle(model: &mut Model, data: &Data<'_>) {
    let rows = rows(model, data);
    let is_there = model
        .selected
        .as_ref()
        .is_some_and(|selected| rows.contains(selected) || data.world.item(selected.run).is_some());
    if !is_there {
        model.selected = rows.first().cloned();
    }
    if model.screen == Screen::Inbox {
        inbox::settle(model, data);
    }
    model.tagged.retain(|tagged| data.world.item(tagged.run).is_some());
}

fn open(model: &mut Model) {
    match (model.screen, &model.selected) {
        (Screen::Fleet, Some(TaskRef { task: Some(_), .. })) | (Screen::Workflow, Some(_)) => {
            task::enter(model);
        }
        (Screen::Fleet | Screen::Inbox, Some(_)) => model.panel = Panel::Inspector,
        (Screen::Runs, Some(_)) => model.screen = Screen::Workflow,
        (_, _) => {}
    }
}

fn back(model: &mut Model) {
    if let Some(filter) = overlay::filter_of(model).filter(|filter| !filter.is_empty()) {
        filter.clear();
    } else if model.panel != Panel::List {
        model.panel = Panel::List;
    } else if model.screen == Screen::Task {
        task::leave(model);
    } else if model.screen != Screen::Fleet {
        model.screen = Screen::Fleet;
    } else {
        model.tagged.clear();
    }
}

fn tag(model: &mut Model) {
    if let Some(selected) = model.selected.clone()
        && !model.tagged.remove(&selected)
    {
        model.tagged.insert(selected);
    }
}

fn copy(model: &mut Model, now: Time) -> Vec<Effect> {
    let Some(line) = model.last_line.clone() else {
        model.say("nothing was done yet whose command could be copied", now);
        return Vec::new();
    };
    model.say(format!("copied: {line}"), now);
    vec![Effect::Copy(line)]
}

/// Asks one question before something that cannot be taken back.
pub fn ask(model: &mut Model, question: String, calls: Vec<(Vec<String>, String)>, now: Time) {
    model.overlays.push(Overlay::Confirm(confirm::State { question, calls, since: now }));
}

/// Words of a command line.
pub fn words(args: &[&str]) -> Vec<String> {
    args.iter().map(|&arg| arg.to_owned()).collect()
}

/// Tells how a command ended.
fn ended(model: &mut Model, called: &Called, now: Time) {
    model.calls.remove(&called.call.id);
    if model.overlays.iter().any(|overlay| overlay.tells_of(called.call.id)) {
        return;
    }
    if called.code == Some(0) {
        // A bare number is for scripts: the run that was made; what it means is told beside it.
        let is_told = |line: &&str| !line.trim().is_empty() && line.parse::<u32>().is_err();
        let mut lines = called.out.lines().chain(called.err.lines()).filter(is_told);
        // A merge first tells that it begins.
        let is_merge = called.call.args.first().is_some_and(|verb| verb == "merge");
        let first = if is_merge { lines.next_back() } else { lines.next() };
        let told =
            if called.call.told.is_empty() { first.unwrap_or("done") } else { &called.call.told };
        return model.say(one_line(told, 200), now);
    }
    let said = if called.err.trim().is_empty() { &called.out } else { &called.err };
    let said = said.trim().trim_start_matches("error: ");
    let said = if said.is_empty() { "the command could not be run" } else { said };
    model.complain(format!("{}: {said}", called.call.line()), now);
}

fn mouse(model: &mut Model, data: &Data<'_>, event: MouseEvent) -> Vec<Effect> {
    let hit = Page::at(data.hits, event.column, event.row).map(|(_, target)| target.clone());
    match event.kind {
        MouseEventKind::Drag(MouseButton::Left) if divider::drag(model, event.column) => Vec::new(),
        MouseEventKind::Down(MouseButton::Left) | MouseEventKind::Drag(MouseButton::Left)
            if matches!(hit, Some(Target::Moment(_))) && model.overlays.is_empty() =>
        {
            if let Some(Target::Moment(seq)) = hit {
                super::replay::seek(model, data, seq);
            }
            Vec::new()
        }
        MouseEventKind::Down(MouseButton::Left) => match hit {
            Some(Target::Action(action)) => act(model, data, action),
            _ if !model.overlays.is_empty() => overlay::clicked(model, hit.as_ref(), data),
            Some(Target::Row(panel, at)) => {
                model.panel = panel;
                if panel == Panel::Inspector {
                    inspector::clicked(model, data, at);
                } else if model.screen == Screen::Runs && model.runs.projects.is_shown {
                    runs::projects::clicked(model, data, at);
                } else if model.screen == Screen::Inbox {
                    inbox::choose_row(model, data, at);
                } else {
                    match rows(model, data).get(at) {
                        Some(row) => select(model, row.clone()),
                        None => model.fleet.choice = at,
                    }
                }
                Vec::new()
            }
            Some(Target::Panel(panel)) => {
                model.panel = panel;
                Vec::new()
            }
            Some(Target::Canvas(at)) => workflow::clicked(model, data, at),
            Some(Target::File(at)) => workflow::file_clicked(model, data, at),
            Some(Target::Tab(at)) => {
                model.tab = Tab::ALL.get(at).copied().unwrap_or(model.tab);
                Vec::new()
            }
            Some(Target::Divider(line)) => {
                model.dragged = Some(line);
                Vec::new()
            }
            Some(Target::Moment(_)) | None => Vec::new(),
        },
        MouseEventKind::ScrollUp => wheel(model, data, hit.as_ref(), Action::Up),
        MouseEventKind::ScrollDown => wheel(model, data, hit.as_ref(), Action::Down),
        MouseEventKind::ScrollLeft => wheel(model, data, hit.as_ref(), Action::Left),
        MouseEventKind::ScrollRight => wheel(model, data, hit.as_ref(), Action::Right),
        MouseEventKind::Up(_) => {
            model.dragged = None;
            Vec::new()
        }
        MouseEventKind::Down(_) | MouseEventKind::Drag(_) | MouseEventKind::Moved => Vec::new(),
    }
}

/// Moves what is under the mouse, or what takes the keys.
fn wheel(model: &mut Model, data: &Data<'_>, hit: Option<&Target>, action: Action) -> Vec<Effect> {
    let is_in =
        matches!(hit, Some(Target::Panel(Panel::Inspector) | Target::Row(Panel::Inspector, _)));
    let is_inspector = is_in && model.overlays.is_empty();
    // On the canvas the wheel moves the picture, not what is selected.
    let action = if model.screen == Screen::Workflow && model.overlays.is_empty() {
        workflow::wheel(action)
    } else {
        action
    };
    let turn = |model: &mut Model| {
        let moved = if is_inspector { inspector::update(model, data, action) } else { None };
        moved.unwrap_or_else(|| act(model, data, action))
    };
    (0..WHEEL_ROWS).flat_map(|_| turn(model)).collect()
}
