//! What is seen of live processes and not stored: heartbeats, output, free slots.

use std::collections::BTreeMap;

use crate::base::Time;
use crate::event::Usage;
use crate::plan::graph::TaskIx;

/// Everything seen at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Vitals {
    /// By task with a live attempt.
    pub attempts: BTreeMap<TaskIx, AttemptVitals>,
    /// Attempts of this run that may live at once as far as the machine is concerned: those that
    /// hold a slot, and the slots that are held ready for more.
    pub machine_slots: u32,
}

/// What is seen of one live attempt.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AttemptVitals {
    /// Last touch of the heartbeat by the shim.
    pub beat_at: Option<Time>,
    /// Last growth of standard output.
    pub stdout_at: Option<Time>,
    /// Last growth of standard output or error.
    pub output_at: Option<Time>,
    /// Since when a tool call of the agent is running; suspends the silence clock.
    pub tool_since: Option<Time>,
    /// Whether a process of the agent waits for a person's answer.
    pub is_asking: bool,
    /// The last line of standard error, while standard output is empty.
    pub stderr_tail: String,
    /// Since when it has done nothing but try the same call again, and what is in the way.
    pub retrying: Option<(Time, String)>,
    /// Since when its turn is over, by its own words.
    pub over_at: Option<Time>,
    /// What it has used so far, where a budget asks for it.
    pub usage: Usage,
}
