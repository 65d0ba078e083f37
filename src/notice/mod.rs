//! The ways in which notices reach people: commands, a webhook, the desktop, the terminal.
//!
//! [`Ways::of`] says which ways a configuration names and which of them may be used, [`Way::tell`]
//! tells one [`Letter`] in one of them, and [`terminal`] is for whoever has a terminal.

mod letter;
mod post;
mod program;
pub mod terminal;
mod way;

pub use letter::Letter;
pub use post::post;
pub use way::{Way, Ways};
