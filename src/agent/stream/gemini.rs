//! The stream of `gemini --output-format stream-json`.

use serde_json::Value;

use super::failure;
use super::json::{at, count, detail, text, text_or_empty};
use crate::agent::observation::{Observation, ResultStatus, Usage};
use crate::base::redact::one_line;

/// Reads the stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reader {
    /// A message comes in pieces; its end shows only in what follows.
    piece: String,
    answer: String,
}

impl Reader {
    pub(super) fn read(&mut self, line: &Value) -> Option<Vec<Observation>> {
        let kind = text(line, "type")?;
        if kind == "message" && text(line, "role") == Some("assistant") {
            self.piece.push_str(text(line, "content").unwrap_or_default());
            let is_piece = at(line, "delta").and_then(Value::as_bool) == Some(true);
            return Some(if is_piece { Vec::new() } else { self.finish() });
        }
        let next = match kind {
            "init" => {
                let session = Observation::Session { id: text_or_empty(line, "session_id") };
                let model =
                    text(line, "model").map(|name| Observation::Model { name: name.to_owned() });
                std::iter::once(session).chain(model).collect()
            }
            "message" => Vec::new(),
            "tool_use" => vec![Observation::ToolStart {
                id: text_or_empty(line, "tool_id"),
                name: text_or_empty(line, "tool_name"),
                detail: detail(at(line, "parameters").unwrap_or(&Value::Null)),
            }],
            "tool_result" => vec![Observation::ToolEnd {
                id: text_or_empty(line, "tool_id"),
                ok: text(line, "status") == Some("success"),
                detail: one_line(
                    text(line, "output")
                        .or_else(|| text(line, "error.message"))
                        .unwrap_or_default(),
                    200,
                ),
            }],
            "error" => {
                let words = text(line, "message").unwrap_or("error");
                vec![Observation::Retry {
                    kind: failure::classify(None, words).0,
                    text: words.to_owned(),
                }]
            }
            "result" => {
                let mut seen = self.finish();
                seen.extend(self.result(line));
                return Some(seen);
            }
            _ => return None,
        };
        let mut seen = self.finish();
        seen.extend(next);
        Some(seen)
    }

    pub(super) fn finish(&mut self) -> Vec<Observation> {
        if self.piece.is_empty() {
            return Vec::new();
        }
        let text = std::mem::take(&mut self.piece);
        self.answer.clone_from(&text);
        vec![Observation::Text { text }]
    }

    fn result(&mut self, line: &Value) -> Vec<Observation> {
        let mut seen = usage(line);
        if text(line, "status") == Some("success") {
            let text = std::mem::take(&mut self.answer);
            seen.push(Observation::Result { text, status: ResultStatus::Ok });
            return seen;
        }
        let words = text(line, "error.message").unwrap_or("the turn failed");
        seen.extend(failure::failed_turn(None, words));
        seen
    }
}

/// One run of the program, by models where it tells them apart.
fn usage(line: &Value) -> Vec<Observation> {
    let models = at(line, "stats.models").and_then(Value::as_object);
    let models = models.into_iter().flatten();
    let seen: Vec<Observation> = models
        .map(|(model, stats)| Observation::UsageOf { model: model.clone(), usage: tokens(stats) })
        .collect();
    if seen.is_empty() {
        vec![Observation::Usage(tokens(line.get("stats").unwrap_or(&Value::Null)))]
    } else {
        seen
    }
}

/// `input_tokens` holds the cached ones.
fn tokens(stats: &Value) -> Usage {
    let cache_tokens = count(stats, "cached");
    Usage {
        input_tokens: count(stats, "input_tokens").saturating_sub(cache_tokens),
        output_tokens: count(stats, "output_tokens"),
        cache_tokens,
        cost_usd: None,
    }
}
