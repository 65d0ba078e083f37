//! A comment on changed lines; what is written is a draft at every moment, and goes with all others.

use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::super::keymap::{Action, Scope};
use super::super::look::Role;
use super::super::model::Model;
use super::super::page::{Page, Panel, Target};
use super::super::pane::diff::Comment;
use super::super::scene::Scene;
use super::super::text::{fit, inert, inert_line};
use super::super::update::Data;
use super::field::Field;
use super::{Flow, Layer, frame, hints};

/// Columns of the field.
const WIDTH: u16 = 84;
/// Lines of the field at most.
const FIELD_LINES: u16 = 8;
/// Lines that it is about that are shown.
const LINES_SHOWN: usize = 5;

/// A comment that is being written.
#[derive(Debug, Clone)]
pub struct State {
    of: String,
    comment: Comment,
    field: Field,
}

impl State {
    /// A comment on the work of a run or task.
    pub fn new(of: String, comment: Comment) -> Self {
        Self { of, field: Field::lines(&comment.text), comment }
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
        self.comment.text = self.field.text();
        let waiting = model.memory.comments.entry(self.of.clone()).or_default();
        let known = waiting.iter_mut().find(|known| known.is_about(&self.comment));
        match (known, self.field.is_blank()) {
            (Some(known), false) => *known = self.comment.clone(),
            (None, false) => waiting.push(self.comment.clone()),
            (_, true) => waiting.retain(|known| !known.is_about(&self.comment)),
        }
        if waiting.is_empty() {
            model.memory.comments.remove(&self.of);
        }
    }

    fn update(&mut self, _model: &mut Model, _data: &Data<'_>, action: Action) -> Flow {
        match action {
            Action::Submit | Action::Cancel => Flow::CLOSE,
            _ => Flow::STAY,
        }
    }

    fn view(&self, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
        let look = scene.look();
        let width = WIDTH.min(area.width.saturating_sub(2));
        let inner_width = width.saturating_sub(4).max(1);
        let skipped = self.comment.lines.len().saturating_sub(LINES_SHOWN);
        let about: Vec<Line<'_>> = self.comment.lines[skipped..]
            .iter()
            .map(|line| {
                let role = match line.as_bytes().first() {
                    Some(b'+') => Role::Added,
                    Some(b'-') => Role::Removed,
                    _ => Role::Dim,
                };
                let line = fit(&inert(line, look), usize::from(inner_width), look);
                Line::styled(line, look.style(role))
            })
            .collect();
        let told = u16::try_from(about.len()).unwrap_or(1);
        let room = area.height.saturating_sub(told.saturating_add(6)).max(1);
        let lines = self.field.height(inner_width).clamp(2, FIELD_LINES).min(room);
        let title = inert(&format!(" {}:{} ", self.comment.file, self.comment.number), look);
        let height = lines.saturating_add(told).saturating_add(5);
        let inner = frame(area, width, height, &title, scene, page);
        let [code, rule, text, note, _] = Layout::vertical([
            Constraint::Length(told),
            Constraint::Length(1),
            Constraint::Length(lines),
            Constraint::Length(1),
            Constraint::Fill(1),
        ])
        .areas(inner);
        page.lines(code, &about);
        let line = look.sign("─", "-").repeat(usize::from(rule.width));
        page.line(rule, &line, look.style(Role::Border));
        page.hit(text, Target::Row(Panel::Overlay, 0));
        self.field.view(
            &inert_line("what is to be different here …", look),
            true,
            look,
            text,
            page,
        );
        let key = scene.model.key(Action::SendComments);
        let told = format!("It is kept; {key} in the diff sends all comments at once.");
        page.line(note, &inert_line(&told, look), look.style(Role::Dim));
        hints(inner, &[(Action::Cancel, "close")], scene, page);
    }
}
