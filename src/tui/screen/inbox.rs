//! Screen 2: everything that waits for a person, and beside it the decision under the cursor.

use std::cell::Cell;
use std::collections::BTreeSet;

use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use super::super::keymap::{Action, Scope};
use super::super::look::Role;
use super::super::model::{Model, Screen};
use super::super::msg::Effect;
use super::super::page::{Page, Panel, Target};
use super::super::pane::agents::kept_in_view;
use super::super::pane::attention::{self, Item, Matter};
use super::super::pane::decision;
use super::super::scene::Scene;
use super::super::text::{columns, inert_line, pad};
use super::super::update::{Data, general, select};
use super::super::want::Want;
use super::super::world::TaskRef;
use crate::base::time::human_ms;

/// Columns from which on the decision stands beside the list.
const BESIDE: u16 = 100;
/// Columns below which there is one panel at a time.
const ONE_PANEL: u16 = 60;
/// Lines of the list above the decision.
const LIST_LINES: u16 = 7;

/// The screen of what waits.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// What is under the cursor.
    pub cursor: Option<Matter>,
    /// Its place in the list, for what comes after it when it is gone.
    pub at: usize,
    /// Only what matches is shown.
    pub filter: String,
    /// First row of the last frame.
    pub scroll: Cell<usize>,
    /// The decision under the cursor.
    pub decision: decision::State,
}

/// Where keys mean something, the innermost first.
pub fn scopes(model: &Model) -> Vec<Scope> {
    if model.panel == Panel::Inspector && model.inbox.cursor.is_some() {
        return vec![Scope::Decision, Scope::Target, Scope::List];
    }
    vec![Scope::Target, Scope::List]
}

/// Panels that can take the keys.
pub fn panels() -> Vec<Panel> {
    vec![Panel::List, Panel::Inspector]
}

/// What it looks at.
pub fn wants(scene: &Scene<'_>, wants: &mut BTreeSet<Want>) {
    if let Some(matter) = &scene.model.inbox.cursor {
        decision::wants(scene, matter, wants);
    }
}

/// Everything that waits and matches the filter.
pub fn items(scene: &Scene<'_>) -> Vec<Item> {
    let mut items = attention::items(scene);
    let filter = scene.model.inbox.filter.trim().to_lowercase();
    items.retain(|item| {
        let text = format!("{} {}", item.title, item.text).to_lowercase();
        filter.split_whitespace().all(|word| text.contains(word))
    });
    items
}

/// The targets of the rows, in their order.
pub fn targets(scene: &Scene<'_>) -> Vec<TaskRef> {
    items(scene).into_iter().map(|item| item.target).collect()
}

/// Puts the cursor on something that waits.
pub fn choose(model: &mut Model, item: &Item) {
    if model.inbox.cursor != Some(item.matter()) {
        model.inbox.cursor = Some(item.matter());
        model.inbox.decision.top.set(0);
    }
    select(model, item.target.clone());
}

/// Puts the cursor on a row.
pub fn choose_row(model: &mut Model, data: &Data<'_>, at: usize) {
    let items = items(&data.scene(model));
    if let Some(item) = items.get(at) {
        model.inbox.at = at;
        choose(model, item);
    }
}

/// Keeps the cursor on something that waits: after it was decided, on what comes next.
pub fn settle(model: &mut Model, data: &Data<'_>) {
    let items = items(&data.scene(model));
    let place = |matter: &Matter| items.iter().position(|item| item.matter() == *matter);
    if let Some(at) = model.inbox.cursor.as_ref().and_then(place) {
        model.inbox.at = at;
        // Another screen may have moved the common cursor.
        return choose(model, &items[at]);
    }
    let before = model.inbox.cursor.take();
    let same_run =
        |item: &Item| before.as_ref().is_some_and(|before| before.run == item.target.run);
    let selected = |item: &Item| before.is_none() && Some(&item.target) == model.selected.as_ref();
    let found = items.iter().position(|item| selected(item) || same_run(item));
    let at = found.unwrap_or_else(|| model.inbox.at.min(items.len().saturating_sub(1)));
    model.inbox.at = at;
    match items.get(at) {
        Some(item) => {
            if found.is_none() && before.is_some() {
                // Whoever looked at the one that is gone has not chosen this one.
                model.panel = Panel::List;
            }
            choose(model, item);
        }
        None => model.panel = Panel::List,
    }
}

/// Goes to the next thing that waits, or takes the focus for the one that is under the cursor.
pub fn next(model: &mut Model, data: &Data<'_>, step: isize) {
    let items = items(&data.scene(model));
    let open: Vec<usize> =
        (0..items.len()).filter(|&at| !decision::is_settled(model, &items[at].matter())).collect();
    if open.is_empty() {
        return model.say("nothing waits for you", data.now);
    }
    let is_here = model.screen == Screen::Inbox;
    let cursor = model.inbox.cursor.as_ref().filter(|_| is_here);
    let now = cursor.and_then(|cursor| open.iter().position(|&at| items[at].matter() == *cursor));
    let next = match now {
        None if step < 0 => open.len() - 1,
        None => 0,
        Some(now) if model.panel == Panel::List => now,
        Some(now) => now.checked_add_signed(step).unwrap_or(open.len() - 1) % open.len(),
    };
    model.screen = Screen::Inbox;
    model.panel = Panel::Inspector;
    model.inbox.at = open[next];
    choose(model, &items[open[next]]);
}

/// What an action does here; nothing when it is not one of this screen's.
pub fn update(model: &mut Model, data: &Data<'_>, action: Action) -> Option<Vec<Effect>> {
    if model.panel != Panel::Inspector {
        let to = moved(model, model.inbox.at, action)?;
        let last = items(&data.scene(model)).len().saturating_sub(1);
        choose_row(model, data, to.min(last));
        return Some(Vec::new());
    }
    if let Some(to) = moved(model, model.inbox.decision.top.get(), action) {
        model.inbox.decision.top.set(to);
        return Some(Vec::new());
    }
    match action {
        Action::Choice1 | Action::Choice2 | Action::Choice3 | Action::Choice4 => {
            let screens = [Action::Fleet, Action::Inbox, Action::Workflow, Action::Task];
            let matter = model.inbox.cursor.as_ref()?;
            let has_choices = decision::row(&data.scene(model), matter)
                .is_some_and(|row| !row.choices.is_empty());
            // Without answers to choose from, a number is what it is everywhere.
            Some(if has_choices {
                decision::act(model, data, action)
            } else {
                general(model, data, screens[decision::choice(action)])
            })
        }
        Action::Approve
        | Action::Deny
        | Action::RequestChanges
        | Action::Suggest
        | Action::Answer => Some(decision::act(model, data, action)),
        _ => None,
    }
}

/// Where a movement leads from a place; nothing for other actions.
fn moved(model: &Model, from: usize, action: Action) -> Option<usize> {
    let page = usize::from(model.size.1).saturating_sub(10).max(1);
    Some(match action {
        Action::Up => from.saturating_sub(1),
        Action::Down => from.saturating_add(1),
        Action::PageUp => from.saturating_sub(page),
        Action::PageDown => from.saturating_add(page),
        Action::Top => 0,
        Action::Bottom => usize::MAX,
        _ => return None,
    })
}

/// Draws the screen.
pub fn view(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let items = items(scene);
    let current = scene.model.inbox.cursor.as_ref();
    let current = items.iter().find(|item| Some(&item.matter()) == current);
    let Some(current) = current else { return list(&items, scene, area, page) };
    let is_in = scene.model.panel == Panel::Inspector;
    if area.width >= BESIDE {
        let [left, right] =
            Layout::horizontal([Constraint::Percentage(36), Constraint::Percentage(64)])
                .areas(area);
        list(&items, scene, left, page);
        decision::view(current, scene, right, page);
    } else if area.width < ONE_PANEL || area.height < 2 * LIST_LINES {
        if is_in {
            decision::view(current, scene, area, page);
        } else {
            list(&items, scene, area, page);
        }
    } else {
        let rows = u16::try_from(items.len()).unwrap_or(u16::MAX).saturating_add(2);
        let [top, bottom] =
            Layout::vertical([Constraint::Length(rows.min(LIST_LINES)), Constraint::Fill(1)])
                .areas(area);
        list(&items, scene, top, page);
        decision::view(current, scene, bottom, page);
    }
}

fn list(items: &[Item], scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let is_focused = scene.model.panel != Panel::Inspector;
    page.hit(area, Target::Panel(Panel::List));
    let inner = page.panel(area, Line::from(format!(" Inbox ({}) ", items.len())), is_focused);
    if items.is_empty() {
        return empty(scene, inner, page);
    }
    let cursor = scene.model.inbox.cursor.as_ref();
    let selected = items.iter().position(|item| Some(&item.matter()) == cursor);
    let top =
        kept_in_view(&scene.model.inbox.scroll, selected, items.len(), usize::from(inner.height));
    let title = items.iter().map(|item| columns(&item.title)).max().unwrap_or(0);
    let title = title.min(usize::from(inner.width).saturating_sub(8));
    for ((at, item), place) in items.iter().enumerate().skip(top).zip(inner.rows()) {
        page.spans(place, &entry(item, title, usize::from(inner.width), scene));
        if Some(at) == selected {
            page.paint(place, if is_focused { Role::Selected } else { Role::Marked });
        }
        page.hit(place, Target::Row(Panel::List, at));
    }
}

fn entry(item: &Item, title: usize, width: usize, scene: &Scene<'_>) -> Line<'static> {
    let look = scene.look();
    let is_settled = decision::is_settled(scene.model, &item.matter());
    let (role, text) = if is_settled {
        (Role::Dim, inert_line("being decided …", look))
    } else {
        (Role::Strong, inert_line(&item.text, look))
    };
    let passed = scene.now.since_ms(item.since);
    let age = match passed / 1_000 {
        0 => "now".to_owned(),
        seconds @ 1..60 => format!("{seconds}s"),
        seconds => human_ms(seconds * 1_000),
    };
    let age = age.split(' ').next().unwrap_or_default();
    let rest = width.saturating_sub(title + 9);
    // A few letters of it would tell nothing.
    let text = if rest < 12 && !is_settled { String::new() } else { text };
    Line::from(vec![
        Span::styled(format!("{} ", look.glyph(item.class)), look.class(item.class)),
        Span::styled(pad(&inert_line(&item.title, look), title, look), look.style(role)),
        Span::styled(format!(" {age:>4}  "), look.style(Role::Dim)),
        Span::styled(pad(&text, rest, look), look.style(Role::Dim)),
    ])
}

/// Nothing waits: that is good news, and what runs is told.
fn empty(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let live =
        scene.world.views.values().filter(|run| !run.status.run.status.is_terminal()).count();
    let runs = match live {
        0 => "No run is under way.".to_owned(),
        1 => "One run goes on; what it asks appears here.".to_owned(),
        many => format!("{many} runs go on; what they ask appears here."),
    };
    let lines = [
        Line::styled("Nothing waits for you.", look.style(Role::Strong)),
        Line::styled(runs, look.style(Role::Dim)),
    ];
    page.lines(area, &lines);
}
