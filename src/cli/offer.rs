//! Staying with a run to its end: where it waits for a person, the person at this terminal is asked.

use super::follow::follow_after;
use super::{Context, Exit, Result, ask, showing};
use crate::base::RunNumber;
use crate::client::message::check_text;
use crate::client::{Workspace, give, nonce_hash};
use crate::clock::Clock;
use crate::engine::{Command, Proof};
use crate::event::decision::{Action, DecisionKind};
use crate::snapshot::DecisionRow;

/// Follows a run; when it waits for a decision that can be made here, asks, and follows it further.
///
/// # Errors
/// The run cannot be read, or the decision is refused.
pub fn follow_and_ask(
    workspace: &Workspace,
    number: RunNumber,
    context: &mut Context,
) -> Result<Exit> {
    let mut told = 0;
    loop {
        let exit = follow_after(workspace, number, told, context)?;
        let can_ask = context.is_interactive() && !(context.quiet || context.json || context.yes);
        if exit != Exit::Waiting || !can_ask {
            return Ok(exit);
        }
        told = workspace.run(number)?.state().seq;
        if !decide_one(workspace, number, context)? {
            return Ok(exit);
        }
    }
}

/// Asks about the first open decision; whether the person decided something.
///
/// # Errors
/// The run cannot be read, or the decision is refused.
pub fn decide_one(workspace: &Workspace, number: RunNumber, context: &mut Context) -> Result<bool> {
    // The command may have been started long ago.
    context.now = Clock::start().now();
    let mut ledger = workspace.run(number)?;
    let rows = DecisionRow::all(ledger.state(), context.now);
    let Some(first) = rows.first() else { return Ok(false) };
    let (nonce, row) = showing::show(workspace, &mut ledger, &first.id, context)?;
    let screen = showing::text(&ledger, &row, workspace, context);
    write!(context.err, "\n{screen}\n")?;
    let wanted = match row.kind {
        DecisionKind::Merge => about_work(number, context)?,
        DecisionKind::Risk | DecisionKind::Gate | DecisionKind::Question | DecisionKind::Plan => {
            asked(&row, context)?
        }
    };
    let Some((action, text)) = wanted else {
        context.say(&format!("nothing was decided; `crew decisions {number}` shows it again"))?;
        return Ok(false);
    };
    let command = Command::Decide {
        target: Some(row.id.clone()),
        action,
        text,
        proof: Proof::Nonce(nonce_hash(&nonce)),
        by: workspace.human(),
        into: None,
    };
    context.now = Clock::start().now();
    give(workspace, number, command, None, context.now)?;
    context.say("")?;
    Ok(true)
}

/// What becomes of finished work; it can be looked at as often as the person likes.
fn about_work(number: RunNumber, context: &mut Context) -> Result<Option<(Action, String)>> {
    loop {
        let question = "[m]erge, [d]iff, request [c]hanges, [t]hrow away, Enter: later: ";
        match ask::line(context, question)?.to_ascii_lowercase().as_str() {
            "m" | "merge" => return Ok(Some((Action::Merge, String::new()))),
            "d" | "diff" => super::diff::show(number, context)?,
            "c" | "changes" | "request changes" => {
                let text = ask::line(context, "what has to change: ")?;
                if !text.trim().is_empty() {
                    return Ok(Some((Action::RequestChanges, check_text(&text)?)));
                }
            }
            "t" | "throw away" | "discard" => {
                if ask::confirm(context, &format!("throw the work of run #{number} away?"))? {
                    return Ok(Some((Action::Discard, String::new())));
                }
            }
            "" => return Ok(None),
            other => context
                .say(&format!("`{}` is none of them", crate::base::text::printable(other)))?,
        }
    }
}

/// What the person says; nothing when they want to decide later.
fn asked(row: &DecisionRow, context: &mut Context) -> Result<Option<(Action, String)>> {
    if row.kind == DecisionKind::Question {
        let text = ask::line(context, "answer (Enter: later): ")?;
        if text.is_empty() {
            return Ok(None);
        }
        return Ok(Some((Action::Answer, check_text(&text)?)));
    }
    if row.kind == DecisionKind::Risk {
        return asked_risk(context);
    }
    let answer = ask::line(context, "approve? [y]es, [n]o with a reason, Enter: later: ")?;
    match answer.to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(Some((Action::Approve, String::new()))),
        "n" | "no" => Ok(Some((Action::Reject, asked_reason(context)?))),
        _ => Ok(None),
    }
}

/// Why the person says no; it may stay empty.
fn asked_reason(context: &mut Context) -> Result<String> {
    let reason = ask::line(context, "why (may stay empty): ")?;
    if reason.is_empty() { Ok(reason) } else { Ok(check_text(&reason)?) }
}

fn asked_risk(context: &mut Context) -> Result<Option<(Action, String)>> {
    let question = "start it? [y]es, [n]o, [s]uggest something else, Enter: later ";
    let answer = ask::line(context, question)?;
    match answer.to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(Some((Action::Approve, String::new()))),
        "n" | "no" => Ok(Some((Action::Reject, asked_reason(context)?))),
        "s" | "suggest" => {
            let text = ask::line(context, "what it should do instead (Enter: later): ")?;
            if text.is_empty() {
                return Ok(None);
            }
            Ok(Some((Action::Suggest, check_text(&text)?)))
        }
        _ => Ok(None),
    }
}
