//! `crew archive`: puts a run away.

use clap::Args as ClapArgs;
use serde::Serialize;

use super::given::{GivenJson, Version, given_json, tell};
use super::removal::{self, CandidateJson};
use super::report::CliError;
use super::target::Target;
use super::{Context, Exit, Result};
use crate::base::RunNumber;
use crate::base::limits::JSON_SCHEMA;
use crate::client::{Workspace, forbid_to_agents, give};
use crate::engine::Command;
use crate::event::StatusKind;
use crate::prune::{Candidate, Done, archive_one, of_run};
use crate::store::salvage::Fate;

/// How the command is called where a removal tells who made it.
pub const ARCHIVE: &str = "crew archive";

/// Put a run away that has ended, is blocked or is a draft.
///
/// It stays readable, and nothing more can happen to it. Its worktree goes: without `--yes` this says what that would
/// be, and changes nothing. Everything in it but ignored files is put away first, and `crew undo` brings worktree and run
/// back. Its branch goes only when its commits are in the branch that they were meant for.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The run: `5`, `#5`, `project#5`, `last` or a part of its name.
    run: String,
    #[command(flatten)]
    version: Version,
}

#[derive(Serialize)]
struct WouldJson<'a> {
    schema_version: u32,
    dry_run: bool,
    worktree: CandidateJson<'a>,
}

#[derive(Serialize)]
struct DoneJson<'a> {
    schema_version: u32,
    #[serde(flatten)]
    given: GivenJson<'a>,
    salvage: &'a str,
}

/// Runs the verb.
///
/// # Errors
/// Refused, no such run, or it cannot be written.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let number = Target::find_run(&workspace, &args.run)?;
    forbid_to_agents(&workspace.env, "archive")?;
    let candidate = worktree(&workspace, number, context)?;
    if let Some(candidate) = &candidate {
        let obstacles = candidate.obstacles();
        if !obstacles.is_empty() {
            let what = format!("the worktree of run #{number} cannot go, so it is not archived");
            let mut error = CliError::refused(what);
            error.causes.extend(obstacles);
            return Err(error);
        }
        if !context.yes {
            return would(candidate, number, context);
        }
    }
    let version = args.version.expect_version;
    let given = give(&workspace, number, Command::Archive, version, context.now)?;
    let removed = match candidate {
        Some(_) => {
            let wish = removal::wish(&workspace, context.now, ARCHIVE);
            let mut ledger = workspace.run(number)?;
            archive_one(&workspace.dir, &wish, &workspace.human(), &mut ledger)?
        }
        None => None,
    };
    let Some(salvage) = removed else {
        let line = format!("run #{number} is archived; `crew show {number}` still shows it");
        tell(context, &given, &line)?;
        return Ok(Exit::Ok);
    };
    if context.json {
        let (schema_version, given) = (JSON_SCHEMA, given_json(&given));
        context.write_json(&DoneJson { schema_version, given, salvage: &salvage.id })?;
    }
    context.say(&format!(
        "run #{number} is archived and its worktree removed ({}); `crew undo` brings both back",
        salvage.holds()
    ))?;
    Ok(Exit::Ok)
}

/// The worktree that would go; a run that cannot be archived is refused elsewhere.
fn worktree(
    workspace: &Workspace,
    number: RunNumber,
    context: &Context,
) -> Result<Option<Candidate>> {
    use StatusKind::{Blocked, Cancelled, Done, Draft, Failed};
    let ledger = workspace.run(number)?;
    let state = ledger.state();
    if !matches!(state.status.kind(), Done | Failed | Cancelled | Blocked | Draft) {
        return Ok(None);
    }
    let wish = removal::wish(workspace, context.now, ARCHIVE);
    Ok(of_run(workspace.dir.root(), state, &wish))
}

fn would(candidate: &Candidate, number: RunNumber, context: &mut Context) -> Result<Exit> {
    if context.json {
        let worktree = CandidateJson::of(candidate, &Done::Looked);
        let document = WouldJson { schema_version: JSON_SCHEMA, dry_run: true, worktree };
        context.write_json(&document)?;
        return Ok(Exit::Ok);
    }
    let source = &candidate.source;
    context.say(&format!(
        "`{}` would go; it holds {}",
        source.worktree,
        removal::holds(candidate)
    ))?;
    if let Some(branch) = &source.branch {
        context.say(&match candidate.fate {
            Fate::Remove => {
                format!("branch `{branch}` would go: nothing on it is missing elsewhere")
            }
            Fate::Keep => format!("branch `{branch}` stays: its commits are in no other branch"),
        })?;
    }
    context.say(&format!("nothing is changed yet; `crew archive {number} --yes` does it"))?;
    Ok(Exit::Ok)
}
