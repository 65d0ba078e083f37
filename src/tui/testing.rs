//! What tests of the dashboard have in common: a stage with runs made by the engine, keys, and the screen as text.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::keymap::Keymap;
use super::look::{Look, Theme};
use super::model::{Memory, Model};
use super::msg::{Call, Called, Effect, Msg};
use super::page::{Page, Target};
use super::scene::Scene;
use super::update::{Data, update};
use super::view::view;
use super::want::{Loaded, Loads, Want};
use super::world::{RunItem, RunView, StoryLine, World};
use crate::base::{RunNumber, Time};
use crate::engine::{State, Vitals, explain_run};
use crate::event::Record;
use crate::snapshot::{Live, StatusView};

/// A terminal without colours that shows Unicode.
pub(crate) const UNICODE: Look = Look { theme: Theme::Plain, ascii: false };
/// A terminal without colours that shows ASCII.
pub(crate) const ASCII: Look = Look { theme: Theme::Plain, ascii: true };
/// The sizes at which screens are kept as snapshots.
pub(crate) const SIZES: [(u16, u16); 4] = [(160, 45), (120, 36), (80, 24), (50, 20)];

/// A run as the dashboard sees it at its last event, with what is known of its past.
pub(crate) fn run_of((state, records): (State, Vec<Record>)) -> RunView {
    let story = records.iter().map(StoryLine::of).collect();
    let now = state.updated_at;
    let why = explain_run(&state, &Vitals::default(), now);
    RunView::of(StatusView::of(&state, &Live::default(), now), &state, story, why)
}

/// The same run under another number.
pub(crate) fn numbered(mut made: (State, Vec<Record>), number: u32) -> (State, Vec<Record>) {
    Arc::make_mut(&mut made.0.created).number = RunNumber(number);
    made
}

/// What is known when these are all runs, the newest first.
pub(crate) fn world(runs: Vec<RunView>) -> World {
    let now = runs.iter().map(|run| run.status.now).max().unwrap_or_default();
    let row = |run: &RunView| RunItem {
        number: run.number(),
        row: Ok(run.status.run.clone()),
        damage: None,
    };
    World {
        now,
        project: "shop".to_owned(),
        root: "/shop".into(),
        runs: runs.iter().map(row).collect(),
        views: runs.into_iter().map(|run| (run.number(), Arc::new(run))).collect(),
        slots: 8,
        is_read: true,
        ..World::default()
    }
}

/// A dashboard without a terminal: keys go in, effects and the screen come out.
pub(crate) struct Stage {
    pub(crate) model: Model,
    pub(crate) world: World,
    pub(crate) loads: Loads,
    pub(crate) now: Time,
    hits: Vec<(Rect, Target)>,
    zone: jiff::tz::TimeZone,
}

impl Stage {
    /// The dashboard over these runs, just opened.
    pub(crate) fn new(runs: Vec<RunView>) -> Self {
        let world = world(runs);
        let mut stage = Self {
            model: Model::new(UNICODE, Keymap::default(), (120, 36), Memory::default()),
            now: world.now.plus_ms(60_000),
            world,
            loads: Loads(BTreeMap::new()),
            hits: Vec::new(),
            zone: jiff::tz::TimeZone::UTC,
        };
        stage.happens(Msg::World);
        stage
    }

    /// The moment moves on.
    pub(crate) fn wait(&mut self, ms: u64) -> &mut Self {
        self.now = self.now.plus_ms(ms);
        self
    }

    /// Something happens.
    pub(crate) fn happens(&mut self, msg: Msg) -> Vec<Effect> {
        let data = Data {
            world: &self.world,
            loads: &self.loads,
            hits: &self.hits,
            zone: &self.zone,
            now: self.now,
        };
        update(&mut self.model, &data, msg)
    }

    /// Keys are pressed, as the configuration names them, with blanks between them.
    pub(crate) fn press(&mut self, keys: &str) -> Vec<Effect> {
        keys.split(' ').flat_map(|key| self.happens(Msg::Key(event(key)))).collect()
    }

    /// Text is typed, key by key.
    pub(crate) fn type_text(&mut self, text: &str) -> Vec<Effect> {
        let keys = text.chars().map(|c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
        keys.flat_map(|key| self.happens(Msg::Key(key))).collect()
    }

    /// A command ends.
    pub(crate) fn ends(&mut self, call: &Call, code: i32, out: &str, err: &str) -> Vec<Effect> {
        let (out, err) = (out.to_owned(), err.to_owned());
        self.happens(Msg::Called(Called { call: call.clone(), code: Some(code), out, err }))
    }

    /// Other runs, or the same ones in another state.
    pub(crate) fn becomes(&mut self, runs: Vec<RunView>) -> Vec<Effect> {
        self.world = world(runs);
        self.happens(Msg::World)
    }

    /// Something that is looked at was loaded.
    pub(crate) fn load(&mut self, want: Want, loaded: Loaded) -> Vec<Effect> {
        self.loads.0.insert(want.clone(), Ok(loaded));
        self.happens(Msg::Loaded(want))
    }

    /// What a view sees.
    pub(crate) fn scene(&self) -> Scene<'_> {
        Scene {
            zone: &self.zone,
            model: &self.model,
            world: &self.world,
            loads: &self.loads,
            now: self.now,
        }
    }

    /// The cells of a frame.
    pub(crate) fn cells(&mut self, size: (u16, u16), look: Look) -> Buffer {
        (self.model.size, self.model.look) = (size, look);
        let mut cells = Buffer::empty(Rect::new(0, 0, size.0, size.1));
        let mut page = Page::new(&mut cells, look);
        view(&self.scene(), &mut page);
        self.hits = page.hits;
        cells
    }

    /// The screen as text, without blanks at the ends of its lines.
    pub(crate) fn draw(&mut self, size: (u16, u16), look: Look) -> String {
        text(&self.cells(size, look))
    }

    /// The screen at every size, with and without Unicode.
    pub(crate) fn gallery(&mut self) -> String {
        let mut all = String::new();
        for look in [UNICODE, ASCII] {
            for (width, height) in SIZES {
                let name = if look.ascii { "ASCII" } else { "Unicode" };
                let screen = self.draw((width, height), look);
                writeln!(all, "=== {width}x{height} {name}\n{screen}").expect("a text takes it");
            }
        }
        all
    }
}

/// The commands that these effects run.
pub(crate) fn lines(effects: &[Effect]) -> Vec<String> {
    calls(effects).iter().map(Call::line).collect()
}

/// The calls among effects.
pub(crate) fn calls(effects: &[Effect]) -> Vec<Call> {
    let call = |effect: &Effect| match effect {
        Effect::Call(call) => Some(call.clone()),
        _ => None,
    };
    effects.iter().filter_map(call).collect()
}

/// Cells as text.
pub(crate) fn text(cells: &Buffer) -> String {
    let mut all = String::new();
    for y in cells.area.top()..cells.area.bottom() {
        let mut line = String::new();
        let mut x = cells.area.left();
        while x < cells.area.right() {
            let symbol = cells[(x, y)].symbol();
            line.push_str(symbol);
            // A wide character covers the cells after it.
            x += u16::try_from(super::text::columns(symbol)).unwrap_or(1).max(1);
        }
        all.push_str(line.trim_end());
        all.push('\n');
    }
    all
}

/// The event of a key that is named as in the configuration.
fn event(name: &str) -> KeyEvent {
    let (modifiers, name) = match name.split_once('+') {
        Some(("ctrl", rest)) => (KeyModifiers::CONTROL, rest),
        Some(("alt", rest)) => (KeyModifiers::ALT, rest),
        Some(("shift", rest)) => (KeyModifiers::SHIFT, rest),
        _ => (KeyModifiers::NONE, name),
    };
    let code = match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "space" => KeyCode::Char(' '),
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "pageup" => KeyCode::PageUp,
        "pagedown" => KeyCode::PageDown,
        "backspace" => KeyCode::Backspace,
        other => KeyCode::Char(other.chars().next().expect("a key has a name")),
    };
    KeyEvent::new(code, modifiers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::sample;

    #[test]
    fn a_run_of_the_engine_is_on_the_screen() {
        let made = sample::records(sample::started());
        let mut stage = Stage::new(vec![run_of(made)]);
        for look in [UNICODE, ASCII] {
            for size in SIZES {
                let screen = stage.draw(size, look);
                assert!(screen.contains("coding"), "{size:?}\n{screen}");
                assert_eq!(screen.is_ascii(), look.ascii, "{size:?}\n{screen}");
            }
        }
    }

    #[test]
    fn keys_reach_the_model_and_commands_come_out() {
        let mut stage = Stage::new(vec![run_of(numbered(sample::records(sample::started()), 6))]);
        let asked = stage.press("x y");
        assert!(asked.is_empty(), "an answer that is too early counts for nothing");
        let effects = stage.wait(300).press("y");
        assert_eq!(lines(&effects), ["crew stop 6 --yes"]);
        let called = calls(&effects);
        assert!(stage.ends(&called[0], 7, "", "error: no").is_empty());
        assert!(stage.gallery().contains("crew stop 6 --yes: no"));
        assert!(stage.type_text("2").is_empty());
        let want = Want::Output(vec!["ls".to_owned()]);
        assert!(stage.load(want, Loaded::Text("".into())).is_empty());
        assert!(stage.becomes(Vec::new()).is_empty());
        assert!(stage.draw((80, 24), UNICODE).contains("Nothing waits for you."));
    }

    #[test]
    fn a_run_that_needs_a_word_before_it_starts_is_on_the_screen() {
        let mut stage = Stage::new(vec![run_of(sample::draft())]);
        stage.press("w");
        assert!(stage.draw((80, 24), UNICODE).contains("risk of #5"));
    }
}
