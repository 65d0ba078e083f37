//! `claude -p --input-format stream-json`, and `qwen`, which speaks the same.
//!
//! With `--replay-user-messages` the program repeats every message when the model gets it; that is what
//! counts as delivered. A program that repeats nothing gives each message a turn of its own.

use serde_json::{Value, json};

use super::consent::{self, Reach};
use super::machine::{Do, Machine, Phase, Setting};
use crate::agent::live::{Note, Order, OrderKind};

/// The one tool that asks a question instead of doing something.
const QUESTION: &str = "AskUserQuestion";

/// The conversation.
#[derive(Debug)]
pub(super) struct Claude {
    setting: Setting,
    /// Messages that the model has not got yet.
    pending: Vec<Pending>,
    /// Requests that a person must answer.
    asked: Vec<Request>,
    /// Whether the program repeats messages.
    repeats: bool,
    /// How the last turn ended; nothing while one goes on.
    ended: Option<bool>,
    interrupts: u32,
}

#[derive(Debug)]
struct Pending {
    uuid: String,
    /// The order; nothing for the prompt.
    order: Option<(String, String)>,
}

#[derive(Debug)]
struct Request {
    id: String,
    tool: String,
    input: Value,
}

impl Claude {
    pub(super) fn new(setting: Setting) -> Self {
        Self {
            setting,
            pending: Vec::new(),
            asked: Vec::new(),
            repeats: false,
            ended: None,
            interrupts: 0,
        }
    }

    fn say(&mut self, name: &str, text: &str, order: Option<(String, String)>) -> Do {
        let uuid = uuid(&self.setting.mark, name);
        self.pending.push(Pending { uuid: uuid.clone(), order });
        Do::Send(json!({
            "type": "user",
            "uuid": uuid,
            "session_id": "",
            "parent_tool_use_id": null,
            "message": {"role": "user", "content": [{"type": "text", "text": text}]},
        }))
    }

    /// The model has these messages now.
    fn given(&mut self, is_it: impl Fn(&Pending) -> bool) -> Vec<Do> {
        let (given, kept) = std::mem::take(&mut self.pending).into_iter().partition(is_it);
        self.pending = kept;
        let orders = Vec::into_iter(given).filter_map(|pending: Pending| pending.order);
        orders.map(|(id, text)| Do::Say(Note::Delivered { id, text })).collect()
    }

    fn request(&mut self, line: &Value) -> Vec<Do> {
        let id = text(line, "/request_id");
        if text(line, "/request/subtype") != "can_use_tool" {
            let error = "crew does not know this request";
            let response = json!({"subtype": "error", "request_id": id, "error": error});
            return vec![Do::Send(json!({"type": "control_response", "response": response}))];
        }
        let tool = text(line, "/request/tool_name");
        let input = line.pointer("/request/input").cloned().unwrap_or(Value::Null);
        if tool == QUESTION {
            let note = question(&id, &input);
            self.asked.push(Request { id, tool, input });
            return vec![Do::Say(note)];
        }
        match consent::of(self.setting.consent, reach(&tool)) {
            Some(true) => vec![allow(&id, &input)],
            Some(false) => vec![deny(&id, consent::refusal(self.setting.consent))],
            None => {
                let note = consent::asked(&id, &tool, &input);
                self.asked.push(Request { id, tool, input });
                vec![Do::Say(note)]
            }
        }
    }

    fn take_request(&mut self, id: &str) -> Option<Request> {
        let at = self.asked.iter().position(|request| request.id == id)?;
        Some(self.asked.remove(at))
    }
}

impl Machine for Claude {
    fn start(&mut self, prompt: &str) -> Vec<Do> {
        vec![self.say("prompt", prompt, None)]
    }

    fn line(&mut self, line: &Value) -> Vec<Do> {
        match line.get("type").and_then(Value::as_str) {
            Some("user") if line.get("isReplay") == Some(&Value::Bool(true)) => {
                let uuid = text(line, "/uuid");
                self.repeats = true;
                self.ended = None;
                self.given(|pending| pending.uuid == uuid)
            }
            Some("control_request") => self.request(line),
            Some("control_cancel_request") => {
                let id = text(line, "/request_id");
                let gone = self.take_request(&id);
                let note =
                    |_| Do::Say(Note::Answered { id, answer: "withdrawn".into(), late: false });
                gone.map(note).into_iter().collect()
            }
            Some("result") => {
                self.ended = Some(line.get("is_error") != Some(&Value::Bool(true)));
                // What it was told meanwhile it has, or takes up as soon as its input ends.
                if self.repeats { Vec::new() } else { self.given(|_| true) }
            }
            _ => Vec::new(),
        }
    }

    fn message(&mut self, order: &Order) -> Vec<Do> {
        let mut wanted = Vec::new();
        if order.kind == OrderKind::Interrupt && self.phase() == Phase::Working {
            wanted.extend(self.interrupt());
        }
        let told = Some((order.id.clone(), order.text.clone()));
        wanted.push(self.say(&order.id, &order.text, told));
        wanted
    }

    fn answer(&mut self, request: &str, answer: &str) -> Vec<Do> {
        let Some(request) = self.take_request(request) else { return Vec::new() };
        let sent = if request.tool == QUESTION {
            answered_question(&request, answer)
        } else if consent::is_yes(answer) {
            allow(&request.id, &request.input)
        } else {
            deny(&request.id, &consent::no(answer))
        };
        vec![sent]
    }

    fn interrupt(&mut self) -> Vec<Do> {
        self.interrupts += 1;
        let id = format!("crew-{}", self.interrupts);
        let request = json!({"subtype": "interrupt"});
        vec![Do::Send(json!({"type": "control_request", "request_id": id, "request": request}))]
    }

    fn phase(&self) -> Phase {
        match self.ended {
            Some(is_ok) if self.pending.is_empty() => Phase::Over(is_ok),
            Some(is_ok) => Phase::Resting(is_ok),
            None => Phase::Working,
        }
    }
}

fn allow(id: &str, input: &Value) -> Do {
    respond(id, &json!({"behavior": "allow", "updatedInput": input}))
}

fn deny(id: &str, why: &str) -> Do {
    respond(id, &json!({"behavior": "deny", "message": why}))
}

fn respond(id: &str, response: &Value) -> Do {
    let response = json!({"subtype": "success", "request_id": id, "response": response});
    Do::Send(json!({"type": "control_response", "response": response}))
}

/// What a tool can do, by its name.
fn reach(tool: &str) -> Reach {
    match tool {
        "Read" | "Glob" | "Grep" | "LS" | "NotebookRead" | "TodoWrite" | "ToolSearch"
        | "TaskCreate" | "TaskUpdate" | "TaskList" | "TaskGet" | "read_file" | "list_directory"
        | "glob" | "grep_search" | "read_many_files" | "todo_write" => Reach::Read,
        "Edit" | "Write" | "MultiEdit" | "NotebookEdit" | "write_file" | "edit" => Reach::Edit,
        _ if tool.starts_with("mcp__crew__") => Reach::Own,
        _ => Reach::All,
    }
}

/// A question of the agent, with the answers that it proposes.
fn question(id: &str, input: &Value) -> Note {
    let none = Vec::new();
    let questions = input.get("questions").and_then(Value::as_array).unwrap_or(&none);
    let texts: Vec<String> = questions.iter().map(|one| text(one, "/question")).collect();
    let choices = match &questions[..] {
        [one] if one.get("multiSelect") != Some(&Value::Bool(true)) => {
            let options = one.get("options").and_then(Value::as_array).unwrap_or(&none);
            options.iter().map(|option| text(option, "/label")).collect()
        }
        _ => Vec::new(),
    };
    Note::Asked { id: id.to_owned(), text: texts.join("\n"), choices }
}

fn answered_question(request: &Request, answer: &str) -> Do {
    let mut input = request.input.clone();
    let questions = request.input.get("questions").and_then(Value::as_array);
    let answers: serde_json::Map<String, Value> = questions
        .into_iter()
        .flatten()
        .map(|question| (text(question, "/question"), Value::from(answer)))
        .collect();
    if let Some(input) = input.as_object_mut() {
        input.insert("answers".to_owned(), Value::Object(answers));
    }
    allow(&request.id, &input)
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A name in the form that the program wants, the same for the same message of the same attempt.
fn uuid(mark: &str, name: &str) -> String {
    let hash = blake3::hash(format!("{mark}/{name}").as_bytes()).to_hex();
    let hex = hash.as_str();
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}
