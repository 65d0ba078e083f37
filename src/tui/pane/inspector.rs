//! What shows the thing under the cursor: its head, and one tab.

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::look::Role;
use super::super::model::Tab;
use super::super::page::{Page, Panel, Target};
use super::super::scene::Scene;
use super::super::text::{inert, inert_line, wrap};
use crate::base::time::human_ms;
use crate::engine::Explanation;

/// Draws the frame with the tabs, and what is in it.
pub fn view(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let is_focused = scene.model.panel == Panel::Inspector;
    page.hit(area, Target::Panel(Panel::Inspector));
    let inner = page.panel(area, Line::from(title(scene)), is_focused);
    tabs(scene, area, page);
    body(scene, inner, page);
}

/// The tab's content.
pub fn body(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let Some(run) = scene.selected_run() else {
        return nothing(scene, area, page);
    };
    match (scene.model.tab, scene.selected_task()) {
        (Tab::Why, Some((run, task))) => {
            let why = run.whys.get(&task.id).unwrap_or(&run.why);
            page.lines(area, &explained(why, scene, usize::from(area.width)));
        }
        (_, None) => {
            page.lines(area, &explained(&run.why, scene, usize::from(area.width)));
        }
        (_, Some((run, task))) => {
            let look = scene.look();
            let mut lines = Vec::new();
            if let Some(activity) = run.activity.get(&task.id) {
                for line in &activity.lines {
                    lines.push(Line::from(inert_line(line, look)));
                }
            }
            if let Some(summary) = &task.summary {
                let text = Span::raw(inert(summary, look));
                lines.extend(wrap(vec![text], usize::from(area.width), 0));
            }
            page.lines(area, &lines);
        }
    }
}

/// An explanation as lines: the sentence, its evidence, and the command that resolves it.
pub fn explained(why: &Explanation, scene: &Scene<'_>, width: usize) -> Vec<Line<'static>> {
    let look = scene.look();
    let mut lines = paragraph(&why.headline, look.style(Role::Strong), scene, width, 0);
    for evidence in &why.evidence {
        let age = evidence.age_ms.map(|age| format!(", {} ago", human_ms(age))).unwrap_or_default();
        let source = format!("{} {}{age}: ", look.sign("·", "-"), evidence.source);
        let spans = vec![
            Span::styled(source, look.style(Role::Dim)),
            Span::raw(inert_line(&evidence.text, look)),
        ];
        lines.extend(wrap(spans, width, 2));
    }
    if let Some(command) = &why.command {
        lines.push(Line::default());
        lines.extend(paragraph(command, look.style(Role::Code), scene, width, 2));
    }
    lines
}

fn paragraph(
    text: &str,
    style: Style,
    scene: &Scene<'_>,
    width: usize,
    indent: usize,
) -> Vec<Line<'static>> {
    wrap(vec![Span::styled(inert_line(text, scene.look()), style)], width, indent)
}

fn title(scene: &Scene<'_>) -> String {
    match (scene.selected_run(), scene.selected_task()) {
        (_, Some((_, task))) => {
            let runtime =
                task.runtime.as_deref().map(|name| format!(" · {name}")).unwrap_or_default();
            let attempt = if task.attempt > 0 {
                format!(" · attempt {}", task.attempt)
            } else {
                String::new()
            };
            inert_line(&format!("{}{runtime}{attempt}", task.id), scene.look())
        }
        (Some(run), None) => inert_line(
            &format!("{} {}", run.status.run.reference, run.status.run.slug),
            scene.look(),
        ),
        (None, None) => String::new(),
    }
}

/// The tabs at the right end of the frame, as far as there is room.
fn tabs(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let title = u16::try_from(title(scene).chars().count()).unwrap_or(u16::MAX);
    let width: u16 =
        Tab::ALL.iter().map(|tab| u16::try_from(tab.title().len()).unwrap_or(0) + 1).sum();
    if area.width < title.saturating_add(width).saturating_add(5) || area.height == 0 {
        return;
    }
    let mut x = area.right() - 1 - width;
    for (at, tab) in Tab::ALL.into_iter().enumerate() {
        let wide = u16::try_from(tab.title().len()).unwrap_or(0);
        let place = Rect { x, y: area.y, width: wide, height: 1 };
        let role = if tab == scene.model.tab { Role::Accent } else { Role::Dim };
        page.line(place, tab.title(), look.style(role));
        page.hit(place, Target::Tab(at));
        x += wide + 1;
    }
}

fn nothing(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    page.line(area, "nothing is selected", look.style(Role::Dim));
}
