//! `crew undo`: takes the last removal back.

use clap::Args as ClapArgs;
use serde::Serialize;

use super::removal::require_git;
use super::salvage::{RestoredJson, told};
use super::{Context, Exit, Result};
use crate::base::limits::JSON_SCHEMA;
use crate::client::forbid_to_agents;
use crate::prune::{last_removal, undo};

/// Take the last removal back: every worktree and branch that the last `crew prune` or `crew archive` removed.
///
/// What happened to a run's status stays; an archived run stays archived.
#[derive(Debug, ClapArgs)]
pub struct Args {}

#[derive(Serialize)]
struct UndoJson<'a> {
    schema_version: u32,
    restored: Vec<RestoredJson<'a>>,
    failed: Vec<FailedJson<'a>>,
}

#[derive(Serialize)]
struct FailedJson<'a> {
    id: &'a str,
    why: String,
}

/// Runs the verb.
///
/// # Errors
/// Nothing was removed, or git says no.
pub fn run(_: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    require_git(&workspace)?;
    forbid_to_agents(&workspace.env, "undo")?;
    let root = &workspace.found.root;
    let removal = last_removal(root)?;
    let Some(first) = removal.first() else {
        if context.json {
            let (restored, failed) = (Vec::new(), Vec::new());
            context.write_json(&UndoJson { schema_version: JSON_SCHEMA, restored, failed })?;
        }
        context.say("nothing was removed that could come back")?;
        return Ok(Exit::Ok);
    };
    let by = first.source.by.clone();
    let undone = undo(root, removal);
    let mut failed = Vec::new();
    let mut restored = Vec::new();
    for part in &undone {
        match &part.restored {
            Ok(found) => {
                restored.push(RestoredJson::of(&part.salvage, found));
                let stays = if part.is_complete {
                    String::new()
                } else {
                    format!("; salvage `{}` stays", part.salvage.id)
                };
                context.say(&format!("{}{stays}", told(&part.salvage, found)))?;
            }
            Err(error) => {
                let why = crate::base::text::error_chain(error);
                context.say(&format!("`{}` is not back: {why}", part.salvage.id))?;
                failed.push(FailedJson { id: &part.salvage.id, why });
            }
        }
    }
    if failed.is_empty() {
        context.say(&format!("the last `{by}` is undone"))?;
    } else {
        context.say("`crew salvage restore ID --to DIR` brings it back elsewhere")?;
    }
    let exit = if failed.is_empty() { Exit::Ok } else { Exit::Refused };
    if context.json {
        context.write_json(&UndoJson { schema_version: JSON_SCHEMA, restored, failed })?;
    }
    Ok(exit)
}
