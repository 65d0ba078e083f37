//! The stream of `claude -p --output-format stream-json`, and of `qwen`, which prints the same family.

use serde_json::Value;

use super::json::{at, blocks, count, detail, list, number, outcome, text, text_or_empty};
use super::{Totals, failure};
use crate::agent::observation::{Observation, ResultStatus, Usage};

/// Model name of messages that the program writes itself, such as API errors.
const SYNTHETIC: &str = "<synthetic>";

/// Reads the stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reader {
    session: Option<String>,
    model: Option<String>,
    /// `qwen` counts cached tokens as input, and sums up over the session.
    is_qwen: bool,
    pub(super) totals: Totals,
}

impl Reader {
    pub(super) fn qwen() -> Self {
        Self { is_qwen: true, ..Self::default() }
    }

    pub(super) fn read(&mut self, line: &Value) -> Option<Vec<Observation>> {
        let mut seen = Vec::new();
        let kind = text(line, "type")?;
        if let Some(id) = text(line, "session_id").filter(|id| !id.is_empty())
            && self.session.as_deref() != Some(id)
        {
            self.session = Some(id.to_owned());
            self.totals.named(id);
            seen.push(Observation::Session { id: id.to_owned() });
        }
        match kind {
            "system" => self.system(line, &mut seen)?,
            "assistant" => self.assistant(line, &mut seen),
            "user" => tool_results(line, &mut seen),
            "result" => self.result(line, &mut seen),
            // Pieces of messages that come whole afterwards, and what the program and its driver tell each other.
            "stream_event"
            | "command_lifecycle"
            | "control_request"
            | "control_response"
            | "control_cancel_request" => {}
            _ => return None,
        }
        Some(seen)
    }

    fn system(&mut self, line: &Value, seen: &mut Vec<Observation>) -> Option<()> {
        match text(line, "subtype")? {
            "init" => seen.extend(self.model_of(line, "model")),
            "api_retry" => {
                let status = at(line, "error_status").and_then(Value::as_u64);
                let words = text(line, "error").unwrap_or("unknown");
                seen.push(Observation::Retry {
                    kind: failure::classify(status, words).0,
                    text: match status {
                        Some(status) => format!("{words} (status {status})"),
                        None => words.to_owned(),
                    },
                });
            }
            "retry" => seen.push(Observation::Retry {
                kind: failure::classify(None, "connection").0,
                text: text(line, "data.reason").unwrap_or("retry").to_owned(),
            }),
            "permission_denied" => seen.push(Observation::Denied {
                tool: text_or_empty(line, "tool_name"),
                reason: text_or_empty(line, "message"),
            }),
            "status" | "thinking_tokens" | "ui_invalidate" | "compact_boundary"
            | "task_started" | "task_notification" | "task_progress" => {}
            _ => return None,
        }
        Some(())
    }

    fn model_of(&mut self, line: &Value, path: &str) -> Option<Observation> {
        let name = text(line, path).filter(|name| !name.is_empty() && *name != SYNTHETIC)?;
        if self.model.as_deref() == Some(name) {
            return None;
        }
        self.model = Some(name.to_owned());
        Some(Observation::Model { name: name.to_owned() })
    }

    fn assistant(&mut self, line: &Value, seen: &mut Vec<Observation>) {
        // The result repeats the words of an error that the program put into the agent's mouth.
        if text(line, "message.model") == Some(SYNTHETIC) {
            return;
        }
        seen.extend(self.model_of(line, "message.model"));
        for block in list(line, "message.content") {
            match text(block, "type") {
                Some("text") => {
                    let said = text_or_empty(block, "text");
                    if !(self.is_qwen && said.starts_with("[API Error")) {
                        seen.push(Observation::Text { text: said });
                    }
                }
                Some("thinking") => {
                    seen.push(Observation::Thinking { text: text_or_empty(block, "thinking") });
                }
                Some("tool_use") => seen.push(Observation::ToolStart {
                    id: text_or_empty(block, "id"),
                    name: text_or_empty(block, "name"),
                    detail: detail(block.get("input").unwrap_or(&Value::Null)),
                }),
                _ => {}
            }
        }
    }

    fn result(&mut self, line: &Value, seen: &mut Vec<Observation>) {
        self.usage(line, seen);
        let is_error = at(line, "is_error").and_then(Value::as_bool).unwrap_or(false);
        let answer = text_or_empty(line, "result");
        if !is_error {
            seen.push(Observation::Result { text: answer, status: ResultStatus::Ok });
            return;
        }
        // `subtype` says "success" for an API error: what went wrong stands in one of these.
        let errors: Vec<&str> = list(line, "errors").iter().filter_map(Value::as_str).collect();
        let words = [&errors.join("; "), text(line, "error.message").unwrap_or_default(), &answer]
            .into_iter()
            .find(|words| !words.trim().is_empty())
            .map_or_else(|| text_or_empty(line, "subtype").replace('_', " "), str::to_owned);
        let status = at(line, "api_error_status").and_then(Value::as_u64);
        seen.extend(failure::failed_turn(status, &words));
    }

    fn usage(&mut self, line: &Value, seen: &mut Vec<Observation>) {
        let cache_tokens = count(line, "usage.cache_read_input_tokens");
        let input = count(line, "usage.input_tokens");
        let output_tokens = count(line, "usage.output_tokens");
        if self.is_qwen {
            let input_tokens = input.saturating_sub(cache_tokens);
            let total = Usage { input_tokens, output_tokens, cache_tokens, cost_usd: None };
            seen.push(Observation::Usage(self.totals.since(total)));
            return;
        }
        // This cost is a sum over the session, also after it was resumed; the tokens are those of the turn.
        let total = number(line, "total_cost_usd");
        let cost = self.totals.since(Usage { cost_usd: total, ..Usage::default() }).cost_usd;
        let since = at(line, "model_usage_since_last_result").and_then(Value::as_object);
        if let Some(models) = since.filter(|models| !models.is_empty()) {
            seen.extend(models.iter().map(|(name, used)| Observation::UsageOf {
                model: name.clone(),
                usage: usage_of_model(used),
            }));
            return;
        }
        let input_tokens = input + count(line, "usage.cache_creation_input_tokens");
        seen.push(Observation::Usage(Usage {
            input_tokens,
            output_tokens,
            cache_tokens,
            cost_usd: cost,
        }));
    }
}

/// What one model used since the last result, with those that worked for the model that answers.
fn usage_of_model(used: &Value) -> Usage {
    let usage = Usage {
        input_tokens: count(used, "inputTokens") + count(used, "cacheCreationInputTokens"),
        output_tokens: count(used, "outputTokens"),
        cache_tokens: count(used, "cacheReadInputTokens"),
        cost_usd: number(used, "costUSD"),
    };
    // A model whose price the program does not know is not one that is free.
    let is_free = usage.cost_usd == Some(0.0) && usage.tokens() > 0;
    Usage { cost_usd: usage.cost_usd.filter(|_| !is_free), ..usage }
}

fn tool_results(line: &Value, seen: &mut Vec<Observation>) {
    for block in list(line, "message.content") {
        if text(block, "type") != Some("tool_result") {
            continue;
        }
        let content = block.get("content").unwrap_or(&Value::Null);
        let is_error = at(block, "is_error").and_then(Value::as_bool).unwrap_or(false);
        seen.push(Observation::ToolEnd {
            id: text_or_empty(block, "tool_use_id"),
            ok: !is_error && !says_failed(&blocks(content)),
            detail: outcome(content),
        });
    }
}

/// `qwen` tells the exit code in the text only.
fn says_failed(content: &str) -> bool {
    content.lines().any(|line| {
        line.strip_prefix("Exit Code: ").is_some_and(|code| !matches!(code.trim(), "0" | "(none)"))
    })
}
