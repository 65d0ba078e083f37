//! init, trust, config, doctor, runtime, completions, man, recommend.

use crate::env::{CODING, TestEnv};

#[test]
fn init_makes_a_commented_configuration_and_never_overwrites() {
    let env = TestEnv::new();
    env.crew(&["init"]).code(0).says("created .crew/config.toml").says("runtime");
    env.crew(&["config"]).code(0).prints("limits.agents = 3  # preset");
    env.write(".crew/config.toml", "[limits]\nagents = 2\n");
    env.crew(&["init"]).code(0).says("nothing was changed");
    env.crew(&["config", "limits.agents"]).code(0).prints("2\n");
    let told = env.crew(&["init", "--json"]).code(0).json();
    assert_eq!(told["created"], serde_json::json!([]));
    assert_eq!(told["root"], env.project.as_str());
    env.write("inner/file", "");
    env.crew(&["init", "--here", "--project", "inner"]).code(0);
    assert!(env.project.join("inner/.crew/config.toml").is_file());
}

#[test]
fn init_says_where_it_cannot_write() {
    let env = TestEnv::new();
    env.write(".crew", "a file in the way");
    env.crew(&["init"]).code(8).says("cannot create").says(".crew/teams");
}

#[test]
fn config_shows_values_with_origins_and_finds_what_was_meant() {
    let env = TestEnv::new();
    env.write("../home/config/config.toml", "[defaults]\nteam = \"mine\"\n");
    let file = env.home.join("config/config.toml");
    env.crew(&["config", "defaults.team"]).code(0).prints("mine\n");
    let line = format!("defaults.team = \"mine\"  # {file}:2");
    env.crew(&["config", "defaults.team", "--origins"]).code(0).prints(&line);
    env.crew(&["config", "defaults"]).code(0).prints(&line).prints("# defaults.model is not set");
    env.crew(&["config"]).code(0).prints(&format!("# your file: {file}"));
    let told = env.crew(&["config", "limits.agents", "--json"]).code(0).json();
    assert_eq!(
        told["values"],
        serde_json::json!([{"key": "limits.agents", "value": "3", "origins": ["preset"]}])
    );
    env.crew(&["config", "agents"]).code(2).says("did you mean `limits.agents`?");
    env.crew(&["config", "zzzz"]).code(2).says("`crew config` lists all keys");
}

#[test]
fn config_changes_one_value_and_keeps_the_comments() {
    let env = TestEnv::new();
    env.write("../home/config/config.toml", "# mine\n[limits]\nagents = 2 # few\n");
    let file = env.home.join("config/config.toml");
    let line = format!("limits.agents = 5  # {file}:3");
    env.crew(&["config", "set", "limits.agents", "5"]).code(0).prints(&line);
    let text = std::fs::read_to_string(&file).expect("read");
    assert_eq!(text, "# mine\n[limits]\nagents = 5 # few\n");
    env.crew(&["config", "set", "limits.agents", "0"]).code(5).says("must be a whole number");
    env.crew(&["config", "set", "limits.agnets", "5"]).code(2).says("did you mean `agents`?");
    env.crew(&["config", "set", "limits.runs", "50", "--in", "project"]).code(5).says("loosen");
    assert_eq!(std::fs::read_to_string(&file).expect("read"), text);
    env.crew(&["config", "set", "limits.agents", "3", "--in", "project"]).code(0).says("wins");
    env.crew(&["config", "unset", "limits.agents"]).code(0).prints(".crew/config.toml:2");
    let told =
        env.crew(&["config", "unset", "limits.agents", "--in=project", "--json"]).code(0).json();
    assert_eq!(told["values"][0]["origins"], serde_json::json!(["preset"]));
}

#[test]
fn config_shows_an_invalid_configuration_and_its_faults() {
    let env = TestEnv::new();
    env.write(".crew/config.toml", "[limits]\nagents = 0\n");
    env.crew(&["config", "limits.agents"]).code(5).prints("3\n").says("config.toml:2:");
    env.crew(&["stop", "1"]).code(5).says("the configuration is invalid");
}

#[test]
fn trust_that_cannot_be_read_is_the_same_error_for_every_verb() {
    let env = TestEnv::new();
    env.write(".crew/config.toml", "[worktree]\nsetup = [\"npm ci\"]\n");
    env.crew(&["trust", "--yes"]).code(0);
    let found = env.home.join(".local/state/crew/trusted.json");
    std::fs::write(&found, "not JSON").expect("written");
    for args in [&["trust", "--show"][..], &["run", "do it", "-d", "-a", "rehearsal"]] {
        env.crew(args).code(5).says("is damaged; remove it");
    }
    std::fs::remove_file(&found).expect("removed");
    std::fs::create_dir(&found).expect("made");
    for args in [&["trust", "--show"][..], &["run", "do it", "-d", "-a", "rehearsal"]] {
        env.crew(args).code(8).says("trusted.json");
    }
}

#[test]
fn trust_lists_what_would_be_executed_and_is_bound_to_it() {
    let env = TestEnv::new();
    env.crew(&["trust"]).code(0).says("this project executes nothing");
    env.write(".crew/config.toml", "[worktree]\nsetup = [\"npm ci\"]\n");
    env.write(
        ".crew/workflows/ship.workflow.md",
        "---\nname: ship\ndescription: d\n---\n\n## build\nkind: command\ncommand: make all\n",
    );
    let shown = env
        .crew(&["trust", "--show"])
        .code(0)
        .prints(".crew/config.toml:2: worktree.setup")
        .prints(".crew/workflows/ship.workflow.md:6: step build of workflow ship\n    make all\n")
        .says("this is not trusted");
    env.crew(&["trust"]).code(7).says("hint: `--yes` says yes");
    env.crew(&["trust", "--hash", "0000"]).code(7).says("the content has another hash");
    let hash = shown.stdout.lines().last().and_then(|line| line.strip_prefix("hash ")).unwrap();
    env.crew(&["trust", "--hash", hash]).code(0).says("trusted; `crew trust --revoke`");
    env.crew(&["trust", "--show"]).code(0).says("this is trusted");
    env.write(".crew/config.toml", "[worktree]\nsetup = [\"npm ci --force\"]\n");
    let told = env.crew(&["trust", "--show", "--json"]).code(0).json();
    assert_eq!(told["trusted"], false);
    assert_eq!(told["items"][0]["content"], "[\"npm ci --force\"]");
    env.crew(&["trust", "--yes"]).code(0).says("trusted");
    env.crew(&["trust", "--revoke"]).code(0).says("trusted no longer");
    env.crew(&["trust", "--show"]).code(0).says("this is not trusted");
}

#[test]
fn doctor_is_content_when_there_is_a_program() {
    let env = TestEnv::new();
    env.write(
        "../home/config/config.toml",
        "[runtimes.mytool]\ncommand = [\"sh\", \"-c\", \"cat\"]\n",
    );
    let told = env.crew(&["doctor", "--json"]).json();
    let levels: Vec<(&str, &str)> = told["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| (found["check"].as_str().unwrap(), found["level"].as_str().unwrap()))
        .collect();
    for check in ["git", "config", "resources", "trust", "state", "runtimes", "runs"] {
        assert!(levels.contains(&(check, "ok")), "{check}: {told:#}");
    }
    assert!(levels.contains(&("project", "note")), "no git here: {told:#}");
}

#[test]
fn doctor_finds_what_has_to_be_mended() {
    let env = TestEnv::new();
    env.write(".crew/config.toml", "[limts]\nagents = 3\n[worktree]\nsetup = [\"npm ci\"]\n");
    env.write(".crew/agents/bad.md", "---\nname: default name\n---\n");
    env.write("../home/config/config.toml", "[runtimes.gone]\ncommand = [\"no-such-program\"]\n");
    let mut run = env.run("fix-it", CODING).start();
    run.release();
    env.crew(&["doctor"])
        .code(5)
        .prints("did you mean `limits`?")
        .prints("gone: `no-such-program` is not found")
        .prints("not trusted")
        .prints(".crew/agents/bad.md:")
        .prints("run #1 is running, and no supervisor drives it");
}

#[test]
fn runtimes_are_listed_with_what_can_be_used() {
    let env = TestEnv::new();
    env.write(
        "../home/config/config.toml",
        "[runtimes.mytool]\ncommand = [\"sh\", \"-c\", \"my tool\"]\nenv = [\"KEY\"]\n",
    );
    let told = env.crew(&["runtime", "list", "--json"]).code(0).json();
    let usable = |name: &str| {
        let all = told["runtimes"].as_array().unwrap();
        all.iter().find(|told| told["name"] == name).map(|told| told["usable"].clone()).unwrap()
    };
    assert_eq!((usable("mytool"), usable("rehearsal")), (true.into(), true.into()));
    env.crew(&["runtime", "list"]).code(0).prints("mytool     configured  usable");
    env.crew(&["runtime", "show", "mytool"])
        .code(0)
        .prints("sh -c 'my tool'")
        .prints("env       KEY");
    env.crew(&["runtime", "show", "rehearsal"]).code(0).prints("never chosen by itself");
    env.crew(&["runtime", "show", "mytol"]).code(6).says("did you mean `mytool`?");
}

#[test]
fn completions_and_manuals_know_every_command() {
    let env = TestEnv::new();
    for shell in ["bash", "zsh", "fish", "nushell", "powershell"] {
        env.crew(&["completions", shell]).code(0).prints("expect-version");
    }
    env.crew(&["completions", "tcsh"]).code(2);
    env.crew(&["man"]).code(0).prints(".TH crew 1");
    let dir = env.project.join("man");
    env.crew(&["man", dir.as_str()]).code(0);
    assert!(dir.join("crew.1").is_file() && dir.join("crew-stop.1").is_file());
}

#[test]
fn recommend_proposes_a_team_and_says_why() {
    let env = TestEnv::new();
    let told = env.crew(&["recommend", "fix", "the", "login", "bug", "--json"]).code(0).json();
    assert_eq!(told["team"], "fast-fix", "{told}");
    assert!(!told["reasons"].as_array().unwrap().is_empty());
    env.crew(&["recommend", "review the parser"]).code(0).prints("team      review");
    env.crew(&["recommend", " "]).code(2).says("the goal is empty");
}
