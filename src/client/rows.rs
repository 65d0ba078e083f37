//! The runs of a project as rows: from their snapshots where these are current, else from their logs.

use std::panic::resume_unwind;
use std::thread::{self, ScopedJoinHandle};

use super::vitals::{look_at_worktree, supervisor};
use crate::base::{RunNumber, Time};
use crate::ledger::{Ledger, OpenError};
use crate::snapshot::{RunRow, SupervisorRow};
use crate::store::{Project, RunDir, Standing, snapshot_cache};

/// Threads that read at once: the work is a few system calls for each run.
const WORKERS_MAX: usize = 4;
/// Runs from which on starting threads costs less than it saves.
const WORTH_WORKERS: usize = 128;

/// One run of a list.
#[derive(Debug)]
pub struct Listed {
    /// The run.
    pub number: RunNumber,
    /// What is known of it, or why nothing is.
    pub row: Result<RunRow, OpenError>,
    /// Where its log is broken, when the row stands for the lines before.
    pub damage: Option<String>,
}

/// Rows of these runs, in their order.
///
/// What had to be folded is saved for the next reader where a checkpoint is due.
pub fn rows(project: &Project, numbers: &[RunNumber], now: Time) -> Vec<Listed> {
    let dir = project.dir();
    let serial = |part: &[RunNumber]| -> Vec<Listed> {
        part.iter().map(|&number| listed(&dir.run(number), number, now)).collect()
    };
    let workers = thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX);
    if workers == 1 || numbers.len() < WORTH_WORKERS {
        return serial(numbers);
    }
    let parts = numbers.chunks(numbers.len().div_ceil(workers));
    thread::scope(|scope| {
        let workers: Vec<_> = parts.map(|part| scope.spawn(|| serial(part))).collect();
        let joined = workers.into_iter().map(ScopedJoinHandle::join);
        joined.flat_map(|rows| rows.unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

/// One run, from its snapshot where that is current, else from its log.
pub(super) fn listed(dir: &RunDir, number: RunNumber, now: Time) -> Listed {
    if let Some(row) = cached(dir, now) {
        return Listed { number, row: Ok(row), damage: None };
    }
    match Ledger::open(dir.clone()) {
        Ok(mut ledger) => {
            if ledger.is_checkpoint_due() {
                ledger.write_checkpoint(&RunRow::stored(ledger.state()));
            }
            let mut row = RunRow::of(ledger.state(), supervisor(dir), now);
            look_at_worktree(&mut row.worktree);
            let damage = ledger.health().damage.as_ref().map(ToString::to_string);
            Listed { number, row: Ok(row), damage }
        }
        Err(error) => Listed { number, row: Err(error), damage: None },
    }
}

/// The row in a snapshot, when the log ends where the snapshot does.
fn cached(dir: &RunDir, now: Time) -> Option<RunRow> {
    let path = dir.snapshot();
    let header = snapshot_cache::read_header(&path)
        .or_else(|| snapshot_cache::read(&path).map(|(header, _)| header))?;
    if header.cursor.is_newer() || header.cursor.standing(&dir.events()) != Standing::Current {
        return None;
    }
    let mut row = RunRow::restore(&header.row, SupervisorRow::default(), now)?;
    if row.needs_supervisor() {
        row.supervisor = supervisor(dir);
    }
    look_at_worktree(&mut row.worktree);
    Some(row)
}

#[cfg(test)]
mod tests {
    use camino::Utf8PathBuf;

    use super::*;
    use crate::engine::Vitals;
    use crate::event::Actor;
    use crate::snapshot::sample;

    #[test]
    fn a_row_from_a_snapshot_is_the_row_from_the_log() {
        let guard = tempfile::tempdir().unwrap();
        let dir = RunDir::at(Utf8PathBuf::try_from(guard.path().join("0005")).unwrap());
        let first = sample::first(sample::created());
        let mut ledger = Ledger::create(dir.clone(), sample::START, first).unwrap();
        let vitals = Vitals { machine_slots: 8, ..Vitals::default() };
        for (ms, input) in sample::started().into_iter().chain(sample::question()) {
            let at = sample::START.plus_ms(ms);
            ledger.commit(at, &vitals, &Actor::Supervisor, input).unwrap();
        }
        let now = sample::START.plus_ms(100_000);
        assert_eq!(cached(&dir, now), None);
        let folded = listed(&dir, RunNumber(5), now).row.unwrap();
        assert!(dir.snapshot().exists(), "the fold was saved");
        assert_eq!(cached(&dir, now), Some(folded));

        let note = crate::event::body::RunNoted { text: "later".into() };
        let input = crate::engine::Input::Fact(note.into());
        ledger.commit(now, &vitals, &Actor::Supervisor, input).unwrap();
        assert_eq!(cached(&dir, now), None, "the log went on");
        assert_eq!(listed(&dir, RunNumber(5), now).row.unwrap().updated_at, now);
    }
}
