//! Lines of an agent's output become observations; nothing an agent prints is an error.

use serde::{Deserialize, Serialize};

use serde_json::Value;

use super::live::Note;
use super::observation::{Observation, Usage};
use super::stream::aside::Aside;
use super::stream::{Stream, Totals};
use super::{crew, text};
use crate::base::limits;
use crate::base::redact::middle_cut;

/// What a program prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputFormat {
    /// Plain text; all of it is the answer.
    #[default]
    Text,
    /// crew's own JSON lines.
    Crew,
    /// `claude -p --output-format stream-json`
    Claude,
    /// `codex exec --json`
    Codex,
    /// `pi --mode json`
    Pi,
    /// `opencode run --format json`
    Opencode,
    /// `gemini --output-format stream-json`
    Gemini,
    /// `qwen --output-format stream-json`
    Qwen,
    /// `codex app-server`
    CodexServer,
    /// The Agent Client Protocol, as an agent speaks it.
    Acp,
}

impl OutputFormat {
    /// Every format.
    pub const ALL: [Self; 10] = [
        Self::Text,
        Self::Crew,
        Self::Claude,
        Self::Codex,
        Self::Pi,
        Self::Opencode,
        Self::Gemini,
        Self::Qwen,
        Self::CodexServer,
        Self::Acp,
    ];

    /// The word for it in configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Crew => "crew",
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Pi => "pi",
            Self::Opencode => "opencode",
            Self::Gemini => "gemini",
            Self::Qwen => "qwen",
            Self::CodexServer => "codex_server",
            Self::Acp => "acp",
        }
    }

    /// Whether the program itself says that its turn is over; without that it was cut short.
    pub fn says_its_end(self) -> bool {
        !matches!(self, Self::Text | Self::Crew)
    }
}

/// Reads the output of one attempt, line by line.
#[derive(Debug, Clone)]
pub struct Decoder {
    format: OutputFormat,
    stream: Option<Stream>,
}

impl Decoder {
    /// A decoder at the beginning of an attempt's output.
    pub fn new(format: OutputFormat) -> Self {
        let stream = match format {
            OutputFormat::Text | OutputFormat::Crew => None,
            OutputFormat::Claude => Some(Stream::claude()),
            OutputFormat::Codex => Some(Stream::codex()),
            OutputFormat::Pi => Some(Stream::pi()),
            OutputFormat::Opencode => Some(Stream::opencode()),
            OutputFormat::Gemini => Some(Stream::gemini()),
            OutputFormat::Qwen => Some(Stream::qwen()),
            OutputFormat::CodexServer => Some(Stream::codex_server()),
            OutputFormat::Acp => Some(Stream::acp()),
        };
        Self { format, stream }
    }

    /// A decoder of an attempt that goes on with a session of which `used` is known already.
    ///
    /// Some programs report the sum over the session; what was counted before is not counted twice. A program that
    /// names another session than this one has begun anew.
    #[must_use]
    pub fn going_on(mut self, session: &str, used: Usage) -> Self {
        if let Some(totals) = self.stream.as_mut().and_then(Stream::totals) {
            *totals = Totals::going_on(session, used);
        }
        self
    }

    /// What the session has used by now, once a program that reports the sum over it has told so.
    pub fn session_total(&mut self) -> Option<Usage> {
        self.stream.as_mut().and_then(Stream::totals).and_then(|totals| totals.told())
    }

    /// What was still incomplete when the output ended.
    pub fn finish(&mut self) -> Vec<Observation> {
        self.stream.as_mut().map(Stream::finish).unwrap_or_default()
    }

    /// What one line says; the line's newline may be missing or present.
    ///
    /// A format that reports running totals keeps them here, so lines must come in order and once.
    pub fn decode(&mut self, line: &[u8]) -> Vec<Observation> {
        self.decode_and(line, |_| {})
    }

    /// The same, with what the line tells beside it.
    pub fn decode_with_aside(&mut self, line: &[u8]) -> (Vec<Observation>, Aside) {
        let mut aside = Aside::default();
        let seen = self.decode_and(line, |object| aside = Aside::of(object));
        (seen, aside)
    }

    fn decode_and(&mut self, line: &[u8], also: impl FnOnce(&Value)) -> Vec<Observation> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.format == OutputFormat::Text {
            return vec![text::decode(line)];
        }
        if line.trim_ascii().is_empty() {
            return Vec::new();
        }
        let read = match &mut self.stream {
            None => readable(line, crew::decode).map(|seen| vec![seen]),
            Some(stream) => readable(line, object).and_then(|object| {
                also(&object);
                match Note::read(&object) {
                    Some(note) => Some(vec![note.observation()]),
                    None => stream.read(&object),
                }
            }),
        };
        read.unwrap_or_else(|| vec![raw(line)])
    }
}

/// Applies a format's rule, unless the line is longer than any line that is read.
fn readable<T>(line: &[u8], rule: fn(&[u8]) -> Option<T>) -> Option<T> {
    (line.len() <= limits::OUTPUT_LINE_BYTES_MAX).then(|| rule(line)).flatten()
}

/// A line that holds a JSON object.
fn object(line: &[u8]) -> Option<Value> {
    serde_json::from_slice(line).ok().filter(Value::is_object)
}

fn raw(line: &[u8]) -> Observation {
    // Only both ends are looked at: a line may be gigabytes long.
    let max = limits::RAW_LINE_BYTES_MAX;
    let line = if line.len() > 2 * max {
        let (head, tail) = (&line[..max / 2], &line[line.len() - max / 2..]);
        format!(
            "{}\n[… {} bytes left out …]\n{}",
            String::from_utf8_lossy(head),
            line.len() - max,
            String::from_utf8_lossy(tail)
        )
    } else {
        middle_cut(&String::from_utf8_lossy(line), max).into_owned()
    };
    Observation::Raw { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(format: OutputFormat, line: &[u8]) -> Vec<Observation> {
        Decoder::new(format).decode(line)
    }

    #[test]
    fn every_line_of_the_crew_format_is_read() {
        let lines = include_str!("../../tests/fixtures/agent/crew.jsonl");
        let golden = include_str!("../../tests/fixtures/agent/crew.observations");
        let mut decoder = Decoder::new(OutputFormat::Crew);
        let seen: Vec<String> = lines
            .lines()
            .flat_map(|line| decoder.decode(line.as_bytes()))
            .map(|observation| format!("{observation:?}"))
            .collect();
        assert_eq!(seen, golden.lines().collect::<Vec<_>>());
    }

    #[test]
    fn what_is_not_of_the_crew_format_is_kept_raw() {
        for line in [
            &b"plain words"[..],
            b"{\"type\":\"text\"",
            b"{\"type\":\"text\"}",
            b"{\"type\":\"dance\"}",
            b"{\"text\":\"x\"}",
            b"{\"type\":\"usage\",\"input_tokens\":-1}",
            b"[1]",
            b"12",
            b"\"text\"",
            b"\x00\xff\xfe{",
        ] {
            let seen = decode(OutputFormat::Crew, line);
            assert!(
                matches!(&seen[..], [Observation::Raw { line: kept }]
                    if *kept == String::from_utf8_lossy(line)),
                "{seen:?}"
            );
        }
        assert_eq!(decode(OutputFormat::Crew, b" \r\n"), []);
    }

    #[test]
    fn random_bytes_never_stop_a_decoder() {
        let mut random = fastrand::Rng::with_seed(11);
        let mut decoders = OutputFormat::ALL.map(Decoder::new);
        for _ in 0..20_000 {
            let mut line: Vec<u8> = (0..random.usize(0..60)).map(|_| random.u8(..)).collect();
            if random.bool() {
                line.splice(..0, *b"{\"type\":\"text\",");
            }
            for decoder in &mut decoders {
                assert!(decoder.decode(&line).len() <= 1);
            }
        }
    }

    #[test]
    fn a_line_beyond_the_limit_is_cut_and_kept() {
        let line = [b"{\"type\":\"text\",\"text\":\"", &vec![b'x'; 20 << 20][..], b"\"}"].concat();
        let [Observation::Raw { line: kept }] = &decode(OutputFormat::Crew, &line)[..] else {
            panic!("not raw");
        };
        assert!(kept.starts_with("{\"type\"") && kept.ends_with("x\"}") && kept.len() < 20_000);
        let [Observation::Text { text }] = &decode(OutputFormat::Text, &line)[..] else {
            panic!("not text");
        };
        assert!(text.ends_with("x\"}") && text.len() < limits::RESULT_BYTES_MAX + 100);
        // A long line below the limit is still read.
        let line = [b"{\"type\":\"text\",\"text\":\"", &vec![b'x'; 4 << 20][..], b"\"}"].concat();
        assert!(matches!(&decode(OutputFormat::Crew, &line)[..],
            [Observation::Text { text }] if text.len() == 4 << 20));
    }

    #[test]
    fn plain_text_is_taken_as_it_is_without_terminal_codes() {
        let text = |line: &[u8]| match &decode(OutputFormat::Text, line)[..] {
            [Observation::Text { text }] => text.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(text(b"hello\tworld\r\n"), "hello\tworld");
        assert_eq!(text(b"\x1b[1;31mred\x1b[0m\x07\xff\n"), "red\u{fffd}");
        assert_eq!(text(b"{\"type\":\"text\"}"), "{\"type\":\"text\"}");
        assert_eq!(text(b"\n"), "");
    }
}
