//! People are told once, whatever becomes of those who tell and of those who are told.

use std::io::Read;
use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::time::Duration;

use crew::event::{Body, Record};

use crate::accident::kill;
use crate::curl::has_curl;
use crate::project::{LIMITS, TestEnv};
use crate::support::wait_until;

/// A reader whose work waits for a person's yes.
const GATED: &str = "\
gates:\n  ship-gate:\n    fields: { ok: bool }\n    writers: [human]\n    when: { check: ok }\n\
channels:\n  - { id: forward, from: look, to: finish, gate: ship-gate }\n";
const STEPS: &str = "## look\nrole: reader\n\nx\n\n## finish\nrole: reader\n\nx";

/// The configuration of an agent that ends at once, and more.
fn gated(more: &str) -> TestEnv {
    let env = TestEnv::new();
    let agent = env.program("agent.sh", "cat >/dev/null; echo fine");
    env.whole_config(&format!("{LIMITS}[runtimes.sh]\ncommand = [\"{agent}\"]\n{more}"));
    env.workflow("gated", GATED, STEPS);
    env
}

/// A hook that notes the names of events.
fn noting(env: &TestEnv, on: &str) -> String {
    let notes = env.notes();
    format!("[[hooks]]\non = {on}\ncommand = 'echo \"$CREW_EVENT $CREW_RUN\" >> {notes}/told'\n")
}

fn add_config(env: &TestEnv, more: &str) {
    let path = env.root.join("config/config.toml");
    let text = std::fs::read_to_string(&path).expect("read") + more;
    std::fs::write(path, text).expect("written");
}

fn supervisor_log(env: &TestEnv, run: u32) -> String {
    std::fs::read_to_string(env.run_dir(run).supervisor_log()).expect("read")
}

#[test]
fn a_killed_supervisor_is_followed_by_one_that_tells_nothing_twice() {
    let env = gated("");
    add_config(&env, &noting(&env, "[\"decision.opened\", \"run.done\"]"));
    let run = env.start_workflow("gated");
    env.wait_status(run, "waiting");
    wait_until("the question is told", || !env.note("told").is_empty());
    for takeovers in 2..4 {
        kill(env.wait_supervisor(run));
        env.supervise(run);
        wait_until("it has taken over", || {
            let records = env.records(run);
            let is_start = |record: &&Record| matches!(record.body, Body::SupervisorStarted(_));
            records.iter().filter(is_start).count() == takeovers
        });
    }
    env.ok(&["approve", "1", "--yes"]);
    assert_eq!(env.rest(run), "done");
    let told = ["decision.opened project#1", "run.done project#1"];
    assert_eq!(env.note("told"), told);

    // Nothing is left to be told by a supervisor that has to do without the file.
    std::fs::remove_file(env.run_dir(run).notices()).expect("removed");
    env.supervise(run);
    env.assert_nothing_lives();
    assert_eq!(env.note("told"), told);
}

#[test]
fn the_same_question_is_told_again_after_its_answer() {
    let env = TestEnv::new();
    env.agent_with(
        r#"cat >/dev/null
if [ $CREW_ATTEMPT_NUMBER -lt 3 ]; then echo '{"type":"question","text":"red or blue?"}'
else echo '{"type":"result","text":"painted"}'; fi"#,
        "output = \"crew\"\n",
    );
    env.workflow("one", "", "## paint\nrole: writer\n\n{goal}");
    add_config(&env, &noting(&env, "\"decision.opened\""));
    let run = env.start_workflow("one");
    for count in 1..=2 {
        wait_until("the question is told", || env.note("told").len() == count);
        wait_until("the question can be answered", || {
            env.output(&["answer", "1", "--text", "blue", "--yes"]).status.success()
        });
    }
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.note("told").len(), 2);
}

#[test]
fn a_hook_that_hangs_and_a_webhook_that_never_answers_hold_nothing_up() {
    if !has_curl() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let env = gated(&format!(
        "[notify]\ntimeout = \"700ms\"\nwebhook = \"http://{address}/token\"\ncommand = \"exit 7\"\n\
         [[hooks]]\non = \"*\"\ncommand = \"sleep 600\"\n"
    ));
    add_config(&env, &noting(&env, "\"run.done\""));
    let run = env.start_workflow("gated");
    env.wait_status(run, "waiting");
    env.ok(&["approve", "1", "--yes"]);
    wait_until("the run is done", || env.status_text(run) == "done");
    wait_until("the hook that works is run", || env.note("told") == ["run.done project#1"]);
    // The one that hangs has many more to be told of; the supervisor goes all the same, in time.
    let supervisor = env.supervisor(run);
    supervisor.into_iter().for_each(kill);
    for process in env.processes() {
        kill(process);
    }
    let log = supervisor_log(&env, run);
    assert!(!log.contains("/token"), "{log}");
}

#[test]
fn a_hook_that_hangs_meets_its_timeout_and_leaves_nothing_alive() {
    let env = gated("");
    let notes = env.notes();
    let hangs = format!("echo $$ >> {notes}/hook; echo it begins; sleep 600 & sleep 600");
    add_config(
        &env,
        &format!(
            "[notify]\ntimeout = \"700ms\"\n[[hooks]]\non = \"decision.opened\"\ncommand = '{hangs}'\n"
        ),
    );
    let run = env.start_workflow("gated");
    env.wait_status(run, "waiting");
    wait_until("the hook hangs", || !env.note("hook").is_empty());
    let pid = env.note("hook")[0].clone();
    wait_until("it is ended", || !std::path::Path::new("/proc").join(&pid).exists());
    wait_until("that is on record", || {
        let log = supervisor_log(&env, run);
        log.contains("took longer than 700ms and was ended") && log.contains("it begins")
    });
    env.ok(&["approve", "1", "--yes"]);
    assert_eq!(env.rest(run), "done");
}

#[test]
fn a_webhook_gets_one_request_for_each_notice() {
    if !has_curl() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (sender, bodies) = channel();
    std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut all = String::new();
            let mut buffer = [0; 4096];
            while !all.ends_with('}') {
                let count = stream.read(&mut buffer).expect("a request");
                assert!(count > 0, "it ends early: {all}");
                all.push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
            let answer = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
            std::io::Write::write_all(&mut stream, answer.as_bytes()).expect("answered");
            let (_, body) = all.split_once("\r\n\r\n").expect("a body");
            let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
            let told = format!("{} | {}", body["type"], body["title"]).replace('"', "");
            sender.send(told).expect("somebody waits");
        }
    });
    let next = || bodies.recv_timeout(Duration::from_mins(1)).expect("a request comes");
    let env = gated(&format!("[notify]\nwebhook = \"http://{address}/in\"\n"));
    let run = env.start_workflow("gated");
    assert_eq!(next(), "decision.opened | project#1: gate `ship-gate` waits for you");
    env.wait_status(run, "waiting");
    env.ok(&["approve", "1", "--yes"]);
    assert_eq!(next(), "run.done | project#1 is done");
    assert_eq!(env.rest(run), "done");
    assert!(bodies.try_recv().is_err(), "two are enough");
}

#[test]
fn a_hook_that_came_into_the_project_is_not_run_until_it_is_trusted() {
    let env = gated("");
    let run = env.start_workflow("gated");
    env.wait_status(run, "waiting");
    std::fs::create_dir_all(env.project().join(".crew")).expect("made");
    std::fs::write(env.project().join(".crew/config.toml"), noting(&env, "\"*\""))
        .expect("written");
    kill(env.wait_supervisor(run));
    env.supervise(run);
    env.ok(&["approve", "1", "--yes"]);
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.note("told"), Vec::<String>::new());
    let log = supervisor_log(&env, run);
    assert!(log.contains("the project is not trusted with it"), "{log}");
    let said = env.output(&["doctor"]);
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("hook on * is not used: not trusted"), "{said}");

    env.ok(&["trust", "--yes"]);
    let run = env.start_workflow("gated");
    wait_until("the hook is run", || !env.note("told").is_empty());
    env.ok(&["stop", &run.to_string()]);
    env.rest(run);
}

#[test]
fn whoever_watches_hears_the_bell_once() {
    let env = gated("");
    let agent = "cat >/dev/null; while [ ! -e $NOTES/go ]; do sleep 0.02; done; echo fine";
    env.program("agent.sh", agent);
    let run = env.start_workflow("gated");
    let plain = env.crew(&["status", "1", "--watch"]);
    let (pty, pts) = pty_process::blocking::open().expect("a terminal");
    let variables = plain.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let mut child = pty_process::blocking::Command::new(plain.get_program())
        .args(plain.get_args())
        .env_clear()
        .envs(variables)
        .env("TERM", "xterm-kitty")
        .current_dir(env.project())
        .spawn(pts)
        .expect("started");
    let reader = std::thread::spawn({
        let notes = env.notes();
        move || {
            let (mut all, mut bytes) = (Vec::new(), [0; 4096]);
            // At the end of a terminal there is an error.
            while let Ok(count @ 1..) = (&pty).read(&mut bytes) {
                all.extend_from_slice(&bytes[..count]);
                // The first screen is there: from now on it is watched.
                std::fs::write(notes.join("go"), "").expect("written");
            }
            String::from_utf8_lossy(&all).into_owned()
        }
    });
    env.wait_status(run, "waiting");
    env.ok(&["approve", "1", "--yes"]);
    assert!(child.wait().expect("it ends").success());
    let shown = reader.join().expect("read");
    assert_eq!(env.rest(run), "done");
    let told: Vec<&str> =
        shown.split("\u{1b}]9;").skip(1).filter_map(|rest| rest.split('\u{7}').next()).collect();
    let last = "project#1 is done: delivered\u{1b}\\";
    assert_eq!(told.last(), Some(&last), "{told:?}");
    // The yes may come before the look that would have told the question.
    assert!(told.len() <= 2 && shown.matches('\u{7}').count() == told.len(), "{told:?}");
}
