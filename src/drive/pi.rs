//! `pi --mode rpc`.
//!
//! A message is queued at once, and repeated when the model gets it; that is what counts as delivered.

use serde_json::{Value, json};

use super::machine::{Do, Machine, Phase, Setting};
use crate::agent::live::{Note, Order, OrderKind};

/// The conversation.
#[derive(Debug)]
pub(super) struct Pi {
    /// Messages that the model has not got yet: name and text.
    pending: Vec<(String, String)>,
    /// The session was told.
    knows_session: bool,
    prompt: String,
    /// How the work so far has ended; nothing while it goes on.
    settled: bool,
    has_failed: bool,
}

/// Names of the driver's own commands.
const PROMPT: &str = "crew-prompt";
const STATE: &str = "crew-state";
const ABORT: &str = "crew-abort";

impl Pi {
    pub(super) fn new(_: Setting) -> Self {
        Self {
            pending: Vec::new(),
            knows_session: false,
            prompt: String::new(),
            settled: false,
            has_failed: false,
        }
    }

    fn response(&mut self, line: &Value) -> Vec<Do> {
        let id = text(line, "/id");
        let is_ok = line.get("success") == Some(&Value::Bool(true));
        match id.as_str() {
            STATE => {
                let session = text(line, "/data/sessionId");
                let note = Do::Say(Note::Session { id: session.clone() });
                let is_new =
                    !session.is_empty() && !std::mem::replace(&mut self.knows_session, true);
                is_new.then_some(note).into_iter().collect()
            }
            PROMPT if !is_ok => {
                (self.settled, self.has_failed) = (true, true);
                vec![Do::Say(Note::Failed { why: text(line, "/error") })]
            }
            _ if is_ok => Vec::new(),
            _ => {
                let at = self.pending.iter().position(|(known, _)| *known == id);
                let refused = at.map(|at| self.pending.remove(at).0);
                let why = text(line, "/error");
                refused.map(|id| Do::Say(Note::Refused { id, why })).into_iter().collect()
            }
        }
    }

    /// A message of the user is part of the conversation now.
    fn given(&mut self, line: &Value) -> Vec<Do> {
        let said = said(line);
        let at = self.pending.iter().position(|(_, text)| *text == said);
        let given = at.map(|at| self.pending.remove(at));
        given.map(|(id, text)| Do::Say(Note::Delivered { id, text })).into_iter().collect()
    }
}

impl Machine for Pi {
    fn start(&mut self, prompt: &str) -> Vec<Do> {
        prompt.clone_into(&mut self.prompt);
        vec![
            Do::Send(json!({"id": STATE, "type": "get_state"})),
            Do::Send(json!({"id": PROMPT, "type": "prompt", "message": prompt})),
        ]
    }

    fn line(&mut self, line: &Value) -> Vec<Do> {
        match line.get("type").and_then(Value::as_str) {
            Some("response") => self.response(line),
            Some("message_start") if text(line, "/message/role") == "user" => self.given(line),
            Some("message_end") if text(line, "/message/role") == "assistant" => {
                let reason = text(line, "/message/stopReason");
                self.has_failed = matches!(reason.as_str(), "error" | "aborted");
                Vec::new()
            }
            Some("agent_start") => {
                self.settled = false;
                Vec::new()
            }
            Some("agent_settled") => {
                self.settled = true;
                Vec::new()
            }
            // An extension asks somebody who is not there; what needs no answer takes none.
            Some("extension_ui_request") => {
                let method = text(line, "/method");
                let waits = matches!(method.as_str(), "select" | "confirm" | "input" | "editor");
                let id = text(line, "/id");
                let no = json!({"type": "extension_ui_response", "id": id, "cancelled": true});
                waits.then_some(Do::Send(no)).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn message(&mut self, order: &Order) -> Vec<Do> {
        let mut wanted = Vec::new();
        if order.kind == OrderKind::Interrupt && !self.settled {
            wanted.extend(self.interrupt());
        }
        let how = if order.kind == OrderKind::FollowUp { "followUp" } else { "steer" };
        self.pending.push((order.id.clone(), order.text.clone()));
        // While nothing goes on this is a prompt like the first one.
        self.settled = false;
        wanted.push(Do::Send(json!({
            "id": order.id, "type": "prompt", "message": order.text, "streamingBehavior": how,
        })));
        wanted
    }

    fn answer(&mut self, _: &str, _: &str) -> Vec<Do> {
        Vec::new()
    }

    fn interrupt(&mut self) -> Vec<Do> {
        vec![Do::Send(json!({"id": ABORT, "type": "abort"}))]
    }

    fn phase(&self) -> Phase {
        if self.settled && self.pending.is_empty() {
            Phase::Over(!self.has_failed)
        } else {
            Phase::Working
        }
    }
}

/// The words of a message.
fn said(line: &Value) -> String {
    match line.pointer("/message/content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(blocks)) => {
            blocks.iter().map(|block| text(block, "/text")).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}
