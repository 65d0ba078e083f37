//! What touches the world while a run lives: processes, their files, and the clock.
//!
//! Every attempt of a task is one shim process with one agent below it. [`Executor`] starts and
//! stops shims and is the only module that knows where they run; [`shim`] is what such a process
//! does; [`process`] names processes so that no other one is ever hit; [`attempt_files`] is what
//! the shim and the supervisor tell each other.

pub mod attempt_files;
mod attempts;
mod brief;
mod bring_in;
mod calls;
mod changes;
mod children;
mod copies;
mod evidence;
pub mod executor;
pub mod harvest;
mod jobs;
mod live;
mod mail;
mod merge;
mod meter;
mod outfit;
mod own_tree;
mod path_jobs;
mod paths;
pub mod process;
mod project;
mod pulse;
mod radar;
mod ready;
mod recap;
mod reset;
mod setup;
pub mod shim;
mod slots;
mod snapshot_tree;
mod start;
mod submodules;
mod supervisor;
mod takeover;
mod tally;
mod terminal;
mod terminal_modes;
mod told;
mod tree_jobs;
mod unfinished;
pub mod worktree;

pub use crate::clock::Clock;
pub use attempt_files::{CommandFile, ExitFile, ShimFile};
pub use executor::{Executor, ShimHandle};
pub use process::Pid;
pub use start::main as supervise;
pub use takeover::doors;

/// Tells the shims of a run's live attempts to stop them, without a supervisor; returns how many.
///
/// For a run whose log cannot be written: what happens is not on record.
pub fn stop_attempts(ledger: &crate::ledger::Ledger) -> usize {
    let state = ledger.state();
    let shims = state.live().filter_map(|(task, live)| {
        let dir = ledger.dir().attempt(&state.task_id(task), live.number);
        ShimFile::read(&dir).ok().flatten()
    });
    shims
        .filter(|file| matches!(process::signal(file.shim, process::Signal::TERM), Ok(true)))
        .count()
}

pub(crate) use crate::base::text::error_chain;
