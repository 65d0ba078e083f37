//! Schedules: files that say when a run of a goal is to be started. Starts nothing itself.
//!
//! One TOML file is one schedule, named by its file. Entry points: [`Schedules::load`] reads the files of a project and
//! of its user, and [`look`] says whether one is due.

mod due;
mod file;
mod folder;
mod timing;

pub use due::{Due, Known, look};
pub use file::{Ask, Overlap, Place, Schedule};
pub use folder::{Schedules, Scope};
pub use timing::Timing;
