//! A run that needs a person's word before it starts: asked here, or left as a draft (SPEC 8.1).

use super::offer::{decide_one, follow_and_ask};
use super::{Context, Exit, Result};
use crate::base::RunNumber;
use crate::base::limits::JSON_SCHEMA;
use crate::client::Workspace;
use crate::client::start::{Prepared, create};
use crate::event::{Status, StatusKind};
use crate::plan::risk::{RiskReason, lines, told};

/// Creates a run; `--yes` accepts its risks.
///
/// # Errors
/// As [`create`].
pub fn create_run(
    workspace: &Workspace,
    prepared: Prepared,
    context: &mut Context,
) -> Result<RunNumber> {
    let mut risks = prepared.open_risks();
    let prepared = if context.yes { prepared.accepting() } else { prepared };
    risks.retain(|risk| risk.reason != RiskReason::ForceDraft);
    if prepared.is_accepted() && !risks.is_empty() {
        context.say(&format!("note: accepted with --yes: {}", told(&risks)))?;
    }
    let (number, report) = create(workspace, &prepared, context.now)?;
    for problem in &report.problems {
        context.say(&format!("warning: {problem}"))?;
    }
    Ok(number)
}

/// Whether the run waits for a person's word before it starts.
///
/// # Errors
/// It cannot be read.
pub fn is_draft(workspace: &Workspace, number: RunNumber) -> Result<bool> {
    Ok(workspace.run(number)?.state().status == Status::Draft)
}

/// Asks about a draft where somebody can be asked, and stays with the run once it may start.
///
/// # Errors
/// The run cannot be read, or the decision is refused.
pub fn ask(
    workspace: &Workspace,
    number: RunNumber,
    detach: bool,
    context: &mut Context,
) -> Result<Exit> {
    let is_wanted = {
        let ledger = workspace.run(number)?;
        let reasons = ledger.state().risks();
        reasons.iter().any(|risk| risk.reason == RiskReason::ForceDraft)
    };
    if is_wanted || !context.is_interactive() || context.quiet {
        return started(workspace, &[number], context);
    }
    loop {
        let is_decided = decide_one(workspace, number, context)?;
        let status = workspace.run(number)?.state().status.kind();
        if status == StatusKind::Draft && is_decided {
            continue;
        }
        if status == StatusKind::Cancelled {
            context.say(&format!("run #{number} is rejected; it will not start"))?;
            return Ok(Exit::RunFailed);
        }
        if detach || status == StatusKind::Draft {
            return started(workspace, &[number], context);
        }
        return follow_and_ask(workspace, number, context);
    }
}

/// What a script gets: the numbers, or JSON; the exit code tells whether one of them is a draft.
///
/// # Errors
/// A run cannot be read, or nobody reads what is printed.
pub fn started(
    workspace: &Workspace,
    numbers: &[RunNumber],
    context: &mut Context,
) -> Result<Exit> {
    let mut exit = Exit::Ok;
    for number in numbers {
        let ledger = workspace.run(*number)?;
        let state = ledger.state();
        let (reference, status) = (state.reference(), state.status.kind());
        let risks = state.open_risks();
        if status == StatusKind::Draft {
            exit = Exit::Draft;
        }
        if context.json {
            let reasons: Vec<&str> = risks.iter().map(|risk| risk.reason.as_str()).collect();
            let document = serde_json::json!({
                "schema_version": JSON_SCHEMA,
                "run": {"number": number.0, "ref": reference, "status": status.as_str(), "risk": reasons},
            });
            context.write_json(&document)?;
            continue;
        }
        writeln!(context.out, "{number}")?;
        if status == StatusKind::Draft {
            context.say(&format!("run {reference} is a draft and has not started"))?;
            for line in lines(&risks) {
                context.say(&format!("  - {line}"))?;
            }
            context.say(&format!(
                "hint: `crew approve {number} --yes` starts it, `crew reject {number} --yes` does not"
            ))?;
        } else {
            context.say(&format!(
                "run {reference} is {}; `crew status {number}` shows it, `crew logs -f {number}` follows it",
                status.as_str()
            ))?;
        }
    }
    Ok(exit)
}
