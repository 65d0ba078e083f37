//! Splits the body of a workflow into sections, one per step.
//!
//! A line `## name` starts a step when it stands in the first column outside a code fence, `name` is one valid
//! name, and either the name has no upper-case letter or the next line is `key: value` with a key of a step.
//! Every other heading is text of the prompt: `## Output format`, `## Context`, `### notes`.
//! A code fence that is never closed is no fence, so that it cannot swallow the steps behind it.
//!
//! The header of a step is the `key: value` lines directly under its heading (indented lines and `#` comments
//! belong to them), up to the first line that is none. When no key of it is known, or near a known one, there is
//! no header: it is the prompt.

use crate::base::id::check_name;
use crate::base::text::did_you_mean;

use super::diagnostic::Findings;
use super::front_matter::{key_line, read_block};
use super::step::KEYS;
use super::value::{Entry, Pos, same_key};

/// One section of a workflow file.
pub(super) struct Section {
    /// The step's name.
    pub(super) id: String,
    /// Where the heading stands.
    pub(super) pos: Pos,
    /// The keys of its header.
    pub(super) head: Vec<Entry>,
    /// The prompt, without blank lines around it.
    pub(super) prompt: String,
    /// Line of the prompt's first line.
    pub(super) prompt_line: u32,
}

/// Splits a body whose first line is `body_line` of the file.
pub(super) fn split(body: &str, body_line: u32, findings: &mut Findings) -> Vec<Section> {
    let lines: Vec<&str> = body.lines().collect();
    let starts = step_starts(&lines, body_line, findings);
    let preamble = &lines[..starts.first().map_or(lines.len(), |start| start.0)];
    if let Some(index) = preamble.iter().position(|line| !line.trim().is_empty())
        && !starts.is_empty()
    {
        findings.info(
            Pos::line(line_at(body_line, index)),
            "text before the first step is not used",
            "write `## step-id` above it, or remove it",
        );
    }
    let mut sections = Vec::new();
    for (nth, (index, id)) in starts.iter().enumerate() {
        let end = starts.get(nth + 1).map_or(lines.len(), |next| next.0);
        let first = index + 1;
        let header = header_length(&lines[first..end]);
        let head_text = lines[first..first + header].join("\n");
        let prompt_lines = &lines[first + header..end];
        let blank = prompt_lines.iter().take_while(|line| line.trim().is_empty()).count();
        sections.push(Section {
            id: (*id).to_owned(),
            pos: Pos { line: line_at(body_line, *index), column: 4 },
            head: read_block(&head_text, line_at(body_line, first), findings),
            prompt: prompt_lines[blank..].join("\n").trim_end().to_owned(),
            prompt_line: line_at(body_line, first + header + blank),
        });
    }
    sections
}

fn line_at(body_line: u32, index: usize) -> u32 {
    body_line.saturating_add(u32::try_from(index).unwrap_or(u32::MAX))
}

/// The lines that start a step, with its name.
fn step_starts<'a>(
    lines: &[&'a str],
    body_line: u32,
    findings: &mut Findings,
) -> Vec<(usize, &'a str)> {
    let fenced = fenced_lines(lines, body_line, findings);
    let mut starts = Vec::new();
    for (index, line) in lines.iter().enumerate().filter(|(index, _)| !fenced[*index]) {
        let Some(id) = line.strip_prefix("## ").map(heading_text) else {
            continue;
        };
        let next_key = lines.get(index + 1).and_then(|next| key_line(next));
        let is_keyed = next_key.is_some_and(|(key, _)| is_step_key(key));
        let is_name = check_name(id).is_ok();
        if is_name && (is_keyed || !id.contains(char::is_uppercase)) {
            starts.push((index, id));
        } else if !is_name && next_key.is_some_and(|(key, _)| same_key(key) == "role") {
            findings.error(
                Pos::line(line_at(body_line, index)),
                format!("`{}` is not the name of a step", crate::base::text::one_line(id, 40)),
                "name the step like `## code-review`: letters, digits, `-`, `_` and `.`",
            );
        }
    }
    starts
}

/// The text of a heading, without closing `#`.
fn heading_text(rest: &str) -> &str {
    let text = rest.trim();
    match text.trim_end_matches('#') {
        cut if cut.len() < text.len() && cut.ends_with(' ') => cut.trim_end(),
        _ => text,
    }
}

fn is_step_key(key: &str) -> bool {
    let key = same_key(key);
    KEYS.iter().any(|known| same_key(known) == key)
}

/// Marks the lines that stand in a closed code fence, its fences included.
fn fenced_lines(lines: &[&str], body_line: u32, findings: &mut Findings) -> Vec<bool> {
    let mut fenced = vec![false; lines.len()];
    let mut index = 0;
    while index < lines.len() {
        let Some((mark, length)) = fence(lines[index]) else {
            index += 1;
            continue;
        };
        let is_end = |line: &&str| {
            fence(line).is_some_and(|(end, count)| {
                end == mark && count >= length && line.trim().chars().all(|c| c == mark)
            })
        };
        if let Some(offset) = lines[index + 1..].iter().position(is_end) {
            let end = index + 1 + offset;
            fenced[index..=end].fill(true);
            index = end;
        } else {
            findings.warning(
                Pos::line(line_at(body_line, index)),
                "this code fence is never closed",
                format!("write a line of {length} `{mark}` behind the code"),
            );
        }
        index += 1;
    }
    fenced
}

/// The character and length of a code fence line.
fn fence(line: &str) -> Option<(char, usize)> {
    let text = line.trim_start();
    let mark = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let length = text.chars().take_while(|c| *c == mark).count();
    let info = &text[length..];
    (length >= 3 && !(mark == '`' && info.contains('`'))).then_some((mark, length))
}

/// How many lines under a heading are its header.
fn header_length(lines: &[&str]) -> usize {
    let mut length = 0;
    let mut is_header = false;
    for line in lines {
        if let Some((key, _)) = key_line(line) {
            is_header |= is_step_key(key) || did_you_mean(key, KEYS).is_some();
        } else if line.trim().is_empty() || !(line.starts_with([' ', '\t', '#', '-']) && length > 0)
        {
            break;
        }
        length += 1;
    }
    if is_header { length } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(body: &str) -> Vec<String> {
        let mut findings = Findings::new("f.workflow.md".into());
        split(body, 1, &mut findings).into_iter().map(|section| section.id).collect()
    }

    #[test]
    fn a_lower_case_name_starts_a_step_and_other_headings_are_text() {
        let body = "## explore\nrole: explorer\n\nLook.\n\n## Output format\n\n## Context\n\ntext\n\n### notes\n## plan\n\nGo.\n";
        assert_eq!(ids(body), ["explore", "plan"]);
    }

    #[test]
    fn an_upper_case_name_starts_a_step_only_with_a_key_under_it() {
        assert_eq!(ids("## Explore\nrole: explorer\n\n## Plan\n\ntext\n"), ["Explore"]);
        assert_eq!(ids("## Explore\nNote: this is text\n"), Vec::<String>::new());
    }

    #[test]
    fn headings_in_code_fences_are_text() {
        let body = "## a\n\n```md\n## b\nrole: x\n```\n~~~~\n## c\n~~~\n~~~~\n## d\n";
        assert_eq!(ids(body), ["a", "d"]);
    }

    #[test]
    fn an_open_code_fence_does_not_swallow_steps() {
        let mut findings = Findings::new("f.workflow.md".into());
        let sections = split("## a\n\n```\ncode\n\n## b\n", 1, &mut findings);
        assert_eq!(sections.len(), 2);
        assert_eq!(findings.finish()[0].line, 3);
    }

    #[test]
    fn the_header_ends_at_the_first_line_that_is_no_key() {
        let mut findings = Findings::new("f.workflow.md".into());
        let body = "## a\nrole: coder\nloop:\n  steps: 3\n  validate: true\nDo it: now\n\n## b\nNote: only prose\n## c\nroel: coder\n\nx\n";
        let sections = split(body, 10, &mut findings);
        assert_eq!(sections[0].head.len(), 2);
        assert_eq!((sections[0].prompt.as_str(), sections[0].prompt_line), ("Do it: now", 15));
        assert_eq!(sections[1].prompt, "Note: only prose");
        assert_eq!(sections[2].head[0].key, "roel");
    }

    #[test]
    fn a_step_whose_name_has_spaces_is_an_error() {
        let mut findings = Findings::new("f.workflow.md".into());
        split("## my step\nrole: coder\n\nx\n", 1, &mut findings);
        assert!(findings.finish()[0].message.contains("`my step`"));
    }
}
