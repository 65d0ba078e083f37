//! What prompts tell agents to write: the gate exists, the step may write it, field and value are declared.
//!
//! A prompt that has drifted away from its gate makes an agent write what is refused, and the run stalls.

use std::collections::BTreeSet;

use crate::base::flow::FieldType;
use crate::base::text::did_you_mean;
use crate::resource::diagnostic::Findings;
use crate::resource::{GateDecl, Pos, StepDecl, WorkflowFile};

/// The verb with which a prompt names a write.
const VERB: &str = "write-gate";

pub(super) fn check(file: &WorkflowFile, findings: &mut Findings) {
    if file.gates.is_empty() {
        return;
    }
    for step in &file.steps {
        for (index, line) in step.prompt.lines().enumerate() {
            let number = u32::try_from(index).unwrap_or(u32::MAX);
            let line_number = step.prompt_line.saturating_add(number);
            let mut rest = line;
            let mut column = 0;
            while let Some(at) = rest.find(VERB) {
                let after = &rest[at + VERB.len()..];
                let place = column + rest[..at].chars().count() + 1;
                let pos =
                    Pos { line: line_number, column: u32::try_from(place).unwrap_or(u32::MAX) };
                mention(file, step, after, pos, findings);
                column += rest[..at + VERB.len()].chars().count();
                rest = after;
            }
        }
    }
}

/// `GATE field=value …`, up to the end of the inline code or the line.
fn mention(file: &WorkflowFile, step: &StepDecl, after: &str, pos: Pos, findings: &mut Findings) {
    let code = after.split('`').next().unwrap_or(after);
    let mut words = code.split_whitespace();
    let Some(name) = words.next().map(bare).filter(|name| is_name(name)) else { return };
    let gates: Vec<&GateDecl> =
        file.gates.iter().filter(|gate| gate.id == name || gate.store == name).collect();
    if gates.is_empty() {
        let known = file.gates.iter().map(|gate| gate.id.as_str());
        let fix = did_you_mean(name, known.clone()).map_or_else(
            || format!("there are {}", known.collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        findings.error(pos, format!("the prompt writes the unknown gate `{name}`"), fix);
        return;
    }
    let writers: BTreeSet<&str> =
        gates.iter().flat_map(|gate| &gate.writers).map(|writer| writer.as_str()).collect();
    if !writers.contains(step.id.as_str()) && !writers.contains(step.role_name()) {
        let names: Vec<&str> = writers.into_iter().collect();
        findings.error(
            pos,
            format!("the prompt of `{}` writes gate `{name}` and may not", step.id),
            format!("{} may; add `{}` to its writers", names.join(", "), step.role_name()),
        );
    }
    for (field, value) in words.filter_map(|word| word.split_once('=')) {
        written(name, &gates, field, value, pos, findings);
    }
}

fn written(
    name: &str,
    gates: &[&GateDecl],
    field: &str,
    value: &str,
    pos: Pos,
    findings: &mut Findings,
) {
    if gates.iter().any(|gate| gate.fields.is_empty()) || !is_name(field) {
        return;
    }
    let Some(kind) = gates.iter().find_map(|gate| gate.field(field)) else {
        let fields: BTreeSet<&str> =
            gates.iter().flat_map(|gate| &gate.fields).map(|(field, _)| field.as_str()).collect();
        let fix = did_you_mean(field, fields.iter().copied()).map_or_else(
            || format!("it has {}", fields.iter().copied().collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        findings.error(
            pos,
            format!("gate `{name}` has no field `{field}`, which the prompt writes"),
            fix,
        );
        return;
    };
    let (FieldType::OneOf(words) | FieldType::MapOf(words)) = kind else { return };
    for value in value.split('|').map(bare).filter(|value| is_name(value)) {
        if !words.iter().any(|word| word == value) {
            findings.error(
                pos,
                format!("the prompt writes `{field}={value}`, which gate `{name}` does not take"),
                format!("it takes {}", words.join(", ")),
            );
        }
    }
}

/// The word without quotes and punctuation around it.
fn bare(word: &str) -> &str {
    word.trim_matches(|c: char| matches!(c, '"' | '\'' | ',' | '.' | ';' | ':' | ')' | '('))
}

/// Whether it is a word and no ellipsis, placeholder or form.
fn is_name(word: &str) -> bool {
    !word.is_empty()
        && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && word.chars().any(|c| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(prompt: &str) -> Vec<String> {
        let text = format!(
            "---\nname: w\ndescription: d\nstart: review\nend: done\ngates:\n  votes-gate:\n    \
             fields: {{ votes: {{ map: [approve, reject] }}, why: text }}\n    writers: [reviewer]\n    \
             when: {{ count: votes, eq: approve, min: 1 }}\nchannels:\n  \
             - {{ from: review, to: done, gate: votes-gate }}\n---\n\n## review\nrole: reviewer\n\n{prompt}\n\n\
             ## done\nkind: end\n"
        );
        let (file, _) = crate::resource::workflow::parse("w.workflow.md".into(), &text);
        let mut findings = Findings::new(&file.path);
        check(&file, &mut findings);
        findings
            .finish()
            .into_iter()
            .map(|d| format!("{}:{} {}", d.line, d.column, d.message))
            .collect()
    }

    #[test]
    fn a_prompt_that_drifted_from_its_gate_is_an_error() {
        for (prompt, expected) in [
            ("Vote: `write-gate votes-gate votes=approve` or `votes=reject`.", ""),
            ("Vote: `crew tool write-gate votes-gate votes=approve|reject why=…`.", ""),
            ("Write votes-gate when you are done.", ""),
            ("`write-gate votes-gate votes=\"reject\" why=because it is wrong`", ""),
            ("`write-gate <gate> field=value`", ""),
            (
                "a\n`write-gate vote-gate votes=approve`",
                "19:2 the prompt writes the unknown gate `vote-gate`",
            ),
            (
                "`write-gate votes-gate vote=approve`",
                "18:2 gate `votes-gate` has no field `vote`, which the prompt writes",
            ),
            (
                "ä `write-gate votes-gate votes=aprove`",
                "18:4 the prompt writes `votes=aprove`, which gate `votes-gate` does not take",
            ),
            (
                "`write-gate votes-gate votes=approve|no`",
                "18:2 the prompt writes `votes=no`, which gate `votes-gate` does not take",
            ),
        ] {
            assert_eq!(found(prompt).join("\n"), expected, "{prompt}");
        }
    }

    #[test]
    fn a_step_that_may_not_write_is_told_in_its_prompt() {
        let text =
            "## done\nkind: end\nrole: writer\n\nThen `write-gate votes-gate votes=approve`.";
        let all = found(&format!("Vote.\n\n{text}\n\n## other\nrole: writer\n\nx"));
        assert_eq!(all, ["24:7 the prompt of `done` writes gate `votes-gate` and may not"]);
    }
}
