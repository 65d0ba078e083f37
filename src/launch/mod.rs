//! Starting supervisors and running the queue: what any process does that frees or needs a slot.
//!
//! Never drives a run itself: it only makes sure that somebody does. Entry points: [`run_queue`]
//! and [`ensure_supervisor`].

mod children;
pub mod login;
mod printed;
mod program;
mod programs;
mod queue;
pub mod radar;
pub mod session;
mod start;
pub mod version;

pub use children::{ChildLine, create_children};
pub use printed::Printed;
pub use program::program;
pub use programs::{ProgramError, Programs};
pub use queue::{QueueError, QueueReport, run_queue};
pub use start::{CONFIRMED, LaunchError, OTHER_LIVES, Started, ensure_supervisor, is_supervised};
