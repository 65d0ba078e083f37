//! The configuration: every key with its value and origin; a value is changed in a file and holds at once.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::keymap::{Action, Keymap, Scope};
use super::super::look::Theme;
use super::super::model::Model;
use super::super::msg::{Called, Effect};
use super::super::page::Page;
use super::super::scene::Scene;
use super::super::update::{Data, words};
use super::field::Field;
use super::filter::matches;
use super::{Flow, Layer, settings_view};
use ratatui::layout::Rect;

/// Rows of a page.
const PAGE: usize = 10;

/// One key as the command tells it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Row {
    /// The key.
    pub key: String,
    /// Its value as TOML; absent when it is not set.
    pub value: Option<String>,
    /// Where it comes from.
    pub origins: Vec<String>,
}

/// What the command tells of the whole configuration.
#[derive(Debug, Clone, Deserialize)]
struct Told {
    user_file: Option<String>,
    project_file: Option<String>,
    values: Vec<Row>,
}

/// A value that is being changed.
#[derive(Debug, Clone)]
pub struct Edit {
    /// The key.
    pub key: String,
    /// Its new value.
    pub field: Field,
    /// Whether the project's file is changed.
    pub in_project: bool,
    /// The command that changes it.
    pub saving: Option<u64>,
    /// Why it was refused.
    pub problem: Option<String>,
}

/// The configuration.
#[derive(Debug, Clone)]
pub struct State {
    /// What is looked for.
    pub search: Field,
    /// Every key; absent until they are read.
    pub rows: Option<Vec<Row>>,
    /// The user's file and the project's.
    pub files: [String; 2],
    /// Which of those that match is under the cursor.
    pub at: usize,
    /// First row of the last frame.
    pub scroll: std::cell::Cell<usize>,
    /// The value that is being changed.
    pub edit: Option<Edit>,
    reading: Option<u64>,
    problem: Option<String>,
}

impl State {
    /// The configuration, and the effect that reads it.
    pub fn new(model: &mut Model) -> (Self, Vec<Effect>) {
        let mut state = Self {
            search: Field::line(""),
            rows: None,
            files: [String::new(), String::new()],
            at: 0,
            scroll: std::cell::Cell::new(0),
            edit: None,
            reading: None,
            problem: None,
        };
        let effects = state.read(model);
        (state, effects)
    }

    fn read(&mut self, model: &mut Model) -> Vec<Effect> {
        // Nobody would want to copy this one.
        let before = model.last_line.take();
        let effect = model.call(words(&["config", "--json"]), "");
        model.last_line = before;
        self.reading = id_of(&effect);
        vec![effect]
    }

    /// The keys that match; a key that is written in full can be set also when it has no value yet.
    pub fn found(&self) -> Vec<Row> {
        let search = self.search.text();
        let rows = self.rows.iter().flatten();
        let named = search.trim();
        let is_new = self.rows.iter().flatten().all(|row| row.key != named)
            && crate::config::expected(named).is_some();
        let new = Row { key: named.to_owned(), value: None, origins: Vec::new() };
        let found = rows.filter(|row| {
            let value = row.value.as_deref().unwrap_or_default();
            let text = format!("{} {value} {}", row.key, row.origins.join(" "));
            matches(&search, &text.to_lowercase())
        });
        found.cloned().chain(is_new.then_some(new)).collect()
    }

    /// Why the configuration could not be read.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    fn begin(&mut self) {
        let row = self.found().get(self.at).cloned();
        let Some(row) = row.filter(|row| !row.key.starts_with("hooks[")) else { return };
        let value = row.value.as_deref().map(plain).unwrap_or_default();
        let in_project = row.origins.iter().any(|origin| origin.starts_with(&self.files[1]))
            && !self.files[1].is_empty();
        self.edit = Some(Edit {
            key: row.key,
            field: Field::line(&value),
            in_project,
            saving: None,
            problem: None,
        });
    }

    fn save(&mut self, model: &mut Model) -> Vec<Effect> {
        let Some(edit) = self.edit.as_mut().filter(|edit| edit.saving.is_none()) else {
            return Vec::new();
        };
        let text = edit.field.text();
        let file = if edit.in_project { "--in=project" } else { "--in=user" };
        let args = if text.trim().is_empty() {
            words(&["config", "unset", file, &edit.key])
        } else {
            words(&["config", "set", file, &edit.key, text.trim()])
        };
        let effect = model.call(args, "");
        edit.saving = id_of(&effect);
        edit.problem = None;
        vec![effect]
    }

    fn learn(&mut self, model: &mut Model, called: &Called) {
        self.reading = None;
        match serde_json::from_str::<Told>(&called.out) {
            Ok(told) => {
                self.files =
                    [told.user_file.unwrap_or_default(), told.project_file.unwrap_or_default()];
                apply(model, &told.values);
                self.rows = Some(told.values);
                self.problem = None;
            }
            Err(_) => self.problem = Some(called.err.trim().to_owned()),
        }
    }
}

fn id_of(effect: &Effect) -> Option<u64> {
    match effect {
        Effect::Call(call) => Some(call.id),
        _ => None,
    }
}

/// A text without its quotes, so that it is written as people write it; anything else as TOML.
fn plain(value: &str) -> String {
    match parsed(value) {
        Some(toml::Value::String(text)) if !text.contains('\n') => text,
        _ => value.to_owned(),
    }
}

fn parsed(value: &str) -> Option<toml::Value> {
    format!("v = {value}").parse::<toml::Table>().ok()?.remove("v")
}

/// What of the configuration concerns the dashboard holds at once.
fn apply(model: &mut Model, rows: &[Row]) {
    let text = |key: &str| {
        let row = rows.iter().find(|row| row.key == key)?;
        parsed(row.value.as_deref()?)
    };
    let theme = text("ui.theme").and_then(|value| Theme::named(value.as_str()?));
    model.look.theme = match theme {
        Some(theme) if !model.auto.is_colorless => theme,
        Some(_) | None => model.auto.look.theme,
    };
    let ascii = text("ui.ascii").and_then(|value| value.as_bool());
    model.look.ascii = ascii.unwrap_or(model.auto.look.ascii);
    let mut changes = BTreeMap::new();
    for row in rows {
        let Some(name) = row.key.strip_prefix("ui.keys.") else { continue };
        let keys = match row.value.as_deref().and_then(parsed) {
            Some(toml::Value::String(key)) => vec![key],
            Some(toml::Value::Array(keys)) => {
                keys.iter().filter_map(|key| key.as_str().map(str::to_owned)).collect()
            }
            Some(_) | None => continue,
        };
        changes.insert(name.to_owned(), keys);
    }
    model.keys = Keymap::with(&changes).0;
}

impl Layer for State {
    fn scopes(&self) -> Vec<Scope> {
        if self.edit.is_some() {
            vec![Scope::Edit, Scope::Choose]
        } else {
            vec![Scope::Choose, Scope::Edit]
        }
    }

    fn field(&mut self) -> Option<&mut Field> {
        match &mut self.edit {
            Some(edit) => Some(&mut edit.field),
            None => Some(&mut self.search),
        }
    }

    fn wrote(&mut self, _model: &mut Model, _data: &Data<'_>) {
        if self.edit.is_none() {
            self.at = 0;
        }
    }

    fn update(&mut self, model: &mut Model, _data: &Data<'_>, action: Action) -> Flow {
        if let Some(edit) = &mut self.edit {
            match action {
                Action::Choose | Action::Submit => return Flow::Stay(self.save(model)),
                Action::NextField | Action::PreviousField | Action::Complete => {
                    edit.in_project = !edit.in_project;
                }
                Action::Cancel => self.edit = None,
                _ => {}
            }
            return Flow::STAY;
        }
        let last = self.found().len().saturating_sub(1);
        match action {
            Action::Choose => self.begin(),
            Action::Cancel => return Flow::CLOSE,
            Action::ChooseUp | Action::Up => self.at = self.at.saturating_sub(1),
            Action::ChooseDown | Action::Down => self.at = (self.at + 1).min(last),
            Action::ChoosePageUp => self.at = self.at.saturating_sub(PAGE),
            Action::ChoosePageDown => self.at = (self.at + PAGE).min(last),
            _ => {}
        }
        Flow::STAY
    }

    fn clicked(&mut self, _model: &mut Model, _data: &Data<'_>, row: usize) -> Flow {
        if self.edit.is_none() {
            self.at = row;
            self.begin();
        }
        Flow::STAY
    }

    fn tells_of(&self, call: u64) -> bool {
        let saving = self.edit.as_ref().and_then(|edit| edit.saving);
        self.reading == Some(call) || saving == Some(call)
    }

    fn called(&mut self, model: &mut Model, data: &Data<'_>, called: &Called) -> Flow {
        let id = Some(called.call.id);
        if self.reading == id {
            self.learn(model, called);
            return Flow::STAY;
        }
        if self.edit.as_ref().is_none_or(|edit| edit.saving != id) {
            return Flow::STAY;
        }
        if called.code == Some(0) {
            self.edit = None;
            let note = called.err.lines().find(|line| line.starts_with("note: "));
            let told = note.or_else(|| called.out.lines().next()).unwrap_or("saved");
            model.say(told.to_owned(), data.now);
            return Flow::Stay(self.read(model));
        }
        if let Some(edit) = &mut self.edit {
            edit.saving = None;
            edit.problem = Some(called.err.trim().to_owned());
        }
        Flow::STAY
    }

    fn view(&self, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
        settings_view::view(self, scene, area, page);
    }
}
