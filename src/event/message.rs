//! Messages: the entries of mailboxes (SPEC section 10).

use serde::{Deserialize, Serialize};

use crate::base::Time;

/// One entry of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Short random name, unique in the run.
    pub id: String,
    /// When it was sent.
    pub at: Time,
    /// Who sent it: an actor.
    pub from: String,
    /// Address: `run`, `human` or a task.
    pub to: String,
    /// What it is.
    pub kind: MessageKind,
    /// How urgent it is.
    #[serde(default)]
    pub priority: MessagePriority,
    /// When it goes in.
    #[serde(default)]
    pub delivery: Delivery,
    /// What it says.
    pub text: String,
    /// Data for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<serde_json::Value>,
    /// The message it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words of the specification, section 10")]
pub enum MessageKind {
    Message,
    Steer,
    FollowUp,
    Question,
    Answer,
    Verdict,
    System,
}

/// How urgent a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words of the specification, section 10")]
pub enum MessagePriority {
    Urgent,
    #[default]
    Normal,
    Low,
}

/// When a message reaches a live agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// At once where the program can take input, else at the next attempt.
    Interrupt,
    /// At the next attempt.
    #[default]
    NextTurn,
}
