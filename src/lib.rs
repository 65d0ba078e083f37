//! crew: runs teams of coding agents through Markdown workflows.

pub mod base;
pub mod runtime;
pub mod store;
