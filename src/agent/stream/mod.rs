//! What the known programs print: one small state machine for each family of streams.
//!
//! Every reader turns one JSON line into observations and keeps only what later lines need: running
//! totals, pieces of a text that is not complete yet. Formats were measured with the programs
//! themselves; `tests/recordings.rs` plays their recorded output.

mod acp;
pub mod aside;
mod claude;
mod codex;
mod codex_server;
mod failure;
mod gemini;
mod json;
mod opencode;
mod pi;

pub use failure::{NO_MODE, kind_of};

use serde_json::Value;

use super::observation::{Observation, Usage};

/// A reader of one program's stream.
#[derive(Debug, Clone)]
pub(super) enum Stream {
    Claude(claude::Reader),
    Codex(codex::Reader),
    Gemini(gemini::Reader),
    Opencode(opencode::Reader),
    Pi(pi::Reader),
    CodexServer(codex_server::Reader),
    Acp(acp::Reader),
}

impl Stream {
    pub(super) fn claude() -> Self {
        Self::Claude(claude::Reader::default())
    }

    pub(super) fn qwen() -> Self {
        Self::Claude(claude::Reader::qwen())
    }

    pub(super) fn codex() -> Self {
        Self::Codex(codex::Reader::default())
    }

    pub(super) fn codex_server() -> Self {
        Self::CodexServer(codex_server::Reader::default())
    }

    pub(super) fn acp() -> Self {
        Self::Acp(acp::Reader::default())
    }

    pub(super) fn gemini() -> Self {
        Self::Gemini(gemini::Reader::default())
    }

    pub(super) fn opencode() -> Self {
        Self::Opencode(opencode::Reader::default())
    }

    pub(super) fn pi() -> Self {
        Self::Pi(pi::Reader::default())
    }

    /// What one JSON object says; `None` when it is not of this format.
    pub(super) fn read(&mut self, line: &Value) -> Option<Vec<Observation>> {
        match self {
            Self::Claude(reader) => reader.read(line),
            Self::Codex(reader) => reader.read(line),
            Self::Gemini(reader) => reader.read(line),
            Self::Opencode(reader) => reader.read(line),
            Self::Pi(reader) => reader.read(line),
            Self::CodexServer(reader) => reader.read(line),
            Self::Acp(reader) => reader.read(line),
        }
    }

    /// What was still incomplete when the output ended.
    pub(super) fn finish(&mut self) -> Vec<Observation> {
        match self {
            Self::Gemini(reader) => reader.finish(),
            Self::Acp(reader) => reader.finish(),
            Self::Claude(_)
            | Self::Codex(_)
            | Self::CodexServer(_)
            | Self::Opencode(_)
            | Self::Pi(_) => Vec::new(),
        }
    }

    /// The running totals that the session had when this output began, and that it has now.
    pub(super) fn totals(&mut self) -> Option<&mut Totals> {
        match self {
            Self::Claude(reader) => Some(&mut reader.totals),
            Self::Codex(reader) => Some(&mut reader.totals),
            Self::Acp(reader) => Some(&mut reader.totals),
            Self::Gemini(_) | Self::Opencode(_) | Self::Pi(_) | Self::CodexServer(_) => None,
        }
    }
}

/// A failure in the words of who stands between a program and its output.
pub(super) fn failure(why: &str) -> Observation {
    failure::failure(None, why)
}

/// Usage that a program reports as the sum over its session, also when it goes on with an old one.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Totals {
    /// The session that goes on, until the program has named one.
    session: Option<String>,
    last: Usage,
    is_told: bool,
}

impl Totals {
    /// A session that has used this much already.
    pub(super) fn going_on(session: &str, used: Usage) -> Self {
        Self { session: Some(session.to_owned()), last: used, is_told: false }
    }

    /// The last sum that the program told.
    pub(super) fn told(&self) -> Option<Usage> {
        self.is_told.then_some(self.last)
    }

    /// The program names its session; another one than that which was to go on has used nothing yet.
    fn named(&mut self, session: &str) {
        if self.session.take().is_some_and(|expected| expected != session) {
            self.last = Usage::default();
        }
    }

    /// What was used since the last report.
    fn since(&mut self, total: Usage) -> Usage {
        self.is_told = true;
        let last = std::mem::replace(&mut self.last, total);
        let less = |now: u64, before: u64| if now >= before { now - before } else { now };
        Usage {
            input_tokens: less(total.input_tokens, last.input_tokens),
            output_tokens: less(total.output_tokens, last.output_tokens),
            cache_tokens: less(total.cache_tokens, last.cache_tokens),
            cost_usd: match (total.cost_usd, last.cost_usd) {
                (Some(now), Some(before)) if now >= before => Some(now - before),
                (now, _) => now,
            },
        }
    }
}
