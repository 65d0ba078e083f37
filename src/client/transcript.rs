//! What an agent printed, as entries that people can read: decoded, redacted, without control characters.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

use camino::{Utf8Path, Utf8PathBuf};

use crate::agent::{Decoder, Observation, OutputFormat};
use crate::base::path::{PathContext, PathError};
use crate::base::{limits, redact, text};
use crate::config::Config;
use crate::launch::Programs;
use crate::store::AttemptDir;

/// One thing that an agent did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What kind of thing.
    pub kind: Kind,
    /// Its name: the tool, the address, the gate; empty where the kind says it all.
    pub title: String,
    /// What was said; may have several lines.
    pub text: String,
}

/// What kind of thing an agent did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as the observations of agents")]
pub enum Kind {
    Session,
    Text,
    Thinking,
    ToolStart,
    ToolOk,
    ToolFailed,
    Question,
    Error,
    Result,
    Gate,
    Message,
    Artifact,
    Marker,
    Raw,
    Model,
    Denied,
    Retry,
    Told,
    Untold,
    Request,
    Answer,
}

/// What standard error and plain commands print.
pub const TEXT: OutputFormat = OutputFormat::Text;

/// What programs print, by the name of their runtime.
#[derive(Debug)]
pub struct Formats {
    programs: Option<Programs>,
}

impl Formats {
    /// The formats of the runtimes of a configuration.
    pub fn of(config: &Config) -> Self {
        // A wrong table stops runs from starting; what ran before can still be read.
        Self { programs: Programs::of(config, &BTreeMap::new()).ok() }
    }

    /// What an attempt prints, as it was started; one of a runtime that is gone, and a plain command, is read
    /// as text.
    pub fn of_attempt(&self, dir: &AttemptDir, runtime: &str) -> OutputFormat {
        self.programs.as_ref().map_or(TEXT, |programs| programs.format_of(dir, runtime))
    }
}

/// Reads the output of one attempt, as far as it is there.
#[derive(Debug)]
pub struct Transcript {
    path: Utf8PathBuf,
    offset: u64,
    decoder: Decoder,
    /// The beginning of a line that is not finished.
    begun: Vec<u8>,
    said: Said,
    cleaner: Cleaner,
}

/// Bytes before a place that are looked at for the beginning of a private key.
const KEY_BYTES_MAX: u64 = 16 << 10;

/// Makes text fit to be shown: no secrets, no control characters.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cleaner {
    in_key: bool,
}

/// What an agent said before, as far as its final answer may repeat it.
#[derive(Debug, Default)]
pub(super) struct Said(String);

impl Transcript {
    /// A transcript of the file at `path`, from its start; the file may come later.
    pub fn open(path: Utf8PathBuf, format: OutputFormat) -> Self {
        let decoder = Decoder::new(format);
        let (said, cleaner) = (Said::default(), Cleaner::default());
        Self { path, offset: 0, decoder, begun: Vec::new(), said, cleaner }
    }

    /// The file.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// Leaves out all but the last `bytes`, beginning at a line; returns how many were left out.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn skip_to_tail(&mut self, bytes: u64) -> Result<u64, PathError> {
        let Some(mut file) = open(&self.path)? else { return Ok(0) };
        let size = file.metadata().at("cannot read", &self.path)?.len();
        let Some(start) = size.checked_sub(bytes).filter(|start| *start > 0) else {
            return Ok(0);
        };
        file.seek(SeekFrom::Start(start - 1)).at("cannot read", &self.path)?;
        let mut rest = Vec::new();
        let mut input = BufReader::new(file.take(bytes));
        input.read_until(b'\n', &mut rest).at("cannot read", &self.path)?;
        // A line that fills the whole window is shown from the middle of it.
        let whole = if rest.ends_with(b"\n") { start - 1 + rest.len() as u64 } else { start };
        self.offset = if whole < size { whole } else { start };
        self.look_back().at("cannot read", &self.path)?;
        Ok(self.offset)
    }

    /// Learns whether what is shown begins in the middle of a private key.
    fn look_back(&mut self) -> std::io::Result<()> {
        let Ok(Some(mut file)) = open(&self.path) else { return Ok(()) };
        let from = self.offset.saturating_sub(KEY_BYTES_MAX);
        file.seek(SeekFrom::Start(from))?;
        let mut before = Vec::new();
        file.take(self.offset - from).read_to_end(&mut before)?;
        self.cleaner.clean(&String::from_utf8_lossy(&before));
        Ok(())
    }

    /// Shows what was printed since the last look, in whole lines.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(&mut self, mut each: impl FnMut(Entry)) -> Result<(), PathError> {
        self.lines(|transcript, line| transcript.decode(line, &mut each))
    }

    /// Shows the lines that were printed since the last look as they are, but redacted.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read_raw(&mut self, mut each: impl FnMut(String)) -> Result<(), PathError> {
        self.lines(|transcript, line| {
            let text = String::from_utf8_lossy(line);
            each(transcript.cleaner.clean(text.trim_end_matches(['\n', '\r'])));
        })
    }

    /// Shows a last line that has no end; nothing more will come.
    pub fn finish(&mut self, mut each: impl FnMut(Entry)) {
        let line = std::mem::take(&mut self.begun);
        if !line.is_empty() {
            self.decode(&line, &mut each);
        }
        let rest = self.decoder.finish();
        self.show(rest, &mut each);
    }

    /// Shows a last line that has no end as it is, but redacted; nothing more will come.
    pub fn finish_raw(&mut self, mut each: impl FnMut(String)) {
        let line = std::mem::take(&mut self.begun);
        if !line.is_empty() {
            each(self.cleaner.clean(&String::from_utf8_lossy(&line)));
        }
    }

    fn lines(&mut self, mut each: impl FnMut(&mut Self, &[u8])) -> Result<(), PathError> {
        let Some(mut file) = open(&self.path)? else { return Ok(()) };
        file.seek(SeekFrom::Start(self.offset)).at("cannot read", &self.path)?;
        let mut input = BufReader::with_capacity(64 << 10, file);
        loop {
            let room = limits::OUTPUT_LINE_BYTES_MAX.saturating_sub(self.begun.len()) as u64;
            let got = if room == 0 {
                // The rest of a line that is longer than any that is read.
                skip_line(&mut input, &mut self.begun).at("cannot read", &self.path)?
            } else {
                let mut part = input.by_ref().take(room);
                part.read_until(b'\n', &mut self.begun).at("cannot read", &self.path)? as u64
            };
            if got == 0 {
                return Ok(());
            }
            self.offset += got;
            if self.begun.last() == Some(&b'\n') {
                let line = std::mem::take(&mut self.begun);
                each(self, &line);
            }
        }
    }

    fn decode(&mut self, line: &[u8], each: &mut impl FnMut(Entry)) {
        let seen = self.decoder.decode(line);
        self.show(seen, each);
    }

    fn show(&mut self, seen: Vec<Observation>, each: &mut impl FnMut(Entry)) {
        for observation in seen {
            let Some(entry) = Entry::of(observation, &mut self.cleaner) else { continue };
            if self.said.is_new(&entry) {
                each(entry);
            }
        }
    }
}

impl Entry {
    /// The entry of an observation, fit to be shown; what only adds up has none.
    pub(super) fn of(observation: Observation, cleaner: &mut Cleaner) -> Option<Self> {
        let (kind, title, said) = entry(observation)?;
        Some(Self { kind, title: cleaner.clean(&title), text: cleaner.clean(&said) })
    }
}

impl Said {
    /// Whether this says something new: the final answer usually is what was said before once more.
    pub(super) fn is_new(&mut self, entry: &Entry) -> bool {
        // Programs put their texts together with as many empty lines as they like.
        let words = || entry.text.split_whitespace().collect::<Vec<_>>().join(" ");
        if entry.kind == Kind::Result && self.0.trim_end().ends_with(&words()) {
            return false;
        }
        if entry.kind == Kind::Text {
            self.0.push_str(&words());
            self.0.push(' ');
            let surplus = self.0.len().saturating_sub(limits::RESULT_BYTES_MAX);
            self.0.drain(..self.0.ceil_char_boundary(surplus));
        }
        true
    }
}

impl Cleaner {
    /// Text without secrets and without control characters.
    pub(super) fn clean(&mut self, said: &str) -> String {
        // Terminal codes go first: one in the middle of a secret would hide it.
        let said = text::printable(said);
        // A private key has many lines, and none but the first says what it is.
        let (end, is_known) = if self.in_key { redact::key_end(&said) } else { (0, true) };
        if !is_known {
            return redact::REDACTED.to_owned();
        }
        let (key, said) = said.split_at(end);
        let opens = said.rfind("-----BEGIN ").filter(|at| said[*at..].contains("PRIVATE KEY"));
        self.in_key = opens.is_some_and(|at| {
            let behind = &said[at + 11..];
            let body = behind.find("-----").map_or("", |at| &behind[at + 5..]);
            !body.contains("-----END") && !redact::key_end(body).1
        });
        let shown = redact::redact(said);
        if key.is_empty() { shown.into_owned() } else { format!("{}{shown}", redact::REDACTED) }
    }
}

/// Reads over the rest of a line; puts its end behind what is kept of it.
fn skip_line(input: &mut impl BufRead, begun: &mut Vec<u8>) -> std::io::Result<u64> {
    let bytes = input.fill_buf()?;
    let (used, ends) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(at) => (at + 1, true),
        None => (bytes.len(), false),
    };
    input.consume(used);
    if ends {
        begun.push(b'\n');
    }
    Ok(used as u64)
}

fn open(path: &Utf8Path) -> Result<Option<File>, PathError> {
    match crate::store::files::open_read(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Kind, title and text of an observation; what only adds up is not shown.
fn entry(observation: Observation) -> Option<(Kind, String, String)> {
    let none = String::new;
    Some(match observation {
        Observation::Session { id } => (Kind::Session, none(), id),
        Observation::Model { name } => (Kind::Model, none(), name),
        Observation::Denied { tool, reason } => (Kind::Denied, tool, reason),
        Observation::Retry { kind, text } => (Kind::Retry, kind.word().to_owned(), text),
        Observation::Text { text } => (Kind::Text, none(), text),
        Observation::Thinking { text } => (Kind::Thinking, none(), text),
        Observation::ToolStart { name, detail, .. } => (Kind::ToolStart, name, detail),
        Observation::ToolEnd { ok: true, detail, .. } => (Kind::ToolOk, none(), detail),
        Observation::ToolEnd { ok: false, detail, .. } => (Kind::ToolFailed, none(), detail),
        Observation::Question { text, choices } => (Kind::Question, none(), asked(text, &choices)),
        Observation::Delivered { text, .. } => (Kind::Told, none(), text),
        Observation::Undelivered { id, why } => (Kind::Untold, id, why),
        Observation::Request { text, choices } => (Kind::Request, none(), asked(text, &choices)),
        Observation::Answer { text, late: false } => (Kind::Answer, none(), text),
        Observation::Answer { text, late: true } => {
            (Kind::Answer, none(), format!("{text} (nobody answered in time)"))
        }
        Observation::Usage(_) | Observation::UsageOf { .. } | Observation::UsageIsPart => {
            return None;
        }
        Observation::Error { kind, text, .. } => (Kind::Error, kind.word().to_owned(), text),
        Observation::Result { text, .. } => (Kind::Result, none(), text),
        Observation::GateWrite { gate, values } => {
            let values = serde_json::to_string(&values).unwrap_or_default();
            (Kind::Gate, gate, values)
        }
        Observation::Message { to, text } => (Kind::Message, to, text),
        Observation::Artifact { name, text } => {
            (Kind::Artifact, name, format!("{} bytes", text.len()))
        }
        Observation::Marker { state, reason } => {
            (Kind::Marker, state.word().to_owned(), reason.unwrap_or_default())
        }
        Observation::Raw { line } => (Kind::Raw, none(), line),
    })
}

/// A question with its choices.
fn asked(text: String, choices: &[String]) -> String {
    if choices.is_empty() { text } else { format!("{text} [{}]", choices.join(" | ")) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(content: &[u8]) -> (tempfile::TempDir, Utf8PathBuf) {
        let guard = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::try_from(guard.path().join("stdout.jsonl")).unwrap();
        std::fs::write(&path, content).unwrap();
        (guard, path)
    }

    fn texts(transcript: &mut Transcript) -> Vec<String> {
        let mut seen = Vec::new();
        transcript.read(|entry| seen.push(entry.text)).unwrap();
        seen
    }

    #[test]
    fn what_is_printed_later_is_read_later_and_half_lines_wait() {
        let (_guard, path) = file(b"one\ntw");
        let mut transcript = Transcript::open(path.clone(), OutputFormat::Text);
        assert_eq!(texts(&mut transcript), ["one"]);
        let mut more = File::options().append(true).open(&path).unwrap();
        more.write_all(b"o\nthree").unwrap();
        assert_eq!(texts(&mut transcript), ["two"]);
        let mut last = Vec::new();
        transcript.finish(|entry| last.push(entry.text));
        assert_eq!(last, ["three"]);
    }

    #[test]
    fn the_tail_of_a_long_file_begins_at_a_line() {
        let lines: Vec<String> = (0..1_000).map(|at| format!("line {at:04}\n")).collect();
        let (_guard, path) = file(lines.concat().as_bytes());
        let mut transcript = Transcript::open(path, OutputFormat::Text);
        let left_out = transcript.skip_to_tail(25).unwrap();
        assert_eq!(left_out % 10, 0);
        assert_eq!(texts(&mut transcript), ["line 0998", "line 0999"]);
    }

    #[test]
    fn a_line_longer_than_the_window_is_shown_from_its_middle() {
        let (_guard, path) = file(&[b'x'; 1_000]);
        let mut transcript = Transcript::open(path, OutputFormat::Text);
        assert_eq!(transcript.skip_to_tail(100).unwrap(), 900);
        assert!(texts(&mut transcript).is_empty());
        let mut last = Vec::new();
        transcript.finish(|entry| last.push(entry.text.len()));
        assert_eq!(last, [100]);
    }

    #[test]
    fn secrets_and_terminal_codes_are_not_shown() {
        let (_guard, path) = file(
            b"\x1b[31mpassword=hunter2hunter2\n-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n\
              -----END RSA PRIVATE KEY-----\nafter\n",
        );
        for raw in [false, true] {
            let mut transcript = Transcript::open(path.clone(), OutputFormat::Text);
            let mut seen = Vec::new();
            if raw {
                transcript.read_raw(|line| seen.push(line)).unwrap();
            } else {
                seen = texts(&mut transcript);
            }
            let all = seen.join("\n");
            assert!(!all.contains("hunter2") && !all.contains("MIIEow"), "{all}");
            assert!(!all.contains('\u{1b}'));
            assert_eq!(seen.last().map(String::as_str), Some("after"));
        }
    }

    #[test]
    fn the_final_answer_is_not_said_twice() {
        let (_guard, path) = file(
            b"{\"type\":\"text\",\"text\":\"all \"}\n{\"type\":\"text\",\"text\":\"good\"}\n\
              {\"type\":\"result\",\"text\":\"all\\n\\ngood\"}\n",
        );
        let mut transcript = Transcript::open(path, OutputFormat::Crew);
        assert_eq!(texts(&mut transcript), ["all ", "good"]);
    }

    #[test]
    fn a_file_that_is_not_there_yet_is_empty() {
        let mut transcript = Transcript::open("/nowhere/stdout".into(), OutputFormat::Text);
        assert_eq!(transcript.skip_to_tail(10).unwrap(), 0);
        assert!(texts(&mut transcript).is_empty());
    }
}
