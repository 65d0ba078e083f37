//! crew: runs teams of coding agents through Markdown workflows.

// Some files of samples serve the unit tests and the tests of the binary alike.
#[cfg(test)]
extern crate self as crew;

pub mod agent;
pub mod app;
pub mod base;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod engine;
pub mod event;
pub mod launch;
pub mod ledger;
pub mod plan;
pub mod rehearsal;
pub mod resource;
pub mod runtime;
pub mod snapshot;
pub mod store;
