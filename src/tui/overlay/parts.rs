//! What overlays are drawn with: a frame in the middle, and the hints at its foot.

use std::cell::Cell;

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::keymap::Action;
use super::super::look::Role;
use super::super::page::{Page, Panel, Target};
use super::super::scene::Scene;

/// Lines of a page.
const PAGE: usize = 10;

/// Moves the first line that is shown; whether the action is a movement.
pub fn scrolled(top: &Cell<usize>, action: Action) -> bool {
    let at = top.get();
    top.set(match action {
        Action::Up | Action::ChooseUp => at.saturating_sub(1),
        Action::Down | Action::ChooseDown => at + 1,
        Action::PageUp | Action::ChoosePageUp => at.saturating_sub(PAGE),
        Action::PageDown | Action::ChoosePageDown => at + PAGE,
        Action::Top => 0,
        Action::Bottom => usize::MAX,
        _ => return false,
    });
    true
}

/// Draws the lines from the first one that is shown; whether there are more than are seen.
pub fn lines_from(top: &Cell<usize>, lines: &[Line<'_>], body: Rect, page: &mut Page<'_>) -> bool {
    let most = lines.len().saturating_sub(usize::from(body.height));
    top.set(top.get().min(most));
    page.lines(body, &lines[top.get()..]);
    most > 0
}

/// The middle of an area, at most this large.
pub fn centered(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    }
}

/// Draws an empty frame in the middle and returns what is inside of it, with a blank at both sides.
///
/// The last line inside is left for [`hints`].
pub fn frame(
    area: Rect,
    width: u16,
    height: u16,
    title: &str,
    scene: &Scene<'_>,
    page: &mut Page<'_>,
) -> Rect {
    let area = centered(area, width, height);
    page.clear(area);
    // A click beside what can be clicked is for nobody below.
    page.hit(area, Target::Panel(Panel::Overlay));
    let title = Span::styled(title.to_owned(), scene.look().style(Role::Strong));
    let inner = page.panel(area, Line::from(title), true);
    let side = u16::from(inner.width > 2);
    Rect { x: inner.x + side, width: inner.width - 2 * side, ..inner }
}

/// Draws what can be done, in these words, in the last line of a frame; each can be clicked.
pub fn hints(inner: Rect, actions: &[(Action, &str)], scene: &Scene<'_>, page: &mut Page<'_>) {
    if inner.height < 2 {
        return;
    }
    let look = scene.look();
    let y = inner.bottom() - 1;
    let mut x = inner.x;
    for (action, word) in actions {
        let Some(key) = scene.model.keys.key(*action) else { continue };
        let hint = Line::from(vec![
            Span::styled(key, look.style(Role::Key)),
            Span::styled(format!(" {word}"), look.style(Role::Dim)),
        ]);
        let width = u16::try_from(hint.width()).unwrap_or(u16::MAX);
        if x.saturating_add(width) > inner.right() {
            break;
        }
        let place = Rect { x, y, width, height: 1 };
        page.spans(place, &hint);
        page.hit(place, Target::Action(*action));
        x = x.saturating_add(width + 3);
    }
}
