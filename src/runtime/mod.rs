//! What touches the world while a run lives: processes, their files, and the clock.
//!
//! Every attempt of a task is one shim process with one agent below it. [`Executor`] starts and
//! stops shims and is the only module that knows where they run; [`shim`] is what such a process
//! does; [`process`] names processes so that no other one is ever hit; [`attempt_files`] is what
//! the shim and the supervisor tell each other.

pub mod attempt_files;
pub mod clock;
pub mod executor;
pub mod process;
pub mod shim;

pub use attempt_files::{CommandFile, ExitFile, ShimFile};
pub use clock::Clock;
pub use executor::{Executor, ShimHandle};
pub use process::Pid;
