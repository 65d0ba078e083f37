//! Failures of agent programs and their providers, by kind: real processes print what real programs print.

use std::fs;

use camino::Utf8PathBuf;
use crew::base::ErrorKind;
use crew::event::body::ReadyCause;
use crew::event::{Body, Status, Wait};
use crew::runtime::process::{self, Signal};

use crate::project::TestEnv;
use crate::support::wait_until;

/// What a program printed once.
fn recorded(program: &str, case: &str) -> Utf8PathBuf {
    let root = env!("CARGO_MANIFEST_DIR");
    Utf8PathBuf::from(format!("{root}/tests/fixtures/recordings/{program}/{case}.jsonl"))
}

/// A program that can resume a session and takes a model; its script notes its arguments and prompts.
fn program(env: &TestEnv, output: &str, script: &str, limits: &str) {
    let script = format!(
        "n=$CREW_ATTEMPT_NUMBER; echo \"$*\" >>$NOTES/args; cat >$NOTES/prompt.$n\n\
         play() {{ cat \"{}/tests/fixtures/recordings/{output}/$1.jsonl\"; }}\n{script}",
        env!("CARGO_MANIFEST_DIR")
    );
    let path = env.program("agent.sh", &script);
    env.config(&format!(
        "{limits}\n[runtimes.sh]\ncommand = [\"{path}\"]\noutput = \"{output}\"\n\
         resume = [\"{path}\", \"--resume\", \"{{session}}\"]\nmodel = [\"--model\", \"{{model}}\"]\n"
    ));
    env.workflow("one", "", "## work\nrole: reader\nretries: 0\n\n{goal}");
}

fn causes(env: &TestEnv, run: u32) -> Vec<ReadyCause> {
    let records = env.records(run).into_iter();
    records
        .filter_map(|record| {
            if let Body::TaskReadied(ready) = record.body { Some(ready.cause) } else { None }
        })
        .collect()
}

fn kinds(env: &TestEnv, run: u32) -> Vec<Option<ErrorKind>> {
    env.ends(run).into_iter().map(|end| end.report.error.map(|error| error.kind)).collect()
}

/// What a verb prints, whatever its exit code says of the run.
fn printed(env: &TestEnv, args: &[&str]) -> String {
    String::from_utf8(env.output(args).stdout).expect("text")
}

fn prompt(env: &TestEnv, attempt: u32) -> String {
    fs::read_to_string(env.notes().join(format!("prompt.{attempt}"))).expect("a prompt")
}

/// What claude says when the limit of its subscription is reached, until some seconds from now.
fn limit_in(seconds: u32) -> String {
    format!(
        "printf '{{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,\"result\":\
         \"Claude AI usage limit reached|%s\",\"session_id\":\"s1\"}}\\n' $(($(date +%s)+{seconds})); exit 1"
    )
}

#[test]
fn an_overloaded_provider_is_asked_again() {
    let env = TestEnv::new();
    program(&env, "codex", "case $n in 1) play http_500; exit 1;; *) play success;; esac", "");
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done");
    assert_eq!(causes(&env, run), [ReadyCause::Limit]);
    assert_eq!(kinds(&env, run), [Some(ErrorKind::Overload), None]);
    assert!(env.note("args")[1].starts_with("--resume "), "{:?}", env.note("args"));
    assert!(prompt(&env, 2).contains("ended by its provider (overload: "), "{}", prompt(&env, 2));
}

#[test]
fn a_run_sleeps_until_a_limit_ends_and_goes_on_in_the_same_session() {
    let env = TestEnv::new();
    let script = format!("case $n in 1) {};; *) play success;; esac", limit_in(4));
    program(&env, "claude", &script, "limit_wait = \"100ms\"");
    let run = env.start_workflow("one");
    env.wait_status(run, "waiting");
    let Status::Waiting { wait: Wait::Limit { wake_at } } = env.status(run) else {
        panic!("{:?}", env.status(run));
    };
    let status = env.output(&["status", "1"]);
    assert_eq!(status.status.code(), Some(3), "it goes on by itself");
    let status = String::from_utf8_lossy(&status.stdout);
    for words in ["waiting (limit)", "goes on", "Claude AI usage limit reached (rate_limit)"] {
        assert!(status.contains(words), "{words}: {status}");
    }
    let why = env.ok(&["why", "1"]);
    assert!(why.contains("goes on by itself at") && why.contains("(rate_limit)"), "{why}");
    assert!(env.supervisor(run).is_some(), "somebody waits for the moment");
    assert_eq!(env.rest(run), "done");
    let started = env.records(run).into_iter().filter_map(|record| {
        if let Body::AttemptStarted(_) = record.body { Some(record.at) } else { None }
    });
    assert!(started.max().is_some_and(|at| at >= wake_at), "never before the limit ends");
    assert_eq!(env.note("args"), ["", "--resume s1"]);
}

#[test]
fn a_wait_survives_the_death_of_its_supervisor() {
    let env = TestEnv::new();
    let script = format!("case $n in 1) {};; *) play success;; esac", limit_in(2));
    program(&env, "claude", &script, "limit_wait = \"100ms\"");
    let run = env.start_workflow("one");
    env.wait_status(run, "waiting");
    let supervisor = env.supervisor(run).expect("it lives");
    process::signal(supervisor, Signal::KILL).expect("killed");
    let Status::Waiting { wait: Wait::Limit { wake_at } } = env.status(run) else {
        panic!("{:?}", env.status(run));
    };
    let clock = crew::runtime::Clock::start();
    wait_until("the moment is over", || clock.now() > wake_at);
    assert_eq!(env.status_text(run), "waiting", "nobody was there");
    env.ok(&["ls"]);
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.attempts(run, "work"), 2);
}

#[test]
fn a_person_pauses_resumes_and_stops_a_wait() {
    let env = TestEnv::new();
    program(&env, "claude", &limit_in(7_200), "");
    let run = env.start_workflow("one");
    env.wait_status(run, "waiting");
    env.ok(&["pause", "1"]);
    assert_eq!(env.rest(run), "paused");
    env.ok(&["resume", "1"]);
    env.wait_status(run, "waiting");
    assert_eq!(env.attempts(run, "work"), 1, "nothing is tried before its time");
    env.ok(&["resume", "1"]);
    wait_until("it tried at once", || env.attempts(run, "work") == 2);
    env.wait_status(run, "waiting");
    env.ok(&["stop", "1"]);
    assert_eq!(env.rest(run), "cancelled(stopped)");
}

#[test]
fn a_login_waits_for_a_person() {
    for (output, case) in [("claude", "no_key"), ("codex", "no_key"), ("codex", "http_401")] {
        let env = TestEnv::new();
        let script = format!("[ -e $NOTES/key ] && play success && exit; play {case}; exit 1");
        program(&env, output, &script, "");
        // The program that is known by this name, found elsewhere.
        let path = env.root.join("agent.sh");
        // The stand-in reads its prompt to the end, so it cannot be one that takes more.
        env.config(&format!(
            "[runtimes.{output}]\nprogram = \"{path}\"\nlogin = []\ntransport = \"headless\"\n"
        ));
        let run = env.start("do it", &["-w", "one", "-a", output]);
        env.wait_status(run, "waiting");
        assert_eq!(env.attempts(run, "work"), 1, "{output} {case}");
        let how = if output == "claude" { "claude auth login" } else { "codex login" };
        let how = format!("log in with `{how}`, then `crew resume 1`");
        let why = printed(&env, &["why", "1"]);
        assert!(why.contains(&format!("`{output}` needs a login")) && why.contains(&how), "{why}");
        let status = printed(&env, &["status", "1"]);
        assert!(status.contains("waiting (auth)") && status.contains(&how), "{status}");
        fs::write(env.notes().join("key"), "").expect("written");
        env.ok(&["resume", "1"]);
        assert_eq!(env.rest(run), "done", "{output} {case}");
    }
}

#[test]
fn another_program_needs_no_login_of_the_first() {
    let env = TestEnv::new();
    program(&env, "codex", "play no_key; exit 1", "");
    let first = env.root.join("agent.sh");
    let other = env.program("other.sh", "cat >/dev/null; echo 'It is done.'");
    env.config(&format!(
        "[runtimes.sh]\ncommand = [\"{first}\"]\noutput = \"codex\"\n[runtimes.other]\ncommand = [\"{other}\"]\n"
    ));
    let run = env.start("do it", &["-w", "one", "-a", "sh"]);
    env.wait_status(run, "waiting");
    let why = env.ok(&["why", "1"]);
    assert!(why.contains("`crew retry 1/work --runtime NAME`"), "{why}");
    env.ok(&["retry", "1/work", "--runtime", "other"]);
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.attempts(run, "work"), 2);
}

#[test]
fn models_that_are_unknown_or_busy_give_way_to_the_next() {
    let env = TestEnv::new();
    let unknown =
        "{\"type\":\"turn.failed\",\"error\":{\"message\":\"The model `first` does not exist\"}}";
    let script = format!(
        "case \"$*\" in *first*) echo '{unknown}'; exit 1;; \
         *second*) play http_500; exit 1;; *) play success;; esac"
    );
    program(&env, "codex", &script, "");
    let agent = "---\nname: reader\ndescription: d\ntools: read\nmodel: first\n\
                 fallbackModels: second, third\n---\n\nYou read.\n";
    fs::write(env.root.join("config/agents/reader.md"), agent).expect("written");
    let steps =
        "## work\nrole: reader\n\n{goal}\n\n## more\nrole: reader\ndependsOn: work\n\n{goal}";
    env.workflow("one", "", steps);
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done");
    let asked: Vec<(String, String)> = env
        .records(run)
        .into_iter()
        .filter_map(|record| {
            let Body::AttemptStarted(started) = record.body else { return None };
            Some((started.model.unwrap_or_default(), started.model_why))
        })
        .collect();
    let asked: Vec<(&str, &str)> = asked.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let bad = ("second", "fallback after bad_model on first");
    let busy = ("third", "fallback after overload on second");
    // The first model that the program knows is asked again some times, and each further one once.
    assert_eq!(asked, [("first", ""), bad, bad, bad, bad, busy, bad, bad, bad, bad, busy]);
    let shown = env.ok(&["show", "1"]);
    assert!(shown.contains("asks for third (fallback after overload on second)"), "{shown}");
    let json = env.ok(&["show", "1", "--json"]);
    assert!(json.contains("\"model_asked\":\"third\""), "{json}");
    let timeline = env.ok(&["timeline", "1"]);
    assert!(timeline.contains("fallback after bad_model on first"), "{timeline}");
}

#[test]
fn a_model_that_nobody_knows_blocks_the_run_with_its_name() {
    let env = TestEnv::new();
    let unknown =
        "{\"type\":\"turn.failed\",\"error\":{\"message\":\"The model `gone` does not exist\"}}";
    program(&env, "codex", &format!("echo '{unknown}'; exit 1"), "");
    let run = env.start("do it", &["-w", "one", "-a", "sh", "-m", "gone"]);
    assert_eq!(env.rest(run), "blocked(workflow_invalid)");
    let why = env.ok(&["why", "1"]);
    assert!(why.contains("`sh` does not know the model `gone`"), "{why}");
    assert_eq!(env.attempts(run, "work"), 1);
}

#[test]
fn a_conversation_that_no_longer_fits_goes_on_in_a_new_session_that_is_told_what_was_done() {
    let env = TestEnv::new();
    let said = "{\"type\":\"assistant\",\"message\":{\"model\":\"m\",\"content\":[{\"type\":\"text\",\
                \"text\":\"I have written the parser.\"}]},\"session_id\":\"s1\"}";
    let script = format!(
        "case $n in 1) echo x >parser.txt; echo '{said}'; play overflow; exit 1;; *) play success;; esac"
    );
    program(&env, "claude", &script, "");
    env.workflow("one", "", "## work\nrole: writer\nretries: 0\n\n{goal}");
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done");
    assert_eq!(causes(&env, run), [ReadyCause::Overflow]);
    assert_eq!(env.note("args"), ["", ""], "a new session");
    let prompt = prompt(&env, 2);
    for words in ["no longer fitted", "> I have written the parser.", "`parser.txt`"] {
        assert!(prompt.contains(words), "{words}: {prompt}");
    }
}

#[test]
fn a_session_that_is_gone_is_replaced_once() {
    let env = TestEnv::new();
    let script =
        "case $n in 1) play http_400; exit 1;; 2) play bad_resume; exit 1;; *) play success;; esac";
    program(&env, "claude", script, "");
    env.workflow("one", "", "## work\nrole: reader\nretries: 1\n\n{goal}");
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done");
    assert_eq!(causes(&env, run), [ReadyCause::Retry, ReadyCause::Session]);
    let args = env.note("args");
    assert!(args[1].starts_with("--resume ") && args[2].is_empty(), "{args:?}");
    // codex says so on its standard error, before it prints anything.
    let env = TestEnv::new();
    let script = "case $n in 1) play http_400; exit 1;; \
                  2) echo 'Error: thread/resume failed: error resuming thread' >&2; exit 1;; *) play success;; esac";
    program(&env, "codex", script, "");
    env.workflow("one", "", "## work\nrole: reader\nretries: 1\n\n{goal}");
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done");
    assert_eq!(causes(&env, run), [ReadyCause::Retry, ReadyCause::Session]);
}

#[test]
fn a_program_that_only_tries_again_counts_as_what_is_in_its_way() {
    let env = TestEnv::new();
    let script = "case $n in 1) play http_500; exec sleep 600;; *) play success;; esac";
    program(&env, "claude", script, "retrying = \"1s\"");
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done");
    assert_eq!(causes(&env, run), [ReadyCause::Limit]);
    let timeline = env.ok(&["timeline", "1"]);
    assert!(timeline.contains("only tried again for"), "{timeline}");
    assert!(timeline.contains("server_error"), "{timeline}");
}

#[test]
fn a_program_that_does_not_exit_after_its_result_is_ended_and_its_turn_counts() {
    for output in ["claude", "codex"] {
        let env = TestEnv::new();
        program(&env, output, "play success; exec sleep 600", "exit = \"300ms\"");
        let run = env.start_workflow("one");
        assert_eq!(env.rest(run), "done", "{output}");
        assert_eq!((env.attempts(run, "work"), causes(&env, run)), (1, vec![]), "{output}");
        assert_eq!(env.state(run).tasks[0].summary, "Done: hello.txt was created.");
    }
    // One whose result is a failure has failed.
    let env = TestEnv::new();
    program(&env, "codex", "play http_400; exec sleep 600", "exit = \"300ms\"");
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "failed(agent_failed)");
    assert!(
        env.ok(&["why", "1/work"]).contains("the program failed"),
        "{}",
        env.ok(&["why", "1/work"])
    );
}

#[test]
fn half_a_line_a_prompt_before_the_stream_and_children_left_behind_end_in_a_true_status() {
    // It dies in the middle of a line.
    let env = TestEnv::new();
    let script = "case $n in 1) printf '{\"type\":\"assist'; kill -9 $$;; *) play success;; esac";
    program(&env, "claude", script, "");
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done");
    assert_eq!(causes(&env, run), [ReadyCause::Crash]);
    // It says half a line, and that all is well.
    let env = TestEnv::new();
    program(&env, "claude", "printf '{\"type\":\"assist'", "");
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "failed(agent_failed)");
    // It asks on a terminal that is not there, and goes on.
    let env = TestEnv::new();
    let script = "echo 'Do you trust this folder? [y/N]'; play success; sleep 600 & exit 0";
    program(&env, "claude", script, "");
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.ends(run)[0].leftovers, 1);
    assert!(env.ok(&["logs", "1", "work"]).contains("Do you trust this folder?"));
}

#[test]
fn a_tool_that_runs_for_long_is_no_silence() {
    let env = TestEnv::new();
    let script = r#"echo '{"type":"tool_start","id":"t","name":"bash","detail":"make"}'; sleep 3
        echo '{"type":"tool_end","id":"t","ok":true,"detail":""}'
        echo '{"type":"result","text":"built","status":"ok"}'"#;
    program(&env, "crew", script, "silence = \"800ms\"");
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.attempts(run, "work"), 1);
    let log = fs::read_to_string(env.run_dir(run).events()).expect("a log");
    assert!(!log.contains("attention.raised"), "{log}");
}

#[test]
fn a_program_that_falls_silent_is_begun_anew_once_and_then_a_person_is_asked() {
    let env = TestEnv::new();
    let script = "echo 'waiting for the network' >&2; head -n 1 \"$(dirname $0)/first.jsonl\"; exec sleep 600";
    let first = fs::read_to_string(recorded("claude", "success")).expect("recorded");
    fs::write(env.root.join("first.jsonl"), first.lines().next().expect("a line"))
        .expect("written");
    program(&env, "claude", script, "silence = \"500ms\"");
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "blocked(task_timeout)");
    assert_eq!(causes(&env, run), [ReadyCause::Timeout]);
    assert!(prompt(&env, 2).contains("it fell silent"), "{}", prompt(&env, 2));
    assert!(env.note("args")[1].starts_with("--resume "), "{:?}", env.note("args"));
    let failure = &env.ends(run)[0].failure;
    assert!(failure.contains("waiting for the network"), "{failure}");
}
