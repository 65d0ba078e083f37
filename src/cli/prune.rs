//! `crew prune`: removes the worktrees of runs that have ended.

use clap::Args as ClapArgs;
use serde::Serialize;

use super::removal::{self, CandidateJson};
use super::style::Style;
use super::table::Table;
use super::{Context, Exit, Result};
use crate::base::limits::JSON_SCHEMA;
use crate::base::time;
use crate::client::forbid_to_agents;
use crate::prune::{Done, Report, prune};
use crate::snapshot::Class;

/// Show the worktrees of ended runs that may go; with `--yes` remove them.
///
/// A worktree may go when its branch is merged, when its run is archived, or when the run ended longer ago than
/// `worktree.ttl`; folders among the worktrees that no run knows may go as well. Nothing is lost: everything but ignored
/// files is put away first, and `crew undo` brings it back. A branch goes only when its commits are in the target.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Only what ended so long ago, instead of what `worktree.ttl` and the workflows say.
    #[arg(long, value_name = "DURATION", value_parser = time::parse_ms)]
    older_than: Option<u64>,
}

#[derive(Serialize)]
struct PruneJson<'a> {
    schema_version: u32,
    dry_run: bool,
    worktrees: Vec<CandidateJson<'a>>,
    problems: &'a [String],
}

/// Runs the verb.
///
/// # Errors
/// The project cannot be read.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let removes = context.yes;
    if removes {
        forbid_to_agents(&workspace.env, "prune")?;
    }
    if workspace.found.git.is_none() {
        if context.json {
            tell_json(&Report { items: Vec::new(), problems: Vec::new() }, removes, context)?;
        }
        context.say("the project is no git repository: there are no worktrees")?;
        return Ok(Exit::Ok);
    }
    let wish = crate::prune::Wish {
        older_than_ms: args.older_than,
        ..removal::wish(&workspace, context.now, "crew prune")
    };
    let report = prune(&workspace.dir, &wish, &workspace.human(), removes)?;
    for problem in &report.problems {
        context.say(&format!("warning: {problem}"))?;
    }
    if context.json {
        tell_json(&report, removes, context)?;
    } else {
        tell(&report, removes, &Style::of(context, &workspace.config), context)?;
    }
    let is_hindered =
        removes && report.items.iter().any(|(_, done)| matches!(done, Done::Stays(_)));
    Ok(if is_hindered { Exit::Refused } else { Exit::Ok })
}

fn tell_json(report: &Report, removes: bool, context: &mut Context) -> Result<()> {
    let items = report.items.iter();
    context.write_json(&PruneJson {
        schema_version: JSON_SCHEMA,
        dry_run: !removes,
        worktrees: items.map(|(candidate, done)| CandidateJson::of(candidate, done)).collect(),
        problems: &report.problems,
    })
}

fn tell(report: &Report, removes: bool, style: &Style, context: &mut Context) -> Result<()> {
    if report.items.is_empty() {
        return context.say("no worktree may go now");
    }
    let mut table = Table::new(&["RUN", "WORKTREE", "WHY", "BRANCH", "HOLDS"]);
    let mut stays = Vec::new();
    let mut count = 0;
    for (candidate, done) in &report.items {
        let name = candidate.source.worktree.file_name().unwrap_or_default().to_owned();
        let takes = candidate.fate == crate::store::salvage::Fate::Remove;
        let branch =
            candidate.source.branch.as_ref().map_or("", |_| if takes { "goes" } else { "stays" });
        let class = match done {
            Done::Looked => Class::Idle,
            Done::Removed(_) => Class::Done,
            Done::Stays(_) => Class::Failed,
        };
        if let Done::Stays(why) = done {
            stays.push(format!("{name} stays: {why}"));
        } else {
            count += 1;
        }
        let holds = removal::holds(candidate);
        let cells = vec![
            removal::owner(candidate),
            name,
            removal::why(candidate),
            branch.to_owned(),
            holds,
        ];
        table.row(class, cells);
    }
    table.write(style, &mut context.out)?;
    for line in stays {
        context.say(&line)?;
    }
    let noun = if count == 1 { "worktree" } else { "worktrees" };
    if removes {
        context.say(&format!("{count} {noun} removed; `crew undo` brings back what they held"))
    } else {
        context.say(&format!("nothing is removed yet; `crew prune --yes` removes {count} {noun}"))
    }
}
