//! Nothing is lost by a removal: what a worktree holds goes into the repository before the worktree goes.
//!
//! A salvage is a chain of commits under `refs/crew/salvage/<run>/<time>`: the branch as it was, then a
//! commit of what was staged, then one of what lay in the folder, with the bytes as they were. So what
//! was staged and what was not can be told apart again. The index of the worktree is never written.

mod capture;
mod found;
mod git_dir;
mod record;
mod remove;
mod restore;
mod write;

pub use capture::{keep, keep_staged};
pub use found::{Holding, look};
pub use git_dir::{git_dir_of, registered};
pub use record::{Head, Ignored, Salvage, SalvageError, Source, drop_salvage, find, list};
pub use remove::{Fate, remove, sweep};
pub use restore::{Restored, Target, restore};
