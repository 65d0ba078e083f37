//! The workflow of the selected run in a line or two; a click opens it full size.

use ratatui::layout::Rect;
use ratatui::text::Line;

use super::super::canvas::{self, Canvas};
use super::super::keymap::Action;
use super::super::look::Role;
use super::super::page::{Page, Target};
use super::super::scene::Scene;
use super::super::text::inert_line;

/// Lines of the panel with its frame.
pub const LINES: u16 = 4;

/// Draws the panel with its frame.
pub fn view(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let key = scene.model.key(Action::Workflow);
    let run = scene.selected_run();
    let title = match run {
        Some(run) => {
            let dot = look.sign("·", "-");
            format!(" {key} Workflow {dot} {} ", inert_line(&run.plan.workflow, look))
        }
        None => format!(" {key} Workflow "),
    };
    let inner = page.panel(area, Line::from(title), false);
    page.hit(area, Target::Action(Action::Workflow));
    match run {
        Some(run) => {
            let canvas = Canvas::of_run(&run.plan, &run.status);
            canvas::strip(&canvas, inner, page.buf, look);
        }
        None => page.line(inner, "no run is selected", look.style(Role::Dim)),
    }
}
