//! Failures of the providers, as the real programs tell them.

use crew::base::ErrorKind;
use crew::event::Body;
use crew::event::body::ReadyCause;
use serde_json::json;

use crate::stage::Stage;

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
