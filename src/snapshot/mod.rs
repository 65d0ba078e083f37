//! What views see of a run: plain rows folded from a state and its vitals, for text, JSON and the dashboard.
//!
//! Pure and without decisions about looks: the same rows are shown by every front end, live and in
//! replay. Their serialised form is the JSON contract (SPEC 17.1). Entry point: [`StatusView::of`].

mod channel;
mod child;
mod class;
mod decision;
mod gate;
mod message;
pub mod notice;
mod outline;
mod run;
pub mod story;
mod task;
mod usage;
mod view;

#[cfg(test)]
pub(crate) mod sample;

pub use channel::ChannelRow;
pub use child::ChildRow;
pub use class::Class;
pub use decision::DecisionRow;
pub use gate::{GateLook, GateRow};
pub use message::{MessageRow, ReceiptRow};
pub use notice::{Notice, Notices, Severity};
pub use outline::outline;
pub use run::{BudgetRow, LegacyStatus, ProgressRow, RunRow, SupervisorRow, UsedRow, WorktreeRow};
pub use task::TaskRow;
pub use usage::UsageRow;
pub use view::{ConflictRow, Live, StatusView};
