//! The keys that are valid here, from the one table.

use std::cell::Cell;

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::keymap::{Action, BINDINGS, Scope};
use super::super::look::Role;
use super::super::model::Model;
use super::super::page::Page;
use super::super::scene::Scene;
use super::super::text::pad;
use super::super::update::Data;
use super::{Flow, Layer, centered};

/// Columns of the keys.
const KEYS: usize = 20;

/// The keys that are valid here.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Scopes of the screen over which it lies, the innermost first.
    pub scopes: Vec<Scope>,
    /// First line that is shown; kept within the text when it is drawn.
    pub top: Cell<usize>,
}

impl Layer for State {
    fn scopes(&self) -> Vec<Scope> {
        vec![Scope::List, Scope::Global]
    }

    fn update(&mut self, _model: &mut Model, _data: &Data<'_>, action: Action) -> Flow {
        let top = self.top.get();
        match action {
            Action::Up => self.top.set(top.saturating_sub(1)),
            Action::Down => self.top.set(top + 1),
            Action::PageUp => self.top.set(top.saturating_sub(10)),
            Action::PageDown => self.top.set(top + 10),
            Action::Top => self.top.set(0),
            Action::Bottom => self.top.set(usize::MAX),
            Action::Back | Action::Help | Action::Quit | Action::Open => return Flow::CLOSE,
            _ => {}
        }
        Flow::STAY
    }

    fn view(&self, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
        view(self, scene, area, page);
    }
}

/// Every binding: first those of the scopes that hold, then the others.
fn lines(state: &State, scene: &Scene<'_>) -> Vec<Line<'static>> {
    let look = scene.look();
    let mut scopes = state.scopes.clone();
    for row in BINDINGS {
        if !scopes.contains(&row.scope) {
            scopes.push(row.scope);
        }
    }
    let mut lines = Vec::new();
    for scope in scopes {
        let title = if state.scopes.contains(&scope) {
            scope.title().to_owned()
        } else {
            format!("{} (not here)", scope.title())
        };
        lines.push(Line::styled(title, look.style(Role::Accent)));
        for row in BINDINGS.iter().filter(|row| row.scope == scope) {
            let keys = scene.model.keys.keys(row.action);
            let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
            let keys = pad(&keys.join("  "), KEYS, look);
            lines.push(Line::from(vec![
                Span::raw("  "),
                Span::styled(keys, look.style(Role::Key)),
                Span::raw(row.help),
            ]));
        }
        lines.push(Line::default());
    }
    lines
}

fn view(state: &State, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let area = centered(area, 84, area.height.saturating_sub(2));
    page.clear(area);
    let inner = page.panel(area, Line::from(" Keys "), true);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let lines = lines(state, scene);
    let most = lines.len().saturating_sub(usize::from(inner.height));
    state.top.set(state.top.get().min(most));
    page.lines(inner, &lines[state.top.get()..]);
}
