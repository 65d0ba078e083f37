//! Messages of a task or of a whole run: who said what to whom, and how far it came.
//!
//! What is still queued stands in a strip of its own, because it can be taken back.

use std::collections::BTreeSet;

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::keymap::Action;
use super::super::look::{Look, Role};
use super::super::markdown;
use super::super::page::Page;
use super::super::scene::Scene;
use super::super::text::{columns, fit, inert_line};
use super::scroll::Scroll;
use crate::base::TaskId;
use crate::event::message::{Delivery, MessageKind, MessagePriority};
use crate::snapshot::{Class, MessageRow};

/// Lines of the strip of what is queued, at most.
const QUEUE_LINES: usize = 4;

/// Where one is in the messages.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// The message under the cursor; absent for the newest one.
    selected: Option<String>,
    scroll: Scroll,
}

/// Messages from or to a task; all of them without one.
pub fn thread<'a>(messages: &'a [MessageRow], task: Option<&TaskId>) -> Vec<&'a MessageRow> {
    let task = task.map(ToString::to_string);
    let is_of = |row: &&MessageRow| {
        task.as_ref().is_none_or(|task| {
            let message = &row.message;
            message.to == *task
                || message.to == "run"
                || message.from == *task
                || message.from.strip_prefix("task:") == Some(task)
                || row.delivered.iter().any(|receipt| receipt.task == *task)
        })
    };
    messages.iter().filter(is_of).collect()
}

/// Whether nobody has it yet, so that it can be taken back.
pub fn is_queued(row: &MessageRow) -> bool {
    row.state == "sent" && row.dead.is_none() && row.message.to != "human"
}

impl State {
    /// The message under the cursor.
    pub fn selected<'a>(&self, thread: &[&'a MessageRow]) -> Option<&'a MessageRow> {
        let known = self.selected.as_ref();
        let found = known.and_then(|id| thread.iter().find(|row| row.message.id == *id));
        found.or(thread.last()).copied()
    }

    /// Moves the cursor; whether the action is a movement.
    pub fn update(&mut self, action: Action, thread: &[&MessageRow]) -> bool {
        let last = thread.len().saturating_sub(1);
        let now = self.selected(thread).map(|row| row.message.id.as_str());
        let at = thread.iter().position(|row| Some(row.message.id.as_str()) == now).unwrap_or(last);
        let to = match action {
            Action::Up => at.saturating_sub(1),
            Action::Down => at + 1,
            Action::Top => 0,
            Action::Bottom => last,
            _ => return self.scroll.update(action),
        };
        self.selected = thread.get(to.min(last)).map(|row| row.message.id.clone());
        true
    }
}

/// Draws the messages.
pub fn view(
    state: &State,
    messages: &[MessageRow],
    task: Option<&TaskId>,
    scene: &Scene<'_>,
    area: Rect,
    page: &mut Page<'_>,
) {
    let look = scene.look();
    let thread = thread(messages, task);
    if thread.is_empty() {
        let words = match task {
            Some(_) => "no messages; `s` writes one",
            None => "no messages were sent in this run",
        };
        return page.line(area, words, look.style(Role::Dim));
    }
    let selected = state.selected(&thread).map(|row| row.message.id.as_str());
    let queued: Vec<&MessageRow> = thread.iter().copied().filter(|row| is_queued(row)).collect();
    let strip =
        if queued.is_empty() || area.height < 8 { 0 } else { queued.len().min(QUEUE_LINES) + 1 };
    let strip = u16::try_from(strip).unwrap_or(0);
    let body = Rect { height: area.height - strip, ..area };
    let width = usize::from(area.width);
    let mut lines = Vec::new();
    let mut under = 0..0;
    for row in &thread {
        let is_selected = Some(row.message.id.as_str()) == selected;
        let start = lines.len();
        lines.extend(message(row, task, scene, width, is_selected));
        if is_selected {
            under = start..lines.len();
        }
    }
    state.scroll.reveal(&under, usize::from(body.height));
    state.scroll.view(&lines, body, page);
    if strip > 0 {
        let place = Rect { y: body.bottom(), height: strip, ..area };
        outbox(&queued, selected, scene, place, page);
    }
}

/// One message: who, when and how far it came; below it what it says.
fn message(
    row: &MessageRow,
    task: Option<&TaskId>,
    scene: &Scene<'_>,
    width: usize,
    is_selected: bool,
) -> Vec<Line<'static>> {
    let look = scene.look();
    let message = &row.message;
    let role = if is_selected { Role::Accent } else { Role::Strong };
    let mark = if is_selected { look.sign("▌ ", "> ") } else { "  " };
    let mut spans = vec![
        Span::styled(mark, look.style(Role::Accent)),
        Span::styled(format!("{} ", scene.time(message.at)), look.style(Role::Faint)),
        Span::styled(name(&message.from, look), look.style(role)),
        Span::styled(look.sign(" → ", " -> "), look.style(Role::Dim)),
        Span::styled(name(&message.to, look), look.style(role)),
    ];
    if let Some(word) = kind(row) {
        spans.push(Span::styled(format!("  {word}"), look.style(Role::Dim)));
    }
    let (class, receipt) = receipt(row, task);
    let receipt = inert_line(&receipt, look);
    let used: usize = spans.iter().map(|span| columns(&span.content)).sum();
    let sign = format!("{} ", look.glyph(class));
    let wide = columns(&sign) + columns(&receipt);
    let mut lines = Vec::new();
    // The last columns are for the signs that there are more messages.
    if used + wide + 4 <= width {
        spans.push(Span::raw(" ".repeat(width - used - wide - 2)));
        spans.push(Span::styled(sign + &receipt, look.class(class)));
        lines.push(Line::from(spans));
    } else {
        lines.push(Line::from(spans));
        let text = fit(&receipt, width.saturating_sub(6), look);
        lines.push(Line::styled(format!("    {sign}{text}"), look.class(class)));
    }
    for mut line in markdown::render(&message.text, width.saturating_sub(4).max(1), look) {
        line.spans.insert(0, Span::raw("    "));
        lines.push(line);
    }
    lines.push(Line::default());
    lines
}

/// A sender or an address, without what only programs need.
fn name(actor: &str, look: Look) -> String {
    let plain = actor.strip_prefix("human:").or(actor.strip_prefix("task:")).unwrap_or(actor);
    let word = match plain {
        "run" => "everyone",
        "human" => "you",
        "supervisor" => "crew",
        other => other,
    };
    inert_line(word, look)
}

/// What it is beside a message.
fn kind(row: &MessageRow) -> Option<&'static str> {
    let kind = match row.message.kind {
        MessageKind::Message | MessageKind::Steer | MessageKind::FollowUp => None,
        MessageKind::Question => Some("question"),
        MessageKind::Answer => Some("answer"),
        MessageKind::Verdict => Some("verdict"),
        MessageKind::System => Some("from crew"),
    };
    let urgent = (row.message.priority == MessagePriority::Urgent).then_some("urgent");
    urgent.or(kind)
}

/// How far it came, for its reader: the task's own receipts need not name the task.
fn receipt(row: &MessageRow, task: Option<&TaskId>) -> (Class, String) {
    let task = task.map(ToString::to_string);
    let named = |receipts: &[crate::snapshot::ReceiptRow]| {
        let name = |receipt: &crate::snapshot::ReceiptRow| {
            if Some(&receipt.task) == task.as_ref() {
                format!("attempt {}", receipt.attempt)
            } else {
                format!("{} (attempt {})", receipt.task, receipt.attempt)
            }
        };
        let names: BTreeSet<String> = receipts.iter().map(name).collect();
        names.into_iter().collect::<Vec<_>>().join(", ")
    };
    if !row.acked.is_empty() {
        return (Class::Done, format!("read by {}", named(&row.acked)));
    }
    if !row.delivered.is_empty() {
        return (Class::Running, format!("given to {}", named(&row.delivered)));
    }
    match &row.dead {
        Some(why) => (Class::Failed, format!("not delivered: {why}")),
        None if row.message.to == "human" => (Class::NeedsYou, "for you".to_owned()),
        None => (Class::Parked, queued_words(row).to_owned()),
    }
}

fn queued_words(row: &MessageRow) -> &'static str {
    match row.message.delivery {
        Delivery::Interrupt => "queued, goes in as soon as it can",
        Delivery::NextTurn => "queued for the next turn",
    }
}

/// What nobody has yet.
fn outbox(
    queued: &[&MessageRow],
    selected: Option<&str>,
    scene: &Scene<'_>,
    area: Rect,
    page: &mut Page<'_>,
) {
    let look = scene.look();
    let rule = look.sign("─", "-").repeat(usize::from(area.width));
    page.line(area, &rule, look.style(Role::Border));
    page.line(area, "outbox ", look.style(Role::Dim));
    let rows = area.rows().skip(1);
    let hidden = queued.len().saturating_sub(usize::from(area.height.saturating_sub(1)));
    for (row, place) in queued.iter().skip(hidden).zip(rows) {
        let is_selected = Some(row.message.id.as_str()) == selected;
        let key = if is_selected {
            format!("  [{}] retract", scene.model.key(Action::Retract))
        } else {
            String::new()
        };
        let now = match row.message.delivery {
            Delivery::Interrupt => "now",
            Delivery::NextTurn => "next turn",
        };
        let dot = look.sign("·", "-");
        let more = format!("  queued {dot} {now}");
        let room = usize::from(place.width).saturating_sub(columns(&more) + columns(&key) + 3);
        let text = fit(&inert_line(&row.message.text, look), room.saturating_sub(2), look);
        let line = Line::from(vec![
            Span::styled(format!("{} ", look.glyph(Class::Parked)), look.class(Class::Parked)),
            Span::raw(format!("\"{text}\"")),
            Span::styled(more, look.style(Role::Dim)),
            Span::styled(key, look.style(Role::Key)),
        ]);
        page.spans(place, &line);
    }
}
