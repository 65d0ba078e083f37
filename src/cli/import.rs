//! `crew import`: a run of another project, to be looked at.

use camino::Utf8PathBuf;
use clap::Args as ClapArgs;

use super::export::in_cwd;
use super::{Context, Exit, Result};
use crate::base::limits::JSON_SCHEMA;
use crate::client::bundle::import;
use crate::client::forbid_to_agents;

/// Take in a run that `crew export` or pi-crew wrote into a file.
///
/// It gets a number here and is only looked at: nothing drives it, and every command that would change it is refused.
/// Every name, size and hash is checked before anything is kept.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The file.
    file: Utf8PathBuf,
}

/// Runs the verb.
///
/// # Errors
/// The file is not whole or not a bundle; nothing is left behind.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    forbid_to_agents(&context.env, "import")?;
    let workspace = context.workspace()?;
    let imported = import(&workspace, &in_cwd(&args.file, context))?;
    let number = imported.number;
    if context.json {
        context.write_json(&serde_json::json!({
            "schema_version": JSON_SCHEMA,
            "run": {"number": number, "imported": imported.from, "status": imported.status},
            "left_out": imported.left_out, "notes": imported.notes,
        }))?;
        return Ok(Exit::Ok);
    }
    writeln!(context.out, "{number}")?;
    let (from, status) = (&imported.from, imported.status);
    context.say(&format!("{from} is run #{number} here, to be looked at; it was {status}"))?;
    for note in &imported.notes {
        context.say(&format!("note: {note}"))?;
    }
    Ok(Exit::Ok)
}
