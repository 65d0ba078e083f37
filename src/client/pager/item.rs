//! One thing that an agent did, with what came of it.

use crate::agent::Edit;
use crate::base::Time;
use crate::client::transcript::Entry;

/// Where in the output something stands: the line, and which of the things that the line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    /// Byte at which its line begins.
    pub offset: u64,
    /// Number of the thing within the line.
    pub part: u32,
}

/// One thing that an agent did.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Where it stands.
    pub place: Place,
    /// When, where the output tells it.
    pub at: Option<Time>,
    /// What it is.
    pub entry: Entry,
    /// The call of a tool.
    pub call: Option<ToolCall>,
}

/// The call of a tool.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ToolCall {
    /// The program's name of the call.
    pub id: String,
    /// The command as it was given, when one line does not hold it.
    pub input: Option<String>,
    /// What it changes in a file, where the output tells it.
    pub edit: Option<Edit>,
    /// What came back, with its lines, where the output tells them.
    pub output: Option<String>,
    /// How long it worked, where the output tells it.
    pub took_ms: Option<u64>,
    /// How it ended; absent while it goes on.
    pub end: Option<CallEnd>,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallEnd {
    /// Whether it worked.
    pub ok: bool,
    /// One line about what came back.
    pub text: String,
    /// Byte at which the line begins that told it.
    pub offset: u64,
}

impl Item {
    /// Adds what was told of the call later, at the moment `at`.
    pub(super) fn join(&mut self, later: ToolCall, at: Option<Time>) {
        let begun = self.at;
        let Some(call) = &mut self.call else { return };
        call.input = later.input.or(call.input.take());
        call.edit = later.edit.or(call.edit.take());
        call.output = later.output.or(call.output.take());
        call.took_ms = later.took_ms.or(call.took_ms);
        if later.end.is_some() {
            let between = at.zip(begun).map(|(end, begun)| end.since_ms(begun));
            call.took_ms = call.took_ms.or(between);
            call.end = later.end;
        }
    }

    /// Whether the line that begins at this byte tells of it.
    pub fn is_told_at(&self, offset: u64) -> bool {
        let end = self.call.as_ref().and_then(|call| call.end.as_ref());
        self.place.offset == offset || end.is_some_and(|end| end.offset == offset)
    }

    /// Every text of it, for a search.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let more = self.call.as_ref().into_iter().flat_map(ToolCall::texts);
        [self.entry.title.as_str(), self.entry.text.as_str()].into_iter().chain(more)
    }
}

impl ToolCall {
    /// Every text of it, for a search.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let texts = [self.input.as_deref(), self.output.as_deref()];
        let patch = self.edit.as_ref().map(|edit| edit.patch.as_str());
        let end = self.end.as_ref().map(|end| end.text.as_str());
        texts.into_iter().flatten().chain(patch).chain(end)
    }
}
