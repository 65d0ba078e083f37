//! `crew config`: every value that holds here, with its origin; and changing one.

use camino::Utf8Path;
use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use serde::Serialize;

use super::{CliError, Context, Exit, Result};
use crate::base::limits::JSON_SCHEMA;
use crate::base::text;
use crate::config::{Config, Layer, Loaded, Origin, Overrides, Row, SetError};
use crate::store::discover;

/// Show the configuration: every value, and where it comes from.
///
/// Flags win over `CREW_*` variables, these over your file, yours over the project's, that over the built-in one.
#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    change: Option<Change>,
    /// Only this key, or the keys of this table; one key prints its bare value.
    key: Option<String>,
    /// Show origins also with a single key.
    #[arg(long)]
    origins: bool,
}

/// A change of one of the files.
#[derive(Debug, Subcommand)]
enum Change {
    /// Set a key in your file, or in the project's; comments stay.
    Set {
        /// The key: `ui.theme`, `limits.agents`.
        key: String,
        /// Its value, as text or as TOML.
        #[arg(allow_hyphen_values = true)]
        value: String,
        /// The file.
        #[arg(long = "in", value_enum, default_value_t = File::User, value_name = "FILE")]
        file: File,
    },
    /// Take a key out of your file, or out of the project's.
    Unset {
        /// The key.
        key: String,
        /// The file.
        #[arg(long = "in", value_enum, default_value_t = File::User, value_name = "FILE")]
        file: File,
    },
}

/// A file with configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum File {
    /// Your own.
    User,
    /// The project's, for everyone who works in it.
    Project,
}

#[derive(Serialize)]
struct ValueJson<'a> {
    key: &'a str,
    value: Option<&'a str>,
    origins: Vec<String>,
}

#[derive(Serialize)]
struct Json<'a> {
    schema_version: u32,
    user_file: Option<String>,
    project_file: Option<String>,
    values: Vec<ValueJson<'a>>,
    problems: Vec<String>,
}

/// Runs the verb.
///
/// # Errors
/// There is no such key.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let found = discover(&context.cwd, context.project_flag.as_deref())
        .map_err(crate::client::WorkspaceError::from)?;
    match &args.change {
        Some(Change::Set { key, value, file }) => {
            return change(key, Some(value), *file, &found.root, context);
        }
        Some(Change::Unset { key, file }) => {
            return change(key, None, *file, &found.root, context);
        }
        None => {}
    }
    // An invalid configuration is shown too: that is when people look.
    let loaded = Config::load(&context.env, Some(&found.root), &Overrides::default());
    let user_file = context.env.config_dir().map(|dir| dir.join("config.toml").to_string());
    let project_file = found.root.join(".crew/config.toml").to_string();
    let rows = rows(&loaded.config, args.key.as_deref())?;
    if context.json {
        let values = rows.iter().map(|row| ValueJson {
            key: &row.key,
            value: row.value.as_deref(),
            origins: row.origins.iter().map(Origin::to_string).collect(),
        });
        context.write_json(&Json {
            schema_version: JSON_SCHEMA,
            user_file,
            project_file: Some(project_file),
            values: values.collect(),
            problems: problems(&loaded),
        })?;
    } else {
        if args.key.is_none() {
            let user = user_file.as_deref().unwrap_or("(none: HOME is not set)");
            writeln!(context.out, "# your file: {user}\n# the project's: {project_file}")?;
        }
        let is_bare = matches!((&args.key, rows.as_slice()), (Some(key), [row]) if *key == row.key);
        write(context, &rows, is_bare && !args.origins)?;
        for problem in problems(&loaded) {
            context.say(&problem)?;
        }
    }
    Ok(if loaded.errors.is_empty() { Exit::Ok } else { Exit::Invalid })
}

/// Changes one key and tells what holds now.
fn change(
    key: &str,
    value: Option<&str>,
    file: File,
    root: &Utf8Path,
    context: &mut Context,
) -> Result<Exit> {
    let layer = match file {
        File::User => Layer::User,
        File::Project => Layer::Project,
    };
    let path = Config::set(&context.env, Some(root), layer, key, value)?;
    let loaded = Config::load(&context.env, Some(root), &Overrides::default());
    let row = loaded.config.rows().iter().find(|row| row.key == key);
    let is_there = |origin: &Origin| match origin {
        Origin::User(file, _) | Origin::Project(file, _) => *file == path,
        Origin::Preset | Origin::Env(_) | Origin::Flag(_) => false,
    };
    if context.json {
        let values = row.into_iter().map(|row| ValueJson {
            key: &row.key,
            value: row.value.as_deref(),
            origins: row.origins.iter().map(Origin::to_string).collect(),
        });
        let values: Vec<ValueJson<'_>> = values.collect();
        context.write_json(&serde_json::json!({
            "schema_version": JSON_SCHEMA, "file": path, "values": values,
        }))?;
        return Ok(Exit::Ok);
    }
    match row {
        Some(row) => {
            write(context, &[row], false)?;
            if value.is_some() && !row.origins.iter().any(is_there) {
                let origins: Vec<String> = row.origins.iter().map(Origin::to_string).collect();
                let said = format!("note: it is set in {path}; {} wins", origins.join(", "));
                context.say(&said)?;
            }
        }
        None => context.say(&format!("`{key}` is not set any more"))?,
    }
    Ok(Exit::Ok)
}

impl From<SetError> for CliError {
    fn from(error: SetError) -> Self {
        let hint = error.hint();
        let exit = match &error {
            SetError::NoKey(..) => Exit::Usage,
            SetError::Io(_) => Exit::Io,
            SetError::NoFolder
            | SetError::NoProject
            | SetError::Broken(..)
            | SetError::Wrong(_) => Exit::Invalid,
        };
        let error = Self::from_chain(exit, "config", &error);
        match hint {
            Some(hint) => error.hinted(hint),
            None => error,
        }
    }
}

fn write(context: &mut Context, rows: &[&Row], is_bare: bool) -> Result<()> {
    for row in rows {
        let value = row.value.as_deref().unwrap_or_default();
        if is_bare {
            writeln!(context.out, "{}", unquoted(value))?;
        } else if row.value.is_none() {
            writeln!(context.out, "# {} is not set", row.key)?;
        } else {
            let origins: Vec<String> = row.origins.iter().map(Origin::to_string).collect();
            writeln!(context.out, "{} = {value}  # {}", row.key, origins.join(", "))?;
        }
    }
    Ok(())
}

/// A single text without its quotes, for scripts; anything else as TOML writes it.
fn unquoted(value: &str) -> String {
    let parsed = format!("v = {value}").parse::<toml::Table>().ok();
    match parsed.as_ref().and_then(|table| table.get("v")).and_then(toml::Value::as_str) {
        Some(text) => text.to_owned(),
        None => value.to_owned(),
    }
}

fn rows<'a>(config: &'a Config, key: Option<&str>) -> Result<Vec<&'a Row>> {
    let Some(key) = key else { return Ok(config.rows().iter().collect()) };
    let prefix = format!("{key}.");
    let found: Vec<&Row> =
        config.rows().iter().filter(|row| row.key == key || row.key.starts_with(&prefix)).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let error = CliError::usage(format!("no key `{key}`"));
    let keys = config.rows().iter().map(|row| row.key.as_str());
    // People often leave the table out.
    let same_name = config.rows().iter().find(|row| row.key.rsplit('.').next() == Some(key));
    let near = same_name.map(|row| row.key.as_str()).or_else(|| text::did_you_mean(key, keys));
    Err(match near {
        Some(near) => error.hinted(format!("did you mean `{near}`?")),
        None => error.hinted("`crew config` lists all keys"),
    })
}

fn problems(loaded: &Loaded) -> Vec<String> {
    let word = |word: &'static str| {
        move |problem: &crate::config::Problem| {
            let hint = problem.hint.as_ref().map(|hint| format!("\n  hint: {hint}"));
            format!("{word}: {problem}{}", hint.unwrap_or_default())
        }
    };
    let errors = loaded.errors.iter().map(word("error"));
    errors.chain(loaded.warnings.iter().map(word("warning"))).collect()
}
