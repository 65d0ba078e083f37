//! One key press, as configuration and help write it: `a`, `G`, `ctrl+p`, `shift+tab`, `f5`.

use std::fmt;
use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// One key with its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    code: Code,
    /// Bits of the modifiers.
    modifiers: u8,
}

/// A key without its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Code {
    Char(char),
    F(u8),
    Named(&'static str),
}

/// A key that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no key; keys are `a`, `G`, `ctrl+p`, `alt+1`, `enter`, `shift+tab`, `f5`, …")]
pub struct KeyError(pub String);

/// Keys with names.
const NAMES: [(&str, KeyCode); 16] = [
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("space", KeyCode::Char(' ')),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("backtab", KeyCode::BackTab),
];

impl Key {
    /// The key of an event; terminals differ in how they tell of the shift key.
    pub fn of(event: KeyEvent) -> Self {
        let mut modifiers =
            event.modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
        let code = match event.code {
            KeyCode::BackTab => {
                modifiers |= KeyModifiers::SHIFT;
                KeyCode::Tab
            }
            // The character itself says it.
            KeyCode::Char(c) if modifiers == KeyModifiers::SHIFT => {
                modifiers = KeyModifiers::NONE;
                KeyCode::Char(if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c })
            }
            KeyCode::Char(c) if modifiers.contains(KeyModifiers::CONTROL) => {
                KeyCode::Char(c.to_ascii_lowercase())
            }
            code => code,
        };
        let code = match code {
            KeyCode::Char(' ') => Code::Named("space"),
            KeyCode::Char(c) => Code::Char(c),
            KeyCode::F(number) => Code::F(number),
            code => {
                let known = NAMES.iter().find(|(_, named)| *named == code);
                Code::Named(known.map_or("?", |(name, _)| name))
            }
        };
        Self { code, modifiers: modifiers.bits() }
    }

    /// The character that it types, when it is nothing but a character.
    pub fn typed(self) -> Option<char> {
        match self.code {
            Code::Char(c) if self.modifiers == 0 => Some(c),
            Code::Named("space") if self.modifiers == 0 => Some(' '),
            Code::Char(_) | Code::F(_) | Code::Named(_) => None,
        }
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let fail = || KeyError(text.to_owned());
        let mut rest = text;
        let mut modifiers = KeyModifiers::NONE;
        while let Some((name, more)) = rest.split_once('+').filter(|(_, more)| !more.is_empty()) {
            modifiers |= match name.to_ascii_lowercase().as_str() {
                "ctrl" => KeyModifiers::CONTROL,
                "alt" => KeyModifiers::ALT,
                "shift" => KeyModifiers::SHIFT,
                _ => return Err(fail()),
            };
            rest = more;
        }
        let mut chars = rest.chars();
        let code = match (chars.next(), chars.next()) {
            (Some(c), None) => KeyCode::Char(c),
            _ => named(rest).ok_or_else(fail)?,
        };
        Ok(Self::of(KeyEvent::new(code, modifiers)))
    }
}

fn named(text: &str) -> Option<KeyCode> {
    let lower = text.to_ascii_lowercase();
    if let Some((_, code)) = NAMES.iter().find(|(name, _)| *name == lower) {
        return Some(*code);
    }
    let number = lower.strip_prefix('f')?.parse().ok()?;
    (1..=12).contains(&number).then_some(KeyCode::F(number))
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (modifier, name) in [
            (KeyModifiers::CONTROL, "ctrl+"),
            (KeyModifiers::ALT, "alt+"),
            (KeyModifiers::SHIFT, "shift+"),
        ] {
            if self.modifiers & modifier.bits() != 0 {
                f.write_str(name)?;
            }
        }
        match self.code {
            Code::F(number) => write!(f, "f{number}"),
            Code::Named(name) => f.write_str(name),
            Code::Char(c) => write!(f, "{c}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_written_as_it_is_read() {
        for text in ["a", "G", "?", "+", "ctrl+p", "alt+1", "enter", "shift+tab", "space", "f5"] {
            assert_eq!(text.parse::<Key>().unwrap().to_string(), text);
        }
        for text in ["", "hyper+a", "nokey", "f99", "ctrl+nokey"] {
            assert!(text.parse::<Key>().is_err(), "{text}");
        }
    }

    #[test]
    fn terminals_that_tell_of_shift_differently_mean_the_same() {
        let upper: Key = "G".parse().unwrap();
        for (code, modifiers) in [
            (KeyCode::Char('G'), KeyModifiers::NONE),
            (KeyCode::Char('G'), KeyModifiers::SHIFT),
            (KeyCode::Char('g'), KeyModifiers::SHIFT),
        ] {
            assert_eq!(Key::of(KeyEvent::new(code, modifiers)), upper);
        }
        let back = Key::of(KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT));
        assert_eq!(back.to_string(), "shift+tab");
    }
}
