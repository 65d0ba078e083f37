//! `crew run`: starts a run of a goal, and stays with it.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Read};

use clap::Args as ClapArgs;

use super::context::Context;
use super::draft;
use super::exit::Exit;
use super::report::{CliError, Result};
use crate::base::RunNumber;
use crate::base::flow::Permission;
use crate::client::Workspace;
use crate::client::plan::{PlanError, version_notes};
use crate::client::start::{Prepared, RunRequest, StartError, prepare};
use crate::config::Overrides;
use crate::event::Priority;

/// Start a run of a goal
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct Args {
    /// What is to be done; `-` reads it from standard input.
    #[arg(value_name = "GOAL")]
    pub goal: Vec<String>,
    /// The team that works.
    #[arg(short, long)]
    pub team: Option<String>,
    /// The workflow that it follows.
    #[arg(short, long)]
    pub workflow: Option<String>,
    /// One role of the team alone.
    #[arg(long)]
    pub role: Option<String>,
    /// One agent alone.
    #[arg(long)]
    pub agent: Option<String>,
    /// The program that plays every agent.
    #[arg(short = 'a', long, value_name = "RUNTIME")]
    pub runtime: Option<String>,
    /// What writing agents may do without being asked, in place of what the configuration says.
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub permission: Option<PermissionArg>,
    /// The model that every agent gets.
    #[arg(short, long)]
    pub model: Option<String>,
    /// Return as soon as the run is under way.
    #[arg(short, long)]
    pub detach: bool,
    /// Work in the project folder itself, without a worktree.
    #[arg(long)]
    pub in_place: bool,
    /// Only create it: a person must approve it before it starts.
    #[arg(long)]
    pub draft: bool,
    /// What the run may use up.
    #[command(flatten)]
    pub most: super::budget::Most,
    /// Print the plan, the prompts and the command lines, and start nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Start after this run is done; may be given several times.
    #[arg(long, value_name = "N")]
    pub after: Vec<u32>,
    /// Place in the queue.
    #[arg(long, value_enum, default_value_t = PriorityArg::Normal)]
    pub priority: PriorityArg,
    /// Command that checks the work: what `{exec: check}` in a gate and the validation run.
    #[arg(long, value_name = "CMD")]
    pub validate: Option<String>,
    /// Value of a parameter of the workflow: `name=value`.
    #[arg(long, value_name = "K=V")]
    pub param: Vec<String>,
    /// Start one run for each line of this file.
    #[arg(long, value_name = "FILE", conflicts_with = "goal")]
    pub goals: Option<camino::Utf8PathBuf>,
    /// Script of the rehearsal agent (with `-a rehearsal`).
    #[arg(long, value_name = "FILE")]
    pub script: Option<camino::Utf8PathBuf>,
    /// Speed of the rehearsal agent: 2 halves every pause, 0 leaves them out.
    #[arg(long, value_name = "N")]
    pub speed: Option<f64>,
}

/// What writing agents may do without being asked; readers may only read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum PermissionArg {
    /// Nothing: whatever changes something is asked for.
    Ask,
    /// Change files; commands run in a sandbox or not at all.
    #[value(alias = "write")]
    Edit,
    /// Everything that you may.
    Full,
}

impl From<PermissionArg> for Permission {
    fn from(word: PermissionArg) -> Self {
        match word {
            PermissionArg::Ask => Self::Ask,
            PermissionArg::Edit => Self::Edit,
            PermissionArg::Full => Self::Full,
        }
    }
}

/// Place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
#[expect(missing_docs, reason = "the words say it")]
pub enum PriorityArg {
    Urgent,
    High,
    #[default]
    Normal,
    Low,
}

impl From<PriorityArg> for Priority {
    fn from(word: PriorityArg) -> Self {
        match word {
            PriorityArg::Urgent => Self::Urgent,
            PriorityArg::High => Self::High,
            PriorityArg::Normal => Self::Normal,
            PriorityArg::Low => Self::Low,
        }
    }
}

/// Starts the run or runs; in the foreground stays until it rests.
///
/// # Errors
/// Nothing was started, or the run cannot be followed.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace_with(&Overrides::default())?;
    super::warnings(&workspace, context)?;
    let goals = goals(args, context)?;
    let request = request(args, context)?;
    if let [goal] = goals.as_slice() {
        let request = RunRequest { goal: goal.clone(), ..request };
        let prepared = prepare(&workspace, request)?;
        if args.dry_run {
            return super::dry_run::print(&workspace, &prepared, context);
        }
        super::trust_check::require(&workspace, context)?;
        return start_one(args, &workspace, prepared, context);
    }
    start_many(args, &workspace, &goals, &request, context)
}

fn goals(args: &Args, context: &Context) -> Result<Vec<String>> {
    if let Some(file) = &args.goals {
        let path =
            camino::Utf8Path::from_path(&context.cwd).map_or(file.clone(), |cwd| cwd.join(file));
        let text = crate::store::files::read_text_capped(&path, 4 << 20)?;
        let lines =
            text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let goals: Vec<String> = lines.map(str::to_owned).collect();
        if goals.is_empty() {
            return Err(CliError::usage(format!("`{file}` holds no goal"))
                .hinted("write one goal on each line"));
        }
        return Ok(goals);
    }
    let goal = args.goal.join(" ");
    if goal != "-" {
        return Ok(vec![goal]);
    }
    if std::io::stdin().is_terminal() && !context.is_interactive() {
        return Err(CliError::usage("`-` reads the goal from standard input, which is a terminal"));
    }
    let mut text = String::new();
    std::io::stdin()
        .take(crate::base::limits::GOAL_BYTES_MAX as u64 + 1)
        .read_to_string(&mut text)
        .map_err(|error| {
            CliError::usage(format!("the goal on standard input cannot be read: {error}"))
        })?;
    Ok(vec![text])
}

fn request(args: &Args, context: &Context) -> Result<RunRequest> {
    let mut params = BTreeMap::new();
    for param in &args.param {
        let Some((name, value)) = param.split_once('=') else {
            return Err(CliError::usage(format!("`--param {param}` has no `=`"))
                .hinted("write `--param name=value`"));
        };
        params.insert(name.to_owned(), value.to_owned());
    }
    let mut rehearsal = Vec::new();
    if let Some(script) = &args.script {
        // The supervisor works in another folder; a name like `@demo` is no file.
        let is_file = !script.as_str().starts_with('@');
        let cwd = camino::Utf8Path::from_path(&context.cwd).filter(|_| is_file);
        let path = cwd.map_or_else(|| script.clone(), |cwd| cwd.join(script));
        rehearsal.extend(["--script".to_owned(), path.to_string()]);
    }
    if let Some(speed) = args.speed {
        rehearsal.extend(["--speed".to_owned(), speed.to_string()]);
    }
    let mut runtime_args = BTreeMap::new();
    if !rehearsal.is_empty() {
        runtime_args.insert("rehearsal".to_owned(), rehearsal);
    }
    Ok(RunRequest {
        goal: String::new(),
        team: args.team.clone(),
        workflow: args.workflow.clone(),
        role: args.role.clone(),
        agent: args.agent.clone(),
        runtime: args.runtime.clone(),
        model: args.model.clone(),
        permission: args.permission.map(Into::into),
        in_place: args.in_place,
        after: args.after.iter().map(|number| RunNumber(*number)).collect(),
        priority: args.priority.into(),
        validate: args.validate.clone(),
        params,
        runtime_args,
        draft: args.draft,
        budget: args.most.budget(),
        ..RunRequest::default()
    })
}

fn start_one(
    args: &Args,
    workspace: &Workspace,
    prepared: Prepared,
    context: &mut Context,
) -> Result<Exit> {
    for note in prepared.notes.iter().chain(&version_notes(workspace, [&*prepared.plan])) {
        context.say(&format!("note: {note}"))?;
    }
    let number = draft::create_run(workspace, prepared, context)?;
    if draft::is_draft(workspace, number)? {
        return draft::ask(workspace, number, args.detach, context);
    }
    if args.detach {
        return draft::started(workspace, &[number], context);
    }
    super::offer::follow_and_ask(workspace, number, context)
}

fn start_many(
    args: &Args,
    workspace: &Workspace,
    goals: &[String],
    request: &RunRequest,
    context: &mut Context,
) -> Result<Exit> {
    // All are checked before the first is started.
    let mut prepared = Vec::new();
    for goal in goals {
        prepared.push(prepare(workspace, RunRequest { goal: goal.clone(), ..request.clone() })?);
    }
    if args.dry_run {
        for prepared in &prepared {
            super::dry_run::print(workspace, prepared, context)?;
        }
        return Ok(Exit::Ok);
    }
    let mut numbers = Vec::new();
    super::trust_check::require(workspace, context)?;
    for note in version_notes(workspace, prepared.iter().map(|prepared| &*prepared.plan)) {
        context.say(&format!("note: {note}"))?;
    }
    for prepared in prepared {
        numbers.push(draft::create_run(workspace, prepared, context)?);
    }
    if args.detach {
        return draft::started(workspace, &numbers, context);
    }
    // Nobody is asked about several at once: those that need a word stay drafts.
    let mut drafts = Vec::new();
    for number in &numbers {
        if draft::is_draft(workspace, *number)? {
            drafts.push(*number);
        }
    }
    let mut worst = draft::started(workspace, &drafts, context)?;
    for number in numbers.into_iter().filter(|number| !drafts.contains(number)) {
        let exit = super::offer::follow_and_ask(workspace, number, context)?;
        if exit != Exit::Ok {
            worst = exit;
        }
    }
    Ok(worst)
}

impl From<StartError> for CliError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Plan(error) => error.into(),
            StartError::Goal(text) => Self::usage(text).hinted("`crew run \"what is to be done\"`"),
            StartError::Depth { .. } => Self::from_chain(Exit::Refused, "depth", &error)
                .hinted("an agent's own work needs no further crew"),
            StartError::NoSuchRun(_) => Self::from_chain(Exit::NotFound, "not_found", &error)
                .hinted("`crew ls` lists all runs"),
            StartError::Imported(_) => Self::from_chain(Exit::Refused, "imported", &error)
                .hinted("`crew run \"the same goal\"` starts a run of your own"),
            StartError::Overlaps { run, .. } => Self::from_chain(Exit::Refused, "overlap", &error)
                .hinted(format!("`crew status {run}` shows it, `crew stop {run}` ends it")),
            StartError::Unwanted { .. } => Self::from_chain(Exit::Refused, "state", &error),
            StartError::Bare => Self::from_chain(Exit::Invalid, "bare", &error)
                .hinted("make a first commit, and leave out `--in-place`"),
            StartError::BranchInTheWay => Self::from_chain(Exit::Refused, "branch", &error)
                .hinted("`git branch -m crew NEW-NAME` makes room"),
            StartError::Git(_) => Self::from_chain(Exit::Invalid, "git", &error)
                .hinted("`--in-place` works in the folder itself, without git"),
            StartError::Project(error) => error.into(),
            StartError::Open(error) => error.into(),
            StartError::Io(error) => error.into(),
            StartError::Queue(_) => Self::from_chain(Exit::Io, "queue", &error),
        }
    }
}

impl From<PlanError> for CliError {
    fn from(error: PlanError) -> Self {
        let message = error.to_string();
        match error {
            PlanError::NotFound(missing) => Self::new(Exit::Invalid, "not_found", message).hinted(missing.hint()),
            PlanError::Usage(_) => Self::usage(message),
            PlanError::Invalid { found, .. } => {
                let mut report = Self::invalid(message);
                for finding in found {
                    report.causes.push(finding.to_string());
                }
                report
            }
            PlanError::Unsupported { .. } => Self::new(Exit::Invalid, "unsupported", message)
                .hinted("`crew workflow list` lists the workflows"),
            PlanError::Programs(errors) => {
                let hints: Vec<String> = errors.iter().map(crate::launch::ProgramError::hint).collect();
                Self { hints, ..Self::invalid(message) }
            }
            PlanError::NoProgram { .. } => Self::new(Exit::Invalid, "no_program", message)
                .hinted("configure one under `[runtimes.<name>]` in the user's configuration (docs/runtimes.md)")
                .hinted("`crew demo` shows a run without any agent program"),
        }
    }
}
