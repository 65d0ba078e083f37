//! How text looks on this terminal: colour, glyphs, width, and moments in local time.

use std::borrow::Cow;
use std::io::IsTerminal;

use super::context::Context;
use crate::base::Time;
pub use crate::base::text::columns;
use crate::base::text::cut_to_columns;
use crate::config::Config;
use crate::snapshot::Class;

/// Columns where nobody says how wide the terminal is.
const WIDTH: usize = 100;
/// Columns below which tables are cut by the terminal, not by us.
const WIDTH_MIN: usize = 40;

/// How text looks on this terminal.
#[derive(Debug, Clone)]
pub struct Style {
    color: bool,
    ascii: bool,
    width: usize,
    now: Time,
}

impl Style {
    /// The style of the output of this command.
    pub fn of(context: &Context, config: &Config) -> Self {
        // Only a terminal is asked: without one the question would start `tput`.
        let terminal = || {
            let size = std::io::stdout().is_terminal().then(crossterm::terminal::size)?;
            size.ok().map(|(width, _)| width)
        };
        let width = context.env.columns().or_else(terminal);
        Self {
            color: context.color,
            ascii: config.ui.ascii.unwrap_or(!context.env.is_utf8_locale()),
            width: width.map_or(WIDTH, usize::from).max(WIDTH_MIN),
            now: context.now,
        }
    }

    /// Columns of the output.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The mark of a class, coloured.
    pub fn glyph(&self, class: Class) -> String {
        let glyph = if self.ascii { class.ascii() } else { class.glyph() };
        self.paint(class, &glyph.to_string())
    }

    /// Text in the colour of a class.
    pub fn paint(&self, class: Class, text: &str) -> String {
        let code = match class {
            Class::NeedsYou => "1;33",
            Class::Failed => "31",
            Class::Stalled => "35",
            Class::Running => "36",
            Class::Done => "32",
            Class::Starting | Class::Parked | Class::Idle => "2",
        };
        self.wrap(code, text)
    }

    /// Text that stands out.
    pub fn bold(&self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// Text that stands back.
    pub fn dim(&self, text: &str) -> String {
        self.wrap("2", text)
    }

    fn wrap(&self, code: &str, text: &str) -> String {
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// The text as the terminal can show it.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !self.ascii || text.is_ascii() {
            return Cow::Borrowed(text);
        }
        let mut plain = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                c if c.is_ascii() => plain.push(c),
                '…' => plain.push_str("..."),
                '→' => plain.push_str("->"),
                '·' => plain.push('-'),
                '≥' => plain.push_str(">="),
                _ => plain.push('?'),
            }
        }
        Cow::Owned(plain)
    }

    /// The time of day, with the date when it is not today.
    pub fn moment(&self, at: Time) -> String {
        let zone = jiff::tz::TimeZone::system();
        let civil = |at: Time| {
            let stamp = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
            stamp.to_zoned(zone.clone()).datetime()
        };
        let (then, now) = (civil(at), civil(self.now));
        let form = if then.date() == now.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
        then.strftime(form).to_string()
    }
}

/// The text in at most `width` columns; a cut shows as `…`.
pub fn fit(text: &str, width: usize) -> Cow<'_, str> {
    cut_to_columns(text, width).map_or(Cow::Borrowed(text), |cut| Cow::Owned(cut + "…"))
}

#[cfg(test)]
impl Style {
    /// A style for tests: no colour, Unicode, this wide.
    pub(super) fn plain(width: usize) -> Self {
        Self { color: false, ascii: false, width, now: Time(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_counts_columns_not_characters() {
        assert_eq!(fit("abcdef", 6), "abcdef");
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("日本語", 4), "日…");
    }

    #[test]
    fn a_terminal_without_unicode_gets_plain_signs() {
        let style = Style { ascii: true, ..Style::plain(80) };
        assert_eq!(style.text("a → b … ü"), "a -> b ... ?");
        assert_eq!(style.glyph(Class::NeedsYou), "!");
    }

    #[test]
    fn colour_is_only_used_where_it_is_wanted() {
        let style = Style { color: true, ..Style::plain(80) };
        assert_eq!(style.paint(Class::Failed, "x"), "\u{1b}[31mx\u{1b}[0m");
        assert_eq!(Style::plain(80).paint(Class::Failed, "x"), "x");
    }
}
