//! One turn of each program: what it did, what it used, what it may do, and crew's tools inside it.

use std::fs;

use serde_json::json;

use crate::stage::Stage;

/// What each program reports of the two calls of a turn, each 1,200 tokens in of which 1,000 are cached, 42 out.
fn one_turn(program: &str) {
    let stage = Stage::new(&json!([{"steps": [
        {"say": "Writing.", "write": {"path": "made.txt", "content": "by a program\n"}},
        {"say": "It is written."},
    ]}]));
    let env = &stage.env;
    let run =
        env.start("write made.txt", &["--role", "executor", "-a", program, "--permission", "full"]);
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.git(&["show", &format!("{}:made.txt", branch(&stage, run))]), "by a program");
    let [end] = &env.ends(run)[..] else { panic!("one attempt") };
    let usage = end.usage;
    assert_eq!((usage.input_tokens, usage.output_tokens, usage.cache_tokens), (400, 84, 2000));
    assert!(end.session.is_some(), "{end:?}");
    assert!(end.summary.contains("It is written."), "{end:?}");
    assert!(stage.transcript(run, "executor").contains("made.txt"));
}

fn branch(stage: &Stage, run: u32) -> String {
    stage.env.state(run).worktree.expect("it works in a worktree").branch
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn claude_plays_a_turn() {
    one_turn("claude");
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn codex_plays_a_turn() {
    one_turn("codex");
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn pi_plays_a_turn() {
    one_turn("pi");
}

/// A reader can change nothing, and reaches crew's tools all the same.
fn a_reader(program: &str) {
    let stage = Stage::new(&json!([{"steps": [
        {"tool": "done", "args": {"summary": "said over MCP"}},
        {"bash": "touch bad.txt"},
        {"say": "Told."},
    ]}]));
    let env = &stage.env;
    let run = env.start("look at it", &["--role", "verifier", "-a", program]);
    assert_eq!(env.rest(run), "done");
    let said = fs::read_to_string(env.run_dir(run).events()).expect("a log");
    assert!(said.contains("said over MCP"), "{said}");
    let transcript = stage.transcript(run, "verifier");
    assert!(!env.project().join("bad.txt").exists(), "{transcript}");
    assert!(!said.contains("only read and changed"), "{transcript}");
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn a_reader_of_claude_changes_nothing_and_has_crews_tools() {
    a_reader("claude");
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn a_reader_of_codex_changes_nothing_and_has_crews_tools() {
    a_reader("codex");
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn a_session_goes_on_and_is_counted_once() {
    let stage = Stage::new(&json!([
        {"match": "once more", "steps": [{"bash": "echo again > again.txt"}, {"say": "Again."}]},
        {"steps": [{"bash": "echo first > first.txt"}, {"say": "First."}]},
    ]));
    let env = &stage.env;
    for program in ["claude", "codex", "pi"] {
        let args = ["--role", "executor", "-a", program, "--permission", "full"];
        let run = env.start("do it", &args);
        assert_eq!(env.rest(run), "done", "{program}");
        env.ok(&["send", &format!("{run}/executor"), "once more"]);
        env.ok(&["reopen", &run.to_string(), "--text", "once more"]);
        env.wait_status(run, "done");
        let ends = env.ends(run);
        let sessions: Vec<_> = ends.iter().map(|end| end.session.clone()).collect();
        assert_eq!(sessions.len(), 2, "{program}: {ends:?}");
        assert_eq!(sessions[0], sessions[1], "{program} goes on with its session");
        for end in &ends {
            let usage = end.usage;
            assert_eq!((usage.input_tokens, usage.output_tokens), (400, 84), "{program}: {ends:?}");
        }
    }
}
