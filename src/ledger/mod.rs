//! One run as it stands on disk: its folded state, and the one door through which it changes.
//!
//! Order is always: take `run.lock`, catch up, ask the engine, append with one write and one sync,
//! apply. Readers catch up without a lock. Entry points: [`Ledger::open`], [`Ledger::refresh`],
//! [`Ledger::lock`].

mod copied;
mod locked;
mod open;
mod vitals;

pub use locked::{CommitError, Locked};
pub use open::{Health, Ledger, OpenError};
pub use vitals::attempt_vitals;
