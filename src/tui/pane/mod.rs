//! Parts of screens.

pub mod agents;
pub mod attention;
pub mod chrome;
pub mod crowd;
pub mod decision;
pub mod details;
pub mod diff;
pub mod events;
pub mod gates;
pub mod heat;
pub mod inspector;
pub mod mail;
pub mod meters;
pub mod prompt;
pub mod rows;
pub mod scroll;
pub mod strip;
pub mod transcript;
pub mod welcome;
pub mod why;
