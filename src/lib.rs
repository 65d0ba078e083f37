//! crew: runs teams of coding agents through Markdown workflows.

pub mod agent;
pub mod base;
pub mod rehearsal;
pub mod store;
