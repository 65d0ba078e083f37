//! Cutting, comparing and counting of text for people.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns that a text takes on a terminal.
pub fn columns(text: &str) -> usize {
    text.width()
}

/// The beginning of a text that is wider than `width` columns, with one column left for a mark; nothing when it fits.
pub fn cut_to_columns(text: &str, width: usize) -> Option<String> {
    if columns(text) <= width {
        return None;
    }
    let mut cut = String::new();
    let mut used = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide + 1 > width {
            break;
        }
        used += wide;
        cut.push(c);
    }
    cut.truncate(cut.trim_end().len());
    Some(cut)
}

/// The name nearest to `wanted`, when it is near enough to be meant.
pub fn did_you_mean<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = wanted.to_lowercase();
    names
        .into_iter()
        .filter_map(|name| Some((nearness(&lower, &name.to_lowercase())?, name)))
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

/// How near two names are, when one may be a slip of the other: swapped letters in a short name
/// count as much as a long common beginning.
fn nearness(wanted: &str, name: &str) -> Option<f64> {
    let slips = strsim::osa_distance(wanted, name);
    let alike = strsim::jaro_winkler(wanted, name);
    let length = wanted.chars().count();
    let is_slip = slips <= 1 + length / 5 && slips < length;
    (is_slip || alike > 0.8).then_some(if slips <= 1 { 1.0 + alike } else { alike })
}

/// At most `max` characters of one line: newlines become spaces, a cut shows as `…`.
pub fn one_line(text: &str, max: usize) -> String {
    let mut out = String::new();
    let mut count = 0;
    for word in text.split_whitespace() {
        if !out.is_empty() {
            if count + 1 >= max && max > 0 {
                out.push('…');
                return out;
            }
            out.push(' ');
            count += 1;
        }
        for c in word.chars() {
            if count >= max.saturating_sub(1) && max > 0 {
                out.push('…');
                return out;
            }
            if !is_moving(c) {
                out.push(c);
                count += 1;
            }
        }
    }
    out
}

/// At most `max` bytes of a text, cut in the middle and saying how much is missing.
pub fn middle_cut(text: &str, max: usize) -> std::borrow::Cow<'_, str> {
    if text.len() <= max {
        return text.into();
    }
    let head = text.floor_char_boundary(max / 2);
    let tail = text.ceil_char_boundary(text.len() - max / 2);
    format!("{}\n[… {} bytes left out …]\n{}", &text[..head], tail - head, &text[tail..]).into()
}

/// The last `max` bytes of a text, beginning at a line where one begins there.
pub fn tail(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let cut = &text[text.ceil_char_boundary(text.len() - max)..];
    match cut.find('\n') {
        Some(at) if at + 1 < cut.len() => &cut[at + 1..],
        _ => cut,
    }
}

/// An error with everything behind it, in one line.
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// `1 run`, `2 runs`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// The text without anything that could move the cursor, colour the terminal or turn its direction.
pub fn printable(text: &str) -> String {
    // Commands to the terminal, such as titles and links, are not text; they end with a bell or `ESC \`.
    let mut commands = text.split("\u{1b}]");
    let mut without = commands.next().unwrap_or_default().to_owned();
    for command in commands {
        let end = command.find('\u{7}').map(|at| at + 1);
        let other = command.find("\u{1b}\\").map(|at| at + 2);
        match end.into_iter().chain(other).min() {
            Some(end) => without.push_str(&command[end..]),
            None => without.push_str(command),
        }
    }
    let mut parts = without.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // The parameters of a terminal code are not text either: they end with a letter.
        let end = part.find(|c: char| matches!(c, '@'..='~'));
        plain.push_str(end.map_or("", |end| &part[end + 1..]));
    }
    plain.retain(|c| !is_moving(c) || matches!(c, '\n' | '\t'));
    plain
}

/// Whether a character moves the cursor, or turns the direction of what stands behind it: it shows one thing where
/// another is written.
pub fn is_moving(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_proposed_and_far_ones_are_not() {
        let names = ["default", "fast-fix", "review"];
        assert_eq!(did_you_mean("reveiw", names), Some("review"));
        assert_eq!(did_you_mean("Fast-fix", names), Some("fast-fix"));
        assert_eq!(did_you_mean("zzz", names), None);
        assert_eq!(did_you_mean("sya", ["stderr", "say", "ask"]), Some("say"));
        assert_eq!(did_you_mean("x", ["ls", "y"]), None);
    }

    #[test]
    fn one_line_cuts_characters_not_bytes() {
        assert_eq!(one_line("a\nb\t c", 10), "a b c");
        assert_eq!(one_line("äöüß", 3), "äö…");
        assert_eq!(one_line("ab cd", 3), "ab…");
        assert_eq!(one_line("\u{1b}[31mred", 20), "[31mred");
    }

    #[test]
    fn terminal_codes_are_not_printable() {
        assert_eq!(printable("\u{1b}[1;31mred\u{1b}[0m\r\n\u{7}\u{9b}2Jend\t."), "red\n2Jend\t.");
        let linked = "\u{1b}]0;title\u{7}a \u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\ b";
        assert_eq!(printable(linked), "a link b");
        assert_eq!(printable("\u{1b}]0;without an end"), "0;without an end");
        assert_eq!(printable("if \u{202e}eslaf\u{2066} {"), "if eslaf {");
        assert_eq!(one_line("a\u{202e}b", 9), "ab");
    }

    #[test]
    fn middle_cut_keeps_both_ends() {
        let cut = middle_cut("0123456789", 4);
        assert!(cut.starts_with("01") && cut.ends_with("89") && cut.contains("6 bytes"), "{cut}");
    }
}
