//! What is written to a terminal to draw attention: the bell, and the notifications of terminals.

use crate::config::{Environment, Notify};
use crate::snapshot::Notice;

/// How a terminal is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    bell: bool,
    sequence: Option<Sequence>,
}

/// The two ways of notification that terminals know; most know one of them, and some would show both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sequence {
    /// `OSC 9`: iTerm2, kitty, `WezTerm`, ghostty, Windows Terminal.
    Osc9,
    /// `OSC 777`: urxvt, foot, and those made from VTE.
    Osc777,
}

impl Terminal {
    /// What the configuration wants and the terminal of this environment knows; nothing when that is nothing.
    pub fn of(notify: &Notify, env: &Environment) -> Option<Self> {
        let kind = env.get("TERM").unwrap_or_default();
        let is_dumb = matches!(kind, "dumb" | "linux");
        let is_777 = env.get("VTE_VERSION").is_some()
            || ["rxvt", "foot"].iter().any(|name| kind.starts_with(name));
        let sequence = if is_777 { Sequence::Osc777 } else { Sequence::Osc9 };
        let found =
            Self { bell: notify.bell, sequence: (notify.terminal && !is_dumb).then_some(sequence) };
        (found.bell || found.sequence.is_some()).then_some(found)
    }

    /// The bytes that tell this; they print nothing and do not move the cursor.
    pub fn bytes(self, notice: &Notice) -> String {
        self.telling(&notice.title, &notice.text)
    }

    /// The bytes that tell a title and a line; they print nothing and do not move the cursor.
    pub fn telling(self, title: &str, text: &str) -> String {
        let plain = |text: &str| -> String { text.chars().filter(|c| !c.is_control()).collect() };
        let (title, text) = (plain(title), plain(text));
        let mut bytes = match self.sequence {
            None => String::new(),
            Some(Sequence::Osc9) => format!("\u{1b}]9;{title}: {text}\u{1b}\\"),
            // The title ends at the first semicolon.
            Some(Sequence::Osc777) => {
                format!("\u{1b}]777;notify;{};{text}\u{1b}\\", title.replace(';', ","))
            }
        };
        if self.bell {
            bytes.push('\u{7}');
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Time;
    use crate::notice::Letter;

    fn bytes(bell: bool, terminal: bool, variables: &[(&str, &str)]) -> Option<String> {
        let notify = Notify { bell, terminal, ..crate::config::Config::preset().notify };
        let env: Environment = variables.iter().copied().collect();
        let mut notice = Letter::test("/p".into(), Time(0)).notice;
        notice.title = "shop#5; gate\u{1b}]0;x\u{7}".to_owned();
        Some(Terminal::of(&notify, &env)?.bytes(&notice))
    }

    #[test]
    fn a_terminal_is_told_in_its_own_way_and_only_as_wanted() {
        let text = "notifications arrive here";
        let nine = format!("\u{1b}]9;shop#5; gate]0;x: {text}\u{1b}\\");
        let many = format!("\u{1b}]777;notify;shop#5, gate]0,x;{text}\u{1b}\\");
        let kitty = [("TERM", "xterm-kitty")];
        assert_eq!(bytes(false, true, &kitty), Some(nine.clone()));
        assert_eq!(bytes(true, true, &kitty), Some(format!("{nine}\u{7}")));
        assert_eq!(bytes(false, true, &[("TERM", "foot")]), Some(many.clone()));
        assert_eq!(
            bytes(false, true, &[("TERM", "xterm-256color"), ("VTE_VERSION", "7600")]),
            Some(many)
        );
        assert_eq!(bytes(true, true, &[("TERM", "dumb")]), Some("\u{7}".to_owned()));
        assert_eq!(bytes(false, true, &[("TERM", "dumb")]), None);
        assert_eq!(bytes(false, false, &kitty), None);
    }
}
