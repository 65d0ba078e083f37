//! Lines between panels that the mouse can drag; where they are is remembered.

use ratatui::layout::Rect;

use super::model::Model;
use super::page::{Page, Target};
use super::scene::Scene;

/// Percent of the width that each side keeps.
const LEAST: u16 = 15;

/// A line between two panels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Divider {
    /// Names it where it is remembered.
    name: &'static str,
    /// The first column of what it divides.
    from: u16,
    /// The columns of what it divides.
    width: u16,
}

/// The columns at the left of a line: where a person has dragged it, or else this share of the width.
pub fn left(scene: &Scene<'_>, name: &str, area: Rect, percent: u16) -> u16 {
    let dragged = scene.model.memory.dividers.get(name).copied();
    let percent = dragged.unwrap_or(percent).clamp(LEAST, 100 - LEAST);
    u16::try_from((u32::from(area.width) * u32::from(percent) + 50) / 100).unwrap_or(area.width)
}

/// Makes the line before this column one that can be dragged.
///
/// To be called after both sides were drawn: what lies on the line later is found first.
pub fn hit(name: &'static str, area: Rect, column: u16, page: &mut Page<'_>) {
    let line = Rect { x: column.saturating_sub(1), width: 2, ..area }.intersection(area);
    // The first row of a frame has its title and its tabs.
    let line = Rect { y: line.y + 1, height: line.height.saturating_sub(2), ..line };
    page.hit(line, Target::Divider(Divider { name, from: area.x, width: area.width }));
}

/// Drags the line that is held to a column; whether one is held.
pub fn drag(model: &mut Model, column: u16) -> bool {
    let Some(Divider { name, from, width }) = model.dragged else { return false };
    let part = u32::from(column.saturating_sub(from)) * 100 / u32::from(width.max(1));
    let percent = u16::try_from(part).unwrap_or(100).clamp(LEAST, 100 - LEAST);
    model.memory.dividers.insert(name.to_owned(), percent);
    true
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

    use crate::snapshot::sample;
    use crate::tui::msg::Msg;
    use crate::tui::testing::{Stage, UNICODE, run_of};

    fn mouse(stage: &mut Stage, kind: MouseEventKind, column: u16) {
        let event = MouseEvent { kind, column, row: 10, modifiers: KeyModifiers::NONE };
        stage.happens(Msg::Mouse(event));
    }

    fn edge(stage: &mut Stage) -> u16 {
        let screen = stage.draw((120, 36), UNICODE);
        let line = screen.lines().nth(10).unwrap_or_default().chars();
        let at = line.enumerate().skip(1).find(|(_, c)| *c == '│').map(|(at, _)| at);
        u16::try_from(at.unwrap_or(0)).unwrap()
    }

    #[test]
    fn the_line_between_list_and_inspector_follows_the_mouse_and_stays_there() {
        let mut stage = Stage::new(vec![run_of(sample::records(sample::started()))]);
        let before = edge(&mut stage);
        mouse(&mut stage, MouseEventKind::Down(MouseButton::Left), before);
        mouse(&mut stage, MouseEventKind::Drag(MouseButton::Left), 80);
        let dragged = edge(&mut stage);
        assert!((77..=81).contains(&dragged), "{before} {dragged}");
        mouse(&mut stage, MouseEventKind::Drag(MouseButton::Left), 119);
        assert!(edge(&mut stage) < 105, "both sides stay to be seen");
        mouse(&mut stage, MouseEventKind::Up(MouseButton::Left), 119);
        let left = edge(&mut stage);
        mouse(&mut stage, MouseEventKind::Drag(MouseButton::Left), 40);
        assert_eq!(edge(&mut stage), left, "nothing is held any more");
        let text = serde_json::to_string(&stage.model.memory).unwrap();
        assert!(text.contains(r#""dividers":{"fleet":85}"#), "{text}");
    }
}
