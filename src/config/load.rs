//! Reads the environment and the configuration files. Nothing else in the program reads the environment.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use super::PRESET;
use super::build::build;
use super::check;
use super::environment::Environment;
use super::file::{self, Document, dotted};
use super::hook;
use super::merge::{Merged, Origin, Overrides, user_origin};
use super::model::Config;
use super::problem::{Place, Problem};
use super::trust::TrustItem;
use crate::base::path::{PathContext, PathError};
use crate::base::{redact, text};
use crate::resource::read_text;

pub(super) const CONFIG_FILE: &str = "config.toml";
pub(super) const PROJECT_FILE: &str = ".crew/config.toml";
const SCHEDULES: &str = ".crew/schedules";
/// The configuration, and everything that is wrong with it.
#[derive(Debug)]
pub struct Loaded {
    /// Complete in any case: a wrong value leaves the one below it in force.
    pub config: Config,
    /// What was ignored.
    pub warnings: Vec<Problem>,
    /// What makes the configuration invalid.
    pub errors: Vec<Problem>,
}

impl Loaded {
    /// The configuration and the warnings, when nothing is invalid.
    ///
    /// # Errors
    /// All faults at once.
    pub fn valid(self) -> Result<(Config, Vec<Problem>), ConfigError> {
        if self.errors.is_empty() {
            Ok((self.config, self.warnings))
        } else {
            Err(ConfigError(self.errors))
        }
    }
}

/// The configuration is invalid.
#[derive(Debug, thiserror::Error)]
#[error("the configuration is invalid: {}", text::count(.0.len(), "fault"))]
pub struct ConfigError(pub Vec<Problem>);

impl Environment {
    /// Reads the variables of the process. Called once, in the beginning.
    ///
    /// From then on the values of those that are named as secrets are shown and written nowhere.
    pub fn capture() -> Self {
        let mut unreadable = Vec::new();
        let mut variables = Vec::new();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else {
                continue;
            };
            match value.into_string() {
                Ok(value) => variables.push((name, value)),
                // One odd entry must not take all programs away.
                Err(value) if name == "PATH" => {
                    variables.push((name, value.to_string_lossy().into_owned()));
                }
                Err(_) => unreadable.push(name),
            }
        }
        let mut env: Self = variables.into_iter().collect();
        env.unreadable = unreadable;
        let secret = env.variables().filter(|(name, _)| redact::is_secret_name(name));
        redact::remember(secret.map(|(_, value)| value));
        env
    }
}

impl Config {
    /// Loads the configuration of the project at `project_root`, or the one outside of any project.
    ///
    /// Flags win over `CREW_*` variables, these over the user's file, that over the project's, that over the preset.
    pub fn load(env: &Environment, project_root: Option<&Utf8Path>, flags: &Overrides) -> Loaded {
        Self::load_with(env, project_root, flags, None)
    }

    /// Loads the configuration as it would be if a file had this text.
    pub(super) fn load_with(
        env: &Environment,
        project_root: Option<&Utf8Path>,
        flags: &Overrides,
        instead: Option<(&Utf8Path, &str)>,
    ) -> Loaded {
        let read_document = |path: &Utf8Path, inside: Option<&Utf8Path>| match instead {
            Some((file, text)) if file == path => file::parse(path, text),
            Some(_) | None => read_document(path, inside),
        };
        let mut merged = Merged::default();
        merged.file(file::parse("default.toml".into(), PRESET), |_| Origin::Preset);
        let user_file = env.config_dir().map(|dir| dir.join(CONFIG_FILE));
        match &user_file {
            Some(path) => {
                let document = read_document(path, None);
                merged.file(document, user_origin);
            }
            None => merged.warnings.push(
                Problem::new(
                    Place::Variable("HOME".to_owned()),
                    "not set, so there is no user configuration",
                )
                .hinted("set HOME, or CREW_CONFIG_DIR to a folder of your own"),
            ),
        }
        let mut executable = Vec::new();
        if let Some(root) = project_root {
            let path = root.join(PROJECT_FILE);
            let is_users = user_file.as_deref().is_some_and(|user| is_same(user, &path));
            if !is_users {
                let document = read_document(&path, Some(root));
                executable = executable_of(&document);
                let shown = user_file.as_ref().map_or_else(
                    || "your own configuration (set HOME or CREW_CONFIG_DIR)".to_owned(),
                    |path| format!("`{path}`"),
                );
                merged.project(document, &shown);
            }
            match schedules(root) {
                Ok(items) => executable.extend(items),
                Err(error) => merged.errors.push(unreadable(&error)),
            }
        }
        merged.environment(env);
        merged.flags(flags);
        for name in env.unreadable.iter().filter(|name| name.starts_with("CREW_")) {
            let place = Place::Variable(name.clone());
            merged.errors.push(Problem::new(place, "the value is not valid UTF-8"));
        }
        let config = build(&merged, env, executable);
        let together = check::together(&config, project_root, &merged.errors);
        merged.errors.extend(together);
        merged.warnings.extend(hook::unknown(&merged.hooks));
        Loaded { config, warnings: merged.warnings, errors: merged.errors }
    }

    /// The built-in configuration alone.
    pub fn preset() -> Self {
        let mut merged = Merged::default();
        merged.file(file::parse("default.toml".into(), PRESET), |_| Origin::Preset);
        build(&merged, &Environment::default(), Vec::new())
    }
}

/// What a project's own file would have executed, whatever the other layers say.
fn executable_of(document: &Document) -> Vec<TrustItem> {
    let is_executed = |path: &[String]| {
        super::keys::find(path).is_some_and(|key| key.scope == super::keys::Scope::Execute)
    };
    let line = |place: &Place| match place {
        Place::File { line, .. } => *line,
        Place::Whole(_) | Place::Variable(_) | Place::Flag(_) => 1,
    };
    let item = |place: &Place, what: String, content: String| TrustItem {
        file: PROJECT_FILE.into(),
        line: line(place),
        what,
        content,
    };
    let values = document
        .values
        .iter()
        .filter(|(path, _)| is_executed(path))
        .map(|(path, (value, place))| item(place, dotted(path), value.to_string()));
    let hooks = document.hooks.iter().map(|(hook, place)| {
        let what = format!("hook on {}", hook.on.join(", "));
        item(place, what, hook.command.clone())
    });
    let mut items: Vec<TrustItem> = values.chain(hooks).collect();
    items.sort_by_key(|item| item.line);
    items
}

/// The schedules of a project: each starts runs by itself, so each is executable as a whole.
fn schedules(root: &Utf8Path) -> Result<Vec<TrustItem>, PathError> {
    let folder = root.join(SCHEDULES);
    let entries = match folder.read_dir_utf8() {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error).at("cannot list", &folder),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.at("cannot list", &folder)?;
        if entry.path().extension() == Some("toml") {
            names.push(entry.file_name().to_owned());
        }
    }
    names.sort();
    names
        .into_iter()
        .map(|name| {
            let path = folder.join(&name);
            Ok(TrustItem {
                file: Utf8PathBuf::from(SCHEDULES).join(&name),
                line: 1,
                what: format!("schedule {}", name.trim_end_matches(".toml")),
                content: read_text(&path, Some(root)).map_err(|(why, _)| refused(&path, why))?,
            })
        })
        .collect()
}

/// The document at `path`, inside of a folder; an empty one when there is no file.
fn read_document(path: &Utf8Path, inside: Option<&Utf8Path>) -> Document {
    match path.symlink_metadata() {
        Err(error) if is_absent(&error) => return Document::default(),
        _ => {}
    }
    match read_text(path, inside) {
        Ok(source) => file::parse(path, &source),
        Err((why, fix)) => {
            let problem = Problem::new(Place::Whole(path.to_owned()), why).hinted(fix);
            Document { errors: vec![problem], ..Document::default() }
        }
    }
}

fn refused(path: &Utf8Path, why: String) -> PathError {
    PathError { action: "cannot read", path: path.to_owned(), source: io::Error::other(why) }
}

fn unreadable(error: &PathError) -> Problem {
    Problem::new(Place::Whole(error.path.clone()), format!("{}: {}", error.action, error.source))
}

/// The same file under two names: someone's configuration folder is the project's.
fn is_same(a: &Utf8Path, b: &Utf8Path) -> bool {
    let canonical = |path: &Utf8Path| path.canonicalize_utf8().ok();
    canonical(a).is_some_and(|a| canonical(b) == Some(a))
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
