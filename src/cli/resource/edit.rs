//! `edit`: the file of a resource in the person's editor.

use std::process::Command;

use super::entry::Entry;
use super::lint::tell;
use crate::base::path::PathContext;
use crate::cli::{CliError, Context, Exit, Result};
use crate::client::Workspace;
use crate::resource::{Diagnostic, Kind, Scope};

pub(super) fn run(
    kind: Kind,
    name: &str,
    workspace: &Workspace,
    context: &mut Context,
) -> Result<Exit> {
    let entry = Entry::find(kind, name, &workspace.catalog())?;
    if entry.scope == Scope::Builtin {
        let own = workspace.env.config_dir().map_or_else(
            || "a file in your configuration folder".to_owned(),
            |folder| folder.join(kind.file(name)).into_string(),
        );
        return Err(CliError::refused(format!("{kind} `{name}` is built in"))
            .hinted(format!("copy it and change the copy: `crew {kind} show {name} > {own}`")));
    }
    let Some(editor) = workspace.env.editor() else {
        return Err(CliError::invalid("no editor is set")
            .hinted(format!("set EDITOR, or open `{}` yourself", entry.path)));
    };
    context.out.flush()?;
    // A shell takes the editor apart, as every program does that honours `EDITOR`.
    let ended = Command::new("sh")
        .args(["-c", &format!("{editor} \"$1\""), "sh", entry.path.as_str()])
        .status()
        .at("cannot start the editor for", &entry.path)?;
    if !ended.success() {
        return Err(CliError::new(Exit::Io, "editor", format!("`{editor}` ended with {ended}")));
    }
    // The name may have been changed; what it is called now does not matter for the check of the file.
    let now = match Entry::find(kind, name, &workspace.catalog()) {
        Ok(now) => now.diagnostics,
        Err(_) => Vec::new(),
    };
    tell(context, kind, 1, &now)?;
    Ok(if now.iter().any(Diagnostic::is_error) { Exit::Invalid } else { Exit::Ok })
}
