//! Finds the placeholders of a prompt. Only known names are placeholders; every other brace is text.

/// What a placeholder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder<'a> {
    /// `{goal}`: the goal of the run.
    Goal,
    /// `{run}`: the run's reference.
    Run,
    /// `{task}`: the task's name.
    Task,
    /// `{slot}`: the number of the slot.
    Slot,
    /// `{feedback}`: what sent the work back.
    Feedback,
    /// `{failure}`: the tail of the last failed validation.
    Failure,
    /// `{gate:ID.field}`: a field of a gate's store; without a field the whole store.
    Gate {
        /// Name of the gate.
        id: &'a str,
        /// The field.
        field: Option<&'a str>,
    },
    /// `{output:STEP}`: the result of a step.
    Output(&'a str),
    /// `{artifact:NAME}`: a file that a task produced.
    Artifact(&'a str),
    /// `{param:NAME}`: a parameter of the run.
    Param(&'a str),
    /// Looks like a placeholder and is none.
    Unknown(&'a str),
}

/// A placeholder with its place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<'a> {
    /// What it stands for.
    pub placeholder: Placeholder<'a>,
    /// The bytes of the text that it takes, braces included.
    pub range: std::ops::Range<usize>,
}

/// Names of placeholders without an argument, and with one.
pub const NAMES: [&str; 10] =
    ["goal", "run", "task", "slot", "feedback", "failure", "gate", "output", "artifact", "param"];

/// The placeholders of a text, in order. Text in code that looks like an unknown one is left out.
pub fn scan(text: &str) -> Vec<Found<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find('{').map(|offset| at + offset) {
        at = open + 1;
        let Some(length) = text[at..].find(['}', '{', '\n', ' ']) else {
            break;
        };
        let inner = &text[at..at + length];
        if !text[at + length..].starts_with('}') {
            continue;
        }
        let Some(placeholder) = parse(inner) else {
            continue;
        };
        at += length + 1;
        if !matches!(placeholder, Placeholder::Unknown(_)) || !is_code(text, open) {
            found.push(Found { placeholder, range: open..at });
        }
    }
    found
}

fn parse(inner: &str) -> Option<Placeholder<'_>> {
    let (name, argument) = match inner.split_once(':') {
        Some((name, argument)) => (name, Some(argument)),
        None => (inner, None),
    };
    let is_name = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '_' | '-'))
    };
    if !is_name(name) || argument.is_some_and(str::is_empty) {
        return None;
    }
    Some(match (name, argument) {
        ("goal", None) => Placeholder::Goal,
        ("run", None) => Placeholder::Run,
        ("task", None) => Placeholder::Task,
        ("slot", None) => Placeholder::Slot,
        ("feedback", None) => Placeholder::Feedback,
        ("failure", None) => Placeholder::Failure,
        ("gate", Some(argument)) => match argument.rsplit_once('.') {
            Some((id, field)) => Placeholder::Gate { id, field: Some(field) },
            None => Placeholder::Gate { id: argument, field: None },
        },
        ("output", Some(step)) => Placeholder::Output(step),
        ("artifact", Some(name)) => Placeholder::Artifact(name),
        ("param", Some(name)) => Placeholder::Param(name),
        _ => Placeholder::Unknown(inner),
    })
}

/// Whether a place stands in a code fence or between back quotes.
fn is_code(text: &str, at: usize) -> bool {
    let before = &text[..at];
    let fences = before
        .lines()
        .filter(|line| line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~"))
        .count();
    let line = before.rsplit('\n').next().unwrap_or_default();
    fences % 2 == 1 || line.matches('`').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_names_are_placeholders() {
        let text = "{goal} {\"a\": {b}} { goal } {gate:a.b.c} {output:x}{nope} `{code}` {Goal} {}";
        let found: Vec<Placeholder<'_>> = scan(text).into_iter().map(|f| f.placeholder).collect();
        assert_eq!(
            found,
            [
                Placeholder::Goal,
                Placeholder::Unknown("b"),
                Placeholder::Gate { id: "a.b", field: Some("c") },
                Placeholder::Output("x"),
                Placeholder::Unknown("nope"),
            ]
        );
    }

    #[test]
    fn ranges_cover_the_braces() {
        let text = "ä {goal} z";
        assert_eq!(&text[scan(text)[0].range.clone()], "{goal}");
    }
}
