//! What touches the world while a run lives: processes, their files, and the clock.
//!
//! Every attempt of a task is one shim process with one agent below it. [`Executor`] starts and
//! stops shims and is the only module that knows where they run; [`shim`] is what such a process
//! does; [`process`] names processes so that no other one is ever hit; [`attempt_files`] is what
//! the shim and the supervisor tell each other.

mod adopt;
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

use crate::config::{Config, Environment, Overrides};

pub use crate::clock::Clock;
pub use attempt_files::{CommandFile, ExitFile, ShimFile};
pub use executor::{Executor, Local, ShimHandle, host, probe};
pub use process::Pid;
pub use start::main as supervise;
pub use takeover::doors;

/// Tells the shims of a run's live attempts to stop them, without a supervisor; returns how many.
///
/// For a run whose log cannot be written: what happens is not on record.
pub fn stop_attempts(ledger: &crate::ledger::Ledger) -> usize {
    let state = ledger.state();
    // By what is in the folders: a log that is damaged may not tell of those that it started later.
    let dirs = ledger.dir().attempts().filter(|dir| !dir.exit().exists());
    let about = || {
        let root = &state.created.root;
        let env = Environment::capture();
        let config = Config::load(&env, Some(root), &Overrides::default()).config;
        let crew = crate::launch::program()?;
        Some(executor::About::new(&config.run, &crew, ledger.dir().clone()))
    };
    dirs.filter(|dir| executor::stop_without_supervisor(dir, about)).count()
}

pub(crate) use crate::base::text::error_chain;
