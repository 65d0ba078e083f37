//! `crew undo`: takes the last removal back.

use std::collections::BTreeSet;

use clap::Args as ClapArgs;
use serde::Serialize;

use super::archive::ARCHIVE;
use super::removal::require_git;
use super::salvage::{RestoredJson, told};
use super::{Context, Exit, Result};
use crate::base::RunNumber;
use crate::base::limits::JSON_SCHEMA;
use crate::client::{Workspace, forbid_to_agents, give};
use crate::engine::Command;
use crate::event::StatusKind;
use crate::prune::{Undone, last_removal, undo};

/// Take the last removal back: every worktree and branch that the last `crew prune` or `crew archive` removed.
///
/// A run that was archived with its worktree is what it was before, too: done, failed, cancelled or blocked.
#[derive(Debug, ClapArgs)]
pub struct Args {}

#[derive(Serialize)]
struct UndoJson<'a> {
    schema_version: u32,
    restored: Vec<RestoredJson<'a>>,
    failed: Vec<FailedJson<'a>>,
    unarchived: Vec<RunNumber>,
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
    forbid_to_agents(&workspace.env, "undo")?;
    require_git(&workspace)?;
    let root = &workspace.found.root;
    let removal = last_removal(root)?;
    let Some(first) = removal.first() else {
        if context.json {
            let (restored, failed) = (Vec::new(), Vec::new());
            let unarchived = Vec::new();
            let schema_version = JSON_SCHEMA;
            context.write_json(&UndoJson { schema_version, restored, failed, unarchived })?;
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
    let unarchived = unarchive(&undone, &workspace, context)?;
    if failed.is_empty() {
        context.say(&format!("the last `{by}` is undone"))?;
    } else {
        context.say("`crew salvage restore ID --to DIR` brings it back elsewhere")?;
    }
    let exit = if failed.is_empty() { Exit::Ok } else { Exit::Refused };
    if context.json {
        let schema_version = JSON_SCHEMA;
        context.write_json(&UndoJson { schema_version, restored, failed, unarchived })?;
    }
    Ok(exit)
}

/// Takes runs out of the archive whose worktrees are back: left there, the next `crew prune` would remove
/// these again.
fn unarchive(
    undone: &[Undone],
    workspace: &Workspace,
    context: &mut Context,
) -> Result<Vec<RunNumber>> {
    let back =
        undone.iter().filter(|part| part.restored.is_ok() && part.salvage.source.by == ARCHIVE);
    let runs: BTreeSet<RunNumber> = back.filter_map(|part| part.salvage.source.run).collect();
    let mut unarchived = Vec::new();
    for run in runs {
        if workspace.run(run)?.state().status.kind() != StatusKind::Archived {
            continue;
        }
        let given = give(workspace, run, Command::Unarchive, None, context.now)?;
        let status = given.status.kind().as_str();
        context.say(&format!("run #{run} is {status} again, as before it was archived"))?;
        unarchived.push(run);
    }
    Ok(unarchived)
}
