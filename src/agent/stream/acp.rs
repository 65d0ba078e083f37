//! The stream of an agent that speaks the Agent Client Protocol, as the driver passes it on.

use serde_json::Value;

use super::Totals;
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
    /// What the program says of itself at its start, as if the model said it.
    greeting: Option<String>,
    /// Something was said or done in this turn.
    has_acted: bool,
    /// Tools whose start was told.
    started: Vec<String>,
    /// Usage of this turn that was told call by call.
    used: Option<Usage>,
    /// The cost that the session has now.
    cost: Option<f64>,
    /// The agent tells the tokens of its last call for those of the whole turn.
    tells_last_call: bool,
    /// The cost is told as the sum over the session.
    pub(super) totals: Totals,
}

impl Reader {
    pub(super) fn read(&mut self, line: &Value) -> Option<Vec<Observation>> {
        let Some(method) = text(line, "method") else {
            return Some(self.response(line));
        };
        Some(match method {
            "session/update" if self.is_open => self.update(at(line, "params.update")?),
            "session/update" => {
                // What a session that goes on has cost so far.
                if let Some(cost) = number(line, "params.update.cost.amount") {
                    self.totals.since(cost_of(Some(cost)));
                }
                Vec::new()
            }
            "session/request_permission" => Vec::new(),
            // Additions of one agent begin like this.
            _ if method.starts_with('_') => Vec::new(),
            _ => return None,
        })
    }

    pub(super) fn finish(&mut self) -> Vec<Observation> {
        let mut seen = self.flush();
        // It was cut short after it had told what it cost so far; what it has not told is not nothing.
        let told = self.cost.take().map(|cost| self.totals.since(cost_of(Some(cost))));
        let told = told.filter(|told| told.cost_usd.is_some_and(|cost| cost > 0.0));
        seen.extend(told.map(Observation::Usage));
        seen
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
            "agent_message_chunk"
                if self.greeting.as_deref().is_some_and(|greeting| greeting == piece()) =>
            {
                self.greeting = None;
                Vec::new()
            }
            "agent_message_chunk" if at(update, "_meta.usage").is_some() => {
                let used = usage_of_call(update);
                self.used.get_or_insert_default().add(&used);
                self.said.push_str(piece());
                vec![Observation::Usage(used)]
            }
            "agent_message_chunk" => {
                self.has_acted |= !piece().trim().is_empty();
                let seen = if self.thought.is_empty() { Vec::new() } else { self.flush() };
                self.said.push_str(piece());
                seen
            }
            "agent_thought_chunk" => {
                self.has_acted = true;
                let seen = if self.said.is_empty() { Vec::new() } else { self.flush() };
                self.thought.push_str(piece());
                seen
            }
            "usage_update" => {
                self.cost = number(update, "cost.amount").or(self.cost);
                Vec::new()
            }
            "tool_call" | "tool_call_update" => {
                self.has_acted = true;
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
            let name = ["name", "_meta.claudeCode.toolName", "_meta.toolName"];
            let name = name.map(|path| text(update, path));
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
        if let Some(name) = text(line, "result.agentInfo.name") {
            self.tells_last_call = TELL_LAST_CALL.contains(&name);
        }
        if text(line, "id") == Some("crew-session") || at(line, "result.sessionId").is_some() {
            self.is_open = true;
            if let Some(id) = text(line, "result.sessionId") {
                self.totals.named(id);
                seen.push(Observation::Session { id: id.to_owned() });
            }
            let options = list(line, "result.configOptions").iter();
            let option = options.filter(|option| text(option, "category") == Some("model"));
            let mut option = option.filter_map(|option| text(option, "currentValue"));
            let model = text(line, "result.models.currentModelId").or_else(|| option.next());
            seen.extend(model.map(|name| Observation::Model { name: name.to_owned() }));
            self.greeting = text(line, "result._meta.piAcp.startupInfo").map(str::to_owned);
        }
        if let Some(reason) = text(line, "result.stopReason") {
            self.ended(line, reason, &mut seen);
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

    fn ended(&mut self, line: &Value, reason: &str, seen: &mut Vec<Observation>) {
        seen.extend(self.flush());
        let text = std::mem::take(&mut self.answer);
        let has_acted = std::mem::take(&mut self.has_acted);
        let mut told = self.usage(line);
        let has_called_twice = !std::mem::take(&mut self.started).is_empty();
        if self.tells_last_call && has_called_twice && !told.is_empty() {
            told.push(Observation::UsageIsPart);
        }
        let used = self.used.take().or(sum(&told));
        seen.extend(told);
        // Some say an error as if it were the answer, or nothing at all; a turn for which the model read nothing
        // has none.
        let is_unread = used.is_some_and(|used| used.input_tokens + used.cache_tokens == 0);
        let is_empty = !has_acted && used.is_none();
        let is_error = reason == "end_turn" && (is_unread || is_empty);
        if is_error {
            let words = if is_empty { SILENT } else { "the model was not asked" };
            seen.push(failure::failure(None, if text.is_empty() { words } else { &text }));
        }
        let ok = reason == "end_turn" && !is_error;
        if reason == "refusal" {
            seen.push(failure::failure(None, "the model refused to go on: refusal"));
        }
        let status = if ok { ResultStatus::Ok } else { ResultStatus::Error };
        seen.push(Observation::Result { text: if ok { text } else { String::new() }, status });
    }

    /// The usage of one turn, where it is told at its end.
    fn usage(&mut self, line: &Value) -> Vec<Observation> {
        let cost_usd =
            self.cost.take().and_then(|cost| self.totals.since(cost_of(Some(cost))).cost_usd);
        let quota = "result._meta.quota";
        if self.used.is_some() {
            return cost_usd.map(|_| Observation::Usage(cost_of(cost_usd))).into_iter().collect();
        }
        if at(line, "result.usage").is_some() {
            return vec![Observation::Usage(Usage {
                input_tokens: count(line, "result.usage.inputTokens")
                    + count(line, "result.usage.cachedWriteTokens"),
                output_tokens: count(line, "result.usage.outputTokens"),
                cache_tokens: count(line, "result.usage.cachedReadTokens"),
                cost_usd,
            })];
        }
        // It does not tell what came from a cache: all of it counts as read.
        let tokens = |told: &Value| Usage {
            input_tokens: count(told, "token_count.input_tokens"),
            output_tokens: count(told, "token_count.output_tokens"),
            cache_tokens: 0,
            cost_usd: None,
        };
        let models = list(line, &format!("{quota}.model_usage")).iter();
        let models: Vec<Observation> = models
            .filter_map(|told| {
                let model = text(told, "model")?.to_owned();
                Some(Observation::UsageOf { model, usage: tokens(told) })
            })
            .collect();
        match at(line, quota) {
            _ if !models.is_empty() => models,
            Some(told) if at(told, "token_count").is_some() => {
                vec![Observation::Usage(Usage { cost_usd, ..tokens(told) })]
            }
            _ => Vec::new(),
        }
    }
}

/// Agents that tell the tokens of their last call only; what they tell of the cost is all of it.
const TELL_LAST_CALL: [&str; 1] = ["OpenCode"];

/// What a turn without any word, deed or usage is told as.
const SILENT: &str = "the program ended its turn without a word; its own log may say why";

/// One call of the model; cached tokens are part of the input.
fn usage_of_call(update: &Value) -> Usage {
    let cache_tokens = count(update, "_meta.usage.cachedReadTokens");
    Usage {
        input_tokens: count(update, "_meta.usage.inputTokens").saturating_sub(cache_tokens),
        output_tokens: count(update, "_meta.usage.outputTokens"),
        cache_tokens,
        cost_usd: None,
    }
}

fn cost_of(cost_usd: Option<f64>) -> Usage {
    Usage { cost_usd, ..Usage::default() }
}

/// All that was told at the end of a turn; nothing when nothing was.
fn sum(told: &[Observation]) -> Option<Usage> {
    let mut all: Option<Usage> = None;
    for one in told {
        if let Observation::Usage(usage) | Observation::UsageOf { usage, .. } = one {
            all.get_or_insert_default().add(usage);
        }
    }
    all
}
