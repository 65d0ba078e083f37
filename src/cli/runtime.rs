//! `crew runtime`: the programs that can play agents here.

mod check;
mod show;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use clap::{Args as ClapArgs, Subcommand};
use serde::Serialize;

use super::{CliError, Context, Exit, Result};
use crate::agent::{OutputFormat, RuntimeSpec, builtin, rehearsal};
use crate::base::flow::Permission;
use crate::base::limits::{JSON_SCHEMA, VERSION_LOOK_MS};
use crate::base::text;
use crate::client::Workspace;
use crate::client::plan::PlanError;
use crate::config::{Config, Environment, agent_environment};
use crate::launch::Programs;
use crate::launch::login::{Login, login};
use crate::launch::version::versions;

/// List and show the programs that can play agents.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List all runtimes and whether their programs are found.
    List,
    /// Try whether a runtime does what crew relies on: a real run in a scratch project, which asks its model a few
    /// short things.
    Test {
        /// The runtime.
        name: String,
        /// The model to ask.
        #[arg(short, long)]
        model: Option<String>,
    },
    /// Show one runtime: its program, command line and settings.
    Show {
        /// The runtime.
        name: String,
    },
}

/// A runtime as it can be told to people and scripts.
#[derive(Debug, Clone, Serialize)]
pub struct Told {
    /// Its name.
    pub name: String,
    /// `configured` or `built-in`.
    pub kind: &'static str,
    /// The program.
    pub program: String,
    /// Where it is, when it is found.
    pub path: Option<Utf8PathBuf>,
    /// What it says of its version, when it was asked and answered.
    pub version: Option<String>,
    /// Whether runs can use it now.
    pub usable: bool,
    /// Why not, or what it is for.
    pub note: String,
}

/// Runs the verb.
///
/// # Errors
/// There is no such runtime.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    match &args.verb {
        Verb::List => list(&workspace.config, context),
        Verb::Show { name } => show::run(&workspace, name, context),
        Verb::Test { name, model } => check::run(&workspace, name, model.as_deref(), context),
    }
}

/// Every runtime: the built-in ones, then the user's.
pub fn all(config: &Config) -> Vec<Told> {
    let own = config.runtimes.keys().map(String::as_str);
    let own = own.filter(|name| !builtin::NAMES.contains(name) && *name != rehearsal::NAME);
    builtin::NAMES
        .into_iter()
        .chain([rehearsal::NAME])
        .chain(own)
        .map(|name| told(config, name))
        .collect()
}

fn told(config: &Config, name: &str) -> Told {
    let kind = if is_configured(config, name) { "configured" } else { "built-in" };
    let mut told = Told {
        name: name.to_owned(),
        kind,
        program: String::new(),
        path: None,
        version: None,
        usable: false,
        note: String::new(),
    };
    match spec_of(config, name) {
        Err(error) => told.note = error,
        Ok(_) if name == rehearsal::NAME => {
            "crew".clone_into(&mut told.program);
            told.path = crate::launch::program();
            told.version = Some(env!("CARGO_PKG_VERSION").to_owned());
            told.usable = true;
            "plays roles by a script, without a model; never chosen by itself"
                .clone_into(&mut told.note);
        }
        Ok(spec) => {
            spec.program().clone_into(&mut told.program);
            told.path = find(&told.program);
            told.usable = told.path.is_some();
            told.note = match (told.usable, kind) {
                (true, "configured") => "from your configuration".to_owned(),
                (true, _) => abilities(&spec).join(", "),
                (false, "configured") => "its program is not found".to_owned(),
                (false, _) => "not found".to_owned(),
            };
        }
    }
    told
}

/// The runtime of this name, or why it is none.
pub fn spec_of(config: &Config, name: &str) -> std::result::Result<RuntimeSpec, String> {
    let programs = Programs::of(config, &BTreeMap::new()).map_err(|errors| {
        let words: Vec<String> = errors.iter().map(ToString::to_string).collect();
        words.join("; ")
    })?;
    programs.get(name).cloned().map_err(|error| error.to_string())
}

/// What can be done with a program, in words.
pub fn abilities(spec: &RuntimeSpec) -> Vec<String> {
    let mut can = Vec::new();
    if spec.output.says_its_end() || spec.output == OutputFormat::Crew {
        can.push("stream".to_owned());
    }
    if spec.live.is_some() {
        can.push("steer".to_owned());
    }
    if spec.can_resume() {
        can.push("resume".to_owned());
    }
    if spec.takes_mcp() {
        can.push("MCP".to_owned());
    }
    if spec.takes_model() {
        can.push("model".to_owned());
    }
    let levels: Vec<&str> = spec.permissions.levels().map(Permission::as_str).collect();
    can.push(if levels.is_empty() {
        "permissions by its own arguments".to_owned()
    } else {
        format!("permissions {}", levels.join("/"))
    });
    can
}

/// Asks the programs that are found for their version.
///
/// A configured one is asked only by the command that its table gives: `--version` could mean anything to it.
pub fn ask_versions(config: &Config, told: &mut [Told]) {
    let mut asked: Vec<(&mut Told, Vec<String>)> = Vec::new();
    for told in told.iter_mut().filter(|told| told.path.is_some()) {
        let command = spec_of(config, &told.name).map(|spec| spec.version).unwrap_or_default();
        if !command.is_empty() {
            asked.push((told, command));
        }
    }
    let commands: Vec<Vec<String>> = asked.iter().map(|(_, command)| command.clone()).collect();
    for ((told, _), answer) in asked.into_iter().zip(versions(&commands, VERSION_LOOK_MS)) {
        match answer {
            Ok(version) => told.version = Some(version),
            Err(error) => told.note = format!("{}; {error}", told.note),
        }
    }
}

/// Checks that a run can use the runtime of this name.
///
/// # Errors
/// There is none, or its program is missing.
pub fn check_name(workspace: &Workspace, name: &str) -> Result<()> {
    let programs =
        Programs::of(&workspace.config, &BTreeMap::new()).map_err(PlanError::Programs)?;
    let path = workspace.env.get("PATH").unwrap_or_default();
    let checked = programs.preflight(name, path, &workspace.found.root);
    Ok(checked.map_err(|error| PlanError::Programs(vec![error]))?)
}

/// Where a program is.
pub fn find(program: &str) -> Option<Utf8PathBuf> {
    which::which(program).ok().and_then(|path| Utf8PathBuf::try_from(path).ok())
}

fn is_configured(config: &Config, name: &str) -> bool {
    config.runtimes.get(name).is_some_and(|table| !table.command.is_empty())
}

fn not_found(all: &[Told], name: &str) -> CliError {
    let error = CliError::new(Exit::NotFound, "not_found", format!("no runtime `{name}`"));
    match text::did_you_mean(name, all.iter().map(|told| told.name.as_str())) {
        Some(near) => error.hinted(format!("did you mean `{near}`?")),
        None => {
            error.hinted(format!("describe it under `[runtimes.{name}]` in your configuration"))
        }
    }
}

#[derive(Serialize)]
struct ListJson {
    schema_version: u32,
    runtimes: Vec<Told>,
}

fn list(config: &Config, context: &mut Context) -> Result<Exit> {
    let mut runtimes = all(config);
    ask_versions(config, &mut runtimes);
    if context.json {
        context.write_json(&ListJson { schema_version: JSON_SCHEMA, runtimes })?;
        return Ok(Exit::Ok);
    }
    let rows: Vec<[String; 5]> = runtimes
        .into_iter()
        .map(|told| {
            let mark = if told.usable { "usable" } else { "-" }.to_owned();
            let version = told.version.unwrap_or_else(|| "-".to_owned());
            [told.name, told.kind.to_owned(), mark, version, told.note]
        })
        .collect();
    super::list::write(context, &["NAME", "KIND", "STATE", "VERSION", "NOTE"], &rows)?;
    Ok(Exit::Ok)
}

/// Whether somebody is logged in, asked with the variables that an agent would get.
pub fn login_of(config: &Config, env: &Environment, root: &Utf8Path, spec: &RuntimeSpec) -> Login {
    login(spec, &agent_environment(env, &passed(config, spec)), root)
}

fn passed(config: &Config, spec: &RuntimeSpec) -> Vec<String> {
    spec.env.iter().chain(&config.defaults.env).cloned().collect()
}

/// The state of a login for people.
pub fn login_words(login: Login, spec: &RuntimeSpec) -> String {
    match login {
        Login::In => "logged in".to_owned(),
        Login::Key => "by a key that your configuration passes on".to_owned(),
        Login::Out => format!("logged out; log in with `{}`", spec.login_with),
        Login::Unknown if spec.login_with.is_empty() => String::new(),
        Login::Unknown => format!("cannot be told; log in with `{}`", spec.login_with),
    }
}

/// Keys that are set here and which the program does not get.
pub fn stray_keys(config: &Config, env: &Environment, spec: &RuntimeSpec) -> Vec<String> {
    let got = agent_environment(env, &passed(config, spec));
    let is_stray =
        |name: &&String| env.get(name).is_some() && !got.iter().any(|(set, _)| set == *name);
    let stray = spec.keys.iter().filter(is_stray);
    stray
        .map(|name| {
            format!(
                "`{name}` is set here and not passed on; `env = [\"{name}\"]` in `[runtimes.{}]` does",
                spec.name
            )
        })
        .collect()
}
