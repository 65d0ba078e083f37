//! What is used is counted once: over resumed sessions, over models, and where nobody knows what it costs.

#![expect(clippy::unwrap_used, reason = "what a test stands on fails the test")]

use serde_json::Value;

use crate::project::TestEnv;

/// The folder of a program's recordings.
fn folder(program: &str) -> String {
    format!("{}/tests/fixtures/recordings/{program}", env!("CARGO_MANIFEST_DIR"))
}

/// The session that a recording names first.
fn session(program: &str, case: &str) -> String {
    let text = std::fs::read_to_string(format!("{}/{case}.jsonl", folder(program))).unwrap();
    let named = text.lines().find_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        let of = |key: &str| line[key].as_str().map(str::to_owned);
        let own = (line["type"] == "session").then(|| of("id")).flatten();
        of("session_id").or_else(|| of("thread_id")).or_else(|| of("sessionID")).or(own)
    });
    named.expect("the recording names its session")
}

/// A run whose agent plays the recorded first turn of a session, does `then`, and goes on with the recorded second.
fn resumed(program: &str, cut: &str, then: &str, more: &str) -> (TestEnv, u32) {
    let env = TestEnv::new();
    let (first, second) = (session(program, "success"), session(program, "resume"));
    let folder = folder(program);
    let script = format!(
        "cat >/dev/null
if [ \"$1\" = resume ]; then
  echo \"$2\" >> $NOTES/resumed
  cat '{folder}/resume.jsonl'; exit
fi
sed 's/{first}/{second}/g' '{folder}/success.jsonl' {cut}
{then}"
    );
    let path = env.program("agent.sh", &script);
    env.config(&format!(
        "[runtimes.sh]\ncommand = [\"{path}\"]\nresume = [\"{path}\", \"resume\", \"{{session}}\"]
output = \"{program}\"\nmodel = [\"-m\", \"{{model}}\"]\n{more}"
    ));
    env.workflow("one", "", "## work\nrole: reader\nretries: 1\nmodel: asked\n\n{goal}");
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done", "{program}: {:?}", env.ends(run));
    assert_eq!(env.note("resumed"), [second], "{program}");
    (env, run)
}

/// Tokens in, from the cache and out.
fn tokens(usage: &crew::event::Usage) -> (u64, u64, u64) {
    (usage.input_tokens, usage.cache_tokens, usage.output_tokens)
}

#[test]
fn a_resumed_session_is_counted_once_whatever_its_program_sums_up() {
    for program in ["claude", "codex", "pi", "opencode", "gemini", "qwen"] {
        if !std::path::Path::new(&format!("{}/resume.jsonl", folder(program))).exists() {
            continue;
        }
        let (env, run) = resumed(program, "", "exit 1", "");
        for end in env.ends(run) {
            assert_eq!(tokens(&end.usage), (400, 2_000, 84), "{program} {}", end.attempt);
        }
        let used = env.state(run).usage;
        assert_eq!(tokens(&used), (800, 4_000, 168), "{program}");
        let told: Value = serde_json::from_str(&env.ok(&["usage", "--json"])).unwrap();
        let total = &told["total"];
        assert_eq!(total["usage"]["input_tokens"], 800, "{program}: {told}");
        assert_eq!(total["attempts"], 2, "{program}: {told}");
        let same: Value = serde_json::from_str(&env.ok(&["usage", "last", "1", "--json"])).unwrap();
        assert_eq!(same["total"], *total, "a run that is named twice counts once");
        assert!(env.fails(6, &["usage", "7"]).contains("`7`"));
        if program == "claude" {
            let cost = used.cost_usd.expect("claude tells it");
            assert!((cost - 0.006_12).abs() < 1e-9, "{cost}");
        }
    }
}

#[test]
fn what_a_killed_attempt_did_not_tell_is_counted_to_the_one_that_goes_on() {
    for program in ["codex", "qwen"] {
        // Everything but the line with the sum, then the end of the process.
        let (env, run) = resumed(program, "| sed '$d'", "kill -9 $$", "");
        let ends = env.ends(run);
        assert_eq!(tokens(&ends[0].usage), (0, 0, 0), "{program}");
        assert_eq!(tokens(&ends[1].usage), (800, 4_000, 168), "{program}");
        let usage = env.ok(&["usage"]);
        assert!(usage.contains("unknown") && !usage.contains('$'), "{usage}");
    }
}

#[test]
fn the_price_is_that_of_the_model_that_answered() {
    let table = "[prices.asked]\ninput = 100.0\noutput = 100.0\ncache = 100.0\n";
    // `codex` names no model, so that it is the one asked for; `qwen` names another one, which has no price.
    let (env, run) = resumed("codex", "", "exit 1", table);
    let cost = env.state(run).usage.cost_usd.expect("it is computed");
    assert!((cost - 0.496_8).abs() < 1e-9, "{cost}");
    assert!(env.ok(&["usage", "--by", "model"]).contains("~$0.50"));
    let (env, run) = resumed("qwen", "", "exit 1", table);
    assert_eq!(env.state(run).usage.cost_usd, None);
    let by_model = env.ok(&["usage", "--by", "model"]);
    assert!(by_model.contains("fake-model") && by_model.contains("unknown"), "{by_model}");
    assert!(!by_model.contains("asked"), "{by_model}");
    let table = "[prices.fake-model]\ninput = 100.0\noutput = 0.0\ncache = 0.0\n";
    let (env, run) = resumed("qwen", "", "exit 1", table);
    let cost = env.state(run).usage.cost_usd.expect("it is computed");
    assert!((cost - 0.08).abs() < 1e-9, "{cost}");
}

#[test]
fn several_models_of_one_attempt_are_told_apart() {
    let env = TestEnv::new();
    let line = |text: &str| format!("echo '{text}'\n");
    let script = [
        "cat >/dev/null\n".to_owned(),
        line(r#"{"type":"system","subtype":"init","session_id":"s","model":"large"}"#),
        line(
            r#"{"type":"result","subtype":"success","session_id":"s","is_error":false,"result":"Done.","total_cost_usd":0.5,"usage":{"input_tokens":7,"output_tokens":2},"model_usage_since_last_result":{"large":{"inputTokens":7,"outputTokens":2,"costUSD":0.5},"small":{"inputTokens":30,"outputTokens":1,"costUSD":0}}}"#,
        ),
    ];
    env.agent_with(&script.concat(), "output = \"claude\"\n");
    env.workflow("one", "", "## work\nrole: reader\n\n{goal}");
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done");
    let used = env.state(run).usage;
    assert_eq!((used.input_tokens, used.cost_usd, used.unpriced), (37, Some(0.5), 1));
    let told: Value = serde_json::from_str(&env.ok(&["usage", "--by", "model", "--json"])).unwrap();
    let rows: Vec<(&str, u64, u64, Option<f64>)> = told["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let usage = &row["usage"];
            let number = |value: &Value| value.as_u64().unwrap();
            let name = row["key"].as_str().unwrap();
            let cost = usage["cost_usd"].as_f64();
            (name, number(&row["attempts"]), number(&usage["input_tokens"]), cost)
        })
        .collect();
    assert_eq!(rows, [("large", 1, 7, Some(0.5)), ("small", 0, 30, None)]);
    assert_eq!(told["total"]["attempts"], 1);
    assert_eq!(told["total"]["usage"]["unpriced"], 1);
    let table = env.ok(&["usage", "--by", "model"]);
    let small = table.lines().find(|line| line.contains("small")).expect("it has a line");
    assert!(small.contains("unknown"), "{table}");
    let large = table.lines().find(|line| line.contains("large")).expect("it has a line");
    assert!(large.contains("$0.50") && !large.contains("unknown"), "{table}");
    let story = env.ok(&["timeline", "1"]);
    assert!(story.contains("(37 in, 3 out, >= $0.50 + unknown)"), "{story}");
}
