//! The filter of a list, at the foot of the screen: what is written holds at once.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::keymap::{Action, Scope};
use super::super::look::Role;
use super::super::model::{Model, Screen};
use super::super::page::{Page, Panel, Target};
use super::super::scene::Scene;
use super::super::update::{self, Data};
use super::field::Field;
use super::{Flow, Layer};

/// The filter of a list.
#[derive(Debug, Clone)]
pub struct State {
    field: Field,
}

impl State {
    /// The filter of the screen's list; nothing on a screen without one.
    pub fn new(model: &mut Model) -> Option<Self> {
        let text = filter_of(model)?.clone();
        Some(Self { field: Field::line(&text) })
    }
}

/// The filter of the screen's list.
pub fn filter_of(model: &mut Model) -> Option<&mut String> {
    match model.screen {
        Screen::Fleet => Some(&mut model.fleet.filter),
        Screen::Inbox => Some(&mut model.inbox.filter),
        Screen::Runs => Some(&mut model.runs.filter),
        Screen::Workflow | Screen::Task => None,
    }
}

/// Whether every word of a filter is in a text; the text is in small letters.
pub fn matches(filter: &str, text: &str) -> bool {
    filter.to_lowercase().split_whitespace().all(|word| text.contains(word))
}

impl Layer for State {
    fn scopes(&self) -> Vec<Scope> {
        vec![Scope::Choose, Scope::Edit]
    }

    fn field(&mut self) -> Option<&mut Field> {
        Some(&mut self.field)
    }

    fn wrote(&mut self, model: &mut Model, data: &Data<'_>) {
        if let Some(filter) = filter_of(model) {
            *filter = self.field.text();
        }
        update::to_visible(model, data);
    }

    fn update(&mut self, model: &mut Model, data: &Data<'_>, action: Action) -> Flow {
        match action {
            Action::Choose | Action::Submit => return Flow::CLOSE,
            Action::Cancel => {
                if let Some(filter) = filter_of(model) {
                    filter.clear();
                }
                return Flow::CLOSE;
            }
            Action::ChooseUp | Action::Up => update::step(model, data, Action::Up),
            Action::ChooseDown | Action::Down => update::step(model, data, Action::Down),
            Action::ChoosePageUp => update::step(model, data, Action::PageUp),
            Action::ChoosePageDown => update::step(model, data, Action::PageDown),
            _ => {}
        }
        Flow::STAY
    }

    fn view(&self, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
        let look = scene.look();
        let line = Rect { y: area.bottom() - 1, height: 1, ..area };
        page.clear(line);
        page.hit(line, Target::Panel(Panel::Overlay));
        page.spans(line, &Line::from(Span::styled("/", look.style(Role::Accent))));
        let text = Rect { x: line.x + 1, width: line.width.saturating_sub(1), ..line };
        self.field.view("words that a row must have; esc shows all", true, look, text, page);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_a_filter_must_be_there() {
        assert!(matches("Refund 42", "#42 add refunds"));
        assert!(!matches("refund 43", "#42 add refunds"));
        assert!(matches("  ", "anything"));
    }
}
