//! The verbs of a session outside of crew: each is the command of the same name, with its `--json`.

use std::path::PathBuf;
use std::process::Stdio;

use camino::Utf8PathBuf;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::process::Command;

use super::server::{Answer, Verb};

const TEXT: &str = r#"{"type":"string"}"#;
const COUNT: &str = r#"{"type":"integer","minimum":0}"#;

/// What a session can call.
pub(super) const VERBS: &[Verb] = &[
    Verb {
        name: "run",
        about: "Starts a run of a goal in the background; `wait` and `status` follow it. A run that needs a person's approval stays a draft.",
        takes: &[
            ("goal", TEXT, true),
            ("team", TEXT, false),
            ("workflow", TEXT, false),
            ("runtime", TEXT, false),
            ("model", TEXT, false),
            ("after", r#"{"type":"array","items":{"type":"integer"}}"#, false),
            ("params", r#"{"type":"object","additionalProperties":{"type":"string"}}"#, false),
        ],
    },
    Verb {
        name: "status",
        about: "Shows a run with its tasks, gates and open decisions; without `run`, all that live or need somebody.",
        takes: &[("run", TEXT, false)],
    },
    Verb {
        name: "list",
        about: "Lists runs, the newest first.",
        takes: &[("status", TEXT, false), ("limit", COUNT, false)],
    },
    Verb {
        name: "show",
        about: "Shows what a run is: its goal, plan, tasks and files.",
        takes: &[("run", TEXT, true)],
    },
    Verb {
        name: "send",
        about: "Writes a message to a run, or to one of its tasks as `5/coding`.",
        takes: &[("to", TEXT, true), ("text", TEXT, true)],
    },
    Verb {
        name: "wait",
        about: "Waits until a run ends or needs somebody, `timeout` at most (such as `90s`; 60s unless given); `exit_code` 3 means that it goes on.",
        takes: &[("run", TEXT, true), ("timeout", TEXT, false)],
    },
    Verb {
        name: "recommend",
        about: "Proposes a team and a workflow for a goal.",
        takes: &[("goal", TEXT, true)],
    },
    Verb {
        name: "events",
        about: "Reads the event log of a run: the events after `since`, the last ones with `last`.",
        takes: &[("run", TEXT, true), ("since", COUNT, false), ("last", COUNT, false)],
    },
    Verb {
        name: "decisions",
        about: "Shows what people are asked, in one run or in all. Only a person decides, with `crew` at a terminal.",
        takes: &[("run", TEXT, false)],
    },
];

#[derive(Debug, Deserialize)]
#[serde(tag = "tool", content = "arguments", rename_all = "kebab-case", deny_unknown_fields)]
enum Call {
    Run {
        goal: String,
        team: Option<String>,
        workflow: Option<String>,
        runtime: Option<String>,
        model: Option<String>,
        #[serde(default)]
        after: Vec<u32>,
        #[serde(default)]
        params: std::collections::BTreeMap<String, String>,
    },
    Status {
        run: Option<String>,
    },
    List {
        status: Option<String>,
        limit: Option<u64>,
    },
    Show {
        run: String,
    },
    Send {
        to: String,
        text: String,
    },
    Wait {
        run: String,
        timeout: Option<String>,
    },
    Recommend {
        goal: String,
    },
    Events {
        run: String,
        since: Option<u64>,
        last: Option<u64>,
    },
    Decisions {
        run: Option<String>,
    },
}

/// Words of a command line: the verb, its flags, and what follows them.
#[derive(Debug, Default)]
struct Line {
    words: Vec<String>,
    rest: Vec<String>,
}

impl Line {
    fn of(verb: &str) -> Self {
        Self { words: vec![verb.to_owned()], rest: Vec::new() }
    }

    /// One word, so that no value is taken for a flag.
    fn flag(mut self, name: &str, value: Option<impl ToString>) -> Self {
        self.words.extend(value.map(|value| format!("--{name}={}", value.to_string())));
        self
    }

    fn arg(mut self, value: Option<String>) -> Self {
        self.rest.extend(value);
        self
    }

    fn into_words(self) -> Vec<String> {
        let mut words = self.words;
        if !self.rest.is_empty() {
            words.push("--".to_owned());
            words.extend(self.rest);
        }
        words
    }
}

impl Call {
    fn words(self) -> Vec<String> {
        let line = match self {
            Self::Run { goal, team, workflow, runtime, model, after, params } => {
                let mut line = Line::of("run")
                    .flag("team", team)
                    .flag("workflow", workflow)
                    .flag("runtime", runtime)
                    .flag("model", model);
                line.words.push("--detach".to_owned());
                for number in after {
                    line = line.flag("after", Some(number));
                }
                for (name, value) in params {
                    line = line.flag("param", Some(format!("{name}={value}")));
                }
                line.arg(Some(goal))
            }
            Self::Status { run } => Line::of("status").arg(run),
            Self::Decisions { run: Some(run) } => Line::of("status").arg(Some(run)),
            Self::Decisions { run: None } => Line::of("brief"),
            Self::List { status, limit } => {
                Line::of("ls").flag("status", status).flag("limit", limit)
            }
            Self::Show { run } => Line::of("show").arg(Some(run)),
            // Whoever calls is a program: what it writes is mail, but no word of a person (F10).
            Self::Send { to, text } => {
                let mut line = Line::of("send");
                line.words.push("--follow-up".to_owned());
                line.arg(Some(to)).arg(Some(text))
            }
            Self::Wait { run, timeout } => Line::of("wait")
                .flag("timeout", Some(timeout.unwrap_or_else(|| "60s".to_owned())))
                .arg(Some(run)),
            Self::Recommend { goal } => Line::of("recommend").arg(Some(goal)),
            Self::Events { run, since, last } => {
                Line::of("events").flag("since", since).flag("last", last).arg(Some(run))
            }
        };
        line.into_words()
    }
}

/// The calls of one session.
#[derive(Debug, Clone)]
pub(super) struct Outer {
    crew: PathBuf,
    cwd: PathBuf,
    project: Option<Utf8PathBuf>,
}

impl Outer {
    pub fn new(crew: PathBuf, cwd: PathBuf, project: Option<Utf8PathBuf>) -> Self {
        Self { crew, cwd, project }
    }

    /// Runs the command; where crew is called by an agent, it is refused what agents are refused.
    pub async fn call(&self, name: &str, arguments: Map<String, Value>) -> Answer {
        let call = json!({"tool": name, "arguments": arguments});
        let call = match serde_json::from_value::<Call>(call) {
            Ok(call) => call,
            Err(error) => return Answer::refused("usage", &error.to_string(), ""),
        };
        let mut command = Command::new(&self.crew);
        command.arg("--json").current_dir(&self.cwd).stdin(Stdio::null()).kill_on_drop(true);
        if let Some(project) = &self.project {
            command.arg(format!("--project={project}"));
        }
        let output = match command.args(call.words()).output().await {
            Ok(output) => output,
            Err(error) => {
                let text = format!("cannot start `{}`: {error}", self.crew.display());
                return Answer::refused("io", &text, "");
            }
        };
        let code = output.status.code().unwrap_or(-1);
        let said = String::from_utf8_lossy(&output.stdout);
        match failure(&String::from_utf8_lossy(&output.stderr)) {
            Some(error) => error,
            None if said.trim().is_empty() && code != 0 => {
                let text = String::from_utf8_lossy(&output.stderr);
                Answer::refused("usage", text.trim(), "")
            }
            None => answer(name, code, &said),
        }
    }
}

/// The error that a command printed, if any.
fn failure(stderr: &str) -> Option<Answer> {
    let line = stderr.lines().find(|line| line.starts_with("{\"error\":"))?;
    let read: Value = serde_json::from_str(line).ok()?;
    let field = |name: &str| read["error"][name].as_str().unwrap_or_default().to_owned();
    Some(Answer::refused(&field("code"), &field("message"), &field("hint")))
}

/// What a command printed: one document, or one a line.
fn answer(name: &str, code: i32, said: &str) -> Answer {
    let mut json = match serde_json::from_str::<Value>(said) {
        Ok(document @ Value::Object(_)) if name != "events" => document,
        _ => {
            let lines = said.lines().filter_map(|line| serde_json::from_str(line).ok());
            json!({ "lines": lines.collect::<Vec<Value>>() })
        }
    };
    if name == "decisions" {
        json = match json.get_mut("decisions") {
            Some(open) => json!({"decisions": open.take()}),
            None => json!({"waiting": json["waiting"].take()}),
        };
    }
    json["exit_code"] = code.into();
    Answer { text: json.to_string(), json, is_error: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_a_command_line_in_which_no_value_is_a_flag() {
        let words = |name: &str, arguments: Value| -> Vec<String> {
            let call = json!({"tool": name, "arguments": arguments});
            serde_json::from_value::<Call>(call).unwrap().words()
        };
        assert_eq!(
            words("run", json!({"goal": "--yes", "team": "--yes", "params": {"a": "b"}})),
            ["run", "--team=--yes", "--detach", "--param=a=b", "--", "--yes"]
        );
        assert_eq!(
            words("send", json!({"to": "5/coding", "text": "-y"})),
            ["send", "--follow-up", "--", "5/coding", "-y"]
        );
        assert_eq!(words("status", json!({})), ["status"]);
        assert_eq!(words("wait", json!({"run": "5"})), ["wait", "--timeout=60s", "--", "5"]);
        let unknown = json!({"tool": "run", "arguments": {"goal": "x", "yes": true}});
        assert!(serde_json::from_value::<Call>(unknown).is_err(), "nothing unknown is passed on");
    }
}
