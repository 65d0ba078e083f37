//! What the runs of a project have used, read from their checkpoints where these are current.

use super::many::each;
use super::rows::rows;
use crate::base::{RunNumber, Time};
use crate::engine::Spending;
use crate::ledger::OpenError;
use crate::snapshot::RunRow;
use crate::store::Project;

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
    let numbers: Vec<RunNumber> = wanted.iter().map(|row| row.number).collect();
    let (found, more) = each(project, &numbers, |number, ledger| {
        let mut spendings = ledger.state().spendings.clone();
        spendings.retain(|entry| since.is_none_or(|since| entry.day >= since));
        UsedBy { number, goal: ledger.state().created.goal.clone(), spendings }
    });
    unreadable.extend(more);
    (found, unreadable)
}
