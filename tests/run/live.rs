//! Programs that take input while they work: what they are told, what they ask, and who asks them to stop.

use std::fs;

use crew::runtime::process::{self, Signal};

use crate::project::{LIMITS, TestEnv};
use crate::support::wait_until;

/// What a stand-in for `claude` is made of: it takes messages and requests as the program does.
const CLAUDE: &str = r#"
say() { printf '%s\n' "$1"; }
mark() { echo "$2" >> $NOTES/$1; }
hear() { IFS= read -r line || line=; printf '%s\n' "$line" >> $NOTES/heard; }
name() { printf '%s' "$line" | sed 's/.*"uuid":"\([^"]*\)".*/\1/'; }
got() { say "{\"type\":\"user\",\"isReplay\":true,\"uuid\":\"$(name)\",\"session_id\":\"s-1\"}"; }
wait_for() { while [ ! -e $NOTES/$1 ]; do sleep 0.02; done; }
text() { say "{\"type\":\"assistant\",\"session_id\":\"s-1\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":\"$1\"}]}}"; }
ask() { say "{\"type\":\"control_request\",\"request_id\":\"$1\",\"request\":{\"subtype\":\"can_use_tool\",\"tool_name\":\"Bash\",\"input\":{\"command\":\"$2\"}}}"; }
result() { say "{\"type\":\"result\",\"is_error\":false,\"result\":\"$1\",\"session_id\":\"s-1\"}"; }
end() { while IFS= read -r line; do printf '%s\n' "$line" >> $NOTES/heard; done; mark ended yes; }
hear; printf '%s\n' "$line" > $NOTES/prompt.$CREW_ATTEMPT_NUMBER; got; mark begun yes
"#;

fn env(limits: &str, script: &str) -> TestEnv {
    let env = TestEnv::new();
    let path = env.program("agent.sh", &format!("{CLAUDE}{script}"));
    let runtime = format!("[runtimes.sh]\ncommand = [\"{path}\"]\nlive = \"claude\"\n");
    env.whole_config(&format!("{LIMITS}{limits}\n[defaults]\npermission = \"ask\"\n{runtime}"));
    env.workflow("one", "", "## work\nrole: writer\nretries: 0\n\n{goal}");
    env
}

fn begun(env: &TestEnv) -> u32 {
    let run = env.start_workflow("one");
    wait_until("it has begun", || !env.note("begun").is_empty());
    run
}

fn count(env: &TestEnv, run: u32, kind: &str) -> usize {
    env.records(run).iter().filter(|record| record.body.kind() == kind).count()
}

fn go(env: &TestEnv) {
    fs::write(env.notes().join("go"), "").expect("written");
}

#[test]
fn a_message_reaches_an_agent_at_work_in_its_turn() {
    let env = env("", "hear; got; text thanks; wait_for go; result done; end");
    let run = begun(&env);
    env.ok(&["send", "1", "use tabs", "--interrupt"]);
    wait_until("it is delivered", || count(&env, run, "message.delivered") == 1);
    assert_eq!(env.task(run, "work"), "running", "its turn goes on");
    assert!(env.ok(&["inbox", "1"]).contains("use tabs"), "{}", env.ok(&["inbox", "1"]));
    go(&env);
    assert_eq!((env.rest(run).as_str(), env.attempts(run, "work")), ("done", 1));
    assert_eq!(count(&env, run, "message.delivered"), 1);
    assert!(env.note("heard")[1].contains("use tabs"));
    assert_eq!(env.note("ended"), ["yes"], "its input was closed");
    let logs = env.ok(&["logs", "1", "work"]);
    assert!(logs.contains("is told: ") && logs.contains("use tabs"), "{logs}");
}

#[test]
fn what_waits_for_the_next_turn_is_not_told_before() {
    let env = env("", "wait_for go; result done; end");
    let run = begun(&env);
    env.ok(&["send", "1", "next time"]);
    go(&env);
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.note("heard").len(), 1, "only the prompt");
}

#[test]
fn an_urgent_message_makes_it_leave_what_it_does() {
    let env = env("", "hear; hear; result left; got; text again; result done; end");
    let run = begun(&env);
    env.ok(&["send", "1", "stop that", "--interrupt", "--priority", "urgent"]);
    assert_eq!(env.rest(run), "done");
    let heard = env.note("heard");
    assert!(heard[1].contains("\"interrupt\"") && heard[2].contains("stop that"), "{heard:?}");
    assert_eq!(env.state(run).tasks[0].summary, "done");
}

#[test]
fn a_program_that_falls_silent_is_told_so_before_it_is_begun_anew() {
    let env = env("silence = \"3s\"", "hear; hear; got; text here; result done; end");
    let run = begun(&env);
    assert_eq!((env.rest(run).as_str(), env.attempts(run, "work")), ("done", 1));
    let heard = env.note("heard");
    assert!(heard[1].contains("\"interrupt\""), "{heard:?}");
    assert!(heard[2].contains("Nothing was heard of you"), "{heard:?}");
    assert_eq!(count(&env, run, "attention.raised"), 1);
    assert_eq!(count(&env, run, "message.delivered"), 0, "it is nobody's message");
}

#[test]
fn a_message_that_the_program_never_takes_goes_into_the_next_attempt() {
    let script =
        "if [ $CREW_ATTEMPT_NUMBER = 1 ]; then hear; result early; exit 1; fi; result done; end";
    let env = env("", script);
    env.workflow("one", "", "## work\nrole: reader\nretries: 1\n\n{goal}");
    let run = begun(&env);
    env.ok(&["send", "1", "use tabs", "--interrupt"]);
    assert_eq!((env.rest(run).as_str(), env.attempts(run, "work")), ("done", 2));
    assert!(env.note("prompt.2")[0].contains("use tabs"));
    assert_eq!(count(&env, run, "message.delivered"), 1);
}

#[test]
fn a_supervisor_that_is_killed_is_not_missed() {
    let env = env("", "hear; got; wait_for go; hear; got; result done; end");
    let run = begun(&env);
    env.ok(&["send", "1", "first", "--interrupt"]);
    wait_until("it is delivered", || count(&env, run, "message.delivered") == 1);
    let supervisor = env.supervisor(run).expect("it lives");
    assert!(process::signal(supervisor, Signal::KILL).expect("a process of this test"));
    wait_until("it is gone", || env.supervisor(run).is_none());
    env.ok(&["send", "1", "second", "--interrupt"]);
    go(&env);
    assert_eq!((env.rest(run).as_str(), env.attempts(run, "work")), ("done", 1));
    let heard = env.note("heard");
    assert_eq!(heard.len(), 3, "each once: {heard:?}");
    assert!(heard[1].contains("first") && heard[2].contains("second"), "{heard:?}");
    assert_eq!(count(&env, run, "message.delivered"), 2);
}

#[test]
fn a_person_answers_what_the_program_asks_in_its_turn() {
    let script = "ask r1 'rm -r build'; hear; ask r2 'git push'; hear; result done; end";
    let env = env("", script);
    let run = begun(&env);
    wait_until("it asks", || count(&env, run, "decision.opened") == 1);
    let shown = env.ok(&["decisions", "1"]);
    assert!(shown.contains("may it use Bash: rm -r build") && shown.contains("- deny"), "{shown}");
    assert_eq!(env.fails(7, &["answer", "1", "--text", "perhaps", "--yes"]).lines().count(), 2);
    env.ok(&["answer", "1", "--text", "allow", "--yes"]);
    wait_until("it asks again", || count(&env, run, "decision.opened") == 2);
    env.ok(&["answer", "1", "--text", "deny", "--yes"]);
    assert_eq!((env.rest(run).as_str(), env.attempts(run, "work")), ("done", 1));
    let heard = env.note("heard");
    assert!(heard[1].contains("\"allow\"") && heard[1].contains("\"r1\""), "{heard:?}");
    assert!(heard[2].contains("\"deny\"") && heard[2].contains("a person said no"), "{heard:?}");
}

#[test]
fn a_request_that_nobody_answers_is_refused_and_its_answer_holds_for_the_next_attempt() {
    let script = "ask r1 'rm -r build'; hear; result done; end";
    let env = env("ask_hold = \"1s\"", script);
    let run = begun(&env);
    env.wait_status(run, "waiting");
    assert!(env.note("heard")[1].contains("nobody has answered yet"), "{:?}", env.note("heard"));
    env.ok(&["answer", "1", "--text", "allow", "--yes"]);
    assert_eq!((env.rest(run).as_str(), env.attempts(run, "work")), ("done", 2));
    let heard = env.note("heard");
    assert!(heard[2].contains("may it use Bash: rm -r build"), "it is told what was answered");
    assert!(heard[3].contains("\"allow\""), "{heard:?}");
    assert_eq!(count(&env, run, "question.asked"), 2, "it was asked once, and waited for");
}

#[test]
fn no_clock_runs_while_a_request_waits() {
    let env = env("", "ask r1 ls; hear; result done; end");
    env.workflow("one", "", "## work\nrole: writer\ntimeout: 1s\n\n{goal}");
    let run = begun(&env);
    wait_until("it asks", || count(&env, run, "decision.opened") == 1);
    let clock = crew::runtime::Clock::start();
    let asked = clock.now();
    wait_until("its time would be over", || clock.now().since_ms(asked) > 1_500);
    env.ok(&["answer", "1", "--text", "allow", "--yes"]);
    assert_eq!((env.rest(run).as_str(), env.attempts(run, "work")), ("done", 1));
}

#[test]
fn a_program_that_does_not_end_by_itself_is_ended_and_has_done_its_work() {
    let env = env("", "result done; trap '' HUP; while :; do sleep 0.05; done");
    let run = begun(&env);
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.state(run).tasks[0].summary, "done");
}

#[test]
fn a_program_that_dies_in_its_turn_has_failed() {
    for (script, code) in [("exit 0", 1), ("exit 9", 9), ("say '{\"half'; kill -9 $$", 137)] {
        let env = env("", script);
        let run = begun(&env);
        assert_eq!(env.rest(run), "failed(agent_failed)", "{script}");
        assert_eq!(env.ends(run)[0].code, Some(code), "{script}");
    }
}

#[test]
fn a_stop_is_told_in_the_programs_own_words_first() {
    let env = env("", "hear; result interrupted; end");
    let run = begun(&env);
    env.ok(&["stop", "1"]);
    assert_eq!(env.rest(run), "cancelled(stopped)");
    assert!(env.note("heard")[1].contains("\"interrupt\""));
    assert_eq!(env.note("ended"), ["yes"]);
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let env = TestEnv::new();
    let path = env.program("agent.sh", "exit 0");
    let table = format!("[runtimes.sh]\ncommand = [\"{path}\"]\nlive = \"claude\"\n");
    env.whole_config(&format!("{LIMITS}\n{table}"));
    env.workflow("one", "", "## work\nrole: reader\nretries: 0\n\n{goal}");
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("set");
    fs::write(&path, "#!/no/such/interpreter\n").expect("written");
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "failed(agent_failed)");
    assert!(env.ok(&["why", "1/work"]).contains("cannot start"), "{}", env.ok(&["why", "1/work"]));
}
