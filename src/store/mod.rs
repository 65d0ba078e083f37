//! Files of a project and of its runs: where they are, how they are locked, written and read.
//!
//! No decisions here and no async: a store that is asked to append appends.

pub mod layout;
pub mod lock;

pub use layout::{AttemptDir, ProjectDir, RunDir};
pub use lock::FileLock;
