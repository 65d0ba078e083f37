//! The stream of `pi --mode json`.

use serde_json::Value;

use super::failure;
use super::json::{at, count, detail, list, number, outcome, text, text_or_empty};
use crate::agent::observation::{Observation, ResultStatus, Usage};

/// Reads the stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reader {
    model: Option<String>,
    answer: String,
    failed: Option<String>,
}

impl Reader {
    pub(super) fn read(&mut self, line: &Value) -> Option<Vec<Observation>> {
        let seen = match text(line, "type")? {
            "session" => vec![Observation::Session { id: text_or_empty(line, "id") }],
            "message_end" => self.message(at(line, "message")?),
            "tool_execution_start" => vec![Observation::ToolStart {
                id: text_or_empty(line, "toolCallId"),
                name: text_or_empty(line, "toolName"),
                detail: detail(at(line, "args").unwrap_or(&Value::Null)),
            }],
            "tool_execution_end" => vec![Observation::ToolEnd {
                id: text_or_empty(line, "toolCallId"),
                ok: at(line, "isError").and_then(Value::as_bool) != Some(true),
                detail: outcome(at(line, "result.content").unwrap_or(&Value::Null)),
            }],
            "auto_retry_start" => {
                let words = text_or_empty(line, "errorMessage");
                let (kind, _) = failure::classify(None, &words);
                vec![Observation::Retry { kind, text: words }]
            }
            "agent_settled" => self.settled(),
            "agent_start"
            | "agent_end"
            | "turn_start"
            | "turn_end"
            | "message_start"
            | "message_update"
            | "tool_execution_update"
            | "auto_retry_end"
            | "entry_appended"
            | "queue_update"
            | "compaction_start"
            | "compaction_end"
            // What the driver and the program tell each other.
            | "response"
            | "extension_ui_request" => Vec::new(),
            _ => return None,
        };
        Some(seen)
    }

    fn message(&mut self, message: &Value) -> Vec<Observation> {
        let mut seen = Vec::new();
        if text(message, "role") != Some("assistant") {
            return seen;
        }
        if let Some(name) =
            text(message, "model").filter(|name| self.model.as_deref() != Some(*name))
        {
            self.model = Some(name.to_owned());
            seen.push(Observation::Model { name: name.to_owned() });
        }
        let mut said = Vec::new();
        for block in list(message, "content") {
            match text(block, "type") {
                Some("text") => said.push(text_or_empty(block, "text")),
                Some("thinking") => {
                    seen.push(Observation::Thinking { text: text_or_empty(block, "thinking") });
                }
                _ => {}
            }
        }
        if !said.is_empty() {
            self.answer = said.join("\n");
            seen.extend(said.into_iter().map(|text| Observation::Text { text }));
        }
        seen.push(Observation::Usage(usage(message)));
        let is_cut = matches!(text(message, "stopReason"), Some("error" | "aborted"));
        let words = || text(message, "errorMessage").unwrap_or("the turn was aborted").to_owned();
        self.failed = is_cut.then(words);
        seen
    }

    /// The program is done; it exits with code 0 also when its last call failed.
    fn settled(&mut self) -> Vec<Observation> {
        if let Some(words) = self.failed.take() {
            return failure::failed_turn(None, &words).into();
        }
        let text = std::mem::take(&mut self.answer);
        vec![Observation::Result { text, status: ResultStatus::Ok }]
    }
}

/// One message; a cost of nothing means that the program knows no price.
fn usage(message: &Value) -> Usage {
    Usage {
        input_tokens: count(message, "usage.input") + count(message, "usage.cacheWrite"),
        output_tokens: count(message, "usage.output"),
        cache_tokens: count(message, "usage.cacheRead"),
        cost_usd: number(message, "usage.cost.total").filter(|cost| *cost > 0.0),
    }
}
