//! The canvas on the cells of the terminal.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::grid::{Grid, Pen};
use super::layout::{Cells, Path, Point};
use super::model::{Canvas, Channel, Detail, Gate, Round, Step};
use super::view::{CanvasState, Drawing, Pick};
use crate::base::flow::StepKind;
use crate::snapshot::{Class, GateLook};
use crate::tui::look::{Look, Role};
use crate::tui::text::{columns, fit, inert_line};

/// Where a canvas is drawn, and how.
struct Painter<'a> {
    canvas: &'a Canvas,
    drawing: &'a Drawing,
    area: Rect,
    /// The cell of the drawing at the first cell of the area.
    origin: Point,
    selected: Option<Pick>,
    look: Look,
}

/// Draws a canvas into an area without a frame.
pub fn draw(
    canvas: &Canvas,
    drawing: &Drawing,
    state: &CanvasState,
    area: Rect,
    buf: &mut Buffer,
    look: Look,
) {
    let area = area.intersection(buf.area);
    if area.is_empty() {
        return;
    }
    if canvas.steps.is_empty() {
        buf.set_stringn(area.x, area.y, "no steps", usize::from(area.width), look.style(Role::Dim));
        return;
    }
    let origin = state.origin(canvas, drawing, area.width, area.height);
    let selected = state.selection(canvas);
    let painter = Painter { canvas, drawing, area, origin, selected, look };
    painter.lines(buf);
    for (step, cells) in canvas.steps.iter().zip(&drawing.layout.nodes) {
        painter.step(step, *cells, buf);
    }
    for (channel, path) in canvas.channels.iter().zip(&drawing.layout.paths) {
        painter.arrow(channel, path, buf);
        for (gate, cells) in channel.gates.iter().zip(&path.labels) {
            painter.gate(channel, gate, *cells, buf);
        }
    }
}

/// How far a run is: `epoch 2 · cycle 1/5`.
pub fn round(round: Round, look: Look) -> String {
    let dot = look.sign("·", "-");
    format!("epoch {} {dot} cycle {}/{}", round.epoch, round.cycles, round.most)
}

/// The label of a gate without its brackets: name and sign.
pub fn gate_sign(gate: &Gate, look: Look) -> String {
    let count = |(have, need): (u32, u32)| {
        let width = need.to_string().len();
        format!("{have:>width$}/{need}")
    };
    match (gate.look, gate.count) {
        (Some(GateLook::Counting) | None, Some(tally)) => count(tally),
        (Some(GateLook::Open), _) => look.sign("✓", "+").to_owned(),
        (Some(GateLook::Waiting), _) => look.sign("▲", "!").to_owned(),
        (Some(GateLook::Rejected), _) => look.sign("✗", "x").to_owned(),
        (Some(GateLook::Error), _) => look.sign("!", "E").to_owned(),
        (Some(GateLook::Closed | GateLook::Counting) | None, _) => look.sign("·", ".").to_owned(),
    }
}

/// The style of a gate: the colour of its sign.
pub fn gate_style(gate: &Gate, look: Look) -> Style {
    match gate.look {
        Some(GateLook::Open) => look.class(Class::Done),
        Some(GateLook::Waiting) => look.class(Class::NeedsYou).add_modifier(Modifier::REVERSED),
        Some(GateLook::Rejected | GateLook::Error) => look.class(Class::Failed),
        Some(GateLook::Counting) if gate.is_opposed => look.class(Class::Failed),
        Some(GateLook::Counting) if gate.count.is_some_and(|(have, _)| have > 0) => {
            look.class(Class::Running)
        }
        Some(GateLook::Closed | GateLook::Counting) => look.style(Role::Dim),
        None if gate.is_human => look.style(Role::Accent),
        None => look.style(Role::Text),
    }
}

impl Painter<'_> {
    /// The place of a cell of the drawing on the screen.
    fn place(&self, (x, y): Point) -> Option<(u16, u16)> {
        let on = |at: i32, origin: i32, first: u16, size: u16| {
            let at = u16::try_from(at - origin).ok().filter(|&at| at < size)?;
            first.checked_add(at)
        };
        Some((
            on(x, self.origin.0, self.area.x, self.area.width)?,
            on(y, self.origin.1, self.area.y, self.area.height)?,
        ))
    }

    /// Writes a text that begins at a cell of the drawing; what is outside of the area is cut.
    fn write(&self, at: Point, text: &str, style: Style, buf: &mut Buffer) {
        let mut x = at.0;
        for c in text.chars() {
            let mut bytes = [0; 4];
            let sign = c.encode_utf8(&mut bytes);
            let wide = i32::try_from(columns(sign)).unwrap_or(1);
            let fits = self.place((x + wide - 1, at.1)).is_some() || wide == 0;
            if let Some((column, row)) = self.place((x, at.1)).filter(|_| fits && wide > 0) {
                buf.set_stringn(column, row, &*sign, 2, style);
            }
            x += wide;
        }
    }

    /// All lines and frames, joined where they meet.
    fn lines(&self, buf: &mut Buffer) {
        let mut grid = Grid::new(self.origin, self.area.width, self.area.height);
        for (channel, path) in self.canvas.channels.iter().zip(&self.drawing.layout.paths) {
            grid.line(&path.points, self.line_pen(channel));
        }
        for (step, cells) in self.canvas.steps.iter().zip(&self.drawing.layout.nodes) {
            let (right, bottom) = (cells.x + cells.width - 1, cells.y + cells.height - 1);
            let frame = [
                (cells.x, cells.y),
                (right, cells.y),
                (right, bottom),
                (cells.x, bottom),
                (cells.x, cells.y),
            ];
            grid.line(&frame, self.frame_pen(step));
        }
        for (x, y, cell) in grid.cells() {
            let mut bytes = [0; 4];
            let sign = cell.sign(self.look.ascii).encode_utf8(&mut bytes);
            buf.set_stringn(self.area.x + x, self.area.y + y, &*sign, 1, cell.style);
        }
    }

    /// Where work went, lines are heavy; those of the selection are marked.
    fn line_pen(&self, channel: &Channel) -> Pen {
        let is_near = match &self.selected {
            Some(Pick::Step(id)) => {
                [channel.from, channel.to].iter().any(|&step| self.canvas.steps[step].id == *id)
            }
            Some(Pick::Gate { channel: id, .. }) => channel.id == *id,
            None => false,
        };
        let arm = if channel.has_fired { 2 } else { 1 };
        let (strength, role) = match (channel.has_fired, is_near) {
            (true, true) => (4, Role::Accent),
            (true, false) => (3, Role::Dim),
            (false, true) => (2, Role::Focus),
            (false, false) => (1, Role::Border),
        };
        Pen { arm, strength, style: self.look.style(role) }
    }

    fn frame_pen(&self, step: &Step) -> Pen {
        let class = step.state.as_ref().map_or(Class::Idle, |state| state.class);
        let (arm, style) = match class {
            Class::NeedsYou | Class::Failed | Class::Stalled | Class::Running | Class::Starting => {
                (2, self.look.class(class))
            }
            Class::Done | Class::Parked => (1, self.look.class(class)),
            Class::Idle => (1, self.look.style(Role::Border)),
        };
        if self.is_selected(step) {
            return Pen { arm: 2, strength: 9, style: self.look.style(Role::Focus) };
        }
        Pen { arm, strength: 5, style }
    }

    fn is_selected(&self, step: &Step) -> bool {
        matches!(&self.selected, Some(Pick::Step(id)) if *id == step.id)
    }

    /// What stands in a box.
    fn step(&self, step: &Step, cells: Cells, buf: &mut Buffer) {
        let look = self.look;
        let inner = usize::try_from(cells.width - 4).unwrap_or(0);
        let (x, y) = (cells.x + 2, cells.y + 1);
        let is_selected = self.is_selected(step);
        if is_selected {
            let blank = " ".repeat(inner + 2);
            for row in 1..cells.height - 1 {
                self.write((cells.x + 1, cells.y + row), &blank, look.style(Role::Selected), buf);
            }
        }
        let over = |style: Style| {
            if is_selected { style.patch(look.style(Role::Selected)) } else { style }
        };
        let name = inert_line(&step.id, look);
        let is_ahead = step.state.as_ref().is_some_and(|state| state.class == Class::Idle);
        let name_style = over(look.style(if is_ahead { Role::Text } else { Role::Strong }));
        let (sign, sign_style) = self.step_sign(step);
        self.write((x, y), &sign.to_string(), over(sign_style), buf);
        self.write((x + 2, y), &fit(&name, inner.saturating_sub(2), look), name_style, buf);
        let slots = self.slots(step);
        let at_end = |text: &str| x + cells_of(inner.saturating_sub(columns(text)));
        match self.drawing.detail {
            Detail::Name => {
                self.spans((at_end(&plain(&slots)), y), &slots, &over, buf);
            }
            Detail::State => {
                self.write(
                    (x, y + 1),
                    &fit(&self.state_word(step), inner, look),
                    over(self.word_style(step)),
                    buf,
                );
                let role = vec![(inert_line(&step.role, look), look.style(Role::Dim))];
                let room = inner.saturating_sub(columns(&self.state_word(step)) + 1);
                let end = if slots.is_empty() { &role } else { &slots };
                let text = plain(end);
                if columns(&text) <= room && text != self.state_word(step) {
                    self.spans((at_end(&text), y + 1), end, &over, buf);
                }
            }
            Detail::Full => {
                self.write(
                    (x, y + 1),
                    &fit(&self.state_word(step), inner, look),
                    over(self.word_style(step)),
                    buf,
                );
                self.spans((at_end(&plain(&slots)), y + 1), &slots, &over, buf);
                self.write(
                    (x, y + 2),
                    &fit(&self.player(step), inner, look),
                    over(look.style(Role::Dim)),
                    buf,
                );
            }
        }
    }

    fn step_sign(&self, step: &Step) -> (char, Style) {
        if let Some(state) = &step.state {
            return (self.look.glyph(state.class), self.look.class(state.class));
        }
        let (unicode, ascii) = match step.kind {
            StepKind::Agent => ('◇', 'o'),
            StepKind::Command => ('$', '$'),
            StepKind::Human => ('☺', '@'),
            StepKind::End => ('■', '#'),
        };
        (self.look.sign(unicode, ascii), self.look.style(Role::Dim))
    }

    /// How a step stands; without a run, what kind of step it is.
    fn state_word(&self, step: &Step) -> String {
        match &step.state {
            Some(state) => state.word.to_owned(),
            None => inert_line(&step.role, self.look),
        }
    }

    fn word_style(&self, step: &Step) -> Style {
        match &step.state {
            Some(state) => self.look.class(state.class),
            None => self.look.style(Role::Dim),
        }
    }

    fn player(&self, step: &Step) -> String {
        let look = self.look;
        let player = inert_line(&step.player, look);
        match (&step.state, player.is_empty()) {
            (Some(_), true) => inert_line(&step.role, look),
            (Some(_), false) => {
                format!("{} {} {player}", inert_line(&step.role, look), look.sign("·", "-"))
            }
            (None, _) => player,
        }
    }

    /// The tasks of a step with several: how many are done, and each of them.
    fn slots(&self, step: &Step) -> Vec<(String, Style)> {
        let look = self.look;
        if step.slots < 2 {
            return Vec::new();
        }
        let dim = look.style(Role::Dim);
        let Some(state) = &step.state else {
            return vec![(format!("{}{}", look.sign("×", "x"), step.slots), dim)];
        };
        let mut spans = vec![(format!("{}/{}", state.done, step.slots), dim)];
        let shown = step.tasks_shown();
        if !shown.is_empty() {
            spans.push((" ".to_owned(), dim));
        }
        spans.extend(shown.iter().map(|&class| (look.glyph(class).to_string(), look.class(class))));
        spans
    }

    fn spans(
        &self,
        mut at: Point,
        spans: &[(String, Style)],
        over: &impl Fn(Style) -> Style,
        buf: &mut Buffer,
    ) {
        for (text, style) in spans {
            self.write(at, text, over(*style), buf);
            at.0 += cells_of(columns(text));
        }
    }

    /// The head of a line's arrow.
    fn arrow(&self, channel: &Channel, path: &Path, buf: &mut Buffer) {
        let [.., from, to] = path.points.as_slice() else { return };
        let sign = match ((to.0 - from.0).signum(), (to.1 - from.1).signum()) {
            (1, _) => self.look.sign("▸", ">"),
            (-1, _) => self.look.sign("◂", "<"),
            (_, 1) => self.look.sign("▾", "v"),
            _ => self.look.sign("▴", "^"),
        };
        let style = if channel.has_fired { Role::Strong } else { Role::Dim };
        self.write(*to, sign, self.look.style(style), buf);
    }

    fn gate(&self, channel: &Channel, gate: &Gate, cells: Cells, buf: &mut Buffer) {
        let look = self.look;
        let is_selected = matches!(
            &self.selected,
            Some(Pick::Gate { channel: id, gate: own }) if *id == channel.id && *own == gate.id
        );
        let style = gate_style(gate, look);
        let style = if is_selected {
            style.remove_modifier(Modifier::REVERSED).patch(look.style(Role::Selected))
        } else {
            style
        };
        let width = usize::try_from(cells.width).unwrap_or(0);
        let room = width.saturating_sub(3 + gate.sign_columns());
        let name = fit(&inert_line(gate.name(), look), room, look);
        let (open, close) = look.sign(("⟦", "⟧"), ("[", "]"));
        // A sign that is shorter than its room leaves the rest to the line.
        let label = format!("{open}{name} {}{close}", gate_sign(gate, look));
        self.write((cells.x, cells.y), &label, style, buf);
    }
}

fn plain(spans: &[(String, Style)]) -> String {
    spans.iter().map(|(text, _)| text.as_str()).collect()
}

fn cells_of(columns: usize) -> i32 {
    i32::try_from(columns).unwrap_or(i32::MAX)
}
