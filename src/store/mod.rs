//! Files of a project and of its runs: where they are, how they are locked, written and read.
//!
//! No decisions here and no async: a store that is asked to append appends.

pub mod append;
pub mod appended;
pub mod artifact;
pub mod chain;
pub mod cursor;
pub mod discover;
pub mod files;
pub mod git;
pub mod git_dirs;
mod git_halves;
pub mod layout;
pub mod log;
pub mod mailbox;
pub mod memory;
pub mod place;
pub mod project;
pub mod salvage;
pub mod seal;
pub mod snapshot_cache;
pub mod tail;
pub mod token;
mod torn;
pub mod watch;

pub use crate::lock::FileLock;
pub use append::LogWriter;
pub use appended::Appended;
pub use cursor::{Cursor, Standing};
pub use discover::{DiscoverError, Found, discover};
pub use files::Durability;
pub use git_dirs::{GitDirs, git_dirs};
pub use layout::{AttemptDir, ProjectDir, RunDir};
pub use log::{CatchUp, Damage, LogError, LogReader, Torn, Verification};
pub use place::PlaceFile;
pub use project::{Project, ProjectError, ProjectLock};
pub use watch::Watch;
