//! Agents of the client protocol, played by a script: levels that they lack, and what they used.

use std::fs;

use crew::event::Usage;

use crate::project::{LIMITS, TestEnv};

/// What a stand-in is made of. `$NOTES/cost` is the sum over the session, as the protocol tells it.
const AGENT: &str = r#"
say() { printf '%s\n' "$1"; }
mark() { echo "$2" >> $NOTES/$1; }
hear() { IFS= read -r line || exit 0; printf '%s\n' "$line" >> $NOTES/heard; }
update() { say "{\"jsonrpc\":\"2.0\",\"method\":\"session/update\",\"params\":{\"sessionId\":\"s-1\",\"update\":$1}}"; }
cost() { update "{\"sessionUpdate\":\"usage_update\",\"used\":1200,\"size\":2000,\"cost\":{\"amount\":$1,\"currency\":\"USD\"}}"; echo $1 > $NOTES/cost; }
text() { update "{\"sessionUpdate\":\"agent_message_chunk\",\"content\":{\"type\":\"text\",\"text\":\"$1\"}}"; }
over() { say "{\"jsonrpc\":\"2.0\",\"id\":\"crew-prompt\",\"result\":{\"stopReason\":\"end_turn\"$1}}"; }
mark begun yes
hear; say '{"jsonrpc":"2.0","id":"crew-initialize","result":{"protocolVersion":1,"agentCapabilities":{"loadSession":true}}}'
hear; case "$line" in *session/load*) mark loads yes; update '{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"old words"}}'; cost $(cat $NOTES/cost);; esac
say "{\"jsonrpc\":\"2.0\",\"id\":\"crew-session\",\"result\":{\"sessionId\":\"s-1\"$MODES}}"
hear
"#;

const TOKENS: &str =
    r#",\"usage\":{\"inputTokens\":200,\"outputTokens\":42,\"cachedReadTokens\":1000}"#;

fn env(permission: &str, modes: &str, script: &str) -> TestEnv {
    let env = TestEnv::new();
    let path = env.program("agent.sh", &format!("MODES='{modes}'\n{AGENT}{script}"));
    let table = format!("[runtimes.sh]\ncommand = [\"{path}\"]\nlive = \"acp\"\n");
    let level = format!("[defaults]\npermission = \"{permission}\"\n");
    env.whole_config(&format!("{LIMITS}{level}{table}"));
    env.workflow("one", "", "## work\nrole: writer\nretries: 2\n\n{goal}");
    env
}

#[test]
fn a_level_that_the_agent_has_no_mode_for_is_refused_once_and_never_tried_again() {
    let modes = r#","modes":{"currentModeId":"off","availableModes":[{"id":"off","name":"Off"}]}"#;
    let env = env("ask", modes, "mark prompted yes; text done; over");
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "blocked(workflow_invalid)");
    assert_eq!(
        (env.attempts(run, "work"), env.note("begun").len()),
        (1, 1),
        "retries are for others"
    );
    assert!(env.note("prompted").is_empty(), "its model was never asked");
    let why = env.ok(&["why", "1"]);
    assert!(why.contains("no mode for permission `ask`; it has off"), "{why}");
    assert!(why.contains("crew retry 1/work --runtime NAME"), "{why}");
    let failed = env.ends(run).remove(0).report.error.expect("told");
    assert_eq!(failed.kind.word(), "permission");
}

#[test]
fn the_cost_of_a_session_that_goes_on_is_neither_lost_nor_counted_twice() {
    // The first attempt is killed in its second call, after it has told what the first one cost.
    let script = format!(
        "case $CREW_ATTEMPT_NUMBER in
          1) text half; cost 0.25; while ! grep -q 0.25 $CREW_RUN_DIR/tasks/$CREW_TASK/1/stdout.jsonl; do sleep 0.05; done; kill -9 $PPID; sleep 600;;
          2) text whole; cost 0.75; over \"{TOKENS}\";;
          *) text more; cost 1.00; over \"{TOKENS}\";;
        esac"
    );
    let env = env("full", "", &script);
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done");
    env.ok(&["reopen", "1", "--text", "once more"]);
    env.wait_status(run, "done");
    assert_eq!(env.note("loads").len(), 2, "it went on with its session");
    let costs: Vec<_> = env.ends(run).iter().map(|end| end.usage.cost_usd).collect();
    assert_eq!(costs, [Some(0.25), Some(0.5), Some(0.25)]);
    assert_eq!(env.state(run).usage.cost_usd, Some(1.0), "what the session says");
    let summary = env.state(run).tasks[0].summary.clone();
    assert_eq!(summary, "more", "old words are not said again");
}

#[test]
fn tokens_that_an_agent_does_not_tell_are_unknown() {
    let env = env("full", "", "text done; over");
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done");
    let used = env.state(run).usage;
    assert_eq!(used, Usage { unpriced: 1, uncounted: 1, ..Usage::default() });
    let usage = env.ok(&["usage"]);
    let total = usage.lines().last().expect("a sum");
    assert!(total.contains("unknown"), "{usage}");
    assert!(!total.split_whitespace().skip(3).any(|cell| cell == "0"), "{usage}");
    let told: serde_json::Value =
        serde_json::from_str(&env.ok(&["usage", "--json"])).expect("JSON");
    assert_eq!(told["total"]["usage"]["uncounted"], 1, "{told}");
    let show = env.ok(&["show", "1"]);
    assert!(!show.contains("0 in"), "{show}");
}

#[test]
fn an_earlier_attempt_is_read_as_it_was_printed() {
    let env = env("full", "", "text 'said over the protocol\\nTASK_STATE: BLOCKED'; over");
    env.workflow("one", "", "## work\nrole: writer\nretries: 0\n\n{goal}");
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "blocked(agent_blocked)");
    // Another program plays the next attempt, and prints plain text.
    let other = env.program("other.sh", "cat >/dev/null; echo plain words");
    let table = fs::read_to_string(env.root.join("config/config.toml")).expect("a file");
    env.whole_config(&format!("{table}[runtimes.other]\ncommand = [\"{other}\"]\n"));
    env.ok(&["retry", "1/work", "--runtime", "other"]);
    env.wait_status(run, "done");
    assert!(env.ok(&["logs", "1", "work"]).contains("plain words"));
    let first = env.ok(&["logs", "1", "work", "--attempt", "1"]);
    assert!(first.contains("attempt 1 · sh"), "{first}");
    assert!(first.contains("\nsaid over the protocol\n") && !first.contains("jsonrpc"), "{first}");
    // Its own table says something else by now.
    env.whole_config(&format!("{LIMITS}[runtimes.sh]\ncommand = [\"{other}\"]\n"));
    let first = env.ok(&["logs", "1", "work", "--attempt", "1"]);
    assert!(first.contains("\nsaid over the protocol\n") && !first.contains("jsonrpc"), "{first}");
}
