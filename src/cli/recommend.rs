//! `crew recommend`: proposes a team and a workflow for a goal.

use clap::Args as ClapArgs;
use serde::Serialize;

use super::target::text_of;
use super::{CliError, Context, Exit, Result};
use crate::base::limits::JSON_SCHEMA;

/// Propose a team and a workflow for a goal, and say why.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The goal; `-` reads it from standard input.
    #[arg(required = true, value_name = "GOAL")]
    goal: Vec<String>,
}

#[derive(Serialize)]
struct Json {
    schema_version: u32,
    team: String,
    workflow: String,
    confidence: &'static str,
    reasons: Vec<String>,
}

/// Runs the verb.
///
/// # Errors
/// There is no goal.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let goal = text_of(&args.goal)?;
    if goal.trim().is_empty() {
        return Err(CliError::usage("the goal is empty"));
    }
    let found = crate::resource::recommend(&goal, &context.workspace()?.catalog());
    if context.json {
        context.write_json(&Json {
            schema_version: JSON_SCHEMA,
            team: found.team,
            workflow: found.workflow,
            confidence: found.confidence.as_str(),
            reasons: found.reasons,
        })?;
        return Ok(Exit::Ok);
    }
    writeln!(context.out, "team      {}", found.team)?;
    writeln!(context.out, "workflow  {}", found.workflow)?;
    writeln!(context.out, "sure      {}", found.confidence)?;
    for reason in &found.reasons {
        writeln!(context.out, "  - {reason}")?;
    }
    context.say(&format!("`crew run -t {} -w {} GOAL` starts it", found.team, found.workflow))?;
    Ok(Exit::Ok)
}
