//! What happened in a run, the newest at the bottom.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::look::Role;
use super::super::page::Page;
use super::super::scene::Scene;
use super::super::text::inert_line;
use super::super::world::RunView;

/// Draws the newest lines that fit.
pub fn view(run: Option<&RunView>, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let Some(run) = run else { return };
    let room = usize::from(area.height);
    let lines: Vec<Line<'_>> = run.story[run.story.len().saturating_sub(room)..]
        .iter()
        .map(|line| {
            let task = line.task.as_ref().map(|task| format!("{task} ")).unwrap_or_default();
            let role = if line.is_major { Role::Text } else { Role::Dim };
            Line::from(vec![
                Span::styled(format!("{} ", scene.time(line.at)), look.style(Role::Dim)),
                Span::styled(task, look.style(Role::Strong)),
                Span::styled(inert_line(&line.text, look), look.style(role)),
            ])
        })
        .collect();
    page.lines(area, &lines);
}
