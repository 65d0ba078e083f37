//! Screen 5: all runs, sorted and filtered; only the rows that are seen are made.

pub mod projects;

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::collections::BTreeSet;

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::keymap::{Action, Scope};
use super::super::look::Role;
use super::super::model::Model;
use super::super::msg::Effect;
use super::super::overlay::filter::matches;
use super::super::page::{Page, Panel, Target};
use super::super::pane::agents::{clock, kept_in_view};
use super::super::pane::chrome::short;
use super::super::scene::Scene;
use super::super::text::{columns, inert_line, pad};
use super::super::update::Data;
use super::super::want::Want;
use super::super::world::{RunItem, TaskRef};
use crate::base::Time;
use crate::base::time::human_ms;
use crate::snapshot::RunRow;

/// Columns from which on team and workflow, tokens and cycles are shown.
const WIDE: u16 = 130;
/// Columns from which on time, cost and age are shown.
const MIDDLE: u16 = 70;

/// What the runs are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names on the screen")]
pub enum SortBy {
    #[default]
    Newest,
    Attention,
    Activity,
    Time,
    Cost,
    Tokens,
    Goal,
}

impl SortBy {
    const ALL: [Self; 7] = [
        Self::Newest,
        Self::Attention,
        Self::Activity,
        Self::Time,
        Self::Cost,
        Self::Tokens,
        Self::Goal,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Attention => "attention",
            Self::Activity => "last activity",
            Self::Time => "time",
            Self::Cost => "cost",
            Self::Tokens => "tokens",
            Self::Goal => "goal",
        }
    }

    fn next(self) -> Self {
        let at = Self::ALL.iter().position(|one| *one == self).unwrap_or(0);
        Self::ALL[(at + 1) % Self::ALL.len()]
    }

    /// The larger, later or more urgent first; equals stay in the order of their numbers.
    fn compare(self, a: &RunItem, b: &RunItem) -> Ordering {
        if self == Self::Attention {
            return a.class().cmp(&b.class());
        }
        let (a, b) = match (&a.row, &b.row) {
            (Ok(a), Ok(b)) => (a, b),
            (a, b) => return a.is_err().cmp(&b.is_err()),
        };
        let cost = |row: &RunRow| row.usage.cost_usd.unwrap_or(0.0);
        match self {
            Self::Newest | Self::Attention => Ordering::Equal,
            Self::Activity => b.updated_at.cmp(&a.updated_at),
            Self::Time => b.active_ms.cmp(&a.active_ms),
            Self::Cost => cost(b).total_cmp(&cost(a)),
            Self::Tokens => tokens(b).cmp(&tokens(a)),
            Self::Goal => a.goal.cmp(&b.goal),
        }
    }
}

/// For what the order of the rows was made.
type OrderKey = (Time, usize, SortBy, String);

/// The screen of all runs.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Only runs that match are shown.
    pub filter: String,
    /// What they are sorted by.
    pub sort: SortBy,
    /// The runs of all projects.
    pub projects: projects::State,
    /// First row of the last frame.
    pub scroll: Cell<usize>,
    /// The rows in their order, made anew when the runs, the filter or the sorting change.
    order: RefCell<Option<(OrderKey, Vec<usize>)>>,
}

/// Where keys mean something, the innermost first.
pub fn scopes(model: &Model) -> Vec<Scope> {
    if model.runs.projects.is_elsewhere {
        return vec![Scope::Runs, Scope::List];
    }
    vec![Scope::Runs, Scope::Target, Scope::List]
}

/// What it looks at.
pub fn wants(scene: &Scene<'_>, wants: &mut BTreeSet<Want>) {
    projects::wants(scene, wants);
}

/// The targets of the rows, in their order.
pub fn targets(scene: &Scene<'_>) -> Vec<TaskRef> {
    with_order(scene, |order| {
        let runs = order.iter().filter_map(|at| scene.world.runs.get(*at));
        runs.map(|item| TaskRef { run: item.number, task: None }).collect()
    })
}

/// What an action does here; nothing when it is not one of this screen's.
pub fn update(
    model: &mut Model,
    data: &Data<'_>,
    rows: &[TaskRef],
    action: Action,
) -> Option<Vec<Effect>> {
    if let Some(effects) = projects::update(model, data, action) {
        return Some(effects);
    }
    match action {
        Action::Sort => {
            model.runs.sort = model.runs.sort.next();
            Some(Vec::new())
        }
        _ => super::super::update::move_in(model, rows, action),
    }
}

fn with_order<T>(scene: &Scene<'_>, does: impl FnOnce(&[usize]) -> T) -> T {
    let state = &scene.model.runs;
    let runs = &scene.world.runs;
    let key = (scene.world.now, runs.len(), state.sort, state.filter.clone());
    let mut order = state.order.borrow_mut();
    let rows = match order.take() {
        Some((known, rows)) if known == key => rows,
        Some(_) | None => {
            let is_shown = |item: &RunItem| {
                state.filter.trim().is_empty() || matches(&state.filter, &text_of(item))
            };
            let mut rows: Vec<usize> = (0..runs.len()).filter(|at| is_shown(&runs[*at])).collect();
            rows.sort_by(|a, b| state.sort.compare(&runs[*a], &runs[*b]));
            rows
        }
    };
    let result = does(&rows);
    *order = Some((key, rows));
    result
}

/// What a filter looks into.
fn text_of(item: &RunItem) -> String {
    let text = match &item.row {
        Ok(row) => format!(
            "#{} {} {} {} {} {}",
            row.number,
            row.status_words(),
            row.goal,
            row.team,
            row.workflow,
            row.worktree.branch.as_deref().unwrap_or_default()
        ),
        Err(why) => format!("#{} cannot be read {why}", item.number),
    };
    text.to_lowercase()
}

/// Draws the frame of a list of runs, which tells its filter and its order; what is inside of it.
fn framed(title: String, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) -> Rect {
    let (look, state) = (scene.look(), &scene.model.runs);
    let mut title = vec![Span::raw(title)];
    if !state.filter.is_empty() {
        title.push(Span::styled(format!("/{} ", state.filter), look.style(Role::Found)));
    }
    title.push(Span::styled(format!("by {} ", state.sort.word()), look.style(Role::Dim)));
    page.hit(area, Target::Panel(Panel::List));
    page.panel(area, Line::from(title), true)
}

/// Draws the screen.
pub fn view(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    if scene.model.runs.projects.is_shown {
        return projects::view(scene, area, page);
    }
    let look = scene.look();
    let state = &scene.model.runs;
    with_order(scene, |order| {
        let all = scene.world.runs.len();
        let count =
            if order.len() == all { all.to_string() } else { format!("{} of {all}", order.len()) };
        let inner = framed(format!(" Runs ({count}) "), scene, area, page);
        if inner.height == 0 {
            return;
        }
        if order.is_empty() {
            return page.line(inner, nothing(scene), look.style(Role::Dim));
        }
        let cells = Cells::of(inner.width);
        page.line(Rect { height: 1, ..inner }, &cells.head(scene), look.style(Role::Dim));
        let body = Rect { y: inner.y + 1, height: inner.height - 1, ..inner };
        let number = scene.selected().map(|selected| selected.run);
        let runs = &scene.world.runs;
        let selected = order.iter().position(|at| Some(runs[*at].number) == number);
        let top = kept_in_view(&state.scroll, selected, order.len(), usize::from(body.height));
        for ((row, at), place) in order.iter().enumerate().skip(top).zip(body.rows()) {
            page.spans(place, &cells.row(&runs[*at], scene));
            if Some(row) == selected {
                page.paint(place, Role::Selected);
            }
            page.hit(place, Target::Row(Panel::List, row));
        }
    });
}

fn nothing(scene: &Scene<'_>) -> &'static str {
    match (scene.world.is_read, scene.world.runs.is_empty()) {
        (false, _) => "reading",
        (true, true) => "There is no run yet.",
        (true, false) => "No run matches the filter; esc shows all.",
    }
}

/// Which columns there is room for.
struct Cells {
    goal: usize,
    is_middle: bool,
    is_wide: bool,
}

impl Cells {
    const STATUS: usize = 20;
    const PLAN: usize = 22;

    fn of(width: u16) -> Self {
        let (is_middle, is_wide) = (width >= MIDDLE, width >= WIDE);
        // Tag, sign, number and status; time, cost and age; plan, tokens and cycles.
        let fixed = 9
            + Self::STATUS
            + if is_middle { 7 + 8 + 6 } else { 0 }
            + if is_wide { 1 + Self::PLAN + 8 + 7 + 7 } else { 0 };
        Self { goal: usize::from(width).saturating_sub(fixed + 1), is_middle, is_wide }
    }

    fn head(&self, scene: &Scene<'_>) -> String {
        let look = scene.look();
        let mut text = format!("  {} {} ", pad("run", 5, look), pad("status", Self::STATUS, look));
        text.push_str(&pad("goal", self.goal, look));
        if self.is_wide {
            text.push(' ');
            text.push_str(&pad("team / workflow", Self::PLAN, look));
            text.push_str("  tasks cycles  tokens");
        }
        if self.is_middle {
            text.push_str("   time       $   ago");
        }
        text
    }

    fn row(&self, item: &RunItem, scene: &Scene<'_>) -> Line<'static> {
        let look = scene.look();
        let class = item.class();
        let style = look.class(class);
        let target = TaskRef { run: item.number, task: None };
        let tag = if scene.model.tagged.contains(&target) { look.sign("◆", "#") } else { " " };
        let (status, goal) = match &item.row {
            Ok(_) if item.damage.is_some() => {
                ("damaged".to_owned(), item.damage.clone().unwrap_or_default())
            }
            Ok(row) => (row.status_words(), row.goal.clone()),
            Err(why) => ("cannot be read".to_owned(), why.clone()),
        };
        let number = format!("#{}", item.number);
        let mut spans = vec![
            Span::styled(tag, look.style(Role::Accent)),
            Span::styled(format!("{} ", look.glyph(class)), style),
            Span::styled(format!("{} ", pad(&number, 5, look)), look.style(Role::Strong)),
            Span::styled(format!("{} ", pad(&status, Self::STATUS, look)), style),
            Span::raw(pad(&inert_line(&goal, look), self.goal, look)),
        ];
        let Ok(row) = &item.row else { return Line::from(spans) };
        let dim = look.style(Role::Dim);
        if self.is_wide {
            let plan = inert_line(&format!("{} / {}", row.team, row.workflow), look);
            spans.push(Span::styled(format!(" {}", pad(&plan, Self::PLAN, look)), dim));
            let tasks = format!("{}/{}", row.progress.done, row.progress.tasks);
            let cycles = format!("{}/{}", row.cycles, row.max_iterations);
            let tokens = if tokens(row) > 0 { short(tokens(row)) } else { String::new() };
            spans.push(Span::raw(format!("{tasks:>7}")));
            spans.push(Span::styled(format!("{cycles:>7}{tokens:>8}"), dim));
        }
        if self.is_middle {
            let time = if row.active_ms > 0 { clock(row.active_ms) } else { String::new() };
            let age = age(scene.now.since_ms(row.updated_at));
            spans.push(Span::raw(format!("{time:>7}{:>8}", cost(row))));
            spans.push(Span::styled(format!("{age:>6}"), dim));
        }
        Line::from(spans)
    }
}

/// Tokens, in and out.
pub fn tokens(row: &RunRow) -> u64 {
    row.budget.used.tokens
}

/// What a run has cost; what nobody told is unknown, and never nothing.
pub fn cost(row: &RunRow) -> String {
    match (row.usage.cost_usd, row.usage.unpriced > 0) {
        (Some(usd), false) => format!("{usd:.2}"),
        (Some(usd), true) => format!("{usd:.2}+"),
        (None, true) => "?".to_owned(),
        (None, false) => String::new(),
    }
}

/// A time in its largest unit: `5m`, `3h`, `12d`.
fn age(ms: u64) -> String {
    let words = human_ms(ms);
    let first = words.split_whitespace().next().unwrap_or_default();
    if columns(first) > 5 { words } else { first.to_owned() }
}
