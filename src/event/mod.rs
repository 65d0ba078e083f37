//! The lines of a run's log: what may happen, as closed types, and how a line is written and read.
//!
//! Events are facts in the past tense. An unknown type from a newer version is kept and skipped,
//! and forbids writing. Entry points: [`Record`] and [`Body`].

pub mod attempt;
pub mod body;
pub mod chain;
pub mod child;
pub mod created;
pub mod decision;
pub mod gate;
pub mod merge;
pub mod message;
pub mod pass;
pub mod policy;
pub mod record;
pub mod status;
pub mod takeover;
pub mod tree;

pub use attempt::{AttemptEnded, AttemptStarted, EndReason, Usage};
pub use body::Body;
pub use chain::{Chain, Hash};
pub use created::{
    Flags, GitBase, ImportLink, Limits, ParentLink, Priority, RunCreated, ScheduleLink,
};
pub use message::{Message, MessageKind};
pub use record::{Actor, LineError, Record};
pub use status::{
    BlockedReason, CancelReason, FailedReason, MergeTrouble, Outcome, Rule, Status, StatusKind,
    TaskResult, Wait,
};
