//! Real commands, real listeners: what arrives, and what happens when nothing does.

#![expect(
    clippy::disallowed_methods,
    reason = "the programs of the machine, and a limit for a test that hangs"
)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use super::*;
use crate::base::Time;
use crate::runtime::{Pid, process};

const LONG: Duration = Duration::from_mins(1);
const SHORT: Duration = Duration::from_millis(300);

fn env() -> Environment {
    let path = std::env::var("PATH").unwrap();
    [("PATH", path.as_str()), ("HOME", "/nowhere"), ("GITHUB_TOKEN", "t"), ("no_proxy", "*")]
        .into_iter()
        .collect()
}

fn letter(folder: &Utf8Path) -> Letter {
    let mut letter = Letter::test(folder.to_owned(), Time(0));
    letter.notice.text = "say \"yes\"\\ or no".to_owned();
    letter
}

fn tell(way: &Way, folder: &Utf8Path, limit: Duration) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(way.tell(&letter(folder), &env(), limit))
}

fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
    let keep = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::try_from(keep.path().canonicalize().unwrap()).unwrap();
    (keep, path)
}

/// Reads a whole request of a known length.
fn request(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&all).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "the request ends early: {text}");
        all.extend_from_slice(&buffer[..count]);
    }
}

/// Webhooks are sent by `curl`, which a machine that only runs the tests need not have.
fn has_curl() -> bool {
    let found = which::which("curl").is_ok();
    if !found {
        eprintln!("SKIPPED: there is no `curl` on this machine");
    }
    found
}

#[test]
fn a_command_gets_the_notice_as_variables_and_as_json_and_no_secrets() {
    let (_keep, path) = folder();
    let command = "cat > got; env > env; echo \"$CREW_EVENT|$CREW_RUN|$CREW_TITLE|$CREW_TEXT\"; echo oops >&2";
    let said = tell(&Way::Command(command.to_owned()), &path, LONG).unwrap();
    assert_eq!(said, "test|test#0|crew: a test|say \"yes\"\\ or no\noops");
    let got: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path.join("got")).unwrap()).unwrap();
    let expected = serde_json::json!({"schema_version": 1, "project": path, "type": "test", "run": "test#0",
        "key": "test", "severity": "needs_you", "title": "crew: a test", "text": "say \"yes\"\\ or no",
        "next": "crew doctor", "seq": 0, "at": "1970-01-01T00:00:00.000Z"});
    assert_eq!(got, expected);
    let variables = std::fs::read_to_string(path.join("env")).unwrap();
    assert!(!variables.contains("GITHUB_TOKEN"), "{variables}");
}

#[test]
fn a_command_that_does_not_read_or_fails_is_told_with_what_it_said() {
    let (_keep, path) = folder();
    assert_eq!(tell(&Way::Command("exec <&-; true".to_owned()), &path, LONG), Ok(String::new()));
    let failed = tell(&Way::Command("echo no luck; exit 3".to_owned()), &path, LONG);
    assert_eq!(failed, Err("ended with exit status: 3: no luck".to_owned()));
}

#[test]
fn a_command_that_hangs_is_ended_with_all_it_started() {
    let (_keep, path) = folder();
    let hanging = "sleep 600 & echo $! > child.new; mv child.new child; echo waiting; wait";
    let pids = || std::fs::read_to_string(path.join("child")).ok();
    // A slow machine needs longer to begin.
    for limit in [SHORT, SHORT * 10, LONG] {
        let failed = tell(&Way::Command(hanging.to_owned()), &path, limit).unwrap_err();
        assert!(failed.starts_with("took longer than"), "{failed}");
        if pids().is_some() {
            break;
        }
    }
    let child: u32 = pids().expect("it began").trim().parse().unwrap();
    let is_gone = || Pid::of(child).is_none_or(|child| !process::is_alive(child));
    let end = std::time::Instant::now() + LONG;
    while !is_gone() {
        assert!(std::time::Instant::now() < end, "the child lives on");
        std::thread::yield_now();
    }
}

#[test]
fn a_webhook_gets_the_notice_as_json() {
    if !has_curl() {
        return;
    }
    let (_keep, path) = folder();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/in?key=a\"b", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let mut got = Vec::new();
        for answer in ["200 OK", "500 Oh"] {
            let (mut stream, _) = listener.accept().unwrap();
            got.push(request(&mut stream));
            write!(stream, "HTTP/1.1 {answer}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
                .unwrap();
        }
        got
    });
    let way = Way::Webhook(address);
    assert_eq!(tell(&way, &path, LONG), Ok(String::new()));
    let failed = tell(&way, &path, LONG).unwrap_err();
    assert!(failed.contains("500") && !failed.contains("key="), "{failed}");
    let got = server.join().unwrap();
    let (head, body) = got[0].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /in?key=a") && head.contains("application/json"), "{head}");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["text"], "say \"yes\"\\ or no");
}

#[test]
fn a_webhook_that_is_dead_or_hangs_is_given_up() {
    if !has_curl() {
        return;
    }
    let (_keep, path) = folder();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let way = Way::Webhook(format!("http://{}/secret", listener.local_addr().unwrap()));
    // Connections are taken by the system, and nobody answers.
    let hanging = tell(&way, &path, SHORT).unwrap_err();
    assert!(!hanging.contains("secret"), "{hanging}");
    drop(listener);
    let dead = tell(&way, &path, LONG).unwrap_err();
    assert!(dead.starts_with("ended with exit status: 7") && !dead.contains("secret"), "{dead}");
}

#[test]
fn the_name_of_a_webhook_is_its_host() {
    for (address, expected) in [
        ("https://hooks.example.com/T1/B2/secret", "webhook at hooks.example.com"),
        ("http://me:secret@127.0.0.1:80?x", "webhook at 127.0.0.1:80"),
    ] {
        assert_eq!(Way::Webhook(address.to_owned()).name(), expected);
    }
}

#[test]
fn hooks_hear_of_their_events_and_the_rest_only_of_what_is_for_people() {
    let mut notice = letter("/p".into()).notice;
    let hook = |on: &str| Way::Hook(Hook { on: vec![on.to_owned()], command: String::new() });
    "run.blocked".clone_into(&mut notice.name);
    "run.transitioned".clone_into(&mut notice.kind);
    for (on, expected) in
        [("run.blocked", true), ("run.transitioned", true), ("*", true), ("run.done", false)]
    {
        assert_eq!(hook(on).is_for(&notice), expected, "{on}");
    }
    assert!(Way::Desktop.is_for(&notice));
    notice.severity = Severity::Info;
    assert!(hook("run.*").is_for(&notice) && !Way::Desktop.is_for(&notice));
}

#[test]
fn what_a_project_says_is_used_only_as_it_was_trusted() {
    let (_keep, path) = folder();
    let (home, root) = (path.join("home"), path.join("shop"));
    std::fs::create_dir_all(home.join("config")).unwrap();
    std::fs::create_dir_all(root.join(".crew")).unwrap();
    let own = "[[hooks]]\non = \"run.done\"\ncommand = \"mine\"\n";
    std::fs::write(home.join("config/config.toml"), own).unwrap();
    let project = |command: &str| {
        let text = format!(
            "[notify]\ndesktop = true\nwebhook = \"http://x/y\"\n[[hooks]]\non = \"*\"\ncommand = \"{command}\"\n"
        );
        std::fs::write(root.join(".crew/config.toml"), text).unwrap();
    };
    let config_dir = home.join("config");
    let env: Environment =
        [("HOME", home.as_str()), ("CREW_CONFIG_DIR", config_dir.as_str())].into_iter().collect();
    let load = || Config::load(&env, Some(&root), &crate::config::Overrides::default()).config;
    let ways = || Ways::of(&load(), &env, &root);
    let names = |ways: &Ways| -> Vec<String> { ways.usable.iter().map(Way::name).collect() };
    let untrusted = |ways: &Ways| ways.untrusted.iter().map(|item| item.line).collect::<Vec<_>>();

    project("theirs");
    let found = ways();
    assert_eq!(
        (names(&found), untrusted(&found)),
        (vec!["hook on run.done".into(), "desktop".into()], vec![3, 4])
    );
    TrustStore::new(&env).trust(&root, &load().executable).unwrap();
    let found = ways();
    let all = ["webhook at x", "hook on run.done", "hook on *", "desktop"];
    assert_eq!((names(&found), untrusted(&found)), (all.map(str::to_owned).to_vec(), vec![]));
    project("something else");
    let found = ways();
    assert_eq!(untrusted(&found), [4], "what was trusted may still be used, the new hook may not");
    assert!(!names(&found).contains(&"hook on *".to_owned()));
    TrustStore::new(&env).revoke(&root).unwrap();
    assert_eq!(untrusted(&ways()), [3, 4]);
}
