//! Secrets of every kind, said by an agent in every way it has: nothing that crew keeps or shows holds one.

use std::fs;
use std::io::Read;
use std::path::Path;

use camino::Utf8Path;

use crate::project::TestEnv;
use crate::support::wait_until;
use crate::terminal::Terminal;
use crate::words::{Secret, secrets};

/// A value without any form, which only its name in the environment gives away.
const GIVEN: &str = "plain-words-of-a-pass";

const FRONT: &str = "gates:\n  note-gate:\n    fields: { note: text }\n    writers: [reader]\n    \
when: { check: note }\nstart: plan\nend: work\nchannels:\n  - { id: forward, from: plan, to: work, gate: note-gate }\n";
const STEPS: &str = "## plan\nrole: reader\noutput: plan.md\n\n{goal}\n\n## work\nrole: reader\nreads: plan.md\n\nGo on.";

/// What the agent does: whatever it can say, it says with everything in it.
const AGENT: &str = r#"cat > $NOTES/prompt.$CREW_TASK.$CREW_ATTEMPT_NUMBER
all="$(cat $NOTES/secrets.txt; echo "ACME $ACME_TOKEN")"
echo "$all" >&2
crew tool send human "$all" >$NOTES/said 2>&1
crew tool send run "$all" --data "$(cat $NOTES/data.json)" >>$NOTES/said 2>&1
echo "$all" | crew tool artifact leak.md - >>$NOTES/said 2>&1
crew tool write-gate note-gate note="$all" >>$NOTES/said 2>&1
if [ "$CREW_TASK" = work ] && [ ! -e $NOTES/asked ]; then
  touch $NOTES/asked
  crew tool ask "Which one? $all" --choice "${ACME_TOKEN:-yes}" --choice no >>$NOTES/said 2>&1
fi
cat $NOTES/stream.jsonl
"#;

/// Lines as claude prints them: a text, a tool that was called, and what it answered.
fn stream(all: &str) -> String {
    let lines = [
        serde_json::json!({"type": "system", "subtype": "init", "session_id": "s", "model": "m", "tools": []}),
        serde_json::json!({"type": "assistant", "session_id": "s", "message": {"id": "m1", "role": "assistant", "content": [
            {"type": "text", "text": all},
            {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": format!("curl -H '{all}'")}}]}}),
        serde_json::json!({"type": "user", "session_id": "s", "message": {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "t1", "content": all}]}}),
        serde_json::json!({"type": "result", "subtype": "success", "is_error": false, "session_id": "s",
            "result": all}),
    ];
    lines.map(|line| format!("{line}\n")).concat()
}

fn prepared(all: &[Secret]) -> TestEnv {
    let env = TestEnv::new();
    let text: Vec<&str> = all.iter().map(|secret| secret.text.as_str()).collect();
    let text = text.join("\n\n");
    let whole = format!("{text}\nACME {GIVEN}\n");
    for (name, content) in [
        ("secrets.txt", text.clone()),
        ("stream.jsonl", stream(&whole)),
        ("data.json", serde_json::json!({"password": "x y z 1!", "deep": [whole]}).to_string()),
    ] {
        fs::write(env.notes().join(name), content).expect("written");
    }
    let path = env.program("agent.sh", AGENT);
    let told = env.notes().join("notices");
    env.whole_config(&format!(
        "[completion]\nmode = \"none\"\n[limits]\ngrace = \"400ms\"\nask_hold = \"50ms\"\n\
         [notify]\ncommand = \"env >> {told}; cat >> {told}\"\n\
         [[hooks]]\non = \"message.sent\"\ncommand = \"env >> {told}; cat >> {told}\"\n\
         [runtimes.cl]\ncommand = [\"{path}\"]\noutput = \"claude\"\nenv = [\"ACME_TOKEN\"]\n"
    ));
    env.workflow("two", FRONT, STEPS);
    env
}

/// Every file below a folder with its content.
fn files(folder: &Path, into: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("readable").flatten() {
        let kind = entry.file_type().expect("known");
        let path = entry.path();
        if kind.is_dir() {
            files(&path, into);
        } else if kind.is_file() {
            let bytes = fs::read(&path).expect("readable");
            into.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
}

struct Leaks<'a> {
    all: &'a [Secret],
    found: Vec<String>,
}

impl Leaks<'_> {
    fn look(&mut self, place: &str, text: &str) {
        let hidden = self.all.iter().map(|secret| (secret.kind, secret.hidden.as_str()));
        for (kind, value) in hidden.chain([("given", GIVEN), ("json", "x y z 1!")]) {
            if let Some(at) = text.find(value) {
                let around = text.floor_char_boundary(at.saturating_sub(60));
                self.found.push(format!("{kind} in {place}: …{}", &text[around..at + value.len()]));
            }
        }
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one run, and every place to look at")]
fn nothing_that_an_agent_says_brings_a_secret_into_what_crew_keeps_or_shows() {
    let all = secrets();
    let env = prepared(&all);
    let mut leaks = Leaks { all: &all, found: Vec::new() };
    let text = fs::read_to_string(env.notes().join("secrets.txt")).expect("there");
    let crew = |args: &[&str]| {
        let output = env.crew(args).env("ACME_TOKEN", GIVEN).output().expect("started");
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        (output.status.code(), text)
    };
    let goal = format!("Use these {GIVEN}:\n{text}");
    let (code, said) = crew(&["run", &goal, "-d", "-w", "two", "-a", "cl"]);
    assert_eq!(code, Some(0), "{said}");
    leaks.look("crew run", &said);
    wait_until("it asks", || env.has_run(1) && env.status_text(1).starts_with("waiting"));
    let (code, said) = crew(&["send", "1", &format!("Take {GIVEN}\n{text}")]);
    assert_eq!(code, Some(0), "{said}");
    leaks.look("crew send", &said);
    let (code, said) = crew(&["answer", "1", "work", "--text", "no", "--yes"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(env.rest(1), "done", "{}", env.ok(&["why", "1/work"]));
    // What is kept.
    let mut kept = Vec::new();
    files(env.project().join(".crew").as_std_path(), &mut kept);
    files(env.root.join("home").as_std_path(), &mut kept);
    let mut printed = 0;
    for (path, content) in &kept {
        if path.ends_with("/stdout.jsonl") || path.ends_with("/stderr.log") {
            printed += usize::from(content.contains(GIVEN));
        } else {
            leaks.look(path, content);
        }
    }
    assert!(printed >= 4, "what agents print is kept as it came");
    for task in ["plan.1", "work.1", "work.2"] {
        let prompt = fs::read_to_string(env.notes().join(format!("prompt.{task}"))).expect("given");
        leaks.look(&format!("the prompt of {task}"), &prompt);
    }
    let told = fs::read_to_string(env.notes().join("notices")).expect("told");
    // The variable itself is not ours to hide from a command of the user.
    let told: String = told.lines().filter(|line| !line.starts_with("ACME_TOKEN=")).collect();
    leaks.look("notices", &told);
    // What is shown.
    for verb in [
        &["logs", "1"][..],
        &["logs", "1", "--raw"],
        &["logs", "1", "--json"],
        &["status", "1"],
        &["status", "1", "--json"],
        &["show", "1"],
        &["show", "1", "--json"],
        &["events", "1"],
        &["events", "1", "--json"],
        &["timeline", "1"],
        &["why", "1"],
        &["inbox"],
        &["inbox", "--json"],
        &["gate", "list", "1"],
        &["artifacts", "1", "leak.md"],
        &["artifacts", "1", "plan.md"],
        &["brief", "--json"],
        &["ls", "--json"],
        &["replay", "1", "--at", "9"],
        &["doctor", "--secrets", "1"],
    ] {
        let (_, said) = crew(verb);
        leaks.look(&format!("crew {}", verb.join(" ")), &said);
    }
    let (code, said) = crew(&["export", "1", "out.tar.gz"]);
    assert_eq!(code, Some(0), "{said}");
    let packed = fs::read(env.project().join("out.tar.gz")).expect("written");
    let mut bundle = Vec::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut bundle).expect("gzip");
    leaks.look("the bundle", &String::from_utf8_lossy(&bundle));
    assert!(leaks.found.is_empty(), "{} leaks\n{}", leaks.found.len(), leaks.found.join("\n"));
    env.assert_nothing_lives();
}

#[test]
fn the_dashboard_shows_no_secret() {
    let all = secrets();
    let env = prepared(&all[..6]);
    let (code, _) = {
        let output =
            env.crew(&["run", "x", "-d", "-w", "two", "-a", "cl"]).output().expect("started");
        (output.status.code(), output)
    };
    assert_eq!(code, Some(0));
    wait_until("it asks", || env.has_run(1) && env.status_text(1).starts_with("waiting"));
    let terminal = Terminal::large(&env, &[]);
    terminal.sees("plan");
    for key in ["\r", "G", "\u{1b}", "2", "3", "4", "5"] {
        terminal.type_text(key);
        terminal.sees(" ");
    }
    terminal.type_text("\u{3}");
    let (_, shown) = terminal.ends();
    for secret in &all[..6] {
        assert!(!shown.contains(&secret.hidden), "{}", secret.kind);
    }
    env.ok(&["stop", "1"]);
    env.rest(1);
}

#[test]
fn doctor_names_the_places_of_secrets_and_never_what_they_are() {
    let env = TestEnv::new();
    let key = crate::words::secrets().remove(0);
    env.agent(&format!("cat >/dev/null; echo '{}'", key.text));
    env.workflow("one", "", "## work\nrole: reader\n\n{goal}");
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done");
    let task = "work";
    let clean = env.output(&["doctor", "--secrets", "1"]);
    let text = String::from_utf8_lossy(&clean.stdout).into_owned();
    assert_eq!(clean.status.code(), Some(0), "{text}");
    assert!(
        text.contains("note")
            && text.contains(&format!("tasks/{task}/1/stdout.jsonl:1: Anthropic key")),
        "{text}"
    );
    // As a crew that did not know this kind of key would have left it.
    let prompt: &Utf8Path = &env.attempt(run, "work", 1).prompt();
    let with = format!("{}\n\nand {}\n", fs::read_to_string(prompt).expect("there"), key.text);
    fs::write(prompt, &with).expect("written");
    let line = with.lines().count();
    let found = env.output(&["doctor", "--secrets", "1"]);
    let text = String::from_utf8_lossy(&found.stdout).into_owned();
    assert_eq!(found.status.code(), Some(5), "{text}");
    assert!(text.contains(&format!("tasks/{task}/1/prompt.md:{line}: Anthropic key")), "{text}");
    assert!(!text.contains(&key.hidden), "{text}");
    let json = env.output(&["doctor", "--secrets", "1", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(json["findings"][0]["level"], "error", "{json:#}");
}
