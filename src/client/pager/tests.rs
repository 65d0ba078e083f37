//! A window onto output of every length, and a search through it.

use std::fmt::Write as _;
use std::io::Write as _;

use super::*;
use crate::client::transcript::Kind;

fn file(content: &[u8]) -> (tempfile::TempDir, Utf8PathBuf) {
    let guard = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::try_from(guard.path().join("stdout.jsonl")).unwrap();
    std::fs::write(&path, content).unwrap();
    (guard, path)
}

fn append(path: &Utf8Path, content: &str) {
    let mut file = File::options().append(true).open(path).unwrap();
    file.write_all(content.as_bytes()).unwrap();
}

fn texts(page: &Page) -> Vec<&str> {
    page.items.iter().map(|item| item.entry.text.as_str()).collect()
}

fn entries(path: &Utf8Path, format: OutputFormat) -> Pager {
    Pager::open(path.to_owned(), format, Reading::Entries)
}

/// Many lines of text, each of 100 bytes.
fn many(count: usize) -> String {
    let mut all = String::new();
    for at in 0..count {
        writeln!(all, "line {at:07} {}", "x".repeat(86)).unwrap();
    }
    all
}

#[test]
fn the_end_of_a_long_file_is_read_and_what_is_before_it_when_it_is_wanted() {
    let (_guard, path) = file(many(100_000).as_bytes());
    let mut pager = entries(&path, OutputFormat::Text);
    assert!(pager.show(Anchor::End).unwrap());
    let page = pager.page();
    assert!(page.start >= 10_000_000 - PIECE_BYTES - 100 && page.end == 10_000_000);
    assert!(page.has_older() && !page.has_newer());
    assert!(texts(&page).last().unwrap().starts_with("line 0099999"));
    assert!(texts(&page)[0].starts_with("line "));
    assert!(!pager.show(Anchor::End).unwrap(), "nothing came");

    // Going up: the window grows, without a gap, and stays bounded.
    let mut place = page.start;
    while place > 0 {
        pager.show(Anchor::At(place)).unwrap();
        let page = pager.page();
        assert!(page.items.windows(2).all(|two| two[1].place.offset == two[0].place.offset + 100));
        assert!(page.end - page.start <= (PIECES_MAX as u64 + 2) * 2 * PIECE_BYTES);
        assert!(page.start < place);
        place = page.start;
    }
    assert!(pager.page().has_newer());
    assert!(texts(&pager.page())[0].starts_with("line 0000000"));
    // And down again.
    pager.show(Anchor::At(5_000_000)).unwrap();
    let page = pager.page();
    assert_eq!(
        page.items[page.index(Place { offset: 5_000_000, part: 0 })].place.offset,
        5_000_000
    );
    pager.show(Anchor::End).unwrap();
    assert!(texts(&pager.page()).last().unwrap().starts_with("line 0099999"));
}

#[test]
fn what_is_printed_later_comes_to_the_window_and_a_begun_line_is_shown() {
    let (_guard, path) = file(b"one\ntw");
    let mut pager = entries(&path, OutputFormat::Text);
    pager.show(Anchor::End).unwrap();
    assert_eq!(texts(&pager.page()), ["one", "tw"]);
    append(&path, "o\nthree\n");
    assert!(pager.show(Anchor::End).unwrap());
    assert_eq!(texts(&pager.page()), ["one", "two", "three"]);
    std::fs::write(&path, "new\n").unwrap();
    pager.show(Anchor::End).unwrap();
    assert_eq!(texts(&pager.page()), ["new"]);
}

#[test]
fn a_stream_is_read_to_where_it_is() {
    let piece = |said: &str| {
        format!(
            "{{\"type\":\"message\",\"role\":\"assistant\",\"content\":\"{said}\",\"delta\":true}}\n"
        )
    };
    let (_guard, path) = file((piece("Half a ") + &piece("**sent")).as_bytes());
    let mut pager = entries(&path, OutputFormat::Gemini);
    pager.show(Anchor::End).unwrap();
    assert_eq!(texts(&pager.page()), ["Half a **sent"]);
    append(
        &path,
        &(piece("ence**") + "{\"type\":\"tool_use\",\"tool_id\":\"1\",\"tool_name\":\"ls\"}\n"),
    );
    pager.show(Anchor::End).unwrap();
    assert_eq!(texts(&pager.page()), ["Half a **sentence**", ""]);
}

/// A call of a tool in the words of `claude`.
fn call(id: usize, second: usize) -> [String; 2] {
    let stamp = |second: usize| format!("2026-11-21T00:{:02}:{:02}.000Z", second / 60, second % 60);
    [
        format!(
            r#"{{"type":"assistant","session_id":"s","timestamp":"{}","message":{{"content":[{{"type":"tool_use","id":"c{id}","name":"Bash","input":{{"command":"make {id}"}}}}]}}}}"#,
            stamp(second)
        ) + "\n",
        format!(
            r#"{{"type":"user","session_id":"s","timestamp":"{}","message":{{"content":[{{"type":"tool_result","tool_use_id":"c{id}","content":"made {id}\nall"}}]}}}}"#,
            stamp(second + 7)
        ) + "\n",
    ]
}

#[test]
fn the_end_of_a_call_is_joined_with_its_start() {
    let [start, end] = call(1, 3);
    let (_guard, path) = file(start.as_bytes());
    let mut pager = entries(&path, OutputFormat::Claude);
    pager.show(Anchor::End).unwrap();
    let page = pager.page();
    assert_eq!(page.items.len(), 2, "the session and the call");
    assert_eq!(page.items[1].call.as_ref().unwrap().end, None);
    append(&path, &end);
    pager.show(Anchor::End).unwrap();
    let page = pager.page();
    let call = page.items[1].call.clone().unwrap();
    assert_eq!(page.items.len(), 2);
    assert_eq!((call.took_ms, call.output.as_deref()), (Some(7_000), Some("made 1\nall")));
    let offset = start.len() as u64;
    assert_eq!(call.end, Some(CallEnd { ok: true, text: "made 1 all".into(), offset }));
}

#[test]
fn a_call_that_began_before_the_window_is_whole_when_its_start_is_read() {
    let [start, end] = call(1, 3);
    let filler = format!("{{\"type\":\"noise\",\"text\":\"{}\"}}\n", "y".repeat(990)).repeat(300);
    let (_guard, path) = file((start + &filler + &end).as_bytes());
    let mut pager = entries(&path, OutputFormat::Claude);
    pager.show(Anchor::End).unwrap();
    let page = pager.page();
    assert!(page.start > 0);
    assert_eq!(page.items.last().unwrap().entry.kind, Kind::ToolOk);
    pager.show(Anchor::At(0)).unwrap();
    let page = pager.page();
    assert_eq!(page.items.last().unwrap().entry.kind, Kind::Raw);
    let call = page.items.iter().find_map(|item| item.call.clone()).unwrap();
    assert_eq!((call.end.unwrap().ok, call.took_ms), (true, Some(7_000)));
    // The session is told once, where it began.
    let sessions = page.items.iter().filter(|item| item.entry.kind == Kind::Session);
    assert_eq!(sessions.count(), 1);
}

#[test]
fn secrets_are_not_shown_wherever_the_window_begins() {
    let key = format!(
        "-----BEGIN RSA PRIVATE KEY-----\n{}-----END RSA PRIVATE KEY-----\n",
        "MIIEow\n".repeat(500)
    );
    let tail = "after\n".repeat(43_400);
    let (_guard, path) = file((key + &tail).as_bytes());
    let mut pager = entries(&path, OutputFormat::Text);
    pager.show(Anchor::End).unwrap();
    let page = pager.page();
    assert!(page.start > 40 && page.start < 3_000, "the window begins in the key: {}", page.start);
    assert!(!texts(&page).contains(&"MIIEow"));
    let body = r#"{"item":{"id":"i","type":"command_execution","command":"x","aggregated_output":"a\npassword=hunter2hunter2\n"},"type":"item.started"}"#;
    let (_guard, path) = file((body.to_owned() + "\n").as_bytes());
    let mut pager = entries(&path, OutputFormat::Codex);
    pager.show(Anchor::End).unwrap();
    assert!(!format!("{:?}", pager.page()).contains("hunter2"));
}

#[test]
fn one_line_of_many_megabytes_is_shown_in_part() {
    let (_guard, path) = file(&vec![b'z'; 40 << 20]);
    for reading in [Reading::Entries, Reading::Lines] {
        let mut pager = Pager::open(path.clone(), OutputFormat::Claude, reading);
        pager.show(Anchor::End).unwrap();
        pager.show(Anchor::At(3)).unwrap();
        assert!(pager.page().items.iter().all(|item| item.entry.text.len() < 40_000));
    }
    append(&path, "\nend\n");
    let mut pager = Pager::open(path.clone(), OutputFormat::Text, Reading::Lines);
    pager.show(Anchor::End).unwrap();
    assert_eq!(texts(&pager.page()).last(), Some(&"end"));
}

#[test]
fn a_file_that_is_not_there_yet_is_empty() {
    let mut pager = entries("/nowhere/stdout".into(), OutputFormat::Text);
    assert!(!pager.show(Anchor::End).unwrap());
    assert_eq!(pager.page(), Page { is_plain: true, ..Page::default() });
}

fn search(path: &Utf8Path, format: OutputFormat, text: &str) -> Finder {
    let mut finder = Finder::new(path.to_owned(), format, Reading::Entries, text);
    while finder.step().unwrap() {}
    assert!(finder.hits().is_complete());
    finder
}

#[test]
fn a_search_finds_what_is_shown_newest_first() {
    let (_guard, path) = file(many(100_000).as_bytes());
    let mut finder =
        Finder::new(path.clone(), OutputFormat::Text, Reading::Entries, "LINE 0000005");
    assert!(finder.step().unwrap());
    assert!(!finder.hits().is_complete(), "a step is a part");
    assert_eq!(search(&path, OutputFormat::Text, "line 0000005").hits().offsets[..], [500]);
    assert!(search(&path, OutputFormat::Text, "Line 0000005").hits().offsets.is_empty());
    let many = search(&path, OutputFormat::Text, "line").hits();
    assert!(many.is_cut && many.offsets.len() == find::HITS_MAX);
    assert_eq!(many.offsets.last(), Some(&9_999_900));
    assert!(many.offsets.is_sorted());
}

#[test]
fn a_search_reads_what_is_written_in_json_and_what_is_added() {
    let line = |said: &str| serde_json::json!({"type": "text", "text": said}).to_string() + "\n";
    let (_guard, path) = file((line("say \"Grüße\"\nto all") + &line("type text")).as_bytes());
    assert_eq!(search(&path, OutputFormat::Crew, "\"grüße\"").hits().offsets.len(), 1);
    assert_eq!(search(&path, OutputFormat::Crew, "type").hits().offsets.len(), 1, "not the JSON");
    let mut finder = search(&path, OutputFormat::Crew, "more");
    append(&path, &line("more"));
    assert!(finder.step().unwrap());
    assert_eq!(finder.hits().offsets.len(), 1);
    assert_eq!(search(&path, OutputFormat::Crew, "").hits().offsets.len(), 0);
}

#[test]
fn a_needle_is_found_where_it_stands() {
    let find = |needle: &str, text: &str| Needle::new(needle).find(text, 0);
    assert_eq!(find("ab", "xAB"), Some(1..3));
    assert_eq!(find("Ab", "xAB"), None);
    assert_eq!(find("é", "xÉy"), Some(1..3));
    assert_eq!(find("né", "née"), Some(0..3));
    assert_eq!(find("", "x"), None);
    assert_eq!(Needle::new("a").find("aba", 1), Some(2..3));
}
