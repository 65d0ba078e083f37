//! Splits a command written as one text into words, as a shell would, without being a shell.

/// A quote is not closed, or a backslash stands at the end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` ends inside a quote or after a backslash")]
pub struct WordsError(pub String);

/// The words of a command line: blanks separate, quotes and backslashes protect, nothing else is special.
pub(super) fn split(text: &str) -> Result<Vec<String>, WordsError> {
    let unfinished = || WordsError(text.to_owned());
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or_else(unfinished)? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or_else(unfinished)? {
                        '"' => break,
                        '\\' => match chars.next().ok_or_else(unfinished)? {
                            c @ ('"' | '\\' | '$' | '`') => word.push(c),
                            '\n' => {}
                            c => word.extend(['\\', c]),
                        },
                        c => word.push(c),
                    }
                }
            }
            '\\' => match chars.next().ok_or_else(unfinished)? {
                '\n' => {}
                c => word.get_or_insert_default().push(c),
            },
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_split_as_in_a_shell() {
        for (text, words) in [
            ("mytool --x", &["mytool", "--x"][..]),
            ("  a   b\tc\n", &["a", "b", "c"]),
            ("a 'b c' \"d e\"", &["a", "b c", "d e"]),
            ("a'b'\"c\"d", &["abcd"]),
            ("a '' \"\"", &["a", "", ""]),
            (r#"a "x\"y" 'p\q' \  z"#, &["a", "x\"y", r"p\q", " ", "z"]),
            (r#""a\nb" "a\$b""#, &[r"a\nb", "a$b"]),
            ("--x={worktree}/y", &["--x={worktree}/y"]),
            ("", &[]),
        ] {
            assert_eq!(split(text).expect(text), words, "{text}");
        }
    }

    #[test]
    fn an_open_quote_is_refused() {
        for text in ["a 'b", "a \"b", "a \\", "\"a\\"] {
            assert!(split(text).is_err(), "{text}");
        }
    }
}
