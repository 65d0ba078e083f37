//! `list`: all resources of a kind.

use serde::Serialize;

use super::entry::Entry;
use crate::base::limits::JSON_SCHEMA;
use crate::cli::{Context, Exit, Result, list};
use crate::resource::{Catalog, Kind};

#[derive(Serialize)]
struct OneJson {
    name: String,
    scope: &'static str,
    path: String,
    description: String,
}

#[derive(Serialize)]
struct Json {
    schema_version: u32,
    kind: &'static str,
    resources: Vec<OneJson>,
}

pub(super) fn run(kind: Kind, catalog: &Catalog, context: &mut Context) -> Result<Exit> {
    let entries = catalog.names(kind).into_iter().map(|name| Entry::find(kind, name, catalog));
    let entries = entries.collect::<std::result::Result<Vec<_>, _>>()?;
    if context.json {
        let resources = entries.into_iter().map(|entry| OneJson {
            name: entry.name,
            scope: entry.scope.as_str(),
            path: entry.path.into_string(),
            description: entry.description,
        });
        let resources = resources.collect();
        context.write_json(&Json {
            schema_version: JSON_SCHEMA,
            kind: kind.as_str(),
            resources,
        })?;
        return Ok(Exit::Ok);
    }
    let rows: Vec<[String; 3]> = entries
        .into_iter()
        .map(|entry| [entry.name, entry.scope.as_str().to_owned(), entry.description])
        .collect();
    list::write(context, &["NAME", "FROM", "DESCRIPTION"], &rows)?;
    Ok(Exit::Ok)
}
