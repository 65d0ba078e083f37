//! The programs that can play agents here: configured ones, the rehearsal agent, and the shell.

use std::collections::BTreeMap;

use camino::Utf8Path;

use super::login::{Login, login};
use crate::agent::{NotGranted, RuntimeSpec, builtin, rehearsal};
use crate::config::{Config, Environment, RuntimeTable, agent_environment};

/// Runtimes by name.
#[derive(Debug, Clone, Default)]
pub struct Programs {
    specs: BTreeMap<String, RuntimeSpec>,
}

/// Why a runtime cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProgramError {
    /// Nothing is called so.
    #[error("there is no runtime `{name}`")]
    Unknown {
        /// The name.
        name: String,
        /// Names that exist.
        known: Vec<String>,
    },
    /// Its table in the configuration is wrong.
    #[error("{0}")]
    Invalid(String),
    /// Its program is not installed.
    #[error("runtime `{name}` needs the program `{program}`, which is not on the PATH")]
    Missing {
        /// The runtime.
        name: String,
        /// The program.
        program: String,
    },
    /// It cannot be held to what it may do here.
    #[error(transparent)]
    Permission(#[from] NotGranted),
    /// Nobody is logged in.
    #[error("nobody is logged in to runtime `{name}`")]
    LoggedOut {
        /// The runtime.
        name: String,
        /// How to log in.
        with: String,
        /// A key that is set here and not passed on.
        key: Option<String>,
    },
}

impl ProgramError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown { name, known } => {
                let near = crate::base::text::did_you_mean(name, known.iter().map(String::as_str));
                match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!(
                        "there are {}; `[runtimes.{name}]` in the user's configuration adds one",
                        known.join(", ")
                    ),
                }
            }
            Self::Invalid(_) => "`crew config` shows the configuration with its origins".to_owned(),
            Self::Missing { program, .. } => {
                format!("install `{program}`, or choose another runtime with `-a`")
            }
            Self::Permission(refused) => permission_hint(refused),
            Self::LoggedOut { name, with, key: Some(key) } => format!(
                "log in with `{with}`; or let it have `{key}`, which is set here: `env = [\"{key}\"]` in \
                 `[runtimes.{name}]` of your configuration"
            ),
            Self::LoggedOut { name, with, key: None } => format!(
                "log in with `{with}`; a program that needs no login is asked for none with `login = []` in \
                 `[runtimes.{name}]` of your configuration"
            ),
        }
    }
}

impl Programs {
    /// The runtimes of a configuration; `extra` holds arguments added for one run.
    ///
    /// # Errors
    /// Every table that is wrong.
    pub fn of(
        config: &Config,
        extra: &BTreeMap<String, Vec<String>>,
    ) -> Result<Self, Vec<ProgramError>> {
        let mut specs = BTreeMap::new();
        let mut wrong = Vec::new();
        let mut rehearsal = rehearsal::spec(None, None);
        if let Some(table) = config.runtimes.get(rehearsal::NAME) {
            add_arguments(&mut rehearsal, &table.args);
        }
        specs.insert(rehearsal.name.clone(), rehearsal);
        let none = RuntimeTable::default();
        let configured = config.runtimes.iter().map(|(name, table)| (name.as_str(), table));
        let built_in = builtin::NAMES.iter().filter(|name| !config.runtimes.contains_key(**name));
        let all = built_in.map(|name| (*name, &none)).chain(configured);
        for (name, table) in all.filter(|(name, _)| *name != rehearsal::NAME) {
            match builtin::spec(name, &toml_table(table)) {
                Ok(mut spec) => {
                    add_arguments(&mut spec, &table.args);
                    specs.insert(name.to_owned(), spec);
                }
                Err(error) => {
                    wrong.push(ProgramError::Invalid(crate::base::text::error_chain(&error)));
                }
            }
        }
        for (name, args) in extra {
            if let Some(spec) = specs.get_mut(name) {
                add_arguments(spec, args);
            }
        }
        if wrong.is_empty() { Ok(Self { specs }) } else { Err(wrong) }
    }

    /// The runtime of that name.
    ///
    /// # Errors
    /// Nothing is called so.
    pub fn get(&self, name: &str) -> Result<&RuntimeSpec, ProgramError> {
        self.specs.get(name).ok_or_else(|| ProgramError::Unknown {
            name: name.to_owned(),
            known: self.specs.keys().cloned().collect(),
        })
    }

    /// Names of all runtimes.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.specs.keys().map(String::as_str)
    }

    /// Checks before anything starts that somebody is logged in to a runtime, where it can tell.
    ///
    /// # Errors
    /// It says that nobody is.
    pub fn check_login(
        &self,
        name: &str,
        env: &Environment,
        passed: &[String],
        cwd: &Utf8Path,
    ) -> Result<(), ProgramError> {
        let spec = self.get(name)?;
        let declared: Vec<String> = spec.env.iter().chain(passed).cloned().collect();
        match login(spec, &agent_environment(env, &declared), cwd) {
            Login::In | Login::Key | Login::Unknown => Ok(()),
            Login::Out => Err(ProgramError::LoggedOut {
                name: name.to_owned(),
                with: spec.login_with.clone(),
                key: spec.keys.iter().find(|key| env.get(key).is_some()).cloned(),
            }),
        }
    }

    /// Checks before anything starts that a runtime exists and its program is installed.
    ///
    /// # Errors
    /// It is unknown or not installed.
    pub fn preflight(&self, name: &str, path: &str, cwd: &Utf8Path) -> Result<(), ProgramError> {
        let spec = self.get(name)?;
        let program = spec.program();
        if program.contains('{') || which::which_in(program, Some(path), cwd).is_ok() {
            return Ok(());
        }
        Err(ProgramError::Missing { name: name.to_owned(), program: program.to_owned() })
    }
}

fn permission_hint(refused: &NotGranted) -> String {
    let name = &refused.runtime;
    if refused.is_live {
        return format!(
            "with `transport = \"live\"` in `[runtimes.{name}]` of your configuration it can"
        );
    }
    format!(
        "choose a permission that it has with `--permission`, or another runtime with `-a`; arguments that hold \
         it to this one go to `permissions` in `[runtimes.{name}]` of your configuration"
    )
}

/// Adds arguments to both ways of starting a program: anew, and going on with a session.
fn add_arguments(spec: &mut RuntimeSpec, args: &[String]) {
    spec.command.extend(args.iter().cloned());
    let sessions = [&mut spec.attach, &mut spec.interactive];
    let sessions = sessions.into_iter().filter(|words| !words.is_empty());
    for words in spec.resume.iter_mut().chain(sessions) {
        words.extend(args.iter().cloned());
    }
}

/// The table as the adapter reads it.
fn toml_table(table: &RuntimeTable) -> toml::Table {
    let list = |words: &[String]| {
        toml::Value::Array(words.iter().map(|word| toml::Value::String(word.clone())).collect())
    };
    let mut out = toml::Table::new();
    let mut text = |key: &str, value: &Option<String>| {
        if let Some(value) = value {
            out.insert(key.to_owned(), toml::Value::String(value.clone()));
        }
    };
    text("prompt", &table.prompt);
    text("output", &table.output);
    text("transport", &table.transport);
    text("live", &table.live);
    text("program", &table.program);
    text("mcp_form", &table.mcp_form);
    let lists = [
        ("command", &table.command),
        ("env", &table.env),
        ("resume", &table.resume),
        ("model", &table.model),
        ("mcp", &table.mcp),
        ("chat", &table.chat),
        ("live_command", &table.live_command),
        ("live_resume", &table.live_resume),
        ("attach", &table.attach),
        ("interactive", &table.interactive),
        ("version", &table.version),
    ];
    for (key, words) in lists.into_iter().filter(|(_, words)| !words.is_empty()) {
        out.insert(key.to_owned(), list(words));
    }
    if let Some(login) = &table.login {
        out.insert("login".to_owned(), list(login));
    }
    let levels =
        [("permissions", &table.permissions), ("live_permissions", &table.live_permissions)];
    for (key, levels) in levels.into_iter().filter(|(_, levels)| !levels.is_empty()) {
        let levels = levels.iter().map(|(level, words)| (level.clone(), list(words)));
        out.insert(key.to_owned(), toml::Value::Table(levels.collect()));
    }
    for (key, set) in [("set", &table.set), ("mcp_set", &table.mcp_set)] {
        if !set.is_empty() {
            let set =
                set.iter().map(|(name, value)| (name.clone(), toml::Value::String(value.clone())));
            out.insert(key.to_owned(), toml::Value::Table(set.collect()));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Overrides};

    #[test]
    fn every_documented_key_of_a_runtime_reaches_its_command_line() {
        let dir = tempfile::tempdir().unwrap();
        let text = "[runtimes.mine]\ncommand = [\"mine\"]\nargs = [\"--fast\"]\nenv = [\"KEY\"]\n\
            resume = [\"mine\", \"{session}\"]\nmodel = [\"--model\", \"{model}\"]\n\
            mcp = [\"--mcp\", \"{mcp_config}\"]\nattach = [\"mine\", \"-i\", \"{session}\"]\ninteractive = [\"mine\", \"-i\"]\n\
            set = { COLOR = \"0\" }\n";
        std::fs::write(dir.path().join("config.toml"), text).unwrap();
        let env: Environment =
            [("CREW_CONFIG_DIR", dir.path().to_str().unwrap())].into_iter().collect();
        let (config, _) = Config::load(&env, None, &Overrides::default()).valid().unwrap();
        let programs = Programs::of(&config, &BTreeMap::new()).unwrap();
        let spec = programs.get("mine").unwrap();
        assert_eq!(spec.command, ["mine", "--fast"]);
        assert_eq!(spec.resume.as_ref().unwrap(), &["mine", "{session}", "--fast"]);
        assert_eq!((spec.model.len(), spec.mcp.len(), spec.env.len()), (2, 2, 1));
        assert_eq!((spec.attach.len(), spec.interactive.len()), (4, 3));
        assert_eq!(spec.set["COLOR"], "0");
    }

    #[test]
    fn a_missing_program_is_told_before_anything_starts() {
        let programs = Programs::of(&Config::preset(), &BTreeMap::new()).unwrap();
        let unknown = programs.preflight("rehersal", "", Utf8Path::new("/")).unwrap_err();
        assert_eq!(unknown.hint(), "did you mean `rehearsal`?");
        assert!(programs.preflight("rehearsal", "", Utf8Path::new("/")).is_ok());
    }
}
