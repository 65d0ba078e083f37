//! Trying again: with the same agent or another one, and with a note to it.

use std::collections::BTreeSet;

use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use super::super::keymap::{Action, Scope};
use super::super::look::Role;
use super::super::model::Model;
use super::super::page::{Page, Panel, Target};
use super::super::scene::Scene;
use super::super::text::inert_line;
use super::super::update::{Data, words};
use super::super::want::Want;
use super::super::world::TaskRef;
use super::field::{Field, draft, keep};
use super::known::{self, Runtime};
use super::{Flow, Layer, frame, hints};

/// Columns of the menu.
const WIDTH: u16 = 76;
/// Lines of the note.
const NOTE_LINES: u16 = 4;

/// What is tried again, and how.
#[derive(Debug, Clone)]
pub struct State {
    targets: Vec<TaskRef>,
    /// Programs that can be used; the first choice is the same agent as before.
    runtimes: Vec<Runtime>,
    at: usize,
    note: Field,
    key: String,
    on_note: bool,
}

impl State {
    /// Tries these again.
    pub fn new(targets: Vec<TaskRef>, model: &Model) -> Self {
        let names: Vec<String> = targets.iter().map(TaskRef::name).collect();
        let key = format!("retry:{}", names.join(","));
        Self {
            note: Field::lines(draft(&model.memory, &key)),
            targets,
            runtimes: Vec::new(),
            at: 0,
            key,
            on_note: false,
        }
    }

    fn has_tasks(&self) -> bool {
        self.targets.iter().any(|target| target.task.is_some())
    }

    fn count(&self) -> usize {
        if self.has_tasks() { self.runtimes.len() + 1 } else { 1 }
    }

    fn start(&self, model: &mut Model) -> Flow {
        let note = self.note.text().trim().to_owned();
        let mut effects = Vec::new();
        for target in &self.targets {
            let mut args = words(&["retry", &target.name()]);
            // A whole run begins anew as it was.
            if target.task.is_some() {
                if let Some(runtime) = self.at.checked_sub(1).and_then(|at| self.runtimes.get(at)) {
                    args.extend(words(&["--runtime", &runtime.name]));
                }
                if !note.is_empty() {
                    args.push(format!("--text={note}"));
                }
            }
            effects.push(model.call_from(&self.key, args, ""));
        }
        model.tagged.clear();
        Flow::Close(effects)
    }
}

impl Layer for State {
    fn scopes(&self) -> Vec<Scope> {
        if self.on_note { vec![Scope::Edit] } else { vec![Scope::Choose, Scope::Edit, Scope::List] }
    }

    fn field(&mut self) -> Option<&mut Field> {
        self.on_note.then_some(&mut self.note)
    }

    fn wrote(&mut self, model: &mut Model, _data: &Data<'_>) {
        keep(&mut model.memory, &self.key, &self.note.text());
    }

    fn wants(&self, _scene: &Scene<'_>, wants: &mut BTreeSet<Want>) {
        wants.insert(known::runtimes_want());
    }

    fn news(&mut self, _model: &mut Model, data: &Data<'_>) {
        self.runtimes = known::runtimes(data.loads);
        self.runtimes.retain(|runtime| runtime.is_usable);
        self.at = self.at.min(self.count() - 1);
    }

    fn update(&mut self, model: &mut Model, _data: &Data<'_>, action: Action) -> Flow {
        let last = self.count() - 1;
        match action {
            Action::Choose | Action::Submit => return self.start(model),
            Action::Cancel | Action::Back => return Flow::CLOSE,
            Action::ChooseUp | Action::Up => self.at = self.at.saturating_sub(1),
            Action::ChooseDown | Action::Down => self.at = (self.at + 1).min(last),
            Action::Top => self.at = 0,
            Action::Bottom => self.at = last,
            Action::Complete | Action::NextField | Action::PreviousField if self.has_tasks() => {
                self.on_note = !self.on_note;
            }
            _ => {}
        }
        Flow::STAY
    }

    fn clicked(&mut self, _model: &mut Model, _data: &Data<'_>, row: usize) -> Flow {
        self.on_note = row >= self.count();
        if !self.on_note {
            self.at = row;
        }
        Flow::STAY
    }

    fn view(&self, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
        let look = scene.look();
        let names: Vec<String> =
            self.targets.iter().map(|target| format!("#{}", target.name())).collect();
        let title = format!(" Try {} again ", inert_line(&names.join(", "), look));
        let width = WIDTH.min(area.width.saturating_sub(2));
        let rows = u16::try_from(self.count()).unwrap_or(u16::MAX);
        let note = if self.has_tasks() { NOTE_LINES + 1 } else { 0 };
        let height = rows.saturating_add(note + 4).min(area.height);
        let inner = frame(area, width, height, &title, scene, page);
        let [list, rule, text, _] = Layout::vertical([
            Constraint::Fill(1),
            Constraint::Length(note.min(1)),
            Constraint::Length(note.saturating_sub(1)),
            Constraint::Length(2),
        ])
        .areas(inner);
        let first = match (self.has_tasks(), self.targets.as_slice()) {
            (true, _) => "the same agent".to_owned(),
            (false, [_]) => "a new run with the same goal and plan".to_owned(),
            (false, many) => format!("{} new runs with the same goals and plans", many.len()),
        };
        let choices = std::iter::once((first, String::new())).chain(
            self.runtimes.iter().map(|runtime| (runtime.name.clone(), runtime.note.clone())),
        );
        for ((at, (name, about)), place) in choices.take(self.count()).enumerate().zip(list.rows())
        {
            let mark =
                if at == self.at { look.sign("● ", "* ") } else { look.sign("○ ", "o ") };
            let line = Line::from(vec![
                Span::styled(mark, look.style(Role::Accent)),
                Span::styled(inert_line(&name, look), look.style(Role::Strong)),
                Span::styled(format!("  {}", inert_line(&about, look)), look.style(Role::Dim)),
            ]);
            page.spans(place, &line);
            if at == self.at && !self.on_note {
                page.paint(place, Role::Selected);
            }
            page.hit(place, Target::Row(Panel::Overlay, at));
        }
        if self.has_tasks() {
            page.line(rule, "with a note to it:", look.style(Role::Dim));
            page.hit(text, Target::Row(Panel::Overlay, self.count()));
            self.note.view("nothing more", self.on_note, look, text, page);
        }
        let hinted: &[(Action, &str)] = match (self.has_tasks(), self.on_note) {
            (true, true) => &[
                (Action::Submit, "try again"),
                (Action::NextField, "note"),
                (Action::Cancel, "close"),
            ],
            (true, false) => &[
                (Action::Choose, "try again"),
                (Action::NextField, "note"),
                (Action::Cancel, "close"),
            ],
            (false, _) => &[(Action::Choose, "try again"), (Action::Cancel, "close")],
        };
        hints(inner, hinted, scene, page);
    }
}
