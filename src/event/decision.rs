//! Decisions: what a person is asked, was shown, and decided (SPEC section 9).

use serde::{Deserialize, Serialize};

use super::gate::StoreWrite;
use super::record::Actor;
use crate::base::Time;
use crate::base::flow::words;
use crate::plan::Risk;

words! {
    /// What kind of decision it is.
    DecisionKind {
        /// Whether a risky run may start.
        Risk = "risk",
        /// Whether a gate opens.
        Gate = "gate",
        /// An agent's question.
        Question = "question",
        /// Whether the tasks that a step proposed are added.
        Plan = "plan",
        /// What becomes of the work.
        Merge = "merge",
    }
}

words! {
    /// What a person can decide.
    Action {
        /// Yes.
        Approve = "approve",
        /// No, with a reason.
        Reject = "reject",
        /// Other words or another budget.
        Suggest = "suggest",
        /// The answer to a question.
        Answer = "answer",
        /// Take the work over.
        Merge = "merge",
        /// Throw the work away.
        Discard = "discard",
        /// Work on it again.
        RequestChanges = "request-changes",
    }
}

/// A person is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionOpened {
    /// Names it in its run: `d1`, `d2`, ….
    pub id: String,
    /// What kind it is.
    pub kind: DecisionKind,
    /// What it is about: a gate, a task or a step; empty for the run itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// Number of the event that last changed the subject: what the person sees.
    pub version: u64,
    /// What can be decided.
    pub actions: Vec<Action>,
    /// What is asked.
    pub text: String,
    /// Answers to choose from; empty for free text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// When it has to be asked anew.
    pub expires_at: Time,
}

/// A person looked at a decision and was given the nonce that decides it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionShown {
    /// The decision.
    pub id: String,
    /// BLAKE3 of the nonce, 64 hexadecimal digits; the nonce itself is nowhere.
    pub nonce_hash: String,
}

/// A person decided; the effect is part of the same line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecisionMade {
    /// The decision.
    pub id: String,
    /// What was decided.
    pub action: Action,
    /// The reason, the answer, the instructions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Who decided.
    pub by: Actor,
    /// What it writes into the gate's store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<StoreWrite>,
    /// Risks that are accepted with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepts: Vec<Risk>,
    /// The branch that gets the work, where another one than usual was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub into: Option<String>,
}
