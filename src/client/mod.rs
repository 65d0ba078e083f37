//! What every front end does with a project: open it, find a run, give a command, start a run.
//!
//! A peer of the supervisor: it reads the same files and appends under the same lock, and acts on
//! nothing but supervisors.

pub mod events;
pub mod find;
pub mod follow;
pub mod plan;
pub mod rows;
pub mod start;
pub mod transcript;
pub mod vitals;
pub mod workspace;

pub use find::{FindError, find_task, parse_run, split_task};
pub use follow::Follower;
pub use rows::Listed;
pub use vitals::{explain, look, view};
pub use workspace::{Workspace, WorkspaceError};
