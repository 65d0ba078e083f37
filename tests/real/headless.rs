//! The programs that are usually driven by the client protocol, as crew starts them by itself: one turn a process.
//!
//! One that is not in the folder of programs is left out, and said so.

use std::fs;

use serde_json::json;

use crate::accidents::goes_on;
use crate::stage::Stage;

/// A model that plays by the words of the prompt.
#[expect(clippy::print_stderr, reason = "a test that did not run must say so")]
fn stage(program: &str) -> Option<Stage> {
    let stage = Stage::new(&json!([
        {"match": "once more", "steps": [{"bash": "echo again > again.txt"}, {"say": "Again."}]},
        {"match": "use a tool", "steps": [
            {"tool": "done", "args": {"summary": "said over MCP"}}, {"bash": "touch bad.txt"}, {"say": "Told."}]},
        {"match": "write made.txt", "steps": [
            {"say": "Writing.", "write": {"path": "made.txt", "content": "by a program\n"}},
            {"say": "It is written."}]},
        {"steps": [
            {"bash": "echo begun > begun.txt; n=0; while [ ! -e go ] && [ $n -lt 3000 ]; do n=$((n+1)); sleep 0.1; done; echo ended > ended.txt"},
            {"say": "It is over."}]},
    ]));
    stage.as_built_in(program, "");
    if stage.has(program) {
        return Some(stage);
    }
    eprintln!("SKIPPED: `{program}` is not among the programs of CREW_REAL_AGENTS");
    None
}

/// The life of one of them; `tokens` is what it uses for a turn of two calls: in, out and from a cache.
fn life(program: &str, tokens: (u64, u64, u64)) {
    let Some(stage) = stage(program) else { return };
    plays_two_turns(&stage, program, tokens);
    has_tools(&stage, program);
    goes_on(&stage, program);
}

fn plays_two_turns(stage: &Stage, program: &str, tokens: (u64, u64, u64)) {
    let env = &stage.env;
    let args = ["--role", "executor", "-a", program, "--permission", "full"];
    let run = env.start("write made.txt", &args);
    assert_eq!(env.rest(run), "done", "{program}: {}", stage.transcript(run, "executor"));
    let branch = env.state(run).worktree.expect("it works in a worktree").branch;
    assert_eq!(env.git(&["show", &format!("{branch}:made.txt")]), "by a program", "{program}");
    env.ok(&["reopen", &run.to_string(), "--text", "once more"]);
    env.wait_status(run, "done");
    let ends = env.ends(run);
    assert_eq!(ends.len(), 2, "{program}: {ends:?}");
    assert!(ends[0].session.is_some(), "{program}: {ends:?}");
    assert_eq!(ends[0].session, ends[1].session, "{program} goes on with its session");
    for end in &ends {
        let usage = end.usage;
        let told = (usage.input_tokens, usage.output_tokens, usage.cache_tokens);
        assert_eq!(told, tokens, "{program}: {ends:?}");
    }
}

fn has_tools(stage: &Stage, program: &str) {
    let env = &stage.env;
    let run = env.start("use a tool", &["--role", "verifier", "-a", program]);
    assert_eq!(env.rest(run), "done", "{program}: {}", stage.transcript(run, "verifier"));
    let said = fs::read_to_string(env.run_dir(run).events()).expect("a log");
    assert!(said.contains("said over MCP"), "{program}: {}", stage.transcript(run, "verifier"));
    assert!(!env.project().join("bad.txt").exists(), "{program} only reads");
    assert!(!said.contains("only read and changed"), "{program}: {said}");
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn opencode_lives_without_a_protocol() {
    life("opencode", (400, 84, 2_000));
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn gemini_lives_without_a_protocol() {
    // Another model chooses the one that answers.
    life("gemini", (600, 126, 3_000));
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn qwen_lives_without_a_protocol() {
    life("qwen", (400, 84, 2_000));
}
