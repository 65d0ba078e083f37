//! The text that a decision needs: a reason, an answer, what has to change; with the command that it becomes.

use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use super::super::keymap::{Action, Scope};
use super::super::look::Role;
use super::super::model::Model;
use super::super::page::{Page, Panel, Target};
use super::super::pane::attention::Matter;
use super::super::pane::decision;
use super::super::scene::Scene;
use super::super::text::{inert, inert_line, wrap};
use super::super::update::Data;
use super::field::{Field, draft, keep};
use super::{Flow, Layer, frame, hints};
use crate::event::decision::Action as Verdict;

/// Columns of the field.
const WIDTH: u16 = 84;
/// Lines of the field at most.
const FIELD_LINES: u16 = 10;

/// The text that a decision needs.
#[derive(Debug, Clone)]
pub struct State {
    title: String,
    hint: &'static str,
    matter: Matter,
    verdict: Verdict,
    field: Field,
    key: String,
}

impl State {
    /// A field for a decision; what was written before and not given stands there already.
    pub fn new(
        title: String,
        hint: &'static str,
        matter: Matter,
        verdict: Verdict,
        model: &Model,
    ) -> Self {
        let key = decision::draft_key(&matter);
        let field = Field::lines(draft(&model.memory, &key));
        Self { title, hint, matter, verdict, field, key }
    }
}

impl Layer for State {
    fn scopes(&self) -> Vec<Scope> {
        vec![Scope::Edit]
    }

    fn field(&mut self) -> Option<&mut Field> {
        Some(&mut self.field)
    }

    fn wrote(&mut self, model: &mut Model, _data: &Data<'_>) {
        keep(&mut model.memory, &self.key, &self.field.text());
    }

    fn update(&mut self, model: &mut Model, data: &Data<'_>, action: Action) -> Flow {
        match action {
            Action::Cancel => Flow::CLOSE,
            Action::Submit => {
                let text = self.field.text().trim().to_owned();
                if text.is_empty() {
                    model.complain("write it first: it needs a text", data.now);
                    return Flow::STAY;
                }
                Flow::Close(decision::give(model, data, &self.matter, self.verdict, Some(text)))
            }
            _ => Flow::STAY,
        }
    }

    fn view(&self, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
        let look = scene.look();
        let width = WIDTH.min(area.width.saturating_sub(2));
        let inner_width = width.saturating_sub(4).max(1);
        let args = decision::command(scene.model, &self.matter, self.verdict, Some("…"));
        let line = inert_line(&format!("crew {}", args.join(" ")), look);
        let style = look.style(Role::Code);
        let command = wrap(vec![Span::styled(line, style)], usize::from(inner_width), 2);
        let told = u16::try_from(command.len()).unwrap_or(1);
        let room = area.height.saturating_sub(told.saturating_add(5)).max(1);
        let lines = self.field.height(inner_width).clamp(3, FIELD_LINES).min(room);
        let height = lines.saturating_add(told).saturating_add(4);
        let inner = frame(area, width, height, &inert(&self.title, look), scene, page);
        let [text, rule, rest] = Layout::vertical([
            Constraint::Length(lines),
            Constraint::Length(1),
            Constraint::Fill(1),
        ])
        .areas(inner);
        page.hit(text, Target::Row(Panel::Overlay, 0));
        self.field.view(&inert_line(self.hint, look), true, look, text, page);
        let line: Line<'_> = look.sign("─", "-").repeat(usize::from(rule.width)).into();
        page.lines(rule, &[line.style(look.style(Role::Border))]);
        page.lines(rest, &command);
        hints(
            inner,
            &[(Action::Submit, "give"), (Action::Cancel, "close; it stays a draft")],
            scene,
            page,
        );
    }
}
