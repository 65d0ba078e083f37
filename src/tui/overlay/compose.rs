//! Writing a message to a task, to several, or to a whole run, with what will become of it.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::keymap::{Action, Scope};
use super::super::look::Role;
use super::super::model::Model;
use super::super::page::{Page, Panel, Target};
use super::super::scene::Scene;
use super::super::text::{inert_line, wrap};
use super::super::update::{Data, words};
use super::super::world::TaskRef;
use super::field::{Field, draft, keep};
use super::{Flow, Layer, frame, hints};
use crate::base::redact::redact;
use crate::snapshot::TaskRow;

/// Columns of the field.
const WIDTH: u16 = 84;
/// Lines of the field at most.
const FIELD_LINES: u16 = 10;
/// Addressees of which it is told how the message will reach them.
const TOLD: usize = 5;

/// When a message goes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// With the next prompt.
    NextTurn,
    /// While the agent works.
    Now,
    /// While it works, and it leaves what it does.
    Interrupt,
}

impl When {
    const ALL: [Self; 3] = [Self::NextTurn, Self::Now, Self::Interrupt];

    fn word(self) -> &'static str {
        match self {
            Self::NextTurn => "next turn",
            Self::Now => "now",
            Self::Interrupt => "now, and break off",
        }
    }

    fn flags(self) -> &'static [&'static str] {
        match self {
            Self::NextTurn => &[],
            Self::Now => &["--interrupt"],
            Self::Interrupt => &["--interrupt", "--priority", "urgent"],
        }
    }
}

/// A message that is being written.
#[derive(Debug, Clone)]
pub struct State {
    to: Vec<TaskRef>,
    field: Field,
    key: String,
    when: When,
    reply_to: Option<String>,
    on_when: bool,
    is_read_as_sent: bool,
}

impl State {
    /// A message to these; what was written to them and not sent stands there already.
    pub fn new(to: Vec<TaskRef>, model: &Model) -> Self {
        let names: Vec<String> = to.iter().map(TaskRef::name).collect();
        let key = format!("send:{}", names.join(","));
        Self {
            field: Field::lines(draft(&model.memory, &key)),
            to,
            key,
            when: When::NextTurn,
            reply_to: None,
            on_when: false,
            is_read_as_sent: false,
        }
    }

    /// A message that answers another one.
    pub fn reply(to: TaskRef, message: String, model: &Model) -> Self {
        let key = format!("reply:{}:{message}", to.run);
        let field = Field::lines(draft(&model.memory, &key));
        Self { field, key, reply_to: Some(message), ..Self::new(vec![to], model) }
    }

    fn turn(&mut self, step: usize) {
        let at = When::ALL.iter().position(|when| *when == self.when).unwrap_or(0);
        self.when = When::ALL[(at + step) % When::ALL.len()];
    }

    fn send(&mut self, model: &mut Model, data: &Data<'_>) -> Flow {
        let text = self.field.text().trim().to_owned();
        if text.is_empty() {
            model.complain("there is no text to send", data.now);
            return Flow::STAY;
        }
        let mut effects = Vec::new();
        for to in &self.to {
            let mut args = words(&["send"]);
            args.extend(words(self.when.flags()));
            if let Some(message) = &self.reply_to {
                args.extend(words(&["--reply-to", message]));
            }
            args.push(to.name());
            if text.starts_with('-') {
                args.push("--".to_owned());
            }
            args.push(text.clone());
            effects.push(model.call_from(&self.key, args, ""));
        }
        Flow::Close(effects)
    }
}

impl Layer for State {
    fn scopes(&self) -> Vec<Scope> {
        if self.on_when { vec![Scope::Edit, Scope::List] } else { vec![Scope::Edit] }
    }

    fn field(&mut self) -> Option<&mut Field> {
        (!self.on_when).then_some(&mut self.field)
    }

    fn wrote(&mut self, model: &mut Model, _data: &Data<'_>) {
        keep(&mut model.memory, &self.key, &self.field.text());
    }

    fn update(&mut self, model: &mut Model, data: &Data<'_>, action: Action) -> Flow {
        match action {
            Action::Submit => return self.send(model, data),
            Action::Cancel => return Flow::CLOSE,
            Action::Preview => self.is_read_as_sent = !self.is_read_as_sent,
            Action::NextField | Action::PreviousField => self.on_when = !self.on_when,
            Action::Right | Action::Down if self.on_when => self.turn(1),
            Action::Left | Action::Up if self.on_when => self.turn(When::ALL.len() - 1),
            Action::Open if self.on_when => self.on_when = false,
            _ => {}
        }
        Flow::STAY
    }

    fn clicked(&mut self, _model: &mut Model, _data: &Data<'_>, row: usize) -> Flow {
        match row.checked_sub(1) {
            None => self.on_when = false,
            Some(at) => self.when = When::ALL.get(at).copied().unwrap_or(self.when),
        }
        Flow::STAY
    }

    fn view(&self, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
        let look = scene.look();
        let width = WIDTH.min(area.width.saturating_sub(2));
        let inner_width = width.saturating_sub(4).max(1);
        let arrivals = self.arrivals(scene, usize::from(inner_width));
        let told = u16::try_from(arrivals.len()).unwrap_or(u16::MAX);
        let room = area.height.saturating_sub(told.saturating_add(7)).max(1);
        let lines = self.field.height(inner_width).clamp(3, FIELD_LINES).min(room);
        let title = match (&self.reply_to, self.to.as_slice()) {
            (Some(_), _) => " Answer ".to_owned(),
            (None, [one]) => format!(" Message to #{} ", one.name()),
            (None, many) => format!(" Message to {} ", many.len()),
        };
        let height = lines.saturating_add(told).saturating_add(6);
        let inner = frame(area, width, height, &title, scene, page);
        let [text, rule, when, rest] = ratatui::layout::Layout::vertical([
            ratatui::layout::Constraint::Length(lines),
            ratatui::layout::Constraint::Length(1),
            ratatui::layout::Constraint::Length(1),
            ratatui::layout::Constraint::Fill(1),
        ])
        .areas(inner);
        page.hit(text, Target::Row(Panel::Overlay, 0));
        if self.is_read_as_sent {
            let shown = redact(self.field.text().trim()).into_owned();
            let shown: Vec<Line<'_>> = shown
                .lines()
                .flat_map(|line| {
                    let span = Span::styled(inert_line(line, look), look.style(Role::Code));
                    wrap(vec![span], usize::from(text.width), 0)
                })
                .collect();
            page.lines(text, &shown);
        } else {
            self.field.view("what they are to know …", !self.on_when, look, text, page);
        }
        let line = look.sign("─", "-").repeat(usize::from(rule.width));
        page.line(rule, &line, look.style(Role::Border));
        self.choices(scene, when, page);
        page.lines(rest, &arrivals);
        hints(
            inner,
            &[
                (Action::Submit, "send"),
                (Action::NextField, "delivery"),
                (Action::Preview, "as sent"),
                (Action::Cancel, "close"),
            ],
            scene,
            page,
        );
    }
}

impl State {
    fn choices(&self, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
        let look = scene.look();
        let mut x = area.x;
        page.line(Rect { x, ..area }, "arrives", look.style(Role::Dim));
        x += 9;
        for (at, when) in When::ALL.into_iter().enumerate() {
            let is_chosen = when == self.when;
            let mark = if is_chosen { look.sign("●", "*") } else { look.sign("○", "o") };
            let word = format!("{mark} {}", when.word());
            let width = u16::try_from(super::super::text::columns(&word)).unwrap_or(0);
            let place = Rect { x, y: area.y, width, height: 1 }.intersection(area);
            let role = if is_chosen { Role::Accent } else { Role::Dim };
            page.line(place, &word, look.style(role));
            if is_chosen && self.on_when {
                page.paint(place, Role::Selected);
            }
            page.hit(place, Target::Row(Panel::Overlay, at + 1));
            x = x.saturating_add(width + 3);
        }
    }

    /// How it will reach each of its addressees.
    fn arrivals(&self, scene: &Scene<'_>, width: usize) -> Vec<Line<'static>> {
        let look = scene.look();
        let mut lines = Vec::new();
        for to in self.to.iter().take(TOLD) {
            let run = scene.world.views.get(&to.run);
            let tasks: Vec<&TaskRow> = match (run, &to.task) {
                (Some(run), Some(task)) => run.task(task).into_iter().collect(),
                (Some(run), None) => {
                    run.status.tasks.iter().filter(|task| task.heartbeat.is_some()).collect()
                }
                (None, _) => Vec::new(),
            };
            let words = match (tasks.as_slice(), &to.task) {
                ([task], Some(_)) => arrival(task, self.when).to_owned(),
                ([], Some(_)) => "the run is not open".to_owned(),
                ([], None) if is_over(to, scene) => {
                    "the run has ended; it is read if the run is reopened".to_owned()
                }
                ([], None) => "nobody is at work; each task reads it in its next prompt".to_owned(),
                (many, _) => {
                    let names: Vec<String> = many.iter().map(|task| task.id.to_string()).collect();
                    format!(
                        "at work: {}: {}; every other task reads it in its next prompt",
                        names.join(", "),
                        arrival(many[0], self.when)
                    )
                }
            };
            let name = format!("#{}  ", to.name());
            let spans = vec![
                Span::styled(name, look.style(Role::Strong)),
                Span::styled(inert_line(&words, look), look.style(Role::Dim)),
            ];
            lines.extend(wrap(spans, width, 2));
        }
        if self.to.len() > TOLD {
            let more = format!("and {} more", self.to.len() - TOLD);
            lines.push(Line::styled(more, look.style(Role::Dim)));
        }
        lines
    }
}

/// How a message reaches a task.
fn arrival(task: &TaskRow, when: When) -> &'static str {
    let is_live = task.heartbeat.is_some();
    match (is_live, when) {
        (true, When::NextTurn) => "at work; reads it with its next prompt",
        (true, When::Now) => {
            "at work; goes in now where its program listens while it works, else with its next prompt"
        }
        (true, When::Interrupt) => {
            "at work; is broken off and reads it now where its program listens, else with its next prompt"
        }
        (false, _) if task.attempt == 0 => "not begun; stands in its first prompt",
        (false, _) => "idle; reads it when it works again",
    }
}

/// Whether the run that a message goes to has ended.
fn is_over(to: &TaskRef, scene: &Scene<'_>) -> bool {
    scene.world.row(to.run).is_some_and(|row| row.status.is_terminal())
}
