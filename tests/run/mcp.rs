//! Sessions over the Model Context Protocol, against the real program, on its standard streams.

#![expect(clippy::unwrap_used, reason = "what a test stands on fails the test")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::project::TestEnv;
use crate::support::wait_until;

/// A client that says each request as a line and reads the answer to it.
struct Session {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    next: u64,
}

impl Session {
    fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take(), child.stdout.take().unwrap());
        let mut session = Self { child, to, from: BufReader::new(from), next: 1 };
        let hello = session.ask(
            "initialize",
            &json!({"protocolVersion": "2025-06-18", "capabilities": {},
                    "clientInfo": {"name": "test", "version": "1"}}),
        );
        assert_eq!(hello["result"]["serverInfo"]["name"], "crew", "{hello}");
        session.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        session
    }

    fn say(&mut self, message: &Value) {
        let to = self.to.as_mut().unwrap();
        writeln!(to, "{message}").unwrap();
        to.flush().unwrap();
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        let id = self.next;
        self.next += 1;
        self.say(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        loop {
            let mut line = String::new();
            assert!(self.from.read_line(&mut line).unwrap() > 0, "the server is gone");
            let answer: Value = serde_json::from_str(&line).unwrap();
            if answer["id"] == id {
                return answer;
            }
        }
    }

    /// The result of a tool.
    fn call(&mut self, name: &str, arguments: &Value) -> Value {
        let answer = self.ask("tools/call", &json!({"name": name, "arguments": arguments}));
        assert!(answer.get("error").is_none(), "{answer}");
        answer["result"].clone()
    }

    /// The data of a call that must succeed.
    fn data(&mut self, name: &str, arguments: &Value) -> Value {
        let result = self.call(name, arguments);
        assert_eq!(result["isError"], false, "{result}");
        result["structuredContent"].clone()
    }

    /// What a call says that must be refused.
    fn refused(&mut self, name: &str, arguments: &Value) -> String {
        let result = self.call(name, arguments);
        assert_eq!(result["isError"], true, "{result}");
        result["content"][0]["text"].as_str().unwrap().to_owned()
    }

    fn tools(&mut self) -> Vec<String> {
        let listed = self.ask("tools/list", &json!({}));
        let tools = listed["result"]["tools"].as_array().unwrap();
        for tool in tools {
            assert_eq!(tool["inputSchema"]["type"], "object", "{tool}");
        }
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Closes its end; the server goes.
    fn end(mut self) {
        drop(self.to.take());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

const VOTES: &str = "start: review\nend: finish\n\
gates:\n  votes-gate:\n    fields: { votes: { map: [approve, reject] } }\n    writers: [reader]\n    \
when: { count: votes, eq: approve, min: 1 }\n\
channels:\n  - { id: forward, from: review, to: finish, gate: votes-gate }\n";
const STEPS: &str =
    "## review\nrole: reader\n\nJudge: {goal}\n\n## finish\nrole: writer\n\nWrap it up.";

#[test]
fn an_agent_program_is_given_a_server_and_speaks_for_its_own_attempt_with_it() {
    let env = TestEnv::new();
    env.workflow("votes", VOTES, STEPS);
    env.agent_with(
        "cat >/dev/null
[ $CREW_TASK = finish ] || { cp \"$2\" $NOTES/mcp.tmp; mv $NOTES/mcp.tmp $NOTES/mcp.json
while [ ! -e $NOTES/go ]; do sleep 0.02; done; }
echo done",
        "mcp = [\"--mcp\", \"{mcp_config}\"]\n",
    );
    let run = env.start_workflow("votes");
    let config = env.notes().join("mcp.json");
    wait_until("the agent was given a server", || config.exists());
    let config: Value = serde_json::from_str(&std::fs::read_to_string(config).unwrap()).unwrap();
    let server = &config["mcpServers"]["crew"];
    let mut command = Command::new(server["command"].as_str().unwrap());
    command.env_clear().args(server["args"].as_array().unwrap().iter().filter_map(Value::as_str));
    let variables = server["env"].as_object().unwrap();
    command.envs(variables.iter().filter_map(|(name, value)| Some((name, value.as_str()?))));
    let mut session = Session::start(command);
    let tools = session.tools();
    assert_eq!(tools.len(), 16, "{tools:?}");
    let status = session.data("status", &json!({}));
    assert_eq!((&status["task"], &status["attempt"]), (&json!("review"), &json!(1)));
    let text =
        session.refused("write-gate", &json!({"gate": "votes-gate", "data": {"votes": "maybe"}}));
    assert!(
        text.contains("cannot be \"maybe\"") && text.contains("one of approve, reject"),
        "{text}"
    );
    let text = session.refused("write-gate", &json!({"gate": "votes-gate"}));
    assert!(text.contains("data"), "{text}");
    let text = session.refused("send", &json!({"to": "nobody", "text": "x"}));
    assert!(text.contains("no task `nobody`"), "{text}");
    let unknown = session.ask("tools/call", &json!({"name": "approve", "arguments": {}}));
    assert!(unknown["error"]["message"].as_str().unwrap().contains("approve"), "{unknown}");
    let written =
        session.data("write-gate", &json!({"gate": "votes-gate", "data": {"votes": "approve"}}));
    assert_eq!(written["gates"][0]["open"], true, "{written}");
    session.data("send", &json!({"to": "finish", "text": "over to you", "data": {"n": 1}}));
    session.data("artifact", &json!({"name": "notes.md", "text": "deep"}));
    assert!(env.state(run).artifacts.contains_key(&"notes.md".parse().unwrap()));
    std::fs::write(env.notes().join("go"), "").unwrap();
    env.wait_status(run, "done");
    let text = session.refused("done", &json!({"summary": "late"}));
    assert!(text.contains("attempt 1 of `review` is over"), "{text}");
    session.end();
    assert_eq!(env.rest(run), "done");
}

#[test]
fn an_outer_session_drives_runs_and_decides_nothing() {
    let env = TestEnv::new();
    env.workflow("one", "", "## work\nrole: writer\n\n{goal}");
    env.agent(
        "cat >/dev/null; [ $CREW_ATTEMPT_NUMBER = 1 ] && echo 'CREW: ask red or blue?'; echo done",
    );
    let mut session = Session::start(env.crew(&["mcp"]));
    let tools = session.tools();
    assert_eq!(
        tools,
        ["run", "status", "list", "show", "send", "wait", "recommend", "events", "decisions"]
    );
    let started =
        session.data("run", &json!({"goal": "do it", "workflow": "one", "runtime": "sh"}));
    assert_eq!(started["exit_code"], 0, "{started}");
    let waited = session.data("wait", &json!({"run": "1", "timeout": "60s"}));
    assert_eq!(waited["exit_code"], 4, "it asks a person: {waited}");
    let asked = session.data("decisions", &json!({"run": "1"}));
    assert!(asked["decisions"].to_string().contains("red or blue?"), "{asked}");
    assert!(session.data("decisions", &json!({}))["waiting"].to_string().contains("red or blue?"));
    let sent = session.data("send", &json!({"to": "1/work", "text": "--yes, please"}));
    assert_eq!(sent["exit_code"], 0, "{sent}");
    assert!(session.refused("send", &json!({"to": "77", "text": "x"})).contains("no run `77`"));
    assert!(session.data("list", &json!({}))["runs"][0].to_string().contains("waiting"));
    assert!(session.data("show", &json!({"run": "1"}))["plan"].is_object());
    let events = session.data("events", &json!({"run": "1", "last": 2}));
    assert_eq!(events["lines"].as_array().unwrap().len(), 2, "{events}");
    assert!(session.data("recommend", &json!({"goal": "fix the login"})).is_object());
    assert!(session.refused("run", &json!({"goal": "x", "workflow": "nope"})).contains("nope"));
    env.ok(&["answer", "1", "work", "--text", "blue", "--yes"]);
    env.wait_status(1, "done");
    assert_eq!(session.data("wait", &json!({"run": "1"}))["exit_code"], 0);
    session.end();
    assert_eq!(env.rest(1), "done");
}
