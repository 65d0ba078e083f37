//! `crew runtime`: the programs that can play agents here.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use clap::{Args as ClapArgs, Subcommand};
use serde::Serialize;

use super::{CliError, Context, Exit, Result};
use crate::agent::rehearsal;
use crate::base::limits::JSON_SCHEMA;
use crate::base::text;
use crate::client::Workspace;
use crate::client::plan::{KNOWN_PROGRAMS, PlanError};
use crate::config::{Config, RuntimeTable};
use crate::launch::Programs;
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
    /// `configured`, `built-in` or `known`.
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
        Verb::Show { name } => show(&workspace.config, name, context),
    }
}

/// Every runtime: the user's, the built-in one, and known programs.
pub fn all(config: &Config) -> Vec<Told> {
    let configured = config.runtimes.iter().filter(|(_, table)| !table.command.is_empty()).map(
        |(name, table)| {
            let program = table.command.first().cloned().unwrap_or_default();
            let path = find(&program);
            let usable = path.is_some();
            let note = if usable { "from your configuration" } else { "its program is not found" };
            Told {
                name: name.clone(),
                kind: "configured",
                program,
                path,
                version: None,
                usable,
                note: note.into(),
            }
        },
    );
    let known = KNOWN_PROGRAMS.into_iter().filter(|name| !is_configured(config, name)).map(|name| {
        let path = find(name);
        let note = match &path {
            Some(_) => {
                format!(
                    "found; this version has no adapter for it: describe it under [runtimes.{name}]"
                )
            }
            None => "not found".to_owned(),
        };
        let (name, program) = (name.to_owned(), name.to_owned());
        Told { name, kind: "known", program, path, version: None, usable: false, note }
    });
    let built_in = (!is_configured(config, rehearsal::NAME)).then(|| Told {
        name: rehearsal::NAME.to_owned(),
        kind: "built-in",
        program: "crew".to_owned(),
        path: std::env::current_exe().ok().and_then(|path| Utf8PathBuf::try_from(path).ok()),
        version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        usable: true,
        note: "plays roles by a script, without a model; never chosen by itself".to_owned(),
    });
    configured.chain(built_in).chain(known).collect()
}

/// Asks the programs that are found for their version, all at once.
///
/// A configured one is asked only by the command that its table gives: `--version` could mean anything to it.
pub fn ask_versions(config: &Config, told: &mut [Told]) {
    let mut asked: Vec<(&mut Told, Vec<String>)> = Vec::new();
    for told in told.iter_mut() {
        let Some(path) = &told.path else { continue };
        let command = match told.kind {
            "configured" => config
                .runtimes
                .get(&told.name)
                .map(|table| table.version.clone())
                .unwrap_or_default(),
            "known" => vec![path.to_string(), "--version".to_owned()],
            _ => Vec::new(),
        };
        if !command.is_empty() {
            asked.push((told, command));
        }
    }
    let commands: Vec<Vec<String>> = asked.iter().map(|(_, command)| command.clone()).collect();
    for ((told, _), answer) in asked.into_iter().zip(versions(&commands)) {
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

#[derive(Serialize)]
struct ShowJson<'a> {
    schema_version: u32,
    runtime: &'a Told,
    command: &'a [String],
    args: &'a [String],
    prompt: Option<&'a str>,
    output: Option<&'a str>,
    env: &'a [String],
    resume: &'a [String],
}

fn show(config: &Config, name: &str, context: &mut Context) -> Result<Exit> {
    let mut all = all(config);
    let Some(at) = all.iter().position(|told| told.name == name) else {
        return Err(not_found(&all, name));
    };
    ask_versions(config, &mut all[at..=at]);
    let told = &all[at];
    let none = RuntimeTable::default();
    let table = config.runtimes.get(name).unwrap_or(&none);
    if context.json {
        context.write_json(&ShowJson {
            schema_version: JSON_SCHEMA,
            runtime: told,
            command: &table.command,
            args: &table.args,
            prompt: table.prompt.as_deref(),
            output: table.output.as_deref(),
            env: &table.env,
            resume: &table.resume,
        })?;
        return Ok(Exit::Ok);
    }
    let path = told.path.as_ref().map_or("not found", |path| path.as_str());
    let mut rows = vec![("kind", told.kind.to_owned()), ("program", path.to_owned())];
    rows.extend(told.version.clone().map(|version| ("version", version)));
    let lists = [("command", &table.command), ("args", &table.args), ("resume", &table.resume)];
    rows.extend(
        lists
            .iter()
            .filter(|(_, words)| !words.is_empty())
            .map(|(key, words)| (*key, shown(words))),
    );
    rows.extend(table.prompt.clone().map(|prompt| ("prompt", prompt)));
    rows.extend(table.output.clone().map(|output| ("output", output)));
    if !table.env.is_empty() {
        rows.push(("env", table.env.join(" ")));
    }
    rows.push(("note", told.note.clone()));
    writeln!(context.out, "{name}")?;
    for (key, value) in rows {
        writeln!(context.out, "  {key:<8} {value}")?;
    }
    Ok(Exit::Ok)
}

/// Words as a shell would take them.
fn shown(words: &[String]) -> String {
    let quoted: Vec<String> = words
        .iter()
        .map(|word| {
            let is_plain = !word.is_empty()
                && word.chars().all(|c| c.is_alphanumeric() || "-_./={}:,@+".contains(c));
            if is_plain { word.clone() } else { format!("'{}'", word.replace('\'', "'\\''")) }
        })
        .collect();
    quoted.join(" ")
}
