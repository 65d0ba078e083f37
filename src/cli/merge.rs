//! `crew merge`: takes the finished work of a run over, and waits until that is done or refused.

use serde::Serialize;

use super::given::{GivenJson, given_json};
use super::{CliError, Context, Exit, Result, decide};
use crate::base::limits::JSON_SCHEMA;
use crate::base::text;
use crate::client::wait_for;
use crate::engine::{BudgetChange, State};
use crate::event::StatusKind;
use crate::event::decision::Action;
use crate::event::merge::MergeResult;

/// Take the finished work of a run over.
///
/// The result is made beside your checkout: git merges the run's branch into the newest commit of the target with
/// the hooks of the repository, the path policy and the validation look at exactly that tree, and only then the
/// target moves, together with the checkouts that have it checked out. When anything stands in the way, everything
/// stays as it was and the run waits for another word. With `completion.mode` `pr` the branch is pushed and a pull
/// request is opened instead.
///
/// It waits for the outcome: exit code 0 merged (or a pull request is open), 7 not merged, 1 stopped meanwhile.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    decide: decide::Decide,
    /// The branch that gets the work; left out, the one that the run was started on.
    #[arg(long, value_name = "BRANCH")]
    into: Option<String>,
}

#[derive(Serialize)]
struct MergeJson<'a> {
    schema_version: u32,
    #[serde(flatten)]
    given: GivenJson<'a>,
    merge: Option<&'a MergeResult>,
}

/// Runs the verb.
///
/// # Errors
/// Refused, or it did not succeed.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let into = args.into.as_deref().map(|name| name.strip_prefix("refs/heads/").unwrap_or(name));
    if into.is_some_and(|name| name.is_empty() || name.starts_with('-')) {
        return Err(CliError::usage("`--into` needs the name of a branch"));
    }
    let Some(mut made) = decide::make(
        &args.decide,
        Action::Merge,
        into,
        BudgetChange::default(),
        &workspace,
        context,
    )?
    else {
        return Ok(Exit::Refused);
    };
    let mut ledger = workspace.run(made.given.run)?;
    if ledger.state().status.kind() == StatusKind::Merging && !(context.quiet || context.json) {
        let target = ledger.state().merge_target().unwrap_or("its target").to_owned();
        context.say(&format!("taking the work over into `{target}`…"))?;
    }
    wait_for(&workspace, &mut ledger, context.now, None, |state| {
        state.status.kind() != StatusKind::Merging
    })?;
    let state = ledger.state();
    if !made.is_new && state.status.is_terminal() {
        made.given.status = state.status.clone();
        return made.tell(context);
    }
    made.given.status = state.status.clone();
    if let Some(error) = obstacle(state) {
        return Err(error);
    }
    let result = state.merge.as_ref().and_then(|merge| merge.result.as_ref());
    if context.json {
        context.write_json(&MergeJson {
            schema_version: JSON_SCHEMA,
            given: given_json(&made.given),
            merge: result,
        })?;
    } else {
        let line = told(state);
        context.say(&line)?;
    }
    Ok(Exit::of_status(&state.status))
}

/// Why the work was not taken over.
fn obstacle(state: &State) -> Option<CliError> {
    let number = state.created.number;
    let Some(MergeResult::Refused { why, detail, .. }) = state.merge_obstacle() else {
        return None;
    };
    let mut lines = detail.lines();
    let first = lines.next().unwrap_or_default();
    let message = format!("run #{number} is not merged ({why}): {}", text::printable(first));
    let mut error = CliError::new(Exit::Refused, why.as_str(), message);
    let rest: Vec<&str> = lines.collect();
    if !rest.is_empty() {
        error.causes.push(text::printable(&rest.join("\n")));
    }
    Some(
        error
            .hinted("nothing has changed; when the obstacle is gone, merge again")
            .hinted(format!("`crew request-changes {number} --text …` sends the work back")),
    )
}

/// What became of the work, in one line.
pub fn told(state: &State) -> String {
    let number = state.created.number;
    match state.merge.as_ref().and_then(|merge| merge.result.as_ref()) {
        Some(MergeResult::Merged { target, commit }) => {
            let short: String = commit.chars().take(10).collect();
            format!("run #{number} is merged: `{target}` is at {short}")
        }
        Some(MergeResult::PrOpened { url }) => {
            format!("run #{number} is a pull request: {}", text::printable(url))
        }
        Some(MergeResult::Nothing { target }) => {
            format!("run #{number} is done: `{target}` gets nothing from it")
        }
        Some(MergeResult::Refused { .. }) | None => {
            format!("run #{number} is {}", state.status.kind().as_str())
        }
    }
}
