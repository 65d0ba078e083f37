//! `show`: the file of one resource.

use serde::Serialize;

use super::entry::Entry;
use crate::base::limits::JSON_SCHEMA;
use crate::cli::{Context, Exit, Result};
use crate::resource::{Catalog, Kind, Scope};

#[derive(Serialize)]
struct Json<'a> {
    schema_version: u32,
    kind: &'static str,
    name: &'a str,
    scope: &'static str,
    path: &'a str,
    description: &'a str,
    text: &'a str,
}

pub(super) fn run(
    kind: Kind,
    name: &str,
    catalog: &Catalog,
    context: &mut Context,
) -> Result<Exit> {
    let entry = Entry::find(kind, name, catalog)?;
    if context.json {
        context.write_json(&Json {
            schema_version: JSON_SCHEMA,
            kind: kind.as_str(),
            name,
            scope: entry.scope.as_str(),
            path: entry.path.as_str(),
            description: &entry.description,
            text: &entry.text,
        })?;
        return Ok(Exit::Ok);
    }
    match entry.scope {
        Scope::Builtin => context.say(&format!("built-in {kind} `{name}`"))?,
        Scope::User | Scope::Project => {
            context.say(&format!("{} {kind} `{name}` from `{}`", entry.scope, entry.path))?;
        }
    }
    let newline = if entry.text.ends_with('\n') { "" } else { "\n" };
    write!(context.out, "{}{newline}", entry.text)?;
    Ok(Exit::Ok)
}
