//! The Agent Client Protocol, version 1: an agent as a server, line by line.
//!
//! A session takes one prompt at a time: a message for it begins the next one, and an urgent one ends the
//! turn that goes on.

use std::collections::{BTreeMap, VecDeque};

use agent_client_protocol_schema::v1 as acp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::consent::{self, Reach};
use super::machine::{Do, Machine, Phase, Setting};
use crate::agent::NO_MODE;
use crate::agent::live::{Note, Order, OrderKind};
use crate::base::flow::Permission;
use crate::base::text::did_you_mean;

/// Names of the driver's own calls.
const INITIALIZE: &str = "crew-initialize";
const SESSION: &str = "crew-session";
const MODE: &str = "crew-mode";
const MODEL: &str = "crew-model";
const PROMPT: &str = "crew-prompt";

/// Modes by which agents are held to a level, as they name them.
fn modes(level: Permission) -> &'static [&'static str] {
    match level {
        Permission::Plan => &["plan", "read-only"],
        Permission::Ask => &["default", "ask", "read-only"],
        Permission::Edit => {
            &["acceptEdits", "auto_edit", "auto-edit", "autoEdit", "workspace-write"]
        }
        Permission::Full => &["bypassPermissions", "agent-full-access", "full-access", "yolo"],
    }
}

/// Times that an agent which ends its turn at a no is told to go on without.
const GO_ON_MAX: u32 = 3;

/// Agents whose mode for reading refuses crew's tools: they are put into the one that asks, and told no.
const PLAN_DEAF: [&str; 1] = ["qwen-code"];

/// The conversation.
#[derive(Debug)]
pub(super) struct Acp {
    setting: Setting,
    /// What is said next: the prompt, then messages with their names.
    waiting: Vec<(Option<String>, String)>,
    session: Option<String>,
    /// What is asked of the session before its first prompt.
    settings: VecDeque<Do>,
    /// A turn goes on.
    is_busy: bool,
    /// The session can be spoken to.
    is_open: bool,
    ended: Option<bool>,
    asked: Vec<Request>,
    /// What is known of tool calls that go on: a request often names only their id.
    calls: BTreeMap<String, Map<String, Value>>,
    /// Its own mode for reading refuses crew's tools too.
    is_plan_deaf: bool,
    /// It was told no, with these words, and has said nothing since: some end their turn at that.
    refused: Option<String>,
    /// Times that it was told to go on after that.
    went_on: u32,
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
            settings: VecDeque::new(),
            is_busy: false,
            is_open: false,
            ended: None,
            asked: Vec::new(),
            calls: BTreeMap::new(),
            is_plan_deaf: false,
            refused: None,
            went_on: 0,
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
                self.is_plan_deaf =
                    PLAN_DEAF.contains(&text(line, "/result/agentInfo/name").as_str());
                let can_load = line.pointer("/result/agentCapabilities/loadSession");
                if self.setting.session.is_some() && can_load != Some(&Value::Bool(true)) {
                    return self.fail("session not found: the program cannot load one".to_owned());
                }
                vec![self.open()]
            }
            (SESSION, None) => self.opened(line),
            (MODE | MODEL, None) => self.set_up(),
            (MODEL, Some(why)) => self.fail(format!("model not found: {why}")),
            (SESSION, Some(why)) if self.setting.session.is_some() => {
                self.fail(format!("session not found: {why}"))
            }
            (INITIALIZE | SESSION | MODE, Some(why)) => self.fail(why),
            (PROMPT, error) => {
                self.is_busy = false;
                let reason = text(line, "/result/stopReason");
                let is_over = error.is_none() && reason == "end_turn";
                self.ended = Some(is_over);
                let refused = self.refused.take().filter(|_| is_over || reason == "cancelled");
                let may_go_on = self.waiting.is_empty() && self.went_on < GO_ON_MAX;
                if let Some(why) = refused.filter(|_| may_go_on) {
                    self.went_on += 1;
                    self.waiting.push((None, why));
                }
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
        let result = line.pointer("/result").unwrap_or(&Value::Null);
        let settings = self.mode(&id, result).and_then(|mode| Ok((mode, self.model(&id, result)?)));
        match settings {
            Ok((mode, model)) => {
                self.settings.extend(mode.into_iter().chain(model));
                wanted.extend(self.set_up());
            }
            Err(why) => wanted.extend(self.fail(why)),
        }
        wanted
    }

    /// Asks for the next thing that the session must be set to; then it can be spoken to.
    fn set_up(&mut self) -> Vec<Do> {
        if let Some(setting) = self.settings.pop_front() {
            return vec![setting];
        }
        self.is_open = true;
        self.go_on()
    }

    /// Puts the session into the mode of its level, where nothing else holds it to that.
    fn mode(&self, session: &str, opened: &Value) -> Result<Option<Do>, String> {
        let level = self.setting.consent;
        if self.setting.is_held {
            return Ok(None);
        }
        let known = texts(opened, "/modes/availableModes", "/id");
        let level_modes = if self.is_plan_deaf && level == Permission::Plan {
            modes(Permission::Ask)
        } else {
            modes(level)
        };
        if let Some(mode) = level_modes.iter().find(|mode| known.iter().any(|one| one == *mode)) {
            let request = acp::SetSessionModeRequest::new(session.to_owned(), (*mode).to_owned());
            return Ok(Some(call(MODE, "session/set_mode", &request)));
        }
        // What it does without asking nobody could hold it to.
        if level != Permission::Full {
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(format!("{NO_MODE} `{level}`; it has {known}"));
        }
        Ok(None)
    }

    /// Asks for the model, by its id or by its name, as the program offers it.
    fn model(&self, session: &str, opened: &Value) -> Result<Option<Do>, String> {
        let Some(wanted) = &self.setting.model else { return Ok(None) };
        // Options are what the protocol knows by now; models are how it began, and only in some agents.
        let options = opened.get("configOptions").and_then(Value::as_array);
        let option =
            options.into_iter().flatten().find(|option| text(option, "/category") == "model");
        if let Some(option) = option
            && let Some(value) = offered(option, "/options", "/value", wanted)
        {
            let config = text(option, "/id");
            let params = json!({"sessionId": session, "configId": config, "value": value});
            return Ok(Some(call(MODEL, "session/set_config_option", &params)));
        }
        let models = "/models/availableModels";
        if let Some(id) = offered(opened, models, "/modelId", wanted) {
            let params = json!({"sessionId": session, "modelId": id});
            return Ok(Some(call(MODEL, "session/set_model", &params)));
        }
        let mut known = texts(opened, models, "/modelId");
        known.extend(option.iter().flat_map(|option| texts(option, "/options", "/value")));
        if known.is_empty() {
            return Err(format!(
                "model not found: the program offers no choice of models, and `{wanted}` was asked for"
            ));
        }
        let near = did_you_mean(wanted, known.iter().map(String::as_str));
        let near = near.map(|near| format!(", did you mean `{near}`")).unwrap_or_default();
        known.sort_unstable();
        known.dedup();
        Err(format!("model not found: `{wanted}`{near}; the program has {}", known.join(", ")))
    }

    fn fail(&mut self, why: String) -> Vec<Do> {
        (self.ended, self.is_busy) = (Some(false), false);
        (self.waiting, self.settings) = (Vec::new(), VecDeque::new());
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

    /// Takes in what the agent says that it does.
    fn update(&mut self, update: &Value) {
        match text(update, "/sessionUpdate").as_str() {
            "agent_message_chunk" if !text(update, "/content/text").trim().is_empty() => {
                self.refused = None;
            }
            kind @ ("tool_call" | "tool_call_update") => {
                if kind == "tool_call" {
                    self.refused = None;
                }
                let id = text(update, "/toolCallId");
                if matches!(text(update, "/status").as_str(), "completed" | "failed") {
                    self.calls.remove(&id);
                } else {
                    let call = self.call(update);
                    self.calls.insert(id, call);
                }
            }
            _ => {}
        }
    }

    /// A tool call with all that was told of it so far.
    fn call(&self, told: &Value) -> Map<String, Value> {
        let mut call = self.calls.get(&text(told, "/toolCallId")).cloned().unwrap_or_default();
        for key in ["toolCallId", "title", "kind", "name", "rawInput", "_meta"] {
            let value = told.get(key).filter(|value| match value {
                Value::Null => false,
                Value::Object(fields) => !fields.is_empty(),
                Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => true,
            });
            call.extend(value.map(|value| (key.to_owned(), value.clone())));
        }
        call
    }

    fn request(&mut self, line: &Value, method: &str) -> Vec<Do> {
        let id = line.get("id").cloned().unwrap_or(Value::Null);
        let params = line.get("params").cloned().unwrap_or(Value::Null);
        let permission = serde_json::from_value::<acp::RequestPermissionRequest>(params.clone());
        let (Ok(asked), "session/request_permission") = (permission, method) else {
            let error = json!({"code": -32601, "message": "crew does not offer this"});
            return vec![Do::Send(json!({"jsonrpc": "2.0", "id": id, "error": error}))];
        };
        let call = self.call(params.get("toolCall").unwrap_or(&Value::Null));
        let call = &Value::Object(call);
        let title = text(call, "/title");
        let tool = tool_names(call).next().unwrap_or_else(|| "a tool".to_owned());
        let request = Request { name: format!("r{id}"), id, options: asked.options };
        if let Some(is_yes) = consent::of(self.setting.consent, reach(call)) {
            if !is_yes {
                self.refused = Some(consent::refusal(self.setting.consent).to_owned());
            }
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
            (Some(_), None) => {
                self.update(line.pointer("/params/update").unwrap_or(&Value::Null));
                Vec::new()
            }
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
        let is_yes = consent::is_yes(words);
        if !is_yes {
            self.refused = Some(consent::no(words));
        }
        vec![decided(&request, is_yes)]
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

/// The value of an entry of a list that has this value, or this name.
fn offered(value: &Value, list: &str, key: &str, wanted: &str) -> Option<String> {
    let entries = value.pointer(list)?.as_array()?;
    let by = |path: &str| entries.iter().find(|entry| text(entry, path) == wanted);
    by(key).or_else(|| by("/name")).map(|entry| text(entry, key))
}

/// One text of every entry of a list.
fn texts(value: &Value, list: &str, key: &str) -> Vec<String> {
    let entries = value.pointer(list).and_then(Value::as_array).into_iter().flatten();
    entries.map(|entry| text(entry, key)).collect()
}

/// What a tool can do, by the kind that the agent tells.
fn reach(call: &Value) -> Reach {
    if is_own(call) {
        return Reach::Own;
    }
    match text(call, "/kind").as_str() {
        "read" | "search" | "think" => Reach::Read,
        "edit" => Reach::Edit,
        _ => Reach::All,
    }
}

/// Whether it is one of crew's tools. A title proves nothing: of a command it is what the model wrote.
fn is_own(call: &Value) -> bool {
    let is_named = tool_names(call).next().is_some_and(|name| name.starts_with("mcp__crew__"));
    let is_of_server = call.pointer("/_meta/is_mcp_tool_call") == Some(&Value::Bool(true))
        && text(call, "/rawInput/server") == "crew";
    // Its ids begin with the name of the tool that is called.
    let is_in_id =
        text(call, "/kind") == "other" && text(call, "/toolCallId").starts_with("mcp_crew_");
    is_named || is_of_server || is_in_id
}

/// Names of the tool of a call, the most exact one first.
fn tool_names(call: &Value) -> impl Iterator<Item = String> {
    let paths = ["/_meta/claudeCode/toolName", "/_meta/toolName", "/name", "/kind"];
    paths.into_iter().map(|path| text(call, path)).filter(|name| !name.is_empty())
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
