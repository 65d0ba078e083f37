//! The table of agents: one row each, in the order of attention.

use std::cell::Cell;

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::look::Role;
use super::super::page::{Page, Panel, Target};
use super::super::scene::Scene;
use super::super::text::{columns, inert_line, pad};
use super::crowd::{self, Shown};
use super::rows::Row;
use crate::base::time::human_ms;

/// Columns from which on the program and the cost are shown.
const WIDE: usize = 52;

/// Columns that the detail has before a long state is shown whole.
const DETAIL: usize = 16;

/// Columns below which the detail is left out.
const MIN_DETAIL: usize = 8;

/// Draws the rows; `scroll` is the first row of the last frame, and is moved so that the cursor is seen.
pub fn view(
    rows: &[Row],
    scroll: &Cell<usize>,
    scene: &Scene<'_>,
    area: Rect,
    page: &mut Page<'_>,
) {
    let look = scene.look();
    if area.height == 0 || area.width == 0 {
        return;
    }
    let head = Rect { height: 1, ..area };
    let body = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let cells = Cells::of(rows, usize::from(area.width));
    page.line(head, &cells.head(scene), look.style(Role::Dim));
    let body = crowd::strip(rows, scene, body, page);
    let selected = rows.iter().position(|row| Some(&row.target) == scene.selected());
    let lines = crowd::lines(rows);
    let cursor = lines.iter().position(|line| selected.is_some_and(|at| *line == Shown::Row(at)));
    // The lines of a card are seen with its head.
    let height = usize::from(body.height);
    let last = cursor.map(|at| {
        let under = lines[at + 1..].iter().take_while(|line| matches!(line, Shown::Under(..)));
        at + under.count().min(height.saturating_sub(1))
    });
    let top = kept_in_view(scroll, last, lines.len(), height);
    for (line, place) in lines.iter().skip(top).zip(body.rows()) {
        match line {
            Shown::Head(at) => page.spans(place, &crowd::head(rows, *at, scene)),
            Shown::Row(at) => page.spans(place, &cells.row(&rows[*at], scene)),
            Shown::Under(at, number) => {
                let said = inert_line(&rows[*at].lines[*number], look);
                page.line(place, &format!("     {said}"), look.style(Role::Dim));
            }
        }
        if let Shown::Row(at) | Shown::Under(at, _) = *line {
            if Some(at) == selected {
                let is_focused = scene.model.panel == Panel::List;
                page.paint(place, if is_focused { Role::Selected } else { Role::Marked });
            }
            page.hit(place, Target::Row(Panel::List, at));
        }
    }
}

/// The first row to show, so that the selected one is seen; remembered for the next frame.
pub fn kept_in_view(
    scroll: &Cell<usize>,
    selected: Option<usize>,
    count: usize,
    height: usize,
) -> usize {
    let mut top = scroll.get().min(count.saturating_sub(height));
    if let Some(selected) = selected {
        top = top.min(selected);
        if height > 0 && selected >= top + height {
            top = selected + 1 - height;
        }
    }
    scroll.set(top);
    top
}

/// Widths of the columns.
struct Cells {
    name: usize,
    agent: usize,
    state: usize,
    detail: usize,
    is_wide: bool,
}

impl Cells {
    fn of(rows: &[Row], width: usize) -> Self {
        let widest = |of: fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or(0);
        let name = widest(|row| columns(&label(row))).clamp(8, 24);
        let is_wide = width >= WIDE;
        let agent = if is_wide { widest(|row| columns(&row.agent)).clamp(5, 10) } else { 0 };
        // Sign, tag, blanks between, time and cost.
        let fixed = 3 + name + 1 + if is_wide { agent + 1 + 7 } else { 0 } + 7;
        let rest = width.saturating_sub(fixed + 1);
        let wanted = widest(|row| columns(&state(row))).max(8);
        // The state may be long when the detail keeps its room; a sliver of detail tells nothing.
        let state = rest.min(wanted.clamp(8, 16).max(wanted.min(rest.saturating_sub(DETAIL + 1))));
        let detail = rest.saturating_sub(state + 1);
        if detail < MIN_DETAIL {
            return Self { name, agent, state: rest.saturating_sub(1), detail: 0, is_wide };
        }
        Self { name, agent, state, detail, is_wide }
    }

    fn head(&self, scene: &Scene<'_>) -> String {
        let look = scene.look();
        let mut text = format!("   {} ", pad("task", self.name, look));
        if self.is_wide {
            text.push_str(&pad("agent", self.agent, look));
            text.push(' ');
        }
        text.push_str(&pad("state", self.state, look));
        text.push(' ');
        text.push_str(&pad("", self.detail, look));
        text.push_str(if self.is_wide { "   time      $" } else { "   time" });
        text
    }

    fn row(&self, row: &Row, scene: &Scene<'_>) -> Line<'static> {
        let look = scene.look();
        let style = look.class(row.class);
        let tag =
            if scene.model.tagged.contains(&row.target) { look.sign("◆", "#") } else { " " };
        let mut spans = vec![
            Span::styled(tag, look.style(Role::Accent)),
            Span::styled(format!("{} ", look.glyph(row.class)), style),
            Span::raw(format!("{} ", pad(&label(row), self.name, look))),
        ];
        if self.is_wide {
            let agent = format!("{} ", pad(&row.agent, self.agent, look));
            spans.push(Span::styled(agent, look.style(Role::Dim)));
        }
        spans.push(Span::styled(
            format!("{} ", pad(&inert_line(&state(row), look), self.state, look)),
            style,
        ));
        let detail = pad(&inert_line(&row.detail, look), self.detail, look);
        spans.push(Span::styled(detail, look.style(Role::Dim)));
        let time = if row.active_ms > 0 { clock(row.active_ms) } else { String::new() };
        spans.push(Span::raw(format!("{time:>7}")));
        if self.is_wide {
            spans.push(Span::styled(format!("{:>7}", cost(row)), look.style(Role::Dim)));
        }
        Line::from(spans)
    }
}

/// The run and the task: `#5 coding`.
fn label(row: &Row) -> String {
    if row.name.is_empty() {
        format!("#{}", row.target.run)
    } else {
        format!("#{} {}", row.target.run, row.name)
    }
}

fn state(row: &Row) -> String {
    if row.is_new { format!("{}·new", row.state) } else { row.state.clone() }
}

/// Minutes and seconds, as a clock shows them; longer times in words.
pub fn clock(ms: u64) -> String {
    let seconds = ms / 1_000;
    if seconds < 3_600 {
        return format!("{}:{:02}", seconds / 60, seconds % 60);
    }
    human_ms(seconds / 60 * 60_000)
}

/// Money; what nobody told is unknown, and never nothing.
fn cost(row: &Row) -> String {
    match (row.cost, row.is_unpriced) {
        (Some(usd), false) => format!("{usd:.2}"),
        (Some(usd), true) => format!("{usd:.2}+"),
        (None, true) => "?".to_owned(),
        (None, false) => String::new(),
    }
}
