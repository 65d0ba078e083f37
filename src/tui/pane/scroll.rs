//! Lines that are longer than their place: where one is in them.

use std::cell::Cell;

use ratatui::layout::Rect;
use ratatui::text::Line;

use super::super::keymap::Action;
use super::super::look::Role;
use super::super::page::Page;

/// Where one is in some lines.
#[derive(Debug, Clone, Default)]
pub struct Scroll {
    top: Cell<usize>,
    /// Lines and height of the last frame.
    seen: Cell<(usize, usize)>,
}

impl Scroll {
    /// Moves; whether the action is a movement.
    pub fn update(&mut self, action: Action) -> bool {
        let (lines, height) = self.seen.get();
        let last = lines.saturating_sub(height);
        let page = height.saturating_sub(1).max(1);
        let top = self.top.get().min(last);
        let to = match action {
            Action::Up => top.saturating_sub(1),
            Action::Down => top + 1,
            Action::PageUp => top.saturating_sub(page),
            Action::PageDown => top + page,
            Action::Top => 0,
            Action::Bottom => last,
            _ => return false,
        };
        self.top.set(to.min(last));
        true
    }

    /// Moves so that some of the lines are seen in this height.
    pub fn reveal(&self, lines: &std::ops::Range<usize>, height: usize) {
        let low = lines.end.saturating_sub(height);
        self.top.set(self.top.get().max(low).min(lines.start));
    }

    /// Draws the lines that are seen, and signs where there are more.
    pub fn view(&self, lines: &[Line<'_>], area: Rect, page: &mut Page<'_>) {
        let height = usize::from(area.height);
        self.seen.set((lines.len(), height));
        if area.width == 0 || height == 0 {
            return;
        }
        let top = self.top.get().min(lines.len().saturating_sub(height));
        page.lines(area, &lines[top..]);
        let style = page.look.style(Role::Accent);
        let right = Rect { x: area.right() - 1, width: 1, height: 1, ..area };
        if top > 0 {
            page.line(right, page.look.sign("↑", "^"), style);
        }
        if lines.len() > top + height {
            let below = Rect { y: area.bottom() - 1, ..right };
            page.line(below, page.look.sign("↓", "v"), style);
        }
    }
}
