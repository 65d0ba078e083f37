//! What every front end does with a project: open it, find a run, give a command, start a run.
//!
//! A peer of the supervisor: it reads the same files and appends under the same lock, and acts on
//! nothing but supervisors.

pub mod find;
pub mod plan;
pub mod start;
pub mod workspace;

pub use find::{FindError, parse_run};
pub use workspace::{Workspace, WorkspaceError};
