//! Screen 4: the task under the cursor, full size.

use std::collections::BTreeSet;

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::keymap::{Action, Scope};
use super::super::look::Role;
use super::super::model::{Model, Screen};
use super::super::msg::Effect;
use super::super::page::{Page, Panel};
use super::super::pane::agents::clock;
use super::super::pane::chrome::{heartbeat, short};
use super::super::pane::inspector;
use super::super::scene::Scene;
use super::super::text::{columns, inert_line};
use super::super::want::{AttemptFacts, Want};
use super::super::world::{RunView, TaskRef};
use crate::event::status::word;
use crate::snapshot::TaskRow;

/// Lines of the screen from which on all of the head is shown.
const ALL_FROM: u16 = 18;
/// Lines of the screen from which on a part of it is shown.
const SOME_FROM: u16 = 12;

/// The screen of one task.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Where one came from, and the part that had the keys there.
    from: Option<(Screen, Panel)>,
}

/// Goes to the task or run under the cursor in full size.
pub fn enter(model: &mut Model) {
    if model.screen != Screen::Task {
        model.task.from = Some((model.screen, model.panel));
        model.screen = Screen::Task;
    }
    model.panel = Panel::List;
}

/// Forgets where one came from: the screen was chosen by its own key.
pub fn forget(model: &mut Model) {
    model.task.from = None;
}

/// Goes back to where one came from.
pub fn leave(model: &mut Model) {
    (model.screen, model.panel) = model.task.from.take().unwrap_or((Screen::Fleet, Panel::List));
}

/// Where keys mean something, the innermost first.
pub fn scopes(model: &Model) -> Vec<Scope> {
    inspector::scopes(model)
}

/// What it looks at.
pub fn wants(scene: &Scene<'_>, wants: &mut BTreeSet<Want>) {
    inspector::wants(scene, wants);
    if let Some((run, task)) = scene.selected_task()
        && let Some(attempt) = inspector::attempt(scene, run, task)
    {
        wants.insert(Want::Attempt(attempt));
    }
}

/// What an action does here; nothing when it is not one of this screen's.
pub fn update(model: &mut Model, rows: &[TaskRef], action: Action) -> Option<Vec<Effect>> {
    super::fleet::update(model, rows, action)
}

/// Draws the screen.
pub fn view(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let Some((run, task)) = scene.selected_task() else {
        return inspector::view(scene, area, page);
    };
    let most = match area.height {
        ALL_FROM.. => usize::MAX,
        SOME_FROM.. => 2,
        _ => 0,
    };
    let mut head = lines(scene, run, task, usize::from(area.width));
    head.truncate(most);
    let height = u16::try_from(head.len()).unwrap_or(0);
    page.lines(Rect { height, ..area }, &head);
    let rest = Rect { y: area.y + height, height: area.height - height, ..area };
    inspector::view(scene, rest, page);
}

/// What is known of the task and of the attempt that is looked at.
fn lines(scene: &Scene<'_>, run: &RunView, task: &TaskRow, width: usize) -> Vec<Line<'static>> {
    let none = AttemptFacts::default();
    let attempt = inspector::attempt(scene, run, task);
    let facts = attempt.and_then(|attempt| scene.loads.attempt(&attempt)).unwrap_or(&none);
    let mut lines = packed(stands(scene, run, task), scene, width);
    lines.extend(packed(program(scene, task, facts), scene, width));
    lines.extend(packed(used(scene, run, task), scene, width));
    if let Some(ended) = &facts.ended {
        let look = scene.look();
        let text = inert_line(ended, look);
        lines.push(Line::styled(format!(" {text}"), look.style(Role::Dim)));
    }
    lines
}

/// One fact: its label, if it needs one, and its words.
type Fact = (&'static str, Vec<Span<'static>>);

/// Facts in lines, as many in each as fit.
fn packed(facts: Vec<Fact>, scene: &Scene<'_>, width: usize) -> Vec<Line<'static>> {
    let look = scene.look();
    let mut lines = Vec::new();
    let mut line: Vec<Span<'static>> = Vec::new();
    let mut used = 0;
    for (label, words) in facts {
        let label = if label.is_empty() { String::new() } else { format!("{label} ") };
        let wide = columns(&label) + words.iter().map(|span| columns(&span.content)).sum::<usize>();
        if used > 0 && used + 3 + wide > width {
            lines.push(Line::from(std::mem::take(&mut line)));
            used = 0;
        }
        let gap = if used == 0 { 1 } else { 3 };
        line.push(Span::raw(" ".repeat(gap)));
        line.push(Span::styled(label, look.style(Role::Dim)));
        line.extend(words);
        used += gap + wide;
    }
    if !line.is_empty() {
        lines.push(Line::from(line));
    }
    lines
}

/// Where the task stands.
fn stands(scene: &Scene<'_>, run: &RunView, task: &TaskRow) -> Vec<Fact> {
    let look = scene.look();
    let class = look.class(task.class);
    let state = format!("{} {}", look.glyph(task.class), task.status.replace('_', " "));
    let mut facts: Vec<Fact> = vec![
        ("", vec![Span::styled(inert_line(&task.id.to_string(), look), look.style(Role::Accent))]),
        ("", vec![Span::styled(state, class)]),
    ];
    let steps = &run.plan.steps;
    if let Some(at) = steps.iter().position(|step| step.id == task.step) {
        facts.push(("step", vec![Span::raw(format!("{}/{}", at + 1, steps.len()))]));
    }
    let number = scene.model.inspector.number(task);
    if number > 0 {
        let mut words = vec![Span::raw(format!("{number}/{}", task.attempt))];
        if task.attempt > 1 {
            let keys = [Action::EarlierAttempt, Action::LaterAttempt];
            let keys = keys.map(|action| scene.model.key(action)).join(" ");
            words.push(Span::styled(format!(" {keys}"), look.style(Role::Key)));
        }
        facts.push(("attempt", words));
    }
    if let Some(why) = &task.why {
        facts.push(("", vec![Span::styled(inert_line(why, look), look.style(Role::Dim))]));
    }
    facts
}

/// What plays it.
fn program(scene: &Scene<'_>, task: &TaskRow, facts: &AttemptFacts) -> Vec<Fact> {
    let look = scene.look();
    let plain = |text: &str| vec![Span::raw(inert_line(text, look))];
    let is_last = scene.model.inspector.number(task) == task.attempt;
    let mut all: Vec<Fact> = Vec::new();
    let runtime = if is_last { task.runtime.as_deref() } else { Some(facts.runtime.as_str()) };
    match runtime.filter(|runtime| !runtime.is_empty()) {
        Some(runtime) => all.push(("agent", plain(runtime))),
        None => all.push(("", plain("a command"))),
    }
    let used = task.model_used.as_deref().filter(|_| is_last);
    let asked = task.model_asked.as_deref().or(task.model.as_deref()).filter(|_| is_last);
    if let Some(model) = used.or(asked).or(facts.model.as_deref()) {
        let mut words = plain(model);
        if let Some(why) = task.model_why.as_deref().filter(|_| is_last) {
            let why = format!(" ({})", inert_line(why, look));
            words.push(Span::styled(why, look.style(Role::Dim)));
        }
        all.push(("model", words));
    }
    if let Some(started) = &facts.started {
        all.push(("transport", plain(started.transport)));
        if let Some(account) = started.account() {
            all.push(("account", plain(&account)));
        }
        if let Some(level) = started.permission {
            all.push(("permission", plain(&level.to_string())));
        }
    }
    all
}

/// What it used, and where it works.
fn used(scene: &Scene<'_>, run: &RunView, task: &TaskRow) -> Vec<Fact> {
    let look = scene.look();
    let plain = |text: String| vec![Span::raw(inert_line(&text, look))];
    let mut all: Vec<Fact> = Vec::new();
    let passed = if task.heartbeat.is_some() { scene.passed_ms(run) } else { 0 };
    if task.active_ms + passed > 0 {
        all.push(("time", plain(clock(task.active_ms + passed))));
    }
    let usage = &task.usage;
    let cost = usage.cost();
    if !cost.is_empty() {
        all.push(("cost", plain(cost)));
    }
    if usage.input_tokens + usage.output_tokens + usage.cache_tokens > 0 {
        let text = format!(
            "{} in, {} out, {} cached",
            short(usage.input_tokens),
            short(usage.output_tokens),
            short(usage.cache_tokens)
        );
        all.push(("tokens", plain(text)));
    }
    if let Some(level) = task.heartbeat {
        let class = heartbeat(level);
        let word = word(&level);
        let mut words =
            vec![Span::styled(format!("{} {word}", look.glyph(class)), look.class(class))];
        if let Some(at) = task.output_at {
            let text = format!(", printed {} ago", scene.age(at));
            words.push(Span::styled(text, look.style(Role::Dim)));
        }
        all.push(("heartbeat", words));
    }
    let worktree = &run.status.run.worktree;
    if let Some(branch) = task.branch.as_deref().or(worktree.branch.as_deref()) {
        all.push(("branch", plain(branch.to_owned())));
    }
    if let Some(path) = &worktree.path {
        let path = path.strip_prefix(&scene.world.root).unwrap_or(path);
        let path = inert_line(path.as_str(), look);
        all.push(("worktree", vec![Span::styled(path, look.style(Role::Code))]));
    }
    all
}
