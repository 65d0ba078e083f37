//! `show`: the file of one resource.

use serde::Serialize;

use super::entry::Entry;
use crate::base::flow::MemoryScope;
use crate::base::limits::JSON_SCHEMA;
use crate::base::text;
use crate::cli::{Context, Exit, Result};
use crate::client::Workspace;
use crate::resource::{Kind, Scope};

#[derive(Serialize)]
struct Json<'a> {
    schema_version: u32,
    kind: &'static str,
    name: &'a str,
    scope: &'static str,
    path: &'a str,
    description: &'a str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<MemoryJson<'a>>,
}

#[derive(Serialize)]
struct MemoryJson<'a> {
    scope: MemoryScope,
    file: &'a str,
    text: &'a str,
    note: Option<&'a str>,
}

pub(super) fn run(
    kind: Kind,
    name: &str,
    workspace: &Workspace,
    context: &mut Context,
) -> Result<Exit> {
    let catalog = workspace.catalog();
    let entry = Entry::find(kind, name, &catalog)?;
    let memory = if kind == Kind::Agent {
        let scope = catalog.agent(name)?.file.memory;
        scope.map(|scope| (scope, workspace.memory(scope, name)))
    } else {
        None
    };
    if context.json {
        context.write_json(&Json {
            schema_version: JSON_SCHEMA,
            kind: kind.as_str(),
            name,
            scope: entry.scope.as_str(),
            path: entry.path.as_str(),
            description: &entry.description,
            text: &entry.text,
            memory: memory.as_ref().map(|(scope, memory)| MemoryJson {
                scope: *scope,
                file: memory.file.as_str(),
                text: &memory.text,
                note: memory.note.as_deref(),
            }),
        })?;
        return Ok(Exit::Ok);
    }
    match entry.scope {
        Scope::Builtin => context.say(&format!("built-in {kind} `{name}`"))?,
        Scope::User | Scope::Project => {
            context.say(&format!("{} {kind} `{name}` from `{}`", entry.scope, entry.path))?;
        }
    }
    if let Some((scope, memory)) = &memory {
        let lines = text::count(memory.text.lines().count(), "line");
        let note = memory.note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
        context.say(&format!("{scope} memory file `{}`: {lines}{note}", memory.file))?;
    }
    let newline = if entry.text.ends_with('\n') { "" } else { "\n" };
    write!(context.out, "{}{newline}", entry.text)?;
    Ok(Exit::Ok)
}
