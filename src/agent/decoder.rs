//! Lines of an agent's output become observations; nothing an agent prints is an error.

use serde::{Deserialize, Serialize};

use super::observation::Observation;
use super::{crew, text};
use crate::base::limits;
use crate::base::text::middle_cut;

/// What a program prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputFormat {
    /// Plain text; all of it is the answer.
    Text,
    /// crew's own JSON lines.
    Crew,
}

impl OutputFormat {
    /// Every format.
    pub const ALL: [Self; 2] = [Self::Text, Self::Crew];

    /// The word for it in configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Crew => "crew",
        }
    }
}

/// Reads the output of one attempt, line by line.
#[derive(Debug, Clone)]
pub struct Decoder {
    format: OutputFormat,
}

impl Decoder {
    /// A decoder at the beginning of an attempt's output.
    pub fn new(format: OutputFormat) -> Self {
        Self { format }
    }

    /// What one line says; the line's newline may be missing or present.
    ///
    /// A format that reports running totals keeps them here, so lines must come in order and once.
    pub fn decode(&mut self, line: &[u8]) -> Vec<Observation> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match self.format {
            OutputFormat::Text => vec![text::decode(line)],
            OutputFormat::Crew => {
                if line.trim_ascii().is_empty() {
                    return Vec::new();
                }
                vec![readable(line, crew::decode).unwrap_or_else(|| raw(line))]
            }
        }
    }
}

/// Applies a format's rule, unless the line is longer than any line that is read.
fn readable(line: &[u8], rule: fn(&[u8]) -> Option<Observation>) -> Option<Observation> {
    (line.len() <= limits::OUTPUT_LINE_BYTES_MAX).then(|| rule(line)).flatten()
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
