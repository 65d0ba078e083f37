//! Logs that were torn, damaged, or written by a newer version, met by the real program.

use std::fs;
use std::io::Write;

use crew::event::{Body, Hash};

use crate::accident::kill;
use crate::project::TestEnv;

/// A run whose agent waits until the test lets it go.
fn waiting() -> (TestEnv, u32) {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; touch $NOTES/begun; while [ ! -e $NOTES/go ]; do sleep 0.02; done; echo ok");
    env.workflow("two", "", "## a\nrole: writer\n\nx\n\n## b\nrole: reader\ndependsOn: a\n\nx");
    let run = env.start_workflow("two");
    env.wait_note("begun");
    (env, run)
}

fn go(env: &TestEnv) {
    fs::write(env.notes().join("go"), "").expect("written");
}

fn append(env: &TestEnv, run: u32, bytes: &[u8]) {
    let mut file =
        fs::OpenOptions::new().append(true).open(env.run_dir(run).events()).expect("log");
    file.write_all(bytes).expect("written");
}

/// Puts the chain of a log in order again after its lines were edited.
fn relink(lines: &[String]) -> String {
    let mut hash = Hash::default();
    let mut text = String::new();
    for line in lines {
        let (head, tail) = line.rsplit_once("\"prev\":\"").expect("a chained line");
        let line = format!("{head}\"prev\":\"{hash}{}", &tail[32..]);
        hash = Hash::of(line.as_bytes());
        text.push_str(&line);
        text.push('\n');
    }
    text
}

fn lines(env: &TestEnv, run: u32) -> Vec<String> {
    let text = fs::read_to_string(env.run_dir(run).events()).expect("log");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_torn_tail_is_cut_recorded_and_the_run_goes_on() {
    let (env, run) = waiting();
    kill(env.wait_supervisor(run));
    let seq = env.state(run).seq;
    append(&env, run, b"{\"seq\":8,\"at\":\"2026-01-01T00:00:00.000Z\",\"actor\":\"sup");
    env.supervise(run);
    go(&env);
    assert_eq!(env.rest(run), "done");
    let cut = env.records(run).iter().filter(|r| matches!(r.body, Body::LogTruncated(_))).count();
    assert_eq!(cut, 1);
    let torn = env.run_dir(run).path().read_dir_utf8().expect("folder").flatten();
    let torn: Vec<_> = torn.filter(|file| file.file_name().starts_with("events.torn-")).collect();
    assert_eq!(torn.len(), 1, "after event {seq}");
    assert_eq!(env.attempts(run, "a"), 1);
}

#[test]
fn a_torn_tail_under_a_living_supervisor_is_cut_by_it() {
    let (env, run) = waiting();
    append(&env, run, &[0; 300]);
    go(&env);
    assert_eq!(env.rest(run), "done");
    let whole = crew::store::log::verify(env.run_dir(run).events()).expect("read");
    assert!(whole.damage.is_none() && whole.torn.is_none(), "{whole:?}");
}

#[test]
fn a_log_damaged_in_the_middle_is_never_written_and_says_where() {
    let (env, run) = waiting();
    kill(env.wait_supervisor(run));
    let mut damaged = lines(&env, run);
    damaged[2] = damaged[2].replace("T08", "T09");
    let damaged = damaged.join("\n") + "\n";
    fs::write(env.run_dir(run).events(), &damaged).expect("written");
    for args in [&["stop", "1"][..], &["pause", "1"], &["send", "1", "hello"]] {
        let said = env.fails(8, args);
        assert!(said.contains("events.jsonl") && said.contains("line"), "{args:?}: {said}");
    }
    env.supervise(run);
    assert!(env.supervisor(run).is_none());
    // Another run of the project does not mind.
    go(&env);
    let other = env.start_workflow("two");
    assert_eq!(env.rest(other), "done");
    assert_eq!(fs::read_to_string(env.run_dir(run).events()).expect("log"), damaged);
}

#[test]
fn a_log_whose_seal_was_damaged_is_told_as_damaged_and_not_as_that_of_somebody_else() {
    let (env, run) = waiting();
    kill(env.wait_supervisor(run));
    let mut damaged = lines(&env, run);
    let (before, uid) = damaged[0].split_once("\"uid\":\"").expect("a name");
    let flipped = if uid.starts_with('0') { '1' } else { '0' };
    damaged[0] = format!("{before}\"uid\":\"{flipped}{}", &uid[1..]);
    fs::write(env.run_dir(run).events(), damaged.join("\n") + "\n").expect("written");
    for args in [&["pause", "1"][..], &["send", "1", "hello"], &["stop", "1"]] {
        let said = env.fails(8, args);
        assert!(said.contains("events.jsonl") && said.contains("line 2"), "{args:?}: {said}");
    }
    crate::support::wait_until("a stop ends what lives", || env.processes().is_empty());
}

#[test]
fn a_log_damaged_under_a_living_supervisor_is_never_written_again() {
    let (env, run) = waiting();
    let supervisor = env.wait_supervisor(run);
    let damaged = lines(&env, run)[1..].join("\n") + "\n";
    fs::write(env.run_dir(run).events(), &damaged).expect("written");
    go(&env);
    let shim = env.shim(run, "a", 1);
    crate::support::wait_until("the agent has ended", || {
        !crew::runtime::process::is_alive(shim.shim)
    });
    env.fails(8, &["stop", "1"]);
    assert_eq!(fs::read_to_string(env.run_dir(run).events()).expect("log"), damaged);
    drop(crew::runtime::process::signal(supervisor, crew::runtime::process::Signal::KILL));
    env.assert_nothing_lives();
}

#[test]
fn a_log_of_a_newer_format_is_shown_and_never_written() {
    let (env, run) = waiting();
    kill(env.wait_supervisor(run));
    let mut newer = lines(&env, run);
    newer[0] = newer[0].replace("\"format\":1", "\"format\":99");
    assert!(newer[0].contains("\"format\":99"), "{}", newer[0]);
    let newer = relink(&newer);
    fs::write(env.run_dir(run).events(), &newer).expect("written");
    fs::remove_file(env.run_dir(run).snapshot()).ok();
    let said = env.fails(8, &["stop", "1"]);
    assert!(said.contains("newer"), "{said}");
    env.supervise(run);
    assert!(env.supervisor(run).is_none());
    go(&env);
    env.assert_nothing_lives();
    assert_eq!(fs::read_to_string(env.run_dir(run).events()).expect("log"), newer);
}

#[test]
fn a_log_with_an_event_of_an_unknown_type_is_shown_and_never_written() {
    let (env, run) = waiting();
    kill(env.wait_supervisor(run));
    let mut all = lines(&env, run);
    let seq = all.len() + 1;
    all.push(format!(
        "{{\"seq\":{seq},\"at\":\"2026-05-01T09:30:00.123Z\",\"actor\":\"supervisor\",\"type\":\"moon.phase\",\
         \"epoch\":1,\"batch\":{seq},\"data\":{{\"full\":true}},\"prev\":\"{:032}\"}}",
        0
    ));
    let log = relink(&all);
    fs::write(env.run_dir(run).events(), &log).expect("written");
    let said = env.fails(8, &["stop", "1"]);
    assert!(said.contains("newer"), "{said}");
    env.supervise(run);
    assert!(env.supervisor(run).is_none());
    assert_eq!((env.task(run, "a"), env.state(run).seq), ("running".to_owned(), seq as u64));
    go(&env);
    env.assert_nothing_lives();
    assert_eq!(fs::read_to_string(env.run_dir(run).events()).expect("log"), log);
}

#[test]
fn projections_that_were_deleted_or_spoilt_change_nothing() {
    let (env, run) = waiting();
    kill(env.wait_supervisor(run));
    let dir = env.run_dir(run);
    fs::write(dir.snapshot(), "{\"garbage\":").expect("written");
    fs::remove_file(dir.workflow()).expect("removed");
    fs::write(dir.supervisor_json(), "").expect("written");
    fs::write(env.dir().project_json(), fs::read(env.dir().project_json()).expect("read"))
        .expect("same");
    env.supervise(run);
    go(&env);
    assert_eq!(env.rest(run), "done");
    assert!(dir.workflow().exists());
}

#[test]
fn a_run_of_an_older_version_is_taken_over_where_it_stands() {
    let (env, run) = waiting();
    let agent = env.shim(run, "a", 1).agent.expect("started");
    kill(env.wait_supervisor(run));
    let own = format!("\"version\":\"{}\"", env!("CARGO_PKG_VERSION"));
    let older: Vec<String> =
        lines(&env, run).iter().map(|line| line.replace(&own, "\"version\":\"0.0.1\"")).collect();
    fs::write(env.run_dir(run).events(), relink(&older)).expect("written");
    fs::write(env.run_dir(run).snapshot(), "{\"format\":0}").expect("written");
    env.ok(&["ls"]);
    env.wait_supervisor(run);
    assert!(crew::runtime::process::is_alive(agent), "it never notices");
    go(&env);
    env.wait_status(run, "done");
    assert_eq!((env.rest(run), env.attempts(run, "a")), ("done".to_owned(), 1));
    let versions: Vec<String> = env
        .records(run)
        .into_iter()
        .filter_map(|record| {
            if let Body::SupervisorStarted(started) = record.body {
                Some(started.version)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(versions, ["0.0.1", env!("CARGO_PKG_VERSION")]);
}
