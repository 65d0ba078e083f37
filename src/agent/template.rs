//! Placeholders in the arguments of a command, filled without any shell.

use crate::base::text::did_you_mean;

/// A placeholder of command templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Placeholder {
    Crew,
    PromptFile,
    Prompt,
    Worktree,
    Model,
    Session,
    McpConfig,
    Mcp,
    Task,
}

impl Placeholder {
    const ALL: [(&'static str, Self); 9] = [
        ("prompt_file", Self::PromptFile),
        ("prompt", Self::Prompt),
        ("worktree", Self::Worktree),
        ("model", Self::Model),
        ("session", Self::Session),
        ("mcp_config", Self::McpConfig),
        ("mcp", Self::Mcp),
        ("task", Self::Task),
        ("crew", Self::Crew),
    ];

    /// Its name without braces.
    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, one)| *one == self).map_or("", |(name, _)| name)
    }
}

/// The text between braces names no placeholder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{{{name}}}` in `{argument}` is not a placeholder; {}", advice(name))]
pub struct UnknownPlaceholder {
    /// What stands between the braces.
    pub name: String,
    /// The whole argument.
    pub argument: String,
}

fn advice(name: &str) -> String {
    let names = Placeholder::ALL.iter().map(|(name, _)| *name);
    match did_you_mean(name, names.clone()) {
        Some(near) => format!("did you mean `{{{near}}}`"),
        None => format!(
            "known are {}; write `{{{{{name}}}}}` for the text itself",
            names.map(|name| format!("`{{{name}}}`")).collect::<Vec<_>>().join(" ")
        ),
    }
}

/// A piece of an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Literal(&'a str),
    Fill(Placeholder),
}

/// Cuts an argument into literal text and placeholders.
///
/// Only `{word}` with lower-case letters and `_` can be a placeholder, so JSON in an argument is
/// text; `{{word}}` is the text `{word}`.
pub(super) fn pieces(argument: &str) -> Result<Vec<Piece<'_>>, UnknownPlaceholder> {
    let mut pieces = Vec::new();
    let mut rest = argument;
    let mut literal_from = argument;
    while let Some(open) = rest.find('{') {
        let after = &rest[open + 1..];
        let doubled = after.starts_with('{');
        let word_from = if doubled { &after[1..] } else { after };
        let length = word_length(word_from);
        let close = if doubled { "}}" } else { "}" };
        if length == 0 || !word_from[length..].starts_with(close) {
            rest = after;
            continue;
        }
        let before = literal_from.len() - rest.len() + open;
        let end = before + 1 + usize::from(doubled) + length + close.len();
        if doubled {
            pieces.push(Piece::Literal(&literal_from[..=before]));
            // From the word to the first of the two closing braces.
            pieces.push(Piece::Literal(&word_from[..=length]));
        } else {
            let name = &word_from[..length];
            let found = Placeholder::ALL.iter().find(|(known, _)| *known == name);
            let (_, placeholder) = found.ok_or_else(|| UnknownPlaceholder {
                name: name.to_owned(),
                argument: argument.to_owned(),
            })?;
            pieces.push(Piece::Literal(&literal_from[..before]));
            pieces.push(Piece::Fill(*placeholder));
        }
        literal_from = &literal_from[end..];
        rest = literal_from;
    }
    pieces.push(Piece::Literal(literal_from));
    pieces.retain(|piece| *piece != Piece::Literal(""));
    Ok(pieces)
}

/// The argument that is filled as exactly this text, whatever braces it holds.
pub(super) fn literal(text: &str) -> String {
    let mut argument = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let length = word_length(&rest[open + 1..]);
        let end = open + 1 + length;
        argument.push_str(&rest[..open]);
        if length > 0 && rest[end..].starts_with('}') {
            argument.extend(["{", &rest[open..=end], "}"]);
            rest = &rest[end + 1..];
        } else {
            argument.push('{');
            rest = &rest[open + 1..];
        }
    }
    argument + rest
}

fn word_length(text: &str) -> usize {
    text.bytes().take_while(|byte| byte.is_ascii_lowercase() || *byte == b'_').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_cut_into_text_and_placeholders() {
        use Piece::{Fill, Literal};
        for (argument, expected) in [
            ("--headless", vec![Literal("--headless")]),
            ("{prompt}", vec![Fill(Placeholder::Prompt)]),
            (
                "--in={worktree}/{task}.md",
                vec![
                    Literal("--in="),
                    Fill(Placeholder::Worktree),
                    Literal("/"),
                    Fill(Placeholder::Task),
                    Literal(".md"),
                ],
            ),
            ("{{model}}", vec![Literal("{"), Literal("model}")]),
            (r#"{"a":{}}"#, vec![Literal(r#"{"a":{}}"#)]),
            (
                r#"{"m":"{model}"}"#,
                vec![Literal(r#"{"m":""#), Fill(Placeholder::Model), Literal(r#""}"#)],
            ),
            ("{", vec![Literal("{")]),
            ("", vec![]),
        ] {
            assert_eq!(pieces(argument), Ok(expected), "{argument}");
        }
    }

    #[test]
    fn a_literal_argument_is_filled_as_itself() {
        for text in ["", "a", "{model}", "{{model}}", "{", "}}{{", "{a}{b}", "{{{x}}}", "{A}"] {
            let argument = literal(text);
            let filled: String = pieces(&argument)
                .expect("no placeholder is left")
                .into_iter()
                .map(|piece| match piece {
                    Piece::Literal(text) => text,
                    Piece::Fill(_) => "FILLED",
                })
                .collect();
            assert_eq!(filled, text, "{argument}");
        }
    }

    #[test]
    fn an_unknown_placeholder_is_named_with_the_nearest_one() {
        let error = pieces("x={promt_file}").expect_err("unknown").to_string();
        assert_eq!(
            error,
            "`{promt_file}` in `x={promt_file}` is not a placeholder; did you mean `{prompt_file}`"
        );
        let error = pieces("{zzz}").expect_err("unknown").to_string();
        assert!(error.contains("write `{{zzz}}`") && error.contains("`{session}`"), "{error}");
    }
}
