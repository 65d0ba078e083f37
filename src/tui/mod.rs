//! The dashboard: one screen over the files of all runs.
//!
//! A peer of the command line: what it shows is folded from the same logs, and what it does is the
//! command of the same name. It can be closed or killed at any moment without a run noticing.

pub mod canvas;
pub mod look;
pub mod text;

pub use look::{Look, Role, Theme};
