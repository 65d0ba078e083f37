//! The verbs of an agent over MCP: the same as `crew tool`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::CliError;
use super::server::{Answer, Verb};
use crate::base::TaskId;
use crate::client::tool::{Reply, Request, ToolError, Tools};
use crate::clock::Clock;
use crate::config::Environment;
use crate::event::gate::TurnOutcome;

const TEXT: &str = r#"{"type":"string"}"#;
const OBJECT: &str = r#"{"type":"object"}"#;

/// What an agent can call.
pub(super) const VERBS: &[Verb] = &[
    Verb { name: "channels", about: "Lists the channels of the workflow.", takes: &[] },
    Verb {
        name: "gates",
        about: "Lists the gates, their fields and who may write them.",
        takes: &[],
    },
    Verb {
        name: "read-gate",
        about: "Shows a gate and what was written into it.",
        takes: &[("gate", TEXT, true)],
    },
    Verb {
        name: "write-gate",
        about: "Writes fields into a gate; in a field with one entry for each task you write your own.",
        takes: &[("gate", TEXT, true), ("data", OBJECT, true)],
    },
    Verb { name: "peers", about: "Lists the other tasks, and to whom you may write.", takes: &[] },
    Verb { name: "status", about: "Shows the run and your place in it.", takes: &[] },
    Verb {
        name: "inbox",
        about: "Reads your messages; what is shown counts as read.",
        takes: &[("all", r#"{"type":"boolean"}"#, false)],
    },
    Verb {
        name: "send",
        about: "Sends a message to a task, a step, `run` or `human`; `gates` are written with it, all or nothing.",
        takes: &[
            ("to", TEXT, true),
            ("text", TEXT, true),
            ("data", r"{}", false),
            ("gates", r#"{"type":"object","additionalProperties":{"type":"object"}}"#, false),
            ("id", TEXT, false),
        ],
    },
    Verb {
        name: "ask",
        about: "Asks a person and waits a while for the answer. When it says `parked`, end your turn: the next one begins with the answer.",
        takes: &[
            ("question", TEXT, true),
            ("choices", r#"{"type":"array","items":{"type":"string"}}"#, false),
        ],
    },
    Verb {
        name: "verify",
        about: "Lets a check of the workflow run on the current tree and tells what it says; without a name it lists those that you may run.",
        takes: &[("name", TEXT, false)],
    },
    Verb {
        name: "transcript",
        about: "Shows what was printed in the last turn of a task whose work comes to you.",
        takes: &[("task", TEXT, true)],
    },
    Verb { name: "done", about: "Says that the work is done.", takes: &[("summary", TEXT, false)] },
    Verb { name: "block", about: "Says that you cannot go on.", takes: &[("reason", TEXT, true)] },
    Verb {
        name: "fail",
        about: "Says that the task has failed.",
        takes: &[("reason", TEXT, true)],
    },
    Verb {
        name: "artifact",
        about: "Stores a text as a file of the run.",
        takes: &[("name", TEXT, true), ("text", TEXT, true)],
    },
    Verb {
        name: "propose",
        about: "Proposes the tasks that your step adds to the run.",
        takes: &[("plan", OBJECT, true)],
    },
];

#[derive(Debug, Deserialize)]
#[serde(tag = "tool", content = "arguments", rename_all = "kebab-case", deny_unknown_fields)]
enum Call {
    Channels {},
    Gates {},
    ReadGate {
        gate: String,
    },
    WriteGate {
        gate: String,
        data: Map<String, Value>,
    },
    Peers {},
    Status {},
    Inbox {
        #[serde(default)]
        all: bool,
    },
    Send {
        to: String,
        text: String,
        data: Option<Value>,
        #[serde(default)]
        gates: BTreeMap<String, Map<String, Value>>,
        id: Option<String>,
    },
    Ask {
        question: String,
        #[serde(default)]
        choices: Vec<String>,
    },
    Verify {
        name: Option<String>,
    },
    Transcript {
        task: TaskId,
    },
    Done {
        #[serde(default)]
        summary: String,
    },
    Block {
        reason: String,
    },
    Fail {
        reason: String,
    },
    Artifact {
        name: String,
        text: String,
    },
    Propose {
        plan: Value,
    },
}

impl From<Call> for Request {
    fn from(call: Call) -> Self {
        let report = |outcome, text| Self::Report { outcome, text };
        match call {
            Call::Channels {} => Self::Channels,
            Call::Gates {} => Self::Gates,
            Call::ReadGate { gate } => Self::ReadGate(gate),
            Call::WriteGate { gate, data } => Self::WriteGate { gate, data, words: Vec::new() },
            Call::Peers {} => Self::Peers,
            Call::Status {} => Self::Status,
            Call::Inbox { all } => Self::Inbox { all },
            Call::Send { to, text, data, gates, id } => Self::Send { id, to, text, data, gates },
            Call::Ask { question, choices } => Self::Ask { text: question, choices },
            Call::Verify { name } => Self::Verify(name),
            Call::Transcript { task } => Self::Transcript(task),
            Call::Done { summary } => report(TurnOutcome::Done, summary),
            Call::Block { reason } => report(TurnOutcome::Blocked, reason),
            Call::Fail { reason } => report(TurnOutcome::Failed, reason),
            Call::Artifact { name, text } => Self::Artifact { name, bytes: text.into_bytes() },
            Call::Propose { plan: Value::String(text) } => Self::Propose(text),
            Call::Propose { plan } => Self::Propose(plan.to_string()),
        }
    }
}

/// The calls of one agent.
#[derive(Debug, Clone)]
pub(super) struct Agent {
    env: Environment,
    clock: Clock,
    /// Opened runs that are not in use: reading a log from its beginning is for the first call.
    idle: Arc<Mutex<Vec<Tools>>>,
}

impl Agent {
    pub fn new(env: Environment, clock: Clock) -> Self {
        Self { env, clock, idle: Arc::default() }
    }

    /// Does what is asked for, away from the thread that reads the next request.
    pub async fn call(&self, name: &str, arguments: Map<String, Value>) -> Answer {
        let call = serde_json::json!({"tool": name, "arguments": arguments});
        let request: Request = match serde_json::from_value::<Call>(call) {
            Ok(call) => call.into(),
            Err(error) => return Answer::refused("usage", &error.to_string(), ""),
        };
        let own = self.clone();
        match tokio::task::spawn_blocking(move || own.perform(&request)).await {
            Ok(Ok(reply)) => Answer { text: reply.text, json: reply.json, is_error: false },
            Ok(Err(error)) => {
                let error = CliError::from(error);
                Answer::refused(error.code, &error.causes.join(": "), &error.hints.join("; "))
            }
            Err(error) => Answer::refused("io", &error.to_string(), ""),
        }
    }

    fn perform(&self, request: &Request) -> Result<Reply, ToolError> {
        let lock = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = lock().pop();
        let mut tools = match idle {
            Some(tools) => tools,
            None => Tools::open(&self.env)?,
        };
        let clock = self.clock;
        let reply = tools.perform(request, &|| clock.now());
        lock().push(tools);
        reply
    }
}
