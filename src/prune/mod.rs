//! Which worktrees of a project may go, and their removal; everything in them is put away first.
//!
//! Nothing of a run goes that lives, waits, is paused or blocked. One function, [`prune()`], does what
//! `crew prune` does and reports it; [`archive_one`] and [`undo`] are about one run and the last removal.

mod carry;
mod forget;
mod survey;
mod undo;

pub use carry::{Done, PruneError, Removed, Report, archive_one, prune};
pub use forget::{ForgetError, Forgettable, forget, forgettable};
pub use survey::{Candidate, Owner, Reason, Wish, of_run, survey};
pub use undo::{Undone, last_removal, undo};
