//! crew: runs teams of coding agents through Markdown workflows.

pub mod base;
pub mod config;
pub mod store;
