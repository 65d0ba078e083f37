//! A list that is found by a few letters: what can be done, where one can go.

use std::cell::Cell;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::keymap::{Action, BINDINGS, Scope};
use super::super::look::Role;
use super::super::model::{Model, Screen};
use super::super::msg::Effect;
use super::super::page::{Page, Panel, Target};
use super::super::pane::agents::kept_in_view;
use super::super::scene::Scene;
use super::super::text::{columns, fit, inert_line, pad};
use super::super::update::{Data, act, select};
use super::super::world::TaskRef;
use super::{Overlay, command};
use crate::base::text::one_line;

/// What a row of the list does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Does {
    /// An action that is possible here.
    Act(Action),
    /// An action that is possible elsewhere only.
    Elsewhere(Scope),
    /// Shows a screen.
    Show(Screen),
    /// Goes to a run or a task.
    Go(TaskRef),
    /// Begins a command line.
    Write(String),
}

/// One row.
#[derive(Debug, Clone)]
pub struct Item {
    /// What it is found by first.
    pub label: String,
    /// More about it.
    pub detail: String,
    /// The key that does the same.
    pub key: String,
    /// What it does.
    pub does: Does,
}

/// A list that is found by a few letters.
#[derive(Debug, Clone, Default)]
pub struct Pick {
    items: Vec<Item>,
    found: Vec<usize>,
    at: usize,
    scroll: Cell<usize>,
}

impl Pick {
    /// All of these.
    pub fn new(items: Vec<Item>) -> Self {
        let found = (0..items.len()).collect();
        Self { items, found, at: 0, scroll: Cell::new(0) }
    }

    /// Keeps what matches, the best first.
    pub fn seek(&mut self, text: &str) {
        self.at = 0;
        self.scroll.set(0);
        let text = text.trim();
        if text.is_empty() {
            self.found = (0..self.items.len()).collect();
            return;
        }
        let pattern = Pattern::parse(text, CaseMatching::Ignore, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut letters = Vec::new();
        let mut scored: Vec<(u32, usize)> = Vec::new();
        for (at, item) in self.items.iter().enumerate() {
            let label =
                pattern.score(Utf32Str::new(&item.label, &mut letters), &mut matcher).unwrap_or(0);
            let whole = format!("{} {}", item.label, item.detail);
            let whole = pattern.score(Utf32Str::new(&whole, &mut letters), &mut matcher);
            if let Some(whole) = whole {
                // What the name says counts more than what is said about it.
                scored.push((whole.max(label * 2), at));
            }
        }
        scored.sort_by_key(|(score, at)| (std::cmp::Reverse(*score), *at));
        self.found = scored.into_iter().map(|(_, at)| at).collect();
    }

    /// Moves the cursor.
    pub fn step(&mut self, by: isize) {
        let last = self.found.len().saturating_sub(1);
        self.at = self.at.saturating_add_signed(by).min(last);
    }

    /// Puts the cursor on a row that is shown.
    pub fn put(&mut self, at: usize) {
        self.at = at.min(self.found.len().saturating_sub(1));
    }

    /// What is under the cursor.
    pub fn chosen(&self) -> Option<&Item> {
        self.items.get(*self.found.get(self.at)?)
    }

    /// How many rows match.
    pub fn count(&self) -> usize {
        self.found.len()
    }

    /// Draws the rows that fit.
    pub fn view(&self, is_marked: bool, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
        let look = scene.look();
        let height = usize::from(area.height);
        let at = is_marked.then_some(self.at);
        let top = kept_in_view(&self.scroll, at.or(Some(0)), self.found.len(), height);
        let shown = self.found.iter().enumerate().skip(top);
        let label = self.found.iter().skip(top).take(height);
        let widest =
            label.map(|found| columns(&self.items[*found].label)).max().unwrap_or(0).clamp(12, 34);
        for ((row, found), place) in shown.zip(area.rows()) {
            let item = &self.items[*found];
            let width = usize::from(place.width);
            let key = columns(&item.key);
            let detail = width.saturating_sub(widest + key + 4);
            let role = match item.does {
                Does::Elsewhere(_) => Role::Dim,
                Does::Act(_) | Does::Show(_) | Does::Go(_) | Does::Write(_) => Role::Strong,
            };
            let spans = vec![
                Span::styled(pad(&inert_line(&item.label, look), widest, look), look.style(role)),
                Span::raw("  "),
                Span::styled(
                    pad(&fit(&inert_line(&item.detail, look), detail, look), detail, look),
                    look.style(Role::Dim),
                ),
                Span::raw("  "),
                Span::styled(item.key.clone(), look.style(Role::Key)),
            ];
            page.spans(place, &Line::from(spans));
            if at == Some(row) {
                page.paint(place, Role::Selected);
            }
            page.hit(place, Target::Row(Panel::Overlay, row));
        }
    }
}

/// What the table of keys offers: first what is possible in these scopes, then the rest.
pub fn actions(model: &Model, scopes: &[Scope]) -> Vec<Item> {
    let item = |action: Action, does: Does, detail: String| Item {
        label: action.name().replace('_', " "),
        detail,
        key: model.key(action),
        does,
    };
    let here: Vec<Action> = model.keys.reachable(scopes).map(|row| row.action).collect();
    let mut items: Vec<Item> = here
        .iter()
        .filter(|action| **action != Action::Palette)
        .map(|action| item(*action, Does::Act(*action), action.binding().help.to_owned()))
        .collect();
    for row in BINDINGS.iter().filter(|row| !here.contains(&row.action)) {
        // Keys of overlays are said where they hold.
        if !matches!(row.scope, Scope::Confirm | Scope::Choose | Scope::Edit) {
            let detail = format!("{} ({})", row.help, row.scope.title());
            items.push(item(row.action, Does::Elsewhere(row.scope), detail));
        }
    }
    items
}

/// Runs and the tasks of those that are followed, the newest run first.
pub fn places(data: &Data<'_>) -> Vec<Item> {
    let mut items = Vec::new();
    for item in &data.world.runs {
        let (goal, status) = match &item.row {
            Ok(row) => (one_line(&row.goal, 100), row.status_words()),
            Err(_) => (String::new(), "cannot be read".to_owned()),
        };
        let target = TaskRef { run: item.number, task: None };
        items.push(Item {
            label: target.name(),
            detail: format!("{status}: {goal}"),
            key: String::new(),
            does: Does::Go(target),
        });
        let tasks = data.world.views.get(&item.number).map(|run| &run.status.tasks);
        for task in tasks.into_iter().flatten() {
            let target = TaskRef { run: item.number, task: Some(task.id.clone()) };
            let why = task.why.clone().or_else(|| task.summary.clone()).unwrap_or_default();
            items.push(Item {
                label: target.name(),
                detail: format!("{} {why}", task.status),
                key: String::new(),
                does: Does::Go(target),
            });
        }
    }
    items
}

/// The screens.
pub fn screens() -> Vec<Item> {
    let screens = Screen::ALL.into_iter().enumerate();
    screens
        .map(|(at, screen)| Item {
            label: screen.title().to_lowercase(),
            detail: "screen".to_owned(),
            key: (at + 1).to_string(),
            does: Does::Show(screen),
        })
        .collect()
}

/// The verbs of the command line.
pub fn verbs(model: &Model) -> Vec<Item> {
    let verbs = model.verbs.iter();
    verbs
        .map(|verb| Item {
            label: format!("crew {}", verb.name),
            detail: verb.about.clone(),
            key: String::new(),
            does: Does::Write(format!("{} ", verb.name)),
        })
        .collect()
}

/// Does what was chosen; the overlay it was chosen in is gone.
pub fn carry_out(model: &mut Model, data: &Data<'_>, does: Does) -> Vec<Effect> {
    match does {
        Does::Act(action) => act(model, data, action),
        Does::Elsewhere(scope) => {
            let place = scope.title().to_lowercase();
            model.complain(format!("that is possible elsewhere: {place}"), data.now);
            Vec::new()
        }
        Does::Show(screen) => {
            let action = match screen {
                Screen::Fleet => Action::Fleet,
                Screen::Inbox => Action::Inbox,
                Screen::Workflow => Action::Workflow,
                Screen::Task => Action::Task,
                Screen::Runs => Action::Runs,
            };
            act(model, data, action)
        }
        Does::Go(target) => {
            go(model, data, target);
            Vec::new()
        }
        Does::Write(line) => {
            let state = command::State::new(&line, model, data);
            model.overlays.push(Overlay::Command(Box::new(state)));
            Vec::new()
        }
    }
}

/// Shows a run or a task.
pub fn go(model: &mut Model, data: &Data<'_>, target: TaskRef) {
    if data.world.item(target.run).is_none() {
        return model.complain(format!("there is no run #{}", target.run), data.now);
    }
    let tasks = data.world.views.get(&target.run);
    if let (Some(run), Some(task)) = (tasks, &target.task)
        && run.task(task).is_none()
    {
        return model.complain(format!("run #{} has no task `{task}`", target.run), data.now);
    }
    model.screen = if target.task.is_some() { Screen::Task } else { Screen::Workflow };
    model.panel = Panel::List;
    select(model, target);
}
