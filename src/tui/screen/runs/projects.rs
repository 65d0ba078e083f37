//! The runs of all projects of this user: one list, in which those of this project can be acted upon.

use std::cell::Cell;
use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::super::super::keymap::Action;
use super::super::super::look::Role;
use super::super::super::model::Model;
use super::super::super::msg::{Effect, Foreground};
use super::super::super::overlay::filter::matches;
use super::super::super::page::{Page, Panel, Target};
use super::super::super::pane::agents::kept_in_view;
use super::super::super::scene::Scene;
use super::super::super::text::{inert_line, pad};
use super::super::super::update::Data;
use super::super::super::want::Want;
use super::super::super::world::{RunItem, TaskRef};
use super::{Cells, framed, text_of};
use crate::base::RunNumber;
use crate::snapshot::Class;

/// Columns of a project's name.
const NAME: usize = 16;

/// A project with its runs.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectRuns {
    /// Its folder.
    pub root: Utf8PathBuf,
    /// Its name.
    pub name: String,
    /// Its runs, the newest first, or why they cannot be read.
    pub runs: Result<Vec<RunItem>, String>,
}

/// The list of all projects' runs.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Whether it is shown.
    pub is_shown: bool,
    /// What is under the cursor.
    cursor: Option<Place>,
    /// Whether that is a run of another project.
    pub is_elsewhere: bool,
    scroll: Cell<usize>,
    height: Cell<usize>,
}

/// A run of a project.
type Place = (Utf8PathBuf, RunNumber);

/// One line of the list.
struct Row<'a> {
    project: &'a ProjectRuns,
    item: &'a RunItem,
}

impl Row<'_> {
    fn place(&self) -> Place {
        (self.project.root.clone(), self.item.number)
    }
}

/// What it looks at.
pub fn wants(scene: &Scene<'_>, wants: &mut BTreeSet<Want>) {
    if scene.model.runs.projects.is_shown {
        wants.insert(Want::Projects);
    }
}

/// The rows that match, in the order that is chosen.
fn rows<'a>(scene: &Scene<'a>) -> Vec<Row<'a>> {
    let state = &scene.model.runs;
    let projects = match scene.loads.projects() {
        Some(Ok(projects)) => projects,
        Some(Err(_)) | None => &[],
    };
    let mut rows: Vec<Row<'a>> = Vec::new();
    for project in projects {
        // What is known of this project is newer here.
        let runs = if project.root == scene.world.root {
            scene.world.runs.as_slice()
        } else {
            project.runs.as_deref().unwrap_or_default()
        };
        rows.extend(runs.iter().map(|item| Row { project, item }));
    }
    if !state.filter.trim().is_empty() {
        let text =
            |row: &Row<'_>| format!("{} {}", row.project.name, text_of(row.item)).to_lowercase();
        rows.retain(|row| matches(&state.filter, &text(row)));
    }
    let newest = |row: &Row<'_>| row.item.row.as_ref().map_or(0, |row| row.created_at.0);
    rows.sort_by_key(|row| std::cmp::Reverse(newest(row)));
    rows.sort_by(|a, b| state.sort.compare(a.item, b.item));
    rows
}

/// What an action does in it; nothing when it is not one of its own.
pub fn update(model: &mut Model, data: &Data<'_>, action: Action) -> Option<Vec<Effect>> {
    if action == Action::AllProjects {
        model.runs.projects.is_shown = !model.runs.projects.is_shown;
        let here = model.selected.as_ref().filter(|_| model.runs.projects.is_shown);
        let here = here.map(|selected| (data.world.root.clone(), selected.run));
        go(model, data, here);
        return Some(Vec::new());
    }
    if !model.runs.projects.is_shown {
        return None;
    }
    let (places, at) = {
        let scene = data.scene(model);
        let places: Vec<Place> = rows(&scene).iter().map(Row::place).collect();
        let cursor = model.runs.projects.cursor.as_ref();
        let at = places.iter().position(|place| Some(place) == cursor);
        (places, at)
    };
    let (from, last) = (at.unwrap_or(0), places.len().saturating_sub(1));
    let page = model.runs.projects.height.get().max(2) - 1;
    let to = match action {
        Action::Up => from.saturating_sub(1),
        Action::Down => from + usize::from(at.is_some()),
        Action::PageUp => from.saturating_sub(page),
        Action::PageDown => from + page,
        Action::Top => 0,
        Action::Bottom => last,
        Action::Back if model.runs.filter.is_empty() => {
            model.runs.projects.is_shown = false;
            go(model, data, None);
            return Some(Vec::new());
        }
        Action::Open => return open(model, data, places.get(from)?),
        action if model.runs.projects.is_elsewhere && acts(action) => {
            model.complain("it belongs to another project; enter opens that one", data.now);
            return Some(Vec::new());
        }
        _ => return None,
    };
    go(model, data, places.get(to.min(last)).cloned());
    Some(Vec::new())
}

/// Whether an action is done to the run under the cursor.
fn acts(action: Action) -> bool {
    matches!(action, Action::Archive | Action::Compare | Action::RetryRun)
}

/// Goes to a run of this project, or opens the dashboard of the other one.
fn open(model: &mut Model, data: &Data<'_>, place: &Place) -> Option<Vec<Effect>> {
    if place.0 == data.world.root {
        go(model, data, Some(place.clone()));
        return None;
    }
    let words = vec!["--project".to_owned(), place.0.to_string()];
    Some(vec![Effect::Foreground(Foreground::Crew(words))])
}

/// Puts the cursor on a run; one of this project is what actions are about.
fn go(model: &mut Model, data: &Data<'_>, place: Option<Place>) {
    if let Some((_, number)) = place.as_ref().filter(|(root, _)| *root == data.world.root) {
        super::super::super::update::select(model, TaskRef { run: *number, task: None });
    }
    model.runs.projects.is_elsewhere =
        place.as_ref().is_some_and(|(root, _)| *root != data.world.root);
    model.runs.projects.cursor = place;
}

/// Takes a click on a row.
pub fn clicked(model: &mut Model, data: &Data<'_>, at: usize) {
    let place = rows(&data.scene(model)).get(at).map(Row::place);
    go(model, data, place);
}

/// Draws the list.
pub fn view(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let state = &scene.model.runs;
    let rows = rows(scene);
    let names: BTreeSet<&Utf8Path> = rows.iter().map(|row| row.project.root.as_path()).collect();
    let projects = crate::base::text::count(names.len(), "project");
    let inner = framed(format!(" Runs of {projects} ({}) ", rows.len()), scene, area, page);
    if inner.height == 0 {
        return;
    }
    if rows.is_empty() {
        let text = match scene.loads.projects() {
            None => "reading".to_owned(),
            Some(Err(why)) => inert_line(why, look),
            Some(Ok(_)) => {
                "No run is known; a project is remembered when a run is started in it.".to_owned()
            }
        };
        return page.line(inner, &text, look.style(Role::Dim));
    }
    let wide = NAME.min(usize::from(inner.width) / 4);
    let gap = u16::try_from(wide + 1).unwrap_or(0);
    let cells = Cells::of(inner.width.saturating_sub(gap));
    let head = format!(" {}{}", pad("project", wide, look), cells.head(scene));
    page.line(Rect { height: 1, ..inner }, &head, look.style(Role::Dim));
    let body = Rect { y: inner.y + 1, height: inner.height - 1, ..inner };
    state.projects.height.set(usize::from(body.height));
    let cursor = state.projects.cursor.as_ref();
    let selected = rows.iter().position(|row| Some(&row.place()) == cursor);
    let top = kept_in_view(&state.projects.scroll, selected, rows.len(), usize::from(body.height));
    for ((at, row), place) in rows.iter().enumerate().skip(top).zip(body.rows()) {
        let is_here = row.project.root == scene.world.root;
        let role = if is_here { Role::Strong } else { Role::Dim };
        let name = pad(&inert_line(&row.project.name, look), wide, look);
        let mut line = cells.row(row.item, scene);
        if !is_here {
            // A tag is one of this project's run of the same number.
            line.spans[0] = Span::raw(" ");
        }
        line.spans.insert(0, Span::styled(format!(" {name}"), look.style(role)));
        page.spans(place, &line);
        if Some(at) == selected {
            page.paint(place, Role::Selected);
        }
        page.hit(place, Target::Row(Panel::List, at));
    }
    unreadable(scene, body, rows.len(), page);
}

/// Projects that cannot be read, below the rows, as far as there is room.
fn unreadable(scene: &Scene<'_>, body: Rect, rows: usize, page: &mut Page<'_>) {
    let look = scene.look();
    let Some(Ok(projects)) = scene.loads.projects() else { return };
    let broken = projects.iter().filter_map(|one| Some((one, one.runs.as_ref().err()?)));
    for ((project, why), place) in broken.zip(body.rows().skip(rows)) {
        let text = format!(" {} {}: {why}", look.glyph(Class::Failed), project.name);
        page.line(place, &inert_line(&text, look), look.class(Class::Failed));
    }
}
