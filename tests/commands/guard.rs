//! What commands refuse: agents, stale versions, names that do not exist, an unusable surrounding.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::env::{ASKING, CODING, TestEnv};

#[test]
fn agents_cannot_decide_for_people() {
    let env = TestEnv::new();
    let mut run = env.run("fix-it", CODING);
    let mut asking = env.run("ask", ASKING).start();
    let before = (run.seq(), asking.seq());
    let commands: &[&[&str]] = &[
        &["stop", "1"],
        &["stop", "--all", "--yes"],
        &["pause", "1"],
        &["resume", "1"],
        &["retry", "1/coding"],
        &["reopen", "1"],
        &["archive", "1"],
        &["answer", "2", "approve", "--text", "yes"],
        &["answer", "2", "--text", "yes"],
        &["approve", "2", "--yes"],
        &["reject", "2", "--nonce", "x"],
        &["suggest", "2", "--text", "x", "--yes"],
        &["discard", "2", "--yes"],
        &["request-changes", "2", "--text", "x", "--yes"],
        &["merge", "2"],
        &["decisions", "2"],
        &["gate", "write", "1", "any", "x=1"],
        &["send", "1", "hello"],
        &["send", "--all", "hello"],
        &["send", "1", "--retract", "x"],
        &["mailbox", "verify", "1", "--fix"],
        &["deadletter", "requeue", "1/coding"],
        &["prune", "--yes"],
        &["undo"],
        &["salvage", "restore", "last"],
        &["salvage", "drop", "last", "--yes"],
        &["trust", "--yes"],
        &["trust", "--revoke"],
    ];
    for args in commands {
        for name in ["CREW_ATTEMPT", "CREW_TOKEN_FILE"] {
            let told = TestEnv::output(env.command().args(*args).arg("--json").env(name, "x"));
            let told = told.code(7);
            assert_eq!(told.json_error()["code"], "child_forbidden", "{args:?}: {told:?}");
        }
    }
    assert_eq!((run.seq(), asking.seq()), before, "nothing was written");
}

#[test]
fn what_an_agent_starts_belongs_to_it_whatever_it_hides() {
    let env = TestEnv::new();
    let mut run = env.run("fix-it", CODING);
    let crew = env!("CARGO_BIN_EXE_crew");
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", "env -u CREW_ATTEMPT \"$0\" stop 1; exit $?", crew])
        .envs([("CREW_ATTEMPT", "x"), ("HOME", env.home.as_str())])
        .current_dir(&env.project);
    TestEnv::output(&mut shell).code(7).says("this process belongs to an agent (its ancestor");
    assert_eq!(run.status(), "queued");
}

#[test]
fn a_stale_version_is_refused_and_a_current_one_is_not() {
    let env = TestEnv::new();
    let mut run = env.run("fix-it", CODING);
    let version = run.seq().to_string();
    env.crew(&["pause", "1"]).code(0);
    let told = env.crew(&["stop", "1", "--expect-version", &version, "--json"]).code(7);
    assert_eq!(told.json_error()["code"], "stale_version");
    assert_eq!(run.status(), "paused");
    assert!(run.events().contains(r#""type":"command.refused""#), "the refusal is on record");
    // Mail does not change the run's status, so the version still holds.
    let version = run.seq().to_string();
    env.crew(&["send", "1", "hello"]).code(0);
    env.crew(&["stop", "1", "--expect-version", &version]).code(0);
}

#[test]
fn a_refused_command_is_on_record_and_changes_nothing() {
    let env = TestEnv::new();
    let mut run = env.run("fix-it", CODING);
    let before = run.seq();
    let told = env.crew(&["resume", "1", "--json"]).code(7);
    let error = told.json_error();
    assert_eq!(error["code"], "state");
    assert!(error["message"].as_str().unwrap().contains("needs a run that is paused or blocked"));
    assert!(error["hint"].as_str().unwrap().contains("`crew why 1`"), "{error}");
    assert_eq!((run.seq(), run.status()), (before + 1, "queued"));
}

#[test]
fn runs_that_do_not_exist_are_named_with_what_was_meant() {
    let env = TestEnv::new();
    env.crew(&["stop", "1"]).code(6).says("this project has no runs yet");
    let _run = env.run("fix-login", CODING);
    let _other = env.run("fix-logout", CODING);
    env.crew(&["stop", "9"]).code(6).says("error: no run `9`").says("did you mean `#2`?");
    env.crew(&["stop", "fix-logim"]).code(6).says("did you mean `fix-login`?");
    env.crew(&["stop", "fix-"]).code(6).says("names several runs").says("hint: use its number");
    env.crew(&["stop", "1/coding"]).code(2).says("hint: the run is `1`");
    env.crew(&["stop", "shop#1"]).code(0);
}

#[test]
fn arguments_that_are_no_text_are_a_usage_error() {
    let env = TestEnv::new();
    let told = TestEnv::output(env.command().arg("stop").arg(OsStr::from_bytes(b"caf\xe9")));
    told.code(2).says("invalid UTF-8");
    env.crew(&["stop", "1", "--timeout", "soon"]).code(2).says("--timeout");
}

#[test]
fn with_json_a_usage_error_is_json_too() {
    let env = TestEnv::new();
    let wrong: &[&[&str]] = &[
        &["status", "--foo", "--json"],
        &["--json", "retry"],
        &["run", "--json", "-t"],
        &["stauts", "--json"],
        &["logs", "1", "--color", "pink", "--json"],
    ];
    for args in wrong {
        let told = env.crew(args).code(2);
        let error = told.json_error();
        let has_text = |key: &str| error[key].as_str().is_some_and(|text| !text.is_empty());
        assert_eq!(error["code"], "usage", "{args:?}: {told:?}");
        assert!(has_text("message") && has_text("hint"), "{args:?}: {told:?}");
        assert_eq!(told.stdout, "");
    }
    env.crew(&["status", "--foo", "--", "--json"]).code(2).says("error: unexpected argument");
    env.crew(&["status", "--help", "--json"]).code(0).prints("Usage: crew status");
}

#[test]
fn without_a_home_commands_work_and_trust_says_what_is_missing() {
    let env = TestEnv::new();
    let mut run = env.run("fix-it", CODING);
    let homeless = |args: &[&str]| {
        let mut command = env.command();
        command.env_remove("HOME").env_remove("CREW_CONFIG_DIR").env_remove("USER");
        TestEnv::output(command.args(args))
    };
    homeless(&["stop", "1"]).code(0);
    assert!(run.events().contains("human:unknown"));
    assert_eq!(run.status(), "cancelled");
    env.write(".crew/config.toml", "[worktree]\nsetup = [\"npm ci\"]\n");
    homeless(&["trust", "--yes"]).code(5).says("set HOME");
    homeless(&["agent", "new", "me", "--user"]).code(5).says("hint: set HOME");
}

#[test]
fn a_damaged_run_can_still_not_be_changed_by_accident() {
    let env = TestEnv::new();
    let mut run = env.run("fix-it", CODING).start();
    run.status();
    let path = run.ledger.dir().events();
    let text = run.events().replacen("do fix-it", "do break-it", 1);
    std::fs::write(path, text).unwrap();
    env.crew(&["stop", "1"]).code(8).says("can only be read").says("`crew verify` tells");
}
