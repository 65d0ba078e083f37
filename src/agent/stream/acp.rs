//! The stream of an agent that speaks the Agent Client Protocol, as the driver passes it on.

use serde_json::Value;

use super::failure;
use super::json::{at, blocks, count, detail, list, number, outcome, text, text_or_empty};
use crate::agent::observation::{Observation, ResultStatus, Usage};

/// Reads the stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reader {
    /// What came before is the history of a session that goes on.
    is_open: bool,
    said: String,
    thought: String,
    answer: String,
    /// Tools whose start was told.
    started: Vec<String>,
    /// The cost that the session had when the turn began, and has now.
    cost: (f64, Option<f64>),
}

impl Reader {
    pub(super) fn read(&mut self, line: &Value) -> Option<Vec<Observation>> {
        let Some(method) = text(line, "method") else {
            return Some(self.response(line));
        };
        Some(match method {
            "session/update" if self.is_open => self.update(at(line, "params.update")?),
            "session/update" | "session/request_permission" => Vec::new(),
            // Additions of one agent begin like this.
            _ if method.starts_with('_') => Vec::new(),
            _ => return None,
        })
    }

    pub(super) fn finish(&mut self) -> Vec<Observation> {
        self.flush()
    }

    /// Pieces become one text when something else comes.
    fn flush(&mut self) -> Vec<Observation> {
        let mut seen = Vec::new();
        if !self.thought.is_empty() {
            seen.push(Observation::Thinking { text: std::mem::take(&mut self.thought) });
        }
        if !self.said.is_empty() {
            let text = std::mem::take(&mut self.said);
            self.answer.clone_from(&text);
            seen.push(Observation::Text { text });
        }
        seen
    }

    fn update(&mut self, update: &Value) -> Vec<Observation> {
        let kind = text(update, "sessionUpdate").unwrap_or_default();
        let piece = || text(update, "content.text").unwrap_or_default();
        match kind {
            "agent_message_chunk" => {
                let seen = if self.thought.is_empty() { Vec::new() } else { self.flush() };
                self.said.push_str(piece());
                seen
            }
            "agent_thought_chunk" => {
                let seen = if self.said.is_empty() { Vec::new() } else { self.flush() };
                self.thought.push_str(piece());
                seen
            }
            "usage_update" => {
                self.cost.1 = number(update, "cost.amount").or(self.cost.1);
                Vec::new()
            }
            "tool_call" | "tool_call_update" => {
                let mut seen = self.flush();
                self.tool(update, &mut seen);
                seen
            }
            // Plans, modes, commands: nothing that was said or done.
            _ => Vec::new(),
        }
    }

    fn tool(&mut self, update: &Value, seen: &mut Vec<Observation>) {
        let id = text_or_empty(update, "toolCallId");
        let status = text(update, "status").unwrap_or_default();
        let input = at(update, "rawInput")
            .filter(|input| input.as_object().is_some_and(|input| !input.is_empty()));
        let is_over = matches!(status, "completed" | "failed");
        // Some tell the input with a later line: the start is told with it.
        if (input.is_some() || status == "in_progress" || is_over) && !self.started.contains(&id) {
            self.started.push(id.clone());
            let name = [text(update, "name"), text(update, "_meta.claudeCode.toolName")];
            let name = name.into_iter().flatten().next().or(text(update, "kind")).unwrap_or("tool");
            let told = input.map(detail).filter(|told| !told.is_empty());
            let detail = told.unwrap_or_else(|| text_or_empty(update, "title"));
            seen.push(Observation::ToolStart { id: id.clone(), name: name.to_owned(), detail });
        }
        if is_over {
            let contents =
                list(update, "content").iter().filter_map(|part| text(part, "content.text"));
            let contents = contents.collect::<Vec<_>>().join("\n");
            let raw = at(update, "rawOutput").map(blocks).filter(|raw| !raw.is_empty());
            let detail = outcome(&Value::String(raw.unwrap_or(contents)));
            seen.push(Observation::ToolEnd { id, ok: status == "completed", detail });
        }
    }

    fn response(&mut self, line: &Value) -> Vec<Observation> {
        let mut seen = Vec::new();
        if text(line, "id") == Some("crew-session") || at(line, "result.sessionId").is_some() {
            self.is_open = true;
            if let Some(id) = text(line, "result.sessionId") {
                seen.push(Observation::Session { id: id.to_owned() });
            }
            let model = text(line, "result.models.currentModelId");
            seen.extend(model.map(|name| Observation::Model { name: name.to_owned() }));
        }
        if let Some(reason) = text(line, "result.stopReason") {
            seen.extend(self.flush());
            let text = std::mem::take(&mut self.answer);
            let used = self.usage(line);
            // Some say an error as if it were the answer; a turn for which the model read nothing has none.
            let is_error = used.is_some_and(|used| used.input_tokens + used.cache_tokens == 0);
            seen.extend(used.map(Observation::Usage));
            if is_error {
                let words = if text.is_empty() { "the model was not asked" } else { &text };
                seen.push(failure::failure(None, words));
            }
            let ok = reason == "end_turn" && !is_error;
            if reason == "refusal" {
                seen.push(failure::failure(None, "the model refused to go on: refusal"));
            }
            let status = if ok { ResultStatus::Ok } else { ResultStatus::Error };
            seen.push(Observation::Result { text: if ok { text } else { String::new() }, status });
        } else if at(line, "error").is_some() && text(line, "id") == Some("crew-prompt") {
            seen.extend(self.flush());
            let more = ["error.data.message", "error.data.details", "error.data.error"];
            let more = more.iter().find_map(|path| text(line, path));
            let words = [text(line, "error.message"), more];
            let words = words.into_iter().flatten().collect::<Vec<_>>().join(": ");
            seen.push(failure::failure(None, &words));
            seen.push(Observation::Result { text: String::new(), status: ResultStatus::Error });
        }
        seen
    }

    /// The usage of one turn, where it is told; the cost is told as the sum over the session.
    fn usage(&mut self, line: &Value) -> Option<Usage> {
        let (before, now) = self.cost;
        let cost_usd = now.map(|now| now - before);
        self.cost.0 = now.unwrap_or(before);
        let (usage, quota) = ("result.usage", "result._meta.quota.token_count");
        if at(line, usage).is_some() {
            return Some(Usage {
                input_tokens: count(line, "result.usage.inputTokens")
                    + count(line, "result.usage.cachedWriteTokens"),
                output_tokens: count(line, "result.usage.outputTokens"),
                cache_tokens: count(line, "result.usage.cachedReadTokens"),
                cost_usd,
            });
        }
        at(line, quota)?;
        Some(Usage {
            input_tokens: count(line, &format!("{quota}.input_tokens")),
            output_tokens: count(line, &format!("{quota}.output_tokens")),
            cache_tokens: 0,
            cost_usd,
        })
    }
}
