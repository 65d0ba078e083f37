//! One message as one line of a table, with what became of it.

use serde::Serialize;

use crate::engine::{MessageState, State};
use crate::event::Message;

/// One message as one line of a table, with what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MessageRow {
    /// The message.
    #[serde(flatten)]
    pub message: Message,
    /// `sent`, `delivered`, `acked` or `dead`.
    pub state: &'static str,
    /// Attempts that were given it: `coding, attempt 2`.
    pub delivered: Vec<ReceiptRow>,
    /// Attempts that said they have read it.
    pub acked: Vec<ReceiptRow>,
    /// Why nobody will get it.
    pub dead: Option<String>,
}

/// An attempt that has a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceiptRow {
    /// The task.
    pub task: String,
    /// Number of its attempt.
    pub attempt: u32,
}

impl MessageRow {
    /// The rows of all messages of a run, in the order in which they were sent.
    pub fn all(state: &State) -> Vec<Self> {
        state.messages.iter().map(Self::of).collect()
    }

    fn of(entry: &MessageState) -> Self {
        let receipts = |known: &[(crate::base::TaskId, u32)]| -> Vec<ReceiptRow> {
            let receipt = |(task, attempt): &(crate::base::TaskId, u32)| ReceiptRow {
                task: task.to_string(),
                attempt: *attempt,
            };
            known.iter().map(receipt).collect()
        };
        let word = match entry {
            MessageState { acked, .. } if !acked.is_empty() => "acked",
            MessageState { delivered, .. } if !delivered.is_empty() => "delivered",
            MessageState { dead: Some(_), .. } => "dead",
            MessageState { .. } => "sent",
        };
        Self {
            message: entry.message.clone(),
            state: word,
            delivered: receipts(&entry.delivered),
            acked: receipts(&entry.acked),
            dead: entry.dead.clone(),
        }
    }

    /// What became of it, in a few words.
    pub fn receipt(&self) -> String {
        let named = |receipts: &[ReceiptRow]| {
            let names: Vec<String> = receipts
                .iter()
                .map(|receipt| format!("{} (attempt {})", receipt.task, receipt.attempt))
                .collect();
            names.join(", ")
        };
        match (self.state, &self.dead) {
            ("acked", _) => format!("read by {}", named(&self.acked)),
            ("delivered", _) => format!("given to {}", named(&self.delivered)),
            (_, Some(why)) => format!("dead: {why}"),
            (_, None) => "sent".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Time;
    use crate::event::message::{Delivery, MessageKind, MessagePriority};

    #[test]
    fn a_message_says_how_far_it_came() {
        let message = Message {
            id: "m1".into(),
            at: Time(1),
            from: "human:ada".into(),
            to: "coding".into(),
            kind: MessageKind::Message,
            priority: MessagePriority::Normal,
            delivery: Delivery::NextTurn,
            text: "mind the tests".into(),
            data: None,
            reply_to: None,
        };
        let mut entry =
            MessageState { message, delivered: Vec::new(), acked: Vec::new(), dead: None };
        assert_eq!(MessageRow::of(&entry).receipt(), "sent");
        entry.dead = Some("taken back".into());
        assert_eq!(MessageRow::of(&entry).receipt(), "dead: taken back");
        entry.dead = None;
        entry.delivered.push(("coding".parse().unwrap(), 2));
        assert_eq!(MessageRow::of(&entry).receipt(), "given to coding (attempt 2)");
        entry.acked.push(("coding".parse().unwrap(), 2));
        assert_eq!(MessageRow::of(&entry).receipt(), "read by coding (attempt 2)");
        assert_eq!(MessageRow::of(&entry).state, "acked");
    }
}
