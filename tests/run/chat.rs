//! `crew chat`: the program's own session, with crew's tools attached and nothing of the user's changed.

use crate::project::TestEnv;

#[test]
fn the_session_gets_crews_tools_and_its_exit_code_is_told() {
    let env = TestEnv::new();
    let program = env.program(
        "chatter",
        "echo \"$@\" > $NOTES/args; cat \"$2\" > $NOTES/config; stat -c %a \"$2\" > $NOTES/mode; exit ${CODE:-0}",
    );
    env.config(&format!(
        "[runtimes.talk]\ncommand = [\"{program}\"]\nmodel = [\"--model\", \"{{model}}\"]\n\
         chat = [\"{program}\", \"--mcp\", \"{{mcp_config}}\"]\n\n[runtimes.mute]\ncommand = [\"cat\"]\n"
    ));
    env.ok(&["chat"]);
    env.ok(&["chat", "-a", "talk", "-m", "big"]);
    let args = env.note("args").join("\n");
    assert!(args.ends_with("--model big"), "{args}");
    let config: serde_json::Value =
        serde_json::from_str(&env.note("config").join("\n")).expect("JSON");
    let server = &config["mcpServers"]["crew"];
    assert_eq!(server["args"][0], "mcp");
    assert_eq!(server["args"][2], env.project().as_str());
    assert_eq!(env.note("mode"), ["600"]);
    let path = args.split_whitespace().nth(1).expect("the configuration");
    assert!(!std::path::Path::new(path).exists(), "it is gone with the session");
    let said = env.fails(5, &["chat", "-a", "mute"]);
    assert!(said.contains("runtime `mute` has no session of its own"), "{said}");
    assert!(said.contains("[runtimes.mute]"), "{said}");
    let said = env.fails(5, &["chat", "-a", "tlak"]);
    assert!(said.contains("did you mean `talk`?"), "{said}");
}
