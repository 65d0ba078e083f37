//! What a person is told who decides about finished work: where it goes, what was checked, who voted.

use serde_json::Value;

use super::super::state::State;
use crate::base::flow::FieldType;
use crate::base::text;
use crate::event::merge::MergeResult;

/// Characters of what a vote or an obstacle is told in.
const WORDS_CHARS: usize = 600;

/// The finished work in some lines.
pub(super) fn text(state: &State, branch: &str) -> String {
    let mut lines = vec![match state.merge_target() {
        Some(target) => format!("the work is done: branch `{branch}` → `{target}`"),
        None => format!(
            "the work is done on branch `{branch}`; there is no branch that it is meant for"
        ),
    }];
    if let Some(MergeResult::Refused { why, detail, .. }) = state.merge_obstacle() {
        lines.push(format!(
            "the last try failed ({why}): {}",
            text::middle_cut(detail, WORDS_CHARS)
        ));
    }
    lines.push(format!("validation: {}", validation(state)));
    lines.extend(votes(state));
    lines.join("\n")
}

/// What the validation says about exactly this tree.
fn validation(state: &State) -> String {
    let Some(name) = &state.created.policy.validation else {
        return "unverified (no command is configured for it)".to_owned();
    };
    match state.evidence_of(name) {
        None => format!("unverified (`{name}` did not run on this tree)"),
        Some(found) if found.is_green() => format!("`{name}` is green on this tree"),
        Some(found) => match found.code {
            Some(code) => format!("`{name}` exited with code {code} on this tree"),
            None => format!("`{name}` did not end by itself on this tree"),
        },
    }
}

/// Who voted how: the entries of all map fields that gates count.
fn votes(state: &State) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for gate in &state.plan().gates {
        for (field, kind) in &gate.fields {
            let stored = state.stores.get(&gate.store).and_then(|store| store.data.get(field));
            let (FieldType::MapOf(_), Some(Value::Object(entries))) = (kind, stored) else {
                continue;
            };
            let told = entries.iter().map(|(who, vote)| {
                let vote = vote.as_str().map_or_else(|| vote.to_string(), str::to_owned);
                format!("{who} {vote}")
            });
            let line = format!("{field}: {}", told.collect::<Vec<_>>().join(", "));
            if !entries.is_empty() && !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    lines
}
