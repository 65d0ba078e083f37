//! When a gate is open, in words.

use serde_json::Value;

use crate::base::flow::{CheckOp, Condition};

/// A condition as a sentence would say it, one part per line; parts of parts are set in.
pub fn condition(condition: &Condition) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    add(condition, 0, &mut lines);
    lines
}

fn add(condition: &Condition, depth: usize, lines: &mut Vec<(usize, String)>) {
    let (head, parts): (String, &[Condition]) = match condition {
        Condition::Check { field, op } => (check(field, op), &[]),
        Condition::Count { field, eq, min } => {
            (format!("at least {} of `{field}` are {}", (*min).max(1), word(eq)), &[])
        }
        Condition::Done(step) => (format!("step `{step}` is done"), &[]),
        Condition::Exec(name) => (format!("command `{name}` is green on this tree"), &[]),
        Condition::All(parts) if parts.is_empty() => ("always".to_owned(), &[]),
        Condition::Any(parts) if parts.is_empty() => ("never".to_owned(), &[]),
        // One part alone is that part.
        Condition::All(parts) | Condition::Any(parts) if parts.len() == 1 => {
            return add(&parts[0], depth, lines);
        }
        Condition::All(parts) => ("all of".to_owned(), parts),
        Condition::Any(parts) => ("one of".to_owned(), parts),
    };
    lines.push((depth, head));
    for part in parts {
        add(part, depth + 1, lines);
    }
}

fn check(field: &str, op: &CheckOp) -> String {
    match op {
        CheckOp::Exists => format!("`{field}` is written"),
        CheckOp::Eq(value) => format!("`{field}` is {}", word(value)),
        CheckOp::Ne(value) => format!("`{field}` is not {}", word(value)),
    }
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_reads_as_people_would_say_it() {
        let check = |field: &str, op| Condition::Check { field: field.into(), op };
        let count = Condition::Count { field: "votes".into(), eq: "approve".into(), min: 3 };
        let link = check("pr_url", CheckOp::Exists);
        let yes = check("approved", CheckOp::Eq(true.into()));
        let any = Condition::Any(vec![link, Condition::Exec("check".into())]);
        let said = condition(&Condition::All(vec![count, any, Condition::All(vec![yes])]));
        let said: Vec<String> =
            said.into_iter().map(|(depth, text)| "  ".repeat(depth) + &text).collect();
        assert_eq!(
            said,
            [
                "all of",
                "  at least 3 of `votes` are approve",
                "  one of",
                "    `pr_url` is written",
                "    command `check` is green on this tree",
                "  `approved` is true",
            ]
        );
    }
}
