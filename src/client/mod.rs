//! What every front end does with a project: open it, find a run, give a command, start a run.
//!
//! A peer of the supervisor: it reads the same files and appends under the same lock, and acts on
//! nothing but supervisors.

pub mod attach;
pub mod briefing;
pub mod bundle;
pub mod child;
pub mod children;
pub mod command;
pub mod diff;
pub mod events;
pub mod find;
pub mod follow;
mod many;
pub mod message;
pub mod metrics;
pub mod pager;
pub mod patch;
pub mod plan;
pub mod policy;
pub mod poll;
pub mod processes;
pub mod projects;
pub mod radar;
pub mod recover;
pub mod request;
pub mod rest;
mod risk;
pub mod rows;
pub mod schedules;
pub mod shown;
pub mod start;
pub mod started;
pub mod tool;
pub mod transcript;
pub mod trust;
pub mod usage;
pub mod vitals;
pub mod wake;
pub mod workspace;
pub use crate::store::seal::keep_in as keep_seal_in;
pub use child::{ChildForbidden, forbid_to_agents};
pub use command::{CommandError, Given, give};
pub use find::{FindError, find_gate, find_task, parse_run, split_task};
pub use follow::Follower;
pub use message::{mint, nonce_hash};
pub use rest::{wait_for, wait_for_rest};
pub use rows::Listed;
pub use shown::{Shown, shown_by};
pub use trust::{foreign_runs, project_items};
pub use vitals::{explain, look, view};
pub use wake::{WakeError, wake};
pub use workspace::{Workspace, WorkspaceError};
