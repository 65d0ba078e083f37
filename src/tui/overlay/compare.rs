//! Runs side by side: what each took, and what came of it.

use std::cell::Cell;
use std::collections::BTreeSet;

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use serde::Deserialize;

use super::super::keymap::{Action, Scope};
use super::super::look::Role;
use super::super::model::Model;
use super::super::page::Page;
use super::super::pane::agents::clock;
use super::super::pane::chrome::short;
use super::super::scene::Scene;
use super::super::screen::runs::{cost, tokens};
use super::super::text::{inert_line, pad, wrap};
use super::super::update::{Data, words};
use super::super::want::{Loads, Want};
use super::parts::{lines_from, scrolled};
use super::{Flow, Layer, frame, hints, known};
use crate::base::RunNumber;
use crate::base::text::count;
use crate::snapshot::RunRow;

/// Columns of the names of the rows.
const NAMES: usize = 11;
/// Columns that a run has at least; others are reached by scrolling.
const LEAST: usize = 24;

/// Runs side by side.
#[derive(Debug, Clone)]
pub struct State {
    runs: Vec<RunNumber>,
    first: Cell<usize>,
    top: Cell<usize>,
}

/// Files that a run has changed.
#[derive(Deserialize)]
struct Diff {
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    path: String,
    added: Option<u64>,
    removed: Option<u64>,
}

impl State {
    /// These runs, in this order.
    pub fn new(runs: Vec<RunNumber>) -> Self {
        Self { runs, first: Cell::new(0), top: Cell::new(0) }
    }
}

fn diff_want(run: RunNumber) -> Want {
    Want::Output(words(&["diff", &run.to_string(), "--json"]))
}

/// What was changed, in one line, and its files.
fn changes(run: RunNumber, loads: &Loads) -> (String, Vec<String>) {
    let want = diff_want(run);
    let Some(diff) = known::told::<Diff>(loads, &want) else {
        let word = match loads.output(&want) {
            None => "…",
            Some(_) => "nothing committed",
        };
        return (word.to_owned(), Vec::new());
    };
    let sum = |of: fn(&File) -> Option<u64>| diff.files.iter().filter_map(of).sum::<u64>();
    let (added, removed) = (sum(|file| file.added), sum(|file| file.removed));
    let line = format!("{} +{added} -{removed}", count(diff.files.len(), "file"));
    (line, diff.files.into_iter().map(|file| file.path).collect())
}

/// What is told of a run, in the order of the rows.
fn facts(row: &RunRow, scene: &Scene<'_>) -> Vec<(&'static str, String)> {
    let limit = |limit: Option<String>| limit.map(|most| format!(" of {most}")).unwrap_or_default();
    let budget = &row.budget;
    let cost = match cost(row) {
        none if none.is_empty() => "none told".to_owned(),
        cost => format!("${cost}{}", limit(budget.cost_usd.map(|usd| format!("${usd:.2}")))),
    };
    vec![
        ("status", row.status_words()),
        ("team", row.team.clone()),
        ("workflow", row.workflow.clone()),
        ("begun", scene.time(row.created_at)),
        (
            "time",
            format!("{}{}", clock(row.active_ms), limit(budget.minutes.map(|m| format!("{m}m")))),
        ),
        ("cost", cost),
        ("tokens", format!("{}{}", short(tokens(row)), limit(budget.tokens.map(short)))),
        ("cycles", format!("{} of {}", row.cycles, row.max_iterations)),
        ("tasks", format!("{} of {} done", row.progress.done, row.progress.tasks)),
        ("branch", row.worktree.branch.clone().unwrap_or_default()),
        ("why", row.detail.clone().unwrap_or_default()),
    ]
}

impl Layer for State {
    fn scopes(&self) -> Vec<Scope> {
        vec![Scope::List, Scope::Global]
    }

    fn wants(&self, _scene: &Scene<'_>, wants: &mut BTreeSet<Want>) {
        wants.extend(self.runs.iter().map(|run| diff_want(*run)));
    }

    fn update(&mut self, _model: &mut Model, _data: &Data<'_>, action: Action) -> Flow {
        let first = self.first.get();
        match action {
            Action::Left => self.first.set(first.saturating_sub(1)),
            Action::Right => self.first.set(first + 1),
            Action::Back | Action::Quit | Action::Open | Action::Compare => return Flow::CLOSE,
            _ => {
                scrolled(&self.top, action);
            }
        }
        Flow::STAY
    }

    fn view(&self, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
        let (width, height) = (area.width.saturating_sub(2), area.height.saturating_sub(2));
        let inner = frame(area, width, height, " Compare ", scene, page);
        let body = Rect { height: inner.height.saturating_sub(2), ..inner };
        let room = usize::from(body.width).saturating_sub(NAMES);
        let shown = (room / LEAST).clamp(1, self.runs.len().max(1));
        self.first.set(self.first.get().min(self.runs.len().saturating_sub(shown)));
        let runs: Vec<RunNumber> =
            self.runs.iter().skip(self.first.get()).take(shown).copied().collect();
        let lines = table(&runs, room / shown, scene);
        lines_from(&self.top, &lines, body, page);
        let mut hinted = vec![(Action::Back, "close")];
        if shown < self.runs.len() {
            hinted.extend([(Action::Left, "left"), (Action::Right, "right")]);
        }
        hints(inner, &hinted, scene, page);
    }
}

/// The table: a column for each run, a row for each fact, then goals and files.
fn table(runs: &[RunNumber], width: usize, scene: &Scene<'_>) -> Vec<Line<'static>> {
    let look = scene.look();
    let dim = look.style(Role::Dim);
    let rows: Vec<Result<&RunRow, String>> = runs
        .iter()
        .map(|number| match scene.world.item(*number) {
            Some(item) => item.row.as_ref().map_err(Clone::clone),
            None => Err("it is gone".to_owned()),
        })
        .collect();
    let mut lines = vec![row("", runs.iter().map(|run| format!("#{run}")), width, scene, |_| {
        look.style(Role::Strong)
    })];
    let told: Vec<Vec<(&str, String)>> = rows
        .iter()
        .map(|row| row.as_ref().map(|row| facts(row, scene)).unwrap_or_default())
        .collect();
    let names: Vec<&str> = told
        .iter()
        .max_by_key(|facts| facts.len())
        .map_or_else(Vec::new, |facts| facts.iter().map(|(name, _)| *name).collect());
    for (at, name) in names.into_iter().enumerate() {
        let cells: Vec<String> = told
            .iter()
            .map(|facts| facts.get(at).map(|(_, text)| text.clone()).unwrap_or_default())
            .collect();
        if cells.iter().all(String::is_empty) {
            continue;
        }
        let is_same = cells.windows(2).all(|pair| pair[0] == pair[1]);
        let style = if is_same && cells.len() > 1 { dim } else { Style::new() };
        lines.push(row(name, cells.into_iter(), width, scene, |_| style));
    }
    let changed: Vec<(String, Vec<String>)> =
        runs.iter().map(|run| changes(*run, scene.loads)).collect();
    let words = changed.iter().map(|(line, _)| line.clone());
    lines.push(row("changed", words, width, scene, |_| Style::new()));
    let most = changed.iter().map(|(_, files)| files.len()).max().unwrap_or(0);
    for at in 0..most {
        let files = changed.iter().map(|(_, files)| files.get(at).cloned().unwrap_or_default());
        lines.push(row("", files, width, scene, |_| look.style(Role::Code)));
    }
    lines.push(Line::default());
    goals(&rows, width, scene, &mut lines);
    lines
}

/// The goals, each wrapped in its column.
fn goals(
    rows: &[Result<&RunRow, String>],
    width: usize,
    scene: &Scene<'_>,
    lines: &mut Vec<Line<'static>>,
) {
    let look = scene.look();
    let wrapped: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let text = match row {
                Ok(row) => inert_line(&row.goal, look),
                Err(why) => inert_line(why, look),
            };
            let lines = wrap(vec![Span::raw(text)], width.saturating_sub(2).max(1), 0);
            lines.iter().map(ToString::to_string).collect()
        })
        .collect();
    let most = wrapped.iter().map(Vec::len).max().unwrap_or(0);
    for at in 0..most {
        let cells = wrapped.iter().map(|goal| goal.get(at).cloned().unwrap_or_default());
        let name = if at == 0 { "goal" } else { "" };
        lines.push(row(name, cells, width, scene, |_| Style::new()));
    }
}

fn row(
    name: &str,
    cells: impl Iterator<Item = String>,
    width: usize,
    scene: &Scene<'_>,
    style: impl Fn(usize) -> Style,
) -> Line<'static> {
    let look = scene.look();
    let mut spans = vec![Span::styled(pad(name, NAMES, look), look.style(Role::Dim))];
    for (at, cell) in cells.enumerate() {
        let text = pad(&inert_line(&cell, look), width.saturating_sub(2), look);
        spans.push(Span::styled(text, style(at)));
        spans.push(Span::raw("  "));
    }
    Line::from(spans)
}
