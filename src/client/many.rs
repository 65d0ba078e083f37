//! Many runs at once: something of each, read by a few threads.

use std::panic::resume_unwind;
use std::thread::{self, ScopedJoinHandle};

use crate::base::RunNumber;
use crate::ledger::{Ledger, OpenError};
use crate::store::Project;

/// Threads that read at once.
const WORKERS_MAX: usize = 4;

/// What `read` makes of each of these runs, in their order, and the runs that cannot be read.
pub(super) fn each<T: Send>(
    project: &Project,
    runs: &[RunNumber],
    read: impl Fn(RunNumber, &Ledger) -> T + Sync,
) -> (Vec<T>, Vec<(RunNumber, OpenError)>) {
    let one = |number: RunNumber| match Ledger::open(project.dir().run(number)) {
        Ok(ledger) => Ok(read(number, &ledger)),
        Err(error) => Err((number, error)),
    };
    let part = |numbers: &[RunNumber]| -> Vec<_> { numbers.iter().map(|run| one(*run)).collect() };
    let workers = thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX);
    let parts = runs.chunks(runs.len().div_ceil(workers).max(1));
    let all: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = parts.map(|runs| scope.spawn(|| part(runs))).collect();
        let joined = workers.into_iter().map(ScopedJoinHandle::join);
        joined.flat_map(|part| part.unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    let (mut found, mut unreadable) = (Vec::new(), Vec::new());
    for one in all {
        match one {
            Ok(read) => found.push(read),
            Err(error) => unreadable.push(error),
        }
    }
    (found, unreadable)
}
