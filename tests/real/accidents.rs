//! What happens to the real programs when they are stopped, and when those who watch them are killed.

use crew::runtime::process::{self, Signal};
use serde_json::json;

use crate::stage::Stage;
use crate::support::wait_until;

const PROGRAMS: [&str; 3] = ["claude", "codex", "pi"];

/// A model whose first turn starts a command that goes on until the file `go` is there.
fn waits() -> serde_json::Value {
    json!([{"steps": [
        {"bash": "echo begun > begun.txt; n=0; while [ ! -e go ] && [ $n -lt 3000 ]; do n=$((n+1)); sleep 0.1; done; echo ended > ended.txt"},
        {"say": "It is over."},
    ]}])
}

fn begin(stage: &Stage, program: &str) -> (u32, camino::Utf8PathBuf) {
    let env = &stage.env;
    let run = env.start("wait", &["--role", "executor", "-a", program, "--permission", "full"]);
    wait_until("it has a worktree", || env.state(run).worktree.is_some());
    let tree = env.state(run).worktree.expect("a worktree").path;
    wait_until("its command runs", || tree.join("begun.txt").exists());
    (run, tree)
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn stop_leaves_nobody() {
    let stage = Stage::new(&waits());
    for program in PROGRAMS {
        let (run, _) = begin(&stage, program);
        stage.env.ok(&["stop", &run.to_string()]);
        assert_eq!(stage.env.rest(run), "cancelled(stopped)", "{program}");
    }
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn an_agent_never_notices_that_its_supervisor_was_killed() {
    let stage = Stage::new(&waits());
    let env = &stage.env;
    for program in PROGRAMS {
        let (run, tree) = begin(&stage, program);
        let supervisor = env.supervisor(run).expect("lives");
        process::signal(supervisor, Signal::KILL).expect("is killed");
        wait_until("it is gone", || !process::is_alive(supervisor));
        env.ok(&["status"]);
        std::fs::write(tree.join("go"), "").expect("a file");
        assert_eq!(env.rest(run), "done", "{program}");
        assert_eq!(env.attempts(run, "executor"), 1, "{program} was adopted");
    }
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn a_session_goes_on_when_everything_was_killed() {
    let stage = Stage::new(&waits());
    for program in PROGRAMS {
        goes_on(&stage, program);
    }
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn a_session_goes_on_in_a_program_that_takes_input() {
    let stage = Stage::new(&waits());
    for program in ["codex", "pi"] {
        stage.configure(program, "transport = \"live\"\n");
        goes_on(&stage, program);
    }
}

/// Everything is killed in the middle of a turn; the session goes on with the run.
pub fn goes_on(stage: &Stage, program: &str) {
    let env = &stage.env;
    let (run, tree) = begin(stage, program);
    let supervisor = env.supervisor(run).expect("lives");
    // Supervisor, shim, agent and its command, until none is left. One that is about to be gone has no environment
    // any more and its locks still.
    wait_until("nobody lives", || {
        let found = env.processes();
        for process in &found {
            drop(process::signal(*process, Signal::KILL));
        }
        found.is_empty() && !process::is_alive(supervisor)
    });
    std::fs::write(tree.join("go"), "").expect("a file");
    env.ok(&["status"]);
    env.wait_status(run, "blocked(session_lost)");
    env.ok(&["resume", &run.to_string()]);
    assert_eq!(env.rest(run), "done", "{program}");
    assert_eq!(env.attempts(run, "executor"), 2, "{program}");
    assert!(tree.join("ended.txt").exists(), "{program}");
    let sessions: Vec<_> = env.ends(run).iter().map(|end| end.session.clone()).collect();
    assert!(sessions[0].is_some() && sessions[0] == sessions[1], "{program}: {sessions:?}");
}
