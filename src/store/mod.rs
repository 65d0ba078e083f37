//! Files of a project and of its runs: where they are, how they are locked, written and read.
//!
//! No decisions here and no async: a store that is asked to append appends.

pub mod discover;
pub mod git_dirs;
pub mod layout;

pub use discover::{DiscoverError, Found, discover};
pub use git_dirs::{GitDirs, git_dirs};
pub use layout::{AttemptDir, ProjectDir, RunDir};
