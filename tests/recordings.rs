//! Plays what the real programs printed: every recording is a golden test of its decoder.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use camino::{Utf8Path, Utf8PathBuf};
use crew::agent::{Decoder, Observation, OutputFormat, TurnReport, Usage};
use crew::base::text::one_line;
use serde::Deserialize;

/// How a recorded program ended.
#[derive(Deserialize)]
struct End {
    exit: Option<i32>,
    stderr: Vec<String>,
}

fn folder(program: &str) -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/recordings").join(program)
}

fn cases(program: &str) -> Vec<(String, Vec<u8>, End)> {
    let folder = folder(program);
    let ends = std::fs::read_to_string(folder.join("ends.json")).expect("ends.json is there");
    let ends: BTreeMap<String, End> = serde_json::from_str(&ends).expect("ends.json is readable");
    ends.into_iter()
        .map(|(case, end)| {
            let path = folder.join(format!("{case}.jsonl"));
            let bytes = std::fs::read(&path).expect("a recording for each end");
            (case, bytes, end)
        })
        .collect()
}

fn format_of(program: &str) -> OutputFormat {
    OutputFormat::ALL
        .into_iter()
        .find(|format| format.word() == program)
        .expect("a format is named after its program")
}

fn play(program: &str, bytes: &[u8]) -> Vec<Observation> {
    read(&mut Decoder::new(format_of(program)), bytes)
}

fn read(decoder: &mut Decoder, bytes: &[u8]) -> Vec<Observation> {
    let mut seen: Vec<Observation> = bytes
        .split_inclusive(|byte| *byte == b'\n')
        .flat_map(|line| decoder.decode(line))
        .collect();
    seen.extend(decoder.finish());
    seen
}

/// What was observed in each case, and what it comes to, as one text.
fn told(program: &str) -> String {
    let mut text = String::new();
    for (case, bytes, end) in cases(program) {
        let seen = play(program, &bytes);
        let report = TurnReport::of(&seen);
        writeln!(text, "## {case} (exit {:?})", end.exit).expect("text");
        for observation in &seen {
            writeln!(text, "  {}", one_line(&format!("{observation:?}"), 160)).expect("text");
        }
        if !end.stderr.is_empty() {
            writeln!(text, "  stderr: {}", one_line(&end.stderr.join(" / "), 120)).expect("text");
        }
        let usage = report.usage.map(|used| {
            let (input, output, cache) = (used.input_tokens, used.output_tokens, used.cache_tokens);
            format!("{input} in, {output} out, {cache} cached, cost {:?}", used.cost_usd)
        });
        writeln!(
            text,
            "  => {:?}; {}; errors {:?}; {}/{} tools, {} failed; retries {}; raw {}; answer {:?}\n",
            report.status,
            usage.as_deref().unwrap_or("no usage"),
            report.errors.iter().map(|error| error.kind.word()).collect::<Vec<_>>(),
            report.tools.ended,
            report.tools.started,
            report.tools.failed,
            report.retries,
            report.raw_lines,
            one_line(&report.final_text(), 80),
        )
        .expect("text");
    }
    text
}

#[test]
fn claude_is_understood() {
    insta::assert_snapshot!(told("claude"));
}

#[test]
fn codex_is_understood() {
    insta::assert_snapshot!(told("codex"));
}

#[test]
fn pi_is_understood() {
    insta::assert_snapshot!(told("pi"));
}

#[test]
fn opencode_is_understood() {
    insta::assert_snapshot!(told("opencode"));
}

#[test]
fn gemini_is_understood() {
    insta::assert_snapshot!(told("gemini"));
}

#[test]
fn qwen_is_understood() {
    insta::assert_snapshot!(told("qwen"));
}

#[test]
fn the_server_of_codex_is_understood() {
    insta::assert_snapshot!(told("codex_server"));
}

#[test]
fn agents_of_the_client_protocol_are_understood() {
    insta::assert_snapshot!(told("acp"));
}

const PROGRAMS: [&str; 6] = ["claude", "codex", "pi", "opencode", "gemini", "qwen"];

#[test]
fn a_turn_that_worked_is_the_same_whoever_played_it() {
    for program in PROGRAMS {
        let (_, bytes, end) =
            cases(program).into_iter().find(|(case, ..)| case == "success").expect("recorded");
        assert_eq!(end.exit, Some(0), "{program}");
        let report = TurnReport::of(&play(program, &bytes));
        assert!(report.session.is_some(), "{program}");
        assert_eq!(report.final_text(), "Done: hello.txt was created.", "{program}");
        assert_eq!(report.errors, [], "{program}");
        assert_eq!((report.tools.started, report.tools.ended), (1, 1), "{program}");
        assert_eq!(report.raw_lines, 0, "{program}");
        let used = report.usage.expect("usage is told");
        // Two calls of 200 tokens that were new, 1,000 from the cache, and 42 that were written.
        let tokens = (used.input_tokens, used.cache_tokens, used.output_tokens);
        assert_eq!(tokens, (400, 2_000, 84), "{program}");
    }
}

#[test]
fn a_resumed_session_counts_only_what_is_new() {
    for program in PROGRAMS {
        let recordings = cases(program);
        let find =
            |name: &str| recordings.iter().find(|(case, ..)| case == name).map(|case| &case.1);
        let Some(resumed) = find("resume") else { continue };
        // The first turn of the recorded session used as much as any turn of two calls.
        let mut first = Decoder::new(format_of(program));
        read(&mut first, find("success").expect("recorded"));
        let mut decoder = Decoder::new(format_of(program));
        assert_eq!(decoder.session_total(), None, "{program}: nothing was told yet");
        let total = first.session_total();
        assert_eq!(total.is_some(), ["claude", "codex", "qwen"].contains(&program), "{program}");
        if let Some(total) = total {
            let session = TurnReport::of(&play(program, resumed)).session.expect("named");
            decoder = decoder.going_on(&session, total);
        }
        let used = TurnReport::of(&read(&mut decoder, resumed)).usage.expect("usage is told");
        let tokens = (used.input_tokens, used.cache_tokens, used.output_tokens);
        assert_eq!(tokens, (400, 2_000, 84), "{program}: {used:?}");
        if program == "claude" {
            let cost = used.cost_usd.expect("claude tells it");
            assert!((cost - 0.003_06).abs() < 1e-9, "{cost}");
        }
        let twice = decoder.session_total().map(|total| total.output_tokens);
        let sum = if program == "claude" { 0 } else { 168 };
        assert_eq!(twice, total.map(|_| sum), "{program}: only its cost is a sum");
    }
}

#[test]
fn another_session_than_the_one_to_go_on_with_begins_at_nothing() {
    for program in ["codex", "qwen"] {
        let (_, bytes, _) =
            cases(program).into_iter().find(|(case, ..)| case == "success").expect("recorded");
        let before = Usage { input_tokens: 300, output_tokens: 80, ..Usage::default() };
        let mut decoder = Decoder::new(format_of(program)).going_on("another", before);
        let used = TurnReport::of(&read(&mut decoder, &bytes)).usage.expect("usage is told");
        assert_eq!((used.input_tokens, used.output_tokens), (400, 84), "{program}");
    }
}

#[test]
fn a_stream_that_was_cut_anywhere_never_counts_as_an_end() {
    for program in PROGRAMS {
        let (_, bytes, _) =
            cases(program).into_iter().find(|(case, ..)| case == "success").expect("recorded");
        let last = bytes.trim_ascii_end().iter().rposition(|byte| *byte == b'\n').expect("lines");
        for cut in (0..=last).step_by(97) {
            let report = TurnReport::of(&play(program, &bytes[..cut]));
            assert_eq!(report.status, None, "{program} cut at {cut}");
        }
    }
}
