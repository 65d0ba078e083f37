//! One look at all schedules of a project: what is due is started, or it is said why not.

use std::collections::BTreeSet;
use std::process::Child;

use super::memory::{Memory, MemoryError};
use super::{Workspace, load, unfinished};
use crate::base::text::{error_chain, one_line};
use crate::base::{RunNumber, Time};
use crate::client::child::{ChildForbidden, forbid_to_agents};
use crate::client::command::give;
use crate::client::project_items;
use crate::client::start::{RunRequest, StartError, create, prepare};
use crate::config::trust::TrustError;
use crate::config::{Trust, TrustStore};
use crate::engine::Command;
use crate::event::{Actor, Priority, ScheduleLink};
use crate::schedule::{Due, Known, Overlap, Place, Schedule, Scope, look};

/// What happened to a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A run was started.
    Started,
    /// It was due, and this time is left out.
    Skipped,
    /// It is due, and waits.
    Waits,
    /// Its file cannot be used.
    Broken,
    /// It is not trusted.
    Untrusted,
}

impl Kind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Skipped => "skipped",
            Self::Waits => "waits",
            Self::Broken => "broken",
            Self::Untrusted => "untrusted",
        }
    }

    /// Whether it holds until something changes, so that it is said once and not at every look.
    pub fn lasts(self) -> bool {
        matches!(self, Self::Waits | Self::Broken | Self::Untrusted)
    }
}

/// One thing that happened, or that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// The schedule, or the file that holds none.
    pub schedule: String,
    /// What.
    pub kind: Kind,
    /// The run that it is about.
    pub run: Option<RunNumber>,
    /// In one line.
    pub text: String,
}

/// What one look did.
#[derive(Debug, Default)]
pub struct Turn {
    /// In the order of the names.
    pub happened: Vec<Happened>,
    /// When the next schedule is due.
    pub next: Option<Time>,
    /// Supervisors that this process started and must reap.
    pub children: Vec<Child>,
}

/// Why nothing could be looked at.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// An agent tried it.
    #[error(transparent)]
    Child(#[from] ChildForbidden),
    /// What is remembered cannot be read or written.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The list of trusted projects cannot be read.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// There is no such schedule.
    #[error("there is no schedule `{name}`")]
    NoSuch {
        /// What was asked for.
        name: String,
        /// Those that exist.
        known: Vec<String>,
    },
    /// Its project's files may not be executed yet.
    #[error("the project is not trusted, so its schedules start nothing")]
    Untrusted,
    /// The run cannot be started.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Starts what is due now, each schedule once however often it was due.
///
/// # Errors
/// Nothing was looked at; or something was started, and cannot be remembered: the next look finds its run.
pub fn turn(workspace: &Workspace, now: Time) -> Result<Turn, TurnError> {
    forbid_to_agents(&workspace.env, "scheduler")?;
    let all = load(workspace);
    let mut memory = Memory::read(workspace)?;
    let before = memory.clone();
    let mut turn = Turn::default();
    for found in &all.broken {
        let parts = [found.message.as_str(), found.fix.as_str()];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let place = format!("{}:{}", found.file, found.line);
        turn.say(&place, Kind::Broken, None, one_line(&parts.join("; "), 400));
    }
    let is_trusted = all.list.is_empty() || is_trusted(workspace)?;
    let mut names: BTreeSet<&str> =
        all.broken.iter().filter_map(|found| found.file.file_stem()).collect();
    for schedule in &all.list {
        names.insert(&schedule.name);
        let known = memory.schedules.get(&schedule.name);
        if !schedule.ask.enabled {
            // What passes meanwhile is not made up for when it is switched on again.
            memory.schedules.remove(&schedule.name);
            continue;
        }
        if !is_trusted {
            let text = "the project is not trusted; `crew trust` shows and trusts its files";
            turn.say(&schedule.name, Kind::Untrusted, None, text.to_owned());
            continue;
        }
        let (mut known, due) = look(&schedule.timing, known, now);
        let next = match due {
            Due::Later(next) => next,
            Due::Now(due) => {
                turn.start(workspace, schedule, &mut known, due, now);
                schedule.timing.next(known.anchor)
            }
        };
        // What waits for its last run is looked at again at every tick, not all the time.
        turn.next = turn.next.into_iter().chain(next.filter(|next| *next > now)).min();
        memory.schedules.insert(schedule.name.clone(), known);
    }
    memory.schedules.retain(|name, _| names.contains(name.as_str()));
    if memory != before {
        memory.write(&workspace.dir)?;
    }
    Ok(turn)
}

/// Starts a run of a schedule now, by hand; its times stay as they are.
///
/// # Errors
/// There is no such schedule, it is not trusted, its last run is not over, or the run cannot be started.
pub fn fire(workspace: &Workspace, name: &str, now: Time) -> Result<(RunNumber, Turn), TurnError> {
    forbid_to_agents(&workspace.env, "scheduler")?;
    let all = load(workspace);
    let Some(schedule) = all.list.iter().find(|schedule| schedule.name == name) else {
        let known = all.list.into_iter().map(|schedule| schedule.name).collect();
        return Err(TurnError::NoSuch { name: name.to_owned(), known });
    };
    if !is_trusted(workspace)? {
        return Err(TurnError::Untrusted);
    }
    let mut turn = Turn::default();
    if schedule.overlap == Overlap::Replace {
        turn.stop_last(workspace, schedule, now);
    }
    let number = turn.run(workspace, schedule, now, now)?;
    Ok((number, turn))
}

/// Whether runs of this project may execute what its files say; a run that a schedule starts does so like any other.
///
/// # Errors
/// The list of trusted projects cannot be read.
pub fn is_trusted(workspace: &Workspace) -> Result<bool, TrustError> {
    let root = &workspace.found.root;
    let items = project_items(&workspace.config, root, &workspace.catalog());
    Ok(TrustStore::new(&workspace.env).is_trusted(root, items)? == Trust::Trusted)
}

impl Turn {
    fn say(&mut self, schedule: &str, kind: Kind, run: Option<RunNumber>, text: String) {
        self.happened.push(Happened { schedule: schedule.to_owned(), kind, run, text });
    }

    /// Starts what is due, unless the last run of the schedule stands in the way.
    fn start(
        &mut self,
        workspace: &Workspace,
        schedule: &Schedule,
        known: &mut Known,
        due: Time,
        now: Time,
    ) {
        if schedule.overlap == Overlap::Replace {
            self.stop_last(workspace, schedule, now);
        }
        let name = schedule.name.as_str();
        let (kind, run, text) = match self.run(workspace, schedule, due, now) {
            Ok(number) => {
                (known.last, known.run) = (Some(due), Some(number));
                (Kind::Started, Some(number), format!("run #{number}"))
            }
            Err(error) => {
                let run =
                    if let StartError::Overlaps { run, .. } = &error { Some(*run) } else { None };
                let waits = run.is_some() && schedule.overlap == Overlap::Queue
                    || matches!(
                        error,
                        StartError::Io(_) | StartError::Project(_) | StartError::Open(_)
                    );
                let kind = if waits { Kind::Waits } else { Kind::Skipped };
                (kind, run, error_chain(&error))
            }
        };
        if kind != Kind::Waits {
            known.anchor = due;
        }
        known.note = if kind == Kind::Started { String::new() } else { text.clone() };
        self.say(name, kind, run, text);
    }

    /// Stops the run of the schedule that is not over; what cannot be stopped stands in the way of the next.
    fn stop_last(&mut self, workspace: &Workspace, schedule: &Schedule, now: Time) {
        let Ok(project) = workspace.project() else { return };
        let last = unfinished(workspace, &schedule.name, project.open_runs());
        if let Some((number, _)) = last
            && let Ok(given) = give(workspace, number, Command::Stop, None, now)
        {
            self.children.extend(given.children);
        }
    }

    /// Starts a run of the schedule, or finds the one that was started for this time before.
    fn run(
        &mut self,
        workspace: &Workspace,
        schedule: &Schedule,
        due: Time,
        now: Time,
    ) -> Result<RunNumber, StartError> {
        let ask = &schedule.ask;
        let request = RunRequest {
            goal: ask.goal().to_owned(),
            team: ask.team.clone(),
            workflow: ask.workflow.clone(),
            role: ask.role.clone(),
            agent: ask.agent.clone(),
            runtime: ask.runtime.clone(),
            model: ask.model.clone(),
            in_place: ask.in_place,
            priority: priority(ask.priority),
            validate: ask.validate.clone(),
            params: ask.params.clone(),
            draft: ask.draft,
            schedule: Some(ScheduleLink { name: schedule.name.clone(), due }),
            by: (schedule.scope == Scope::Project).then_some(Actor::Supervisor),
            ..RunRequest::default()
        };
        let mut prepared = prepare(workspace, request)?;
        let budget = &mut prepared.policy.budget;
        budget.steps = ask.max_steps.or(budget.steps);
        budget.active_ms =
            ask.max_minutes.map(|minutes| u64::from(minutes) * 60_000).or(budget.active_ms);
        budget.cost_usd = ask.max_cost.or(budget.cost_usd);
        let (number, report) = create(workspace, &prepared, now)?;
        self.children.extend(report.children);
        Ok(number)
    }
}

fn priority(place: Place) -> Priority {
    match place {
        Place::Urgent => Priority::Urgent,
        Place::High => Priority::High,
        Place::Normal => Priority::Normal,
        Place::Low => Priority::Low,
    }
}
