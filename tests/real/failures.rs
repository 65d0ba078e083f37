//! Failures of the providers, as the real programs tell them.

use crew::base::ErrorKind;
use crew::event::Body;
use crew::event::body::ReadyCause;
use crew::runtime::process::{self, Signal};
use serde_json::json;

use crate::stage::Stage;
use crate::support::wait_until;

/// A model that fails so until the prompt tells of it, and a workflow of one step.
fn failing(fault: &str) -> Stage {
    let stage = Stage::new(&json!([
        {"match": "[Ll]ook at what is there|needs a login", "steps": [{"say": "It went on."}]},
        {"steps": [{"fault": fault}]},
    ]));
    stage.env.workflow("one", "", "## work\nrole: reader\nretries: 0\n\n{goal}");
    stage
}

fn kinds(stage: &Stage, run: u32) -> Vec<Option<ErrorKind>> {
    let ends = stage.env.ends(run).into_iter();
    ends.map(|end| end.report.error.map(|error| error.kind)).collect()
}

fn causes(stage: &Stage, run: u32) -> Vec<ReadyCause> {
    let records = stage.env.records(run).into_iter();
    records
        .filter_map(|record| {
            if let Body::TaskReadied(ready) = record.body { Some(ready.cause) } else { None }
        })
        .collect()
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn a_provider_without_room_is_asked_again() {
    for (program, fault, kind) in [
        ("claude", "529", ErrorKind::Overload),
        ("codex", "429", ErrorKind::RateLimit),
        ("pi", "429", ErrorKind::RateLimit),
    ] {
        let stage = failing(fault);
        let run = stage.env.start("greet", &["-w", "one", "-a", program]);
        assert_eq!(stage.env.rest(run), "done", "{program}: {}", stage.transcript(run, "work"));
        assert_eq!(kinds(&stage, run), [Some(kind), None], "{program}");
        assert_eq!(causes(&stage, run), [ReadyCause::Limit], "{program}");
    }
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn a_conversation_that_no_longer_fits_is_begun_anew() {
    for program in ["claude", "codex", "pi"] {
        let stage = failing("overflow");
        let run = stage.env.start("greet", &["-w", "one", "-a", program]);
        assert_eq!(stage.env.rest(run), "done", "{program}: {}", stage.transcript(run, "work"));
        assert_eq!(kinds(&stage, run), [Some(ErrorKind::ContextOverflow), None], "{program}");
        assert_eq!(causes(&stage, run), [ReadyCause::Overflow], "{program}");
    }
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn a_key_that_is_refused_waits_for_a_person() {
    for program in ["claude", "codex", "pi"] {
        let stage = failing("401");
        let env = &stage.env;
        let run = env.start("greet", &["-w", "one", "-a", program]);
        env.wait_status(run, "waiting");
        assert_eq!(kinds(&stage, run), [Some(ErrorKind::Login)], "{program}");
        let why = env.ok(&["why", &run.to_string()]);
        assert!(why.contains(&format!("`{program}` needs a login")), "{why}");
        env.ok(&["resume", &run.to_string()]);
        assert_eq!(env.rest(run), "done", "{program}: {}", stage.transcript(run, "work"));
    }
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn a_model_that_does_not_exist_is_asked_for_once() {
    for program in ["claude", "codex", "pi"] {
        let stage = failing("404");
        let env = &stage.env;
        let run = env.start("greet", &["-w", "one", "-a", program, "-m", "no-such-model"]);
        env.wait_status(run, "blocked(workflow_invalid)");
        let transcript = stage.transcript(run, "work");
        assert_eq!(kinds(&stage, run), [Some(ErrorKind::BadModel)], "{program}: {transcript}");
        let why = env.ok(&["why", &run.to_string()]);
        assert!(why.contains("no-such-model"), "{program}: {why}");
    }
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn a_model_that_refuses_is_not_asked_again() {
    for program in ["claude", "codex", "pi"] {
        let stage = failing("refusal");
        let env = &stage.env;
        let run = env.start("greet", &["-w", "one", "-a", program]);
        let end = env.rest(run);
        let transcript = stage.transcript(run, "work");
        assert_eq!(
            kinds(&stage, run),
            [Some(ErrorKind::Refusal)],
            "{program}: {end}: {transcript}"
        );
        assert_eq!(end, "failed(agent_failed)", "{program}");
    }
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn a_session_that_is_gone_is_begun_anew() {
    let stage = Stage::new(&json!([{"steps": [{"say": "Said."}]}]));
    let env = &stage.env;
    let live = "transport = \"live\"\n";
    for (program, more, sessions) in [
        ("claude", "", ".claude/projects"),
        ("claude", "transport = \"headless\"\n", ".claude/projects"),
        ("codex", "", ".codex/sessions"),
        ("codex", live, ".codex/sessions"),
        ("pi", "", ".pi/agent/sessions"),
        ("pi", live, ".pi/agent/sessions"),
    ] {
        stage.configure(program, more);
        let run =
            env.start("greet", &["--role", "executor", "-a", program, "--permission", "full"]);
        assert_eq!(env.rest(run), "done", "{program} {more}");
        std::fs::remove_dir_all(env.root.join("home").join(sessions)).expect("it keeps sessions");
        env.ok(&["reopen", &run.to_string(), "--text", "once more"]);
        env.wait_status(run, "done");
        let transcript = stage.transcript(run, "executor");
        assert_eq!(
            kinds(&stage, run),
            [None, Some(ErrorKind::Session), None],
            "{program} {more}: {transcript}"
        );
    }
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn a_program_whose_provider_says_nothing_is_begun_anew_once_and_then_a_person_is_asked() {
    let stage = Stage::new(&json!([{"steps": [{"fault": "hang-connect"}]}]));
    let env = &stage.env;
    let program = "codex";
    let file = env.root.join("config/config.toml");
    let text = std::fs::read_to_string(&file).expect("a file");
    let quick = "[limits]\nsilence = \"4s\"\n";
    env.whole_config(&text.replacen("[limits]\n", quick, 1));
    env.workflow("one", "", "## work\nrole: reader\n\n{goal}");
    let run = env.start("greet", &["-w", "one", "-a", program]);
    env.wait_status(run, "blocked(task_timeout)");
    assert_eq!(env.attempts(run, "work"), 2, "{program}");
    let why = env.ok(&["why", &run.to_string()]);
    assert!(why.contains("it fell silent, twice"), "{program}: {why}");
    env.assert_nothing_lives();
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn a_program_that_is_killed_goes_on_in_its_session() {
    let stage = Stage::new(&json!([{"steps": [
        {"bash": "echo begun >> begun.txt; n=0; while [ ! -e go ] && [ $n -lt 600 ]; do n=$((n+1)); sleep 0.1; done"},
        {"say": "It is over."},
    ]}]));
    let env = &stage.env;
    for program in ["claude", "codex", "pi"] {
        let args = ["--role", "executor", "-a", program, "--permission", "full"];
        let run = env.start("wait", &args);
        wait_until("it has a worktree", || env.state(run).worktree.is_some());
        let tree = env.state(run).worktree.expect("a worktree").path;
        wait_until("its command runs", || tree.join("begun.txt").exists());
        let name = format!("bin/{program}");
        for process in env.processes() {
            let line = std::fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            if line.contains(&name) || line.starts_with(program) {
                drop(process::signal(process, Signal::KILL));
            }
        }
        std::fs::write(tree.join("go"), "").expect("a file");
        assert_eq!(env.rest(run), "done", "{program}: {}", stage.transcript(run, "executor"));
        let ends = env.ends(run);
        assert_eq!(ends.len(), 2, "{program}: {ends:?}");
        assert_eq!(ends[0].signal.or(ends[0].code.map(|code| code - 128)), Some(9), "{program}");
        assert!(ends[0].session.is_some() && ends[0].session == ends[1].session, "{program}");
    }
}
