//! The queue between the runs of a project: who may run now, and who lost its supervisor.

use std::collections::BTreeMap;
use std::process::Child;

use super::start::{LaunchError, Started, ensure_supervisor, is_supervised};
use crate::base::path::PathError;
use crate::base::{RunNumber, Time};
use crate::engine::{Command, Input, State, Vitals};
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

    fn promote(&mut self, runs: &mut BTreeMap<RunNumber, Ledger>) {
        let holds = |ledger: &&Ledger| ledger.state().holds_slot();
        let mut used = runs.values().filter(holds).count();
        let mut order: Vec<(crate::event::Priority, bool, RunNumber)> = runs
            .iter()
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
            let input = Input::Command(Command::Promote { dependencies });
            match ledger.commit(self.now, &Vitals::default(), &Actor::Supervisor, input) {
                Ok(_) if ledger.state().status.kind() == StatusKind::Running => {
                    used += 1;
                    self.report.promoted.push(number);
                    self.start(number);
                }
                // Not due yet, or blocked by a run that it depends on.
                Ok(_) | Err(CommitError::Refused(_)) => {}
                Err(error) => self.report.problems.push(format!("run #{number}: {error}")),
            }
        }
    }

    /// How the runs that this one depends on ended: `None` while one is still going.
    fn dependencies(
        &mut self,
        runs: &BTreeMap<RunNumber, Ledger>,
        number: RunNumber,
    ) -> Option<Result<(), String>> {
        let state = runs.get(&number)?.state();
        let mut all_done = true;
        for after in &state.created.after {
            // A run that ended is no longer among the open ones.
            let closed;
            let other = match runs.get(after) {
                Some(ledger) => ledger.state(),
                None => match Ledger::open(self.project.run(*after)) {
                    Ok(ledger) => {
                        closed = ledger;
                        closed.state()
                    }
                    Err(error) => return Some(Err(format!("run #{after}: {error}"))),
                },
            };
            match ended_well(&other.status) {
                Some(true) => {}
                Some(false) => {
                    let word = other.status.kind().as_str();
                    return Some(Err(format!("run #{after}, which it comes after, is {word}")));
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
        Status::Archived { last } => ended_well(last),
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

/// Whether the run would write into a folder in which another run is writing.
fn is_place_taken(runs: &BTreeMap<RunNumber, Ledger>, number: RunNumber) -> bool {
    let writes_in_place = |state: &State| state.created.git.is_none() && state.plan().has_writers();
    let Some(own) = runs.get(&number).map(Ledger::state) else { return false };
    writes_in_place(own)
        && runs.iter().any(|(other, ledger)| {
            let state = ledger.state();
            *other != number && writes_in_place(state) && state.status.kind().holds_slot()
        })
}
