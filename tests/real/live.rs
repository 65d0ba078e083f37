//! The real programs while they work: what is said to them, and what they ask.

use std::fs;

use serde_json::json;

use crate::stage::Stage;
use crate::support::wait_until;

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn what_a_program_may_not_do_is_asked_in_the_inbox() {
    let stage = Stage::new(&json!([{"steps": [
        {"bash": "touch asked.txt"},
        {"say": "It is over."},
    ]}]));
    let env = &stage.env;
    for (program, more) in [("claude", ""), ("codex", "transport = \"live\"\n")] {
        stage.configure(program, more);
        for (answer, is_there) in [("allow", true), ("deny", false)] {
            let args = ["--role", "executor", "-a", program, "--permission", "ask"];
            let run = env.start("touch it", &args);
            wait_until("it asks", || env.ok(&["inbox"]).contains("touch asked.txt"));
            env.ok(&["answer", &run.to_string(), "executor", "--text", answer, "--yes"]);
            assert_eq!(env.rest(run), "done", "{program} {answer}");
            assert_eq!(env.attempts(run, "executor"), 1, "{program}: in the same turn");
            let tree = env.state(run).worktree.expect("a worktree").path;
            assert_eq!(
                tree.join("asked.txt").exists(),
                is_there,
                "{program}: {}",
                stage.transcript(run, "executor")
            );
        }
    }
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn a_message_joins_the_turn() {
    let stage = Stage::new(&json!([{"steps": [
        {"bash": "echo begun > begun.txt; n=0; while [ ! -e go ] && [ $n -lt 600 ]; do n=$((n+1)); sleep 0.1; done"},
        {"say": "It is over."},
    ]}]));
    let env = &stage.env;
    let live = "transport = \"live\"\n";
    for (program, more) in [("claude", ""), ("codex", live), ("pi", live)] {
        stage.configure(program, more);
        let run = env.start("wait", &["--role", "executor", "-a", program, "--permission", "full"]);
        wait_until("it has a worktree", || env.state(run).worktree.is_some());
        let tree = env.state(run).worktree.expect("a worktree").path;
        wait_until("its command runs", || tree.join("begun.txt").exists());
        env.ok(&["send", &format!("{run}/executor"), "look at the other file too", "--interrupt"]);
        fs::write(tree.join("go"), "").expect("a file");
        assert_eq!(env.rest(run), "done", "{program}");
        assert_eq!(env.attempts(run, "executor"), 1, "{program}");
        let transcript = stage.transcript(run, "executor");
        assert!(transcript.contains("look at the other file too"), "{program}: {transcript}");
        let events = fs::read_to_string(env.run_dir(run).events()).expect("a log");
        assert!(events.contains("message.delivered"), "{program}: {events}");
    }
}
