//! Lays the layers of configuration over each other and remembers where every value comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use camino::Utf8PathBuf;

use super::environment::Environment;
use super::file::{Document, KeyPath, dotted};
use super::keys::{self, Key, Scope};
use super::model::Hook;
use super::problem::{Place, Problem};
use super::value::{Value, is_inside};
use crate::base::text;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The built-in configuration.
    Preset,
    /// The user's file.
    User(Utf8PathBuf, usize),
    /// The project's file.
    Project(Utf8PathBuf, usize),
    /// A variable of the environment.
    Env(String),
    /// A flag of the command line.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Preset => f.write_str("preset"),
            Self::User(path, line) | Self::Project(path, line) => write!(f, "{path}:{line}"),
            Self::Env(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// The origin of every key that has a value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Origins(pub(super) BTreeMap<String, Vec<Origin>>);

impl Origins {
    /// Where the value of a dotted key comes from; several when layers added to a list, none when it has no value.
    pub fn of(&self, key: &str) -> &[Origin] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }
}

/// One line of `crew config`.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The dotted key.
    pub key: String,
    /// The value as TOML; none when the key is not set.
    pub value: Option<String>,
    /// Where it comes from; several when layers added to a list.
    pub origins: Vec<Origin>,
}

/// Values from the command line.
#[derive(Debug, Clone, Default)]
pub struct Overrides(Vec<(String, String, String)>);

impl Overrides {
    /// Adds the value that `flag` (as people type it) gives to a dotted key.
    #[must_use]
    pub fn with(mut self, flag: &str, key: &str, value: impl Into<String>) -> Self {
        self.0.push((flag.to_owned(), key.to_owned(), value.into()));
        self
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Setting {
    pub(super) value: Value,
    pub(super) origins: Vec<Origin>,
}

/// The layers so far, and what was wrong with them.
#[derive(Debug, Default)]
pub(super) struct Merged {
    pub(super) settings: BTreeMap<KeyPath, Setting>,
    pub(super) hooks: Vec<(Hook, Origin)>,
    pub(super) errors: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

impl Merged {
    /// Lays a whole document over the layers so far.
    pub(super) fn file(&mut self, document: Document, origin: impl Fn(&Place) -> Origin) {
        self.errors.extend(document.errors);
        self.warnings.extend(document.warnings);
        for (path, (value, place)) in document.values {
            self.set(path, value, origin(&place));
        }
        let hooks = document.hooks.into_iter();
        self.hooks.extend(hooks.map(|(hook, place)| (hook, origin(&place))));
    }

    /// Lays a project's document over preset and user: the user wins, and what is left is limited by each key's scope.
    pub(super) fn project(&mut self, document: Document, user_file: &str) {
        self.errors.extend(document.errors);
        self.warnings.extend(document.warnings);
        let first = self.warnings.len();
        let mut refused = BTreeSet::new();
        for (path, (value, place)) in document.values {
            let Some(key) = keys::find(&path) else {
                continue;
            };
            if key.scope == Scope::User {
                // One warning for a table like `[runtimes.x]`, not one for each of its keys.
                let depth = key.path.split('.').position(|name| name == "*");
                let shown = &path[..depth.map_or(path.len(), |star| star + 1)];
                if refused.insert(shown.to_owned()) {
                    let what =
                        format!("`{}` is not for a project to set; it is ignored", dotted(shown));
                    self.warn(place, what, format!("move it to {user_file}"));
                }
                continue;
            }
            match self.restricted(key, &path, value) {
                Ok(Some(value)) => self.lay_project(key, path, value, &place),
                Ok(None) => {}
                Err(what) => {
                    self.warn(place, what, format!("if you want it, set it in {user_file}"));
                }
            }
        }
        self.warnings[first..].sort_by(|a, b| a.place.cmp(&b.place));
        for (hook, place) in document.hooks {
            let origin = project_origin(&place);
            self.hooks.push((hook, origin));
        }
    }

    /// Lays the variables of the environment over the layers so far.
    pub(super) fn environment(&mut self, env: &Environment) {
        for (name, text) in
            env.variables().filter(|(name, text)| name.starts_with("CREW_") && !text.is_empty())
        {
            let place = Place::Variable(name.to_owned());
            match keys::of_variable(name) {
                None => {}
                Some(Ok(path)) => self.text(path, text, place, Origin::Env(name.to_owned())),
                Some(Err(known)) => {
                    let near = text::did_you_mean(name, known.iter().map(String::as_str));
                    let hint = near.map_or_else(
                        || {
                            "variables are `CREW_<TABLE>_<KEY>`; `crew config` shows the keys"
                                .to_owned()
                        },
                        |near| format!("did you mean `{near}`?"),
                    );
                    self.warn(
                        place,
                        "no configuration key belongs to this variable".to_owned(),
                        hint,
                    );
                }
            }
        }
    }

    /// Lays the flags over the layers so far.
    pub(super) fn flags(&mut self, flags: &Overrides) {
        for (flag, key, text) in &flags.0 {
            let path = key.split('.').map(str::to_owned).collect();
            self.text(path, text, Place::Flag(flag.clone()), Origin::Flag(flag.clone()));
        }
    }

    /// Every key with its value, in the order of the preset; keys without a value too.
    pub(super) fn rows(&self) -> Vec<Row> {
        let row = |path: &[String], setting: Option<&Setting>| Row {
            key: dotted(path),
            value: setting.map(|setting| setting.value.to_string()),
            origins: setting.map_or_else(Vec::new, |setting| setting.origins.clone()),
        };
        let mut rows = Vec::new();
        let mut groups = BTreeSet::new();
        for key in keys::KEYS {
            let Some((table, _)) = key.path.split_once('*') else {
                let path: KeyPath = key.path.split('.').map(str::to_owned).collect();
                rows.push(row(&path, self.settings.get(&path)));
                continue;
            };
            if groups.insert(table) {
                let table: Vec<&str> = table.split_terminator('.').collect();
                let inside = self.settings.iter().filter(|(path, _)| {
                    path.len() > table.len() && table.iter().zip(*path).all(|(a, b)| a == b)
                });
                rows.extend(inside.map(|(path, setting)| row(path, Some(setting))));
            }
        }
        for (index, (hook, origin)) in self.hooks.iter().enumerate() {
            let (on, command) = (Value::List(hook.on.clone()), Value::Text(hook.command.clone()));
            rows.push(Row {
                key: format!("hooks[{index}]"),
                value: Some(format!("{{ on = {on}, command = {command} }}")),
                origins: vec![origin.clone()],
            });
        }
        rows
    }

    fn set(&mut self, path: KeyPath, value: Value, origin: Origin) {
        let origins = vec![origin];
        self.settings.insert(path, Setting { value, origins });
    }

    fn warn(&mut self, place: Place, what: String, hint: String) {
        self.warnings.push(Problem::new(place, what).hinted(hint));
    }

    fn text(&mut self, path: KeyPath, text: &str, place: Place, origin: Origin) {
        let Some(key) = keys::find(&path) else {
            let what = format!("unknown key `{}`", dotted(&path));
            self.errors.push(Problem::new(place, what));
            return;
        };
        match key.kind.of_text(text) {
            Ok(value) => self.set(path, value, origin),
            Err(found) => {
                let what =
                    format!("`{}` must be {}, not {found}", dotted(&path), key.kind.expected());
                let example = key.example.replace(['"', '[', ']'], "");
                let hint = format!("a right value is {example}");
                self.errors.push(Problem::new(place, what).hinted(hint));
            }
        }
    }

    /// What a project's value comes to; `Ok(None)`: the user has decided; an error says why it is ignored.
    fn restricted(
        &self,
        key: &Key,
        path: &[String],
        value: Value,
    ) -> Result<Option<Value>, String> {
        let base = self.settings.get(path);
        let is_users = base.is_some_and(|base| matches!(base.origins[..], [Origin::User(..)]));
        let name = dotted(path);
        match (key.scope, value, base.map(|base| &base.value)) {
            (Scope::Add, Value::List(added), Some(Value::List(list))) => {
                if let Some(exception) = added.iter().find(|item| item.starts_with('!')) {
                    return Err(format!(
                        "`{name}` may only grow in a project; the exception `{exception}` makes the whole list ignored"
                    ));
                }
                let mut all = list.clone();
                all.extend(added.into_iter().filter(|item| !list.contains(item)));
                Ok(Some(Value::List(all)))
            }
            (Scope::Narrow, Value::List(narrow), Some(Value::List(list))) => {
                // Whether one pattern lies within another cannot be told; the same pattern does.
                let outside = narrow.iter().find(|item| !list.is_empty() && !list.contains(item));
                match outside {
                    Some(item) => Err(format!(
                        "`{name}` may only be narrowed by a project; `{item}` is not in your list, so yours stays"
                    )),
                    None => Ok((!narrow.is_empty()).then_some(Value::List(narrow))),
                }
            }
            _ if is_users => Ok(None),
            (Scope::Lower, value, Some(base)) if amount(&value) > amount(base) => Err(format!(
                "`{name} = {value}` would loosen a limit; a project may only lower it, so {base} stays"
            )),
            (Scope::Stricter, value, Some(base))
                if value != *base && value != Value::Text("strict".into()) =>
            {
                Err(format!(
                    "`{name} = {value}` would loosen a rule; a project may only tighten it, so {base} stays"
                ))
            }
            (Scope::Inside, Value::Text(folder), _) if !is_inside(folder.as_str().into()) => {
                Err(format!(
                    "`{name}` of a project must be a folder inside it, not `{folder}`; it is ignored"
                ))
            }
            (_, value, _) => Ok(Some(value)),
        }
    }

    fn lay_project(&mut self, key: &Key, path: KeyPath, value: Value, place: &Place) {
        let origin = project_origin(place);
        if key.scope == Scope::Add
            && let Some(base) = self.settings.get_mut(&path)
        {
            base.value = value;
            base.origins.push(origin);
            return;
        }
        self.set(path, value, origin);
    }
}

/// The origin of what stands at a place of the user's file.
pub(super) fn user_origin(place: &Place) -> Origin {
    let (path, line) = path_and_line(place);
    Origin::User(path, line)
}

fn project_origin(place: &Place) -> Origin {
    let (path, line) = path_and_line(place);
    Origin::Project(path, line)
}

fn path_and_line(place: &Place) -> (Utf8PathBuf, usize) {
    match place {
        Place::File { path, line, .. } => (path.clone(), *line),
        Place::Whole(path) => (path.clone(), 1),
        Place::Variable(name) | Place::Flag(name) => (name.into(), 1),
    }
}

/// What limits are compared by.
fn amount(value: &Value) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "limits that differ in the 16th digit are equal"
    )]
    match value {
        Value::Count(number) | Value::Duration(number, _) | Value::Size(number, _) => {
            *number as f64
        }
        Value::Amount(amount) => *amount,
        Value::Text(_) | Value::Flag(_) | Value::List(_) => 0.0,
    }
}
