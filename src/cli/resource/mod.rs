//! What `crew team`, `workflow`, `agent` and `skill` have in common: list, show, lint, new, edit.

mod edit;
mod entry;
mod lint;
mod list;
mod new;
mod show;

use clap::Subcommand;

pub(super) use entry::team_of;

use super::context::Context;
use super::exit::Exit;
use super::report::{CliError, Result};
use crate::resource::{Kind, NotFound};

/// What can be done with resources of a kind.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List all, with who brings them.
    List,
    /// Check files and names; exit code 5 when one cannot be used.
    Lint {
        /// Names or files; all that there are when left out.
        #[arg(value_name = "NAME|FILE")]
        names: Vec<String>,
    },
    /// Make a new one from a template.
    New {
        /// Its name.
        name: String,
        /// Make it for yourself, in your configuration folder, not for the project.
        #[arg(long)]
        user: bool,
    },
    /// Open the file of one in your editor, and check it afterwards.
    Edit {
        /// Its name.
        name: String,
    },
}

/// Shows the file of one resource.
///
/// # Errors
/// No such resource.
pub fn show(kind: Kind, name: &str, context: &mut Context) -> Result<Exit> {
    show::run(kind, name, &context.workspace()?, context)
}

/// Runs the verb for a kind.
///
/// # Errors
/// No such resource, or a file cannot be written.
pub fn run(kind: Kind, verb: &Verb, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    match verb {
        Verb::List => list::run(kind, &workspace.catalog(), context),
        Verb::Lint { names } => lint::run(kind, names, &workspace.catalog(), context),
        Verb::New { name, user } => {
            let scope = if *user { new::Where::User } else { new::Where::Project };
            new::run(kind, name, scope, &workspace, context)
        }
        Verb::Edit { name } => edit::run(kind, name, &workspace, context),
    }
}

impl From<NotFound> for CliError {
    fn from(error: NotFound) -> Self {
        Self::new(Exit::NotFound, "not_found", error.to_string()).hinted(error.hint())
    }
}
