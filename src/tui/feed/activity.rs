//! What a live attempt does now, from the last things that it printed.

use std::collections::VecDeque;

use camino::{Utf8Path, Utf8PathBuf};

use super::super::world::Activity;
use crate::agent::OutputFormat;
use crate::base::Time;
use crate::base::text::one_line;
use crate::client::transcript::{Entry, Kind, Transcript};

/// Bytes of an attempt's output that are read when it is first looked at.
const TAIL_BYTES: u64 = 16 << 10;
/// Last lines that are kept.
const LINES: usize = 3;
/// Characters of one of them.
const LINE_CHARS: usize = 200;

/// Reads the output of one live attempt.
pub(super) struct Reader {
    number: u32,
    transcript: Transcript,
    is_tailed: bool,
    now: Activity,
    lines: VecDeque<String>,
}

impl Reader {
    pub(super) fn open(path: Utf8PathBuf, format: OutputFormat, number: u32) -> Self {
        let transcript = Transcript::open(path, format);
        Self {
            number,
            transcript,
            is_tailed: false,
            now: Activity::default(),
            lines: VecDeque::new(),
        }
    }

    pub(super) fn is_of(&self, number: u32) -> bool {
        self.number == number
    }

    pub(super) fn path(&self) -> &Utf8Path {
        self.transcript.path()
    }

    pub(super) fn activity(&self) -> Activity {
        Activity { lines: self.lines.iter().cloned().collect(), ..self.now.clone() }
    }

    /// Reads what is new.
    pub(super) fn read(&mut self, now: Time) {
        if !self.is_tailed {
            // A file that is not there yet has no tail, either.
            self.is_tailed = self.transcript.skip_to_tail(TAIL_BYTES).is_ok();
        }
        let (current, lines) = (&mut self.now, &mut self.lines);
        // What cannot be read now is tried again at the next look.
        drop(self.transcript.read(|entry| take(current, lines, &entry, now)));
    }
}

fn take(current: &mut Activity, lines: &mut VecDeque<String>, entry: &Entry, now: Time) {
    let said = one_line(&entry.text, LINE_CHARS);
    let (word, is_tool) = match entry.kind {
        Kind::ToolStart => (entry.title.as_str(), true),
        Kind::Text | Kind::Raw | Kind::Result => ("writes", false),
        Kind::Thinking | Kind::ToolOk | Kind::ToolFailed => ("thinking", false),
        Kind::Question | Kind::Request => ("asks", false),
        Kind::Retry => ("tries again", false),
        Kind::Error => ("error", false),
        Kind::Session | Kind::Model => ("starts", false),
        Kind::Gate
        | Kind::Message
        | Kind::Artifact
        | Kind::Marker
        | Kind::Denied
        | Kind::Told
        | Kind::Untold
        | Kind::Answer => return,
    };
    let detail = if is_tool || !matches!(entry.kind, Kind::ToolOk | Kind::ToolFailed) {
        said.clone()
    } else {
        String::new()
    };
    if current.word != word || current.is_tool != is_tool || (is_tool && current.detail != detail) {
        current.since = Some(now);
    }
    word.clone_into(&mut current.word);
    current.is_tool = is_tool;
    current.detail = detail;
    let line = if is_tool { format!("{word} {said}") } else { said };
    if !line.trim().is_empty() {
        lines.push_back(line);
        if lines.len() > LINES {
            lines.pop_front();
        }
    }
}
