//! The gates of a run: how each stands, why, what was written, and who may write it.

use ratatui::text::{Line, Span};

use super::super::look::Role;
use super::super::scene::Scene;
use super::super::text::{columns, inert_line, pad, wrap};
use crate::base::text::one_line;
use crate::snapshot::GateRow;

/// Characters of a value that was written.
const VALUE_CHARS: usize = 300;

/// The gates as lines.
pub fn lines(gates: &[GateRow], scene: &Scene<'_>, width: usize) -> Vec<Line<'static>> {
    let look = scene.look();
    if gates.is_empty() {
        let text = "the workflow has no gates";
        return vec![Line::styled(text, look.style(Role::Dim))];
    }
    let name = gates.iter().map(|gate| columns(&gate.id)).max().unwrap_or(0).min(width / 3);
    let mut lines = Vec::new();
    for gate in gates {
        let class = gate.class();
        let mut spans = vec![
            Span::styled(format!("{} ", look.glyph(class)), look.class(class)),
            Span::styled(pad(&inert_line(&gate.id, look), name, look), look.style(Role::Strong)),
            Span::styled(format!("  {}", gate.word()), look.class(class)),
        ];
        if let Some(waits) = &gate.waiting_for {
            let who = if waits == "human" { "you" } else { waits };
            let text = format!(" {} waits for {}", look.sign("·", "-"), inert_line(who, look));
            spans.push(Span::styled(text, look.class(class)));
        }
        lines.extend(wrap(spans, width, 2));
        let mut more = |label: &str, text: &str, role: Role| {
            if !text.is_empty() {
                let spans = vec![
                    Span::styled(format!("    {label}"), look.style(Role::Dim)),
                    Span::styled(inert_line(text, look), look.style(role)),
                ];
                lines.extend(wrap(spans, width, 6));
            }
        };
        more("", &gate.description, Role::Dim);
        more("", gate.reason.as_deref().unwrap_or_default(), Role::Text);
        for (field, value) in &gate.data {
            let value = one_line(&value.to_string(), VALUE_CHARS);
            more("", &format!("{field} = {value}"), Role::Code);
        }
        more("written by ", &gate.writers.join(", "), Role::Dim);
        if gate.store != gate.id {
            more("store ", &gate.store, Role::Dim);
        }
    }
    lines
}
