//! The stream of `codex exec --json`.

use serde_json::Value;

use super::json::{DETAIL_CHARS_MAX, at, count, detail, list, outcome, text, text_or_empty};
use super::{Totals, failure};
use crate::agent::observation::{ErrorKind, Observation, ResultStatus, Usage};
use crate::base::redact::one_line;

/// Reads the stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reader {
    pub(super) totals: Totals,
    answer: String,
}

impl Reader {
    pub(super) fn read(&mut self, line: &Value) -> Option<Vec<Observation>> {
        let seen = match text(line, "type")? {
            "thread.started" => {
                let id = text_or_empty(line, "thread_id");
                self.totals.named(&id);
                vec![Observation::Session { id }]
            }
            "turn.started" | "item.updated" => Vec::new(),
            "item.started" => started(at(line, "item")?)?,
            "item.completed" => self.completed(at(line, "item")?)?,
            // Told for every retry and once more at the end: only `turn.failed` ends the turn.
            "error" => vec![retry(text(line, "message")?)],
            "turn.completed" => {
                let usage = self.totals.since(usage(line));
                let text = std::mem::take(&mut self.answer);
                vec![
                    Observation::Usage(usage),
                    Observation::Result { text, status: ResultStatus::Ok },
                ]
            }
            "turn.failed" => {
                let words = text(line, "error.message").unwrap_or("the turn failed");
                failure::failed_turn(None, &inner(words)).into()
            }
            _ => return None,
        };
        Some(seen)
    }

    fn completed(&mut self, item: &Value) -> Option<Vec<Observation>> {
        let id = text_or_empty(item, "id");
        let seen = match text(item, "type")? {
            "agent_message" => {
                let said = text_or_empty(item, "text");
                self.answer.clone_from(&said);
                Observation::Text { text: said }
            }
            "reasoning" => Observation::Thinking { text: text_or_empty(item, "text") },
            "command_execution" => Observation::ToolEnd {
                id,
                ok: text(item, "status") == Some("completed"),
                detail: one_line(
                    text(item, "aggregated_output").unwrap_or_default(),
                    DETAIL_CHARS_MAX,
                ),
            },
            "file_change" => Observation::ToolEnd {
                id,
                ok: text(item, "status") == Some("completed"),
                detail: changes(item),
            },
            "mcp_tool_call" => Observation::ToolEnd {
                id,
                ok: text(item, "status") == Some("completed"),
                detail: match text(item, "error.message") {
                    Some(error) => one_line(error, DETAIL_CHARS_MAX),
                    None => outcome(at(item, "result.content").unwrap_or(&Value::Null)),
                },
            },
            "web_search" | "todo_list" => return Some(Vec::new()),
            // A remark, `error`, such as missing metadata of a model: worth a look, and no failure.
            _ => return None,
        };
        Some(vec![seen])
    }
}

fn started(item: &Value) -> Option<Vec<Observation>> {
    let id = text_or_empty(item, "id");
    let (name, detail) = match text(item, "type")? {
        "command_execution" => (
            "shell".to_owned(),
            one_line(text(item, "command").unwrap_or_default(), DETAIL_CHARS_MAX),
        ),
        "file_change" => ("edit".to_owned(), changes(item)),
        "mcp_tool_call" => {
            let (server, tool) = (text_or_empty(item, "server"), text_or_empty(item, "tool"));
            let arguments = item.get("arguments").unwrap_or(&Value::Null);
            (format!("{server}.{tool}"), detail(arguments))
        }
        "agent_message" | "reasoning" | "web_search" | "todo_list" => return Some(Vec::new()),
        _ => return None,
    };
    Some(vec![Observation::ToolStart { id, name, detail }])
}

fn changes(item: &Value) -> String {
    let paths: Vec<&str> =
        list(item, "changes").iter().filter_map(|change| text(change, "path")).collect();
    one_line(&paths.join(" "), DETAIL_CHARS_MAX)
}

fn retry(words: &str) -> Observation {
    let words = inner(words);
    let (kind, _) = failure::classify(None, &words);
    Observation::Retry { kind: if words.is_empty() { ErrorKind::Other } else { kind }, text: words }
}

/// The message within a message that is itself JSON.
fn inner(words: &str) -> String {
    let parsed: Option<Value> = serde_json::from_str(words).ok();
    let found = parsed.as_ref().and_then(|value| text(value, "error.message"));
    found.unwrap_or(words).to_owned()
}

/// The sum over the thread; cached tokens are part of the input.
fn usage(line: &Value) -> Usage {
    let cache_tokens = count(line, "usage.cached_input_tokens");
    Usage {
        input_tokens: count(line, "usage.input_tokens").saturating_sub(cache_tokens),
        output_tokens: count(line, "usage.output_tokens"),
        cache_tokens,
        cost_usd: None,
    }
}
