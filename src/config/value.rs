//! Values of configuration keys: their kinds, and how TOML and plain text become values.

use std::fmt;

use camino::{Utf8Component, Utf8Path};
use toml::de::DeValue;

use crate::base::{text, time};

/// A checked value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Flag(bool),
    Count(u64),
    Amount(f64),
    /// Milliseconds, and the text as it was written.
    Duration(u64, String),
    /// Bytes, and the text as it was written.
    Size(u64, String),
    List(Vec<String>),
}

impl fmt::Display for Value {
    /// Writes the value as TOML, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => flag.fmt(f),
            Self::Count(count) => count.fmt(f),
            Self::Amount(amount) => write!(f, "{amount:?}"),
            Self::Text(text) | Self::Duration(_, text) | Self::Size(_, text) => {
                f.write_str(&quoted(text))
            }
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
                write!(f, "[{}]", items.join(", "))
            }
        }
    }
}

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Flag,
    /// A whole number from and up to.
    Count(u64, u64),
    /// US dollars.
    Amount,
    Duration,
    Size,
    Choice(&'static [&'static str]),
    /// A list; one text counts as a list of one, and commas part it in a variable.
    Words,
    /// Words out of a fixed set.
    Subset(&'static [&'static str]),
    /// Words that are globs relative to the project.
    Globs,
    /// Words that are paths inside the project.
    Files,
    /// A list of shell commands; one text is one command, and lines part them in a variable.
    Commands,
    /// A program and its arguments: only ever a list.
    Argv,
}

impl Kind {
    /// Checks a value from a file.
    ///
    /// # Errors
    /// What stands there instead, as a fragment that fits "not …".
    pub(super) fn of_toml(self, value: &DeValue<'_>) -> Result<Value, String> {
        match value {
            DeValue::String(text) if self == Self::Argv => Err(shown(text)),
            DeValue::String(text) => self.of_single(text),
            DeValue::Boolean(flag) if self == Self::Flag => Ok(Value::Flag(*flag)),
            DeValue::Boolean(flag) => Err(format!("`{flag}`")),
            DeValue::Integer(number) => {
                let text = number.to_string();
                let parsed = i128::from_str_radix(number.as_str(), number.radix());
                self.of_number(parsed.ok(), &text)
            }
            DeValue::Float(number) => self.of_float(number.as_str()),
            DeValue::Array(items) if self.is_list() => {
                let mut list = Vec::new();
                for item in items {
                    let DeValue::String(text) = item.get_ref() else {
                        return Err(format!("a list with {}", a(item.get_ref().type_str())));
                    };
                    list.push(text.to_string());
                }
                self.of_list(list)
            }
            DeValue::Array(_) => Err("a list".to_owned()),
            DeValue::Table(_) => Err("a table".to_owned()),
            DeValue::Datetime(_) => Err("a date".to_owned()),
        }
    }

    /// Checks a value from a variable or a flag.
    ///
    /// # Errors
    /// What stands there instead, as a fragment that fits "not …".
    pub(super) fn of_text(self, text: &str) -> Result<Value, String> {
        let parts = |mark: char| {
            text.split(mark)
                .map(|part| part.trim().to_owned())
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
        };
        match self {
            Self::Flag => match text.to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => Ok(Value::Flag(true)),
                "false" | "0" | "no" | "off" => Ok(Value::Flag(false)),
                _ => Err(shown(text)),
            },
            Self::Count(..) => self.of_number(text.trim().parse().ok(), &shown(text)),
            Self::Amount => self.of_float(text.trim()),
            Self::Words | Self::Subset(_) | Self::Globs | Self::Files => self.of_list(parts(',')),
            Self::Commands => self.of_list(parts('\n')),
            Self::Argv | Self::Text | Self::Duration | Self::Size | Self::Choice(_) => {
                self.of_single(text)
            }
        }
    }

    /// What the key takes, as a fragment that fits "must be …".
    pub(super) fn expected(self) -> String {
        match self {
            Self::Text => "a text in quotes".to_owned(),
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Count(min, u64::MAX) => format!("a whole number, {min} or more"),
            Self::Count(min, max) => format!("a whole number from {min} to {max}"),
            Self::Amount => "a number, 0 or more".to_owned(),
            Self::Duration => "a duration like `\"90s\"`, `\"20m\"` or `\"1h 30m\"`".to_owned(),
            Self::Size => "a size like `\"500MB\"` or `\"1GiB\"`".to_owned(),
            Self::Choice(names) => format!("one of {}", ticked(names)),
            Self::Words => "a list of texts".to_owned(),
            Self::Subset(names) => format!("a list out of {}", ticked(names)),
            Self::Globs => "a list of path patterns relative to the project".to_owned(),
            Self::Files => "a list of paths inside the project".to_owned(),
            Self::Commands => "a list of shell commands".to_owned(),
            Self::Argv => "a list: the program and its arguments".to_owned(),
        }
    }

    fn is_list(self) -> bool {
        matches!(
            self,
            Self::Words | Self::Subset(_) | Self::Globs | Self::Files | Self::Commands | Self::Argv
        )
    }

    fn of_single(self, text: &str) -> Result<Value, String> {
        match self {
            Self::Text if !text.trim().is_empty() => Ok(Value::Text(text.to_owned())),
            Self::Duration => time::parse_ms(text)
                .map(|ms| Value::Duration(ms, text.to_owned()))
                .map_err(|_| shown(text)),
            Self::Size => bytes(text)
                .map(|bytes| Value::Size(bytes, text.to_owned()))
                .ok_or_else(|| shown(text)),
            Self::Choice(names) if names.contains(&text) => Ok(Value::Text(text.to_owned())),
            Self::Choice(names) => Err(guess(text, names)),
            Self::Words | Self::Subset(_) | Self::Globs | Self::Files | Self::Commands => {
                self.of_list(vec![text.to_owned()])
            }
            Self::Text | Self::Flag | Self::Count(..) | Self::Amount | Self::Argv => {
                Err(shown(text))
            }
        }
    }

    fn of_number(self, number: Option<i128>, text: &str) -> Result<Value, String> {
        let wrong = || Err(ticked_once(text));
        let Some(number) = number.and_then(|number| u64::try_from(number).ok()) else {
            return wrong();
        };
        match self {
            Self::Count(min, max) if (min..=max).contains(&number) => Ok(Value::Count(number)),
            Self::Amount => self.of_float(text),
            Self::Duration => match number.checked_mul(1_000) {
                Some(ms) => Ok(Value::Duration(ms, format!("{number}s"))),
                None => wrong(),
            },
            Self::Size => Ok(Value::Size(number, number.to_string())),
            Self::Text
            | Self::Flag
            | Self::Count(..)
            | Self::Choice(_)
            | Self::Words
            | Self::Subset(_)
            | Self::Globs
            | Self::Files
            | Self::Commands
            | Self::Argv => wrong(),
        }
    }

    fn of_float(self, text: &str) -> Result<Value, String> {
        match text.parse::<f64>() {
            Ok(number) if self == Self::Amount && number.is_finite() && number >= 0.0 => {
                Ok(Value::Amount(number))
            }
            _ => Err(ticked_once(text)),
        }
    }

    fn of_list(self, list: Vec<String>) -> Result<Value, String> {
        if list.iter().any(|item| item.trim().is_empty()) {
            return Err("a list with an empty text".to_owned());
        }
        let wrong = |is_right: &dyn Fn(&str) -> bool| list.iter().find(|item| !is_right(item));
        if let Self::Subset(names) = self
            && let Some(item) = wrong(&|item| names.contains(&item))
        {
            return Err(guess(item, names));
        }
        if self == Self::Globs
            && let Some(item) = wrong(&is_pattern)
        {
            return Err(shown(item));
        }
        if self == Self::Files
            && let Some(item) = wrong(&|item| is_inside(item.as_ref()))
        {
            return Err(shown(item));
        }
        Ok(Value::List(list))
    }
}

/// The path is relative, names something, and does not climb out.
pub(super) fn is_inside(path: &Utf8Path) -> bool {
    let is_name = |part: &Utf8Component<'_>| matches!(part, Utf8Component::Normal(_));
    let mut parts = path.components();
    parts.clone().any(|part| is_name(&part))
        && parts.all(|part| is_name(&part) || part == Utf8Component::CurDir)
}

/// The text is a pattern relative to the project; `!` makes it an exception.
fn is_pattern(text: &str) -> bool {
    let pattern = text.strip_prefix('!').unwrap_or(text);
    !pattern.starts_with('/') && globset::Glob::new(pattern).is_ok()
}

/// Reads `1GiB`, `500MB`, `1024`.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let number: u64 = text[..digits].parse().ok()?;
    let factor = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// A text as TOML writes it.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.replace('\r', "")).to_string()
}

fn shown(found: &str) -> String {
    format!("the text `{}`", text::one_line(found, 60))
}

fn ticked_once(found: &str) -> String {
    if found.contains('`') { found.to_owned() } else { format!("`{found}`") }
}

fn guess(found: &str, names: &[&'static str]) -> String {
    match text::did_you_mean(found, names.iter().copied()) {
        Some(name) => format!("{} (did you mean `{name}`?)", shown(found)),
        None => shown(found),
    }
}

fn ticked(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn a(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {noun}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_people_write_them() {
        for (text, expected) in [
            ("1GiB", Some(1 << 30)),
            ("500MB", Some(500_000_000)),
            ("1 kib", Some(1_024)),
            ("12", Some(12)),
            ("", None),
            ("GiB", None),
            ("-1MB", None),
            ("1 parsec", None),
            ("99999999TiB", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }

    #[test]
    fn lists_in_variables_are_parted_by_commas_and_commands_by_lines() {
        assert_eq!(Kind::Words.of_text("a, b c,,").unwrap().to_string(), r#"["a", "b c"]"#);
        assert_eq!(
            Kind::Commands.of_text("make a, b\nmake c").unwrap(),
            Value::List(vec!["make a, b".into(), "make c".into()])
        );
    }

    #[test]
    fn only_paths_inside_the_project_are_inside() {
        for path in ["a", "./a/b", "a b/ü"] {
            assert!(is_inside(path.as_ref()), "{path}");
        }
        for path in ["", ".", "/etc/passwd", "../x", "a/../../x", "~/../x/.."] {
            assert!(!is_inside(path.as_ref()), "{path}");
        }
    }
}
