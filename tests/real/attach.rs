//! People in the programs' own sessions, in a terminal.

use std::fs;

use serde_json::json;

use crate::stage::Stage;
use crate::support::wait_until;
use crate::terminal::Terminal;

/// What programs ask whoever opens them, and the keys that leave everything as it is.
const GREETINGS: [(&str, &str); 1] = [("Use existing model", "\u{1b}[B\r")];

/// Takes a task over in the middle of its turn, says something in its session, leaves it, and lets the agent go on.
#[expect(clippy::print_stderr, reason = "a test that did not run must say so")]
fn a_person_in(program: &str, more: &str, leave: &str) {
    let stage = Stage::new(&json!([
        {"match": "What did I ask", "steps": [{"say": "This is the same session."}]},
        {"match": "A person took this task over", "steps": [{"say": "I see what you did."}]},
        {"steps": [
            {"bash": "echo begun > begun.txt; timeout 100 sh -c 'while [ ! -e go ]; do sleep 0.1; done'"},
            {"say": "It waited."}]},
    ]));
    if !stage.has(program) {
        eprintln!("SKIPPED: `{program}` is not among the programs of CREW_REAL_AGENTS");
        return;
    }
    stage.as_built_in(program, more);
    let env = &stage.env;
    let args = ["--role", "executor", "-a", program, "--permission", "full"];
    let run = env.start("wait for the whale", &args);
    wait_until("it has a worktree", || env.state(run).worktree.is_some());
    let tree = env.state(run).worktree.expect("a worktree").path;
    wait_until("its command runs", || tree.join("begun.txt").exists());
    stage.knows(&tree);
    let terminal = Terminal::large(env, &["attach", &run.to_string(), "executor"]);
    terminal.wait(&format!("its session in {program}"));
    terminal.sees_after(&GREETINGS, "wait for the whale");
    terminal.says("What did I ask", "This is the same session.");
    fs::write(tree.join("go"), "").expect("a file");
    terminal.says(leave, "How does `executor` go on?");
    terminal.type_line("");
    let (code, shown) = terminal.ends();
    assert_eq!(code, Some(0), "{program}: {shown}");
    assert_eq!(env.rest(run), "done", "{program}: {}", stage.transcript(run, "executor"));
    let ends = env.ends(run);
    let sessions: Vec<_> = ends.iter().map(|end| end.session.clone()).collect();
    assert_eq!(sessions.len(), 2, "{program}: {ends:?}");
    assert!(sessions[0].is_some() && sessions[0] == sessions[1], "{program}: {sessions:?}");
    assert!(ends[1].summary.contains("I see what you did."), "{program}: {ends:?}");
    let prompt = fs::read_to_string(env.attempt(run, "executor", 2).prompt()).expect("a prompt");
    assert!(!prompt.contains("whale"), "{program} is told once: {prompt}");
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn a_person_is_in_the_session_of_opencode() {
    a_person_in("opencode", "", "/exit");
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn a_person_is_in_the_session_of_gemini() {
    a_person_in("gemini", "", "/quit");
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn a_person_is_in_the_session_of_qwen() {
    a_person_in("qwen", "", "/quit");
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn a_person_is_in_the_session_of_a_live_opencode() {
    a_person_in("opencode", "transport = \"live\"\n", "/exit");
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn a_person_is_in_the_session_of_a_live_qwen() {
    a_person_in("qwen", "transport = \"live\"\n", "/quit");
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn a_person_is_in_the_session_of_pi() {
    a_person_in("pi", "", "/quit");
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn a_person_is_in_the_session_of_claude() {
    a_person_in("claude", "", "/exit");
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn a_person_is_in_the_session_of_codex() {
    a_person_in("codex", "", "/quit");
}
