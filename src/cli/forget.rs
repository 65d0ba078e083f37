//! `crew forget`: removes what is known of runs that are over, for good.

use clap::Args as ClapArgs;
use serde::Serialize;

use super::style::Style;
use super::table::Table;
use super::target::Target;
use super::{CliError, Context, Exit, Result};
use crate::base::RunNumber;
use crate::base::limits::JSON_SCHEMA;
use crate::base::text::{count, one_line};
use crate::base::time::{human_ms, parse_ms};
use crate::client::forbid_to_agents;
use crate::prune::{ForgetError, Forgettable, forget, forgettable};
use crate::snapshot::Class;

/// Remove what is known of runs that have ended, for good: log, prompts, output, artifacts.
///
/// Without `--yes` this says what would go, and changes nothing. A run stays while it has a worktree (`crew archive`
/// and `crew prune` put those away); commits, branches and what was put away are git's and stay. Nothing is ever
/// forgotten by itself: a line for cron is `crew forget --older-than 90d --yes`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The runs: numbers, `last`, or parts of their names.
    #[arg(value_name = "RUN", required_unless_present = "older_than")]
    runs: Vec<String>,
    /// All runs that ended longer ago than this and have no worktree any more: `90d`.
    #[arg(long, value_name = "TIME", conflicts_with = "runs", value_parser = parse_ms)]
    older_than: Option<u64>,
}

#[derive(Serialize)]
struct Row<'a> {
    run: RunNumber,
    goal: &'a str,
    status: &'a str,
    bytes: u64,
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    dry_run: bool,
    runs: Vec<Row<'a>>,
}

/// Runs the verb.
///
/// # Errors
/// A named run stays, or something cannot be removed.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    forbid_to_agents(&workspace.env, "forget")?;
    let mut found: Vec<Forgettable> = Vec::new();
    if let Some(age) = args.older_than {
        for number in workspace.project()?.runs()? {
            // Those that stay were not asked for by name.
            let run = forgettable(&workspace.dir, number).ok();
            found.extend(run.filter(|run| context.now.since_ms(run.updated_at) >= age));
        }
    } else {
        for wanted in &args.runs {
            let number = Target::find_run(&workspace, wanted)?;
            if found.iter().all(|run| run.number != number) {
                found.push(forgettable(&workspace.dir, number)?);
            }
        }
    }
    if context.yes {
        for run in &found {
            forget(&workspace.dir, run.number)?;
        }
    }
    tell(&found, &Style::of(context, &workspace.config), context)
}

fn tell(found: &[Forgettable], style: &Style, context: &mut Context) -> Result<Exit> {
    if context.json {
        let rows = found.iter().map(|run| Row {
            run: run.number,
            goal: &run.goal,
            status: &run.status,
            bytes: run.bytes,
        });
        let runs = rows.collect();
        context.write_json(&Document {
            schema_version: JSON_SCHEMA,
            dry_run: !context.yes,
            runs,
        })?;
        return Ok(Exit::Ok);
    }
    if found.is_empty() {
        context.say("there is no run to forget")?;
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(&["RUN", "STATUS", ">LAST", ">SIZE", "GOAL"]);
    for run in found {
        let ago = human_ms(context.now.since_ms(run.updated_at));
        let size = format!("{} KiB", run.bytes.div_ceil(1 << 10));
        let goal = one_line(&run.goal, 200);
        let cells = vec![format!("#{}", run.number), run.status.clone(), ago, size, goal];
        table.row(Class::Idle, cells);
    }
    table.write(style, &mut context.out)?;
    let runs = count(found.len(), "run");
    context.say(&if context.yes {
        format!("{runs} forgotten")
    } else {
        format!("{runs} would be forgotten for good; `--yes` does it")
    })?;
    Ok(Exit::Ok)
}

impl From<ForgetError> for CliError {
    fn from(error: ForgetError) -> Self {
        match error {
            ForgetError::Stays(why) => Self::refused(why),
            ForgetError::Open(error) => error.into(),
            ForgetError::Project(error) => error.into(),
            ForgetError::Path(error) => error.into(),
        }
    }
}
