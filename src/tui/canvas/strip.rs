//! The workflow in one or two lines: `planning ✓─⟦plan-pr ✓⟧─plan-review ●─…`.

use std::collections::BTreeMap;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::draw::{gate_sign, gate_style};
use super::graph::Ranks;
use super::model::{Canvas, Detail, Gate, Step};
use crate::snapshot::Class;
use crate::tui::look::{Look, Role};
use crate::tui::text::{columns, fit, inert_line};

/// Steps and gates that stand together, and are not broken over lines.
struct Word {
    spans: Vec<(String, Style)>,
    columns: usize,
    /// Whether it has to be seen rather than what comes before.
    is_now: bool,
}

/// Draws a workflow as one line of text in as many rows as there are; ways back are left out.
pub fn strip(canvas: &Canvas, area: Rect, buf: &mut Buffer, look: Look) {
    let area = area.intersection(buf.area);
    if area.is_empty() {
        return;
    }
    let width = usize::from(area.width);
    let lines = lines(words(canvas, look), width);
    let rows = usize::from(area.height);
    // What has been done long ago gives way to what happens now.
    let now = lines.iter().rposition(|line| line.iter().any(|word| word.is_now)).unwrap_or(0);
    let first = (now + 1).saturating_sub(rows).min(lines.len().saturating_sub(rows));
    for (row, line) in (area.y..area.y + area.height).zip(&lines[first..]) {
        let mut x = area.x;
        let mut room = width;
        for (text, style) in line.iter().flat_map(|word| &word.spans) {
            let text = fit(text, room, look);
            buf.set_stringn(x, row, &text, room, *style);
            let used = columns(&text);
            room -= used.min(room);
            x += u16::try_from(used).unwrap_or(u16::MAX);
            if room == 0 {
                break;
            }
        }
    }
}

/// Layers of steps, with the gates behind them.
fn words(canvas: &Canvas, look: Look) -> Vec<Word> {
    let ranks = Ranks::of(&canvas.graph(Detail::Name, false));
    let mut layers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (step, &rank) in ranks.of.iter().enumerate() {
        layers.entry(rank).or_default().push(step);
    }
    let line = look.style(Role::Border);
    let mut words: Vec<Word> = Vec::new();
    for (rank, steps) in layers {
        if rank > 0 {
            words.push(Word::of(vec![(look.sign("─", "-").to_owned(), line)], false));
            let mut gates: Vec<&Gate> = Vec::new();
            let channels = canvas.channels.iter().zip(&ranks.is_outer);
            let into =
                channels.filter(|(channel, is_outer)| !**is_outer && steps.contains(&channel.to));
            for gate in into.flat_map(|(channel, _)| &channel.gates) {
                if !gates.iter().any(|known| known.id == gate.id) {
                    gates.push(gate);
                }
            }
            for gate in gates {
                words.push(gate_word(gate, look));
                words.push(Word::of(vec![(look.sign("─", "-").to_owned(), line)], false));
            }
        }
        for (at, &step) in steps.iter().enumerate() {
            if at > 0 {
                words.push(Word::of(vec![(look.sign(" ∥ ", " | ").to_owned(), line)], false));
            }
            words.push(step_word(&canvas.steps[step], look));
        }
    }
    words
}

fn step_word(step: &Step, look: Look) -> Word {
    let class = step.state.as_ref().map_or(Class::Idle, |state| state.class);
    let name_role = match class {
        Class::Idle | Class::Done => Role::Dim,
        Class::NeedsYou | Class::Failed | Class::Stalled | Class::Running => Role::Strong,
        Class::Starting | Class::Parked => Role::Text,
    };
    let mut spans = vec![(format!("{} ", inert_line(&step.id, look)), look.style(name_role))];
    match &step.state {
        Some(state) if step.slots > 1 => {
            let shown = step.tasks_shown();
            let each = shown.iter().map(|&it| (look.glyph(it).to_string(), look.class(it)));
            spans.extend(each);
            if shown.is_empty() {
                let text = format!("{}/{}", state.done, step.slots);
                spans.push((text, look.class(class)));
            }
        }
        Some(_) => spans.push((look.glyph(class).to_string(), look.class(class))),
        None => {
            spans[0].0.pop();
        }
    }
    Word::of(spans, class < Class::Done)
}

fn gate_word(gate: &Gate, look: Look) -> Word {
    let (open, close) = look.sign(("⟦", "⟧"), ("[", "]"));
    let text = format!("{open}{} {}{close}", inert_line(gate.name(), look), gate_sign(gate, look));
    let is_now = gate.look == Some(crate::snapshot::GateLook::Waiting);
    Word::of(vec![(text, gate_style(gate, look))], is_now)
}

impl Word {
    fn of(spans: Vec<(String, Style)>, is_now: bool) -> Self {
        let columns = spans.iter().map(|(text, _)| columns(text)).sum();
        Self { spans, columns, is_now }
    }
}

fn lines(words: Vec<Word>, width: usize) -> Vec<Vec<Word>> {
    let mut lines: Vec<Vec<Word>> = Vec::new();
    let mut room = 0;
    for word in words {
        if word.columns > room || lines.is_empty() {
            room = width;
            lines.push(Vec::new());
        }
        room = room.saturating_sub(word.columns);
        if let Some(line) = lines.last_mut() {
            line.push(word);
        }
    }
    lines
}
