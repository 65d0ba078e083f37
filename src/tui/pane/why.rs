//! Why something is in its state: the sentence, its evidence, and the command that resolves it.

use ratatui::text::{Line, Span};

use super::super::look::Role;
use super::super::scene::Scene;
use super::super::text::{columns, inert_line, wrap};
use crate::base::time::human_ms;
use crate::engine::Explanation;

/// Columns of the source of a piece of evidence.
const SOURCE: usize = 10;
/// Columns from which on sources stand in a column of their own.
const WIDE: usize = 60;

/// An explanation as lines.
pub fn lines(why: &Explanation, scene: &Scene<'_>, width: usize) -> Vec<Line<'static>> {
    let look = scene.look();
    let headline = Span::styled(inert_line(&why.headline, look), look.style(Role::Strong));
    let mut lines = wrap(vec![headline], width, 0);
    if !why.evidence.is_empty() {
        lines.push(Line::default());
    }
    for evidence in &why.evidence {
        let age = evidence.age_ms.map(|age| match age {
            0..1_000 => "now".to_owned(),
            age => format!("{} ago", human_ms(age / 1_000 * 1_000)),
        });
        let text = inert_line(&evidence.text, look);
        let dim = look.style(Role::Dim);
        if width < WIDE {
            let dot = look.sign("·", "-");
            let age = age.map(|age| format!(", {age}")).unwrap_or_default();
            let source = format!("{dot} {}{age}: ", evidence.source);
            lines.extend(wrap(vec![Span::styled(source, dim), Span::raw(text)], width, 2));
            continue;
        }
        let source = format!("{:<SOURCE$}", evidence.source);
        let mut spans = vec![Span::styled(source, dim), Span::raw(text)];
        if let Some(age) = age {
            spans.push(Span::styled(format!("  {age}"), look.style(Role::Faint)));
        }
        lines.extend(wrap(spans, width, SOURCE));
    }
    if let Some(command) = &why.command {
        let arrow = look.sign("▸ ", "> ");
        lines.push(Line::default());
        let spans = vec![
            Span::styled(arrow, look.style(Role::Key)),
            Span::styled(inert_line(command, look), look.style(Role::Code)),
        ];
        lines.extend(wrap(spans, width, columns(arrow)));
    }
    lines
}
