//! crew: runs teams of coding agents through Markdown workflows.

pub mod agent;
pub mod base;
pub mod engine;
pub mod event;
pub mod plan;
pub mod resource;
pub mod config;
pub mod rehearsal;
pub mod store;
