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

/// A run of one step whose agent is this script, as a program that prints like `claude`.
fn odd(script: &str) -> (TestEnv, u32) {
    let env = TestEnv::new();
    env.agent_with(&format!("cat >/dev/null\n{script}"), "output = \"claude\"\n");
    env.workflow("one", "", "## work\nrole: reader\nretries: 0\n\n{goal}");
    let run = env.start_workflow("one");
    env.rest(run);
    (env, run)
}

#[test]
fn a_program_that_changed_its_format_is_shown_as_it_speaks_and_never_counts_as_done_by_it() {
    let words = r#"echo '{"kind":"dance","text":"new words"}'; echo 'plain words'"#;
    let (env, run) = odd(words);
    assert_eq!(env.status_text(run), "failed(agent_failed)");
    let logs = env.ok(&["logs", "1", "work"]);
    assert!(logs.contains("new words") && logs.contains("plain words"), "{logs}");
    let why = env.ok(&["why", "1/work"]);
    assert!(why.contains("in the middle of its turn") || why.contains("not understood"), "{why}");
    // Between lines that are known they are in nobody's way.
    let known = r#"echo '{"type":"result","subtype":"success","is_error":false,"result":"said","session_id":"s1"}'"#;
    let (env, run) = odd(&format!("{words}\n{known}"));
    assert_eq!(env.status_text(run), "done");
    assert_eq!(env.state(run).tasks[0].summary, "said");
    assert!(env.ok(&["logs", "1", "work"]).contains("new words"));
}

#[test]
fn a_program_that_asks_on_a_terminal_finds_none_and_hangs_nobody() {
    let script = r"if (exec </dev/tty) 2>/dev/null; then echo 'it has a terminal'; sleep 600; fi
printf 'Overwrite? [y/N] ' >&2; read -r answer || { echo 'no terminal to ask on' >&2; exit 4; }
sleep 600";
    let (env, run) = odd(script);
    assert_eq!(env.status_text(run), "failed(agent_failed)");
    let why = env.ok(&["why", "1/work"]);
    assert!(why.contains("no terminal to ask on") && why.contains('4'), "{why}");
}
