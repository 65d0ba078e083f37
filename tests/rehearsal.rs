//! The rehearsal agent as a real process: every action of a script, and what is left of it.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crew::agent::{
    Call, Decoder, ErrorKind, Marker, Observation, OutputFormat, TaskState, TurnReport, Verdict,
};
use rustix::process::{Pid, Signal, kill_process};

/// A folder with a worktree, a prompt and a script.
struct TestEnv {
    dir: tempfile::TempDir,
}

impl TestEnv {
    fn new(actions: &str) -> Self {
        let dir = tempfile::tempdir().expect("temporary folder");
        fs::create_dir(dir.path().join("worktree")).expect("created");
        fs::write(dir.path().join("prompt.md"), "Do it.").expect("written");
        let script = format!("[[play]]\nactions = [\n{actions}\n]\n");
        fs::write(dir.path().join("script.toml"), script).expect("written");
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn worktree(&self) -> PathBuf {
        self.path("worktree")
    }

    fn bare_command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crew"));
        command.env_clear();
        let path = crew::config::Environment::capture();
        command.env("PATH", path.get("PATH").unwrap_or_default());
        command.env("CREW_TASK", "review/2");
        command.env("CREW_ROLE", "coder");
        command.env("CREW_ATTEMPT", "mark");
        command.env("CREW_WORKTREE", self.worktree());
        command.arg("rehearse").arg("--prompt").arg(self.path("prompt.md"));
        command.args(["--speed", "0"]).stdin(Stdio::null());
        command
    }

    fn command(&self) -> Command {
        let mut command = self.bare_command();
        command.arg("--script").arg(self.path("script.toml"));
        command
    }
}

fn observations(stdout: &[u8]) -> Vec<Observation> {
    let mut decoder = Decoder::new(OutputFormat::Crew);
    let lines = stdout.split_inclusive(|byte| *byte == b'\n');
    lines.flat_map(|line| decoder.decode(line)).collect()
}

fn report(output: &Output) -> TurnReport {
    TurnReport::of(&observations(&output.stdout))
}

fn play(actions: &str) -> Output {
    TestEnv::new(actions).command().output().expect("started")
}

#[test]
fn what_is_said_is_the_answer() {
    let output = play("{ think = \"hm\" }, { say = \"one {task} {attempt}\" }, { say = \"two\" }");
    let report = report(&output);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert_eq!(report.final_text(), "one review/2 1\ntwo");
    assert_eq!(report.session.as_deref(), Some("rehearsal-review.2-1"));
    assert_eq!(report.usage.map(|usage| (usage.input_tokens, usage.cost_usd)), Some((0, None)));
}

#[test]
fn a_session_is_gone_on_with() {
    let env = TestEnv::new("{ say = \"x\" }");
    let output = env.command().args(["--session", "s-7"]).output().expect("started");
    assert_eq!(report(&output).session.as_deref(), Some("s-7"));
}

#[test]
fn the_attempt_number_and_the_role_choose_the_play() {
    let env = TestEnv::new("{ say = \"anybody\" }");
    let script = "[[play]]\nrole = \"qa\"\nattempt = 2\nactions = [{ say = \"second\" }]\n\
                  [[play]]\nactions = [{ say = \"anybody\" }]\n";
    fs::write(env.path("script.toml"), script).expect("written");
    for (role, number, said) in
        [("qa", "2", "second"), ("qa", "1", "anybody"), ("x", "2", "anybody")]
    {
        let mut command = env.command();
        command.args(["--role", role]).env("CREW_ATTEMPT_NUMBER", number);
        let output = command.output().expect("started");
        assert_eq!(report(&output).final_text(), said, "{role} {number}");
    }
}

#[test]
fn a_folder_of_scripts_is_one_script() {
    let env = TestEnv::new("");
    let folder = env.path("scripts");
    fs::create_dir(&folder).expect("created");
    fs::write(folder.join("b.toml"), "[[play]]\nactions = [{ say = \"b\" }]").expect("written");
    fs::write(folder.join("a.toml"), "[[play]]\nactions = [{ say = \"a\" }]").expect("written");
    fs::write(folder.join("notes.md"), "no script").expect("written");
    let output = env.bare_command().arg("--script").arg(&folder).output().expect("started");
    assert_eq!(report(&output).final_text(), "a");
}

#[test]
fn files_are_changed_in_the_worktree() {
    let env = TestEnv::new(
        "{ write = \"a/{task_file}.txt\", text = \"{role}\\n\" },\n\
         { append = \"a/{task_file}.txt\", text = \"more\\n\" }, { delete = \"old\" }",
    );
    fs::write(env.worktree().join("old"), "").expect("written");
    let output = env.command().output().expect("started");
    let text = fs::read_to_string(env.worktree().join("a/review.2.txt")).expect("read");
    assert_eq!(text, "coder\nmore\n");
    assert!(!env.worktree().join("old").exists());
    let tools = report(&output).tools;
    assert_eq!((tools.started, tools.ended, tools.failed), (3, 3, 0));
}

#[test]
fn a_script_cannot_leave_the_worktree() {
    let env = TestEnv::new("{ write = \"../out.txt\", text = \"x\" }");
    let output = env.command().output().expect("started");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("`../out.txt` is not inside the worktree"), "{told}");
    assert!(!env.path("out.txt").exists());
}

#[test]
fn a_command_really_runs_and_its_verdict_follows_the_exit_code() {
    for (command, verdict, failed) in
        [("true", Verdict::Pass, 0), ("echo {{task}; exit 3", Verdict::Fail, 1)]
    {
        let output = play(&format!(
            "{{ run = \"{command}\" }}, {{ say = \"{{output}}\" }}, {{ verdict = \"run\" }}"
        ));
        let report = report(&output);
        assert_eq!((report.verdict, report.tools.failed), (Some(verdict), failed), "{command}");
    }
    let output = play("{ run = \"pwd; echo problem >&2\" }, { result = \"<{output}>\" }");
    let text = report(&output).final_text();
    assert!(text.contains("worktree\nproblem>"), "{text}");
}

#[test]
fn what_a_command_printed_is_not_filled_again() {
    let output = play("{ run = \"echo '{'role'}'\" }, { say = \"{output}\" }");
    assert_eq!(report(&output).final_text(), "{role}");
}

#[test]
fn gates_messages_artifacts_and_usage_are_told() {
    let output = play(
        "{ gate = \"votes\", values = { votes = \"approve\", n = 2, by = \"{task}\" } },\n\
         { message = \"hi\", to = \"human\" }, { artifact = \"plan.md\", text = \"# {role}\" },\n\
         { usage = { input_tokens = 5, output_tokens = 6, cache_tokens = 7, cost_usd = 0.5 } }",
    );
    let seen = observations(&output.stdout);
    let report = TurnReport::of(&seen);
    assert_eq!(report.requests, 3);
    assert_eq!(report.usage.and_then(|usage| usage.cost_usd), Some(0.5));
    assert!(seen.iter().any(|one| matches!(one, Observation::GateWrite { gate, values }
        if gate == "votes" && values["by"] == "review/2" && values["n"] == 2)));
    assert!(seen.contains(&Observation::Message { to: "human".into(), text: "hi".into() }));
    assert!(
        seen.contains(&Observation::Artifact { name: "plan.md".into(), text: "# coder".into() })
    );
}

#[test]
fn a_question_ends_the_turn_without_a_result() {
    let output = play("{ ask = \"which?\", choices = [\"a\", \"b\"] }");
    let report = report(&output);
    assert!(output.status.success());
    assert_eq!(report.questions[0].choices, ["a", "b"]);
    assert_eq!(report.status, None);
}

#[test]
fn errors_states_and_verdicts_are_told() {
    let output = play(
        "{ error = \"rate_limit\", text = \"too many\", retryable = true, reset = \"1h\" },\n\
         { state = \"BLOCKED\", reason = \"no key\" }, { verdict = \"FAIL\" }",
    );
    let report = report(&output);
    let error = &report.errors[0];
    assert_eq!((error.kind, error.retryable), (ErrorKind::RateLimit, true));
    assert!(error.reset_at.is_some_and(|at| at.0 > 1_700_000_000_000), "{error:?}");
    assert_eq!(report.marker, Marker::One(TaskState::Blocked));
    assert_eq!(report.block_reason.as_deref(), Some("no key"));
    assert_eq!(report.verdict, Some(Verdict::Fail));
}

#[test]
fn a_failure_has_its_exit_code_and_no_result() {
    let output =
        play("{ say = \"x\" }, { print = \"usage: x\" }, { fail = 3, text = \"it broke\" }");
    let report = report(&output);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "it broke\n");
    assert_eq!((report.status, report.raw_lines), (None, 1));
}

#[test]
fn silence_is_success_without_output() {
    let output = play("{ wait = \"1h\" }, { silent = true }");
    assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty());
}

#[test]
fn a_crash_is_a_signal() {
    for (name, number) in [("KILL", 9), ("ABRT", 6), ("TERM", 15)] {
        let output = play(&format!("{{ say = \"last words\" }}, {{ crash = \"{name}\" }}"));
        assert_eq!(output.status.signal(), Some(number), "{name}");
        assert_eq!(report(&output).final_text(), "last words");
    }
}

#[test]
fn a_flood_is_as_large_as_it_says() {
    let output = play("{ flood = { mb = 3 } }");
    assert!(output.stdout.len() >= 3 << 20 && output.stdout.len() < (3 << 20) + 1_000);
    assert_eq!(report(&output).raw_lines, 0);
    let output = play("{ flood = { lines = 7, line_bytes = 100 } }, { fail = 0 }");
    assert_eq!(output.stdout.len(), 700);
    // One line beyond the limit is kept, and what follows is read.
    let output = play("{ flood = { lines = 1, line_bytes = 20000000 } }, { say = \"after\" }");
    let report = report(&output);
    assert_eq!((report.raw_lines, report.final_text()), (1, "after".to_owned()));
}

#[test]
fn garbage_is_garbage_and_the_same_every_time() {
    let (one, two) = (play("{ garbage = 30 }"), play("{ garbage = 30 }"));
    assert_eq!(one.stdout, two.stdout);
    assert!(String::from_utf8(one.stdout.clone()).is_err());
    assert!(report(&one).raw_lines >= 25);
}

#[test]
fn a_hang_ends_with_a_signal_unless_it_ignores_it() {
    for (extra, sent, seen) in [
        ("", Signal::TERM, 15),
        ("", Signal::INT, 2),
        (", ignore_signals = true", Signal::TERM, 9),
        (", ignore_signals = true", Signal::INT, 9),
    ] {
        let env = TestEnv::new(&format!("{{ say = \"x\" }}, {{ hang = true{extra} }}"));
        let mut child = env.command().stdout(Stdio::piped()).spawn().expect("started");
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        out.read_line(&mut String::new()).expect("read");
        let pid = Pid::from_child(&child);
        if seen == 9 {
            assert!(catches(pid, sent), "the handler stands before the first line");
        }
        kill_process(pid, sent).expect("signalled");
        if seen == 9 {
            kill_process(pid, Signal::KILL).expect("alive until it is killed");
        }
        let status = child.wait().expect("ended");
        assert_eq!(status.signal(), Some(seen), "{extra} {sent:?}");
    }
}

/// Whether the process has a handler for this signal.
fn catches(pid: Pid, signal: Signal) -> bool {
    let status = fs::read_to_string(proc_file(pid, "status")).expect("a live process");
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = u64::from_str_radix(mask.expect("a mask").trim(), 16).expect("hexadecimal");
    mask & (1 << (signal.as_raw() - 1)) != 0
}

/// Session of the process: 0 when its leader lives outside this pid namespace, as in many
/// containers (`getsid` of rustix panics on that answer).
fn session(pid: Pid) -> i32 {
    let stat = fs::read_to_string(proc_file(pid, "stat")).expect("a live process");
    let fields = stat.rsplit(')').next().expect("fields after the name");
    fields.split_whitespace().nth(3).and_then(|field| field.parse().ok()).expect("a number")
}

fn proc_file(pid: Pid, name: &str) -> PathBuf {
    Path::new("/proc").join(pid.as_raw_nonzero().to_string()).join(name)
}

/// Pid of the process that a play left behind.
fn left_behind(line: &str) -> Pid {
    let digits = line.split("\"pid ").nth(1).expect("a pid").split('"').next();
    let pid = digits.and_then(|digits| digits.parse().ok()).and_then(Pid::from_raw);
    pid.expect("a number")
}

#[test]
fn a_child_stays_behind_as_it_was_told_to() {
    for (extra, apart, marked) in [
        ("", false, true),
        (", session = true, ignore_signals = true, unmarked = true", true, false),
    ] {
        let env = TestEnv::new(&format!("{{ child = \"10m\"{extra} }}"));
        let output = env.command().output().expect("started");
        assert!(output.status.success());
        let pid = left_behind(&String::from_utf8_lossy(&output.stdout));
        let session = session(pid);
        let environment = fs::read(proc_file(pid, "environ")).expect("alive");
        let deaf = catches(pid, Signal::TERM);
        kill_process(pid, Signal::KILL).expect("alive");
        assert_eq!(session == pid.as_raw_pid(), apart, "{extra}");
        assert_eq!(deaf, apart, "{extra}");
        let text = String::from_utf8_lossy(&environment);
        assert_eq!(text.contains("CREW_ATTEMPT=mark"), marked, "{extra}");
    }
}

#[test]
fn a_child_can_keep_the_output_open() {
    let env = TestEnv::new("{ child = \"10m\", stdout = true }");
    let mut agent = env.command().stdout(Stdio::piped()).spawn().expect("started");
    let mut out = BufReader::new(agent.stdout.take().expect("piped"));
    let (mut line, mut all) = (String::new(), String::new());
    while !line.contains("\"pid ") {
        line.clear();
        assert!(out.read_line(&mut line).expect("read") > 0, "{all}");
        all.push_str(&line);
    }
    assert!(agent.wait().expect("ended").success());
    let pid = left_behind(&line);
    let target = fs::read_link(proc_file(pid, "fd/1")).expect("open");
    assert!(target.to_string_lossy().starts_with("pipe:"), "{target:?}");
    kill_process(pid, Signal::KILL).expect("alive");
    out.read_to_string(&mut all).expect("closed at last");
    assert!(all.contains("\"type\":\"result\""), "{all}");
}

#[test]
fn mistakes_are_told_with_their_place_and_their_own_exit_code() {
    let env = TestEnv::new("  { sya = \"x\" }");
    for (args, code, part) in [
        (&["--script", "script.toml"][..], 5, "line 3: unknown action `sya`; did you mean `say`"),
        (&["--script", "none.toml"], 8, "cannot read `none.toml`"),
        (&["--speed", "-1"], 2, "--speed"),
        (&["--speed", "0.0001"], 2, "is not a speed; write 0"),
        (&["--dance"], 2, "--dance"),
    ] {
        let mut command = env.bare_command();
        command.args(args).current_dir(env.dir.path());
        if args[0] == "--speed" {
            command = Command::new(env!("CARGO_BIN_EXE_crew"));
            command.args(["rehearse", "--prompt"]).arg(env.path("prompt.md")).args(args);
        }
        let output = command.output().expect("started");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {told}");
        assert!(told.starts_with("error: ") && told.contains(part), "{args:?}: {told}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_reader_who_leaves_is_no_error() {
    let env = TestEnv::new("{ flood = { mb = 5 } }");
    let mut child =
        env.command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ended");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn a_role_without_a_script_answers_as_its_prompt_asks() {
    let env = TestEnv::new("");
    fs::write(env.path("prompt.md"), "End with `TASK_STATE: DONE` and `VERDICT: PASS`.")
        .expect("written");
    fs::write(env.worktree().join("real.txt"), "").expect("written");
    for role in ["analyst", "explorer", "executor", "reviewer", "verifier", "a-new-role"] {
        let output = env.bare_command().args(["--role", role]).output().expect("started");
        let report = report(&output);
        assert_eq!(report.marker, Marker::One(TaskState::Done), "{role}");
        assert_eq!(report.verdict, Some(Verdict::Pass), "{role}");
        assert!(!report.summary().is_empty(), "{role}");
    }
    let output = env.bare_command().args(["--role", "explorer"]).output().expect("started");
    assert!(report(&output).final_text().contains("- real.txt"));
}

#[test]
fn the_demonstration_fails_once_and_then_really_fixes_the_bug() {
    let env = TestEnv::new("");
    for (path, text) in crew::rehearsal::demo::files() {
        fs::write(env.worktree().join(path), text).expect("written");
    }
    let perform = |task: &str, attempt: &str, epoch: &str| {
        let mut command = env.bare_command();
        command.args(["--script", crew::rehearsal::demo::SCRIPT_NAME]);
        command.env("CREW_TASK", task).env("CREW_EPOCH", epoch);
        command.env("CREW_ATTEMPT_NUMBER", attempt).output().expect("started")
    };
    let qa = |epoch: &str| {
        let report = report(&perform("qa", "1", epoch));
        let Some(Call::Gate { values, .. }) = report.calls.first() else { panic!("{report:?}") };
        values["result"].as_str().expect("a word").to_owned()
    };
    assert!(report(&perform("planning", "1", "1")).final_text().contains("not ok"));
    assert_eq!(qa("1"), "failed");
    let before = fs::read(env.worktree().join("greet.sh")).expect("read");
    assert_eq!(perform("coding", "1", "1").status.signal(), Some(9));
    assert_eq!(fs::read(env.worktree().join("greet.sh")).expect("read"), before);
    assert!(perform("coding", "2", "1").status.success());
    assert_eq!(qa("1"), "passed");
    assert_eq!(report(&perform("review/2", "1", "1")).calls.len(), 2);
    assert_eq!(report(&perform("review/2", "2", "2")).calls.len(), 1);
    assert!(perform("coding", "3", "2").status.success());
    let tested = report(&perform("qa", "1", "2"));
    assert!(tested.final_text().contains("ok       greets by a name of two words"));
}
