//! What shows the thing under the cursor: its head, and one tab.

mod act;
mod past;

use std::collections::BTreeSet;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::keymap::Scope;
use super::super::look::Role;
use super::super::model::{Model, Screen, Tab};
use super::super::msg::Effect;
use super::super::page::{Page, Panel, Target};
use super::super::scene::Scene;
use super::super::text::{columns, fit, inert, inert_line, wrap};
use super::super::update::Data;
use super::super::want::{AttemptRef, Source, Want};
use super::super::world::{RunView, TaskRef};
use super::scroll::Scroll;
use super::transcript::{self, Search, Shown};
use super::{diff, gates, mail, prompt, why};
use crate::base::Time;
use crate::client::pager;
use crate::snapshot::{Class, TaskRow};

pub use act::{clicked, update};

/// Lines of standard error below the transcript of an attempt that failed.
const ERROR_LINES: u16 = 4;

/// Columns from which on there is a blank between text and frame.
const MARGIN_FROM: u16 = 46;

/// Where one is in the thing under the cursor.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// What it is; everything else begins anew with another thing.
    of: Option<TaskRef>,
    /// The attempt that is looked at; absent for the last one.
    attempt: Option<u32>,
    log: transcript::State,
    mail: mail::State,
    gates: Scroll,
    prompt: Scroll,
    why: Scroll,
    kept: prompt::Kept,
}

impl State {
    /// Number of the attempt of a task that is looked at; 0 when none was started.
    pub fn number(&self, task: &TaskRow) -> u32 {
        self.attempt.map_or(task.attempt, |chosen| chosen.clamp(1, task.attempt.max(1)))
    }
}

/// Where keys mean something in it, the innermost first.
pub fn scopes(model: &Model) -> Vec<Scope> {
    let state = &model.inspector;
    if model.tab == Tab::Log && state.log.search.as_ref().is_some_and(|search| search.is_typed) {
        return vec![Scope::Find];
    }
    let tab = match model.tab {
        Tab::Log => Some(Scope::Transcript),
        Tab::Diff => Some(Scope::Diff),
        Tab::Mail => Some(Scope::Mail),
        Tab::Gates | Tab::Prompt | Tab::Why => None,
    };
    tab.into_iter().chain([Scope::Inspector, Scope::Target, Scope::List]).collect()
}

/// What it looks at.
pub fn wants(scene: &Scene<'_>, wants: &mut BTreeSet<Want>) {
    diff::wants(scene, wants);
    let Some((run, task)) = scene.selected_task() else { return };
    let state = &scene.model.inspector;
    let Some(attempt) = attempt(scene, run, task) else { return };
    match scene.model.tab {
        Tab::Log => {
            let source = Source { attempt: attempt.clone(), reading: state.log.reading() };
            if let Some(text) = state.log.needle() {
                wants.insert(Want::Found { source: source.clone(), text: text.to_owned() });
            }
            wants.insert(Want::Transcript { source, anchor: state.log.anchor() });
            wants.insert(Want::Attempt(attempt));
        }
        Tab::Prompt => {
            let AttemptRef { run, task, number, .. } = attempt;
            wants.insert(Want::Prompt { run, task, attempt: number });
        }
        Tab::Diff | Tab::Mail | Tab::Gates | Tab::Why => {}
    }
}

/// The attempt that is looked at; none before the first one.
pub fn attempt(scene: &Scene<'_>, run: &RunView, task: &TaskRow) -> Option<AttemptRef> {
    let number = scene.model.inspector.number(task);
    let is_last = number == task.attempt;
    (number > 0).then(|| AttemptRef {
        run: run.number(),
        task: task.id.clone(),
        number,
        runtime: is_last.then(|| task.runtime.clone().unwrap_or_default()),
    })
}

/// Begins anew when something else is under the cursor; goes to what a search found.
pub fn settle(model: &mut Model, data: &Data<'_>) {
    if model.inspector.of != model.selected {
        let log = model.inspector.log.anew();
        model.inspector = State { of: model.selected.clone(), log, ..State::default() };
    }
    let is_new = model.inspector.log.search.as_ref().is_some_and(|search| search.hit.is_none());
    if is_new
        && let Some(text) = model.inspector.log.needle()
        && let Some(source) = source(&data.scene(model))
        && let Some(hits) = data.loads.hits(&source, text)
    {
        model.inspector.log.next_hit(hits, true);
    }
}

/// Gives a key to the search that is typed; nothing when none is, or the key is not text.
pub fn typed(model: &mut Model, key: KeyEvent) -> Option<Vec<Effect>> {
    let search = typing(model)?;
    match key.code {
        KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => search.text.clear(),
        KeyCode::Char(c)
            if !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) =>
        {
            search.text.push(c);
        }
        KeyCode::Backspace => drop(search.text.pop()),
        _ => return None,
    }
    Some(Vec::new())
}

/// Gives pasted text to the search that is typed; whether one is.
pub fn pasted(model: &mut Model, text: &str) -> bool {
    let Some(search) = typing(model) else { return false };
    search.text.push_str(text.lines().next().unwrap_or_default());
    true
}

/// The search that is typed.
fn typing(model: &mut Model) -> Option<&mut Search> {
    if !is_inspecting(model) || !model.overlays.is_empty() || model.tab != Tab::Log {
        return None;
    }
    model.inspector.log.search.as_mut().filter(|search| search.is_typed)
}

/// Whether the inspector takes the keys.
pub fn is_inspecting(model: &Model) -> bool {
    match model.screen {
        Screen::Task => true,
        Screen::Fleet | Screen::Workflow => model.panel == Panel::Inspector,
        Screen::Inbox | Screen::Runs => false,
    }
}

fn source(scene: &Scene<'_>) -> Option<Source> {
    source_of(scene, scene.model.inspector.log.reading())
}

fn source_of(scene: &Scene<'_>, reading: pager::Reading) -> Option<Source> {
    let (run, task) = scene.selected_task()?;
    Some(Source { attempt: attempt(scene, run, task)?, reading })
}

/// Gives what the transcript shows; nothing while it is not there.
fn with_shown<T>(
    scene: &Scene<'_>,
    reading: pager::Reading,
    take: impl FnOnce(&Shown<'_>) -> T,
) -> Option<T> {
    let (run, task) = scene.selected_task()?;
    let source = source_of(scene, reading)?;
    let empty = pager::Page::default();
    let page = match scene.loads.transcript(&source) {
        Some(Ok(page)) => page,
        Some(Err(_)) | None => &empty,
    };
    let until = replayed(scene, run);
    let past = until.map(|until| past::page(page, until));
    let needle = scene.model.inspector.log.needle();
    let root = run.status.run.worktree.path.as_ref();
    Some(take(&Shown {
        page: past.as_ref().unwrap_or(page),
        until,
        hits: needle.and_then(|text| scene.loads.hits(&source, text)),
        look: scene.look(),
        zone: scene.zone,
        now: scene.now,
        is_live: is_live(scene, task),
        root: root.map_or("", |root| root.as_str()),
    }))
}

/// Whether the attempt that is looked at goes on.
pub fn is_live(scene: &Scene<'_>, task: &TaskRow) -> bool {
    let is_last = scene.model.inspector.number(task) == task.attempt;
    is_last && task.heartbeat.is_some() && scene.model.replay.is_none()
}

/// The moment of the run that is replayed.
fn replayed(scene: &Scene<'_>, run: &RunView) -> Option<Time> {
    let replay = scene.model.replay.as_ref()?;
    (replay.run == run.number() && replay.seq.is_some()).then(|| scene.moment(run))
}

/// Draws the frame with the tabs, and what is in it.
pub fn view(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let is_focused = is_inspecting(scene.model);
    page.hit(area, Target::Panel(Panel::Inspector));
    let inner = page.panel(area, Line::default(), is_focused);
    let taken = tabs(scene, area, page);
    title(scene, area, taken, page);
    // Text that touches the frame is hard to read.
    let margin = u16::from(inner.width >= MARGIN_FROM);
    let inner = Rect { x: inner.x + margin, width: inner.width - 2 * margin, ..inner };
    body(scene, inner, page);
}

/// The tab's content.
pub fn body(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let state = &scene.model.inspector;
    let width = usize::from(area.width);
    let Some(run) = scene.selected_run() else {
        return page.line(area, "nothing is selected", look.style(Role::Dim));
    };
    let task = scene.selected_task().map(|(_, task)| task);
    let explained = task.and_then(|task| run.whys.get(&task.id)).unwrap_or(&run.why);
    match (scene.model.tab, task) {
        (Tab::Diff, _) => diff::view(scene, area, page),
        (Tab::Mail, _) => {
            let task = task.map(|task| &task.id);
            mail::view(&state.mail, &run.messages, task, scene, area, page);
        }
        (Tab::Gates, _) => {
            state.gates.view(&gates::lines(&run.status.gates, scene, width), area, page);
        }
        (Tab::Why, _) | (_, None) => {
            state.why.view(&why::lines(explained, scene, width), area, page);
        }
        (_, Some(task)) if state.number(task) == 0 => {
            let mut lines = vec![Line::styled("no attempt was started yet", look.style(Role::Dim))];
            lines.push(Line::default());
            lines.extend(why::lines(explained, scene, width));
            state.why.view(&lines, area, page);
        }
        (Tab::Log, Some(task)) => transcribed(scene, run, task, area, page),
        (Tab::Prompt, Some(task)) => prompted(scene, run, task, area, page),
    }
}

fn transcribed(scene: &Scene<'_>, run: &RunView, task: &TaskRow, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let state = &scene.model.inspector;
    let Some(source) = source(scene) else { return };
    match scene.loads.transcript(&source) {
        Some(Err(error)) => {
            let span = Span::styled(inert(error, look), look.class(Class::Failed));
            return page.lines(area, &wrap(vec![span], usize::from(area.width), 0));
        }
        None => return page.line(area, "reading", look.style(Role::Faint)),
        Some(Ok(_)) => {}
    }
    let facts = attempt(scene, run, task).and_then(|attempt| scene.loads.attempt(&attempt));
    let errors = facts.map_or("", |facts| facts.errors.as_str());
    let is_told = !errors.is_empty() && !is_live(scene, task) && task.class == Class::Failed;
    let below = if is_told && area.height > 3 * ERROR_LINES { ERROR_LINES } else { 0 };
    let body = Rect { height: area.height - below, ..area };
    with_shown(scene, source.reading, |shown| {
        transcript::view(&state.log, shown, body, page.buf);
    });
    for (at, row) in body.rows().enumerate() {
        page.hit(row, Target::Row(Panel::Inspector, at));
    }
    if below > 0 {
        let place = Rect { y: body.bottom(), height: below, ..area };
        failed(errors, scene, place, page);
    }
}

/// The end of standard error.
fn failed(errors: &str, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let rule = look.sign("─", "-").repeat(usize::from(area.width));
    page.line(area, &rule, look.style(Role::Border));
    page.line(area, "standard error ", look.style(Role::Dim));
    let room = usize::from(area.height - 1);
    let lines: Vec<&str> = errors.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(room)..];
    for (line, place) in last.iter().zip(area.rows().skip(1)) {
        page.line(place, &inert_line(line, look), look.class(Class::Failed));
    }
}

fn prompted(scene: &Scene<'_>, run: &RunView, task: &TaskRow, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let state = &scene.model.inspector;
    let attempt = state.number(task);
    let want = Want::Prompt { run: run.number(), task: task.id.clone(), attempt };
    match scene.loads.text(&want) {
        Some(Ok(text)) => {
            let lines = state.kept.lines(text, usize::from(area.width), look);
            state.prompt.view(&lines, area, page);
        }
        Some(Err(_)) if task.runtime.is_none() => {
            page.line(area, "a command has no prompt", look.style(Role::Dim));
        }
        Some(Err(error)) => {
            let span = Span::styled(inert(error, look), look.class(Class::Failed));
            page.lines(area, &wrap(vec![span], usize::from(area.width), 0));
        }
        None => page.line(area, "reading", look.style(Role::Faint)),
    }
}

/// What the thing is, at the left end of the frame; `taken` columns are not free.
fn title(scene: &Scene<'_>, area: Rect, taken: u16, page: &mut Page<'_>) {
    let look = scene.look();
    let dot = look.sign(" · ", " - ");
    let mut parts: Vec<String> = Vec::new();
    if let Some((_, task)) = scene.selected_task() {
        parts.push(task.id.to_string());
        parts.extend(task.runtime.clone());
        let number = scene.model.inspector.number(task);
        if number > 0 && number < task.attempt {
            parts.push(format!("attempt {number} of {}", task.attempt));
        } else if number > 0 {
            parts.push(format!("attempt {number}"));
        }
    } else if let Some(run) = scene.selected_run() {
        parts.push(format!("{} {}", run.status.run.reference, run.status.run.slug));
    }
    let room = area.width.saturating_sub(taken + 4);
    if parts.is_empty() || room < 4 || area.height == 0 {
        return;
    }
    let room = usize::from(room);
    let whole = |parts: &[String]| inert_line(&parts.join(dot), look);
    while parts.len() > 1 && columns(&whole(&parts)) > room {
        // The name counts most, then the attempt.
        parts.remove(1);
    }
    let text = format!(" {} ", fit(&whole(&parts), room, look));
    let place = Rect { x: area.x + 1, width: area.width - 2, height: 1, ..area };
    page.line(place, &text, look.style(Role::Strong));
}

/// The tabs at the right end of the frame, as far as there is room; returns the columns they take.
fn tabs(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) -> u16 {
    let look = scene.look();
    // The one that is shown stands in brackets.
    let long: u16 = Tab::ALL.iter().map(|tab| wide(tab.title()) + 1).sum::<u16>() + 2;
    let now = scene.model.tab;
    if area.height == 0 || area.width < 12 {
        return 0;
    }
    if area.width < long + 18 {
        // Only the one that is shown, and that there are others.
        let text = format!(" {} {} ", look.sign("‹ ›", "< >"), now.title());
        let width = wide(&text).min(area.width);
        let place = Rect { x: area.right() - 1 - width, width, height: 1, ..area };
        page.line(place, &text, look.style(Role::Accent));
        return width;
    }
    let mut x = area.right() - 1 - long - 1;
    let taken = long + 1;
    page.line(Rect { x, width: 1, height: 1, ..area }, " ", look.style(Role::Text));
    x += 1;
    for (at, tab) in Tab::ALL.into_iter().enumerate() {
        let (text, role) = if tab == now {
            (format!("[{}]", tab.title()), Role::Accent)
        } else {
            (tab.title().to_owned(), Role::Dim)
        };
        let width = wide(&text);
        let place = Rect { x, y: area.y, width: width + 1, height: 1 };
        page.line(place, &format!("{text} "), look.style(role));
        page.hit(place, Target::Tab(at));
        x += width + 1;
    }
    taken
}

fn wide(text: &str) -> u16 {
    u16::try_from(columns(text)).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests;
