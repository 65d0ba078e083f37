//! Finds the lines with which agents say how their task stands, outside code fences.

use super::call::{self, Call};
use super::observation::{TaskState, Verdict};

/// What one line of an agent's text says to the runtime.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Mark {
    State(TaskState),
    BlockReason(String),
    Verdict(Verdict),
    Call(Call),
}

/// Reads text line by line and knows whether it is inside a code fence.
#[derive(Debug, Clone, Default)]
pub(super) struct Scan {
    /// The fence that must be closed: its character and length.
    fence: Option<(char, usize)>,
}

impl Scan {
    /// A message ended; a fence that was left open in it does not hide the next one.
    pub(super) fn end_message(&mut self) {
        self.fence = None;
    }

    /// The marks of a complete piece of text.
    pub(super) fn marks(&mut self, text: &str) -> Vec<Mark> {
        text.lines().filter_map(|line| self.line(line)).collect()
    }

    fn line(&mut self, line: &str) -> Option<Mark> {
        let start = line.trim_start();
        if let Some(c @ ('`' | '~')) = start.chars().next() {
            let length = start.chars().take_while(|other| *other == c).count();
            let rest = &start[length..];
            match self.fence {
                Some((open, least)) if open == c && length >= least && rest.trim().is_empty() => {
                    self.fence = None;
                    return None;
                }
                // A backtick in the rest makes it inline code, not a fence.
                None if length >= 3 && !(c == '`' && rest.contains('`')) => {
                    self.fence = Some((c, length));
                    return None;
                }
                _ => {}
            }
        }
        if self.fence.is_some() {
            return None;
        }
        mark(line)
    }
}

/// What a line outside fences says.
pub(super) fn mark(line: &str) -> Option<Mark> {
    let bare = line.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '_' | '`' | '#'));
    let (key, value) = bare.split_once(':')?;
    let key = key.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '`'));
    if key == call::MARK {
        return Call::parse(value).map(Mark::Call);
    }
    let value = value.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '`'));
    match key.to_ascii_uppercase().as_str() {
        "TASK_STATE" => TaskState::from_word(only_word(value)?).map(Mark::State),
        "VERDICT" | "VERIFICATION" => Verdict::from_word(only_word(value)?).map(Mark::Verdict),
        "BLOCK_REASON" if !value.is_empty() => Some(Mark::BlockReason(value.to_owned())),
        _ => None,
    }
}

/// The first word, unless alternatives follow: `PASS|FAIL` is the form, not an answer.
fn only_word(value: &str) -> Option<&str> {
    let end = value.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(value.len());
    let rest = value[end..].trim_start();
    (end > 0 && !rest.starts_with(['|', '/'])).then(|| &value[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_agents_write_them() {
        let state = |state| Some(Mark::State(state));
        let verdict = |verdict| Some(Mark::Verdict(verdict));
        for (line, expected) in [
            ("TASK_STATE: DONE", state(TaskState::Done)),
            ("  task_state:continue  ", state(TaskState::Continue)),
            ("**TASK_STATE: BLOCKED**", state(TaskState::Blocked)),
            ("**TASK_STATE:** DONE.", state(TaskState::Done)),
            ("TASK_STATE: DONE|CONTINUE|BLOCKED", None),
            ("TASK_STATE: FINISHED", None),
            ("TASK_STATE:", None),
            ("I will write TASK_STATE: DONE", None),
            ("BLOCK_REASON: no key", Some(Mark::BlockReason("no key".into()))),
            ("VERDICT: PASS", verdict(Verdict::Pass)),
            ("## Verdict: fail (2 tests)", verdict(Verdict::Fail)),
            ("verdict: **PASS**", verdict(Verdict::Pass)),
            ("VERIFICATION: FAIL", verdict(Verdict::Fail)),
            ("VERDICT: PASS | FAIL", None),
            ("VERDICT: PASSED", None),
        ] {
            assert_eq!(mark(line), expected, "{line}");
        }
    }

    #[test]
    fn nothing_counts_inside_a_code_fence() {
        for (text, count) in [
            ("```\nVERDICT: PASS\n```\n", 0),
            ("~~~sh\nVERDICT: PASS\n~~~", 0),
            ("````\n```\nVERDICT: PASS\n````\nVERDICT: FAIL", 1),
            ("```\nVERDICT: PASS", 0),
            ("```\na\n```\nVERDICT: PASS", 1),
            ("`x` is fine\nVERDICT: PASS", 1),
            ("```inline``` code\nVERDICT: PASS", 1),
            ("~~~\n```\nVERDICT: PASS\n~~~\nVERDICT: PASS", 1),
        ] {
            assert_eq!(Scan::default().marks(text).len(), count, "{text}");
        }
    }
}
