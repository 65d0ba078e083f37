//! Runs that schedules start: once for each time, one of a name, and never without trust.

use std::process::{Child, Stdio};

use crew::base::Time;

use crate::project::TestEnv;
use crate::support::wait_until;

const HOUR_MS: i64 = 60 * 60 * 1_000;

/// A project with one schedule, trusted; its agent works until the test opens the door.
fn scheduled(more: &str) -> TestEnv {
    let env = TestEnv::new();
    let script = "cat >/dev/null; echo $CREW_RUN >> $NOTES/began
while [ ! -e $NOTES/open ]; do sleep 0.02; done; echo ok";
    let path = env.program("agent.sh", script);
    env.whole_config(&format!(
        "[completion]\nmode = \"none\"\n[limits]\ngrace = \"400ms\"\n[runtimes.sh]\ncommand = [\"{path}\"]\n"
    ));
    env.workflow("one", "", "## work\nrole: reader\n\n{goal}");
    write(&env, "nightly", &format!("every = \"1h\"\n{more}"));
    env.ok(&["trust", "--yes"]);
    assert_eq!(once(&env), "", "it is seen for the first time");
    env
}

fn write(env: &TestEnv, name: &str, text: &str) {
    let folder = env.project().join(".crew/schedules");
    std::fs::create_dir_all(&folder).expect("made");
    let text = format!("goal = \"tidy up\"\nworkflow = \"one\"\nruntime = \"sh\"\n{text}");
    std::fs::write(folder.join(format!("{name}.toml")), text).expect("written");
}

/// One look; what it printed, without times.
fn once(env: &TestEnv) -> String {
    let text = env.ok(&["scheduler", "--once"]);
    let lines: Vec<&str> =
        text.lines().map(|line| line.split_once(' ').map_or(line, |(_, rest)| rest)).collect();
    lines.join("\n")
}

fn open(env: &TestEnv) {
    std::fs::write(env.notes().join("open"), "").expect("written");
}

/// Makes it so that everything remembered was so many hours earlier, and a second: no time comes twice.
fn pass(env: &TestEnv, hours: i64) {
    let path = env.dir().schedules_json();
    let text = std::fs::read_to_string(&path).expect("remembered");
    let mut memory: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    for known in memory["schedules"].as_object_mut().expect("by name").values_mut() {
        let anchor: Time = known["anchor"].as_str().and_then(|at| at.parse().ok()).expect("a time");
        known["anchor"] = Time(anchor.0 - hours * HOUR_MS - 1_000).to_string().into();
    }
    std::fs::write(path, memory.to_string()).expect("written");
}

fn runs(env: &TestEnv) -> usize {
    env.dir().runs().read_dir_utf8().map_or(0, Iterator::count)
}

#[test]
fn after_three_days_without_a_look_one_run_is_started() {
    let env = scheduled("");
    pass(&env, 72);
    let said = once(&env);
    assert!(said.contains("nightly: started: run #1"), "{said}");
    open(&env);
    assert_eq!(env.rest(1), "done");
    assert_eq!(once(&env), "");
    pass(&env, 1);
    assert!(once(&env).contains("started: run #2"));
    env.wait_status(2, "done");
    let list = env.ok(&["scheduler", "list", "--json"]);
    let list: serde_json::Value = serde_json::from_str(&list).expect("JSON");
    assert_eq!(list["schedules"][0]["run"], 2, "{list}");
    assert_eq!(runs(&env), 2);
    env.assert_nothing_lives();
}

#[test]
fn a_scheduler_that_died_before_it_remembered_starts_nothing_twice() {
    let env = scheduled("");
    pass(&env, 5);
    let path = env.dir().schedules_json();
    let before = std::fs::read_to_string(&path).expect("remembered");
    once(&env);
    open(&env);
    assert_eq!(env.rest(1), "done");
    let after = std::fs::read_to_string(&path).expect("remembered");
    std::fs::write(&path, &before).expect("written");
    assert!(once(&env).contains("run #1"), "it is the same run");
    assert_eq!(std::fs::read_to_string(&path).expect("remembered"), after);
    // Nothing is remembered at all.
    for text in ["", "{\"sche"] {
        std::fs::write(&path, text).expect("written");
        assert_eq!(once(&env), "");
    }
    assert_eq!(runs(&env), 1);
    env.assert_nothing_lives();
}

#[test]
fn of_one_name_there_are_never_two_runs_at_once() {
    let env = scheduled("");
    pass(&env, 1);
    once(&env);
    wait_until("the agent works", || env.note("began").len() == 1);
    pass(&env, 1);
    let said = once(&env);
    assert!(said.contains("skipped: run #1 of schedule `nightly` is running"), "{said}");
    assert_eq!(once(&env), "", "that time is over");
    let list = env.ok(&["scheduler", "list"]);
    assert!(list.contains("run #1 of schedule"), "{list}");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| env.fails(7, &["scheduler", "fire", "nightly"]));
        }
    });
    open(&env);
    env.wait_status(1, "done");
    std::fs::remove_file(env.notes().join("open")).expect("closed");
    let fired: Vec<std::process::Output> = std::thread::scope(|scope| {
        let all: Vec<_> =
            (0..6).map(|_| scope.spawn(|| env.output(&["scheduler", "fire", "nightly"]))).collect();
        all.into_iter().map(|one| one.join().expect("ended")).collect()
    });
    // Two of the same millisecond ask for the same run, and are told so.
    let started: std::collections::BTreeSet<_> =
        fired.iter().filter(|one| one.status.success()).map(|one| one.stdout.clone()).collect();
    assert_eq!(started.len(), 1, "{fired:?}");
    assert_eq!(runs(&env), 2);
    open(&env);
    assert_eq!(env.rest(2), "done");
}

#[test]
fn a_queued_time_waits_for_the_last_run_and_counts_once() {
    let env = scheduled("overlap = \"queue\"\n");
    pass(&env, 1);
    once(&env);
    pass(&env, 3);
    assert!(once(&env).contains("waits: run #1"));
    assert!(once(&env).contains("waits: run #1"));
    open(&env);
    assert_eq!(env.rest(1), "done");
    assert!(once(&env).contains("started: run #2"));
    assert_eq!(env.rest(2), "done");
    assert_eq!(once(&env), "");
}

#[test]
fn a_replaced_run_is_stopped_before_the_next_is_started() {
    let env = scheduled("overlap = \"replace\"\n");
    pass(&env, 1);
    once(&env);
    wait_until("the agent works", || env.note("began").len() == 1);
    pass(&env, 1);
    assert!(once(&env).contains("started: run #2"));
    env.wait_status(1, "cancelled(stopped)");
    open(&env);
    assert_eq!(env.rest(2), "done");
}

#[test]
fn a_draft_waits_for_a_person_and_keeps_the_next_back() {
    let env = scheduled("draft = true\nmax_steps = 7\npriority = \"low\"\n");
    pass(&env, 1);
    assert!(once(&env).contains("started: run #1"));
    assert_eq!(env.status_text(1), "draft");
    let created = env.state(1).created.clone();
    assert_eq!(created.policy.budget.steps, Some(7));
    assert_eq!(created.priority, crew::event::Priority::Low);
    pass(&env, 1);
    assert!(once(&env).contains("skipped: run #1 of schedule `nightly` is draft"));
    assert_eq!(runs(&env), 1);
}

#[test]
fn a_schedule_that_nobody_trusted_starts_nothing_and_says_so() {
    let env = scheduled("");
    pass(&env, 1);
    write(&env, "nightly", "every = \"1h\"\nvalidate = \"true\"\n");
    let said = once(&env);
    assert!(
        said.contains("nightly: untrusted: the project is not trusted; `crew trust`"),
        "{said}"
    );
    assert!(env.fails(5, &["scheduler", "fire", "nightly"]).contains("crew trust"));
    assert_eq!(runs(&env), 0);
    env.ok(&["trust", "--yes"]);
    assert!(once(&env).contains("started: run #1"));
    open(&env);
    assert_eq!(env.rest(1), "done");
}

#[test]
fn a_broken_file_is_told_and_the_others_go_on() {
    let env = scheduled("");
    write(&env, "broken", "evrey = \"1h\"\n");
    write(&env, "lost", "every = \"1h\"\nteam = \"nobody\"\n");
    env.ok(&["trust", "--yes"]);
    once(&env);
    pass(&env, 1);
    let said = once(&env);
    for wanted in [
        ".crew/schedules/broken.toml:4: broken: unknown field `evrey`; did you mean `every`?",
        "lost: skipped: no team is called `nobody`",
        "nightly: started: run #1",
    ] {
        assert!(said.contains(wanted), "{wanted}\n{said}");
    }
    assert!(env.fails(6, &["scheduler", "fire", "nihgtly"]).contains("did you mean `nightly`?"));
    open(&env);
    assert_eq!(env.rest(1), "done");
}

/// A scheduler in the foreground.
fn serve(env: &TestEnv) -> Child {
    let out = std::fs::File::create(env.notes().join("served")).expect("made");
    let mut command = env.crew(&["scheduler"]);
    let child = command.stdout(Stdio::from(out)).spawn().expect("started");
    wait_until("it serves", || env.dir().scheduler_json().exists());
    child
}

#[test]
fn in_the_foreground_it_sees_new_files_looks_after_lost_runs_and_ends_when_it_is_told() {
    let env = scheduled("");
    let lost = env.start("lost", &["-w", "one", "-a", "sh"]);
    wait_until("the agent works", || env.note("began").len() == 1);
    let supervisor = env.supervisor(lost).expect("lives");
    crew::runtime::process::signal(supervisor, rustix::process::Signal::KILL).expect("killed");
    wait_until("it is gone", || env.supervisor(lost).is_none());
    let mut child = serve(&env);
    wait_until("the run goes on", || env.supervisor(lost).is_some());
    let second = env.fails(7, &["scheduler", "--once"]);
    assert!(second.contains(&format!("(process {}, since ", child.id())), "{second}");
    // The file is seen at once, and after a second it is due.
    write(&env, "often", "every = \"1s\"\n");
    env.ok(&["trust", "--yes"]);
    wait_until("a run was started", || runs(&env) == 2);
    let pid = crew::runtime::process::Pid::of(child.id()).expect("lives");
    crew::runtime::process::signal(pid, rustix::process::Signal::TERM).expect("told to end");
    assert!(child.wait().expect("ended").success());
    assert!(env.supervisor(2).is_some(), "the run goes on without it");
    open(&env);
    env.wait_status(lost, "done");
    env.wait_status(2, "done");
    env.assert_nothing_lives();
    let said = env.note("served").join("\n");
    assert!(said.contains("#1: recovered: had lost its supervisor"), "{said}");
    assert!(said.contains("often: started: run #2"), "{said}");
}

#[test]
fn agents_may_not_serve_schedules() {
    let env = scheduled("");
    let output = env.crew(&["scheduler", "--once"]).env("CREW_ATTEMPT", "x").output().expect("ran");
    assert_eq!(output.status.code(), Some(7));
}
