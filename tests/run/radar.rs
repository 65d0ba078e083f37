//! The conflict radar: two runs that change the same lines are told of each other before either is merged.

use crate::project::TestEnv;
use crate::support::wait_until;

/// Files and times of everything below `.git/objects`.
fn objects(env: &TestEnv) -> String {
    env.git(&["count-objects", "-v"])
}

fn conflicts(env: &TestEnv, run: u32) -> serde_json::Value {
    let output = env.output(&["status", &run.to_string(), "--json"]);
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    status["conflicts"].clone()
}

#[test]
fn two_runs_that_change_the_same_lines_know_of_each_other_and_nothing_is_written() {
    let env = TestEnv::new();
    let first =
        env.merge_ready("echo $CREW_RUN > README.md; echo $CREW_RUN > $CREW_RUN.txt", "", "");
    assert_eq!(conflicts(&env, first), serde_json::json!([]));
    let before = objects(&env);
    let second = env.start_workflow("one");
    env.wait_status(second, "waiting");
    wait_until("both know", || conflicts(&env, first)[0]["run"] == second);
    assert_eq!(conflicts(&env, second)[0]["run"], first);
    assert_eq!(conflicts(&env, second)[0]["files"], serde_json::json!(["README.md"]));
    let text = String::from_utf8(env.output(&["status", "2"]).stdout).expect("text");
    assert!(text.contains("conflicts with run #1 in README.md"), "{text}");
    let all = env.ok(&["status"]);
    assert_eq!(all.matches("run #1 conflicts with run #2 in README.md").count(), 1, "{all}");
    assert!(env.ok(&["why", "1"]).contains("would conflict with that of run #2 in README.md"));
    // The second has told it, once for the pair.
    wait_until("it is told", || {
        env.ok(&["timeline", "2"]).contains("would conflict in `README.md`")
    });
    assert!(!env.ok(&["timeline", "1"]).contains("would conflict"));
    // The commit of the second run, its tree and the one content of its files; no tree of a merge.
    let count = |text: &str| text.lines().next().and_then(|line| line[7..].parse::<u32>().ok());
    assert_eq!(count(&objects(&env)), count(&before).map(|count| count + 3));
    // Once one of them is merged, the pair is none any more.
    env.ok(&["merge", "1", "--yes"]);
    assert_eq!(conflicts(&env, second), serde_json::json!([]));
    // What it found may be deleted by anybody.
    std::fs::remove_file(env.run_dir(second).radar()).expect("removed");
    assert_eq!(conflicts(&env, second), serde_json::json!([]));
}

#[test]
fn two_runs_at_work_know_of_each_other_before_either_ends() {
    let env = TestEnv::new();
    env.agent(
        "cat >/dev/null
[ $CREW_TASK = write ] && { echo $CREW_RUN > README.md; echo done; exit; }
while [ ! -e $NOTES/go ]; do sleep 0.02; done; echo done",
    );
    let steps = "## write\nrole: writer\n\n{goal}\n\n## look\nrole: reader\ndependsOn: write\n\nx";
    env.workflow("two", "", steps);
    let runs = [env.start_workflow("two"), env.start_workflow("two")];
    for (run, other) in [(runs[0], runs[1]), (runs[1], runs[0])] {
        wait_until("it knows of the other", || conflicts(&env, run)[0]["run"] == other);
        assert_eq!(env.status_text(run), "running");
        let text =
            String::from_utf8(env.output(&["status", &run.to_string()]).stdout).expect("text");
        assert!(text.contains(&format!("conflicts with run #{other} in README.md")), "{text}");
    }
    let all = env.ok(&["status"]);
    assert!(all.contains("run #1 conflicts with run #2 in README.md"), "{all}");
    std::fs::write(env.notes().join("go"), "").expect("written");
    for run in runs {
        assert_eq!(env.rest(run), "done");
        assert_eq!(conflicts(&env, run), serde_json::json!([]));
    }
}
