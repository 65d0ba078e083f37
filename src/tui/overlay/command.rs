//! The line at the foot: goes to a run, a task or a screen, or runs any command of crew as it is written.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::keymap::{Action, BINDINGS, Scope};
use super::super::look::Role;
use super::super::model::{Model, Screen};
use super::super::msg::{Effect, Foreground};
use super::super::page::{Page, Panel, Target};
use super::super::scene::Scene;
use super::super::update::Data;
use super::super::world::TaskRef;
use super::field::{Field, draft, keep};
use super::find::{Does, Pick, carry_out, places, screens, verbs};
use super::{Flow, Layer, Overlay, output};
use crate::base::text::did_you_mean;

/// The draft of the line.
const DRAFT: &str = "command";
/// Proposals that are shown.
const PROPOSALS: u16 = 8;
/// Words of the dashboard's own that are no names of actions.
const ALIASES: [(&str, Action); 4] = [
    ("q", Action::Quit),
    ("new", Action::NewRun),
    ("config", Action::Settings),
    ("palette", Action::Palette),
];

/// What a line means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing is written.
    Nothing,
    /// Something that the list of places and actions knows.
    Do(Does),
    /// Words of a command line.
    Run(Vec<String>),
    /// It cannot be read, and why.
    Wrong(String),
}

/// The line at the foot.
#[derive(Debug, Clone)]
pub struct State {
    field: Field,
    pick: Pick,
    /// Whether a proposal was chosen, which is more than what is written.
    is_chosen: bool,
}

impl State {
    /// A line that begins with this, or with what was written and not run.
    pub fn new(text: &str, model: &Model, data: &Data<'_>) -> Self {
        let mut items = screens();
        items.extend(places(data));
        items.extend(verbs(model));
        let text = if text.is_empty() { draft(&model.memory, DRAFT) } else { text };
        let mut state = Self { field: Field::line(text), pick: Pick::new(items), is_chosen: false };
        state.seek();
        state
    }

    /// Proposals for the first word; what comes after it is the command's own.
    fn seek(&mut self) {
        self.is_chosen = false;
        let text = self.field.text();
        let text = text.trim_start();
        self.pick.seek(text.strip_prefix("crew ").unwrap_or(text));
    }

    fn run(&self, model: &mut Model, data: &Data<'_>) -> Flow {
        let chosen = self.pick.chosen().filter(|_| self.is_chosen);
        let meaning = match chosen {
            Some(item) => Meaning::Do(item.does.clone()),
            None => meaning(&self.field.text(), model),
        };
        if let Meaning::Wrong(why) = meaning {
            model.complain(why, data.now);
            return Flow::STAY;
        }
        model.memory.drafts.remove(DRAFT);
        Flow::Close(match meaning {
            Meaning::Nothing | Meaning::Wrong(_) => Vec::new(),
            Meaning::Do(does) => carry_out(model, data, does),
            Meaning::Run(words) => start(model, words),
        })
    }

    fn complete(&mut self) {
        let Some(item) = self.pick.chosen() else { return };
        let label = item.label.strip_prefix("crew ").unwrap_or(&item.label).to_owned();
        let is_verb = matches!(item.does, Does::Write(_));
        self.field.set(&if is_verb { format!("{label} ") } else { label });
        self.seek();
    }
}

/// What a line means.
pub fn meaning(text: &str, model: &Model) -> Meaning {
    let text = text.trim().trim_start_matches(':').trim();
    let text = text.strip_prefix("crew ").unwrap_or(text).trim();
    let words = match split(text) {
        Ok(words) => words,
        Err(why) => return Meaning::Wrong(why),
    };
    let Some((first, rest)) = words.split_first() else { return Meaning::Nothing };
    if rest.is_empty() {
        if let Some(target) = target(first) {
            return Meaning::Do(Does::Go(target));
        }
        if let Some(screen) =
            Screen::ALL.into_iter().find(|screen| screen.title().eq_ignore_ascii_case(first))
        {
            return Meaning::Do(Does::Show(screen));
        }
        let alias = ALIASES.iter().find(|(name, _)| name == first).map(|(_, action)| *action);
        let named = BINDINGS
            .iter()
            .filter(|row| matches!(row.scope, Scope::Global | Scope::Target))
            .find(|row| row.action.name() == *first);
        if let Some(action) = alias.or(named.map(|row| row.action)) {
            return Meaning::Do(Does::Act(action));
        }
    }
    if model.verbs.is_empty() || model.verbs.iter().any(|verb| verb.name == *first) {
        return Meaning::Run(words);
    }
    let names = model.verbs.iter().map(|verb| verb.name.as_str());
    let near = did_you_mean(first, names).map(|near| format!("; did you mean `{near}`?"));
    Meaning::Wrong(format!(
        "`{first}` is no command{}",
        near.unwrap_or_else(|| "; `n` starts a run".to_owned())
    ))
}

/// `42`, `#42`, `42/coding`.
fn target(word: &str) -> Option<TaskRef> {
    let word = word.trim_start_matches('#');
    let (run, task) = match word.split_once('/') {
        Some((run, task)) => (run, Some(task.parse().ok()?)),
        None => (word, None),
    };
    Some(TaskRef { run: crate::base::RunNumber(run.parse().ok()?), task })
}

/// Words of a line as the shell parts them: quotes and backslashes, and nothing else.
///
/// # Errors
/// A quote is not closed.
pub fn split(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('"') | None, '\\') => {
                word.get_or_insert_default().extend(chars.next());
            }
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    match quote {
        Some(open) => Err(format!("the quote {open} is not closed")),
        None => Ok(words),
    }
}

/// Runs a command line: in the background with its output over the screen, or in the terminal when it needs one.
pub fn start(model: &mut Model, args: Vec<String>) -> Vec<Effect> {
    if needs_terminal(&args) {
        let is_own = args.first().is_some_and(|verb| matches!(verb.as_str(), "attach" | "chat"));
        let program = if is_own { Foreground::Crew(args) } else { Foreground::Read(args) };
        return vec![Effect::Foreground(program)];
    }
    let effect = model.call(args, "");
    if let Effect::Call(call) = &effect {
        let state = output::State::new(call);
        model.overlays.push(Overlay::Output(Box::new(state)));
    }
    vec![effect]
}

/// Whether a command shows something that moves, or asks.
fn needs_terminal(args: &[String]) -> bool {
    let has = |flags: &[&str]| args.iter().any(|arg| flags.contains(&arg.as_str()));
    match args.first().map(String::as_str) {
        Some("attach" | "chat" | "demo") => true,
        Some("run") => !has(&["-d", "--detach", "--dry-run", "-h", "--help"]),
        Some("logs" | "status" | "events" | "timeline") => has(&["-f", "--follow", "--watch"]),
        Some("workflow" | "team" | "agent" | "skill") => has(&["edit"]),
        Some(_) | None => false,
    }
}

impl Layer for State {
    fn scopes(&self) -> Vec<Scope> {
        vec![Scope::Choose, Scope::Edit]
    }

    fn field(&mut self) -> Option<&mut Field> {
        Some(&mut self.field)
    }

    fn wrote(&mut self, model: &mut Model, _data: &Data<'_>) {
        keep(&mut model.memory, DRAFT, &self.field.text());
        self.seek();
    }

    fn update(&mut self, model: &mut Model, data: &Data<'_>, action: Action) -> Flow {
        match action {
            Action::Choose | Action::Submit => return self.run(model, data),
            Action::Cancel => {
                model.memory.drafts.remove(DRAFT);
                return Flow::CLOSE;
            }
            Action::ChooseUp | Action::Up if self.is_chosen => self.pick.step(-1),
            Action::ChooseDown | Action::Down => {
                if self.is_chosen {
                    self.pick.step(1);
                }
                self.is_chosen = self.pick.count() > 0;
            }
            Action::Complete => self.complete(),
            _ => {}
        }
        Flow::STAY
    }

    fn clicked(&mut self, model: &mut Model, data: &Data<'_>, row: usize) -> Flow {
        self.pick.put(row);
        self.is_chosen = true;
        self.run(model, data)
    }

    fn view(&self, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
        let look = scene.look();
        let rows = u16::try_from(self.pick.count()).unwrap_or(u16::MAX).min(PROPOSALS);
        let height = rows.saturating_add(1).min(area.height);
        let place = Rect { y: area.bottom() - height, height, ..area };
        page.clear(place);
        page.hit(place, Target::Panel(Panel::Overlay));
        let list = Rect { height: height - 1, ..place };
        let list = Rect { x: list.x + 1, width: list.width.saturating_sub(2), ..list };
        self.pick.view(self.is_chosen, scene, list, page);
        page.paint(Rect { height: height - 1, ..place }, Role::Marked);
        let line = Rect { y: place.bottom() - 1, height: 1, ..place };
        let sign = Span::styled(":", look.style(Role::Accent));
        page.spans(line, &Line::from(sign));
        let text = Rect { x: line.x + 1, width: line.width.saturating_sub(1), ..line };
        let hint = "42, 42/coding, inbox, or a command: stop 42";
        self.field.view(hint, true, look, text, page);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_parted_as_the_shell_parts_them() {
        let split = |text: &str| split(text);
        assert_eq!(
            split(r#"send 5 'it is' "a \"b\"" c\ d '' "#).unwrap(),
            ["send", "5", "it is", "a \"b\"", "c d", ""]
        );
        assert!(split("").unwrap().is_empty());
        assert!(split("send 5 'open").unwrap_err().contains("not closed"));
    }

    #[test]
    fn targets_are_runs_and_tasks() {
        assert_eq!(target("#42").unwrap().name(), "42");
        assert_eq!(target("42/coding").unwrap().name(), "42/coding");
        assert_eq!(target("42/review/2").unwrap().name(), "42/review/2");
        for text in ["inbox", "4x", "42/", "/coding"] {
            assert_eq!(target(text), None, "{text}");
        }
    }
}
