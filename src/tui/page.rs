//! Where views draw: the cells of a frame, and what the mouse finds on them.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Block, Widget};

use super::divider::Divider;
use super::keymap::Action;
use super::look::{Look, Role};
use super::text::fit;

/// What is at a place of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A hint or a button.
    Action(Action),
    /// A row of a list, by its position in the list.
    Row(Panel, usize),
    /// A panel, anywhere else.
    Panel(Panel),
    /// Something on the canvas, by its position among all that can be selected there.
    Canvas(usize),
    /// A workflow file, by its position in the list.
    File(usize),
    /// A tab of the inspector.
    Tab(usize),
    /// A line between two panels.
    Divider(Divider),
    /// A moment of the run that is replayed, by its event.
    Moment(u64),
}

/// A part of a screen that can take the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Panel {
    /// The list of the screen.
    List,
    /// The workflow strip.
    Strip,
    /// What shows the thing under the cursor.
    Inspector,
    /// What happened.
    Events,
    /// What lies over the screen.
    Overlay,
}

/// One frame while it is drawn.
pub struct Page<'a> {
    /// The cells.
    pub buf: &'a mut Buffer,
    /// How it looks.
    pub look: Look,
    /// What the mouse finds, the last on top.
    pub hits: Vec<(Rect, Target)>,
    /// Where the cursor of a text field stands.
    pub cursor: Option<Position>,
}

impl<'a> Page<'a> {
    /// An empty frame.
    pub fn new(buf: &'a mut Buffer, look: Look) -> Self {
        Self { buf, look, hits: Vec::new(), cursor: None }
    }

    /// The whole frame.
    pub fn area(&self) -> Rect {
        self.buf.area
    }

    /// Remembers what is at a place.
    pub fn hit(&mut self, area: Rect, target: Target) {
        self.hits.push((area, target));
    }

    /// Draws the frame of a panel and returns what is inside of it.
    pub fn panel(&mut self, area: Rect, title: Line<'_>, is_focused: bool) -> Rect {
        let role = if is_focused { Role::Focus } else { Role::Border };
        let block = Block::bordered()
            .border_set(self.look.border())
            .border_style(self.look.style(role))
            .title(title);
        let inner = block.inner(area);
        block.render(area, self.buf);
        inner
    }

    /// Draws one line of text, cut to the area.
    pub fn line(&mut self, area: Rect, text: &str, style: Style) {
        if area.height > 0 && area.width > 0 {
            let text = fit(text, usize::from(area.width), self.look);
            self.buf.set_string(area.x, area.y, text, style);
        }
    }

    /// Draws a line of spans, cut to the area.
    pub fn spans(&mut self, area: Rect, line: &Line<'_>) {
        if area.height > 0 && area.width > 0 {
            self.buf.set_line(area.x, area.y, line, area.width);
        }
    }

    /// Draws lines from the top of the area, as many as fit.
    pub fn lines(&mut self, area: Rect, lines: &[Line<'_>]) {
        for (line, row) in lines.iter().zip(area.rows()) {
            self.spans(row, line);
        }
    }

    /// Gives every cell of an area a style on top of its own.
    pub fn paint(&mut self, area: Rect, role: Role) {
        let style = self.look.style(role);
        self.buf.set_style(area.intersection(self.buf.area), style);
    }

    /// Empties an area for what lies over it.
    pub fn clear(&mut self, area: Rect) {
        ratatui::widgets::Clear.render(area, self.buf);
        let covered = area;
        self.hits
            .retain(|(rect, _)| !covered.intersects(*rect) || covered.intersection(*rect) != *rect);
    }

    /// What is at a cell.
    pub fn at(hits: &[(Rect, Target)], x: u16, y: u16) -> Option<&(Rect, Target)> {
        hits.iter().rev().find(|(rect, _)| rect.contains(Position::new(x, y)))
    }
}
