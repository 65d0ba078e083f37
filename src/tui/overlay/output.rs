//! What a command has printed, to be read over the screen.

use std::cell::{Cell, RefCell};

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::keymap::{Action, Scope};
use super::super::look::{Look, Role};
use super::super::model::Model;
use super::super::msg::{Call, Called};
use super::super::page::Page;
use super::super::scene::Scene;
use super::super::text::{fit, inert, inert_line, wrap};
use super::super::update::Data;
use super::{Flow, Layer, frame, hints};
use crate::base::text::tail;

/// Bytes of output that are shown, the last.
const BYTES_MAX: usize = 512 << 10;
/// Rows of a page.
const PAGE: usize = 15;

/// What a command has printed.
#[derive(Debug, Clone)]
pub struct State {
    call: u64,
    line: String,
    ended: Option<Called>,
    top: Cell<usize>,
    /// The lines at a width: a long output is laid out once.
    laid: RefCell<Option<(u16, Vec<Line<'static>>)>>,
}

impl State {
    /// The output of a command that has just been started.
    pub fn new(call: &Call) -> Self {
        Self {
            call: call.id,
            line: call.line(),
            ended: None,
            top: Cell::new(0),
            laid: RefCell::new(None),
        }
    }

    fn lay(&self, width: u16, look: Look) -> Vec<Line<'static>> {
        let Some(ended) = &self.ended else {
            return vec![Line::styled(inert_line("it runs …", look), look.style(Role::Dim))];
        };
        let mut lines = Vec::new();
        for (text, style) in [(&ended.out, Style::new()), (&ended.err, look.style(Role::Quiet))] {
            for line in inert(tail(text, BYTES_MAX), look).trim_end().lines() {
                lines.extend(wrap(
                    vec![Span::styled(line.to_owned(), style)],
                    usize::from(width),
                    4,
                ));
            }
        }
        if lines.is_empty() {
            lines.push(Line::styled("it printed nothing", look.style(Role::Dim)));
        }
        lines
    }
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
            Action::PageUp => self.top.set(top.saturating_sub(PAGE)),
            Action::PageDown => self.top.set(top + PAGE),
            Action::Top => self.top.set(0),
            Action::Bottom => self.top.set(usize::MAX),
            Action::Back | Action::Quit | Action::Open => return Flow::CLOSE,
            _ => {}
        }
        Flow::STAY
    }

    fn tells_of(&self, call: u64) -> bool {
        self.call == call
    }

    fn called(&mut self, _model: &mut Model, _data: &Data<'_>, called: &Called) -> Flow {
        if called.call.id == self.call {
            self.ended = Some(called.clone());
            *self.laid.borrow_mut() = None;
        }
        Flow::STAY
    }

    fn view(&self, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
        let look = scene.look();
        let width = area.width.saturating_sub(4);
        let title = match self.ended.as_ref().map(|ended| ended.code) {
            Some(Some(0)) | None => format!(" {} ", self.line),
            Some(Some(code)) => format!(" {}: exit {code} ", self.line),
            Some(None) => format!(" {}: not run ", self.line),
        };
        let title = inert_line(&title, look);
        let title = format!(" {} ", fit(&title, usize::from(width).saturating_sub(4), look));
        let inner = frame(area, width, area.height.saturating_sub(2), &title, scene, page);
        let body = Rect { height: inner.height.saturating_sub(2), ..inner };
        let mut laid = self.laid.borrow_mut();
        let is_laid = laid.as_ref().is_some_and(|(width, _)| *width == body.width);
        if !is_laid {
            *laid = Some((body.width, self.lay(body.width, look)));
        }
        let lines = laid.as_ref().map_or(&[][..], |(_, lines)| lines);
        let most = lines.len().saturating_sub(usize::from(body.height));
        self.top.set(self.top.get().min(most));
        page.lines(body, &lines[self.top.get()..]);
        hints(
            inner,
            &[(Action::Back, "close"), (Action::PageDown, "on"), (Action::PageUp, "back")],
            scene,
            page,
        );
    }
}
