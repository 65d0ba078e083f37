//! Parts of screens.

pub mod agents;
pub mod attention;
pub mod chrome;
mod crowd;
pub mod details;
pub mod events;
pub mod inspector;
pub mod rows;
pub mod strip;
pub mod transcript;
