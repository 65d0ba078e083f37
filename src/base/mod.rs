//! Words and small pure tools that every other layer uses: names, time, text, limits.
//!
//! This layer does no input or output and imports nothing of crew.

pub mod compare;
pub mod failure;
pub mod flow;
pub mod id;
pub mod limits;
pub mod path;
pub mod redact;
pub mod site;
pub mod slug;
pub mod stat;
pub mod text;
pub mod time;

pub use failure::ErrorKind;
pub use id::{ArtifactName, AttemptId, RunNumber, StepId, TaskId};
pub use path::PathError;
pub use site::Site;
pub use time::Time;
