//! The five screens.

pub mod fleet;
pub mod inbox;
pub mod runs;
pub mod task;
pub mod workflow;
