//! Which modes a program has set in a terminal: what is left of them is undone when it is gone.

use std::collections::BTreeSet;
use std::fmt::Write;

/// Bytes of a control sequence that are looked at; longer ones set no mode.
const SEQUENCE_BYTES_MAX: usize = 64;
/// Private modes that terminals have on: wrapping at the right edge, and a visible cursor.
const ON_AT_FIRST: [u16; 2] = [7, 25];

/// Modes that differ from those of a fresh terminal.
#[derive(Debug, Default)]
pub(super) struct Modes {
    changed: BTreeSet<u16>,
    /// Times that the way in which keys are reported was pushed on its stack.
    keyboards: u32,
    other_keys: bool,
    keypad: bool,
    /// A sequence that has begun.
    begun: Vec<u8>,
}

impl Modes {
    /// Takes in what the program wrote.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match (self.begun.as_slice(), byte) {
                (_, 0x1b) => self.begun = vec![byte],
                ([], _) => {}
                ([0x1b], b'[') => self.begun.push(byte),
                ([0x1b], _) => {
                    match byte {
                        b'=' => self.keypad = true,
                        b'>' => self.keypad = false,
                        // A full reset.
                        b'c' => *self = Self::default(),
                        _ => {}
                    }
                    self.begun.clear();
                }
                (_, 0x40..=0x7e) => {
                    let begun = std::mem::take(&mut self.begun);
                    self.sequence(&begun[2..], byte);
                }
                (begun, _) if begun.len() >= SEQUENCE_BYTES_MAX => self.begun.clear(),
                _ => self.begun.push(byte),
            }
        }
    }

    fn sequence(&mut self, parameters: &[u8], last: u8) {
        let Some((&kind, rest)) = parameters.split_first() else { return };
        match (kind, last) {
            (b'?', b'h' | b'l') => {
                let text = String::from_utf8_lossy(rest).into_owned();
                for mode in text.split(';').filter_map(|mode| mode.parse().ok()) {
                    if (last == b'h') == ON_AT_FIRST.contains(&mode) {
                        self.changed.remove(&mode);
                    } else {
                        self.changed.insert(mode);
                    }
                }
            }
            (b'>', b'u') => self.keyboards += 1,
            (b'<', b'u') => self.keyboards = self.keyboards.saturating_sub(1),
            (b'>', b'm') => self.other_keys = rest.starts_with(b"4;") && rest != b"4;0",
            _ => {}
        }
    }

    /// What undoes all that is left.
    pub(super) fn undo(&self) -> Vec<u8> {
        let mut out = String::from("\x1b[0m");
        for _ in 0..self.keyboards {
            out.push_str("\x1b[<u");
        }
        if self.other_keys {
            out.push_str("\x1b[>4;0m");
        }
        if self.keypad {
            out.push_str("\x1b>");
        }
        for mode in &self.changed {
            let end = if ON_AT_FIRST.contains(mode) { 'h' } else { 'l' };
            // Writing to a `String` cannot fail.
            let _ = write!(out, "\x1b[?{mode}{end}");
        }
        out.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_set_is_undone_and_nothing_else() {
        for (written, undone) in [
            (&["plain \x1b[31mred"][..], "\x1b[0m"),
            (&["\x1b[?1049h\x1b[?25l"], "\x1b[0m\x1b[?25h\x1b[?1049l"),
            (&["\x1b[?1049h", "\x1b[?25l", "\x1b[?1049l\x1b[?25h"], "\x1b[0m"),
            (&["\x1b[?100", "0;1006h"], "\x1b[0m\x1b[?1000l\x1b[?1006l"),
            (&["\x1b[>1u\x1b[>4;2m\x1b="], "\x1b[0m\x1b[<u\x1b[>4;0m\x1b>"),
            (&["\x1b[>1u\x1b[<u\x1b[?7l\x1bc"], "\x1b[0m"),
            (&["\x1b[?2004h\x1b]0;title\x07"], "\x1b[0m\x1b[?2004l"),
        ] {
            let mut modes = Modes::default();
            for part in written {
                modes.feed(part.as_bytes());
            }
            assert_eq!(String::from_utf8_lossy(&modes.undo()), undone, "{written:?}");
        }
    }
}
