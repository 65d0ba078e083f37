//! The dashboard: one screen over the files of all runs.
//!
//! A peer of the command line: what it shows is folded from the same logs, and what it does is the
//! command of the same name. It can be closed or killed at any moment without a run noticing.
//!
//! ```text
//!  logs ──► feed (thread) ──► World ─┐
//!  files ─► loads (thread) ─► Loads ─┼─► view(Scene) ──► cells
//!  keys ──► update(Model) ───────────┘
//!               └──► effects: `crew VERB …` as a child process, the terminal, the clipboard
//! ```
//!
//! Views are pure functions of what is known and where the person is, so that a replayed past looks
//! like the present. What has to be loaded is derived from the model each time. Entry point: [`run`].

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "every place answers a few of the many actions, and leaves the others to the next"
)]

mod app;
mod background;
mod calls;
pub mod canvas;
pub mod code;
pub mod divider;
pub mod feed;
pub mod key;
pub mod keymap;
pub mod library;
mod loads;
pub mod look;
pub mod markdown;
mod memory;
pub mod model;
pub mod msg;
pub mod overlay;
pub mod page;
pub mod pane;
mod progress;
mod replay;
pub mod scene;
pub mod screen;
mod steer;
mod terminal;
#[cfg(test)]
pub(crate) mod testing;
pub mod text;
pub mod update;
pub mod view;
mod wake;
pub mod want;
pub mod world;

pub use app::{Seed, run};
pub use look::{Look, Role, Theme};
pub use model::VerbName;
