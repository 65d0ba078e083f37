//! Whether the terminal is light or dark, by its own word (`OSC 11`).
//!
//! It is asked after the first frame, and nothing waits for the answer. The answer comes among the keys:
//! it is taken out there, so that nothing of it ever is a key that was pressed.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::look::Theme;
use crate::base::Time;
use crate::config::Environment;

/// Asks for the colour of the background.
pub(super) const QUERY: &str = "\u{1b}]11;?\u{1b}\\";
/// Milliseconds after which an answer is none any more.
const PATIENCE_MS: u64 = 3_000;
/// Characters of the longest answer.
const ANSWER_MAX: usize = 40;

/// Listens for the answer among the keys.
#[derive(Debug, Clone)]
pub(super) struct Listener {
    until: Time,
    at: At,
    /// Keys that are the answer, or were pressed after all.
    held: Vec<KeyEvent>,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Nothing of the answer was heard.
    Before,
    /// The first byte of the answer came alone.
    Escaped,
    /// Within the answer.
    Inside,
    /// The first byte of its end came alone.
    Ending,
}

/// What a key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// These were pressed.
    Pressed(Vec<KeyEvent>),
    /// A part of the answer.
    Part,
    /// The end of the answer: the theme that fits, when it could be read.
    Answer(Option<Theme>),
}

/// Whether the terminal is to be asked: only where nothing else says how it looks.
pub(super) fn is_asked(wanted: &str, found: Theme, env: &Environment) -> bool {
    let terminal = env.get("TERM").unwrap_or_default();
    Theme::named(wanted).is_none()
        && matches!(found, Theme::Dark | Theme::Light)
        && env.get("COLORFGBG").is_none()
        && !matches!(terminal, "linux" | "dumb")
}

impl Listener {
    /// Listens from now on, for a moment.
    pub(super) fn new(now: Time) -> Self {
        let until = now.plus_ms(PATIENCE_MS);
        Self { until, at: At::Before, held: Vec::new(), text: String::new() }
    }

    /// Whether an answer may still come.
    pub(super) fn listens(&self, now: Time) -> bool {
        now < self.until || self.at == At::Inside || self.at == At::Ending
    }

    /// Takes a key in.
    pub(super) fn hear(&mut self, key: KeyEvent) -> Heard {
        let is_alt = key.modifiers.contains(KeyModifiers::ALT);
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        match (self.at, key.code) {
            (At::Before | At::Escaped, KeyCode::Char(']'))
                if is_alt || (self.at == At::Escaped && !is_control) =>
            {
                self.at = At::Inside;
                self.held.push(key);
                Heard::Part
            }
            (At::Before | At::Escaped, code) => {
                self.at = if code == KeyCode::Esc { At::Escaped } else { At::Before };
                Heard::Pressed(vec![key])
            }
            (At::Inside, KeyCode::Char('\\')) if is_alt => self.answered(),
            (At::Inside, KeyCode::Char('g')) if is_control => self.answered(),
            (At::Inside, KeyCode::Esc) => {
                self.held.push(key);
                self.at = At::Ending;
                Heard::Part
            }
            (At::Ending, KeyCode::Char('\\')) => self.answered(),
            (At::Inside, KeyCode::Char(c)) if !is_alt && !is_control => {
                self.text.push(c);
                self.held.push(key);
                if self.may_be_answer() { Heard::Part } else { self.pressed() }
            }
            (At::Inside | At::Ending, _) => {
                self.held.push(key);
                self.pressed()
            }
        }
    }

    /// It was no answer: what was held was pressed.
    fn pressed(&mut self) -> Heard {
        self.at = At::Before;
        self.text.clear();
        Heard::Pressed(std::mem::take(&mut self.held))
    }

    fn answered(&mut self) -> Heard {
        let theme = light(&self.text).map(|light| if light { Theme::Light } else { Theme::Dark });
        *self = Self { until: Time(0), ..Self::new(Time(0)) };
        Heard::Answer(theme)
    }

    fn may_be_answer(&self) -> bool {
        const HEAD: &str = "11;";
        let head = self.text.len().min(HEAD.len());
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '/' | '#' | ';');
        self.text.len() <= ANSWER_MAX
            && self.text.is_char_boundary(head)
            && self.text[..head] == HEAD[..head]
            && self.text.chars().all(is_plain)
    }
}

/// Whether the colour that an answer names is light: `11;rgb:ffff/ffff/ffff`.
fn light(answer: &str) -> Option<bool> {
    let color = answer.strip_prefix("11;")?;
    let (_, parts) = color.split_once(':')?;
    let part = |part: &str| -> Option<u64> {
        let most = 16_u64.checked_pow(u32::try_from(part.len()).ok()?)?.checked_sub(1)?;
        Some(u64::from_str_radix(part, 16).ok()? * 1_000 / most.max(1))
    };
    let mut parts = parts.split('/').map(part);
    let (red, green, blue) = (parts.next()??, parts.next()??, parts.next()??);
    Some(red * 299 + green * 587 + blue * 114 > 500 * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(code: KeyCode, modifiers: KeyModifiers) -> KeyEvent {
        KeyEvent::new(code, modifiers)
    }

    fn typed(text: &str) -> Vec<KeyEvent> {
        text.chars().map(|c| key(KeyCode::Char(c), KeyModifiers::NONE)).collect()
    }

    fn alt(c: char) -> KeyEvent {
        key(KeyCode::Char(c), KeyModifiers::ALT)
    }

    fn hear(keys: &[KeyEvent]) -> (Vec<KeyEvent>, Option<Theme>) {
        let mut listener = Listener::new(Time(0));
        let (mut pressed, mut theme) = (Vec::new(), None);
        for one in keys {
            match listener.hear(*one) {
                Heard::Pressed(keys) => pressed.extend(keys),
                Heard::Part => {}
                Heard::Answer(found) => theme = found,
            }
        }
        (pressed, theme)
    }

    #[test]
    fn an_answer_is_taken_out_of_the_keys_however_it_ends() {
        let escape = key(KeyCode::Esc, KeyModifiers::NONE);
        let bell = key(KeyCode::Char('g'), KeyModifiers::CONTROL);
        for end in [vec![alt('\\')], vec![bell], [vec![escape], typed("\\")].concat()] {
            let answer = [vec![alt(']')], typed("11;rgb:ffff/FAFA/e0e0"), end].concat();
            let keys = [typed("j"), answer, typed("q")].concat();
            assert_eq!(hear(&keys), (typed("jq"), Some(Theme::Light)));
        }
        let dark = [vec![alt(']')], typed("11;rgb:1e1e/1e1e/2e2e"), vec![alt('\\')]].concat();
        assert_eq!(hear(&dark), (Vec::new(), Some(Theme::Dark)));
        // The first byte may come alone: a key that goes out of nothing.
        let alone = [vec![escape], typed("]11;rgb:00/00/00"), vec![bell]].concat();
        assert_eq!(hear(&alone), (vec![escape], Some(Theme::Dark)));
    }

    #[test]
    fn keys_that_only_begin_like_an_answer_were_pressed() {
        let keys = [vec![alt(']')], typed("1x")].concat();
        assert_eq!(hear(&keys), (keys.clone(), None));
        let keys = [vec![alt(']')], typed("11;rgb:ff"), vec![alt('x')]].concat();
        assert_eq!(hear(&keys), (keys.clone(), None));
        let odd = [vec![alt(']')], typed("11;rgb:what"), vec![alt('\\')]].concat();
        assert_eq!(hear(&odd), (Vec::new(), None), "an answer that nobody understands");
    }

    #[test]
    fn only_who_is_not_told_otherwise_is_asked() {
        let asks = |wanted: &str, variables: &[(&str, &str)]| {
            let env: Environment = variables.iter().copied().collect();
            is_asked(wanted, Theme::fitting(wanted, &env), &env)
        };
        let many = ("TERM", "xterm-256color");
        assert!(asks("auto", &[many]));
        assert!(!asks("dark", &[many]) && !asks("auto", &[many, ("COLORFGBG", "0;15")]));
        assert!(!asks("auto", &[("TERM", "xterm")]) && !asks("auto", &[many, ("NO_COLOR", "1")]));
    }
}
