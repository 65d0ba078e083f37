//! What the runs of a project have used, read from their checkpoints where these are current.

use std::panic::resume_unwind;
use std::thread::{self, ScopedJoinHandle};

use super::rows::rows;
use crate::base::{RunNumber, Time};
use crate::engine::Spending;
use crate::ledger::{Ledger, OpenError};
use crate::snapshot::RunRow;
use crate::store::Project;

/// Threads that read at once.
const WORKERS_MAX: usize = 4;

/// What one run used.
#[derive(Debug)]
pub struct UsedBy {
    /// The run.
    pub number: RunNumber,
    /// What is to be done in it.
    pub goal: String,
    /// By task, program, model and day.
    pub spendings: Vec<Spending>,
}

/// What these runs used since the beginning of the day of `since`, and the runs that cannot be read.
pub fn used(
    project: &Project,
    numbers: &[RunNumber],
    since: Option<Time>,
    now: Time,
) -> (Vec<UsedBy>, Vec<(RunNumber, OpenError)>) {
    let mut unreadable = Vec::new();
    let mut wanted: Vec<RunRow> = Vec::new();
    // A row says whether there is anything to read, and costs far less than a run.
    for listed in rows(project, numbers, now) {
        match listed.row {
            Ok(row) => {
                let is_old = since.is_some_and(|since| row.updated_at < since);
                if row.progress.tasks > 0 && row.active_ms > 0 && !is_old {
                    wanted.push(row);
                }
            }
            Err(error) if error.is_missing() => {}
            Err(error) => unreadable.push((listed.number, error)),
        }
    }
    let read = |part: &[RunRow]| -> Vec<Result<UsedBy, (RunNumber, OpenError)>> {
        let one = |row: &RunRow| match Ledger::open(project.dir().run(row.number)) {
            Ok(ledger) => {
                let mut spendings = ledger.state().spendings.clone();
                spendings.retain(|entry| since.is_none_or(|since| entry.day >= since));
                Ok(UsedBy { number: row.number, goal: row.goal.clone(), spendings })
            }
            Err(error) => Err((row.number, error)),
        };
        part.iter().map(one).collect()
    };
    let workers = thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX);
    let parts = wanted.chunks(wanted.len().div_ceil(workers).max(1));
    let read: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = parts.map(|part| scope.spawn(|| read(part))).collect();
        let joined = workers.into_iter().map(ScopedJoinHandle::join);
        joined.flat_map(|part| part.unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    let mut found = Vec::new();
    for one in read {
        match one {
            Ok(used) => found.push(used),
            Err(error) => unreadable.push(error),
        }
    }
    (found, unreadable)
}
