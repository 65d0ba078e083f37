//! Messages that people write: checked, redacted, named.

use crate::base::limits::MESSAGE_BYTES_MAX;
use crate::base::{Time, redact::redact};
use crate::event::Actor;
use crate::event::message::{Delivery, Message, MessageKind, MessagePriority};

/// Address of everyone in a run.
pub const TO_RUN: &str = "run";

/// Why a text cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// There is nothing in it.
    #[error("the text is empty")]
    Empty,
    /// It is longer than a message may be.
    #[error("the text has {bytes} bytes; a message may have {MESSAGE_BYTES_MAX}")]
    Long {
        /// Its length.
        bytes: usize,
    },
}

/// The text of a message or an answer as it may go into the log: trimmed, not too long, without secrets.
///
/// # Errors
/// It is empty or too long.
pub fn check_text(text: &str) -> Result<String, TextError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    if text.len() > MESSAGE_BYTES_MAX {
        return Err(TextError::Long { bytes: text.len() });
    }
    Ok(redact(text).into_owned())
}

/// A message from a person to `to`, at the next attempt.
///
/// # Errors
/// The text is empty or too long.
pub fn from_person(from: &Actor, to: &str, text: &str, now: Time) -> Result<Message, TextError> {
    Ok(Message {
        id: new_id(),
        at: now,
        from: from.to_string(),
        to: to.to_owned(),
        kind: MessageKind::Message,
        priority: MessagePriority::Normal,
        delivery: Delivery::NextTurn,
        text: check_text(text)?,
        data: None,
        reply_to: None,
    })
}

/// A new nonce and its hash: the nonce goes to the person, the hash on record.
pub fn mint() -> (String, String) {
    let nonce = format!("{:032x}", fastrand::u128(..));
    let hash = nonce_hash(&nonce);
    (nonce, hash)
}

/// The hash that is on record for a nonce.
pub fn nonce_hash(nonce: &str) -> String {
    crate::event::Hash::of(nonce.trim().as_bytes()).to_string()
}

/// A name for a message. Sixty bits: two messages of one run are never called the same.
pub fn new_id() -> String {
    const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    (0..12).map(|_| char::from(LETTERS[fastrand::usize(..LETTERS.len())])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_trimmed_and_redacted_and_has_a_limit() {
        let person = Actor::Human("ada".to_owned());
        let message = from_person(&person, TO_RUN, "  hello\n", Time(7)).expect("a text");
        assert_eq!((message.text.as_str(), message.from.as_str()), ("hello", "human:ada"));
        assert_eq!(message.id.len(), 12);
        assert_eq!(check_text(" \n"), Err(TextError::Empty));
        let long = "x".repeat(MESSAGE_BYTES_MAX + 1);
        assert_eq!(check_text(&long), Err(TextError::Long { bytes: long.len() }));
        let secret = format!("use ghp_{}", "a1".repeat(18));
        assert!(!check_text(&secret).expect("a text").contains("ghp_a1"), "redacted");
    }
}
