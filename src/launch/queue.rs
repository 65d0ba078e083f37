//! The queue between the runs of a project: who may run now, and who lost its supervisor.

use std::collections::BTreeMap;
use std::process::Child;

use super::start::{LaunchError, Started, ensure_supervisor, is_supervised};
use crate::base::path::PathError;
use crate::base::{RunNumber, Time};
use crate::engine::{Command, Input, State, Unmet, Vitals};
use crate::event::{Actor, Status, StatusKind};
use crate::ledger::{CommitError, Ledger, OpenError};
use crate::store::{Project, ProjectDir, ProjectError, ProjectLock};

/// What one look at the queue did.
#[derive(Debug, Default)]
pub struct QueueReport {
    /// Runs that went from queued to running.
    pub promoted: Vec<RunNumber>,
    /// Runs that had lost their supervisor and got a new one.
    pub recovered: Vec<RunNumber>,
    /// What went wrong with single runs; the others went on.
    pub problems: Vec<String>,
    /// Supervisors that this process started and must reap.
    pub children: Vec<Child>,
}

/// Why the queue could not be run at all.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The project's files.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The system refused.
    #[error(transparent)]
    Io(#[from] PathError),
}

/// Promotes queued runs into free slots and starts supervisors that are missing.
///
/// Priority first, resumed before new, then oldest; a run that is not ready does not keep others back.
///
/// # Errors
/// The project's own files cannot be read or locked.
pub fn run_queue(project: &ProjectDir, slots: u32, now: Time) -> Result<QueueReport, QueueError> {
    let lock = ProjectLock::take(project)?;
    let mut files = Project::open(project.clone())?;
    let numbers: Vec<RunNumber> = files.open_runs().collect();
    let mut report = QueueReport::default();
    let mut runs: BTreeMap<RunNumber, Ledger> = BTreeMap::new();
    for number in numbers {
        match Ledger::open(project.run(number)) {
            Ok(ledger) => {
                runs.insert(number, ledger);
            }
            // A number that was taken by a process that died before it wrote its log.
            Err(OpenError::Log(crate::store::LogError::Missing(_))) => {}
            Err(error) => report.problems.push(format!("run #{number}: {error}")),
        }
    }
    let mut queue = Queue { project, slots, now, report };
    queue.recover(&runs);
    queue.cascade(&mut runs);
    queue.promote(&mut runs);
    let over = runs
        .iter()
        .filter(|(_, ledger)| ledger.state().status.is_terminal() && ledger.state().is_at_rest());
    files.close(&lock, over.map(|(number, _)| *number))?;
    Ok(queue.report)
}

struct Queue<'a> {
    project: &'a ProjectDir,
    slots: u32,
    now: Time,
    report: QueueReport,
}

impl Queue<'_> {
    fn recover(&mut self, runs: &BTreeMap<RunNumber, Ledger>) {
        for (&number, ledger) in runs {
            let state = ledger.state();
            if state.is_at_rest() || ledger.health().read_only.is_some() {
                continue;
            }
            match is_supervised(ledger.dir()) {
                Ok(true) => {}
                Ok(false) => {
                    if self.start(number) {
                        self.report.recovered.push(number);
                    }
                }
                Err(error) => self.report.problems.push(format!("run #{number}: {error}")),
            }
        }
    }

    /// Settles queued runs that come after one which ended badly, and those that come after them in turn.
    ///
    /// That needs no slot: nobody has to wait for a free one to learn that a run will never start.
    fn cascade(&mut self, runs: &mut BTreeMap<RunNumber, Ledger>) {
        loop {
            let queued = runs.iter().filter(|(_, ledger)| {
                let state = ledger.state();
                is_writable(ledger)
                    && state.status.kind() == StatusKind::Queued
                    && !state.created.after.is_empty()
            });
            let numbers: Vec<RunNumber> = queued.map(|(number, _)| *number).collect();
            let mut has_moved = false;
            for number in numbers {
                let dependencies = self.dependencies(runs, number);
                if matches!(dependencies, Some(Err(_)))
                    && let Some(ledger) = runs.get_mut(&number)
                {
                    has_moved |= self.settle(number, ledger, dependencies) == Some(true);
                }
            }
            if !has_moved {
                return;
            }
        }
    }

    /// Commits what the queue found; tells whether the run left the queue, nothing when it could not.
    fn settle(
        &mut self,
        number: RunNumber,
        ledger: &mut Ledger,
        dependencies: Option<Result<(), Unmet>>,
    ) -> Option<bool> {
        let input = Input::Command(Command::Promote { dependencies });
        match ledger.commit(self.now, &Vitals::default(), &Actor::Supervisor, input) {
            Ok(_) => Some(ledger.state().status.kind() != StatusKind::Queued),
            // Not due yet.
            Err(CommitError::Refused(_)) => Some(false),
            Err(error) => {
                self.report.problems.push(format!("run #{number}: {error}"));
                None
            }
        }
    }

    fn promote(&mut self, runs: &mut BTreeMap<RunNumber, Ledger>) {
        let holds = |ledger: &&Ledger| ledger.state().holds_slot();
        let mut used = runs.values().filter(holds).count();
        let mut order: Vec<(crate::event::Priority, bool, RunNumber)> = runs
            .iter()
            .filter(|(_, ledger)| is_writable(ledger))
            .filter_map(|(number, ledger)| {
                let Status::Queued { resumed, .. } = ledger.state().status else { return None };
                Some((ledger.state().created.priority, !resumed, *number))
            })
            .collect();
        order.sort_unstable();
        for (_, _, number) in order {
            if used >= self.slots as usize {
                return;
            }
            if is_place_taken(runs, number) {
                continue;
            }
            let dependencies = self.dependencies(runs, number);
            let Some(ledger) = runs.get_mut(&number) else { continue };
            if self.settle(number, ledger, dependencies) == Some(true)
                && ledger.state().status.kind() == StatusKind::Running
            {
                used += 1;
                self.report.promoted.push(number);
                self.start(number);
            }
        }
    }

    /// How the runs that this one depends on ended: `None` while one is still going.
    fn dependencies(
        &mut self,
        runs: &BTreeMap<RunNumber, Ledger>,
        number: RunNumber,
    ) -> Option<Result<(), Unmet>> {
        let state = runs.get(&number)?.state();
        let mut all_done = true;
        let unmet = |detail, is_cancelled| Some(Err(Unmet { detail, is_cancelled }));
        for after in &state.created.after {
            // Numbers only grow and never change hands, so no circle can be written down; a log that
            // was put here by hand may hold one, and would wait for itself for ever.
            if *after >= number {
                return unmet(format!("run #{after}, which it comes after, is not older"), false);
            }
            // A run that ended is no longer among the open ones.
            let closed;
            let other = match runs.get(after) {
                Some(ledger) => ledger.state(),
                None => match Ledger::open(self.project.run(*after)) {
                    Ok(ledger) => {
                        closed = ledger;
                        closed.state()
                    }
                    Err(error) => return unmet(format!("run #{after}: {error}"), false),
                },
            };
            match ended_well(&other.status) {
                Some(true) => {}
                Some(false) => {
                    let last = last_status(&other.status);
                    let word = other.status.kind().as_str();
                    let detail = format!("run #{after}, which it comes after, is {word}");
                    return unmet(detail, last.kind() == StatusKind::Cancelled);
                }
                None => all_done = false,
            }
        }
        all_done.then_some(Ok(()))
    }

    fn start(&mut self, number: RunNumber) -> bool {
        let started: Result<Started, LaunchError> = ensure_supervisor(self.project, number);
        match started {
            Ok(Started::New(child)) => {
                self.report.children.push(child);
                true
            }
            Ok(Started::Lives) => false,
            Err(error) => {
                self.report.problems.push(error.to_string());
                false
            }
        }
    }
}

/// Whether a run ended well, badly, or not yet.
fn ended_well(status: &Status) -> Option<bool> {
    match status {
        // What was put away without being done will never be.
        Status::Archived { .. } => Some(last_status(status).kind() == StatusKind::Done),
        Status::Done { .. } => Some(true),
        Status::Failed { .. } | Status::Cancelled { .. } => Some(false),
        Status::Draft
        | Status::Queued { .. }
        | Status::Running
        | Status::Waiting { .. }
        | Status::Paused
        | Status::Blocked { .. }
        | Status::Merging => None,
    }
}

/// The status, or the one before a run was put away.
fn last_status(status: &Status) -> &Status {
    let Status::Archived { last } = status else { return status };
    last_status(last)
}

/// Whether the queue may move the run at all.
fn is_writable(ledger: &Ledger) -> bool {
    ledger.health().read_only.is_none()
}

/// Whether the run would write into a folder in which another run is writing.
fn is_place_taken(runs: &BTreeMap<RunNumber, Ledger>, number: RunNumber) -> bool {
    let writes_in_place = |state: &State| state.created.git.is_none() && state.plan().has_writers();
    let Some(own) = runs.get(&number).map(Ledger::state) else { return false };
    writes_in_place(own)
        && runs.iter().any(|(other, ledger)| {
            let state = ledger.state();
            // An agent of a run that was stopped may live for a moment more.
            let is_at_work = state.status.kind().holds_slot() || state.live_count() > 0;
            *other != number && writes_in_place(state) && is_at_work
        })
}
