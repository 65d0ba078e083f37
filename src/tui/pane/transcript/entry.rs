//! One thing that an agent did, as lines.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::Shown;
use crate::base::Time;
use crate::base::text::{count, middle_cut, one_line};
use crate::base::time::human_ms;
use crate::client::pager::{Item, ToolCall};
use crate::client::transcript::Kind;
use crate::snapshot::Class;
use crate::tui::code;
use crate::tui::look::{Look, Role};
use crate::tui::markdown;
use crate::tui::text::{columns, fit, inert, inert_line, wrap};

/// Columns of the time of day, with a blank behind it.
const TIME: usize = 9;
/// Columns from which on the time of day is shown.
const TIME_FROM: usize = 60;
/// Columns that the name of a tool takes at least.
const TOOL: usize = 6;
/// Lines of a patch or an output that are shown when all is shown.
const BODY_LINES: usize = 120;
/// Lines that a line of a program takes that nobody understands, unless all is shown.
const RAW_LINES: usize = 2;
/// Bytes of one entry that are drawn.
const TEXT_BYTES_MAX: usize = 48 << 10;

/// How one entry is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) width: usize,
    pub(super) look: Look,
    pub(super) has_times: bool,
    /// Plain text: lines, not Markdown.
    pub(super) is_plain: bool,
    /// All of it: thinking, results, changed lines.
    pub(super) is_open: bool,
    /// An empty line stands before it.
    pub(super) is_apart: bool,
}

/// Whether an empty line stands between two entries.
pub(super) fn is_apart(before: Kind, after: Kind) -> bool {
    let is_prose = |kind: Kind| {
        matches!(kind, Kind::Text | Kind::Result | Kind::Question | Kind::Request | Kind::Told)
    };
    let is_answer = matches!(after, Kind::Answer);
    !is_answer && (is_prose(before) || is_prose(after))
}

/// The lines of an entry.
pub(super) fn lines(item: &Item, form: Form, shown: &Shown<'_>) -> Vec<Line<'static>> {
    let time = if form.has_times && form.width >= TIME_FROM { TIME } else { 0 };
    let width = (form.width - time).max(1);
    let mut lines = body(item, Form { width, ..form }, shown);
    if time > 0 {
        let blank = " ".repeat(TIME);
        let at = item.at.map_or(blank.clone(), |at| format!("{} ", shown.time(at)));
        let mut first = Some(Span::styled(at, form.look.style(Role::Faint)));
        for line in &mut lines {
            let before = first.take().unwrap_or_else(|| Span::raw(blank.clone()));
            line.spans.insert(0, before);
        }
    }
    lines
}

fn body(item: &Item, form: Form, shown: &Shown<'_>) -> Vec<Line<'static>> {
    let look = form.look;
    let entry = &item.entry;
    let text = middle_cut(&entry.text, TEXT_BYTES_MAX);
    let said = |label: &str, style: Style| labelled(label, style, &text, form);
    let failed = look.class(Class::Failed);
    let sign = |class: Class, word: &str| format!("{} {word}", look.glyph(class));
    match entry.kind {
        Kind::Text if form.is_plain => wrapped(&text, Style::new(), form),
        Kind::Text => markdown::render(&text, form.width, look),
        Kind::Result => {
            let mut lines = vec![Line::styled("answer", look.style(Role::Accent))];
            lines.extend(markdown::render(&text, form.width, look));
            lines
        }
        Kind::Raw => raw(&text, form),
        Kind::Thinking => thinking(&text, form),
        Kind::ToolStart | Kind::ToolOk | Kind::ToolFailed => tool(item, form, shown),
        Kind::Question => said(&sign(Class::NeedsYou, "asks"), look.class(Class::NeedsYou)),
        Kind::Request => {
            said(&sign(Class::NeedsYou, "asks for leave"), look.class(Class::NeedsYou))
        }
        Kind::Answer => said("  is answered", look.style(Role::Strong)),
        Kind::Told => said(look.sign("▸ is told", "> is told"), look.style(Role::Accent)),
        Kind::Untold => {
            let label = sign(Class::Failed, "did not take message");
            said(&format!("{label} {}", entry.title), failed)
        }
        Kind::Error => said(&sign(Class::Failed, &entry.title.replace('_', " ")), failed),
        Kind::Denied => {
            let label = sign(Class::Failed, &format!("{} was not allowed", entry.title));
            said(&label, failed)
        }
        Kind::Retry => {
            let label = format!("tries again after {}", entry.title.replace('_', " "));
            said(&label, look.class(Class::Stalled))
        }
        Kind::Message => {
            let arrow = look.sign("→", "->");
            said(&format!("{arrow} message to {}", entry.title), look.style(Role::Accent))
        }
        Kind::Gate => {
            let text = values(&text);
            labelled(&format!("gate {}", entry.title), look.style(Role::Strong), &text, form)
        }
        Kind::Artifact => said(&format!("file {}", entry.title), look.style(Role::Strong)),
        Kind::Marker => {
            let class = if entry.title == "BLOCKED" { Class::Failed } else { Class::Done };
            said(&sign(class, &entry.title), look.class(class))
        }
        Kind::Session => fact("session", &text, form),
        Kind::Model => fact("model", &text, form),
    }
}

/// A fact about the attempt, in one quiet line.
fn fact(label: &str, text: &str, form: Form) -> Vec<Line<'static>> {
    let text = inert_line(&format!("{label} {text}"), form.look);
    let text = fit(&text, form.width, form.look);
    vec![Line::styled(text, form.look.style(Role::Faint))]
}

/// A text behind a label; it goes on below when it has paragraphs.
fn labelled(label: &str, style: Style, text: &str, form: Form) -> Vec<Line<'static>> {
    let label = inert_line(label.trim_start(), form.look);
    let indent = "  ";
    if text.trim().is_empty() {
        return wrap(vec![Span::styled(label, style)], form.width, 2);
    }
    let is_short = !text.trim().contains('\n') && columns(text) <= 2 * form.width;
    if is_short {
        let text = inert_line(text, form.look);
        let spans = vec![Span::styled(label, style), Span::raw("  "), Span::raw(text)];
        return wrap(spans, form.width, indent.len());
    }
    let mut lines = vec![Line::styled(fit(&label, form.width, form.look), style)];
    let inner = form.width.saturating_sub(indent.len()).max(1);
    for mut line in markdown::render(text, inner, form.look) {
        line.spans.insert(0, Span::raw(indent));
        lines.push(line);
    }
    lines
}

fn wrapped(text: &str, style: Style, form: Form) -> Vec<Line<'static>> {
    let text = inert(text, form.look);
    let line = |line: &str| wrap(vec![Span::styled(line.to_owned(), style)], form.width, 0);
    if text.is_empty() { vec![Line::default()] } else { text.lines().flat_map(line).collect() }
}

fn raw(text: &str, form: Form) -> Vec<Line<'static>> {
    let style = form.look.style(Role::Dim);
    let mut lines = wrapped(text, style, form);
    if !form.is_open && lines.len() > RAW_LINES {
        let hidden = count(lines.len() - RAW_LINES, "more line");
        lines.truncate(RAW_LINES);
        let text = format!("{} {hidden}", form.look.sign("…", "..."));
        lines.push(Line::styled(text, form.look.style(Role::Faint)));
    }
    lines
}

fn thinking(text: &str, form: Form) -> Vec<Line<'static>> {
    let look = form.look;
    let quiet = look.style(Role::Quiet);
    if form.is_open {
        let mut lines = markdown::render(text, form.width, look);
        for span in lines.iter_mut().flat_map(|line| &mut line.spans) {
            span.style = quiet;
        }
        return lines;
    }
    let rest = text.trim().lines().filter(|line| !line.trim().is_empty()).count();
    let more = match rest.saturating_sub(1) {
        0 => String::new(),
        more => format!("  +{}", count(more, "line")),
    };
    let first = text.trim().lines().next().unwrap_or_default();
    let plain = first.replace("**", "").replace('`', "");
    let room = form.width.saturating_sub(columns(&more));
    let text = fit(&inert_line(&format!("thinks: {plain}"), look), room, look);
    vec![Line::from(vec![Span::styled(text, quiet), Span::styled(more, look.style(Role::Faint))])]
}

/// The call of a tool: name and command, at the right what came of it, below what it said.
fn tool(item: &Item, form: Form, shown: &Shown<'_>) -> Vec<Line<'static>> {
    let look = form.look;
    let none = ToolCall::default();
    let call = item.call.as_ref().unwrap_or(&none);
    let outcome = outcome(item, call, form, shown);
    let taken: usize = outcome.iter().map(|span| columns(&span.content)).sum();
    let is_lost = item.entry.kind != Kind::ToolStart;
    let name = if is_lost { "tool".to_owned() } else { inert_line(&item.entry.title, look) };
    let name = if name.is_empty() { "tool".to_owned() } else { name };
    let name = fit(&name, form.width / 3, look);
    let pad = TOOL.saturating_sub(columns(&name)) + 1;
    let room = form.width.saturating_sub(columns(&name) + pad + taken + 1);
    let command = if is_lost { String::new() } else { shown.short(&item.entry.text) };
    let command = inert_line(bare(&command), look);
    let command = fit(&command, room, look);
    let gap = form.width.saturating_sub(columns(&name) + pad + columns(&command) + taken);
    let mut spans = vec![
        Span::styled(name, look.style(Role::Strong)),
        Span::raw(" ".repeat(pad)),
        Span::raw(command),
        Span::raw(" ".repeat(gap)),
    ];
    spans.extend(outcome);
    let mut lines = vec![Line::from(spans)];
    lines.extend(if form.is_open { open(item, call, form) } else { folded(item, call, form) });
    lines
}

/// What came of a call: `+38 −4`, `✓ 41s`, `● 0:05`.
fn outcome(item: &Item, call: &ToolCall, form: Form, shown: &Shown<'_>) -> Vec<Span<'static>> {
    let look = form.look;
    let mut spans = Vec::new();
    if let Some(edit) = &call.edit {
        let minus = look.sign("−", "-");
        let sides = [("+", edit.added, Role::Added), (minus, edit.removed, Role::Removed)];
        for (sign, lines, role) in sides.into_iter().filter(|(_, lines, _)| *lines > 0) {
            spans.push(Span::styled(format!("{sign}{lines} "), look.style(role)));
        }
    }
    let (class, time) = match &call.end {
        Some(end) => {
            let class = if end.ok { Class::Done } else { Class::Failed };
            (class, call.took_ms.map(human_ms))
        }
        None if shown.is_live => {
            let passed = item.at.map(|at| clock(shown.now.since_ms(at)));
            (Class::Running, passed)
        }
        None => (Class::Idle, None),
    };
    spans.push(Span::styled(look.glyph(class).to_string(), look.class(class)));
    if let Some(time) = time {
        spans.push(Span::styled(format!(" {time}"), look.style(Role::Dim)));
    }
    spans
}

/// One line of what came back; more when it failed.
fn folded(item: &Item, call: &ToolCall, form: Form) -> Vec<Line<'static>> {
    let look = form.look;
    let end = call.end.as_ref();
    let is_failed = end.is_some_and(|end| !end.ok);
    let said = end.map_or_else(String::new, |end| end.text.clone());
    // An edit says by its counts what the words would say again.
    let says_nothing = said.trim().is_empty()
        || (said.starts_with('(') && said.ends_with("no output)"))
        || said == item.entry.text;
    if says_nothing || (call.edit.is_some() && !is_failed) {
        return Vec::new();
    }
    let room = form.width.saturating_sub(2);
    let style = if is_failed { look.class(Class::Failed) } else { look.style(Role::Dim) };
    let text = inert_line(&said, look);
    if !is_failed {
        return vec![Line::styled(format!("  {}", fit(&text, room, look)), style)];
    }
    let lines = wrap(vec![Span::styled(text, style)], room, 0);
    lines.into_iter().take(3).map(indented).collect()
}

/// All of a call: the command, the lines it changed, what came back.
fn open(item: &Item, call: &ToolCall, form: Form) -> Vec<Line<'static>> {
    let look = form.look;
    let room = form.width.saturating_sub(2).max(1);
    let mut lines = Vec::new();
    let command = call.input.as_deref().unwrap_or(&item.entry.text);
    if call.input.is_some() || columns(&item.entry.text) > room {
        for line in code::highlight("bash", command, look) {
            lines.extend(wrap(line.spans, room, 0));
        }
    }
    if let Some(edit) = &call.edit {
        lines.extend(edit.patch.lines().flat_map(|line| {
            let role = match line.bytes().next() {
                Some(b'+') => Role::Added,
                Some(b'-') => Role::Removed,
                _ => Role::Dim,
            };
            wrap(vec![Span::styled(inert(line, look), look.style(role))], room, 2)
        }));
    }
    let end = call.end.as_ref().map(|end| end.text.as_str());
    let end = end.filter(|said| *said != item.entry.text);
    if let Some(output) = call.output.as_deref().or(end).filter(|_| call.edit.is_none()) {
        let style = look.style(Role::Dim);
        let output = inert(output, look);
        let output = output.lines().map(|line| vec![Span::styled(line.to_owned(), style)]);
        lines.extend(output.flat_map(|line| wrap(line, room, 0)));
    }
    if lines.len() > BODY_LINES {
        let hidden = count(lines.len() - BODY_LINES, "line");
        let text = format!("{} {hidden} left out", look.sign("…", "..."));
        let tail = lines.split_off(lines.len() - BODY_LINES / 2);
        lines.truncate(BODY_LINES / 2);
        lines.push(Line::styled(text, look.style(Role::Faint)));
        lines.extend(tail);
    }
    lines.into_iter().map(indented).collect()
}

fn indented(mut line: Line<'static>) -> Line<'static> {
    line.spans.insert(0, Span::raw("  "));
    line
}

/// A command without the shell that some programs put before it.
fn bare(command: &str) -> &str {
    let shells =
        ["/bin/bash -lc ", "bash -lc ", "/bin/sh -c ", "/usr/bin/zsh -lc ", "/bin/zsh -lc "];
    let inner = shells.iter().find_map(|shell| command.strip_prefix(shell)).unwrap_or(command);
    let quoted = inner.strip_prefix('\'').and_then(|inner| inner.strip_suffix('\''));
    quoted.filter(|inner| !inner.contains('\'')).unwrap_or(inner)
}

/// Fields of a gate as a person writes them: `approved=true`.
fn values(json: &str) -> String {
    let Ok(serde_json::Value::Object(fields)) = serde_json::from_str(json) else {
        return json.to_owned();
    };
    let field = |(name, value): (&String, &serde_json::Value)| {
        format!("{name}={}", one_line(&value.to_string(), 200))
    };
    fields.iter().map(field).collect::<Vec<_>>().join(" ")
}

/// Minutes and seconds, as a clock shows them.
pub(super) fn clock(ms: u64) -> String {
    let seconds = ms / 1_000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// Whether an entry looks different with every second.
pub(super) fn has_clock(item: &Item, is_live: bool) -> bool {
    is_live
        && item.at.is_some_and(|at: Time| at.0 > 0)
        && item.call.as_ref().is_some_and(|call| call.end.is_none())
}
