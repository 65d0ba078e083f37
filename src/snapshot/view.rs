//! A whole run as views see it at one moment.

use super::channel::ChannelRow;
use super::child::ChildRow;
use super::decision::DecisionRow;
use super::gate::GateRow;
use super::run::{RunRow, SupervisorRow};
use super::task::TaskRow;
use serde::Serialize;

use crate::base::{RunNumber, Time};
use crate::engine::{State, Vitals};

/// What is seen of a run's processes at one moment; empty in replay.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// The process that drives the run.
    pub supervisor: SupervisorRow,
    /// Heartbeats and output of its attempts.
    pub vitals: Vitals,
}

/// A whole run as views see it at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusView {
    /// Number of the last event.
    pub version: u64,
    /// The moment.
    pub now: Time,
    /// The run.
    pub run: RunRow,
    /// Its tasks, in the order of the plan.
    pub tasks: Vec<TaskRow>,
    /// Its gates, in the order of the plan.
    pub gates: Vec<GateRow>,
    /// Its channels, in the order of the plan.
    pub channels: Vec<ChannelRow>,
    /// What a person is asked.
    pub decisions: Vec<DecisionRow>,
    /// Runs that it started.
    pub children: Vec<ChildRow>,
    /// Live runs whose work would conflict with this one's, as far as somebody has looked.
    pub conflicts: Vec<ConflictRow>,
}

/// A live run whose work would conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConflictRow {
    /// The run.
    pub run: RunNumber,
    /// The files.
    pub files: Vec<String>,
}

impl StatusView {
    /// The run of a state, with what is seen of its processes, at the moment `now`.
    pub fn of(state: &State, live: &Live, now: Time) -> Self {
        Self {
            version: state.seq,
            now,
            run: RunRow::of(state, live.supervisor, now),
            tasks: TaskRow::all(state, &live.vitals, now),
            gates: GateRow::all(state),
            channels: ChannelRow::all(state),
            decisions: DecisionRow::all(state, now),
            children: ChildRow::all(state),
            conflicts: Vec::new(),
        }
    }
}
