//! The stream of `opencode run --format json`.

use serde_json::Value;

use super::failure;
use super::json::{DETAIL_CHARS_MAX, at, count, detail, number, text, text_or_empty};
use crate::agent::observation::{Observation, ResultStatus, Usage};
use crate::base::redact::one_line;

/// Reads the stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reader {
    session: Option<String>,
    answer: String,
}

impl Reader {
    pub(super) fn read(&mut self, line: &Value) -> Option<Vec<Observation>> {
        let kind = text(line, "type")?;
        let mut seen = Vec::new();
        if let Some(id) = text(line, "sessionID").filter(|id| self.session.as_deref() != Some(*id))
        {
            self.session = Some(id.to_owned());
            seen.push(Observation::Session { id: id.to_owned() });
        }
        match kind {
            "text" => {
                let said = text_or_empty(line, "part.text");
                // What the program tells itself after it has cut its own conversation.
                if at(line, "part.synthetic").and_then(Value::as_bool) == Some(true) {
                    return Some(seen);
                }
                self.answer.clone_from(&said);
                seen.push(Observation::Text { text: said });
            }
            "reasoning" => {
                seen.push(Observation::Thinking { text: text_or_empty(line, "part.text") });
            }
            "tool_use" => seen.extend(tool(at(line, "part")?)),
            "step_finish" => {
                seen.push(Observation::Usage(usage(line)));
                // There is no event for the end of a turn: a step that calls no tool is the last one.
                if text(line, "part.reason") == Some("stop") {
                    let text = std::mem::take(&mut self.answer);
                    seen.push(Observation::Result { text, status: ResultStatus::Ok });
                }
            }
            "step_start" => {}
            "error" => {
                let name = text(line, "error.name").unwrap_or("error");
                let words = text(line, "error.data.message").unwrap_or(name);
                let status = at(line, "error.data.statusCode").and_then(Value::as_u64);
                seen.extend(failure::failed_turn(status, words));
            }
            _ => return None,
        }
        Some(seen)
    }
}

/// Told when it is over: begin and end come together.
fn tool(part: &Value) -> [Observation; 2] {
    let id = text_or_empty(part, "callID");
    let exit = at(part, "state.metadata.exit").and_then(Value::as_i64).unwrap_or(0);
    let start = Observation::ToolStart {
        id: id.clone(),
        name: text_or_empty(part, "tool"),
        detail: detail(at(part, "state.input").unwrap_or(&Value::Null)),
    };
    let said = text(part, "state.output").or_else(|| text(part, "state.error"));
    let end = Observation::ToolEnd {
        id,
        ok: text(part, "state.status") == Some("completed") && exit == 0,
        detail: one_line(said.unwrap_or_default(), DETAIL_CHARS_MAX),
    };
    [start, end]
}

fn usage(line: &Value) -> Usage {
    Usage {
        input_tokens: count(line, "part.tokens.input") + count(line, "part.tokens.cache.write"),
        output_tokens: count(line, "part.tokens.output") + count(line, "part.tokens.reasoning"),
        cache_tokens: count(line, "part.tokens.cache.read"),
        cost_usd: number(line, "part.cost").filter(|cost| *cost > 0.0),
    }
}
