//! How the form of a new run looks.

use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use super::super::keymap::Action;
use super::super::look::Role;
use super::super::page::{Page, Panel, Target};
use super::super::scene::Scene;
use super::super::text::{inert, inert_line, wrap};
use super::field::Field;
use super::wizard::{Choice, Part, State};
use super::{frame, hints};
use crate::snapshot::Class;

/// Columns of the form.
const WIDTH: u16 = 96;
/// Columns of the names of its parts.
const NAMES: u16 = 12;
/// Lines of the goal.
const GOAL: std::ops::RangeInclusive<u16> = 2..=8;

/// Draws the form.
pub fn view(state: &State, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let width = WIDTH.min(area.width.saturating_sub(2));
    let inner_width = width.saturating_sub(4).max(1);
    let below = below(state, scene, usize::from(inner_width));
    let told = u16::try_from(below.len()).unwrap_or(u16::MAX);
    let parts = u16::try_from(Part::ALL.len() - 1).unwrap_or(0);
    let room = area.height.saturating_sub(parts + 6);
    let goal = state.goal.height(inner_width).clamp(*GOAL.start(), *GOAL.end()).min(room.max(1));
    let height = (goal + parts + 6).saturating_add(told).min(area.height);
    let inner = frame(area, width, height, " New run ", scene, page);
    let [text, rule, form, rest, _] = Layout::vertical([
        Constraint::Length(goal),
        Constraint::Length(1),
        Constraint::Length(parts),
        Constraint::Fill(1),
        Constraint::Length(2),
    ])
    .areas(inner);
    page.hit(text, Target::Row(Panel::Overlay, 0));
    state.goal.view("What is to be done?", state.part == Part::Goal, look, text, page);
    let line = look.sign("─", "-").repeat(usize::from(rule.width));
    page.line(rule, &line, look.style(Role::Border));
    for ((at, part), place) in Part::ALL.into_iter().enumerate().skip(1).zip(form.rows()) {
        draw(state, part, scene, place, page);
        page.hit(place, Target::Row(Panel::Overlay, at));
    }
    page.lines(rest, &below);
    let hinted = [
        (Action::Submit, "start"),
        (Action::Preview, "dry run"),
        (Action::NextField, "next field"),
        (Action::Recommend, "take proposal"),
        (Action::Cancel, "close"),
    ];
    hints(inner, &hinted, scene, page);
}

fn draw(state: &State, part: Part, scene: &Scene<'_>, place: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let is_here = state.part == part;
    let role = if is_here { Role::Accent } else { Role::Dim };
    let [name, value] =
        Layout::horizontal([Constraint::Length(NAMES), Constraint::Fill(1)]).areas(place);
    let is_on = |is_on: bool| look.sign(["[ ]", "[✓]"], ["[ ]", "[x]"])[usize::from(is_on)];
    let word = |page: &mut Page<'_>, word: &str| page.line(name, word, look.style(role));
    let field = |page: &mut Page<'_>, label: &str, field: &Field, hint: &str| {
        word(page, label);
        field.view(hint, is_here, look, value, page);
    };
    match part {
        Part::Minutes => return field(page, "minutes", &state.minutes, "as configured"),
        Part::Cost => return field(page, "US dollars", &state.cost, "as configured"),
        Part::Passes => return field(page, "passes", &state.passes, "of its loops, as configured"),
        Part::Goal | Part::Team | Part::Workflow | Part::Runtime | Part::InPlace | Part::Draft => {}
    }
    let (label, line) = match part {
        Part::Team => ("team", chosen(&state.team, "crew chooses", scene)),
        Part::Workflow => ("workflow", chosen(&state.workflow, "crew chooses", scene)),
        Part::Runtime => ("agents", chosen(&state.runtime, "as the team says", scene)),
        Part::InPlace => {
            let text =
                format!("{} without a worktree: in the folder itself", is_on(state.in_place));
            ("in place", Line::from(text))
        }
        Part::Draft => {
            let text = format!("{} only create it; it starts when approved", is_on(state.as_draft));
            ("draft", Line::from(text))
        }
        Part::Goal | Part::Minutes | Part::Cost | Part::Passes => return,
    };
    word(page, label);
    page.spans(value, &line);
    if is_here {
        page.paint(place, Role::Selected);
    }
}

fn chosen(choice: &Choice, nobody: &str, scene: &Scene<'_>) -> Line<'static> {
    let look = scene.look();
    let (left, right) = look.sign(("‹ ", " ›"), ("< ", " >"));
    let place = format!("  {}/{}", choice.at, choice.names.len());
    let (name, about) = match choice.at.checked_sub(1).and_then(|at| choice.names.get(at)) {
        Some((name, about)) => (name.clone(), format!("{place}  {about}")),
        None => (nobody.to_owned(), place),
    };
    Line::from(vec![
        Span::styled(left, look.style(Role::Faint)),
        Span::styled(inert_line(&name, look), look.style(Role::Strong)),
        Span::styled(right, look.style(Role::Faint)),
        Span::styled(format!("  {}", inert_line(&about, look)), look.style(Role::Dim)),
    ])
}

/// What is said below the form: what is proposed, what goes on, what went wrong.
fn below(state: &State, scene: &Scene<'_>, width: usize) -> Vec<Line<'static>> {
    let look = scene.look();
    let mut lines = vec![Line::default()];
    if state.starting.is_some() {
        lines.push(Line::styled(
            inert_line("it is being started …", look),
            look.class(Class::Starting),
        ));
        return lines;
    }
    if let Some(problem) = &state.problem {
        for (at, line) in inert(problem, look).lines().enumerate() {
            let sign = if at == 0 { look.glyph(Class::Failed) } else { ' ' };
            let span = Span::styled(format!("{sign} {line}"), look.class(Class::Failed));
            lines.extend(wrap(vec![span], width, 4));
        }
        return lines;
    }
    match (&state.asked, state.proposed(scene.loads)) {
        (Some(_), Some(found)) => {
            let key = scene.model.key(Action::Recommend);
            let line = format!(
                "proposed: team {}, workflow {} ({}); {key} takes it",
                found.team, found.workflow, found.confidence
            );
            let line = inert_line(&line, look);
            lines.extend(wrap(vec![Span::styled(line, look.style(Role::Accent))], width, 2));
            for reason in found.reasons {
                let reason = format!("{} {}", look.sign("·", "-"), inert_line(&reason, look));
                lines.extend(wrap(vec![Span::styled(reason, look.style(Role::Dim))], width, 4));
            }
        }
        (Some(_), None) => {
            let line = inert_line("a team and a workflow are looked for …", look);
            lines.push(Line::styled(line, look.style(Role::Dim)));
        }
        (None, _) => {}
    }
    lines
}
