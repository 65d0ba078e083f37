//! What crew tells of the installed programs: that they are there, what they can, and that they really can it.

use serde_json::{Value, json};

use crate::stage::Stage;

/// The test of a runtime passes when its program reaches crew by this step of its model.
fn passes(program: &str, tells: &Value) {
    let stage = Stage::new(&json!([
        {"match": "Write the gate `said-gate`", "steps": [tells, {"say": "Written."}]},
        {"match": "Create the file `conformance.txt`", "steps": [
            {"say": "Writing.", "write": {"path": "conformance.txt", "content": "ok\n"}}, {"say": "Done."}]},
        {"steps": [{"say": "conformance-ok"}]},
    ]));
    let env = &stage.env;
    let output = env.output(&["runtime", "test", program]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program}: {said} {output:?}");
    for line in ["turn", "write", "tools", "resume", "stop"] {
        let has_passed = |told: &str| told.starts_with("ok") && told.contains(line);
        assert!(said.lines().any(has_passed), "{program} {line}: {said}");
    }
    env.assert_nothing_lives();
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn claude_passes_the_test_of_its_runtime() {
    passes(
        "claude",
        &json!({"tool": "write-gate", "args": {"gate": "said-gate", "data": {"word": "ok"}}}),
    );
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn pi_passes_the_test_of_its_runtime() {
    // As a reader it has neither shell nor tools, and speaks in lines.
    passes("pi", &json!({"say": "CREW: write-gate said-gate word=ok"}));
}

#[test]
#[ignore = "needs the real programs; .ci/run runs it"]
fn what_is_installed_is_told_with_its_version_and_what_it_can() {
    let stage = Stage::new(&json!([{"steps": [{"say": "Said."}]}]));
    let env = &stage.env;
    let list: serde_json::Value =
        serde_json::from_str(&env.ok(&["runtime", "list", "--json"])).expect("JSON");
    let doctor = String::from_utf8(env.output(&["doctor"]).stdout).expect("text");
    for (program, can) in [
        ("claude", "stream, steer, resume, MCP, model, permissions plan/ask/edit/full"),
        ("codex", "stream, resume, MCP, model, permissions plan/edit/full"),
        ("pi", "stream, resume, model, permissions plan/edit/full"),
    ] {
        let all = list["runtimes"].as_array().expect("a list");
        let told = all.iter().find(|told| told["name"] == program).expect("listed");
        assert_eq!((told["usable"].as_bool(), told["note"].as_str()), (Some(true), Some(can)));
        let version = told["version"].as_str().expect("told in time");
        assert!(version.contains('.'), "{program}: {version}");
        assert!(doctor.contains(&format!("{program}: {version}")), "{program}: {doctor}");
        let show = env.ok(&["runtime", "show", program]);
        for row in ["command", "resume", "attach", "login", "can"] {
            let has_row = show.lines().any(|line| line.trim_start().starts_with(row));
            assert!(has_row, "{program} {row}: {show}");
        }
    }
}
