//! What an agent may ask for, and what it is answered.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::base::TaskId;
use crate::event::gate::TurnOutcome;

/// A call of an agent.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// The channels of the workflow.
    Channels,
    /// The gates: fields, writers, whether they are open.
    Gates,
    /// One gate with what stands in its store.
    ReadGate(String),
    /// Write into a gate's store.
    WriteGate {
        /// The gate, or its store.
        gate: String,
        /// Fields with their values.
        data: Map<String, Value>,
        /// Fields with values as words; the type of the field says what they mean.
        words: Vec<(String, String)>,
    },
    /// The other tasks.
    Peers,
    /// The run and the caller's own place in it.
    Status,
    /// Messages that the caller has not read; reading marks them.
    Inbox {
        /// Also those that it has read.
        all: bool,
    },
    /// Send a message.
    Send {
        /// Its name: sending it again under the same name sends nothing twice.
        id: Option<String>,
        /// A task, a step, `run` or `human`.
        to: String,
        /// What it says.
        text: String,
        /// Data for programs.
        data: Option<Value>,
        /// What it writes into gates, all or nothing.
        gates: BTreeMap<String, Map<String, Value>>,
    },
    /// Ask a person, and wait a while for the answer.
    Ask {
        /// The question.
        text: String,
        /// Answers to choose from.
        choices: Vec<String>,
    },
    /// Let a command run on the current tree; without a name, tell which ones there are.
    Verify(Option<String>),
    /// Show what was printed in the last turn of a task that leads to the caller's.
    Transcript(TaskId),
    /// Say how the turn ends.
    Report {
        /// How.
        outcome: TurnOutcome,
        /// Summary or reason.
        text: String,
    },
    /// Store a file of the run.
    Artifact {
        /// Its name.
        name: String,
        /// Its content.
        bytes: Vec<u8>,
    },
    /// Propose tasks, or runs of their own.
    Propose(String),
}

/// What a call is answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// For programs.
    pub json: Value,
    /// For whoever reads it in a terminal.
    pub text: String,
    /// The question was not answered in time: the turn is to be ended.
    pub is_parked: bool,
    /// A command was not green.
    pub is_red: bool,
}

impl Reply {
    /// An answer.
    pub(super) fn new(json: Value, text: impl Into<String>) -> Self {
        Self { json, text: text.into(), is_parked: false, is_red: false }
    }
}
