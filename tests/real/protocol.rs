//! Agents of the Agent Client Protocol: the same life for each of them.
//!
//! One that is not in the folder of programs is left out, and said so.

use std::fs;

use crew::base::ErrorKind;
use crew::runtime::process::{self, Signal};
use serde_json::json;

use crate::stage::Stage;
use crate::support::wait_until;

/// How an agent is held to what it may do.
#[derive(Clone, Copy)]
enum Held {
    /// It asks.
    Asking,
    /// Its sandbox refuses, and it asks for what its model wants beyond that.
    Sandbox,
    /// It does what its model says.
    Nothing,
}

/// What an agent can do beyond what all of them can.
#[derive(Clone, Copy)]
struct Agent {
    name: &'static str,
    /// How it is held to a level.
    held: Held,
    /// It takes servers of MCP.
    has_tools: bool,
    /// Input, output and cached tokens of a turn of two calls, as far as it tells them.
    tokens: (u64, u64, u64),
    /// It finds a session again that was cut off.
    resumes: bool,
    /// A model that it offers.
    model: &'static str,
}

/// A model that plays by the words of the prompt.
fn stage() -> Stage {
    Stage::new(&json!([
        {"match": "this task may only read", "steps": [{"say": "Told."}]},
        {"match": "a person said no", "steps": [{"say": "It is over."}]},
        {"match": "leave it be", "steps": [{"say": "I leave it be."}]},
        {"match": "ask for it", "steps": [{"bash": "touch asked.txt"}, {"say": "It is over."}]},
        {"match": "use a tool", "steps": [
            {"tool": "done", "args": {"summary": "said over MCP"}}, {"bash": "touch bad.txt"}, {"say": "Told."}]},
        {"match": "wait for it", "steps": [
            {"bash": "echo begun > begun.txt; timeout 60 sh -c 'while [ ! -e go ]; do sleep 0.1; done'; echo ended > ended.txt"},
            {"say": "It waited."}]},
        {"steps": [
            {"say": "Writing.", "write": {"path": "made.txt", "content": "by a program\n"}},
            {"say": "It is written."}]},
    ]))
}

#[expect(clippy::print_stderr, reason = "a test that did not run must say so")]
fn life(agent: Agent) {
    let stage = stage();
    if !stage.has(agent.name) {
        let name = agent.name;
        eprintln!("SKIPPED: `{name}` is not among the programs of CREW_REAL_AGENTS");
        return;
    }
    plays_a_turn(&stage, agent);
    match agent.held {
        Held::Asking => asks(&stage, agent),
        Held::Sandbox => {}
        Held::Nothing => is_not_held(&stage, agent),
    }
    if agent.has_tools {
        has_tools(&stage, agent);
    }
    is_interrupted(&stage, agent);
    goes_on_after_a_crash(&stage, agent);
    has_no_such_model(&stage, agent);
}

fn plays_a_turn(stage: &Stage, agent: Agent) {
    let (env, name) = (&stage.env, agent.name);
    let run = env.start(
        "write made.txt",
        &["--role", "executor", "-a", name, "-m", agent.model, "--permission", "full"],
    );
    assert_eq!(env.rest(run), "done", "{name}");
    let branch = env.state(run).worktree.expect("it works in a worktree").branch;
    assert_eq!(env.git(&["show", &format!("{branch}:made.txt")]), "by a program", "{name}");
    let [end] = &env.ends(run)[..] else { panic!("one attempt") };
    let usage = end.usage;
    let told = (usage.input_tokens, usage.output_tokens, usage.cache_tokens);
    assert_eq!(told, agent.tokens, "{name}");
    assert!(end.session.is_some(), "{name}: {end:?}");
    assert!(end.summary.ends_with("It is written."), "{name}: {end:?}");
}

fn asks(stage: &Stage, agent: Agent) {
    let (env, name) = (&stage.env, agent.name);
    for (answer, is_there) in [("allow", true), ("deny", false)] {
        let run =
            env.start("ask for it", &["--role", "executor", "-a", name, "--permission", "ask"]);
        wait_until("it asks", || env.ok(&["inbox"]).contains("touch asked.txt"));
        env.ok(&["answer", &run.to_string(), "executor", "--text", answer, "--yes"]);
        assert_eq!(env.rest(run), "done", "{name} {answer}: {}", stage.transcript(run, "executor"));
        assert_eq!(env.attempts(run, "executor"), 1, "{name}: in the same turn");
        let tree = env.state(run).worktree.expect("a worktree").path;
        assert_eq!(tree.join("asked.txt").exists(), is_there, "{name} {answer}");
    }
}

fn is_not_held(stage: &Stage, agent: Agent) {
    let (env, name) = (&stage.env, agent.name);
    env.workflow("once", "", "## work\nrole: executor\n\n{goal}");
    let run = env.start("ask for it", &["-w", "once", "-a", name, "--permission", "ask"]);
    assert_eq!(env.rest(run), "blocked(workflow_invalid)", "{name}");
    assert_eq!(env.attempts(run, "work"), 1, "{name} is not asked twice");
    let why = env.ok(&["why", &run.to_string()]);
    assert!(why.contains("no mode for permission `ask`"), "{name}: {why}");
}

fn has_tools(stage: &Stage, agent: Agent) {
    let (env, name) = (&stage.env, agent.name);
    let run = env.start("use a tool", &["--role", "verifier", "-a", name]);
    assert_eq!(env.rest(run), "done", "{name}: {}", stage.transcript(run, "verifier"));
    let said = fs::read_to_string(env.run_dir(run).events()).expect("a log");
    assert!(said.contains("said over MCP"), "{name}: {}", stage.transcript(run, "verifier"));
    assert!(!env.project().join("bad.txt").exists(), "{name} only reads");
    assert!(!said.contains("only read and changed"), "{name}: {said}");
}

/// Starts a turn that would take a minute, and returns when its command runs.
fn begin(stage: &Stage, agent: Agent) -> (u32, camino::Utf8PathBuf) {
    let (env, name) = (&stage.env, agent.name);
    let args = ["--role", "executor", "-a", name, "--permission", "full"];
    let run = env.start("wait for it", &args);
    wait_until("it has a worktree", || env.state(run).worktree.is_some());
    let tree = env.state(run).worktree.expect("a worktree").path;
    wait_until("its command runs", || tree.join("begun.txt").exists());
    (run, tree)
}

fn is_interrupted(stage: &Stage, agent: Agent) {
    let (env, name) = (&stage.env, agent.name);
    let (run, _) = begin(stage, agent);
    let to = format!("{run}/executor");
    env.ok(&["send", &to, "leave it be", "--interrupt", "--priority", "urgent"]);
    assert_eq!(env.rest(run), "done", "{name}: {}", stage.transcript(run, "executor"));
    assert_eq!(env.attempts(run, "executor"), 1, "{name}");
    let [end] = &env.ends(run)[..] else { panic!("one attempt") };
    assert!(end.summary.contains("I leave it be."), "{name}: {end:?}");
    assert!(end.duration_ms < 50_000, "{name} left what it did: {end:?}");
    let events = fs::read_to_string(env.run_dir(run).events()).expect("a log");
    assert!(events.contains("message.delivered"), "{name}: {events}");
}

fn goes_on_after_a_crash(stage: &Stage, agent: Agent) {
    let (env, name) = (&stage.env, agent.name);
    let (run, tree) = begin(stage, agent);
    let supervisor = env.supervisor(run).expect("lives");
    wait_until("nobody lives", || {
        let found = env.processes();
        for process in &found {
            drop(process::signal(*process, Signal::KILL));
        }
        found.is_empty() && !process::is_alive(supervisor)
    });
    fs::write(tree.join("go"), "").expect("a file");
    env.ok(&["status"]);
    env.wait_status(run, "blocked(session_lost)");
    env.ok(&["resume", &run.to_string()]);
    assert_eq!(env.rest(run), "done", "{name}: {}", stage.transcript(run, "executor"));
    assert!(tree.join("ended.txt").exists(), "{name}");
    if !agent.resumes {
        assert_eq!(env.attempts(run, "executor"), 3, "{name}: begun anew");
        return;
    }
    let opened = env.stdout(run, "executor", 2);
    assert!(!opened.contains("session not found"), "{name}: {opened}");
    let sessions: Vec<_> = env.ends(run).iter().map(|end| end.session.clone()).collect();
    assert_eq!((sessions.len(), &sessions[0]), (2, &sessions[1]), "{name}");
    let usage = env.ends(run)[1].usage;
    let told = (usage.input_tokens, usage.output_tokens, usage.cache_tokens);
    assert_eq!(told, agent.tokens, "{name}: what is new is counted");
}

fn has_no_such_model(stage: &Stage, agent: Agent) {
    let (env, name) = (&stage.env, agent.name);
    let run = env.start(
        "anything",
        &["--role", "executor", "-a", name, "-m", "no-such", "--permission", "full"],
    );
    env.wait_status(run, "blocked(workflow_invalid)");
    let kinds: Vec<_> =
        env.ends(run).iter().map(|end| end.report.error.as_ref().map(|error| error.kind)).collect();
    assert_eq!(kinds, [Some(ErrorKind::BadModel)], "{name}");
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn opencode_lives_by_the_protocol() {
    // It tells the tokens of its last call only.
    let tokens = (200, 42, 1_000);
    life(Agent {
        name: "opencode",
        held: Held::Asking,
        has_tools: true,
        tokens,
        resumes: true,
        model: "fake/fake-model",
    });
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn gemini_lives_by_the_protocol() {
    // It does not tell what came from a cache.
    let tokens = (2_400, 84, 0);
    life(Agent {
        name: "gemini",
        held: Held::Asking,
        has_tools: true,
        tokens,
        resumes: false,
        model: "gemini-2.5-pro",
    });
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn qwen_lives_by_the_protocol() {
    let tokens = (400, 84, 2_000);
    life(Agent {
        name: "qwen",
        held: Held::Asking,
        has_tools: true,
        tokens,
        resumes: true,
        model: "fake-model",
    });
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn claude_lives_by_the_protocol() {
    let tokens = (400, 84, 2_000);
    life(Agent {
        name: "claude-agent-acp",
        held: Held::Asking,
        has_tools: true,
        tokens,
        resumes: true,
        model: "sonnet",
    });
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn codex_lives_by_the_protocol() {
    let tokens = (400, 84, 2_000);
    life(Agent {
        name: "codex-acp",
        held: Held::Sandbox,
        has_tools: true,
        tokens,
        resumes: true,
        model: "gpt-5.5",
    });
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn pi_lives_by_the_protocol() {
    // It tells no tokens.
    life(Agent {
        name: "pi-acp",
        held: Held::Nothing,
        has_tools: false,
        tokens: (0, 0, 0),
        resumes: true,
        model: "fake/fake-model",
    });
}
