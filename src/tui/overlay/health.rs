//! How well everything is: heartbeats, processes, tasks that were given up, and what was mended.

use std::cell::Cell;
use std::collections::BTreeSet;

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use serde::Deserialize;

use super::super::keymap::{Action, Scope};
use super::super::look::Role;
use super::super::model::Model;
use super::super::page::Page;
use super::super::pane::chrome::heartbeat;
use super::super::pane::meters::bytes_words;
use super::super::scene::Scene;
use super::super::text::{columns, fit, inert_line, pad};
use super::super::update::{Data, words};
use super::super::want::Want;
use super::super::world::{Process, RunView, StoryLine};
use super::parts::{lines_from, scrolled};
use super::{Flow, Layer, frame, hints, known};
use crate::base::text::count;
use crate::base::{RunNumber, Time};
use crate::event::status::word;
use crate::snapshot::{Class, TaskRow};

/// Columns of a task or of what drives a run.
const NAME: usize = 22;
/// Columns of a level of a heartbeat.
const LEVEL: usize = 8;
/// Columns of an age.
const AGE: usize = 8;
/// Columns from which on process numbers are shown.
const WIDE: usize = 76;
/// Notes of each run that are shown, the newest.
const NOTES: usize = 12;

/// How well everything is.
#[derive(Debug, Clone, Default)]
pub struct State {
    top: Cell<usize>,
}

/// Tasks that runs gave up on.
#[derive(Deserialize)]
struct Letters {
    letters: Vec<Letter>,
}

#[derive(Deserialize)]
struct Letter {
    run: RunNumber,
    task: String,
    reason: String,
    attempts: u32,
    why: String,
    at: Option<Time>,
    command: String,
}

/// The tasks that runs gave up on.
pub fn letters_want() -> Want {
    Want::Output(words(&["deadletter", "list", "--json"]))
}

impl Layer for State {
    fn scopes(&self) -> Vec<Scope> {
        vec![Scope::List, Scope::Global]
    }

    fn wants(&self, _scene: &Scene<'_>, wants: &mut BTreeSet<Want>) {
        wants.insert(letters_want());
    }

    fn update(&mut self, _model: &mut Model, _data: &Data<'_>, action: Action) -> Flow {
        match action {
            Action::Back | Action::Quit | Action::Open | Action::Health => Flow::CLOSE,
            _ => {
                scrolled(&self.top, action);
                Flow::STAY
            }
        }
    }

    fn view(&self, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
        let (width, height) = (area.width.saturating_sub(2), area.height.saturating_sub(2));
        let inner = frame(area, width.min(120), height, " Health ", scene, page);
        let body = Rect { height: inner.height.saturating_sub(2), ..inner };
        let lines = lines(scene, usize::from(body.width));
        let mut hinted = vec![(Action::Back, "close")];
        if lines_from(&self.top, &lines, body, page) {
            hinted.extend([(Action::PageDown, "on"), (Action::PageUp, "back")]);
        }
        hints(inner, &hinted, scene, page);
    }
}

fn lines(scene: &Scene<'_>, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    heartbeats(scene, width, &mut lines);
    lines.push(Line::default());
    letters(scene, width, &mut lines);
    lines.push(Line::default());
    notes(scene, width, &mut lines);
    lines
}

fn title(text: &str, more: &str, scene: &Scene<'_>) -> Line<'static> {
    let look = scene.look();
    Line::from(vec![
        Span::styled(text.to_owned(), look.style(Role::Accent)),
        Span::styled(format!("  {more}"), look.style(Role::Dim)),
    ])
}

fn nothing(text: &str, scene: &Scene<'_>) -> Line<'static> {
    Line::styled(format!("  {text}"), scene.look().style(Role::Dim))
}

/// Each live run with who drives it, and its live attempts with heartbeat, memory and processor.
fn heartbeats(scene: &Scene<'_>, width: usize, lines: &mut Vec<Line<'static>>) {
    let look = scene.look();
    let all = &scene.world.processes;
    let rss: u64 = all.iter().map(|one| one.process.rss_bytes).sum();
    let processes: usize = all.iter().map(|one| one.process.count).sum();
    let sum = if all.is_empty() {
        String::new()
    } else {
        format!(
            "{} of memory in {processes} {}",
            bytes_words(rss),
            if processes == 1 { "process" } else { "processes" }
        )
    };
    lines.push(title("Heartbeats and processes", &sum, scene));
    let open: Vec<&RunView> = scene
        .world
        .views
        .values()
        .map(AsRef::as_ref)
        .filter(|run| !run.status.run.status.is_terminal())
        .collect();
    if open.is_empty() {
        return lines.push(nothing("no run is live", scene));
    }
    let pid = if width >= WIDE { format!("{:>9}", "pid") } else { String::new() };
    let head = format!(
        "    {}{}{:>AGE$}{:>AGE$}{pid}{:>8}{:>6}",
        pad("", NAME, look),
        pad("level", LEVEL, look),
        "beat",
        "printed",
        "rss",
        "cpu",
    );
    lines.push(Line::styled(fit(&head, width, look), look.style(Role::Dim)));
    for run in open.into_iter().rev() {
        let row = &run.status.run;
        let used = |task: Option<&TaskRow>| {
            let of = |one: &&Process| {
                one.run == row.number && one.process.task.as_ref() == task.map(|task| &task.id)
            };
            all.iter().find(of)
        };
        let goal = inert_line(&row.goal, look);
        let name = inert_line(&format!("#{} {}", row.number, row.status_words()), look);
        let goal = fit(&goal, width.saturating_sub(columns(&name) + 2), look);
        lines.push(Line::from(vec![
            Span::styled(name, look.style(Role::Strong)),
            Span::styled(format!("  {goal}"), look.style(Role::Dim)),
        ]));
        let needs = row.needs_supervisor();
        if needs || row.supervisor.live {
            let (class, level) = if row.supervisor.live {
                (Class::Running, "live")
            } else {
                (Class::Failed, "missing")
            };
            lines.push(line("supervisor", class, level, [None, None], used(None), width, scene));
        }
        for task in &run.status.tasks {
            let Some(level) = task.heartbeat else { continue };
            let process = used(Some(task));
            let beat = process.and_then(|one| one.process.beat_at);
            let printed = process.and_then(|one| one.process.output_at).or(task.output_at);
            let (class, level) = (heartbeat(level), word(&level));
            let name = task.id.to_string();
            lines.push(line(&name, class, &level, [beat, printed], process, width, scene));
        }
    }
}

/// One row: who, its level, ages, and what it uses.
fn line(
    name: &str,
    class: Class,
    level: &str,
    times: [Option<Time>; 2],
    used: Option<&Process>,
    width: usize,
    scene: &Scene<'_>,
) -> Line<'static> {
    let look = scene.look();
    let age = |at: Option<Time>| at.map(|at| scene.age(at)).unwrap_or_default();
    let [beat, printed] = times.map(age);
    let ages = format!("{beat:>AGE$}{printed:>AGE$}");
    let mut numbers = String::new();
    if let Some(used) = used {
        if width >= WIDE {
            numbers = format!("{:>9}", used.process.pid);
        }
        let cpu = used.cpu_percent.map(|percent| format!("{percent}%")).unwrap_or_default();
        numbers = format!("{numbers}{:>8}{cpu:>6}", bytes_words(used.process.rss_bytes));
    }
    Line::from(vec![
        Span::styled(format!("  {} ", look.glyph(class)), look.class(class)),
        Span::raw(pad(&inert_line(name, look), NAME, look)),
        Span::styled(pad(level, LEVEL, look), look.class(class)),
        Span::styled(ages, look.style(Role::Dim)),
        Span::raw(numbers),
    ])
}

/// Tasks that runs gave up on, with the command that tries them again.
fn letters(scene: &Scene<'_>, width: usize, lines: &mut Vec<Line<'static>>) {
    let look = scene.look();
    let want = letters_want();
    let told = known::told::<Letters>(scene.loads, &want);
    let number = told.as_ref().map_or(0, |told| told.letters.len());
    let more = if number > 0 { number.to_string() } else { String::new() };
    lines.push(title("Dead letters", &more, scene));
    let Some(Letters { letters }) = told else {
        let is_there = scene.loads.output(&want).is_some();
        let text = if is_there { "they cannot be read" } else { "reading" };
        return lines.push(nothing(text, scene));
    };
    if letters.is_empty() {
        lines.push(nothing("no run has given up on a task", scene));
    }
    for letter in letters {
        let age = letter.at.map(|at| format!(", {} ago", scene.age(at))).unwrap_or_default();
        let name = format!("#{} {}", letter.run, letter.task);
        let attempts = count(letter.attempts as usize, "attempt");
        let facts =
            inert_line(&format!("{}, {attempts}{age}", letter.reason.replace('_', " ")), look);
        lines.push(Line::from(vec![
            Span::styled(format!("  {} ", look.glyph(Class::Failed)), look.class(Class::Failed)),
            Span::styled(format!("{}  ", inert_line(&name, look)), look.style(Role::Strong)),
            Span::raw(format!("{facts}  ")),
            Span::styled(inert_line(&letter.command, look), look.style(Role::Code)),
        ]));
        if !letter.why.trim().is_empty() {
            let why = fit(&inert_line(&letter.why, look), width.saturating_sub(6), look);
            lines.push(Line::styled(format!("      {why}"), look.style(Role::Dim)));
        }
    }
}

/// What happened to the processes of the runs that are followed, the newest first.
fn notes(scene: &Scene<'_>, width: usize, lines: &mut Vec<Line<'static>>) {
    let look = scene.look();
    lines.push(title("Recovery notes", "", scene));
    let mut notes: Vec<(Time, RunNumber, String)> = Vec::new();
    for (number, run) in &scene.world.views {
        // Whoever drives a run first mends nothing.
        let first = run.story.iter().find(|line| line.text.starts_with("supervisor "));
        let first = first.filter(|_| run.story.first().is_some_and(|line| line.seq == 1));
        let first = first.map(|line| line.seq);
        let is_note = |line: &&StoryLine| line.is_of_health && Some(line.seq) != first;
        let of_run = run.story.iter().filter(is_note).rev().take(NOTES);
        notes.extend(of_run.map(|line| {
            let task = line.task.as_ref().map(|task| format!("{task} ")).unwrap_or_default();
            (line.at, *number, format!("{task}{}", line.text))
        }));
        if let Some(damage) = &run.damage {
            notes.push((run.status.run.updated_at, *number, damage.clone()));
        }
    }
    notes.sort_by(|a, b| b.cmp(a));
    if notes.is_empty() {
        lines.push(nothing("nothing had to be mended", scene));
    }
    for (at, run, text) in notes {
        let head = format!("  {} #{run} ", scene.time(at));
        let room = width.saturating_sub(columns(&head));
        lines.push(Line::from(vec![
            Span::styled(head, look.style(Role::Dim)),
            Span::raw(fit(&inert_line(&text, look), room, look)),
        ]));
    }
}
