//! What a line tells beside what happened: when, how long a tool worked, all that came back, what was edited.
//!
//! Only views want it, so observations do not carry it. What a format does not tell stays unknown.

use serde_json::Value;

use super::json::{at, blocks, list, text};
use crate::base::Time;
use crate::base::compare::{self, DiffTag};
use crate::base::redact::middle_cut;

/// Bytes that are kept of what a tool was given or gave back.
const BODY_BYTES_MAX: usize = 16 << 10;
/// Bytes of a text that is compared with what it replaces.
const COMPARED_BYTES_MAX: usize = 64 << 10;

/// Lines that are kept around a change.
const CONTEXT_LINES: usize = 2;

/// What a line tells beside what happened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Aside {
    /// The moment of the line.
    pub at: Option<Time>,
    /// More about tool calls, by the id of the call.
    pub calls: Vec<CallAside>,
}

/// More about a tool call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallAside {
    /// Joins it with its start and its end.
    pub id: String,
    /// Milliseconds that the program counted.
    pub took_ms: Option<u64>,
    /// The command as it was given, when one line does not hold it.
    pub input: Option<String>,
    /// What came back, with its lines.
    pub output: Option<String>,
    /// What it changes in a file.
    pub edit: Option<Edit>,
}

/// What a tool changes in a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edit {
    /// Lines that were added.
    pub added: usize,
    /// Lines that were removed.
    pub removed: usize,
    /// The lines, after `+`, `-` or a blank; the beginning when there are many.
    pub patch: String,
}

impl Aside {
    /// What this line tells.
    pub(in crate::agent) fn of(line: &Value) -> Self {
        let mut calls = messages(line);
        calls.extend(item(line));
        calls.extend(pi(line));
        calls.extend(opencode(line));
        calls.extend(gemini(line));
        calls.extend(acp(line));
        calls.retain(|call| !call.id.is_empty());
        Self { at: moment(line), calls }
    }
}

impl Edit {
    /// The change from one text to another.
    fn between(old: &str, new: &str) -> Option<Self> {
        if old.len().max(new.len()) > COMPARED_BYTES_MAX {
            return None;
        }
        let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
        let groups = compare::groups(compare::steps(&old, &new), CONTEXT_LINES);
        let lines = groups.iter().flatten().flat_map(|step| {
            let is_same = step.tag() == DiffTag::Equal;
            let gone = if is_same { &[][..] } else { &old[step.old_range()] };
            let sign = if is_same { ' ' } else { '+' };
            let gone = gone.iter().map(|line| format!("-{line}"));
            let there = new[step.new_range()].iter().map(move |line| format!("{sign}{line}"));
            gone.chain(there).collect::<Vec<String>>()
        });
        let lines: Vec<String> = lines.collect();
        Some(Self::lines(lines.iter().map(String::as_str)))
    }

    /// A change as `diff` writes it; whatever stands before the first hunk is left out.
    fn unified(patch: &str) -> Self {
        let is_note = |line: &&str| line.starts_with("@@") || line.starts_with('\\');
        let start = patch.find("@@").unwrap_or(0);
        Self::lines(patch[start..].lines().filter(|line| !is_note(line)))
    }

    fn lines<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut edit = Self::default();
        for line in lines {
            match line.bytes().next() {
                Some(b'+') => edit.added += 1,
                Some(b'-') => edit.removed += 1,
                _ => {}
            }
            if edit.patch.len() + line.len() <= BODY_BYTES_MAX {
                edit.patch.push_str(line);
                edit.patch.push('\n');
            }
        }
        edit
    }

    fn and(mut self, more: &Self) -> Self {
        self.added += more.added;
        self.removed += more.removed;
        if self.patch.len() + more.patch.len() <= BODY_BYTES_MAX {
            self.patch.push_str(&more.patch);
        }
        self
    }
}

fn moment(line: &Value) -> Option<Time> {
    let stamped = line.get("timestamp").or_else(|| at(line, "message.timestamp"));
    let stamp = stamped.or_else(|| line.get("emittedAtMs"))?;
    match stamp.as_str() {
        Some(text) => text.parse().ok(),
        None => stamp.as_i64().map(Time),
    }
}

fn call(id: Option<&str>) -> CallAside {
    CallAside { id: id.unwrap_or_default().to_owned(), ..CallAside::default() }
}

/// `claude`, `qwen`: blocks of messages.
fn messages(line: &Value) -> Vec<CallAside> {
    let parts = list(line, "message.content").iter();
    let calls = parts.filter_map(|block| match text(block, "type")? {
        "tool_use" => {
            let input = block.get("input")?;
            Some(CallAside { edit: replaced(input), input: many(input), ..call(text(block, "id")) })
        }
        "tool_result" => Some(CallAside {
            output: body(&blocks(block.get("content")?)),
            edit: line.get("tool_use_result").and_then(patched),
            ..call(text(block, "tool_use_id"))
        }),
        _ => None,
    });
    calls.collect()
}

/// The change that `claude` tells when it was made.
fn patched(result: &Value) -> Option<Edit> {
    let hunks = list(result, "structuredPatch").iter().flat_map(|hunk| list(hunk, "lines"));
    let edit = Edit::lines(hunks.filter_map(Value::as_str));
    if edit.added + edit.removed > 0 {
        return Some(edit);
    }
    let is_new = text(result, "type") == Some("create");
    is_new.then(|| Edit::between("", text(result, "content")?)).flatten()
}

/// `codex` and its server: items.
fn item(line: &Value) -> Option<CallAside> {
    let item = line.get("item").or_else(|| at(line, "params.item"))?;
    let output = text(item, "aggregated_output").or_else(|| text(item, "aggregatedOutput"));
    let changes = list(item, "changes").iter();
    let edits: Option<Vec<Edit>> = changes
        .map(|change| {
            let diff = text(change, "diff")?;
            // A new file is told by its content.
            let is_new = text(change, "kind.type").or(text(change, "kind")) == Some("add");
            let has_hunks = diff.starts_with("@@") || diff.contains("\n@@");
            if is_new && !has_hunks { Edit::between("", diff) } else { Some(Edit::unified(diff)) }
        })
        .collect();
    Some(CallAside {
        took_ms: at(item, "durationMs").and_then(Value::as_u64),
        input: many(item),
        output: output.and_then(body),
        edit: edits.and_then(|edits| edits.into_iter().reduce(|sum, more| sum.and(&more))),
        ..call(text(item, "id"))
    })
}

fn pi(line: &Value) -> Option<CallAside> {
    let id = text(line, "toolCallId")?;
    let input = line.get("args").unwrap_or(&Value::Null);
    Some(CallAside {
        input: many(input),
        output: at(line, "result.content").and_then(|content| body(&blocks(content))),
        edit: replaced(input),
        ..call(Some(id))
    })
}

fn opencode(line: &Value) -> Option<CallAside> {
    let state = at(line, "part.state")?;
    let input = state.get("input").unwrap_or(&Value::Null);
    let moment = |path: &str| at(state, path).and_then(Value::as_i64).map(Time);
    let content = || {
        let is_new = at(state, "metadata.exists").and_then(Value::as_bool) == Some(false);
        is_new.then(|| Edit::between("", text(input, "content")?)).flatten()
    };
    Some(CallAside {
        took_ms: moment("time.end")
            .zip(moment("time.start"))
            .map(|(end, start)| end.since_ms(start)),
        input: many(input),
        output: text(state, "output").and_then(body),
        edit: text(state, "metadata.diff").map(Edit::unified).or_else(content).or(replaced(input)),
        ..call(text(line, "part.callID"))
    })
}

fn gemini(line: &Value) -> Option<CallAside> {
    let id = text(line, "tool_id")?;
    let input = line.get("parameters").unwrap_or(&Value::Null);
    Some(CallAside {
        input: many(input),
        output: text(line, "output").and_then(body),
        edit: replaced(input),
        ..call(Some(id))
    })
}

/// The Agent Client Protocol: a change is told as both texts.
fn acp(line: &Value) -> Option<CallAside> {
    let update = at(line, "params.update")?;
    let id = text(update, "toolCallId")?;
    let parts = list(update, "content").iter();
    let edits = parts.filter(|part| text(part, "type") == Some("diff")).filter_map(|part| {
        Edit::between(text(part, "oldText").unwrap_or_default(), text(part, "newText")?)
    });
    let said = list(update, "content").iter().filter_map(|part| text(part, "content.text"));
    let said = said.collect::<Vec<_>>().join("\n");
    let raw = at(update, "rawOutput").map(blocks).and_then(|raw| body(&raw));
    Some(CallAside {
        input: at(update, "rawInput").and_then(many),
        output: raw.or_else(|| body(&said)),
        edit: edits.reduce(|sum, more| sum.and(&more)),
        ..call(Some(id))
    })
}

/// The change that the input of an editing tool asks for.
fn replaced(input: &Value) -> Option<Edit> {
    const PAIRS: [(&str, &str); 3] =
        [("old_string", "new_string"), ("oldString", "newString"), ("oldText", "newText")];
    let pair = |input: &Value| {
        PAIRS.iter().find_map(|(old, new)| Edit::between(text(input, old)?, text(input, new)?))
    };
    let many = list(input, "edits").iter().map(pair).collect::<Option<Vec<Edit>>>();
    pair(input).or_else(|| many?.into_iter().reduce(|sum, more| sum.and(&more)))
}

/// A command that does not fit into one line.
fn many(input: &Value) -> Option<String> {
    text(input, "command")
        .filter(|command| command.contains('\n') || command.len() > 200)
        .and_then(body)
}

fn body(said: &str) -> Option<String> {
    let said = said.trim_matches('\n').trim_end();
    (!said.is_empty()).then(|| middle_cut(said, BODY_BYTES_MAX).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(line: &str) -> CallAside {
        let aside = Aside::of(&serde_json::from_str(line).unwrap());
        let [call] = aside.calls.as_slice() else { panic!("{aside:?}") };
        call.clone()
    }

    fn counts(line: &str) -> Option<(usize, usize)> {
        only(line).edit.map(|edit| (edit.added, edit.removed))
    }

    #[test]
    fn edits_are_counted_where_a_program_tells_both_sides() {
        let input = r#"{"old_string":"a\nb\nc\n","new_string":"a\nx\ny\nc\n"}"#;
        let start = format!(
            r#"{{"type":"assistant","message":{{"content":[{{"type":"tool_use","id":"1","name":"Edit","input":{input}}}]}}}}"#
        );
        assert_eq!(counts(&start), Some((2, 1)));
        assert_eq!(only(&start).edit.unwrap().patch, " a\n-b\n+x\n+y\n c\n");
        let end = r#"{"message":{"content":[{"type":"tool_result","tool_use_id":"1","content":"ok"}]},
            "tool_use_result":{"structuredPatch":[{"lines":[" a","-b","+c","+d"]},{"lines":["+e"]}]}}"#;
        assert_eq!(counts(end), Some((3, 1)));
        let edits = r#"{"toolCallId":"c","args":{"path":"x","edits":[{"oldText":"a","newText":"b"},{"oldText":"","newText":"c"}]}}"#;
        assert_eq!(counts(edits), Some((2, 1)));
        let diff = r#"{"part":{"callID":"c","state":{"metadata":{"diff":"Index: x\n--- x\n+++ x\n@@ -1 +1,2 @@\n-a\n+b\n+c\n"}}}}"#;
        assert_eq!(counts(diff), Some((2, 1)));
        let acp = r#"{"params":{"update":{"toolCallId":"c","content":[{"type":"diff","oldText":null,"newText":"a\nb\n"}]}}}"#;
        assert_eq!(counts(acp), Some((2, 0)));
        let server = r#"{"params":{"item":{"id":"c","durationMs":7,"changes":[{"path":"x","kind":{"type":"add"},"diff":"a\nb\n"}]}}}"#;
        assert_eq!((counts(server), only(server).took_ms), (Some((2, 0)), Some(7)));
    }

    #[test]
    fn what_a_program_does_not_tell_stays_unknown() {
        // The file may have been there before: what was removed is not known.
        let write = r#"{"toolCallId":"c","args":{"path":"x","content":"a\nb\n"}}"#;
        assert_eq!((counts(write), only(write).took_ms), (None, None));
        let change =
            r#"{"item":{"id":"i","type":"file_change","changes":[{"path":"x","kind":"add"}]}}"#;
        assert_eq!(counts(change), None);
        assert_eq!(Aside::of(&serde_json::json!({"type": "text", "text": "x"})), Aside::default());
    }

    #[test]
    fn times_are_read_in_every_form() {
        let at = |line: Value| Aside::of(&line).at;
        let moment = Some(Time(1_795_220_569_377));
        assert_eq!(at(serde_json::json!({"timestamp": "2026-11-21T00:22:49.377Z"})), moment);
        assert_eq!(at(serde_json::json!({"timestamp": 1_795_220_569_377_i64})), moment);
        assert_eq!(
            at(serde_json::json!({"message": {"timestamp": 1_795_220_569_377_i64}})),
            moment
        );
        assert_eq!(at(serde_json::json!({"timestamp": "yesterday"})), None);
    }

    #[test]
    fn the_lines_of_what_came_back_are_kept() {
        let line = r#"{"item":{"id":"i","command":"a\nb","aggregated_output":"one\ntwo\n\n"}}"#;
        let call = only(line);
        assert_eq!(call.output.as_deref(), Some("one\ntwo"));
        assert_eq!(call.input.as_deref(), Some("a\nb"));
    }
}
