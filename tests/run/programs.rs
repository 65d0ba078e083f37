//! What known programs print decides how their attempts end: they are played by their own recordings.

use crate::project::TestEnv;

/// A run whose agent prints what a program printed once, and exits with that code.
fn play(program: &str, case: &str, code: u8) -> (TestEnv, u32) {
    let env = TestEnv::new();
    let recorded =
        format!("{}/tests/fixtures/recordings/{program}/{case}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let script = format!("cat >/dev/null; cat '{recorded}'; exit {code}");
    env.agent_with(&script, &format!("output = \"{program}\"\n"));
    env.workflow("one", "", "## work\nrole: reader\nretries: 0\n\n{goal}");
    let run = env.start_workflow("one");
    env.rest(run);
    (env, run)
}

#[test]
fn a_turn_that_worked_is_done_with_its_session_and_its_usage() {
    for program in ["claude", "codex", "pi", "opencode", "gemini", "qwen"] {
        let (env, run) = play(program, "success", 0);
        assert_eq!(env.status_text(run), "done", "{program}: {:?}", env.status(run));
        let state = env.state(run);
        assert_eq!(state.tasks[0].summary, "Done: hello.txt was created.", "{program}");
        assert!(state.tasks[0].session.is_some(), "{program}");
        let used = state.usage;
        let tokens = (used.input_tokens, used.cache_tokens, used.output_tokens);
        assert_eq!(tokens, (400, 2_000, 84), "{program}");
        let logs = env.ok(&["logs", "1", "work"]);
        assert!(logs.contains("Done: hello.txt was created."), "{program}: {logs}");
    }
}

#[test]
fn a_program_that_exits_well_after_an_error_has_failed_all_the_same() {
    let (env, run) = play("pi", "http_400", 0);
    assert_eq!(env.status_text(run), "failed(agent_failed)");
    let why = env.ok(&["why", "1/work"]);
    assert!(why.contains("the program failed (other)") && why.contains("bad request"), "{why}");
    // Interrupted programs exit with code 0 as well, and say no end.
    let (env, run) = play("gemini", "nr_term_long", 0);
    assert_eq!(env.status_text(run), "failed(agent_failed)");
    assert!(env.ok(&["why", "1/work"]).contains("in the middle of its turn"));
}
