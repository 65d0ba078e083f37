//! Built-in and configured runtimes: what they are held to, whose account they use, and the test of one.

use std::fs;

use crate::project::TestEnv;

/// A stand-in for `claude` that keeps what it was started with, and answers in its format.
const CLAUDE: &str = r#"
case "$1" in
  --version) echo 'stand-in 1'; exit;;
  auth) [ -e "$NOTES/login" ]; exit;;
esac
cat >/dev/null
echo "$*" >>"$NOTES/args"
env >"$NOTES/env"
echo '{"type":"system","subtype":"init","session_id":"s1","model":"m"}'
echo '{"type":"result","subtype":"success","is_error":false,"result":"said","session_id":"s1","usage":{"input_tokens":1,"output_tokens":1}}'
"#;

fn with_claude() -> TestEnv {
    let env = TestEnv::new();
    let program = env.program("bin/claude", CLAUDE);
    assert!(program.exists());
    env.config("[runtimes.claude]\ntransport = \"headless\"\n");
    env.workflow("one", "", "## read\nrole: reader\naccess: read\n\n{goal}");
    env
}

#[test]
fn a_program_that_is_logged_out_or_cannot_be_held_to_a_level_starts_nothing() {
    let env = with_claude();
    let said = env.fails(5, &["run", "look", "-w", "one", "-a", "claude"]);
    assert!(said.contains("nobody is logged in to runtime `claude`"), "{said}");
    assert!(said.contains("log in with `claude auth login`"), "{said}");
    fs::write(env.notes().join("login"), "").expect("written");
    env.workflow("two", "", "## write\nrole: writer\n\n{goal}");
    let said = env.fails(5, &["run", "look", "-w", "two", "-a", "claude", "--permission", "ask"]);
    assert!(said.contains("cannot be held to permission `ask`"), "{said}");
    assert!(said.contains("`transport = \"live\"` in `[runtimes.claude]`"), "{said}");
    assert!(!env.has_run(1), "nothing was created");
}

#[test]
fn of_several_programs_one_that_is_logged_in_plays_by_itself() {
    let env = with_claude();
    env.program("bin/codex", "echo '{\"type\":\"thread.started\",\"thread_id\":\"t\"}'\nexit 1");
    env.config(
        "[runtimes.codex]\ncommand = [\"codex\"]\n[runtimes.claude]\ntransport = \"headless\"\n",
    );
    let plan = |env: &TestEnv| env.ok(&["run", "look", "-w", "one", "--dry-run"]);
    assert!(plan(&env).contains("reader on codex"), "{}", plan(&env));
    fs::write(env.notes().join("login"), "").expect("written");
    assert!(plan(&env).contains("reader on claude"), "{}", plan(&env));
}

#[test]
fn a_key_that_happens_to_be_set_is_passed_on_only_when_the_user_says_so() {
    let env = with_claude();
    fs::write(env.notes().join("login"), "").expect("written");
    let start = |more: &str| {
        env.config(&format!("[runtimes.claude]\ntransport = \"headless\"\n{more}"));
        let mut command = env.crew(&["run", "look", "-w", "one", "-a", "claude", "-d"]);
        let output = command.env("ANTHROPIC_API_KEY", "sk-stray").output().expect("started");
        let run: u32 = String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number");
        assert_eq!(env.rest(run), "done");
        (env.note("env").join("\n"), env.ok(&["show", &run.to_string()]))
    };
    let (got, show) = start("");
    assert!(!got.contains("sk-stray"), "{got}");
    assert!(show.contains("claude, headless, permission plan, its own login"), "{show}");
    let (got, show) = start("env = [\"ANTHROPIC_API_KEY\"]\n");
    assert!(got.contains("ANTHROPIC_API_KEY=sk-stray"), "{got}");
    assert!(show.contains("permission plan, key ANTHROPIC_API_KEY"), "{show}");
    let args = env.note("args").join("\n");
    assert!(args.contains("--permission-mode dontAsk --disallowedTools Edit,Write"), "{args}");
    let stray = env.crew(&["runtime", "show", "claude"]).env("ANTHROPIC_AUTH_TOKEN", "x").output();
    let stray = String::from_utf8(stray.expect("started").stdout).expect("text");
    assert!(stray.contains("`ANTHROPIC_AUTH_TOKEN` is set here and not passed on"), "{stray}");
}

#[test]
fn a_runtime_is_tested_in_a_real_run() {
    let env = TestEnv::new();
    // Everything is done but going on with a session.
    env.agent_with(
        r#"
cat >"$NOTES/prompt"
case $(cat "$NOTES/prompt") in
  *conformance.txt*) echo ok >conformance.txt; echo made;;
  *'Write the gate'*) echo 'CREW: write-gate said-gate word=ok';;
  *) echo conformance-ok;;
esac"#,
        "",
    );
    let said = env.ok(&["runtime", "test", "sh"]);
    for line in
        ["ok       turn     conformance-ok", "ok       write", "ok       tools", "unknown  resume"]
    {
        assert!(said.contains(line), "`{line}`: {said}");
    }
    // One that says what it has not done fails, and the command tells it.
    env.agent("cat >/dev/null; echo conformance-ok");
    let output = env.output(&["runtime", "test", "sh", "--json"]);
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let state = |name: &str| {
        let checks = told["checks"].as_array().expect("a list").iter();
        let found = checks.filter(|check| check["name"] == name);
        found.map(|check| check["state"].as_str().expect("a word")).next()
    };
    assert_eq!(
        (state("turn"), state("write"), state("stop")),
        (Some("ok"), Some("failed"), Some("ok"))
    );
    env.assert_nothing_lives();
}
