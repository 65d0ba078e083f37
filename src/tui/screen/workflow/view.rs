//! The canvas in its frame, the details beside it, the list of files, and what is wrong with a file.

use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use super::super::super::canvas::{self, Canvas, Cells};
use super::super::super::keymap::Action;
use super::super::super::library::WorkflowPage;
use super::super::super::look::Role;
use super::super::super::page::{Page, Panel, Target};
use super::super::super::pane::details;
use super::super::super::scene::Scene;
use super::super::super::text::{columns, fit, inert_line, wrap};
use super::super::super::world::RunView;
use super::{canvas_state, files, shown};
use crate::plan::Plan;
use crate::resource::{Diagnostic, Scope, Severity};
use crate::snapshot::Class;

/// Columns from which on details are shown without being asked for.
const WIDE: u16 = 140;
/// Columns from which on details stand beside the canvas.
const BESIDE: u16 = 100;
/// Lines from which on details stand below the canvas.
const BELOW: u16 = 26;
/// Columns of the details.
const DETAILS: u16 = 44;
/// Columns of the list of files.
const FILES: u16 = 26;
/// Columns below which the list of files stands alone.
const FILES_BESIDE: u16 = 72;

/// Draws the screen.
pub fn view(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let state = &scene.model.workflow;
    let mut rest = area;
    if files::is_open(scene) {
        if area.width < FILES_BESIDE && !state.is_inside {
            return list(scene, area, page);
        }
        if area.width >= FILES_BESIDE {
            let [left, right] =
                Layout::horizontal([Constraint::Length(FILES), Constraint::Fill(1)]).areas(area);
            list(scene, left, page);
            rest = right;
        }
        if let Some(Ok(file)) = files::page(scene) {
            rest = findings(file, scene, rest, page);
        }
    }
    let shown = shown(scene);
    let wanted = state.details.unwrap_or(rest.width >= WIDE) && shown.is_some();
    state.has_details.set(wanted);
    let (canvas_area, details_area) = parts(rest, wanted);
    if let Some(area) = canvas_area {
        drawn(shown.as_ref().map(|(canvas, run)| (canvas, *run)), scene, area, page);
    }
    if let (Some(area), Some((canvas, run))) = (details_area, &shown) {
        described(canvas, *run, scene, area, page);
    }
}

/// Where the canvas and the details are.
fn parts(area: Rect, has_details: bool) -> (Option<Rect>, Option<Rect>) {
    if !has_details {
        return (Some(area), None);
    }
    if area.width >= BESIDE {
        let details = DETAILS.max(area.width / 4);
        let [left, right] =
            Layout::horizontal([Constraint::Fill(1), Constraint::Length(details)]).areas(area);
        return (Some(left), Some(right));
    }
    if area.height >= BELOW {
        let [top, bottom] =
            Layout::vertical([Constraint::Percentage(55), Constraint::Percentage(45)]).areas(area);
        return (Some(top), Some(bottom));
    }
    (None, Some(area))
}

fn drawn(
    shown: Option<(&Canvas, Option<&RunView>)>,
    scene: &Scene<'_>,
    area: Rect,
    page: &mut Page<'_>,
) {
    let look = scene.look();
    let is_focused = !files::is_open(scene) || scene.model.workflow.is_inside;
    let inner = page.panel(area, Line::from(title(shown, scene)), is_focused);
    page.hit(area, Target::Panel(Panel::List));
    scene.model.workflow.area.set((inner.width, inner.height));
    let Some((canvas, _)) = shown else {
        return page.line(inner, &nothing(scene), look.style(Role::Dim));
    };
    let state = canvas_state(scene);
    let kept = &scene.model.workflow.kept;
    let drawing = kept.fitting(canvas, state.orientation, inner.width, inner.height);
    canvas::draw(canvas, &drawing, &state, inner, page.buf, look);
    let origin = state.origin(canvas, &drawing, inner.width, inner.height);
    for (at, (_, cells)) in drawing.picks(canvas).into_iter().enumerate() {
        if let Some(place) = on_screen(cells, origin, inner) {
            page.hit(place, Target::Canvas(at));
        }
    }
    let beyond = state.beyond(canvas, &drawing, (inner.width, inner.height), look);
    if !beyond.is_empty() {
        let text = format!(" more {beyond} ");
        let width = u16::try_from(columns(&text)).unwrap_or(0).min(inner.width);
        let place = Rect { x: area.right() - 1 - width, y: area.bottom() - 1, width, height: 1 };
        page.line(place, &text, look.style(Role::Key));
    }
}

/// The part of some cells of the drawing that is on the screen.
fn on_screen(cells: Cells, origin: (i32, i32), area: Rect) -> Option<Rect> {
    let along = |first: i32, size: i32, origin: i32, start: u16, room: u16| {
        let from = (first - origin).clamp(0, i32::from(room));
        let to = (first - origin + size).clamp(0, i32::from(room));
        let from = u16::try_from(from).ok()?;
        let size = u16::try_from(to).ok()?.checked_sub(from).filter(|size| *size > 0)?;
        Some((start + from, size))
    };
    let (x, width) = along(cells.x, cells.width, origin.0, area.x, area.width)?;
    let (y, height) = along(cells.y, cells.height, origin.1, area.y, area.height)?;
    Some(Rect { x, y, width, height })
}

fn title(shown: Option<(&Canvas, Option<&RunView>)>, scene: &Scene<'_>) -> Vec<Span<'static>> {
    let look = scene.look();
    let dot = format!(" {} ", look.sign("·", "-"));
    let mut spans = vec![Span::raw(" Workflow ")];
    let Some((canvas, run)) = shown else { return spans };
    let name = inert_line(&canvas.workflow, look);
    spans.push(Span::styled(format!("{name} "), look.style(Role::Strong)));
    match (run, canvas.round) {
        (Some(run), Some(round)) => {
            let row = &run.status.run;
            spans.push(Span::styled(format!("#{}", row.number), look.style(Role::Dim)));
            spans.push(Span::styled(
                format!("{dot}{}", canvas::round(round, look)),
                look.style(Role::Dim),
            ));
            spans.push(Span::styled(
                format!("{dot}{} ", row.status_words()),
                look.class(row.class()),
            ));
        }
        (_, _) => spans.push(Span::styled("file ", look.style(Role::Dim))),
    }
    spans
}

/// Why there is no canvas.
fn nothing(scene: &Scene<'_>) -> String {
    if !files::is_open(scene) {
        return "the run is being read …".to_owned();
    }
    match files::page(scene) {
        Some(Ok(_)) => "it can be drawn once its errors are mended".to_owned(),
        Some(Err(why)) => why.to_owned(),
        None => "the file is being read …".to_owned(),
    }
}

fn described(
    canvas: &Canvas,
    run: Option<&RunView>,
    scene: &Scene<'_>,
    area: Rect,
    page: &mut Page<'_>,
) {
    let look = scene.look();
    let Some(pick) = canvas_state(scene).selection(canvas) else { return };
    let plan: Option<&Plan> = match run {
        Some(run) => Some(&run.plan),
        None => files::page(scene).and_then(Result::ok).and_then(|page| page.plan.as_ref()),
    };
    let title = format!(" {} ", details::title(&pick, look));
    let inner = page.panel(area, Line::styled(title, look.style(Role::Strong)), false);
    let Some(plan) = plan else { return };
    let lines = details::lines(&pick, plan, run, scene, usize::from(inner.width));
    let room = usize::from(inner.height);
    let first = scene.model.workflow.scroll.min(lines.len().saturating_sub(room));
    page.lines(inner, &lines[first..]);
    let below = lines.len().saturating_sub(first + room);
    if below > 0 && area.height > 1 {
        let key = scene.model.key(Action::PageDown);
        let text = format!(" {below} more lines: {key} ");
        let width = u16::try_from(columns(&text)).unwrap_or(0).min(inner.width);
        let place = Rect { x: area.right() - 1 - width, y: area.bottom() - 1, width, height: 1 };
        page.line(place, &text, look.style(Role::Dim));
    }
}

/// The workflow files, by who brought them.
fn list(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let inner = page.panel(area, Line::from(" Workflow files "), !scene.model.workflow.is_inside);
    let items = match scene.loads.workflows() {
        Some(Ok(items)) => items,
        Some(Err(why)) => return page.line(inner, why, look.style(Role::Text)),
        None => return page.line(inner, "reading …", look.style(Role::Dim)),
    };
    let name = files::name(scene);
    let at = items.iter().position(|item| Some(&item.name) == name.as_ref());
    let room = usize::from(inner.height);
    let first = at.unwrap_or(0).saturating_sub(room.saturating_sub(1));
    for ((ix, item), place) in items.iter().enumerate().skip(first).zip(inner.rows()) {
        let scope = match item.scope {
            Scope::Builtin => "built in",
            Scope::User => "yours",
            Scope::Project => "project",
        };
        let room = usize::from(inner.width).saturating_sub(columns(scope) + 2);
        page.line(place, &fit(&inert_line(&item.name, look), room, look), look.style(Role::Text));
        let width = u16::try_from(columns(scope)).unwrap_or(0).min(place.width);
        let end = Rect { x: place.right() - width, width, ..place };
        page.line(end, scope, look.style(Role::Dim));
        if Some(ix) == at {
            let is_inside = scene.model.workflow.is_inside;
            page.paint(place, if is_inside { Role::Marked } else { Role::Selected });
        }
        page.hit(place, Target::File(ix));
    }
}

/// Draws what is wrong with a file below its canvas, and returns what is left.
fn findings(file: &WorkflowPage, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) -> Rect {
    let look = scene.look();
    let width = usize::from(area.width.saturating_sub(2));
    let mut lines: Vec<Line<'_>> = Vec::new();
    for finding in &file.findings {
        lines.extend(finding_lines(finding, scene, width));
    }
    let is_fine = lines.is_empty();
    if is_fine {
        let text = format!("{} nothing to complain about", look.glyph(Class::Done));
        lines.push(Line::styled(text, look.class(Class::Done)));
    }
    let most = if file.plan.is_some() { area.height / 3 } else { area.height.saturating_sub(3) };
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(most);
    if height < 3 {
        return area;
    }
    let [rest, below] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(height)]).areas(area);
    let path = file.path.strip_prefix(&scene.world.root).unwrap_or(&file.path);
    let name = inert_line(path.as_str(), look);
    let inner = page.panel(below, Line::from(format!(" {name} ")), false);
    page.lines(inner, &lines);
    rest
}

fn finding_lines(finding: &Diagnostic, scene: &Scene<'_>, width: usize) -> Vec<Line<'static>> {
    let look = scene.look();
    let (class, word) = match finding.severity {
        Severity::Error => (Class::Failed, "error"),
        Severity::Warning => (Class::NeedsYou, "warning"),
        Severity::Info => (Class::Parked, "info"),
    };
    let spans = vec![
        Span::styled(
            format!("{} {}:{} ", look.glyph(class), finding.line, finding.column),
            look.style(Role::Dim),
        ),
        Span::styled(format!("{word}: "), look.class(class)),
        Span::raw(inert_line(&finding.message, look)),
    ];
    let mut lines = wrap(spans, width, 4);
    if !finding.fix.is_empty() {
        let fix = format!("    {}", inert_line(&finding.fix, look));
        lines.extend(wrap(vec![Span::styled(fix, look.style(Role::Dim))], width, 4));
    }
    lines
}
