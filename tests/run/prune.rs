//! What becomes of worktrees after their runs: archived, pruned, and brought back.

use std::fs;

use crate::project::TestEnv;

const ONE: &str = "## work\nrole: writer\n\n{goal}";

fn ended(goal: &str) -> (TestEnv, u32) {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; echo new > \"new file.txt\"; echo ok");
    env.workflow("one", "", ONE);
    let run = env.start(goal, &["-w", "one", "-a", "sh"]);
    assert_eq!(env.rest(run), "done");
    (env, run)
}

fn said(env: &TestEnv, args: &[&str]) -> String {
    let output = env.output(args);
    assert!(output.status.success(), "{output:?}");
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn archiving_says_first_what_would_go_and_undo_brings_it_back() {
    let (env, run) = ended("do it");
    let worktree = env.state(run).worktree.expect("made").path;
    fs::write(worktree.join("notes.txt"), "mine").expect("written");
    let told = said(&env, &["archive", "1"]);
    assert!(told.contains("1 commit, 1 untracked"), "{told}");
    assert!(
        told.contains("branch `crew/do-it` stays: its commits are in no other branch"),
        "{told}"
    );
    assert!(told.contains("`crew archive 1 --yes` does it"), "{told}");
    assert_eq!((env.status_text(run).as_str(), worktree.is_dir()), ("done", true));
    let told = said(&env, &["archive", "1", "--yes"]);
    assert!(told.contains("`crew undo` brings both back"), "{told}");
    assert_eq!((env.status_text(run).as_str(), worktree.is_dir()), ("archived", false));
    assert_eq!(env.git(&["show", "crew/do-it:new file.txt"]), "new");
    // Nobody is sent to a folder that is gone.
    for verb in ["show", "status"] {
        let told = String::from_utf8(env.output(&[verb, "1"]).stdout).expect("text");
        assert!(told.contains("removed; its commits are on branch crew/do-it"), "{told}");
        assert!(!told.contains(worktree.as_str()), "{told}");
    }
    let json = env.ok(&["ls", "--json"]);
    assert!(json.contains("\"removed\":true"), "{json}");
    env.git(&["branch", "-m", "crew/do-it", "kept"]);
    let told = env.ok(&["show", "1"]);
    assert!(told.contains("removed with its branch crew/do-it"), "{told}");
    env.git(&["branch", "-m", "kept", "crew/do-it"]);
    assert!(said(&env, &["timeline", "1"]).contains("`crew archive` removed the worktree"));
    let list = said(&env, &["salvage", "list"]);
    assert!(list.contains("do-it/") && list.contains("1 commit, 1 untracked"), "{list}");
    let told = said(&env, &["undo"]);
    assert!(told.contains("the last `crew archive` is undone"), "{told}");
    // The run is what it was: left in the archive, its worktree would be removed again.
    assert!(told.contains("run #1 is done again"), "{told}");
    assert_eq!(env.status_text(run), "done");
    let told = said(&env, &["prune", "--yes"]);
    assert!(worktree.is_dir(), "{told}");
    assert_eq!(fs::read_to_string(worktree.join("notes.txt")).expect("back"), "mine");
    assert_eq!(env.git(&["for-each-ref", "refs/crew/salvage"]), "");
    assert!(said(&env, &["undo"]).contains("nothing was removed that could come back"));
}

#[test]
fn a_run_without_a_worktree_is_archived_at_once() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; echo ok");
    env.workflow("look", "", "## look\nrole: reader\n\n{goal}");
    let run = env.start_workflow("look");
    assert_eq!(env.rest(run), "done");
    assert!(said(&env, &["archive", "1"]).contains("run #1 is archived"));
    assert_eq!(env.status_text(run), "archived");
}

#[test]
fn merged_worktrees_are_pruned_with_their_branch_and_others_when_they_are_old() {
    let (env, _) = ended("merged");
    let run = env.start("not merged", &["-w", "one", "-a", "sh"]);
    assert_eq!(env.rest(run), "done");
    env.git(&["merge", "-q", "crew/merged"]);
    let told = said(&env, &["prune"]);
    assert!(told.contains("merged into main") && !told.contains("not-merged"), "{told}");
    assert!(told.contains("`crew prune --yes` removes 1 worktree"), "{told}");
    let told = said(&env, &["prune", "--yes"]);
    assert!(told.contains("1 worktree removed"), "{told}");
    assert_eq!(
        env.git(&["branch", "--list", "crew/*"]).trim_start_matches("+ "),
        "crew/not-merged"
    );
    assert!(!env.dir().worktree("merged").exists() && env.dir().worktree("not-merged").exists());
    let told = said(&env, &["prune", "--older-than", "0s", "--yes"]);
    assert!(told.contains("ended") && told.contains("(the branch stays)"), "{told}");
    assert!(!env.dir().worktree("not-merged").exists());
    assert_eq!(env.git(&["branch", "--list", "crew/*"]).trim(), "crew/not-merged");
    assert!(said(&env, &["undo"]).contains("the last `crew prune` is undone"));
    assert!(env.dir().worktree("not-merged").join("new file.txt").is_file());
    // The one before is still there to be undone, too.
    assert!(said(&env, &["undo"]).contains("on branch `crew/merged`"));
    assert!(env.dir().worktree("merged").join("new file.txt").is_file());
}

#[test]
fn the_scheduler_prunes_what_is_over_and_leaves_what_no_run_knows() {
    let (env, _) = ended("merged");
    env.git(&["merge", "-q", "crew/merged"]);
    let stranger = env.dir().worktree("a-stranger");
    env.git(&["worktree", "add", "-q", stranger.as_str(), "-b", "elsewhere"]);
    let told = said(&env, &["scheduler", "--once"]);
    assert!(told.contains("removed: worktree merged: its time is over"), "{told}");
    assert!(!env.dir().worktree("merged").exists() && stranger.exists());
    assert!(said(&env, &["undo"]).contains("on branch `crew/merged`"));
}

#[test]
fn worktrees_of_runs_that_may_go_on_stay_whatever_is_asked_for() {
    let env = TestEnv::new();
    env.whole_config("[limits]\ngrace = \"400ms\"\n");
    let path = env.program("agent.sh", "cat >/dev/null; echo new > new.txt; echo ok");
    env.whole_config(&format!(
        "[limits]\ngrace = \"400ms\"\n[runtimes.sh]\ncommand = [\"{path}\"]\n"
    ));
    env.workflow("one", "", ONE);
    let run = env.start_workflow("one");
    env.wait_status(run, "waiting");
    let told = said(&env, &["prune", "--older-than", "0s", "--yes"]);
    assert!(told.contains("no worktree may go now"), "{told}");
    env.fails(7, &["archive", "1", "--yes"]);
    assert!(env.dir().worktree("do-it").join("new.txt").is_file());
    env.ok(&["stop", "1"]);
    env.rest(run);
}

#[test]
fn folders_that_no_run_knows_go_only_by_name_and_come_back() {
    let (env, _) = ended("do it");
    let stray = env.dir().worktree("stray");
    fs::create_dir_all(stray.join("deep")).expect("made");
    fs::write(stray.join("deep/a\nb"), "x").expect("written");
    let told = said(&env, &["prune"]);
    assert!(told.contains("stray") && told.contains("no run knows it"), "{told}");
    assert!(stray.is_dir());
    said(&env, &["prune", "--yes"]);
    assert!(!stray.exists() && env.dir().worktree("do-it").is_dir());
    said(&env, &["salvage", "restore", "stray"]);
    assert_eq!(fs::read_to_string(stray.join("deep/a\nb")).expect("back"), "x");
}

#[test]
fn a_run_can_be_reopened_after_its_worktree_was_pruned() {
    let (env, run) = ended("do it");
    said(&env, &["prune", "--older-than", "0s", "--yes"]);
    env.git(&["branch", "-D", "crew/do-it"]);
    env.ok(&["reopen", "1", "--text", "more"]);
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    // The branch came back at the commit that the log knows, not at the start.
    assert_eq!(env.git(&["show", "crew/do-it:new file.txt"]), "new");
    assert_eq!(env.git(&["log", "--format=%s", "main..crew/do-it"]).lines().count(), 1);
}

#[test]
fn what_cannot_be_put_away_is_named_and_nothing_changes() {
    let (env, run) = ended("do it");
    let worktree = env.state(run).worktree.expect("made").path;
    env.git(&["worktree", "lock", worktree.as_str()]);
    let told = env.fails(7, &["archive", "1", "--yes"]);
    assert!(
        told.contains("so it is not archived") && told.contains("git worktree unlock"),
        "{told}"
    );
    assert_eq!((env.status_text(run).as_str(), worktree.is_dir()), ("done", true));
    let told = env.fails(7, &["prune", "--older-than", "0s", "--yes"]);
    assert!(told.contains("do-it stays: it is locked"), "{told}");
}

#[test]
fn a_salvage_can_become_a_branch_and_be_dropped() {
    let (env, run) = ended("do it");
    let worktree = env.state(run).worktree.expect("made").path;
    fs::write(worktree.join("notes.txt"), "mine").expect("written");
    said(&env, &["archive", "1", "--yes"]);
    said(&env, &["salvage", "restore", "1", "--branch", "rescued"]);
    assert_eq!(env.git(&["show", "rescued:notes.txt"]), "mine");
    assert!(env.fails(6, &["salvage", "restore", "nothing"]).contains("`crew salvage list`"));
    let told = said(&env, &["salvage", "drop", "last"]);
    assert!(told.contains("would be forgotten") && told.contains("--yes"), "{told}");
    said(&env, &["salvage", "drop", "last", "--yes"]);
    let list: serde_json::Value =
        serde_json::from_str(&env.ok(&["salvage", "list", "--json"])).expect("JSON");
    assert_eq!(list, serde_json::json!({"schema_version": 1, "salvages": []}));
}
