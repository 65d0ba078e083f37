//! Versions of programs: asked only as their table says, and never in the way of a run.

use crate::project::TestEnv;

const ONE: &str = "## work\nrole: writer\n\n{goal}";

/// A runtime `sh` whose version command is this script, and one without such a command.
fn env(script: &str) -> TestEnv {
    let env = TestEnv::new();
    let version = env.program("version.sh", script);
    let other = env.program("other.sh", "echo asked >> $NOTES/other; cat >/dev/null; echo done");
    let more =
        format!("version = [\"{version}\", \"-V\"]\n[runtimes.other]\ncommand = [\"{other}\"]\n");
    env.agent_with("cat >/dev/null; echo done", &more);
    env.workflow("one", "", ONE);
    env
}

fn runtime(told: &str, name: &str) -> serde_json::Value {
    let told: serde_json::Value = serde_json::from_str(told).expect("JSON");
    let all = told["runtimes"].as_array().expect("a list");
    all.iter().find(|runtime| runtime["name"] == name).expect("listed").clone()
}

#[test]
fn a_version_is_shown_where_its_command_is_known() {
    let env = env("echo \"mytool $1 4.2\"");
    let list = env.ok(&["runtime", "list", "--json"]);
    assert_eq!(runtime(&list, "sh")["version"], "mytool -V 4.2");
    assert_eq!(runtime(&list, "other")["version"], serde_json::Value::Null);
    assert!(env.ok(&["runtime", "list"]).contains("mytool -V 4.2"));
    assert!(env.ok(&["runtime", "show", "sh"]).contains("mytool -V 4.2"));
    let doctor = String::from_utf8(env.output(&["doctor"]).stdout).expect("text");
    assert!(
        doctor.contains("sh: mytool -V 4.2") && doctor.contains("other: from your"),
        "{doctor}"
    );
    assert_eq!(env.note("other"), [""; 0], "a program without a version command is only looked up");
    let output = env.output(&["run", "do it", "-d", "-w", "one", "-a", "sh"]);
    assert!(
        output.status.success() && !String::from_utf8_lossy(&output.stderr).contains("version")
    );
    assert_eq!(env.rest(1), "done");
}

#[test]
fn a_program_that_never_tells_its_version_plays_all_the_same() {
    let env = env("sleep 600 & sleep 600");
    let output = env.output(&["run", "do it", "-d", "-w", "one", "-a", "sh"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("did not tell its version"), "{said}");
    assert_eq!(env.rest(1), "done");
}

#[test]
fn a_program_that_has_no_version_plays_all_the_same() {
    let env = env("echo asked >> $NOTES/version; exit 1");
    let dry = env.output(&["run", "do it", "--dry-run", "-w", "one", "-a", "sh"]);
    assert!(dry.status.success() && env.note("version").is_empty(), "a dry run starts nothing");
    let output = env.output(&["run", "do it", "-d", "-w", "one", "-a", "sh"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(env.note("version").len(), 1);
    assert!(output.status.success() && said.contains("without telling its version"), "{said}");
    assert_eq!(env.rest(1), "done");
}
