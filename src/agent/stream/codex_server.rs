//! The stream of `codex app-server`, as the driver passes it on.

use serde_json::Value;

use super::failure;
use super::json::{at, count, detail, list, outcome, text, text_or_empty};
use crate::agent::observation::{Observation, ResultStatus, Usage};
use crate::base::redact::one_line;

/// Subjects of notifications that say nothing to add.
const QUIET: [&str; 9] = [
    "thread/",
    "turn/",
    "item/",
    "account/",
    "remoteControl/",
    "mcpServer/",
    "serverRequest/",
    "skills/",
    "app/",
];

/// Reads the stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reader {
    answer: String,
    /// The turn that goes on; usage of earlier ones is told again when a session goes on.
    turn: Option<String>,
}

impl Reader {
    pub(super) fn read(&mut self, line: &Value) -> Option<Vec<Observation>> {
        let Some(method) = text(line, "method") else {
            return Some(opened(line));
        };
        let seen = match method {
            "turn/started" => {
                self.turn = text(line, "params.turn.id").map(str::to_owned);
                Vec::new()
            }
            "item/started" => started(at(line, "params.item")?),
            "item/completed" => self.completed(at(line, "params.item")?),
            "thread/tokenUsage/updated" if text(line, "params.turnId") == self.turn.as_deref() => {
                vec![Observation::Usage(usage(line))]
            }
            "error" => {
                let words = text(line, "params.error.message").unwrap_or("error");
                let (kind, _) = failure::classify(None, words);
                vec![Observation::Retry { kind, text: words.to_owned() }]
            }
            "turn/completed" => self.ended(line),
            _ if QUIET.iter().any(|subject| method.starts_with(subject)) => Vec::new(),
            _ => return None,
        };
        Some(seen)
    }

    fn completed(&mut self, item: &Value) -> Vec<Observation> {
        let id = text_or_empty(item, "id");
        let ok = text(item, "status") == Some("completed");
        let seen = match text(item, "type") {
            Some("agentMessage") => {
                let said = text_or_empty(item, "text");
                self.answer.clone_from(&said);
                Observation::Text { text: said }
            }
            Some("reasoning") => {
                let parts: Vec<&str> =
                    list(item, "summary").iter().filter_map(Value::as_str).collect();
                Observation::Thinking { text: parts.join("\n") }
            }
            Some("commandExecution") => Observation::ToolEnd {
                id,
                ok: ok && count(item, "exitCode") == 0,
                detail: one_line(text(item, "aggregatedOutput").unwrap_or_default(), 200),
            },
            Some("fileChange") => Observation::ToolEnd { id, ok, detail: changes(item) },
            Some("mcpToolCall") => Observation::ToolEnd {
                id,
                ok,
                detail: match text(item, "error.message") {
                    Some(error) => one_line(error, 200),
                    None => outcome(at(item, "result.content").unwrap_or(&Value::Null)),
                },
            },
            _ => return Vec::new(),
        };
        vec![seen]
    }

    fn ended(&mut self, line: &Value) -> Vec<Observation> {
        self.turn = None;
        let answer = std::mem::take(&mut self.answer);
        if text(line, "params.turn.status") == Some("completed") {
            return vec![Observation::Result { text: answer, status: ResultStatus::Ok }];
        }
        let none = Observation::Result { text: String::new(), status: ResultStatus::Error };
        match text(line, "params.turn.error.message") {
            Some(words) => vec![failure::failure(None, words), none],
            None => vec![none],
        }
    }
}

/// The answer to the call that opens the thread names both.
fn opened(line: &Value) -> Vec<Observation> {
    let mut seen = Vec::new();
    if let Some(id) = text(line, "result.thread.id") {
        seen.push(Observation::Session { id: id.to_owned() });
        let model = text(line, "result.model").or_else(|| text(line, "result.thread.model"));
        seen.extend(model.map(|name| Observation::Model { name: name.to_owned() }));
    }
    seen
}

fn started(item: &Value) -> Vec<Observation> {
    let id = text_or_empty(item, "id");
    let (name, detail) = match text(item, "type") {
        Some("commandExecution") => {
            ("shell".to_owned(), one_line(text(item, "command").unwrap_or_default(), 200))
        }
        Some("fileChange") => ("edit".to_owned(), changes(item)),
        Some("mcpToolCall") => {
            let (server, tool) = (text_or_empty(item, "server"), text_or_empty(item, "tool"));
            (format!("{server}.{tool}"), detail(item.get("arguments").unwrap_or(&Value::Null)))
        }
        _ => return Vec::new(),
    };
    vec![Observation::ToolStart { id, name, detail }]
}

fn changes(item: &Value) -> String {
    let paths: Vec<&str> =
        list(item, "changes").iter().filter_map(|change| text(change, "path")).collect();
    one_line(&paths.join(" "), 200)
}

/// One call of the model; cached tokens are part of the input.
fn usage(line: &Value) -> Usage {
    let cache_tokens = count(line, "params.tokenUsage.last.cachedInputTokens");
    let input = count(line, "params.tokenUsage.last.inputTokens");
    Usage {
        input_tokens: input.saturating_sub(cache_tokens),
        output_tokens: count(line, "params.tokenUsage.last.outputTokens"),
        cache_tokens,
        cost_usd: None,
    }
}
