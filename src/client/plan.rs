//! Choosing team, workflow and programs for a run, and compiling its plan.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;

use super::policy::policy_of;
use super::start::RunRequest;
use super::workspace::Workspace;
use crate::base::flow::{BUILT_IN_PROGRAMS, Permission};
use crate::base::flow::{Condition, Isolation, StepKind};
use crate::base::limits;
use crate::config::{CompletionMode, Config};
use crate::launch::version::versions;
use crate::launch::{ProgramError, Programs};
use crate::plan::graph::CommandPlan;
use crate::plan::paths::PathRules;
use crate::plan::{BuildInput, Completion, Plan, Policy, StepPlan, build};
use crate::resource::{
    Catalog, Diagnostic, NotFound, Scope, TeamFile, WorkflowFile, lint, workflow,
};

/// Name of the command that checks a tree when the workflow gives it none.
const DEFAULT_COMMAND: &str = "check";
/// Milliseconds for a command whose workflow names no timeout.
const COMMAND_TIMEOUT_MS: u64 = 10 * 60 * 1_000;

/// A compiled plan and how it came about.
#[derive(Debug, Clone)]
pub struct Choice {
    /// The plan.
    pub plan: Plan,
    /// What the run may use up and touch, and what must hold before its work counts.
    pub policy: Policy,
    /// Whether the workflow works in a worktree when there can be one.
    pub wants_worktree: bool,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// Why no plan can be made.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// There is no such team, workflow or agent.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// The files are not usable.
    #[error("{} is not usable", what)]
    Invalid {
        /// The workflow or team.
        what: String,
        /// Everything that is wrong.
        found: Vec<Diagnostic>,
    },
    /// The workflow needs something that this version does not have.
    #[error("workflow `{workflow}` cannot run: {}", reasons.join("; "))]
    Unsupported {
        /// The workflow.
        workflow: String,
        /// What it needs.
        reasons: Vec<String>,
    },
    /// A program is unknown, not installed, or wrongly configured.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Programs(Vec<ProgramError>),
    /// Nothing can play the agents.
    #[error("no agent program was found (looked for {})", looked_for.join(", "))]
    NoProgram {
        /// What was looked for.
        looked_for: Vec<String>,
    },
    /// The flags contradict each other.
    #[error("{0}")]
    Usage(String),
}

/// Chooses and compiles.
///
/// # Errors
/// Whatever is in the way.
pub fn choose(
    workspace: &Workspace,
    request: &RunRequest,
    can_have_worktree: bool,
) -> Result<Choice, PlanError> {
    let catalog = workspace.catalog();
    let (workflow, team, scope) = files(workspace, request, &catalog)?;
    let programs =
        Programs::of(&workspace.config, &request.runtime_args).map_err(PlanError::Programs)?;
    let default = default_program(workspace, &programs, request.runtime.is_none());
    let input = BuildInput {
        workflow: &workflow,
        team: team.as_ref(),
        catalog: &catalog,
        runtime_flag: request.runtime.as_deref(),
        model_flag: request.model.as_deref(),
        default_runtime: default.as_deref().unwrap_or_default(),
        default_model: workspace.config.defaults.model.as_deref(),
        params: &request.params,
        completion: completion(workspace, &workflow, can_have_worktree),
        commands: commands(&workspace.config, &workflow, request.validate.as_deref()),
    };
    let mut plan = build(&input).map_err(|found| PlanError::Invalid {
        what: format!("workflow `{}`", workflow.name),
        found,
    })?;
    // Whoever asks for so many passes by hand means the loop, whatever the workflow says.
    if let Some(steps) = request.budget.steps {
        let loops = plan.steps.iter_mut().filter_map(|step| step.looping.as_mut());
        loops.for_each(|looping| looping.steps = steps);
    }
    check_supported(&plan)?;
    check_commands(&plan)?;
    if plan.steps.iter().any(|step| needs_program(step) && step.runtime.is_empty()) {
        let known = BUILT_IN_PROGRAMS.iter().map(|name| (*name).to_owned());
        return Err(PlanError::NoProgram { looked_for: known.collect() });
    }
    let policy = policy_of(workspace, &workflow, scope, &plan.commands, request);
    check_programs(workspace, &plan, &programs, policy.permission)?;
    let mut notes = Vec::new();
    let is_default = |step: &StepPlan| default.as_deref() == Some(step.runtime.as_str());
    if request.runtime.is_none()
        && workspace.config.defaults.runtime.is_none()
        && let Some(name) = default.as_deref().filter(|_| plan.steps.iter().any(is_default))
    {
        notes.push(format!(
            "agents are played by `{name}`, the first program found (`-a` chooses another)"
        ));
    }
    check_policy(&plan, &policy)?;
    Ok(Choice { plan, policy, wants_worktree: workflow.worktree.enabled.unwrap_or(true), notes })
}

/// The commands of a run by name: configured ones, then the workflow's own, then the flag's.
pub fn commands(
    config: &Config,
    workflow: &WorkflowFile,
    flag: Option<&str>,
) -> BTreeMap<String, CommandPlan> {
    let declared = workflow.policy.validation.as_ref();
    let name = validation_name(workflow);
    let timeout_ms = declared.and_then(|own| own.timeout_ms).unwrap_or(COMMAND_TIMEOUT_MS);
    let mut commands: BTreeMap<String, String> = config.validation.commands.clone();
    let own = declared.and_then(|own| own.command.as_deref());
    let fallback = config.validation.default_command().filter(|_| !commands.contains_key(name));
    if let Some(command) = flag.or(own).or(fallback) {
        commands.insert(name.to_owned(), command.to_owned());
    }
    commands
        .into_iter()
        .map(|(name, command)| (name, CommandPlan { command, timeout_ms }))
        .collect()
}

/// Name of the command that decides whether a tree of this workflow is green.
pub(super) fn validation_name(workflow: &WorkflowFile) -> &str {
    workflow.policy.validation.as_ref().map_or(DEFAULT_COMMAND, |own| own.name.as_str())
}

/// Checks the programs of a plan that was frozen before.
///
/// # Errors
/// One is unknown or not installed.
pub fn preflight(
    workspace: &Workspace,
    plan: &Plan,
    policy: &Policy,
    request: &RunRequest,
) -> Result<(), PlanError> {
    let programs =
        Programs::of(&workspace.config, &request.runtime_args).map_err(PlanError::Programs)?;
    check_programs(workspace, plan, &programs, policy.permission)
}

/// What programs of these plans that say how to ask them for their version do not answer.
///
/// They are installed, and perhaps broken: a person should know, and the run starts all the same.
pub fn version_notes<'a>(
    workspace: &Workspace,
    plans: impl IntoIterator<Item = &'a Plan>,
) -> Vec<String> {
    let runtimes: BTreeSet<&str> = plans.into_iter().flat_map(Plan::runtimes).collect();
    let Ok(programs) = Programs::of(&workspace.config, &BTreeMap::new()) else {
        return Vec::new();
    };
    let specs = runtimes.into_iter().filter_map(|name| programs.get(name).ok());
    let commands: Vec<Vec<String>> =
        specs.map(|spec| spec.version.clone()).filter(|command| !command.is_empty()).collect();
    versions(&commands, limits::VERSION_WAIT_MS)
        .into_iter()
        .filter_map(|told| Some(told.err()?.to_string()))
        .collect()
}

fn check_programs(
    workspace: &Workspace,
    plan: &Plan,
    programs: &Programs,
    writers: Permission,
) -> Result<(), PlanError> {
    let path = workspace.env.get("PATH").unwrap_or_default();
    let root = &workspace.found.root;
    let names = plan.runtimes();
    let mut wrong: Vec<ProgramError> =
        names.iter().filter_map(|name| programs.preflight(name, path, root).err()).collect();
    let all = plan.steps.iter().chain(plan.roles.values()).filter(|step| !step.runtime.is_empty());
    let levels: BTreeSet<(&str, Permission)> =
        all.map(|step| (step.runtime.as_str(), Permission::of(step.access, writers))).collect();
    let known = levels.iter().filter_map(|(name, level)| Some((programs.get(name).ok()?, level)));
    let refused =
        known.filter_map(|(spec, level)| spec.permissions.grant(&spec.name, *level).err());
    wrong.extend(refused.map(ProgramError::from));
    if wrong.is_empty() {
        let (env, passed) = (&workspace.env, &workspace.config.defaults.env);
        wrong = std::thread::scope(|scope| {
            let ask = |name: &str| programs.check_login(name, env, passed, root);
            let asked: Vec<_> =
                names.iter().map(|name| scope.spawn(move || ask(name).err())).collect();
            asked.into_iter().filter_map(|thread| thread.join().ok().flatten()).collect()
        });
    }
    if wrong.is_empty() { Ok(()) } else { Err(PlanError::Programs(wrong)) }
}

fn needs_program(step: &StepPlan) -> bool {
    step.kind == StepKind::Agent || step.agent.is_some()
}

/// The workflow and the team, checked: parser's and lint's errors stop here.
fn files(
    workspace: &Workspace,
    request: &RunRequest,
    catalog: &Catalog,
) -> Result<(WorkflowFile, Option<TeamFile>, Scope), PlanError> {
    if request.role.is_some() && request.agent.is_some() {
        return Err(PlanError::Usage("`--role` and `--agent` exclude each other".to_owned()));
    }
    if (request.role.is_some() || request.agent.is_some()) && request.workflow.is_some() {
        return Err(PlanError::Usage("one role alone has no workflow; leave `-w` out".to_owned()));
    }
    let is_direct =
        request.agent.is_some() || (request.workflow.is_some() && request.team.is_none());
    let team = if is_direct {
        None
    } else {
        let name = request.team.as_deref().unwrap_or(&workspace.config.defaults.team);
        let team = catalog.team(name)?;
        check(format!("team `{name}`"), [&team.diagnostics[..], &lint::team(&team.file, catalog)])?;
        Some(team.file.clone())
    };
    let (file, scope) = if let Some(role) = request.role.as_ref().or(request.agent.as_ref()) {
        if let Some(team) = &team
            && team.role(role).is_none()
        {
            let roles: Vec<&str> = team.roles.iter().map(|role| role.name.as_str()).collect();
            let text =
                format!("team `{}` has no role `{role}`; it has {}", team.name, roles.join(", "));
            return Err(PlanError::Usage(text));
        }
        (alone(role)?, Scope::Builtin)
    } else {
        let of_team = team.as_ref().and_then(|team| team.default_workflow.as_ref());
        let configured = workspace.config.defaults.workflow.as_deref();
        let name = request
            .workflow
            .as_deref()
            .or(of_team.map(|name| name.as_str()))
            .or(configured)
            .unwrap_or("default");
        let found = catalog.workflow(name)?;
        let linted = lint::workflow(&found.file, team.as_ref(), catalog);
        check(format!("workflow `{name}`"), [&found.diagnostics[..], &linted])?;
        (found.file.clone(), found.origin.scope)
    };
    Ok((file, team, scope))
}

/// A workflow of one step, for `--role` and `--agent`.
fn alone(role: &str) -> Result<WorkflowFile, PlanError> {
    crate::base::id::check_name(role).map_err(|error| PlanError::Usage(error.to_string()))?;
    let text = format!(
        "---\nname: direct-{role}\ndescription: One role alone\n---\n\n## {role}\nrole: {role}\n\n{{goal}}\n"
    );
    let path = Utf8PathBuf::from(format!("direct-{role}.workflow.md"));
    Ok(workflow::parse(&path, &text).0)
}

fn check<const N: usize>(what: String, lists: [&[Diagnostic]; N]) -> Result<(), PlanError> {
    let found: Vec<Diagnostic> =
        lists.into_iter().flatten().filter(|found| found.is_error()).cloned().collect();
    if found.is_empty() { Ok(()) } else { Err(PlanError::Invalid { what, found }) }
}

/// The configured program, else the first known one that can be used here, else any configured one.
///
/// Of several, one to which nobody is logged in is taken only when there is no other; they are asked only when it
/// `matters`, for that takes a moment.
fn default_program(workspace: &Workspace, programs: &Programs, matters: bool) -> Option<String> {
    if let Some(name) = &workspace.config.defaults.runtime {
        return Some(name.clone());
    }
    let path = workspace.env.get("PATH").unwrap_or_default();
    let root = &workspace.found.root;
    let configured = programs
        .names()
        .filter(|name| *name != crate::agent::rehearsal::NAME && !BUILT_IN_PROGRAMS.contains(name));
    let known = BUILT_IN_PROGRAMS.into_iter().chain(configured);
    let found: Vec<&str> =
        known.filter(|name| programs.preflight(name, path, root).is_ok()).collect();
    let passed = &workspace.config.defaults.env;
    let is_ready = |name: &&str| programs.check_login(name, &workspace.env, passed, root).is_ok();
    let first = found.first().copied();
    let chosen = match found.len() {
        0 | 1 => first,
        _ if !matters => first,
        _ => found.iter().copied().find(is_ready).or(first),
    };
    chosen.map(str::to_owned)
}

fn completion(
    workspace: &Workspace,
    workflow: &WorkflowFile,
    can_have_worktree: bool,
) -> Completion {
    use crate::resource::CompletionMode as Asked;
    let asked = match workflow.policy.completion.mode {
        Some(Asked::Merge) => Some(Completion::Merge),
        Some(Asked::Pr) => Some(Completion::Pr),
        Some(Asked::Deliver) => Some(Completion::Deliver),
        Some(Asked::None) => Some(Completion::None),
        None => None,
    };
    let configured = match workspace.config.completion.mode {
        Some(CompletionMode::Pr) => Completion::Pr,
        Some(CompletionMode::Deliver) => Completion::Deliver,
        Some(CompletionMode::None) => Completion::None,
        Some(CompletionMode::Merge) | None => Completion::Merge,
    };
    match asked.unwrap_or(configured) {
        Completion::Merge | Completion::Pr if !can_have_worktree => Completion::Deliver,
        mode @ (Completion::Merge | Completion::Pr | Completion::Deliver | Completion::None) => {
            mode
        }
    }
}

/// A gate whose command is not configured could never open: that is said before anything starts.
fn check_commands(plan: &Plan) -> Result<(), PlanError> {
    let mut reasons = Vec::new();
    for gate in &plan.gates {
        gate.when.walk(&mut |part| {
            if let Condition::Exec(name) = part
                && !plan.commands.contains_key(name)
            {
                reasons.push(format!(
                    "gate `{}` needs the command `{name}`, which is not configured: give it with \
                     `--validate CMD`, or as `{name} = \"…\"` under `[validation.commands]`",
                    gate.id
                ));
            }
        });
    }
    for step in &plan.steps {
        let missing = step.verifies.iter().filter(|name| !plan.commands.contains_key(*name));
        reasons.extend(missing.map(|name| {
            format!(
                "step `{}` verifies with the command `{name}`, which is not configured: give it as \
                 `{name} = \"…\"` under `[validation.commands]`",
                step.id
            )
        }));
    }
    if reasons.is_empty() {
        return Ok(());
    }
    Err(PlanError::Unsupported { workflow: plan.workflow.clone(), reasons })
}

/// A policy that no attempt could keep is refused before anything starts.
pub(super) fn check_policy(plan: &Plan, policy: &Policy) -> Result<(), PlanError> {
    let mut reasons = Vec::new();
    let paths = PathRules::new(&policy.paths);
    let is_fine =
        paths.and_then(|rules| if plan.has_writers() { rules.leaves_something() } else { Ok(()) });
    reasons.extend(is_fine.err().map(|why| {
        format!(
            "{why}: look at `[paths]` in the configuration and at `policy.paths` of the workflow"
        )
    }));
    for step in &plan.steps {
        let validates = step.looping.as_ref().is_some_and(|looping| looping.validate);
        if validates && policy.validation.is_none() {
            reasons.push(format!(
                "the loop of step `{}` ends when a command is green, and none is configured: give it with \
                 `--validate CMD`, or as `check = \"…\"` under `[validation.commands]`",
                step.id
            ));
        }
    }
    if reasons.is_empty() {
        return Ok(());
    }
    Err(PlanError::Unsupported { workflow: plan.workflow.clone(), reasons })
}

/// What the engine of this version does not do is refused before anything starts.
fn check_supported(plan: &Plan) -> Result<(), PlanError> {
    let mut reasons = Vec::new();
    for step in &plan.steps {
        let needs = [(
            step.isolation == Isolation::Snapshot && step.looping.is_some(),
            "`isolation: snapshot` together with `loop`",
        )];
        let missing: BTreeSet<&str> =
            needs.into_iter().filter(|(needs, _)| *needs).map(|(_, what)| what).collect();
        for what in missing {
            reasons
                .push(format!("step `{}` uses {what}, which this version does not run", step.id));
        }
    }
    if reasons.is_empty() {
        return Ok(());
    }
    Err(PlanError::Unsupported { workflow: plan.workflow.clone(), reasons })
}
