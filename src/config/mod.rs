//! Configuration: what a person, a project and the environment ask for, with the origin of every value.
//!
//! [`Config::load`] is the entry point. It never starts anything and never imports what it configures; `load.rs` alone
//! reads files and the environment, `set.rs` changes a file, `trust.rs` keeps the file of trusted projects.

mod build;
mod check;
mod environment;
mod file;
mod hook;
mod keys;
mod load;
mod merge;
mod model;
mod problem;
mod run;
mod set;
#[cfg(test)]
mod tests;
pub mod trust;
mod value;

pub use environment::{Environment, agent_environment};
pub use hook::event_names;
pub use load::{ConfigError, Loaded};
pub use merge::{Origin, Origins, Overrides, Row};
pub use model::{
    Budget, Completion, CompletionMode, Config, Defaults, Heartbeat, Hook, Limits, Notify, Paths,
    Permission, Price, Risk, RiskProfile, RuntimeTable, State, Ui, Validation, Worktree,
};
pub use problem::{Place, Problem};
pub use run::Run;
pub use set::{Layer, SetError, expected};
pub use trust::{Trust, TrustItem, TrustStore};

/// The built-in configuration, commented.
pub const PRESET: &str = include_str!("default.toml");
