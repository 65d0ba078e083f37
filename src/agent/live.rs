//! What a supervisor and the driver of a program that takes input while it works tell each other.
//!
//! The driver (`crew drive`) stands between a program and the attempt's output file. Orders go down to it
//! in `live.jsonl`; notes come up, as lines of the output and, for who follows them, in `notes.jsonl`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::observation::Observation;

/// A protocol in which a program takes input while it works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// `claude -p --input-format stream-json`; `qwen` speaks it too.
    Claude,
    /// `pi --mode rpc`
    Pi,
    /// `codex app-server`
    Codex,
    /// The Agent Client Protocol.
    Acp,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Self; 4] = [Self::Claude, Self::Pi, Self::Codex, Self::Acp];

    /// The word for it in configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Pi => "pi",
            Self::Codex => "codex",
            Self::Acp => "acp",
        }
    }

    /// The protocol that this word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.word() == word)
    }
}

/// What the program is to be told: one line of `live.jsonl`. The same name twice is one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Name of the message, or of the request that is answered.
    pub id: String,
    /// What it is.
    pub kind: OrderKind,
    /// What it says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// What an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderKind {
    /// A message that joins the turn as soon as the program takes one.
    Steer,
    /// A message for the time after the turn.
    FollowUp,
    /// The program leaves what it does now, and reads the message.
    Interrupt,
    /// A person's answer to a request of the program.
    Answer,
}

/// The answer to a request that lets the program go on.
pub const ALLOW: &str = "allow";
/// The answer to a request that does not.
pub const DENY: &str = "deny";

/// What the driver has to say: one line of the output and of `notes.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum Note {
    /// The program has the message.
    Delivered {
        /// Name of the message.
        id: String,
        /// What it says.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        text: String,
    },
    /// The program did not take the message.
    Refused {
        /// Name of the message.
        id: String,
        /// Its words, or what was in the way.
        why: String,
    },
    /// The program asks and waits.
    Asked {
        /// Name of the request.
        id: String,
        /// What it wants to do, or to know.
        text: String,
        /// The answers; empty when any text will do.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        choices: Vec<String>,
    },
    /// The request has its answer.
    Answered {
        /// Name of the request.
        id: String,
        /// What the program was told.
        answer: String,
        /// Nobody answered in time.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        late: bool,
    },
    /// The session, where the program's own lines do not name it.
    Session {
        /// Its name.
        id: String,
    },
    /// The driver could not go on.
    Failed {
        /// Why.
        why: String,
    },
}

/// Marks the driver's lines among those of the program.
const MARK: &str = "crew_live";

#[derive(Serialize, Deserialize)]
struct Line<T> {
    r#type: String,
    #[serde(flatten)]
    note: T,
}

impl Note {
    /// The note as one line, without its newline.
    pub fn line(&self) -> String {
        let line = Line { r#type: MARK.to_owned(), note: self };
        serde_json::to_string(&line).expect("texts can be written")
    }

    /// The note that a line is; `None` for lines of programs.
    pub fn read(line: &Value) -> Option<Self> {
        if line.get("type")?.as_str()? != MARK {
            return None;
        }
        Self::deserialize(line).ok()
    }

    /// What the note says in the vocabulary of all programs.
    pub(super) fn observation(self) -> Observation {
        match self {
            Self::Delivered { id, text } => Observation::Delivered { id, text },
            Self::Refused { id, why } => Observation::Undelivered { id, why },
            Self::Asked { text, choices, .. } => Observation::Request { text, choices },
            Self::Answered { answer, late, .. } => Observation::Answer { text: answer, late },
            Self::Session { id } => Observation::Session { id },
            Self::Failed { why } => super::stream::failure(&why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_it_was_written() {
        let notes = [
            Note::Delivered { id: "a".into(), text: "hello".into() },
            Note::Refused { id: "a".into(), why: "gone".into() },
            Note::Asked { id: "r".into(), text: "Bash: ls".into(), choices: vec![ALLOW.into()] },
            Note::Answered { id: "r".into(), answer: DENY.into(), late: true },
            Note::Session { id: "s".into() },
            Note::Failed { why: "no such session".into() },
        ];
        for note in notes {
            let line: Value = serde_json::from_str(&note.line()).unwrap();
            assert_eq!(Note::read(&line), Some(note));
        }
        for line in [r#"{"type":"user","note":"delivered","id":"a"}"#, r#"{"type":"crew_live"}"#] {
            assert_eq!(Note::read(&serde_json::from_str(line).unwrap()), None, "{line}");
        }
    }

    #[test]
    fn words_name_protocols() {
        assert!(Protocol::ALL.iter().all(|one| Protocol::from_word(one.word()) == Some(*one)));
        assert_eq!(Protocol::from_word("telnet"), None);
    }
}
