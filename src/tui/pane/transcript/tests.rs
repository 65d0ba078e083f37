//! What is seen of recorded output of real programs, and of hostile output.

use std::fmt::Write as _;

use camino::Utf8PathBuf;

use super::*;
use crate::agent::OutputFormat;
use crate::client::pager::{Finder, Pager};
use crate::tui::look::Theme;

const UNICODE: Look = Look { theme: Theme::Dark, ascii: false };
const ASCII: Look = Look { theme: Theme::Plain, ascii: true };
const SIZES: [(u16, u16); 4] = [(160, 45), (120, 36), (80, 24), (50, 20)];

/// Output on disk, a window onto it, and where the person is.
struct Bench {
    _guard: tempfile::TempDir,
    path: Utf8PathBuf,
    format: OutputFormat,
    state: State,
    look: Look,
    is_live: bool,
    until: Option<Time>,
    size: (u16, u16),
    hits: Option<Hits>,
}

impl Bench {
    fn new(format: OutputFormat, content: impl AsRef<[u8]>) -> Self {
        let guard = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::try_from(guard.path().join("stdout.jsonl")).unwrap();
        std::fs::write(&path, content).unwrap();
        Self {
            _guard: guard,
            path,
            format,
            state: State::default(),
            look: UNICODE,
            is_live: false,
            until: None,
            size: (80, 24),
            hits: None,
        }
    }

    /// A recording of a program, as one after the other.
    fn recorded(format: OutputFormat, names: &[&str]) -> Self {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/recordings");
        let read = |name: &&str| std::fs::read(format!("{folder}/{name}.jsonl")).unwrap();
        Self::new(format, names.iter().flat_map(read).collect::<Vec<u8>>())
    }

    fn page(&self) -> Page {
        let mut pager = Pager::open(self.path.clone(), self.format, self.state.reading());
        pager.show(self.state.anchor()).unwrap();
        pager.page()
    }

    fn with<T>(&mut self, act: impl FnOnce(&mut State, &Shown<'_>) -> T) -> T {
        let page = self.page();
        let shown = Shown {
            page: &page,
            hits: self.hits.as_ref(),
            look: self.look,
            zone: &TimeZone::UTC,
            now: "2026-11-21T00:20:00.000Z".parse().unwrap(),
            is_live: self.is_live,
            until: self.until,
            root: "/home/dev/repo",
        };
        act(&mut self.state, &shown)
    }

    fn draw(&mut self) -> Buffer {
        let (width, height) = self.size;
        self.with(|state, shown| {
            let area = Rect::new(0, 0, width, height);
            let mut buf = Buffer::empty(area);
            view(state, shown, area, &mut buf);
            buf
        })
    }

    fn text(&mut self) -> String {
        let buf = self.draw();
        let rows = buf.area.rows().map(|row| {
            let mut line = String::new();
            let mut skip = 0;
            for cell in row.positions().map(|position| &buf[position]) {
                if skip == 0 {
                    line.push_str(cell.symbol());
                }
                skip = columns(cell.symbol()).max(skip).saturating_sub(1);
            }
            line.trim_end().to_owned()
        });
        let rows: Vec<String> = rows.collect();
        rows.join("\n").trim_end().to_owned()
    }

    /// The output at every size, with all signs and with ASCII alone, folded and in full.
    fn sheet(&mut self) -> String {
        let mut sheet = String::new();
        for (look, word) in [(UNICODE, "unicode"), (ASCII, "ascii")] {
            for size in SIZES {
                for is_open in [false, true] {
                    (self.look, self.size, self.state.is_open) = (look, size, is_open);
                    let all = if is_open { ", all" } else { "" };
                    writeln!(sheet, "== {}x{} {word}{all}", size.0, size.1).unwrap();
                    let text = self.text();
                    assert!(look == UNICODE || text.is_ascii());
                    writeln!(sheet, "{text}").unwrap();
                }
            }
        }
        sheet
    }

    fn search(&mut self, text: &str) {
        let mut finder = Finder::new(self.path.clone(), self.format, self.state.reading(), text);
        while finder.step().unwrap() {}
        let hits = finder.hits();
        self.state.search = Some(Search { text: text.to_owned(), is_typed: false, hit: None });
        self.state.next_hit(&hits, true);
        self.hits = Some(hits);
    }
}

#[test]
fn claude_is_readable() {
    let names = [
        "claude/thinking",
        "claude/parallel",
        "claude/write",
        "claude/toolfail",
        "claude/sj_permission",
    ];
    insta::assert_snapshot!(Bench::recorded(OutputFormat::Claude, &names).sheet());
}

#[test]
fn codex_is_readable() {
    let names = [
        "codex/thinking",
        "codex/codewrite_gpt-5_5",
        "codex/toolfail",
        "codex/mcp",
        "codex/http_429x2",
    ];
    insta::assert_snapshot!(Bench::recorded(OutputFormat::Codex, &names).sheet());
}

#[test]
fn pi_is_readable() {
    let names = ["pi/thinking", "pi/write", "pi/toolfail", "pi/http_500x1"];
    insta::assert_snapshot!(Bench::recorded(OutputFormat::Pi, &names).sheet());
}

#[test]
fn hostile_output_is_inert() {
    let said = "# T\u{1b}]0;owned\u{7}\u{1b}[2J\n\n日本語の長い文章です、とても長い文章です。\u{202e}gnp.exe\u{202c} \
                👨‍👩‍👧‍👦 e\u{301}\u{301}\u{301} \u{200b}\u{feff} a\tb\n\n```sh\n\trm -rf x\u{8}\u{8}\n```\n";
    let json = |value: serde_json::Value| value.to_string() + "\n";
    let output = [
        json(serde_json::json!({"type": "text", "text": said})),
        json(
            serde_json::json!({"type": "tool_start", "id": "1", "name": "Ba\u{1b}[31msh\n", "detail": "x\u{1b}]2;t\u{7}y"}),
        ),
        json(
            serde_json::json!({"type": "tool_end", "id": "1", "ok": false, "detail": "日本\u{1b}c語".repeat(40)}),
        ),
        "\u{1b}[1;1H{broken\u{9b}31m\u{0}".to_owned() + "\n",
        json(serde_json::json!({"type": "text", "text": "y".repeat(1 << 20)})),
        json(serde_json::json!({"type": "text", "text": "end"})),
    ];
    let mut bench = Bench::new(OutputFormat::Crew, output.concat());
    let text = bench.text();
    assert!(text.ends_with("end"), "{text}");
    bench.state.to_start();
    insta::assert_snapshot!(bench.sheet());
    for is_raw in [false, true] {
        bench.state.is_raw = is_raw;
        for size in [(1, 1), (2, 3), (9, 4), (300, 90)] {
            bench.size = size;
            let buf = bench.draw();
            for cell in &buf.content {
                assert!(!cell.symbol().chars().any(char::is_control), "{:?}", cell.symbol());
                assert!(!cell.symbol().contains('\u{202e}'), "turns the direction of writing");
            }
        }
    }
}

/// Calls of tools, some said words between.
fn talk(count: usize) -> String {
    let mut all = String::new();
    for at in 0..count {
        let start = serde_json::json!({"type": "tool_start", "id": at.to_string(), "name": "Bash", "detail": format!("make {at}")});
        let end = serde_json::json!({"type": "tool_end", "id": at.to_string(), "detail": format!("made {at}")});
        let text = serde_json::json!({"type": "text", "text": format!("step {at} of **{count}**")});
        writeln!(all, "{start}\n{end}\n{text}").unwrap();
    }
    all
}

#[test]
fn the_end_is_followed_until_somebody_goes_up() {
    let mut bench = Bench::new(OutputFormat::Crew, talk(50));
    bench.size = (60, 10);
    assert!(bench.text().ends_with("step 49 of 50"));
    bench.with(|state, shown| state.scroll(shown, -1));
    let before = bench.text();
    assert!(!before.contains("step 49") && !bench.state.follows());
    append(&bench.path, &talk(1));
    assert_eq!(bench.text(), before, "what comes does not move what is read");
    bench.with(|state, shown| state.scroll(shown, 1_000));
    assert!(bench.state.follows() && bench.text().ends_with("step 0 of 1"));
    bench.with(|state, shown| state.scroll(shown, 1_000));
    assert!(bench.state.follows(), "there is nothing below the end");
}

fn append(path: &Utf8PathBuf, text: &str) {
    use std::io::Write;
    std::fs::File::options().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn going_up_and_down_passes_every_line_once() {
    let mut bench = Bench::new(OutputFormat::Crew, talk(60));
    bench.size = (60, 12);
    let whole = {
        let size = std::mem::replace(&mut bench.size, (60, 1_000));
        let text = bench.text();
        bench.size = size;
        text
    };
    bench.draw();
    let mut lines: Vec<String> = Vec::new();
    let last = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    loop {
        let top = last(&bench.text());
        lines.push(top);
        let before = bench.state.top;
        bench.with(|state, shown| state.scroll(shown, -1));
        if bench.state.top == before {
            break;
        }
    }
    lines.reverse();
    let expected: Vec<&str> = whole.lines().take(lines.len()).collect();
    assert_eq!(lines, expected);
    assert_eq!(bench.state.top.map(|top| top.place.offset), Some(0));
    bench.with(|state, shown| state.turn(shown, 1));
    assert_eq!(last(&bench.text()), whole.lines().nth(11).unwrap());
    bench.with(|state, shown| state.turn(shown, -5));
    assert_eq!(last(&bench.text()), whole.lines().next().unwrap());
}

#[test]
fn a_search_goes_to_the_newest_and_then_around() {
    let mut bench = Bench::new(OutputFormat::Crew, talk(5_000));
    bench.size = (60, 12);
    bench.search("made 12");
    let hits = bench.hits.clone().unwrap();
    assert_eq!(hits.offsets.len(), 1 + 10 + 100);
    let text = bench.text();
    assert!(text.contains("made 1299") && text.ends_with("/made 12  111/111"), "{text}");
    bench.state.next_hit(&hits, true);
    assert!(bench.text().ends_with("/made 12  1/111"));
    assert!(bench.text().contains("make 12\n") || bench.text().contains("make 12 "));
    bench.state.next_hit(&hits, false);
    bench.state.next_hit(&hits, false);
    assert!(bench.text().contains("made 1298"));
    let buf = bench.draw();
    let found = UNICODE.style(Role::Found).bg;
    let marked = buf.content.iter().filter(|cell| cell.style().bg == found).count();
    assert_eq!(marked % "made 12".len(), 0);
    assert!(marked > 0);
    bench.search("nowhere");
    assert!(bench.text().ends_with("/nowhere  not found"));
}

#[test]
fn what_was_asked_told_and_decided_is_seen() {
    let lines = [
        r#"{"type":"thinking","text":"**Look** at `src/lib.rs` first.\nThen at the tests.\n\nAnd so on."}"#,
        r#"{"type":"question","text":"Which money type?","choices":["Money","i64"]}"#,
        r#"{"type":"gate","gate":"votes","values":{"yes":2,"why":"fine"}}"#,
        r#"{"type":"message","to":"review","text":"Please look at **refunds**.\n\n- one\n- two"}"#,
        r#"{"type":"artifact","name":"plan.md","text":"abc"}"#,
        r#"{"type":"error","kind":"rate_limit","text":"too many"}"#,
        r#"{"type":"state","state":"BLOCKED","reason":"no key"}"#,
        r#"{"type":"state","state":"DONE"}"#,
        r#"{"type":"unknown","x":1}"#,
        r#"{"type":"result","text":"All **good**."}"#,
    ];
    let mut bench = Bench::new(OutputFormat::Crew, lines.join("\n") + "\n");
    bench.size = (60, 40);
    insta::assert_snapshot!(bench.text());
}

#[test]
fn one_entry_is_unfolded_while_the_others_stay_folded() {
    let lines: Vec<String> = (1..=30)
        .map(|n| format!(r#"{{"type":"thinking","text":"thought {n}\n\nand more of {n}"}}"#))
        .collect();
    let mut bench = Bench::new(OutputFormat::Crew, lines.join("\n") + "\n");
    bench.size = (60, 10);
    bench.draw();
    assert!(!bench.text().contains("and more of"));
    bench.with(|state, shown| state.step(shown, false));
    bench.with(|state, shown| state.step(shown, false));
    bench.with(State::toggle);
    let text = bench.text();
    assert!(text.contains("and more of 29") && !text.contains("and more of 28"), "{text}");
    bench.with(State::toggle);
    assert!(!bench.text().contains("and more of"));
    // Further up than what is seen: the screen goes along.
    for _ in 0..15 {
        bench.with(|state, shown| state.step(shown, false));
        let text = bench.text();
        assert!(!text.is_empty());
    }
    let text = bench.text();
    assert!(text.starts_with("thinks: thought 14"), "{text}");
    // A click goes to an entry, a second one unfolds it; what is above stays.
    bench.with(|state, shown| state.click(shown, 3));
    bench.with(|state, shown| state.click(shown, 3));
    let text = bench.text();
    assert!(text.starts_with("thinks: thought 14") && text.contains("and more of 17"), "{text}");
    // Down again to the end, which is followed.
    for _ in 0..20 {
        bench.with(|state, shown| state.step(shown, true));
    }
    assert!(bench.state.follows() && bench.text().contains("thought 30"));
    bench.with(State::fold);
    bench.state.to_end();
    assert!(bench.text().contains("and more of 30"), "all are open");
    bench.with(State::toggle);
    assert!(!bench.text().contains("and more of 30"), "but the one that was folded");
}

#[test]
fn while_a_past_is_shown_it_is_told_which_or_that_nobody_knows() {
    let mut bench = Bench::new(OutputFormat::Text, "one\ntwo\n");
    bench.size = (60, 5);
    bench.until = Some("2026-11-21T00:10:00.000Z".parse().unwrap());
    assert!(bench.text().ends_with("it tells no times: this is all of it"));
}
