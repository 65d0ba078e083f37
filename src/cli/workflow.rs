//! `crew workflow`: the workflows that can be named here, and what they compile to.

use std::collections::BTreeMap;

use clap::{Args as ClapArgs, Subcommand};
use serde::Serialize;

use super::graph::{self, Format};
use super::{CliError, Context, Exit, Result, resource};
use crate::base::limits::JSON_SCHEMA;
use crate::client::Workspace;
use crate::plan::{BuildInput, Completion, Plan};
use crate::resource::Kind;

/// List, show, check, draw, make and edit workflows.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    #[command(flatten)]
    Common(resource::Verb),
    /// Show the file of one, or what it compiles to.
    Show {
        /// Its name.
        name: String,
        /// Show the tasks, channels and gates that it compiles to.
        #[arg(long)]
        expand: bool,
        #[command(flatten)]
        team: Team,
    },
    /// Draw one: steps, channels and gates.
    Graph {
        /// Its name.
        name: String,
        /// How.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        #[command(flatten)]
        team: Team,
    },
}

#[derive(Debug, ClapArgs)]
struct Team {
    /// The team that plays it; left out, the one whose default it is.
    #[arg(short, long, value_name = "TEAM")]
    team: Option<String>,
}

#[derive(Serialize)]
struct PlanJson<'a> {
    schema_version: u32,
    plan: &'a Plan,
}

/// Runs the verb.
///
/// # Errors
/// No such workflow or team, or a file cannot be used or written.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    match &args.verb {
        Verb::Show { name, expand: true, team } => {
            let plan = compiled(&context.workspace()?, name, team)?;
            tell(context, &plan, &graph::expand(&plan))
        }
        Verb::Show { name, expand: false, .. } => resource::show(Kind::Workflow, name, context),
        Verb::Graph { name, format, team } => {
            let plan = compiled(&context.workspace()?, name, team)?;
            tell(context, &plan, &graph::draw(&plan, *format))
        }
        Verb::Common(verb) => resource::run(Kind::Workflow, verb, context),
    }
}

fn tell(context: &mut Context, plan: &Plan, text: &str) -> Result<Exit> {
    if context.json {
        context.write_json(&PlanJson { schema_version: JSON_SCHEMA, plan })?;
    } else {
        write!(context.out, "{text}")?;
    }
    Ok(Exit::Ok)
}

/// The plan of a run with this workflow, as far as it can be told without one.
fn compiled(workspace: &Workspace, name: &str, team: &Team) -> Result<Plan> {
    let catalog = workspace.catalog();
    let workflow = &catalog.workflow(name)?.file;
    let team = match &team.team {
        Some(team) => Some(&catalog.team(team)?.file),
        None => resource::team_of(workflow, &catalog),
    };
    // Values are not known before there is a run; the placeholders stay visible instead.
    let open = workflow.params.iter().filter(|param| param.default.is_none());
    let params: BTreeMap<String, String> =
        open.map(|param| (param.name.clone(), format!("{{param:{}}}", param.name))).collect();
    crate::plan::build(&BuildInput {
        workflow,
        team,
        catalog: &catalog,
        runtime_flag: None,
        model_flag: None,
        default_runtime: workspace.config.defaults.runtime.as_deref().unwrap_or_default(),
        default_model: workspace.config.defaults.model.as_deref(),
        params: &params,
        completion: Completion::default(),
        commands: crate::client::plan::commands(&workspace.config, workflow, None),
    })
    .map_err(|found| {
        let mut error = CliError::invalid(format!("workflow `{name}` cannot be compiled"));
        for finding in found.iter().filter(|finding| finding.is_error()) {
            let (file, line, column) = (&finding.file, finding.line, finding.column);
            error.causes.push(format!("{file}:{line}:{column}: {}", finding.message));
            error = error.hinted(finding.fix.clone());
        }
        error
    })
}
