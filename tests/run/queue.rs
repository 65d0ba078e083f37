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
