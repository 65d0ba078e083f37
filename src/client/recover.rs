//! Any command that opens a project sees to it that its runs are driven (SPEC section 14).

use std::process::Child;

use camino::Utf8Path;

use super::workspace::Workspace;
use crate::base::{RunNumber, Time};
use crate::event::StatusKind;
use crate::launch::{QueueError, QueueReport, run_queue};
use crate::ledger::Ledger;
use crate::store::{FileLock, Project, ProjectDir, ProjectError};

/// Why runs could not be looked after.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The project's files.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The queue.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// Whether some open run should be driven and is not, or waits for a slot; reads little and starts nothing.
///
/// # Errors
/// The project's files cannot be read.
pub fn is_needed(dir: &ProjectDir, now: Time) -> Result<bool, ProjectError> {
    let project = Project::open(dir.clone())?;
    let open: Vec<RunNumber> = project.open_runs().collect();
    let rows = super::rows::rows(&project, &open, now);
    Ok(rows.into_iter().filter_map(|listed| listed.row.ok()).any(|row| {
        // Whoever put it into the queue may have died before it looked for a free slot.
        let is_queued = row.status == StatusKind::Queued;
        is_queued || (row.needs_supervisor() && !row.supervisor.live)
    }))
}

/// Runs the queue: supervisors that are missing are started.
///
/// # Errors
/// The project's files cannot be read or locked.
pub fn recover(workspace: &Workspace, now: Time) -> Result<QueueReport, RecoverError> {
    Ok(run_queue(&workspace.dir, workspace.config.limits.runs, now)?)
}

/// Milliseconds between two looks of a [`Keeper`].
const LOOK_MS: u64 = 2_000;
/// Milliseconds between two attempts of it that changed nothing.
const LOOK_MOST_MS: u64 = 60_000;

/// Looks after a project's runs for as long as a command stays, such as the dashboard or `crew wait`.
#[derive(Debug, Default)]
pub struct Keeper {
    due: Time,
    pause_ms: u64,
    /// Supervisors that were started here, and must be reaped.
    children: Vec<Child>,
}

impl Keeper {
    /// Starts supervisors that are missing, when it is time to look; says what it did.
    ///
    /// One that cannot stay is started more and more rarely.
    pub fn look(&mut self, workspace: &Workspace, now: Time) -> Vec<String> {
        if now < self.due {
            return Vec::new();
        }
        self.children.retain_mut(|child| !matches!(child.try_wait(), Ok(Some(_))));
        let said = self.look_now(workspace, now);
        self.pause_ms = match &said {
            Some(_) => (self.pause_ms * 2).clamp(LOOK_MS, LOOK_MOST_MS),
            None => LOOK_MS,
        };
        self.due = now.plus_ms(self.pause_ms);
        said.unwrap_or_default()
    }

    /// What was done; nothing when nothing had to be.
    fn look_now(&mut self, workspace: &Workspace, now: Time) -> Option<Vec<String>> {
        match is_needed(&workspace.dir, now) {
            Ok(false) => return None,
            Ok(true) => {}
            Err(error) => return Some(vec![unlooked(&error)]),
        }
        Some(match recover(workspace, now) {
            Ok(mut report) => {
                self.children.append(&mut report.children);
                said(&report)
            }
            Err(error) => vec![unlooked(&error)],
        })
    }
}

/// What a look at the queue has to tell people.
pub fn said(report: &QueueReport) -> Vec<String> {
    let back = report.recovered.iter();
    let back = back.map(|number| format!("run #{number} had lost its supervisor and goes on"));
    back.chain(report.problems.iter().map(|problem| format!("warning: {problem}"))).collect()
}

/// That a look was not possible.
pub fn unlooked(error: &impl std::fmt::Display) -> String {
    format!("warning: runs were not looked after: {error}")
}

/// A person's session whose terminal is gone, in a run that nobody drives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// Marks its processes.
    pub mark: String,
    /// Milliseconds that they have to end by themselves.
    pub grace_ms: u64,
}

/// Sessions that nobody else will end; reads a run only where one was opened in it.
///
/// # Errors
/// The project's files cannot be read.
pub fn orphans(dir: &ProjectDir, now: Time) -> Result<Vec<Orphan>, ProjectError> {
    let project = Project::open(dir.clone())?;
    let open: Vec<RunNumber> = project.open_runs().collect();
    let had_session = open.into_iter().filter(|run| was_taken(&dir.run(*run).tasks()));
    let rows = super::rows::rows(&project, &had_session.collect::<Vec<_>>(), now);
    let at_rest = rows.into_iter().filter_map(|listed| Some((listed.number, listed.row.ok()?)));
    let at_rest = at_rest.filter(|(_, row)| !row.needs_supervisor() && !row.supervisor.live);
    let ledgers = at_rest.filter_map(|(run, _)| Ledger::open(dir.run(run)).ok());
    Ok(ledgers.flat_map(|ledger| left_behind(&ledger)).collect())
}

fn left_behind(ledger: &Ledger) -> Vec<Orphan> {
    let state = ledger.state();
    let gone = state.all_taken().filter(|(task, _)| {
        let lock = ledger.dir().attach_lock(&state.task_id(*task));
        !FileLock::is_held(&lock).unwrap_or(true)
    });
    let grace_ms = state.created.limits.grace_ms;
    gone.map(|(_, taken)| Orphan { mark: taken.mark.clone(), grace_ms }).collect()
}

/// Whether some task was ever taken over.
fn was_taken(tasks: &Utf8Path) -> bool {
    let folders = tasks.read_dir_utf8().into_iter().flatten().flatten();
    folders.into_iter().any(|folder| folder.path().join("attach.lock").exists())
}
