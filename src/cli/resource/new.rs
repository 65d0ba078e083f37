//! `new`: a resource from a template.

use std::fs::{self, OpenOptions};
use std::io::Write;

use serde::Serialize;

use crate::base::limits::JSON_SCHEMA;
use crate::base::path::PathContext;
use crate::cli::{CliError, Context, Exit, Result};
use crate::client::Workspace;
use crate::resource::builtin::{AGENTS, SKILLS, TEAMS, WORKFLOWS};
use crate::resource::{Kind, write};

/// For whom it is made.
#[derive(Clone, Copy)]
pub(super) enum Where {
    Project,
    User,
}

#[derive(Serialize)]
struct Json<'a> {
    schema_version: u32,
    kind: &'static str,
    name: &'a str,
    path: &'a str,
}

pub(super) fn run(
    kind: Kind,
    name: &str,
    place: Where,
    workspace: &Workspace,
    context: &mut Context,
) -> Result<Exit> {
    let text = write::template(kind, name).map_err(|error| CliError::usage(error.to_string()))?;
    let folder = match place {
        Where::User => workspace.env.config_dir().ok_or_else(|| {
            CliError::invalid("there is no folder for your own files")
                .hinted("set HOME, or CREW_CONFIG_DIR to a folder of your own")
        })?,
        Where::Project if is_built_in(kind, name) => {
            return Err(CliError::refused(format!(
                "there is a built-in {kind} `{name}`, which a project cannot replace"
            ))
            .hinted(format!("choose another name, or `crew {kind} new {name} --user`")));
        }
        Where::Project => workspace.dir.crew(),
    };
    let path = folder.join(kind.file(name));
    let parent = path.parent().unwrap_or(&folder);
    fs::create_dir_all(parent).at("cannot create", parent)?;
    match OpenOptions::new().write(true).create_new(true).open(&path) {
        Ok(mut file) => file.write_all(text.as_bytes()).at("cannot write", &path)?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(CliError::refused(format!("`{path}` exists already"))
                .hinted(format!("`crew {kind} edit {name}` opens it")));
        }
        Err(error) => return Err(error).at("cannot create", &path)?,
    }
    if context.json {
        let path = path.as_str();
        context.write_json(&Json {
            schema_version: JSON_SCHEMA,
            kind: kind.as_str(),
            name,
            path,
        })?;
    } else {
        context.say(&format!("created `{path}`; `crew {kind} edit {name}` opens it"))?;
    }
    Ok(Exit::Ok)
}

fn is_built_in(kind: Kind, name: &str) -> bool {
    let table = match kind {
        Kind::Agent => AGENTS,
        Kind::Team => TEAMS,
        Kind::Workflow => WORKFLOWS,
        Kind::Skill => SKILLS,
    };
    table.iter().any(|file| file.name == name)
}
