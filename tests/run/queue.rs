//! Several runs of one project: slots, order, dependencies.

use crate::project::TestEnv;
use crate::support::wait_until;

const ONE: &str = "## work\nrole: reader\n\n{goal}";

/// Agents note that they began and end when the test opens the door of their goal.
fn doors(limit: u32) -> TestEnv {
    let env = TestEnv::new();
    let path = env.program(
        "agent.sh",
        "cat > $NOTES/p.$$; goal=$(grep -o 'goal-[a-z0-9]*' $NOTES/p.$$ | head -1)
echo $goal >> $NOTES/began; while [ ! -e $NOTES/open.$goal ]; do sleep 0.02; done
[ -e $NOTES/fail.$goal ] && exit 1; echo ok",
    );
    env.whole_config(&format!(
        "[completion]\nmode = \"none\"\n[limits]\ngrace = \"400ms\"\nruns = {limit}\n[runtimes.sh]\ncommand = [\"{path}\"]\n"
    ));
    env.workflow("one", "", &ONE.replace("reader", "reader\nretries: 0"));
    env
}

fn open(env: &TestEnv, goal: &str) {
    std::fs::write(env.notes().join(format!("open.{goal}")), "").expect("written");
}

fn start(env: &TestEnv, goal: &str, more: &[&str]) -> u32 {
    env.start(goal, &[&["-w", "one", "-a", "sh"], more].concat())
}

/// Waits for the end of one run while others go on.
fn ended(env: &TestEnv, run: u32) -> String {
    wait_until("it has ended", || env.status(run).is_terminal());
    env.status_text(run)
}

#[test]
fn the_second_run_starts_when_the_first_ends() {
    let env = doors(1);
    let first = start(&env, "goal-a", &[]);
    let second = start(&env, "goal-b", &[]);
    wait_until("the first agent works", || env.note("began") == ["goal-a"]);
    assert_eq!(env.status_text(second), "queued");
    assert!(env.supervisor(second).is_none());
    open(&env, "goal-b");
    open(&env, "goal-a");
    wait_until("the first is done", || env.status_text(first) == "done");
    assert_eq!(env.rest(second), "done");
    assert_eq!(env.note("began"), ["goal-a", "goal-b"]);
}

#[test]
fn a_queued_run_that_nobody_looked_after_starts_with_the_next_command() {
    let env = doors(1);
    let first = start(&env, "goal-a", &[]);
    let second = start(&env, "goal-b", &[]);
    wait_until("the first agent works", || env.note("began") == ["goal-a"]);
    // There is room now, and nobody has told the one that works: as after a `crew run` that was killed.
    let path = env.root.join("config/config.toml");
    let config = std::fs::read_to_string(&path).expect("read").replace("runs = 1", "runs = 2");
    std::fs::write(&path, config).expect("written");
    env.ok(&["ls"]);
    wait_until("the second agent works", || env.note("began").len() == 2);
    for (run, goal) in [(second, "goal-b"), (first, "goal-a")] {
        open(&env, goal);
        wait_until("it is done", || env.status_text(run) == "done");
    }
    env.rest(first);
}

#[test]
fn two_runs_share_the_project_without_seeing_each_other() {
    let env = doors(2);
    let [first, second] = ["goal-a", "goal-b"].map(|goal| start(&env, goal, &[]));
    wait_until("both work", || env.note("began").len() == 2);
    open(&env, "goal-b");
    wait_until("the second is done", || env.status_text(second) == "done");
    assert_eq!(env.status_text(first), "running");
    open(&env, "goal-a");
    assert_eq!(env.rest(first), "done");
}

#[test]
fn urgent_runs_pass_those_that_wait() {
    let env = doors(1);
    let first = start(&env, "goal-a", &[]);
    let low = start(&env, "goal-low", &["--priority", "low"]);
    let normal = start(&env, "goal-normal", &[]);
    let urgent = start(&env, "goal-urgent", &["--priority", "urgent"]);
    for goal in ["goal-low", "goal-normal", "goal-urgent", "goal-a"] {
        open(&env, goal);
    }
    for run in [first, low, normal, urgent] {
        wait_until("it is done", || env.status_text(run) == "done");
    }
    env.assert_nothing_lives();
    assert_eq!(env.note("began"), ["goal-a", "goal-urgent", "goal-normal", "goal-low"]);
}

#[test]
fn a_run_after_another_waits_for_it_and_is_blocked_by_its_failure() {
    let env = doors(4);
    let first = start(&env, "goal-a", &[]);
    let second = start(&env, "goal-b", &["--after", "1"]);
    let bad = start(&env, "goal-c", &[]);
    let after_bad = start(&env, "goal-d", &["--after", "3"]);
    wait_until("the independent ones work", || env.note("began").len() == 2);
    assert_eq!([second, after_bad].map(|run| env.status_text(run)), ["queued", "queued"]);
    open(&env, "goal-b");
    open(&env, "goal-a");
    std::fs::write(env.notes().join("fail.goal-c"), "").expect("written");
    open(&env, "goal-c");
    wait_until("the second is done", || env.status_text(second) == "done");
    env.wait_status(after_bad, "blocked(dependency_failed)");
    assert_eq!(env.rest(first), "done");
    assert_eq!(env.status_text(bad), "failed(agent_failed)");
    env.fails(6, &["run", "x", "-w", "one", "-a", "sh", "--after", "99"]);
}

#[test]
fn the_slots_of_the_machine_are_shared_by_projects() {
    let env = doors(4);
    let path = env.root.join("agent.sh");
    env.whole_config(&format!("[limits]\nmachine = 1\n[runtimes.sh]\ncommand = [\"{path}\"]\n"));
    let first = start(&env, "goal-a", &[]);
    wait_until("the first agent works", || env.note("began").len() == 1);
    let second = start(&env, "goal-b", &[]);
    env.wait_status(second, "running");
    open(&env, "goal-b");
    open(&env, "goal-a");
    for run in [first, second] {
        wait_until("it is done", || env.status_text(run) == "done");
    }
    env.assert_nothing_lives();
    assert_eq!(env.note("began"), ["goal-a", "goal-b"]);
}

#[test]
fn runs_started_at_the_same_moment_get_their_own_numbers_and_all_end() {
    let env = TestEnv::new();
    let path = env.program("agent.sh", "cat >/dev/null; echo $CREW_RUN > own.txt; echo ok");
    env.whole_config(&format!(
        "[completion]\nmode = \"none\"\n[limits]\nruns = 2\n[runtimes.sh]\ncommand = [\"{path}\"]\n"
    ));
    env.workflow("one", "", "## work\nrole: writer\n\n{goal}");
    let mut numbers: Vec<u32> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| env.start("all at once", &["-w", "one", "-a", "sh"])))
            .collect();
        starts.into_iter().map(|start| start.join().expect("started")).collect()
    });
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=8).collect::<Vec<u32>>());
    for run in &numbers {
        env.wait_status(*run, "done");
        let slug = env.state(*run).created.slug.clone();
        assert_eq!(env.git(&["show", &format!("crew/{slug}:own.txt")]), format!("project#{run}"));
    }
    env.assert_nothing_lives();
}

#[test]
fn a_run_after_another_starts_from_what_that_has_brought_in() {
    let env = TestEnv::new();
    let path = env.program(
        "agent.sh",
        "cat > $NOTES/p.$$; grep -q goal-b $NOTES/p.$$ && { ls > $NOTES/seen; echo looked; exit; }
touch $NOTES/began; while [ ! -e $NOTES/open ]; do sleep 0.02; done; echo ok",
    );
    env.whole_config(&format!(
        "[limits]\ngrace = \"400ms\"\n[runtimes.sh]\ncommand = [\"{path}\"]\n"
    ));
    let steps = "## work\nrole: writer\n\n{goal}";
    env.workflow("first", "policy: { completion: { mode: none } }\n", steps);
    env.workflow("one", "", steps);
    env.start("goal-a", &["-w", "first", "-a", "sh"]);
    let second = start(&env, "goal-b", &["--after", "1"]);
    wait_until("the first works", || env.notes().join("began").exists());
    let created = env.state(second).created.git.clone().expect("it has a branch");
    std::fs::write(env.project().join("brought.txt"), "x").expect("written");
    env.git(&["add", "-A"]);
    env.git(&["commit", "-q", "-m", "brought in"]);
    std::fs::write(env.notes().join("open"), "").expect("written");
    wait_until("the second is done", || env.status_text(second) == "done");
    assert!(env.note("seen").contains(&"brought.txt".to_owned()), "{:?}", env.note("seen"));
    let state = env.state(second);
    let (commit, tree) = state.start_of_work().expect("it has a branch");
    assert!(commit != created.commit && tree != created.tree);
    assert_eq!(commit, env.git(&["rev-parse", "HEAD"]), "where the branch is now");
    assert!(env.ok(&["show", &second.to_string()]).contains("no_changes"), "it changed nothing");
    env.assert_nothing_lives();
}

#[test]
fn a_cancelled_run_takes_along_what_comes_after_it_and_after_that() {
    let env = doors(1);
    let busy = start(&env, "goal-busy", &[]);
    let first = start(&env, "goal-a", &[]);
    let second = start(&env, "goal-b", &["--after", "2"]);
    let third = start(&env, "goal-c", &["--after", "1", "--after", "3"]);
    let other = start(&env, "goal-d", &["--after", "1"]);
    env.ok(&["stop", &first.to_string()]);
    for run in [second, third] {
        env.wait_status(run, "cancelled(parent)");
    }
    assert_eq!(env.status_text(other), "queued");
    let why = env.ok(&["why", &third.to_string()]);
    assert!(why.contains("a run that it comes after was cancelled"), "{why}");
    open(&env, "goal-busy");
    open(&env, "goal-d");
    wait_until("the first is done", || env.status_text(busy) == "done");
    assert_eq!(env.rest(other), "done");
    assert_eq!(env.note("began"), ["goal-busy", "goal-d"]);
}

#[test]
fn a_run_that_was_put_away_undone_blocks_what_comes_after_it() {
    let env = doors(1);
    let first = start(&env, "goal-a", &[]);
    std::fs::write(env.notes().join("fail.goal-a"), "").expect("written");
    open(&env, "goal-a");
    env.wait_status(first, "failed");
    env.rest(first);
    let second = start(&env, "goal-b", &["--after", "1"]);
    env.wait_status(second, "blocked(dependency_failed)");
    env.ok(&["archive", &second.to_string()]);
    let third = start(&env, "goal-c", &["--after", "2"]);
    env.wait_status(third, "blocked(dependency_failed)");
    env.assert_nothing_lives();
}

#[test]
fn resumed_runs_go_before_new_ones_and_the_oldest_first() {
    let env = doors(1);
    let first = start(&env, "goal-a", &[]);
    wait_until("the first works", || env.note("began") == ["goal-a"]);
    let [older, newer, paused] = ["goal-b", "goal-c", "goal-d"].map(|goal| start(&env, goal, &[]));
    env.ok(&["pause", &paused.to_string()]);
    env.ok(&["resume", &paused.to_string()]);
    for goal in ["goal-b", "goal-c", "goal-d", "goal-a"] {
        open(&env, goal);
    }
    for run in [first, older, newer, paused] {
        wait_until("it is done", || env.status_text(run) == "done");
    }
    env.assert_nothing_lives();
    assert_eq!(env.note("began"), ["goal-a", "goal-d", "goal-b", "goal-c"]);
}

#[test]
fn runs_that_write_in_place_work_one_after_the_other_and_keep_nobody_else_back() {
    let env = doors(4);
    env.workflow("write", "", &ONE.replace("reader", "writer\nretries: 0"));
    let write = |goal: &str| env.start(goal, &["-w", "write", "-a", "sh", "--in-place", "--yes"]);
    let first = write("goal-a");
    let second = write("goal-b");
    let reader = start(&env, "goal-c", &[]);
    wait_until("the first and the reader work", || env.note("began").len() == 2);
    assert_eq!(env.status_text(second), "queued");
    open(&env, "goal-c");
    assert_eq!(ended(&env, reader), "done");
    // One that was stopped keeps its place until its agent is gone.
    env.ok(&["stop", &first.to_string()]);
    open(&env, "goal-b");
    assert_eq!(ended(&env, second), "done");
    env.assert_nothing_lives();
    let began = env.note("began");
    assert_eq!(began.last().map(String::as_str), Some("goal-b"), "{began:?}");
}

/// Whatever is started and looked at in one moment, no more runs are at work than may be.
#[test]
fn many_processes_that_run_the_queue_at_once_never_pass_the_limit() {
    let env = TestEnv::new();
    let path = env.program(
        "agent.sh",
        "cat >/dev/null; echo begins >> $NOTES/n; sleep 0.05; echo ends >> $NOTES/n; echo ok",
    );
    env.whole_config(&format!(
        "[completion]\nmode = \"none\"\n[limits]\nruns = 2\n[runtimes.sh]\ncommand = [\"{path}\"]\n"
    ));
    env.workflow("one", "", "## work\nrole: reader\n\n{goal}");
    let runs: Vec<u32> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| env.start("at once", &["-w", "one", "-a", "sh"])))
            .collect();
        for _ in 0..8 {
            scope.spawn(|| env.ok(&["status"]));
        }
        starts.into_iter().map(|start| start.join().expect("started")).collect()
    });
    for run in runs {
        env.wait_status(run, "done");
    }
    let (mut at_work, mut most) = (0, 0);
    for line in env.note("n") {
        at_work += if line == "begins" { 1 } else { -1 };
        most = most.max(at_work);
    }
    assert_eq!(at_work, 0);
    assert!((1..=2).contains(&most), "{most} at once");
    env.assert_nothing_lives();
}
