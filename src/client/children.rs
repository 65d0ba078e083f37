//! Creating the runs that another run proposed: as drafts, each at most once however often it is tried.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;

use camino::Utf8PathBuf;

use super::plan::PlanError;
use super::start::{Prepared, RunRequest, StartError, prepare, write};
use super::workspace::Workspace;
use crate::base::{RunNumber, Time};
use crate::config::{Environment, Overrides, Trust, TrustStore};
use crate::engine::{ChildState, State};
use crate::event::{Actor, Body, ParentLink};
use crate::launch::ChildLine;
use crate::ledger::Ledger;
use crate::store::{ProjectDir, tail};

/// Does what the supervisor of a run has asked for with `ROOT STATE WORKTREES NUMBER ROUND`.
///
/// # Errors
/// As [`create`], or the words are others.
pub fn run(
    env: Environment,
    args: &[OsString],
    now: Time,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let words: Option<Vec<&str>> = args.iter().map(|word| word.to_str()).collect();
    let Some([root, state, worktrees, number, round]) = words.as_deref() else {
        anyhow::bail!("wanted are root, state, worktrees, number and round");
    };
    let [root, state, worktrees] = [root, state, worktrees].map(Utf8PathBuf::from);
    let opened = Workspace::open(env, root.as_std_path(), Some(&root), &Overrides::default())?;
    let dir = ProjectDir::new(root, Some(state), Some(worktrees));
    let workspace = Workspace { dir, ..opened };
    create(&workspace, RunNumber(number.parse()?), round.parse()?, now, out)
}

/// Creates those runs of a proposal that do not exist yet, and says a line about each.
///
/// Either all of them can be created, or none is: they are checked before the first one is written.
///
/// # Errors
/// Something is in the way that may pass; what was created before stays and is found again.
pub fn create(
    workspace: &Workspace,
    parent: RunNumber,
    round: u32,
    now: Time,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let ledger = workspace.run(parent)?;
    let state = ledger.state();
    let wanted: Vec<&ChildState> =
        state.children_to_create().filter(|child| child.round == round).collect();
    let mut prepared: Vec<(&ChildState, Prepared)> = Vec::new();
    let mut wrong = Vec::new();
    // Whoever proposes runs may have changed the project's files since a person trusted them.
    let root = &workspace.found.root;
    let items = super::project_items(&workspace.config, root, &workspace.catalog());
    if TrustStore::new(&workspace.env).is_trusted(root, items)? != Trust::Trusted {
        let why =
            "the project's files would execute commands that nobody trusts yet (`crew trust`)";
        return say(out, &ChildLine::Refused { why: why.to_owned() });
    }
    for child in wanted {
        match prepare(workspace, request(state, child, now)) {
            Ok(ready) => prepared.push((child, ready)),
            Err(error @ (StartError::Plan(_) | StartError::Goal(_) | StartError::Depth { .. })) => {
                wrong.push(format!("run `{}`: {}", child.plan.key, whole(&error)));
            }
            Err(error) => return Err(error.into()),
        }
    }
    if !wrong.is_empty() {
        return say(out, &ChildLine::Refused { why: wrong.join("; ") });
    }
    let known = state.children.iter().filter(|child| child.round == round);
    let mut numbers: BTreeMap<String, RunNumber> =
        known.filter_map(|child| Some((child.plan.key.clone(), child.number?))).collect();
    for (child, ready) in prepared {
        let after = child.plan.after.iter().filter_map(|key| numbers.get(key)).copied();
        let number = write(workspace, &ready.coming_after(after.collect()), now)?;
        numbers.insert(child.plan.key.clone(), number);
        say(out, &ChildLine::Created { key: child.plan.key.clone(), number })?;
    }
    Ok(())
}

/// The error with every finding of a file that is not usable.
fn whole(error: &StartError) -> String {
    let mut parts = vec![error.to_string()];
    if let StartError::Plan(PlanError::Invalid { found, .. }) = error {
        parts.extend(found.iter().map(ToString::to_string));
    }
    parts.join(": ")
}

fn say(out: &mut dyn Write, line: &ChildLine) -> anyhow::Result<()> {
    writeln!(out, "{}", serde_json::to_string(line)?)?;
    Ok(out.flush()?)
}

/// What a person would have asked for who starts the run with the flags of its parent.
fn request(state: &State, child: &ChildState, now: Time) -> RunRequest {
    let created = &state.created;
    let flags = created.flags.clone();
    let task = state.step_ix(&child.step).map(|step| state.task_id(state.tasks_of(step).start));
    RunRequest {
        goal: child.plan.goal.clone(),
        team: child.plan.team.clone(),
        workflow: child.plan.workflow.clone(),
        runtime: flags.runtime,
        model: flags.model,
        permission: Some(created.policy.permission),
        in_place: flags.in_place,
        validate: flags.validate,
        priority: created.priority,
        runtime_args: created.runtime_args.clone(),
        parent: Some(ParentLink {
            number: created.number,
            round: child.round,
            key: child.plan.key.clone(),
        }),
        by: task.map(Actor::Agent),
        left: state.budget_left(now),
        // What a person accepted for the whole work is accepted for its parts.
        accepted: state.accepted.clone(),
        ..RunRequest::default()
    }
}

/// The run that was created for this proposal before, by whoever died then.
///
/// # Errors
/// The parent waits for it no longer, or cannot be read.
pub(super) fn existing(
    workspace: &Workspace,
    known: &[RunNumber],
    link: &ParentLink,
) -> Result<Option<RunNumber>, StartError> {
    let is_it = |number: &&RunNumber| {
        let first = tail::first(workspace.dir.run(**number).events());
        matches!(first, Ok(Some(record)) if matches!(&record.body,
            Body::RunCreated(created) if created.parent.as_ref() == Some(link)))
    };
    let later = known.iter().filter(|number| **number > link.number);
    if let Some(number) = later.rev().find(is_it) {
        return Ok(Some(*number));
    }
    let parent = Ledger::open(workspace.dir.run(link.number))?;
    let mut wanted = parent.state().children_to_create();
    let is_wanted = wanted.any(|child| child.round == link.round && child.plan.key == link.key);
    if parent.state().status.is_terminal() || !is_wanted {
        return Err(StartError::Unwanted { key: link.key.clone(), parent: link.number });
    }
    Ok(None)
}
