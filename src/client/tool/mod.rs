//! What an agent can do while it works (SPEC section 11): the verbs of `crew tool` and of `crew mcp --agent`.
//!
//! [`Identity`] says for which attempt a process speaks, [`Tools`] proves it and does what a
//! [`Request`] asks. An authorised call is on disk before it answers; a refused one is on record
//! and changes nothing else.

mod act;
mod error;
mod identity;
mod request;
mod verify;
mod view;

pub use act::Tools;
pub use error::ToolError;
pub use identity::{Identity, IdentityError};
pub use request::{Reply, Request};
