//! The rehearsal agent: plays a role without a model, as a real process with real effects.
//!
//! `crew rehearse` reads a prompt, picks the play that fits its task best and performs it: it talks,
//! edits files, runs commands, writes gates, and fails, hangs or floods when it is told to. It is a
//! stranger to the rest of crew: it knows its environment and prints lines of the `crew` format, as any
//! agent program does. Its one entry point is [`main`].

mod action;
mod args;
pub mod demo;
mod files;
mod linger;
mod pace;
mod play;
mod program;
mod script;
mod stage;

pub use program::main;
