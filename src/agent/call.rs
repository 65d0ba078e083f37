//! What an agent's output asks crew to do: the tool calls of agents that have no tools.

use std::collections::BTreeMap;

use serde_json::Value;

/// Starts a line that is a call, outside code fences: `CREW: write-gate review-votes-gate votes=approve`.
pub const MARK: &str = "CREW";

/// One call in an output.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    /// Write into a gate, with typed values.
    Gate {
        /// The gate.
        gate: String,
        /// Its fields.
        values: BTreeMap<String, Value>,
    },
    /// Write one field of a gate; what the word means depends on the field.
    Field {
        /// The gate.
        gate: String,
        /// The field.
        field: String,
        /// The value as it was written.
        word: String,
    },
    /// Send a message.
    Send {
        /// The address.
        to: String,
        /// The text.
        text: String,
    },
    /// Ask a person.
    Ask(String),
    /// The work is done.
    Done(String),
    /// It cannot go on.
    Block(String),
    /// The task failed.
    Fail(String),
}

impl Call {
    /// The call of the rest of a marker line; nothing when it is none.
    pub fn parse(rest: &str) -> Option<Self> {
        let (verb, rest) = rest.trim().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
        let rest = rest.trim();
        match verb {
            "write-gate" => {
                let (gate, pair) = rest.split_once(char::is_whitespace)?;
                let (field, word) = pair.trim().split_once('=')?;
                let word = word.trim().trim_matches('"');
                Some(Self::Field {
                    gate: gate.to_owned(),
                    field: field.trim().to_owned(),
                    word: word.to_owned(),
                })
            }
            "send" => {
                let (to, text) = rest.split_once(char::is_whitespace)?;
                Some(Self::Send { to: to.to_owned(), text: text.trim().to_owned() })
            }
            "ask" if !rest.is_empty() => Some(Self::Ask(rest.to_owned())),
            "done" => Some(Self::Done(rest.to_owned())),
            "block" => Some(Self::Block(rest.to_owned())),
            "fail" => Some(Self::Fail(rest.to_owned())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_line_is_a_call_or_nothing() {
        let field = |gate: &str, field: &str, word: &str| {
            Some(Call::Field { gate: gate.into(), field: field.into(), word: word.into() })
        };
        for (line, expected) in [
            ("write-gate votes votes=approve", field("votes", "votes", "approve")),
            (
                "write-gate plan pr_url=\"https://x/1?a=b\"",
                field("plan", "pr_url", "https://x/1?a=b"),
            ),
            ("write-gate qa summary= all is well ", field("qa", "summary", "all is well")),
            ("write-gate qa", None),
            ("write-gate qa summary", None),
            (
                "send run hello there",
                Some(Call::Send { to: "run".into(), text: "hello there".into() }),
            ),
            ("send run", None),
            ("ask which one?", Some(Call::Ask("which one?".into()))),
            ("ask", None),
            ("done", Some(Call::Done(String::new()))),
            ("block no key", Some(Call::Block("no key".into()))),
            ("fail it is broken", Some(Call::Fail("it is broken".into()))),
            ("dance", None),
        ] {
            assert_eq!(Call::parse(line), expected, "{line}");
        }
    }
}
