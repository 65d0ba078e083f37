//! What `crew diff` shows: a run, a task, a run that has ended, a branch that is gone.

use crate::project::TestEnv;

const TWO: &str = "## first\nrole: writer\n\nx\n\n## second\nrole: writer\ndependsOn: first\n\nx";

#[test]
fn the_work_of_a_run_and_of_each_of_its_tasks_is_shown() {
    let env = TestEnv::new();
    env.workflow("two", "", TWO);
    env.agent("cat >/dev/null; echo $CREW_TASK > $CREW_TASK.txt; echo done");
    let run = env.start_workflow("two");
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.ok(&["diff", "1", "--name-only"]), "first.txt\nsecond.txt\n");
    assert_eq!(env.ok(&["diff", "1", "second", "--name-only"]), "second.txt\n");
    assert_eq!(env.ok(&["diff", "1/first", "--name-only"]), "first.txt\n");
    let patch = env.ok(&["diff", "1"]);
    assert!(patch.contains("+++ b/first.txt\n@@ -0,0 +1 @@\n+first\n"), "{patch}");
    let json: serde_json::Value =
        serde_json::from_str(&env.ok(&["diff", "1", "--json"])).expect("JSON");
    assert_eq!(json["files"][0]["path"], "first.txt");
    assert_eq!(
        (json["files"][0]["added"].as_u64(), json["files"][0]["removed"].as_u64()),
        (Some(1), Some(0))
    );
    env.fails(6, &["diff", "1", "third"]);
}

#[test]
fn a_run_whose_branch_is_gone_says_what_it_shows() {
    let env = TestEnv::new();
    let run = env.merge_ready("echo made > made.txt", "", "");
    env.ok(&["merge", "1", "--yes"]);
    let worktree = env.state(run).worktree.expect("a worktree").path;
    env.git(&["worktree", "remove", "--force", worktree.as_str()]);
    env.git(&["branch", "-D", "crew/do-it"]);
    let output = env.output(&["diff", "1", "--name-only"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "made.txt\n");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("branch `crew/do-it` is gone; this is what `main` got from it"),
        "{said}"
    );
}

#[test]
fn a_run_without_a_branch_has_nothing_of_its_own() {
    let env = TestEnv::without_git();
    env.workflow("one", "", "## a\nrole: reader\n\nx");
    env.agent("cat >/dev/null; echo done");
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done");
    let said = env.fails(7, &["diff", "1"]);
    assert!(said.contains("no branch of its own"), "{said}");
}
