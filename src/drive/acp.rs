//! The Agent Client Protocol, version 1: an agent as a server, line by line.
//!
//! A session takes one prompt at a time: a message for it begins the next one, and an urgent one ends the
//! turn that goes on.

use agent_client_protocol_schema::v1 as acp;
use serde::Serialize;
use serde_json::{Value, json};

use super::consent::{self, Reach};
use super::machine::{Do, Machine, Phase, Setting};
use crate::agent::live::{Note, Order, OrderKind};
use crate::base::flow::Permission;

/// Names of the driver's own calls.
const INITIALIZE: &str = "crew-initialize";
const SESSION: &str = "crew-session";
const MODE: &str = "crew-mode";
const PROMPT: &str = "crew-prompt";

/// Modes by which agents are held to a level, as they name them.
fn modes(level: Permission) -> &'static [&'static str] {
    match level {
        Permission::Plan => &["plan", "read-only"],
        Permission::Ask => &["default", "ask", "read-only"],
        Permission::Edit => &["acceptEdits", "auto_edit", "auto-edit", "autoEdit"],
        Permission::Full => &["bypassPermissions", "agent-full-access", "full-access", "yolo"],
    }
}

/// The conversation.
#[derive(Debug)]
pub(super) struct Acp {
    setting: Setting,
    /// What is said next: the prompt, then messages with their names.
    waiting: Vec<(Option<String>, String)>,
    session: Option<String>,
    /// A turn goes on.
    is_busy: bool,
    /// The session can be spoken to.
    is_open: bool,
    ended: Option<bool>,
    asked: Vec<Request>,
}

#[derive(Debug)]
struct Request {
    name: String,
    id: Value,
    options: Vec<acp::PermissionOption>,
}

impl Acp {
    pub(super) fn new(setting: Setting) -> Self {
        Self {
            setting,
            waiting: Vec::new(),
            session: None,
            is_busy: false,
            is_open: false,
            ended: None,
            asked: Vec::new(),
        }
    }

    /// Opens a session, or the one to go on with.
    fn open(&self) -> Do {
        let servers = servers(&self.setting.mcp);
        let cwd = self.setting.cwd.as_str();
        match &self.setting.session {
            None => {
                let request = acp::NewSessionRequest::new(cwd).mcp_servers(servers);
                call(SESSION, "session/new", &request)
            }
            Some(id) => {
                let request = acp::LoadSessionRequest::new(id.clone(), cwd).mcp_servers(servers);
                call(SESSION, "session/load", &request)
            }
        }
    }

    fn response(&mut self, line: &Value) -> Vec<Do> {
        let name = text(line, "/id");
        let error = line.get("error").map(words);
        match (name.as_str(), error) {
            (INITIALIZE, None) => {
                let can_load = line.pointer("/result/agentCapabilities/loadSession");
                if self.setting.session.is_some() && can_load != Some(&Value::Bool(true)) {
                    return self.fail("session not found: the program cannot load one".to_owned());
                }
                vec![self.open()]
            }
            (SESSION, None) => self.opened(line),
            (MODE, None) => {
                self.is_open = true;
                self.go_on()
            }
            (SESSION, Some(why)) if self.setting.session.is_some() => {
                self.fail(format!("session not found: {why}"))
            }
            (INITIALIZE | SESSION | MODE, Some(why)) => self.fail(why),
            (PROMPT, error) => {
                self.is_busy = false;
                let reason = text(line, "/result/stopReason");
                self.ended = Some(error.is_none() && reason == "end_turn");
                self.go_on()
            }
            _ => Vec::new(),
        }
    }

    fn opened(&mut self, line: &Value) -> Vec<Do> {
        let given = text(line, "/result/sessionId");
        let known = self.setting.session.clone();
        let id = known.clone().unwrap_or(given);
        self.session = Some(id.clone());
        let mut wanted = Vec::new();
        wanted.extend(known.map(|id| Do::Say(Note::Session { id })));
        let none = Vec::new();
        let known = line.pointer("/result/modes/availableModes").and_then(Value::as_array);
        let known: Vec<String> =
            known.unwrap_or(&none).iter().map(|mode| text(mode, "/id")).collect();
        let level = self.setting.consent;
        let mode = modes(level).iter().find(|mode| known.iter().any(|known| known == **mode));
        match mode.filter(|_| !self.setting.is_held) {
            Some(mode) => {
                let request = acp::SetSessionModeRequest::new(id, (*mode).to_owned());
                wanted.push(call(MODE, "session/set_mode", &request));
            }
            // What it does without asking nobody could hold it to.
            None if !self.setting.is_held
                && matches!(level, Permission::Plan | Permission::Edit) =>
            {
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let why =
                    format!("the program has no mode for permission `{level}`; it has {known}");
                wanted.extend(self.fail(why));
            }
            None => {
                self.is_open = true;
                wanted.extend(self.go_on());
            }
        }
        wanted
    }

    fn fail(&mut self, why: String) -> Vec<Do> {
        (self.ended, self.is_busy) = (Some(false), false);
        self.waiting.clear();
        vec![Do::Say(Note::Failed { why })]
    }

    /// Says what comes next, when it can be heard.
    fn go_on(&mut self) -> Vec<Do> {
        let Some(session) = self.session.clone().filter(|_| self.is_open && !self.is_busy) else {
            return Vec::new();
        };
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let (name, said) = self.waiting.remove(0);
        (self.is_busy, self.ended) = (true, None);
        let block = acp::ContentBlock::Text(acp::TextContent::new(said.clone()));
        let request = acp::PromptRequest::new(session, vec![block]);
        let mut wanted = vec![call(PROMPT, "session/prompt", &request)];
        wanted.extend(name.map(|id| Do::Say(Note::Delivered { id, text: said })));
        wanted
    }

    fn request(&mut self, line: &Value, method: &str) -> Vec<Do> {
        let id = line.get("id").cloned().unwrap_or(Value::Null);
        let params = line.get("params").cloned().unwrap_or(Value::Null);
        let permission = serde_json::from_value::<acp::RequestPermissionRequest>(params.clone());
        let (Ok(asked), "session/request_permission") = (permission, method) else {
            let error = json!({"code": -32601, "message": "crew does not offer this"});
            return vec![Do::Send(json!({"jsonrpc": "2.0", "id": id, "error": error}))];
        };
        let call = params.get("toolCall").unwrap_or(&Value::Null);
        let title = text(call, "/title");
        let tool = [text(call, "/name"), text(call, "/kind"), "a tool".to_owned()];
        let tool = tool.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
        let request = Request { name: format!("r{id}"), id, options: asked.options };
        if let Some(is_yes) = consent::of(self.setting.consent, reach(call, &tool)) {
            return vec![decided(&request, is_yes)];
        }
        let input = call.get("rawInput").filter(|input| input.is_object());
        let input = input.cloned().unwrap_or(Value::String(title));
        let note = consent::asked(&request.name, &tool, &input);
        self.asked.push(request);
        vec![Do::Say(note)]
    }
}

impl Machine for Acp {
    fn start(&mut self, prompt: &str) -> Vec<Do> {
        self.waiting.push((None, prompt.to_owned()));
        let info = acp::Implementation::new("crew", env!("CARGO_PKG_VERSION"));
        let version = agent_client_protocol_schema::ProtocolVersion::V1;
        let request = acp::InitializeRequest::new(version).client_info(info);
        vec![call(INITIALIZE, "initialize", &request)]
    }

    fn line(&mut self, line: &Value) -> Vec<Do> {
        match (line.get("method").and_then(Value::as_str), line.get("id")) {
            (Some(method), Some(_)) => self.request(line, method),
            (Some(_), None) => Vec::new(),
            (None, _) => self.response(line),
        }
    }

    fn message(&mut self, order: &Order) -> Vec<Do> {
        let mut wanted = Vec::new();
        if order.kind == OrderKind::Interrupt && self.is_busy {
            wanted.extend(self.interrupt());
        }
        self.waiting.push((Some(order.id.clone()), order.text.clone()));
        wanted.extend(self.go_on());
        wanted
    }

    fn answer(&mut self, request: &str, words: &str) -> Vec<Do> {
        let Some(at) = self.asked.iter().position(|known| known.name == request) else {
            return Vec::new();
        };
        let request = self.asked.remove(at);
        vec![decided(&request, consent::is_yes(words))]
    }

    fn interrupt(&mut self) -> Vec<Do> {
        let Some(session) = self.session.clone() else { return Vec::new() };
        let mut wanted = vec![notify("session/cancel", &acp::CancelNotification::new(session))];
        // The protocol wants every request answered that was open.
        for request in std::mem::take(&mut self.asked) {
            wanted.push(respond(&request.id, acp::RequestPermissionOutcome::Cancelled));
            let answer = "withdrawn".to_owned();
            wanted.push(Do::Say(Note::Answered { id: request.name, answer, late: false }));
        }
        wanted
    }

    fn phase(&self) -> Phase {
        match self.ended {
            Some(is_ok) if !self.is_busy && self.waiting.is_empty() => Phase::Over(is_ok),
            Some(_) | None => Phase::Working,
        }
    }
}

/// What a tool can do, by the kind that the agent tells.
fn reach(call: &Value, tool: &str) -> Reach {
    let title = text(call, "/title");
    if tool.starts_with("mcp__crew__") || title.starts_with("mcp__crew__") {
        return Reach::Own;
    }
    match text(call, "/kind").as_str() {
        "read" | "search" | "think" => Reach::Read,
        "edit" => Reach::Edit,
        _ => Reach::All,
    }
}

/// Answers with an option that the agent offers: for this once, where it has that.
fn decided(request: &Request, is_yes: bool) -> Do {
    use acp::PermissionOptionKind::{AllowAlways, AllowOnce, RejectAlways, RejectOnce};
    let kinds = if is_yes { [AllowOnce, AllowAlways] } else { [RejectOnce, RejectAlways] };
    let option =
        kinds.iter().find_map(|kind| request.options.iter().find(|option| option.kind == *kind));
    let outcome = match option {
        Some(option) => acp::RequestPermissionOutcome::Selected(
            acp::SelectedPermissionOutcome::new(option.option_id.clone()),
        ),
        None => acp::RequestPermissionOutcome::Cancelled,
    };
    respond(&request.id, outcome)
}

fn respond(id: &Value, outcome: acp::RequestPermissionOutcome) -> Do {
    let result = value(&acp::RequestPermissionResponse::new(outcome));
    Do::Send(json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

/// The servers of the attempt's configuration file, in the words of the protocol.
fn servers(config: &Value) -> Vec<acp::McpServer> {
    let found = config.get("mcpServers").and_then(Value::as_object);
    let servers = found.into_iter().flatten().map(|(name, server)| {
        let none = Vec::new();
        let args = server.get("args").and_then(Value::as_array).unwrap_or(&none);
        let args = args.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let env = server.get("env").and_then(Value::as_object).into_iter().flatten();
        let env = env.map(|(name, value)| {
            acp::EnvVariable::new(name.clone(), value.as_str().unwrap_or_default())
        });
        let command = text(server, "/command");
        let server = acp::McpServerStdio::new(name.clone(), command).args(args);
        acp::McpServer::Stdio(server.env(env.collect()))
    });
    servers.collect()
}

fn call(name: &str, method: &str, params: &impl Serialize) -> Do {
    let params = value(params);
    Do::Send(json!({"jsonrpc": "2.0", "id": name, "method": method, "params": params}))
}

fn notify(method: &str, params: &impl Serialize) -> Do {
    Do::Send(json!({"jsonrpc": "2.0", "method": method, "params": value(params)}))
}

fn value(params: &impl Serialize) -> Value {
    serde_json::to_value(params).expect("what the protocol says can be written")
}

/// The words of an error, with what its data adds.
fn words(error: &Value) -> String {
    let more = ["/data/message", "/data/details", "/data/error"];
    let more = more.iter().map(|path| text(error, path)).find(|more| !more.is_empty());
    let message = text(error, "/message");
    more.map_or(message.clone(), |more| format!("{message}: {more}"))
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}
