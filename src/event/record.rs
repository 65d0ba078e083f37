//! One line of the log, as it is written and as it is read.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::body::Body;
use super::chain::{Chain, Hash};
use crate::base::{TaskId, Time};

/// Who caused an event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Actor {
    /// The process that drives the run, or one that runs the queue.
    Supervisor,
    /// A person, by user name.
    Human(String),
    /// The agent that plays a task.
    Agent(TaskId),
    /// The parent process of a task's agent.
    Shim(TaskId),
}

impl Actor {
    /// Who it is, as people call each other.
    pub fn name(&self) -> String {
        if let Self::Human(user) = self { user.clone() } else { self.to_string() }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Supervisor => f.write_str("supervisor"),
            Self::Human(user) => write!(f, "human:{user}"),
            Self::Agent(task) => write!(f, "agent:{task}"),
            Self::Shim(task) => write!(f, "shim:{task}"),
        }
    }
}

impl FromStr for Actor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is not an actor");
        match text.split_once(':') {
            None if text == "supervisor" => Ok(Self::Supervisor),
            Some(("human", user)) => Ok(Self::Human(user.to_owned())),
            Some(("agent", task)) => task.parse().map(Self::Agent).map_err(|_| bad()),
            Some(("shim", task)) => task.parse().map(Self::Shim).map_err(|_| bad()),
            _ => Err(bad()),
        }
    }
}

impl Serialize for Actor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            // Nearly every line; spelled out as it costs a tenth of the rest.
            Self::Supervisor => serializer.serialize_str("supervisor"),
            Self::Human(_) | Self::Agent(_) | Self::Shim(_) => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Actor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// One event with its place in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Number of the line, from 1, without gaps.
    pub seq: u64,
    /// When it was written.
    pub at: Time,
    /// Who caused it.
    pub actor: Actor,
    /// The epoch it belongs to.
    pub epoch: u32,
    /// Number of the first line of the same write.
    pub batch: u64,
    /// What happened.
    pub body: Body,
}

/// Why a line is not the next line of a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Not JSON, or not the fields of an event.
    #[error("not an event: {0}")]
    Syntax(String),
    /// The number does not follow the line before.
    #[error("event number {found} where {expected} was due")]
    Number {
        /// The number that had to come.
        expected: u64,
        /// The number in the line.
        found: u64,
    },
    /// The hash of the line before differs from the one that this line was written after.
    #[error("the line before it was changed or lost (its hash does not match)")]
    Chain,
}

#[derive(Deserialize)]
struct Line<'a> {
    seq: u64,
    at: Time,
    actor: Actor,
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    epoch: u32,
    batch: u64,
    #[serde(borrow)]
    data: &'a RawValue,
    prev: Hash,
}

impl Record {
    /// Appends the line with its newline to `out` and returns the chain that ends with it.
    pub fn write(&self, chain: Chain, out: &mut Vec<u8>) -> Chain {
        debug_assert_eq!(self.seq, chain.seq + 1, "lines are written in order");
        let from = out.len();
        // Put together by hand: the names, the time and the hash hold nothing to escape, and to look
        // for it would take as long as all the rest.
        field(out, "{\"seq\":", &self.seq);
        out.extend_from_slice(b",\"at\":\"");
        self.at.with_text(|text| out.extend_from_slice(text.as_bytes()));
        field(out, "\",\"actor\":", &self.actor);
        field(out, ",\"type\":", self.body.kind());
        field(out, ",\"epoch\":", &self.epoch);
        field(out, ",\"batch\":", &self.batch);
        field(out, ",\"data\":", &self.body);
        out.extend_from_slice(b",\"prev\":\"");
        chain.hash.with_text(|text| out.extend_from_slice(text.as_bytes()));
        out.extend_from_slice(b"\"}");
        let hash = Hash::of(&out[from..]);
        out.push(b'\n');
        Chain { seq: self.seq, hash }
    }

    /// Reads one line (without its newline) that must follow `chain`.
    ///
    /// # Errors
    /// The line is not an event, or not the next one.
    pub fn read(line: &[u8], chain: Chain) -> Result<(Self, Chain), LineError> {
        let syntax = |error: serde_json::Error| LineError::Syntax(error.to_string());
        let parsed: Line<'_> = serde_json::from_slice(line).map_err(syntax)?;
        if parsed.seq != chain.seq + 1 {
            return Err(LineError::Number { expected: chain.seq + 1, found: parsed.seq });
        }
        if parsed.prev != chain.hash {
            return Err(LineError::Chain);
        }
        let record = Self {
            seq: parsed.seq,
            at: parsed.at,
            actor: parsed.actor,
            epoch: parsed.epoch,
            batch: parsed.batch,
            body: Body::parse(&parsed.kind, parsed.data).map_err(syntax)?,
        };
        Ok((record, Chain { seq: parsed.seq, hash: Hash::of(line) }))
    }
}

/// Appends what stands before a value, and the value.
fn field<T: Serialize + ?Sized>(out: &mut Vec<u8>, before: &str, value: &T) {
    out.extend_from_slice(before.as_bytes());
    serde_json::to_writer(out, value).expect("events have no map keys but text");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::body::CommandRefused;

    fn record(seq: u64) -> Record {
        Record {
            seq,
            at: Time(1_777_000_000_123),
            actor: Actor::Human("ada".into()),
            epoch: 1,
            batch: seq,
            body: Body::CommandRefused(CommandRefused {
                command: "pause".into(),
                code: "state".into(),
                reason: "the run is done".into(),
            }),
        }
    }

    #[test]
    fn a_line_reads_back_as_it_was_written() {
        let mut out = Vec::new();
        let end = record(1).write(Chain::default(), &mut out);
        let line = out.strip_suffix(b"\n").expect("newline");
        assert_eq!(Record::read(line, Chain::default()), Ok((record(1), end)));
    }

    #[test]
    fn a_line_is_what_serde_would_write() {
        let mut out = Vec::new();
        let before = Chain { seq: 6, hash: Hash::of(b"x") };
        record(7).write(before, &mut out);
        let value: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
        let line = String::from_utf8(out).expect("UTF-8");
        let names = ["seq", "at", "actor", "type", "epoch", "batch", "data", "prev"];
        let data = serde_json::to_string(&record(7).body).expect("JSON");
        let text = |name| if name == "data" { data.clone() } else { value[name].to_string() };
        let fields = names.map(|name| format!("\"{name}\":{}", text(name)));
        assert_eq!(line, format!("{{{}}}\n", fields.join(",")));
        assert_eq!(value["at"], serde_json::to_value(record(7).at).expect("text"));
        assert_eq!(value["prev"], serde_json::to_value(before.hash).expect("text"));
    }

    #[test]
    fn a_changed_or_missing_line_breaks_the_chain() {
        let mut out = Vec::new();
        let first = record(1).write(Chain::default(), &mut out);
        let mut next = Vec::new();
        record(2).write(first, &mut next);
        let line = next.strip_suffix(b"\n").expect("newline");
        let other = Chain { seq: 1, hash: Hash::of(b"something else") };
        assert_eq!(Record::read(line, other), Err(LineError::Chain));
        let gap = Record::read(line, Chain::default());
        assert_eq!(gap, Err(LineError::Number { expected: 1, found: 2 }));
    }

    #[test]
    fn an_event_of_a_newer_version_is_kept() {
        let line = br#"{"seq":1,"at":"2026-05-01T09:30:00.123Z","actor":"supervisor","type":"moon.rose","epoch":1,"batch":1,"data":{"x":1},"prev":"00000000000000000000000000000000"}"#;
        let (record, _) = Record::read(line, Chain::default()).expect("readable");
        assert_eq!(record.body.kind(), "moon.rose");
        assert!(matches!(record.body, Body::Unknown { .. }));
    }
}
