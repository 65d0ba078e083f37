//! Starting a run: choosing team, workflow and programs, freezing the plan, writing the first events.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::Utf8PathBuf;

use super::plan::{Choice, choose};
pub use super::request::{RunRequest, StartError};
use super::risk::{accepted, fold, started_risks};
use super::workspace::Workspace;
use crate::base::{RunNumber, Time, limits, redact, slug};
use crate::engine::{Input, Vitals, step};
use crate::event::body::{MessageSent, RunTransitioned};
use crate::event::message::{Delivery, Message, MessageKind, MessagePriority};
use crate::event::{Actor, Body, Flags, GitBase, Limits, Rule, RunCreated, Status};
use crate::launch::{QueueReport, run_queue};
use crate::ledger::Ledger;
use crate::plan::risk::strip_draft;
use crate::plan::{Completion, Plan, Policy, Risk};
use crate::store::git::{GitError, git, is_there};
use crate::store::{Project, ProjectLock, seal};

/// A run that could be created, checked to the last.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The frozen plan.
    pub plan: Arc<Plan>,
    /// What the run may use up and touch, and what must hold before its work counts.
    pub policy: Policy,
    /// What a person should know before it starts.
    pub notes: Vec<String>,
    pub(super) request: RunRequest,
    base: Option<Base>,
    retry_of: Option<(RunNumber, String)>,
    /// Risks that lie in the way it is started.
    pub(super) started: Vec<Risk>,
    /// A person has seen the risks and accepts them.
    pub(super) is_accepted: bool,
}

/// Where the work starts from.
#[derive(Debug, Clone)]
struct Base {
    target: Option<String>,
    commit: String,
    tree: String,
}

impl Prepared {
    /// Arguments added to the command line of runtimes.
    pub fn runtime_args(&self) -> &BTreeMap<String, Vec<String>> {
        &self.request.runtime_args
    }

    /// What is to be done, without the word that makes it a draft.
    pub fn goal(&self) -> &str {
        &self.request.goal
    }

    /// The same run, to be started when these are done.
    #[must_use]
    pub(super) fn coming_after(mut self, after: Vec<RunNumber>) -> Self {
        self.request.after = after;
        self
    }
}

/// Checks everything that can be checked before anything is written.
///
/// # Errors
/// Whatever is in the way, all of it at once where several things are.
pub fn prepare(workspace: &Workspace, mut request: RunRequest) -> Result<Prepared, StartError> {
    let (goal, is_draft) = strip_draft(&request.goal);
    request.goal = goal.to_owned();
    request.draft |= is_draft;
    check_goal(&request.goal)?;
    check_depth(workspace)?;
    let mut notes = Vec::new();
    let can_have_worktree = !request.in_place && workspace.found.git.is_some();
    let base = if can_have_worktree { base_of(workspace, &mut notes)? } else { None };
    let Choice { mut plan, policy, wants_worktree, notes: more } =
        choose(workspace, &request, base.is_some())?;
    notes.extend(more);
    let is_bare = workspace.found.git.as_ref().is_some_and(|git| git.is_bare);
    let base = base.filter(|_| (wants_worktree && plan.has_writers()) || is_bare);
    if base.is_none() && is_bare {
        return Err(StartError::Bare);
    }
    check_branch(workspace, base.as_ref())?;
    let has_target = |base: &Base| base.target.is_some() || policy.merge.target.is_some();
    if plan.completion == Completion::Merge && base.as_ref().is_some_and(|base| !has_target(base)) {
        let note = "the checkout is on no branch, so nothing can be merged at the end: the work stays on its own branch";
        notes.push(note.to_owned());
    }
    if base.is_none() && matches!(plan.completion, Completion::Merge | Completion::Pr) {
        plan.completion = Completion::Deliver;
    }
    if base.is_none() && plan.has_writers() {
        let note = "no worktree: the tasks work in the project folder itself, and nothing is merged at the end";
        notes.push(note.to_owned());
    }
    let started = started_risks(workspace, &request, base.is_none() && plan.has_writers());
    Ok(Prepared {
        plan: Arc::new(plan),
        policy,
        notes,
        request,
        base,
        retry_of: None,
        started,
        is_accepted: false,
    })
}

/// A new run with the plan and goal of one that did not end well.
///
/// # Errors
/// Its programs are gone, or git says no.
pub fn prepare_retry(workspace: &Workspace, old: &Ledger) -> Result<Prepared, StartError> {
    check_depth(workspace)?;
    let created = &old.state().created;
    if created.flags.imported.is_some() {
        return Err(StartError::Imported(created.number));
    }
    let request = RunRequest {
        goal: created.goal.clone(),
        in_place: created.git.is_none(),
        priority: created.priority,
        runtime_args: created.runtime_args.clone(),
        runtime: created.flags.runtime.clone(),
        model: created.flags.model.clone(),
        validate: created.flags.validate.clone(),
        ..RunRequest::default()
    };
    let mut notes = Vec::new();
    let base = if created.git.is_some() { base_of(workspace, &mut notes)? } else { None };
    check_branch(workspace, base.as_ref())?;
    super::plan::preflight(workspace, &created.plan, &created.policy, &request)?;
    let retry_of = Some((created.number, summary_of(old)));
    let mut policy = (*created.policy).clone();
    // Whoever loosened the list and tries again means the list of today.
    let catalog = workspace.catalog();
    let workflow = catalog.workflow(&created.plan.workflow).ok().map(|found| &found.file);
    policy.paths = super::policy::paths_of(&workspace.config, workflow);
    super::plan::check_policy(&created.plan, &policy)?;
    policy.risk.accept.clone_from(&workspace.config.risk.accept);
    let is_in_place = base.is_none() && created.plan.has_writers();
    let started = started_risks(workspace, &request, is_in_place);
    Ok(Prepared {
        plan: created.plan.clone(),
        policy,
        notes,
        request,
        base,
        retry_of,
        started,
        is_accepted: false,
    })
}

/// Git cannot have a branch `crew` beside branches `crew/…`.
fn check_branch(workspace: &Workspace, base: Option<&Base>) -> Result<(), StartError> {
    if base.is_some() && is_there(&workspace.found.root, "refs/heads/crew") {
        return Err(StartError::BranchInTheWay);
    }
    Ok(())
}

/// What the tasks of a new run should know of the one before.
fn summary_of(old: &Ledger) -> String {
    let state = old.state();
    let mut lines = vec![format!(
        "Run #{} tried this before and is {}{}.",
        state.created.number,
        state.status.kind().as_str(),
        state.status.detail().map(|detail| format!(" ({detail})")).unwrap_or_default(),
    )];
    for (ix, task) in state.tasks.iter().enumerate() {
        let word = task.status.as_str();
        let said = task.status.why().unwrap_or(&task.summary);
        if !said.is_empty() {
            lines.push(format!("- {} was {word}: {said}", state.task_id(ix)));
        }
    }
    crate::base::text::middle_cut(&lines.join("\n"), limits::MESSAGE_BYTES_MAX / 4).into_owned()
}

fn check_goal(goal: &str) -> Result<(), StartError> {
    if goal.trim().is_empty() {
        return Err(StartError::Goal("the goal is empty".to_owned()));
    }
    if goal.len() > limits::GOAL_BYTES_MAX {
        let max = limits::GOAL_BYTES_MAX >> 10;
        return Err(StartError::Goal(format!(
            "the goal is {} KiB long; {max} KiB is the limit: put the details into a file and name it",
            goal.len() >> 10
        )));
    }
    Ok(())
}

fn depth_of(workspace: &Workspace) -> u32 {
    workspace.env.get("CREW_DEPTH").and_then(|depth| depth.parse().ok()).unwrap_or(0)
}

fn check_depth(workspace: &Workspace) -> Result<(), StartError> {
    let (depth, max) = (depth_of(workspace), workspace.config.limits.max_depth);
    if depth >= max { Err(StartError::Depth { depth, max }) } else { Ok(()) }
}

/// Commit, tree and branch of the checkout; nothing in a repository without commits.
///
/// A git that is missing or refuses is an error: agents must not work in a checkout by accident.
fn base_of(workspace: &Workspace, notes: &mut Vec<String>) -> Result<Option<Base>, GitError> {
    let root = &workspace.found.root;
    let both = match git(root, &["rev-parse", "HEAD", "HEAD^{tree}"]) {
        Ok(both) => both,
        Err(error @ (GitError::Start(_) | GitError::Killed { .. })) => return Err(error),
        Err(GitError::Failed { .. }) => {
            git(root, &["rev-parse", "--git-dir"])?;
            notes.push("the repository has no commit yet, so there can be no worktree".to_owned());
            return Ok(None);
        }
    };
    let Some((commit, tree)) = both.split_once('\n') else { return Ok(None) };
    let target = git(root, &["symbolic-ref", "-q", "--short", "HEAD"]).ok();
    Ok(Some(Base { target, commit: commit.to_owned(), tree: tree.to_owned() }))
}

/// Writes the run and puts it into the queue; returns its number and what the queue did.
///
/// # Errors
/// Nothing was created, or it was created and the queue could not be run.
pub fn create(
    workspace: &Workspace,
    prepared: &Prepared,
    now: Time,
) -> Result<(RunNumber, QueueReport), StartError> {
    let number = write(workspace, prepared, now)?;
    let report = run_queue(&workspace.dir, workspace.config.limits.runs, now)?;
    Ok((number, report))
}

/// Writes the run; one that another run proposed is written once, and exists already the next time.
///
/// # Errors
/// Nothing was created.
pub(super) fn write(
    workspace: &Workspace,
    prepared: &Prepared,
    now: Time,
) -> Result<RunNumber, StartError> {
    let mut project = Project::ensure(workspace.dir.clone())?;
    super::projects::remember(&workspace.env, &workspace.found.root);
    let lock = ProjectLock::take(&workspace.dir)?;
    let known = project.runs()?;
    if let Some(missing) = prepared.request.after.iter().find(|after| !known.contains(after)) {
        return Err(StartError::NoSuchRun(*missing));
    }
    if let Some(link) = &prepared.request.parent
        && let Some(number) = super::children::existing(workspace, &known, link)?
    {
        return Ok(number);
    }
    if let Some(link) = &prepared.request.schedule
        && let Some(number) = super::schedules::existing(workspace, &known, link)?
    {
        return Ok(number);
    }
    let number = project.allocate(&lock)?;
    let slug = free_slug(workspace, &project, prepared, number);
    let uid = seal::mint()?;
    let created = created(workspace, &project, prepared, number, slug, uid);
    let by = prepared.request.by.clone().unwrap_or_else(|| workspace.human());
    let mut events: Vec<(Actor, u32, Body)> = vec![(by.clone(), 1, created.into())];
    let state = fold(&events, now);
    let accepted = accepted(prepared, state.as_ref(), &by);
    let risks = state.map(|state| state.open_risks()).unwrap_or_default();
    let is_open = |risk: &Risk| !accepted.iter().any(|(_, a)| a.risks.iter().any(|k| k == risk));
    let needs_word = risks.iter().any(is_open);
    events.extend(accepted.iter().map(|(actor, a)| (actor.clone(), 1, a.clone().into())));
    let (rule, to) = if prepared.request.parent.is_some() || needs_word {
        (Rule::T02, Status::Draft)
    } else {
        (Rule::T01, Status::Queued { resumed: false, not_before: None })
    };
    let is_draft = to == Status::Draft;
    events.push((by.clone(), 1, RunTransitioned { rule, to, text: String::new() }.into()));
    if let Some((_, summary)) = &prepared.retry_of {
        let message = Message {
            id: format!("{:08x}", fastrand::u32(..)),
            at: now,
            from: "supervisor".to_owned(),
            to: "run".to_owned(),
            kind: MessageKind::System,
            priority: MessagePriority::Normal,
            delivery: Delivery::NextTurn,
            text: summary.clone(),
            data: None,
            reply_to: None,
        };
        events.push((by, 1, MessageSent { message, writes: Vec::new(), attempt: None }.into()));
    }
    // A draft asks in the same write: nobody may find one that cannot be decided.
    if is_draft && let Some(mut state) = fold(&events, now) {
        let actor = Actor::Supervisor;
        let asked = step(&mut state, &Vitals::default(), now, &actor, &Input::Wake);
        events.extend(asked.unwrap_or_default());
    }
    Ledger::create(workspace.dir.run(number), now, events)?;
    Ok(number)
}

fn created(
    workspace: &Workspace,
    project: &Project,
    prepared: &Prepared,
    number: RunNumber,
    slug: String,
    uid: String,
) -> RunCreated {
    let config = &workspace.config;
    let request = &prepared.request;
    let git = prepared.base.as_ref().map(|base| GitBase {
        target: base.target.clone(),
        commit: base.commit.clone(),
        tree: base.tree.clone(),
        worktree: workspace.dir.worktree(&slug),
        branch: format!("crew/{slug}"),
    });
    RunCreated {
        format: limits::LOG_FORMAT,
        number,
        project: project.slug().to_owned(),
        slug,
        uid,
        goal: redact::redact(request.goal.trim()).into_owned(),
        plan: prepared.plan.clone(),
        limits: Limits {
            agents: config.limits.agents,
            runtime: config.limits.runtime.clone(),
            first_output_ms: config.limits.first_output_ms,
            silence_ms: config.limits.silence_ms,
            retrying_ms: config.limits.retrying_ms,
            exit_ms: config.limits.exit_ms,
            limit_wait_ms: config.limits.limit_wait_ms,
            grace_ms: config.limits.grace_ms,
            output_bytes_max: config.limits.max_output_bytes,
            heartbeat_ms: [
                config.heartbeat.warn_ms,
                config.heartbeat.stale_ms,
                config.heartbeat.dead_ms,
            ],
            depth_max: config.limits.max_depth,
            hibernate_ms: config.limits.hibernate_ms,
            autonomy: config.defaults.autonomy.into(),
            ask_hold_ms: config.limits.ask_hold_ms,
        },
        policy: Box::new(prepared.policy.clone()),
        risks: prepared.started.clone(),
        priority: request.priority,
        after: request.after.clone(),
        retry_of: prepared.retry_of.as_ref().map(|(number, _)| *number),
        git,
        root: workspace.found.root.clone(),
        runtime_args: request.runtime_args.clone(),
        depth: depth_of(workspace),
        parent: request.parent.clone(),
        flags: Box::new(Flags {
            runtime: request.runtime.clone(),
            model: request.model.clone(),
            in_place: request.in_place,
            validate: request.validate.clone(),
            schedule: request.schedule.clone(),
            imported: None,
        }),
    }
}

/// A slug that neither a worktree, nor a branch, nor another open run has.
fn free_slug(
    workspace: &Workspace,
    project: &Project,
    prepared: &Prepared,
    number: RunNumber,
) -> String {
    let goal = redact::redact(prepared.request.goal.trim());
    let first_line = goal.lines().next().unwrap_or_default();
    let wanted = slug::slug(first_line).unwrap_or_else(|| format!("run-{number}"));
    let open: Vec<String> = project
        .open_runs()
        .filter(|open| *open != number)
        .filter_map(|open| Some(workspace.run(open).ok()?.state().created.slug.clone()))
        .collect();
    let root = &workspace.found.root;
    let list = ["for-each-ref", "--format=%(refname:strip=3)", "refs/heads/crew/"];
    let branches = prepared.base.as_ref().and_then(|_| git(root, &list).ok()).unwrap_or_default();
    // Some file systems do not tell capital letters from small ones.
    let branches: Vec<String> = branches.lines().map(str::to_lowercase).collect();
    slug::unique(&wanted, |slug| {
        let path: Utf8PathBuf = workspace.dir.worktree(slug);
        let is_in_the_way = |branch: &String| {
            branch.strip_prefix(slug).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        open.iter().any(|taken| taken == slug)
            || path.symlink_metadata().is_ok()
            || branches.iter().any(is_in_the_way)
    })
}
