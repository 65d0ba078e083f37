//! Markdown of every kind, whole, half and hostile.

use ratatui::style::Modifier;

use super::*;

const DARK: Look = Look { theme: Theme::Dark, ascii: false };
const PLAIN: Look = Look { theme: Theme::Plain, ascii: true };

fn shown(text: &str, width: usize, look: Look) -> Vec<String> {
    let lines = render(text, width, look);
    for line in &lines {
        assert!(line.width() <= width, "{} of {width}: {line}", line.width());
    }
    lines.iter().map(|line| line.to_string().trim_end().to_owned()).collect()
}

#[track_caller]
fn check(text: &str, width: usize, expected: &[&str]) {
    assert_eq!(shown(text, width, DARK), expected);
}

#[test]
fn blocks_stand_apart_and_items_do_not() {
    check(
        "# Plan\nFirst **this**.\n\n- one\n- two\n  - deep\n\n1. a\n2. b\n\n---\nend",
        40,
        &[
            "Plan",
            "",
            "First this.",
            "",
            "• one",
            "• two",
            "  ◦ deep",
            "",
            "1. a",
            "2. b",
            "",
            "────────────────────────────────────────",
            "",
            "end",
        ],
    );
}

#[test]
fn items_are_wrapped_below_their_text() {
    check(
        "- one two three four\n\n  again\n- [x] done\n- [ ] open",
        12,
        &["• one two", "  three four", "", "  again", "☑ done", "☐ open"],
    );
    assert_eq!(shown("* a\n* [x] b\n\n> q", 20, PLAIN), ["* a", "* [x] b", "", "| q"]);
}

#[test]
fn short_lines_stay_lines_and_full_ones_are_joined() {
    check("one\ntwo", 80, &["one", "two"]);
    let full = "x".repeat(30) + " " + &"y".repeat(30);
    check(&format!("{full}\nmore"), 80, &[&format!("{full} more")]);
}

#[test]
fn quotes_and_code_have_a_margin() {
    check(
        "> said\n> - he\n\n```rust\nfn x() {\n\treturn;\n}\n```\nafter",
        30,
        &["│ said", "│", "│ • he", "", "  fn x() {", "      return;", "  }", "", "after"],
    );
}

#[test]
fn code_has_its_colours_and_words_their_weight() {
    let lines = render("**bold** `code` *em*\n\n```rust\nlet x = 1;\n```", 40, DARK);
    let span = |text: &str| {
        let mut spans = lines.iter().flat_map(|line| &line.spans);
        spans.find(|span| span.content.contains(text)).unwrap().style
    };
    assert!(span("bold").add_modifier.contains(Modifier::BOLD));
    assert!(span("em").add_modifier.contains(Modifier::ITALIC));
    assert_eq!(span("code"), DARK.style(Role::Code));
    assert!(span("let").fg.is_some());
    assert_eq!(shown("a `b`", 20, PLAIN), ["a `b`"]);
}

#[test]
fn links_say_where_they_lead() {
    check(
        "see [the code](src/x.rs), <https://x.org> ![shot](a.png)",
        80,
        &["see the code (src/x.rs), https://x.org shot (a.png)"],
    );
}

#[test]
fn tables_fit_the_screen() {
    let table =
        "| file | change |\n|---|---|\n| `src/a.rs` | adds the refund of an order |\n| b | 日本 |";
    check(
        table,
        60,
        &[
            "file      change",
            "────────  ───────────────────────────",
            "src/a.rs  adds the refund of an order",
            "b         日本",
        ],
    );
    check(
        table,
        24,
        &[
            "file      change",
            "────────  ──────────────",
            "src/a.rs  adds the",
            "          refund of an",
            "          order",
            "b         日本",
        ],
    );
    check(
        table,
        8,
        &[
            "file:", "  src/a.", "  rs", "change:", "  adds", "  the", "  refund", "  of an",
            "  order", "file: b", "change:", "  日本",
        ],
    );
}

#[test]
fn half_a_stream_is_shown_as_far_as_it_came() {
    let whole = "# T\n\ntext **bold** and `code`\n\n```rust\nfn a() {}\n```\n\n| a | b |\n|---|---|\n| c | d |\n\n- [x](y)";
    for end in 0..=whole.len() {
        shown(&whole[..end], 20, DARK);
    }
    check("```rust\nfn a", 20, &["  fn a"]);
    check("**bo", 20, &["**bo"]);
}

#[test]
fn hostile_text_only_becomes_lines() {
    let cases = [
        ">".repeat(5_000) + " deep",
        "- ".repeat(2_000) + "x",
        "1. ".repeat(2_000) + "x",
        "[".repeat(5_000),
        "*_".repeat(5_000),
        "|".repeat(3_000) + "\n" + &"|-".repeat(3_000),
        "a\u{1b}]0;title\u{7}\u{1b}[2J<script>\n</script>".to_owned(),
        "👨‍👩‍👧‍👦é\u{301}\u{202e}日本\t\u{200b}".repeat(50),
        "99999999999. x\n".to_owned(),
        "\u{0}\r\r\n\u{c}".to_owned(),
    ];
    for case in &cases {
        for width in [0, 1, 2, 7, 40] {
            for look in [DARK, PLAIN] {
                for line in render(case, width, look) {
                    let text = line.to_string();
                    assert!(!text.chars().any(char::is_control), "{text:?}");
                    assert!(line.width() <= width.max(2), "{text:?} in {width}");
                    assert!(!look.ascii || text.is_ascii(), "{text:?}");
                }
            }
        }
    }
}
