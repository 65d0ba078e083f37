//! Requests of programs: which are answered by the level of the task, and what a person reads of the others.

use serde_json::Value;

use crate::agent::live::{ALLOW, DENY, Note};
use crate::base::flow::Permission;
use crate::base::text;

/// Bytes of a request that a person reads: enough for any command, not for whole files.
const REQUEST_BYTES_MAX: usize = 4 << 10;

/// What a tool can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// It is crew's own, which guards itself.
    Own,
    /// It looks.
    Read,
    /// It changes files.
    Edit,
    /// Anything.
    All,
}

/// The level's own answer; `None`: a person is asked.
pub(super) fn of(level: Permission, reach: Reach) -> Option<bool> {
    match (level, reach) {
        (_, Reach::Own) | (Permission::Full, _) => Some(true),
        (Permission::Ask, _) => None,
        (Permission::Plan, reach) => Some(reach == Reach::Read),
        (Permission::Edit, reach) => Some(reach != Reach::All),
    }
}

/// Why the level says no, in words for the agent.
pub(super) fn refusal(level: Permission) -> &'static str {
    match level {
        Permission::Plan => "this task may only read; leave it out and say what you would do",
        Permission::Edit => "this task may read and edit files, and nothing else; go on without it",
        Permission::Ask | Permission::Full => "it is not allowed; go on without it",
    }
}

/// What a request reads like: the tool, and its whole command or input.
pub(super) fn told(tool: &str, input: &Value) -> String {
    let telling = ["command", "file_path", "path", "url", "query"];
    let found = telling.iter().find_map(|key| match input.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Array(words) => {
            let words: Option<Vec<&str>> = words.iter().map(Value::as_str).collect();
            Some(words?.join(" "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    });
    let what = found.unwrap_or_else(|| match input {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => input.to_string(),
    });
    let what = text::middle_cut(what.trim(), REQUEST_BYTES_MAX);
    let told = if what.is_empty() { tool.to_owned() } else { format!("{tool}: {what}") };
    format!("may it use {told}")
}

/// The note of a request for permission.
pub(super) fn asked(id: &str, tool: &str, input: &Value) -> Note {
    let choices = vec![ALLOW.to_owned(), DENY.to_owned()];
    Note::Asked { id: id.to_owned(), text: told(tool, input), choices }
}

/// Whether a person's words let the program go on.
pub(super) fn is_yes(answer: &str) -> bool {
    answer == ALLOW
}

/// What the program is told when a person says no.
pub(super) fn no(answer: &str) -> String {
    match answer {
        DENY => "a person said no; go on without it".to_owned(),
        words => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_level_answers_what_it_means_and_asks_only_when_it_says_so() {
        use Reach::{All, Edit, Own, Read};
        for (level, answers) in [
            (Permission::Full, [Some(true); 4]),
            (Permission::Edit, [Some(true), Some(true), Some(true), Some(false)]),
            (Permission::Plan, [Some(true), Some(true), Some(false), Some(false)]),
            (Permission::Ask, [Some(true), None, None, None]),
        ] {
            assert_eq!([Own, Read, Edit, All].map(|reach| of(level, reach)), answers, "{level:?}");
        }
    }

    #[test]
    fn a_person_reads_the_whole_command() {
        let long = "x".repeat(900);
        assert!(told("Bash", &json!({"command": long.clone()})).contains(&long));
        assert_eq!(
            told("shell", &json!({"command": ["rm", "-r", "x"]})),
            "may it use shell: rm -r x"
        );
        assert_eq!(told("Mystery", &json!({"b": 1})), "may it use Mystery: {\"b\":1}");
        assert_eq!(told("Stop", &Value::Null), "may it use Stop");
    }
}
