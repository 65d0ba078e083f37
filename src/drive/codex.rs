//! `codex app-server`.
//!
//! A message that joins a turn is told with its name, and the program repeats it when the model gets it.
//! What a turn did not take begins the next one.

use serde_json::{Map, Value, json};

use super::consent::{self, Reach};
use super::machine::{Do, Machine, Phase, Setting};
use crate::agent::live::{Note, Order, OrderKind};
use crate::base::flow::Permission;

/// Names of the driver's own calls.
const INITIALIZE: &str = "crew-initialize";
const THREAD: &str = "crew-thread";
const TURN: &str = "crew-turn";
const STEER: &str = "crew-steer/";

/// The conversation.
#[derive(Debug)]
pub(super) struct Codex {
    setting: Setting,
    prompt: String,
    thread: Option<String>,
    /// The turn that goes on.
    turn: Option<String>,
    /// A turn was asked for and has no name yet.
    is_starting: bool,
    /// How the last turn ended.
    ended: Option<bool>,
    pending: Vec<Pending>,
    asked: Vec<Request>,
    /// What file changes are about, by the item.
    changes: Vec<(String, String)>,
}

#[derive(Debug)]
struct Pending {
    order: Order,
    /// The turn that it was told to join.
    told: Option<String>,
}

#[derive(Debug)]
struct Request {
    name: String,
    id: Value,
    method: String,
    params: Value,
}

impl Codex {
    pub(super) fn new(setting: Setting) -> Self {
        Self {
            setting,
            prompt: String::new(),
            thread: None,
            turn: None,
            is_starting: false,
            ended: None,
            pending: Vec::new(),
            asked: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// Opens the thread: a new one, or the one to go on with.
    fn open(&self) -> Do {
        let (policy, sandbox) = match self.setting.consent {
            Permission::Plan => ("never", "read-only"),
            Permission::Ask => ("untrusted", "workspace-write"),
            Permission::Edit => ("never", "workspace-write"),
            Permission::Full => ("never", "danger-full-access"),
        };
        let mut params = json!({
            "cwd": self.setting.cwd, "approvalPolicy": policy, "sandbox": sandbox,
        });
        if let (Some(model), Some(params)) = (&self.setting.model, params.as_object_mut()) {
            params.insert("model".to_owned(), model.as_str().into());
        }
        match &self.setting.session {
            None => call(THREAD, "thread/start", &params),
            Some(session) => {
                if let Some(params) = params.as_object_mut() {
                    params.insert("threadId".to_owned(), session.as_str().into());
                }
                call(THREAD, "thread/resume", &params)
            }
        }
    }

    fn response(&mut self, line: &Value) -> Vec<Do> {
        let name = text(line, "/id");
        let error = line.get("error").map(|error| text(error, "/message"));
        match (name.as_str(), error) {
            (INITIALIZE, None) => vec![Do::Send(json!({"method": "initialized"})), self.open()],
            (THREAD, None) => {
                self.thread = Some(text(line, "/result/thread/id"));
                let prompt = self.prompt.clone();
                vec![self.begin(&prompt, None)]
            }
            (TURN, None) => {
                self.turn = Some(text(line, "/result/turn/id"));
                self.is_starting = false;
                self.go_on()
            }
            (THREAD, Some(why)) if self.setting.session.is_some() => {
                self.fail(format!("session not found: {why}"))
            }
            (INITIALIZE | THREAD | TURN, Some(why)) => self.fail(why),
            // The turn had just ended: what was to join it begins the next one.
            (steer, Some(_)) => {
                let told = steer.strip_prefix(STEER);
                for pending in &mut self.pending {
                    if Some(pending.order.id.as_str()) == told {
                        pending.told = None;
                        pending.order.kind = OrderKind::FollowUp;
                    }
                }
                self.go_on()
            }
            (_, None) => Vec::new(),
        }
    }

    fn fail(&mut self, why: String) -> Vec<Do> {
        (self.ended, self.is_starting) = (Some(false), false);
        self.pending.clear();
        vec![Do::Say(Note::Failed { why })]
    }

    fn begin(&mut self, text: &str, name: Option<&str>) -> Do {
        self.is_starting = true;
        self.ended = None;
        let input = json!([{"type": "text", "text": text}]);
        let params = json!({"threadId": self.thread, "input": input, "clientUserMessageId": name});
        call(TURN, "turn/start", &params)
    }

    /// Tells what can be told now.
    fn go_on(&mut self) -> Vec<Do> {
        if self.is_starting || self.thread.is_none() {
            return Vec::new();
        }
        let Some(turn) = self.turn.clone() else {
            // The turn that they joined has ended without them.
            let Some(first) = self.pending.first_mut() else { return Vec::new() };
            first.told = Some(String::new());
            let order = first.order.clone();
            return vec![self.begin(&order.text, Some(&order.id))];
        };
        let mut wanted = Vec::new();
        for pending in &mut self.pending {
            if pending.order.kind != OrderKind::Steer || pending.told.is_some() {
                continue;
            }
            pending.told = Some(turn.clone());
            let order = &pending.order;
            let input = json!([{"type": "text", "text": order.text}]);
            let params = json!({
                "threadId": self.thread, "expectedTurnId": turn, "input": input,
                "clientUserMessageId": order.id,
            });
            wanted.push(call(&format!("{STEER}{}", order.id), "turn/steer", &params));
        }
        wanted
    }

    fn told(&mut self, line: &Value) -> Vec<Do> {
        match line.get("method").and_then(Value::as_str).unwrap_or_default() {
            "turn/started" => {
                self.turn = Some(text(line, "/params/turn/id"));
                (self.is_starting, self.ended) = (false, None);
                self.go_on()
            }
            "turn/completed" => {
                self.ended = Some(text(line, "/params/turn/status") == "completed");
                self.turn = None;
                self.go_on()
            }
            "item/started" => self.item(line.pointer("/params/item").unwrap_or(&Value::Null)),
            "serverRequest/resolved" => self.resolved(line),
            _ => Vec::new(),
        }
    }

    fn item(&mut self, item: &Value) -> Vec<Do> {
        match text(item, "/type").as_str() {
            "userMessage" => {
                let name = text(item, "/clientId");
                let at = self.pending.iter().position(|pending| pending.order.id == name);
                let given = at.map(|at| self.pending.remove(at).order);
                let note =
                    |order: Order| Do::Say(Note::Delivered { id: order.id, text: order.text });
                given.map(note).into_iter().collect()
            }
            "fileChange" => {
                let none = Vec::new();
                let changes = item.get("changes").and_then(Value::as_array).unwrap_or(&none);
                let paths: Vec<String> = changes.iter().map(|one| text(one, "/path")).collect();
                self.changes.push((text(item, "/id"), paths.join(" ")));
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// A request is over without an answer of ours.
    fn resolved(&mut self, line: &Value) -> Vec<Do> {
        let id = line.pointer("/params/requestId").unwrap_or(&Value::Null);
        let at = self.asked.iter().position(|request| request.id == *id);
        let name = at.map(|at| self.asked.remove(at).name);
        let note = |id| Do::Say(Note::Answered { id, answer: "withdrawn".to_owned(), late: false });
        name.map(note).into_iter().collect()
    }

    fn request(&mut self, line: &Value, method: &str) -> Vec<Do> {
        let id = line.get("id").cloned().unwrap_or(Value::Null);
        let params = line.get("params").cloned().unwrap_or(Value::Null);
        let request = Request { name: format!("r{id}"), id, method: method.to_owned(), params };
        let (reach, tool, input) = match method {
            "item/commandExecution/requestApproval" => {
                (Reach::All, "shell", request.params.clone())
            }
            "item/fileChange/requestApproval" => {
                let item = text(&request.params, "/itemId");
                let known = self.changes.iter().rev().find(|(id, _)| *id == item);
                let paths = known.map_or_else(String::new, |(_, paths)| paths.clone());
                (Reach::Edit, "edit", json!({"path": paths}))
            }
            "mcpServer/elicitation/request" => {
                let server = text(&request.params, "/serverName");
                let reach = if server == "crew" { Reach::Own } else { Reach::All };
                (reach, "a tool of MCP", json!({"query": text(&request.params, "/message")}))
            }
            "item/tool/requestUserInput" => {
                let note = question(&request);
                self.asked.push(request);
                return vec![Do::Say(note)];
            }
            "item/permissions/requestApproval" => {
                return vec![answer(&request.id, &json!({"permissions": {}, "scope": "turn"}))];
            }
            _ => {
                let error = json!({"code": -32601, "message": "crew does not know this request"});
                return vec![Do::Send(json!({"id": request.id, "error": error}))];
            }
        };
        if let Some(is_yes) = consent::of(self.setting.consent, reach) {
            return vec![decided(&request, is_yes)];
        }
        let note = consent::asked(&request.name, tool, &input);
        self.asked.push(request);
        vec![Do::Say(note)]
    }
}

impl Machine for Codex {
    fn start(&mut self, prompt: &str) -> Vec<Do> {
        prompt.clone_into(&mut self.prompt);
        let info = json!({"name": "crew", "title": "crew", "version": env!("CARGO_PKG_VERSION")});
        let params = json!({"clientInfo": info, "capabilities": {"experimentalApi": true}});
        vec![call(INITIALIZE, "initialize", &params)]
    }

    fn line(&mut self, line: &Value) -> Vec<Do> {
        let method = line.get("method").and_then(Value::as_str);
        match (method, line.get("id")) {
            (Some(method), Some(_)) => self.request(line, method),
            (Some(_), None) => self.told(line),
            (None, _) => self.response(line),
        }
    }

    fn message(&mut self, order: &Order) -> Vec<Do> {
        let mut wanted = Vec::new();
        if order.kind == OrderKind::Interrupt && self.turn.is_some() {
            wanted.extend(self.interrupt());
        }
        self.pending.push(Pending { order: order.clone(), told: None });
        wanted.extend(self.go_on());
        wanted
    }

    fn answer(&mut self, request: &str, words: &str) -> Vec<Do> {
        let Some(at) = self.asked.iter().position(|known| known.name == request) else {
            return Vec::new();
        };
        let request = self.asked.remove(at);
        if request.method == "item/tool/requestUserInput" {
            return vec![answered_question(&request, words)];
        }
        vec![decided(&request, consent::is_yes(words))]
    }

    fn interrupt(&mut self) -> Vec<Do> {
        let (Some(thread), Some(turn)) = (&self.thread, &self.turn) else { return Vec::new() };
        vec![call("crew-interrupt", "turn/interrupt", &json!({"threadId": thread, "turnId": turn}))]
    }

    fn phase(&self) -> Phase {
        match self.ended {
            Some(is_ok) if self.pending.is_empty() && self.turn.is_none() => Phase::Over(is_ok),
            Some(_) | None => Phase::Working,
        }
    }
}

/// A call; this server wants no name of the protocol.
fn call(name: &str, method: &str, params: &Value) -> Do {
    Do::Send(json!({"id": name, "method": method, "params": params}))
}

fn answer(id: &Value, result: &Value) -> Do {
    Do::Send(json!({"id": id, "result": result}))
}

fn decided(request: &Request, is_yes: bool) -> Do {
    if request.method == "mcpServer/elicitation/request" {
        let action = if is_yes { "accept" } else { "decline" };
        let content = if is_yes { json!({}) } else { Value::Null };
        return answer(&request.id, &json!({"action": action, "content": content, "_meta": null}));
    }
    let decision = if is_yes { "accept" } else { "decline" };
    answer(&request.id, &json!({"decision": decision}))
}

fn questions(request: &Request) -> &[Value] {
    let found = request.params.get("questions").and_then(Value::as_array);
    found.map_or(&[], Vec::as_slice)
}

fn question(request: &Request) -> Note {
    let all = questions(request);
    let texts: Vec<String> = all.iter().map(|one| text(one, "/question")).collect();
    let options = match all {
        [one] if one.get("isOther") != Some(&Value::Bool(true)) => one.get("options"),
        _ => None,
    };
    let options = options.and_then(Value::as_array).into_iter().flatten();
    let choices = options.map(|option| text(option, "/label")).collect();
    Note::Asked { id: request.name.clone(), text: texts.join("\n"), choices }
}

fn answered_question(request: &Request, words: &str) -> Do {
    let answers: Map<String, Value> = questions(request)
        .iter()
        .map(|one| (text(one, "/id"), json!({"answers": [words]})))
        .collect();
    answer(&request.id, &json!({"answers": answers}))
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}
