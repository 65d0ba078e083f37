//! The keys that are valid here, from the one table.

use std::cell::Cell;

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::keymap::{Action, BINDINGS, Binding, Scope};
use super::super::look::Role;
use super::super::model::Model;
use super::super::page::Page;
use super::super::scene::Scene;
use super::super::text::pad;
use super::super::update::Data;
use super::field::Field;
use super::filter::matches;
use super::parts::{lines_from, scrolled};
use super::{Flow, Layer, frame, hints};

/// Columns of the keys.
const KEYS: usize = 20;
/// Columns of what they do, where the names for the configuration stand behind.
const HELP: usize = 58;
/// Columns of the whole.
const WIDTH: u16 = 104;

/// The keys that are valid here.
#[derive(Debug, Clone)]
pub struct State {
    scopes: Vec<Scope>,
    top: Cell<usize>,
    search: Field,
    is_searching: bool,
}

impl State {
    /// The keys for a screen with these scopes, the innermost first.
    pub fn new(scopes: Vec<Scope>) -> Self {
        Self { scopes, top: Cell::new(0), search: Field::line(""), is_searching: false }
    }
}

impl Layer for State {
    fn scopes(&self) -> Vec<Scope> {
        if self.is_searching {
            vec![Scope::Choose, Scope::Edit]
        } else {
            vec![Scope::List, Scope::Global]
        }
    }

    fn field(&mut self) -> Option<&mut Field> {
        self.is_searching.then_some(&mut self.search)
    }

    fn wrote(&mut self, _model: &mut Model, _data: &Data<'_>) {
        self.top.set(0);
    }

    fn update(&mut self, _model: &mut Model, _data: &Data<'_>, action: Action) -> Flow {
        match action {
            Action::Filter => self.is_searching = true,
            Action::Choose | Action::Submit => self.is_searching = false,
            Action::Cancel | Action::Back if !self.search.is_blank() || self.is_searching => {
                self.search.set("");
                self.is_searching = false;
            }
            Action::Back | Action::Help | Action::Quit | Action::Open => return Flow::CLOSE,
            _ => {
                scrolled(&self.top, action);
            }
        }
        Flow::STAY
    }

    fn view(&self, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
        let look = scene.look();
        let inner = frame(area, WIDTH, area.height.saturating_sub(2), " Keys ", scene, page);
        let body = Rect { height: inner.height.saturating_sub(2), ..inner };
        let lines = lines(self, scene, usize::from(inner.width));
        if lines.is_empty() {
            page.line(body, "no key does that", look.style(Role::Dim));
        }
        lines_from(&self.top, &lines, body, page);
        if self.is_searching || !self.search.is_blank() {
            let line = Rect { y: inner.bottom() - 1, height: 1, ..inner };
            page.spans(line, &Line::from(Span::styled("/", look.style(Role::Accent))));
            let text = Rect { x: line.x + 1, width: line.width.saturating_sub(1), ..line };
            self.search.view("what a key does, or its name", self.is_searching, look, text, page);
        } else {
            hints(
                inner,
                &[(Action::Filter, "search"), (Action::PageDown, "on"), (Action::Back, "close")],
                scene,
                page,
            );
        }
    }
}

/// Every binding that matches: first those of the scopes that hold, then the others.
fn lines(state: &State, scene: &Scene<'_>, width: usize) -> Vec<Line<'static>> {
    let look = scene.look();
    let search = state.search.text();
    let mut scopes = state.scopes.clone();
    for row in BINDINGS {
        if !scopes.contains(&row.scope) {
            scopes.push(row.scope);
        }
    }
    let mut lines = Vec::new();
    for scope in scopes {
        let keys_of = |row: &Binding| {
            let keys = scene.model.keys.keys(row.action);
            keys.iter().map(ToString::to_string).collect::<Vec<_>>().join("  ")
        };
        let rows: Vec<(&Binding, String)> = BINDINGS
            .iter()
            .filter(|row| row.scope == scope)
            .map(|row| (row, keys_of(row)))
            .filter(|(row, keys)| {
                let text = format!("{keys} {} {} {}", row.help, row.action.name(), scope.title());
                matches(&search, &text.to_lowercase())
            })
            .collect();
        if rows.is_empty() {
            continue;
        }
        let title = if state.scopes.contains(&scope) {
            scope.title().to_owned()
        } else {
            format!("{} (not here)", scope.title())
        };
        lines.push(Line::styled(title, look.style(Role::Accent)));
        for (row, keys) in rows {
            let mut spans =
                vec![Span::raw("  "), Span::styled(pad(&keys, KEYS, look), look.style(Role::Key))];
            if width > KEYS + HELP + 8 {
                spans.push(Span::raw(pad(row.help, HELP, look)));
                spans.push(Span::styled(row.action.name(), look.style(Role::Faint)));
            } else {
                spans.push(Span::raw(row.help));
            }
            lines.push(Line::from(spans));
        }
        lines.push(Line::default());
    }
    if search.trim().is_empty() {
        let text = "names at the right are for `[ui.keys]` in the configuration";
        lines.push(Line::styled(text, look.style(Role::Dim)));
    }
    lines
}
