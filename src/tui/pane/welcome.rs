//! What a person can do who has no run: real choices, each of which runs the real command.

use std::collections::BTreeSet;

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::keymap::Action;
use super::super::look::Role;
use super::super::model::Model;
use super::super::msg::{Effect, Foreground};
use super::super::overlay::known;
use super::super::page::{Page, Panel, Target};
use super::super::scene::Scene;
use super::super::text::{inert_line, wrap};
use super::super::update::words;
use super::super::want::Want;

/// What can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// A run of a goal.
    NewRun,
    /// The guided run in a sample.
    Demo,
    /// The project's folder with its configuration.
    Init,
    /// What is missing here.
    Doctor,
}

impl Choice {
    /// All of them, in their order.
    pub const ALL: [Self; 4] = [Self::NewRun, Self::Demo, Self::Init, Self::Doctor];
}

/// Whether there is nothing to show but what can be begun.
pub fn is_shown(scene: &Scene<'_>) -> bool {
    scene.world.is_read && scene.world.problem.is_none() && scene.world.runs.is_empty()
}

/// What it looks at.
pub fn wants(wants: &mut BTreeSet<Want>) {
    wants.insert(known::runtimes_want());
}

/// Moves among the choices, or takes one; nothing for other actions.
///
/// `None` in the second place stands for the action that opens the form of a new run.
pub fn update(model: &mut Model, action: Action) -> Option<Option<Vec<Effect>>> {
    let at = model.fleet.choice;
    match action {
        Action::Up => model.fleet.choice = at.saturating_sub(1),
        Action::Down => model.fleet.choice = (at + 1).min(Choice::ALL.len() - 1),
        Action::Top => model.fleet.choice = 0,
        Action::Bottom => model.fleet.choice = Choice::ALL.len() - 1,
        Action::Open => {
            return match Choice::ALL.get(at).copied().unwrap_or(Choice::NewRun) {
                Choice::NewRun => Some(None),
                Choice::Demo => {
                    let demo = Foreground::Read(words(&["demo"]));
                    Some(Some(vec![Effect::Foreground(demo)]))
                }
                Choice::Init => {
                    Some(Some(super::super::overlay::command::start(model, words(&["init"]))))
                }
                Choice::Doctor => {
                    Some(Some(super::super::overlay::command::start(model, words(&["doctor"]))))
                }
            };
        }
        _ => return None,
    }
    Some(Some(Vec::new()))
}

/// Draws the choices.
pub fn view(scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
    let look = scene.look();
    let width = usize::from(area.width);
    let [head, list, rest] = ratatui::layout::Layout::vertical([
        ratatui::layout::Constraint::Length(2),
        ratatui::layout::Constraint::Length(u16::try_from(Choice::ALL.len()).unwrap_or(4)),
        ratatui::layout::Constraint::Fill(1),
    ])
    .areas(area);
    page.line(head, "There is no run here yet.", look.style(Role::Strong));
    for ((at, choice), place) in Choice::ALL.into_iter().enumerate().zip(list.rows()) {
        let (name, about) = match choice {
            Choice::NewRun => ("start a run", "a goal goes in, a team of agents works on it"),
            Choice::Demo => {
                ("see the demo", "a guided run in a sample repository; no agent program needed")
            }
            Choice::Init => ("prepare the project", "crew init: a commented .crew/config.toml"),
            Choice::Doctor => ("look for problems", "crew doctor: programs, logins, git"),
        };
        let is_here = at == scene.model.fleet.choice;
        let mark = if is_here { look.sign("▸", ">") } else { " " };
        let key =
            if choice == Choice::NewRun { scene.model.key(Action::NewRun) } else { String::new() };
        let line = Line::from(vec![
            Span::styled(mark, look.style(Role::Accent)),
            Span::styled(format!("{key:>2} "), look.style(Role::Key)),
            Span::styled(format!("{name:<20} "), look.style(Role::Strong)),
            Span::styled(about, look.style(Role::Dim)),
        ]);
        page.spans(place, &line);
        if is_here {
            page.paint(place, Role::Selected);
        }
        page.hit(place, Target::Row(Panel::List, at));
    }
    let found = known::runtimes(scene.loads);
    let mut lines = vec![Line::default()];
    let usable: Vec<String> = found
        .iter()
        .filter(|runtime| runtime.is_usable && runtime.name != "rehearsal")
        .map(|runtime| inert_line(&runtime.name, look))
        .collect();
    let text = match (found.is_empty(), usable.is_empty()) {
        (true, _) => inert_line("looking for agent programs …", look),
        (false, true) => "no agent program is found; the demo needs none".to_owned(),
        (false, false) => format!("agent programs found: {}", usable.join(", ")),
    };
    lines.extend(wrap(vec![Span::styled(text, look.style(Role::Dim))], width, 2));
    page.lines(rest, &lines);
}
