//! Codes for terminals in everything that agents, files and people bring in: none gets to a terminal.

use crate::project::TestEnv;
use crate::support::wait_until;

/// A clipboard, a link, colours, codes of one byte, a string without an end, and turned text.
const EVIL: &str = "\u{1b}]52;c;ZXZpbA==\u{7}\u{1b}]8;;http://x\u{1b}\\link\u{1b}[2J\u{1b}[31mred\u{9b}31m\u{9d}0;t\u{9c}\
                    \u{1b}P1;2|x\u{1b}\\\u{202e}turned\u{2066}\u{200f}\r\u{8}over\u{1b}c end \u{1b}]0;open";

/// The colours that crew itself sets, and nothing else.
fn is_colour(rest: &str) -> Option<usize> {
    let codes = rest.strip_prefix("\u{1b}[")?;
    let end = codes.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    codes[end..].starts_with('m').then_some(end + 3)
}

/// What of a text moves the cursor.
fn moving(text: &str, colours: bool) -> Option<String> {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if colours && let Some(length) = is_colour(&text[at..]) {
            at += length;
            continue;
        }
        if crew::base::text::is_moving(c) && !matches!(c, '\n' | '\t') {
            let from = text.floor_char_boundary(at.saturating_sub(80));
            return Some(format!("{:?}", &text[from..text.ceil_char_boundary(at + 20)]));
        }
        at += c.len_utf8();
    }
    None
}

fn run() -> TestEnv {
    let env = TestEnv::new();
    std::fs::write(env.notes().join("evil"), EVIL).expect("written");
    let line = serde_json::json!({"type": "assistant", "session_id": "s", "message": {"id": "m", "role": "assistant",
        "content": [{"type": "text", "text": EVIL}, {"type": "thinking", "thinking": EVIL},
            {"type": "tool_use", "id": "t", "name": EVIL, "input": {"command": EVIL}}]}});
    let result = serde_json::json!({"type": "result", "subtype": "success", "is_error": false, "session_id": EVIL, "result": EVIL});
    let start = serde_json::json!({"type": "system", "subtype": "init", "session_id": "s", "model": EVIL, "tools": []});
    std::fs::write(env.notes().join("stream"), format!("{start}\n{line}\n{EVIL}\n{result}\n"))
        .expect("written");
    let path = env.program(
        "agent.sh",
        r#"cat >/dev/null
evil="$(cat $NOTES/evil)"
printf '%s' "$evil" > "$evil.txt" 2>/dev/null
printf '%s' "$evil" > "$(printf 'a\033[31mb\nc').txt"
printf '%s\n' "$evil" >&2
crew tool send human "$evil" >/dev/null 2>&1
crew tool send run "$evil" --data "{\"a\": \"b\"}" >/dev/null 2>&1
printf '%s' "$evil" | crew tool artifact evil.md - >/dev/null 2>&1
crew tool write-gate note-gate note="$evil" >/dev/null 2>&1
if [ ! -e $NOTES/asked ]; then touch $NOTES/asked; crew tool ask "$evil" --choice "$evil" --choice b >/dev/null 2>&1; fi
cat $NOTES/stream"#,
    );
    env.whole_config(&format!(
        "[completion]\nmode = \"none\"\n[limits]\ngrace = \"400ms\"\nask_hold = \"50ms\"\n\
         [runtimes.cl]\ncommand = [\"{path}\"]\noutput = \"claude\"\n"
    ));
    env.workflow(
        "one",
        "gates:\n  note-gate:\n    fields: { note: text }\n    writers: [writer]\n    when: { check: note }\n\
         start: work\nend: last\nchannels:\n  - { id: forward, from: work, to: last, gate: note-gate }\n",
        "## work\nrole: writer\n\n{goal}\n\n## last\nrole: reader\n\nx",
    );
    env.git(&["checkout", "-q", "-b", "odd\u{202e}branch"]);
    env.start(&format!("do {EVIL}"), &["-w", "one", "-a", "cl"]);
    wait_until("it asks", || env.has_run(1) && env.status_text(1).starts_with("waiting"));
    env
}

const VERBS: &[&[&str]] = &[
    &[],
    &["ls"],
    &["status"],
    &["status", "1"],
    &["show", "1"],
    &["why", "1"],
    &["why", "1/work"],
    &["logs", "1"],
    &["logs", "1", "--raw"],
    &["events", "1"],
    &["timeline", "1"],
    &["diff", "1", "--stat"],
    &["artifacts", "1"],
    &["artifacts", "1", "evil.md"],
    &["inbox"],
    &["decisions"],
    &["gate", "list", "1"],
    &["gate", "show", "1", "note-gate"],
    &["brief", "--since", "1d"],
    &["usage", "--by", "model"],
    &["usage"],
    &["mailbox", "verify", "1"],
    &["verify", "1"],
    &["doctor"],
    &["doctor", "--secrets", "1"],
    &["replay", "1", "--at", "12"],
    &["prune", "--older-than", "0s"],
    &["salvage", "list"],
    &["deadletter"],
    &["send", "1/\u{1b}[31mx", "hello"],
    &["status", "\u{1b}]0;x\u{7}"],
    &["run", "x", "-w", "\u{1b}[2J\u{202e}"],
];

#[test]
fn nothing_that_was_brought_in_moves_the_cursor() {
    let env = run();
    let mut faults = Vec::new();
    let mut look = |when: &str| {
        for verb in VERBS {
            for colour in ["never", "always"] {
                let mut command = env.crew(verb);
                command.args(["--color", colour]).env("TERM", "xterm-256color");
                let output = command.output().expect("started");
                for text in [&output.stdout, &output.stderr] {
                    let text = String::from_utf8_lossy(text);
                    if let Some(found) = moving(&text, colour == "always") {
                        faults.push(format!(
                            "{when}: crew {} --color {colour}: {found}",
                            verb.join(" ").escape_debug()
                        ));
                    }
                }
            }
        }
    };
    look("while it asks");
    env.ok(&["answer", "1", "work", "--text", "b", "--yes"]);
    env.rest(1);
    look("at rest");
    faults.dedup();
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn json_has_codes_only_behind_escapes() {
    let env = run();
    for verb in [
        &["status", "1"][..],
        &["show", "1"],
        &["events", "1"],
        &["inbox"],
        &["logs", "1"],
        &["ls"],
        &["diff", "1"],
    ] {
        let output = env.crew(verb).arg("--json").output().expect("started");
        let text = String::from_utf8_lossy(&output.stdout);
        let codes = text.chars().find(|c| c.is_control() && *c != '\n');
        assert!(codes.is_none_or(|c| c > '\u{7f}'), "{verb:?}: {codes:?}");
    }
    env.ok(&["stop", "1"]);
    env.rest(1);
}
