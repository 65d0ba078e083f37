//! Parts of a state beyond its tasks: stores, channels, evidence, questions, decisions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::base::Time;
use crate::event::Actor;
use crate::event::attempt::Question;
use crate::event::decision::{Action, DecisionOpened};
use crate::event::gate::StoreWrite;

/// What was written into the store of one or more gates.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StoreState {
    /// Its fields; map fields are objects by task.
    pub data: Map<String, Value>,
    /// Where each entry comes from, by `field` or `field/key`.
    pub origins: BTreeMap<String, Origin>,
    /// Number of the event that wrote or emptied it last.
    pub seq: u64,
    /// Number of the event that emptied it last: older attempts may not write any more.
    #[serde(default)]
    pub cleared_seq: u64,
}

/// Where an entry of a store comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Who wrote it.
    pub by: Actor,
    /// Number of the writer's attempt, for agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// Epoch of the run.
    pub epoch: u32,
    /// When.
    pub at: Time,
    /// The tree that an agent saw when it wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<String>,
}

impl StoreState {
    /// Takes a write in.
    pub(super) fn write(&mut self, seq: u64, write: &StoreWrite, origin: &Origin) {
        for entry in &write.entries {
            let name = match &entry.key {
                None => {
                    self.data.insert(entry.field.clone(), entry.value.clone());
                    entry.field.clone()
                }
                Some(key) => {
                    let field =
                        self.data.entry(entry.field.clone()).or_insert_with(|| Map::new().into());
                    if !field.is_object() {
                        *field = Map::new().into();
                    }
                    if let Some(map) = field.as_object_mut() {
                        map.insert(key.clone(), entry.value.clone());
                    }
                    format!("{}/{key}", entry.field)
                }
            };
            self.origins.insert(name, origin.clone());
        }
        self.seq = seq;
    }

    /// Empties it.
    pub(super) fn clear(&mut self, seq: u64) {
        self.data.clear();
        self.origins.clear();
        self.seq = seq;
        self.cleared_seq = seq;
    }
}

/// What is known of a declared channel.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChannelState {
    /// The turn of its source that it fired for last; 0 = never.
    #[serde(default)]
    pub fired: u64,
    /// Firings that were cycles, since a person last zeroed them.
    #[serde(default)]
    pub cycles: u32,
    /// It fired, and its target waits for other channels (`join: all`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pending: bool,
    /// Its gates were open after the last event (`fire: open`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open: bool,
    /// Something happened that it must fire for: it opened, or a message went along it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub due: Vec<String>,
}

/// What a command said about one tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandEvidence {
    /// Its exit code; absent when it did not end by itself.
    pub code: Option<i32>,
    /// Epoch of the run.
    pub epoch: u32,
    /// When it ended.
    pub at: Time,
    /// The end of its output, when it was not green.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tail: String,
}

impl CommandEvidence {
    /// Whether the command ended with exit code 0.
    pub fn is_green(&self) -> bool {
        self.code == Some(0)
    }
}

/// A question of a task, from the moment it was asked until its answer was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// What is asked.
    pub question: Question,
    /// When.
    pub at: Time,
    /// Number of the event.
    pub seq: u64,
    /// The agent does not wait for the answer any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub parked: bool,
    /// What a person answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// A decision and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionState {
    /// What is asked.
    pub opened: DecisionOpened,
    /// When.
    pub at: Time,
    /// Hashes of the nonces that were shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nonces: Vec<String>,
    /// What was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<DecisionVerdict>,
    /// A newer decision about the same subject, or nothing to decide any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded: Option<String>,
}

/// What a person decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionVerdict {
    /// The verb.
    pub action: Action,
    /// The reason, the answer, the instructions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Who.
    pub by: Actor,
    /// When.
    pub at: Time,
    /// Number of the event.
    pub seq: u64,
    /// The branch that gets the work, where the person named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub into: Option<String>,
}

impl DecisionState {
    /// Whether it can still be decided, its expiry aside.
    pub fn is_open(&self) -> bool {
        self.verdict.is_none() && self.superseded.is_none()
    }
}
