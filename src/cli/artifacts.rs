//! `crew artifacts`: the files that a run's tasks produced.

use std::io::{IsTerminal, Write};

use super::context::Context;
use super::exit::Exit;
use super::json::{ArtifactDocument, ArtifactsDocument, SCHEMA};
use super::report::{CliError, Result};
use super::style::Style;
use super::table::Table;
use crate::base::time::human_ms;
use crate::base::{ArtifactName, limits, redact, text};
use crate::ledger::Ledger;
use crate::snapshot::Class;
use crate::store::artifact;

/// List the files that a run's tasks produced, or print one.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run: its number, `last`, or a part of its slug.
    pub run: String,
    /// Print this one.
    pub name: Option<String>,
}

/// Runs the verb.
///
/// # Errors
/// There is no such run or artifact, or it cannot be read.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let (_, ledger) = context.run(&workspace, &args.run)?;
    match &args.name {
        Some(name) => print(name, &ledger, context)?,
        None if context.json => {
            let artifacts = documents(&ledger);
            context.write_json(&ArtifactsDocument { schema_version: SCHEMA, artifacts })?;
        }
        None => {
            let style = Style::of(context, &workspace.config);
            list(&ledger, &style, context)?;
        }
    }
    context.check_health(&ledger, Exit::Ok)
}

fn documents(ledger: &Ledger) -> Vec<ArtifactDocument> {
    let artifacts = ledger.state().artifacts.iter();
    artifacts
        .map(|(name, artifact)| ArtifactDocument {
            name: name.as_str().to_owned(),
            task: artifact.task.to_string(),
            bytes: artifact.bytes,
            hash: artifact.hash.clone(),
            at: artifact.at,
            path: ledger.dir().artifact(name).into_string(),
        })
        .collect()
}

fn list(ledger: &Ledger, style: &Style, context: &mut Context) -> Result<()> {
    let documents = documents(ledger);
    if documents.is_empty() {
        return context.say("this run has produced no files yet");
    }
    let mut table = Table::new(&["NAME", "TASK", ">BYTES", ">AGE", "FILE"]);
    for artifact in documents {
        let age = human_ms(context.now.since_ms(artifact.at));
        table.row(
            Class::Done,
            vec![artifact.name, artifact.task, artifact.bytes.to_string(), age, artifact.path],
        );
    }
    Ok(table.write(style, &mut context.out)?)
}

fn print(name: &str, ledger: &Ledger, context: &mut Context) -> Result<()> {
    let known = &ledger.state().artifacts;
    let found = name.parse::<ArtifactName>().ok().filter(|name| known.contains_key(name));
    let Some(name) = found else {
        let near = text::did_you_mean(name, known.keys().map(ArtifactName::as_str));
        let hint = near.map_or_else(String::new, |near| format!("did you mean `{near}`?"));
        let missing = format!("run #{} has no artifact `{name}`", ledger.state().created.number);
        return Err(CliError::new(Exit::NotFound, "not_found", missing).hinted(hint));
    };
    let bytes = artifact::read(ledger.dir(), &name, limits::ARTIFACT_BYTES_MAX)?.head;
    if blake3::hash(&bytes).to_hex().as_str() != known[&name].hash {
        context.say(&format!("warning: `{}` is not what its task stored", name.as_str()))?;
    }
    match std::str::from_utf8(&bytes) {
        Ok(said) => context.out.write_all(redact::redact(&text::printable(said)).as_bytes())?,
        Err(_) if std::io::stdout().is_terminal() => {
            let path = ledger.dir().artifact(&name);
            return Err(CliError::refused(format!("`{path}` is not text"))
                .hinted("redirect the output into a file"));
        }
        Err(_) => context.out.write_all(&bytes)?,
    }
    Ok(())
}
