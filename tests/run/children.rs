//! Runs that start runs, with real processes: the goal workflow from its plan to its review.

use std::process::Stdio;

use crew::base::RunNumber;
use crew::event::Body;
use crew::runtime::process::{self, Signal};

use crate::project::TestEnv;
use crate::support::wait_until;

/// A planner that proposes two runs, one after the other, and a reviewer that says what it was told.
const GOAL: &str = r#"cat > $NOTES/prompt.$CREW_TASK.$CREW_EPOCH.$$
case $CREW_TASK in
plan) cat > $NOTES/proposal.$$ <<'EOF'
{"runs":[{"key":"pages","goal":"make the pages","workflow":"one","after":["api"]},{"key":"api","goal":"make the api","workflow":"one"}]}
EOF
  crew tool propose $NOTES/proposal.$$ >> $NOTES/said 2>&1; echo "code $?" >> $NOTES/said
  echo the plan;;
review) crew tool write-gate goal-met-gate result=met; echo reviewed;;
*) HOOK
  echo $CREW_RUN >> $NOTES/worked; echo $CREW_RUN > made.txt; echo made it;;
esac"#;

fn goal(hook: &str) -> TestEnv {
    let env = TestEnv::new();
    env.workflow("one", "", "## work\nrole: writer\n\n{goal}");
    env.agent(&GOAL.replace("HOOK", if hook.is_empty() { ":" } else { hook }));
    env
}

fn start(env: &TestEnv) -> u32 {
    env.start("a shop", &["-w", "goal", "-a", "sh"])
}

/// Kinds of a run's events about its children, in order.
fn story(env: &TestEnv, run: u32) -> Vec<String> {
    let kinds = env.records(run).into_iter().map(|record| record.body.kind().to_owned());
    kinds.filter(|kind| kind.starts_with("child")).collect()
}

const WHOLE: [&str; 6] = [
    "children.proposed",
    "child.created",
    "child.created",
    "children.released",
    "child.ended",
    "child.ended",
];

#[test]
fn a_goal_becomes_two_runs_one_after_the_other_and_a_review() {
    let env = goal("");
    let run = start(&env);
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    assert_eq!(story(&env, run), WHOLE);
    assert_eq!(
        env.note("said")[0],
        "2 runs proposed: api, pages; they start when your turn has ended well"
    );
    let slug = env.state(run).created.project.clone();
    assert_eq!(
        env.note("worked"),
        [format!("{slug}#2"), format!("{slug}#3")],
        "in order, each once"
    );
    for (number, key, after) in [(2, "api", vec![]), (3, "pages", vec![RunNumber(2)])] {
        let child = env.state(number).created;
        let link = child.parent.clone().expect("it has a parent");
        assert_eq!((link.number.0, link.round, link.key.as_str()), (run, 1, key));
        assert_eq!((child.depth, &child.after, child.plan.workflow.as_str()), (1, &after, "one"));
        let records = env.records(number);
        assert_eq!(records[0].actor.to_string(), "agent:plan");
        let rules: Vec<String> = records
            .iter()
            .filter_map(|record| {
                let Body::RunTransitioned(moved) = &record.body else { return None };
                Some(format!("{:?}", moved.rule))
            })
            .collect();
        assert_eq!(rules[..3], ["T02", "T06", "T08"], "{rules:?}");
    }
    let review = std::fs::read_to_string(env.attempt(run, "review", 1).prompt()).expect("read");
    for part in [
        "- #2 (`api`), proposal 1: done (delivered), branch crew/make-the-api",
        "its goal: make the pages",
        "it said: made it",
    ] {
        assert!(review.contains(part), "{part}\n{review}");
    }
}

#[test]
fn a_parent_goes_on_when_the_work_of_its_children_is_merged() {
    let env = goal("");
    env.workflow(
        "one",
        "policy:\n  completion: { mode: merge }\n",
        "## work\nrole: writer\n\n{goal}",
    );
    let run = start(&env);
    for child in [2, 3] {
        wait_until("the child waits for its merge", || {
            env.has_run(child) && env.status_text(child) == "waiting"
        });
        assert_eq!(env.status_text(run), "waiting");
        let before = env.git(&["rev-parse", "HEAD"]);
        env.ok(&["merge", &child.to_string(), "--yes"]);
        env.assert_merged(child, &before);
    }
    // The second began with what the first had brought into the branch.
    let start = env.state(3).worktree.expect("a worktree").start.map(|(commit, _)| commit);
    assert_eq!(start, Some(env.git(&["rev-parse", "HEAD^1"])));
    wait_until("the parent is done", || env.status_text(run) == "done");
}

#[test]
fn a_supervisor_that_dies_anywhere_creates_and_starts_each_run_once() {
    for event in ["children.proposed", "child.created", "children.released", "child.ended"] {
        let env = goal("");
        let run = start(&env);
        wait_until(event, || story(&env, run).iter().any(|kind| kind == event));
        if let Some(supervisor) = env.supervisor(run) {
            drop(process::signal(supervisor, Signal::KILL));
            wait_until("it is gone", || !process::is_alive(supervisor));
        }
        env.ok(&["ls"]);
        assert_eq!(env.rest(run), "done", "killed at {event}: {:?}", env.status(run));
        assert_eq!(story(&env, run), WHOLE, "killed at {event}");
        assert_eq!(env.note("worked").len(), 2, "killed at {event}");
    }
}

#[test]
fn runs_that_are_created_by_several_processes_at_once_exist_once() {
    let env = goal("");
    let run = start(&env);
    wait_until("it is proposed", || !story(&env, run).is_empty());
    if let Some(supervisor) = env.supervisor(run) {
        drop(process::signal(supervisor, Signal::KILL));
    }
    let dir = env.dir();
    let words = ["children", dir.root().as_str(), dir.state().as_str(), dir.worktrees().as_str()];
    let others: Vec<_> = (0..4)
        .map(|_| {
            let mut command = env.crew(&[&words[..], &["1", "1"]].concat());
            command.stdout(Stdio::null()).spawn().expect("it starts")
        })
        .collect();
    for mut other in others {
        assert!(other.wait().expect("it ends").success());
    }
    env.ok(&["ls"]);
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    assert_eq!((env.note("worked").len(), story(&env, run).len()), (2, WHOLE.len()));
    assert!(env.run_dir(4).path().symlink_metadata().is_err(), "no third child");
}

#[test]
fn the_goal_workflow_is_played_by_rehearsal_agents() {
    let env = TestEnv::new();
    let run = env.start("a shop", &["-w", "goal", "-a", "rehearsal", "--speed", "100"]);
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    let flows: Vec<String> =
        [2, 3].map(|number| env.state(number).created.plan.workflow.clone()).into();
    assert_eq!(flows, ["fast-fix", "review"]);
    assert_eq!([env.status_text(2), env.status_text(3)], ["done", "done"]);
}

#[test]
fn children_end_with_their_parent() {
    let env = goal("touch $NOTES/begun; sleep 600");
    let run = start(&env);
    wait_until("the first child works", || env.notes().join("begun").exists());
    assert_eq!(env.status(run).kind().as_str(), "waiting");
    env.ok(&["stop", &run.to_string()]);
    for number in [2, 3] {
        assert_eq!(env.status_text(number), "cancelled(parent)");
    }
    assert_eq!(env.rest(run), "cancelled(stopped)");
    assert!(env.ok(&["why", "3"]).contains("run #1, which proposed it"));
    assert!(env.note("worked").is_empty());
}

#[test]
fn a_child_that_is_stopped_has_ended_and_the_review_is_told() {
    let env = goal("touch $NOTES/begun; sleep 600");
    let run = start(&env);
    wait_until("the first child works", || env.notes().join("begun").exists());
    let why = env.ok(&["why", "1"]);
    assert!(
        why.contains("it waits for the runs that it started: #2 (`api`), #3 (`pages`)"),
        "{why}"
    );
    assert!(
        why.contains("run #2 (`api`) is running") && why.contains("(`pages`) is queued"),
        "{why}"
    );
    let status = env.output(&["status", "1"]);
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    for part in ["STARTED", "#2", "running", "queued", "make the pages"] {
        assert!(status.contains(part), "{part}\n{status}");
    }
    let json: serde_json::Value =
        serde_json::from_slice(&env.output(&["status", "1", "--json"]).stdout).expect("JSON");
    assert_eq!(
        (&json["children"][1]["number"], &json["children"][1]["status"]),
        (&3.into(), &"queued".into())
    );
    assert!(env.ok(&["show", "2"]).contains("parent      #1"));
    assert!(env.ok(&["ls"]).contains("#2 of #1"));
    env.ok(&["stop", "2"]);
    // The second comes after the first, which will never be done.
    env.wait_status(3, "cancelled(parent)");
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    let review = std::fs::read_to_string(env.attempt(run, "review", 1).prompt()).expect("read");
    assert!(review.contains("(`api`), proposal 1: cancelled (stopped)"), "{review}");
}

#[test]
fn a_proposal_that_cannot_be_used_is_refused_with_all_reasons() {
    let env = goal("");
    env.agent(
        r#"cat >/dev/null
say() { crew tool propose $1 >> $NOTES/said 2>&1; echo "code $?" >> $NOTES/said; }
cd $NOTES
echo '{"runs":[{"key":"a","goal":"g","team":"dream"},{"key":"a","goal":" ","after":["z"]}]}' > wrong
echo '{"runs":[{"key":"a","goal":"g","after":["b"]},{"key":"b","goal":"g","after":["a"]}]}' > cycle
echo '{"phases":[]}' > tasks
[ $CREW_TASK = other ] && say cycle
[ $CREW_TASK = plan ] && { say wrong; say cycle; say tasks; }
echo done"#,
    );
    env.workflow("plans", "", "## other\nrole: reader\n\nx\n\n## plan\nrole: reader\nexpands: runs\ndependsOn: other\n\nx");
    let run = env.start_workflow("plans");
    assert_eq!(env.rest(run), "blocked(contract_violation)");
    let said = env.note("said").join("\n");
    for part in [
        "step `other` proposes no runs; plan may",
        "two runs have the key `a`",
        "run `a` has no goal",
        "the team `dream`, which is not there",
        "the runs `a`, `b` wait for each other",
        "CHILD_RUNS_JSON_START",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    assert!(!said.contains("code 0"), "{said}");
    assert!(env.run_dir(2).path().symlink_metadata().is_err(), "no run was created");
}

#[test]
fn runs_by_markers_and_a_child_that_cannot_be_created() {
    let env = TestEnv::new();
    env.workflow("one", "", "## work\nrole: writer\n\n{goal}");
    let broken = "---\nname: broken\ndescription: d\n---\n\n## work\nrole: nobody-plays-it\n\nx\n";
    std::fs::write(env.root.join("config/workflows/broken.workflow.md"), broken).expect("written");
    env.agent(
        r#"cat > $NOTES/prompt.$CREW_TASK.$CREW_ATTEMPT_NUMBER
workflow=broken; grep -q 'cannot be created' $NOTES/prompt.$CREW_TASK.$CREW_ATTEMPT_NUMBER && workflow=one
case $CREW_TASK in
plan) echo CHILD_RUNS_JSON_START; echo "{\"runs\":[{\"key\":\"good\",\"goal\":\"g\",\"workflow\":\"one\"},{\"key\":\"bad\",\"goal\":\"g\",\"workflow\":\"$workflow\"}]}"
  echo CHILD_RUNS_JSON_END;;
*) echo fine;;
esac"#,
    );
    env.workflow("plans", "", "## plan\nrole: reader\nexpands: runs\n\nx");
    let run = env.start_workflow("plans");
    assert_eq!(env.rest(run), "blocked(workflow_invalid)");
    let why = env.ok(&["why", "1"]);
    assert!(why.contains("run `bad`") && why.contains("nobody-plays-it"), "{why}");
    assert!(env.run_dir(2).path().symlink_metadata().is_err(), "all or none");
    env.ok(&["resume", "1"]);
    env.wait_status(run, "done");
    assert_eq!(env.rest(run), "done");
    assert_eq!((env.status_text(2).as_str(), env.status_text(3).as_str()), ("done", "done"));
}
