//! Text on the cells of a terminal: what agents print is made inert, cut and wrapped by columns.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthChar;

use super::look::Look;
pub use crate::base::text::columns;
use crate::base::text::{cut_to_columns, printable};

/// Columns of a tab.
const TAB: usize = 4;

/// Text of others as it may be drawn: no control characters, tabs as blanks, and ASCII where only that is shown.
///
/// Line ends stay. Escape sequences of an agent's output can neither move the cursor nor name the terminal.
pub fn inert(text: &str, look: Look) -> String {
    let clean = printable(text);
    let mut out = String::with_capacity(clean.len());
    let mut column = 0;
    for c in clean.chars() {
        match c {
            '\n' => {
                out.push('\n');
                column = 0;
            }
            '\t' => {
                let blanks = TAB - column % TAB;
                out.extend(std::iter::repeat_n(' ', blanks));
                column += blanks;
            }
            // Marks that turn the direction of writing would show names other than they are.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            c if look.ascii && !c.is_ascii() => {
                let plain = ascii(c);
                out.push_str(plain);
                column += plain.len();
            }
            c => {
                out.push(c);
                column += c.width().unwrap_or(0);
            }
        }
    }
    out
}

/// The same on one line.
pub fn inert_line(text: &str, look: Look) -> String {
    inert(text, look).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text in at most `width` columns; a cut is shown.
pub fn fit(text: &str, width: usize, look: Look) -> String {
    match cut_to_columns(text, width) {
        None => text.to_owned(),
        Some(cut) if width == 0 => cut,
        Some(cut) => cut + look.sign("…", "~"),
    }
}

/// The text in exactly `width` columns: cut, or filled with blanks.
pub fn pad(text: &str, width: usize, look: Look) -> String {
    let mut text = fit(text, width, look);
    let missing = width.saturating_sub(columns(&text));
    text.extend(std::iter::repeat_n(' ', missing));
    text
}

/// Spans as lines of at most `width` columns, broken between words where that is possible.
///
/// `indent` columns of blanks are put before every line but the first.
pub fn wrap<'a>(spans: Vec<Span<'a>>, width: usize, indent: usize) -> Vec<Line<'a>> {
    let width = width.max(1);
    let indent = if indent * 2 > width { 0 } else { indent };
    let mut lines: Vec<Line<'a>> = Vec::new();
    let mut line: Vec<Span<'a>> = Vec::new();
    let mut used = 0;
    for span in spans {
        for word in words(&span.content) {
            let wide = columns(word);
            if used + wide <= width {
                push(&mut line, word, span.style);
                used += wide;
                continue;
            }
            let is_blank = word.trim().is_empty();
            if used > indent || (lines.is_empty() && used > 0) {
                lines.push(Line::from(std::mem::take(&mut line)));
                used = start(&mut line, indent);
            }
            if is_blank {
                continue;
            }
            for c in word.chars() {
                let wide = c.width().unwrap_or(0);
                if used + wide > width && used > indent {
                    lines.push(Line::from(std::mem::take(&mut line)));
                    used = start(&mut line, indent);
                }
                push(&mut line, c.encode_utf8(&mut [0; 4]), span.style);
                used += wide;
            }
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(Line::from(line));
    }
    lines
}

fn start(line: &mut Vec<Span<'_>>, indent: usize) -> usize {
    if indent > 0 {
        line.push(Span::raw(" ".repeat(indent)));
    }
    indent
}

/// Puts text at the end of a line, into its last span when that looks the same.
fn push(line: &mut Vec<Span<'_>>, text: &str, style: Style) {
    match line.last_mut() {
        Some(last) if last.style == style => last.content.to_mut().push_str(text),
        _ => line.push(Span::styled(text.to_owned(), style)),
    }
}

/// Runs of blanks and runs of anything else, in turn.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let is_blank = rest.chars().next()?.is_whitespace();
        let end = rest.find(|c: char| c.is_whitespace() != is_blank).unwrap_or(rest.len());
        let (word, more) = rest.split_at(end);
        rest = more;
        Some(word)
    })
}

/// What stands for a character where only ASCII is shown.
fn ascii(c: char) -> &'static str {
    match c {
        '…' => "...",
        '→' => "->",
        '←' => "<-",
        '·' | '–' | '—' | '−' | '─' => "-",
        '•' => "*",
        '≥' => ">=",
        '≤' => "<=",
        '“' | '”' => "\"",
        '‘' | '’' => "'",
        '│' => "|",
        '✓' => "+",
        '✗' => "x",
        _ if c.width().unwrap_or(0) == 2 => "??",
        _ if c.width().unwrap_or(0) == 0 => "",
        _ => "?",
    }
}

#[cfg(test)]
mod tests {
    use super::super::look::Theme;
    use super::*;

    const UNICODE: Look = Look { theme: Theme::Plain, ascii: false };
    const ASCII: Look = Look { theme: Theme::Plain, ascii: true };

    fn wrapped(text: &str, width: usize, indent: usize) -> Vec<String> {
        let lines = wrap(vec![Span::raw(text.to_owned())], width, indent);
        lines.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_agents_print_cannot_move_the_cursor_or_name_the_terminal() {
        let hostile = "a\u{1b}[2Jb\u{1b}]0;title\u{7}c\rd\u{8}\u{9b}31me\tf";
        let text = inert(hostile, UNICODE);
        assert!(text.chars().all(|c| !c.is_control()), "{text:?}");
        assert!(!text.contains("title"), "{text:?}");
        assert_eq!(inert("a\u{202e}txt.exe\u{2069}", UNICODE), "atxt.exe");
    }

    #[test]
    fn tabs_lead_to_the_next_column_of_four() {
        assert_eq!(inert("a\tb\n\tc", UNICODE), "a   b\n    c");
    }

    #[test]
    fn wide_characters_are_cut_and_padded_by_columns() {
        assert_eq!(fit("日本語", 5, UNICODE), "日本…");
        assert_eq!(pad("日本語", 8, UNICODE), "日本語  ");
        assert_eq!(fit("abcdef", 4, ASCII), "abc~");
        assert_eq!(fit("abc", 0, ASCII), "");
        assert_eq!(inert("日→é", ASCII), "??->?");
    }

    #[test]
    fn lines_break_between_words_and_long_words_anywhere() {
        assert_eq!(wrapped("one two three", 8, 0), ["one two ", "three"]);
        assert_eq!(wrapped("abcdefghij", 4, 0), ["abcd", "efgh", "ij"]);
        assert_eq!(wrapped("one two three", 8, 2), ["one two ", "  three"]);
        assert_eq!(wrapped("", 8, 0), [""]);
        assert_eq!(wrapped("日本語", 4, 0), ["日本", "語"]);
    }
}
