//! Finished work is taken over: the target, its checkouts and nothing else change; or nothing does.

use std::fs;

use crate::merged::Frozen;
use crate::project::TestEnv;

const WRITE: &str = "echo made > made.txt; echo more >> README.md";

#[test]
fn finished_work_becomes_one_merge_commit_and_the_checkout_follows() {
    let env = TestEnv::new();
    let run = env.merge_ready(WRITE, "", "");
    let before = env.git(&["rev-parse", "HEAD"]);
    fs::write(env.project().join("mine.txt"), "not in git\n").expect("written");
    let output = env.output(&["merge", "1", "--yes"]);
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("run #1 is merged: `main` is at "), "{said}");
    fs::remove_file(env.project().join("mine.txt")).expect("still there");
    env.assert_merged(run, &before);
    assert_eq!(fs::read_to_string(env.project().join("made.txt")).expect("read"), "made\n");
    assert_eq!(env.git(&["rev-parse", "HEAD^2"]), env.git(&["rev-parse", "crew/do-it"]));
    assert!(env.ok(&["status", "1"]).contains("merged"));
    // The same word again is the same outcome.
    assert!(env.output(&["merge", "1", "--yes"]).status.success());
    env.assert_merged(run, &before);
}

#[test]
fn the_result_is_made_from_the_newest_commit_of_the_target() {
    let env = TestEnv::new();
    let run = env.merge_ready(WRITE, "", "");
    env.commit("other.txt", "other\n");
    let before = env.git(&["rev-parse", "HEAD"]);
    env.ok(&["merge", "1", "--yes"]);
    env.assert_merged(run, &before);
    assert!(env.project().join("other.txt").is_file() && env.project().join("made.txt").is_file());
}

#[test]
fn a_conflict_names_the_files_and_changes_nothing() {
    let env = TestEnv::new();
    let run = env.merge_ready("echo theirs > README.md", "", "");
    env.commit("README.md", "ours\n");
    let before = Frozen::of(&env);
    let said = env.fails(7, &["merge", "1", "--yes"]);
    assert!(said.contains("(conflict)") && said.contains("`README.md`"), "{said}");
    before.holds(&env);
    assert_eq!(env.status_text(run), "waiting");
    let status = env.output(&["status", "1", "--json"]);
    let status = String::from_utf8(status.stdout).expect("text");
    assert!(status.contains("\"wait_detail\":\"error\""), "{status}");
    let why = env.ok(&["why", "1"]);
    assert!(why.contains("conflict") && why.contains("README.md"), "{why}");
    // A person takes the obstacle away, and the same run merges.
    env.commit("README.md", "# sample\n");
    let before = env.git(&["rev-parse", "HEAD"]);
    env.ok(&["merge", "1", "--yes"]);
    env.assert_merged(run, &before);
}

#[test]
fn changes_that_are_not_committed_stand_in_the_way() {
    let env = TestEnv::new();
    let run = env.merge_ready(WRITE, "", "");
    for (name, stage) in [("README.md", false), ("README.md", true)] {
        fs::write(env.project().join(name), "mine\n").expect("written");
        if stage {
            env.git(&["add", name]);
        }
        let before = Frozen::of(&env);
        let said = env.fails(7, &["merge", "1", "--yes"]);
        assert!(said.contains("(dirty)") && said.contains("`README.md`"), "{said}");
        before.holds(&env);
    }
    env.git(&["reset", "-q", "--hard"]);
    // A file that git does not know, ignored or not, is not overwritten.
    for ignored in [false, true] {
        if ignored {
            fs::write(env.project().join(".git/info/exclude"), "made.txt\n.crew\n")
                .expect("written");
        }
        fs::write(env.project().join("made.txt"), "mine\n").expect("written");
        let before = Frozen::of(&env);
        let said = env.fails(7, &["merge", "1", "--yes"]);
        assert!(said.contains("(dirty)") && said.contains("`made.txt`"), "{said}");
        before.holds(&env);
    }
    fs::remove_file(env.project().join("made.txt")).expect("removed");
    let before = env.git(&["rev-parse", "HEAD"]);
    env.ok(&["merge", "1", "--yes"]);
    env.assert_merged(run, &before);
}

#[test]
fn where_the_workflow_allows_it_other_changes_stay_beside_the_merge() {
    let env = TestEnv::new();
    env.commit("other.txt", "one\n");
    let front = "policy:\n  completion: { mode: merge, requireCleanRepo: false }\n";
    let run = env.merge_ready(WRITE, front, "");
    fs::write(env.project().join("README.md"), "mine\n").expect("written");
    let before = Frozen::of(&env);
    let said = env.fails(7, &["merge", "1", "--yes"]);
    assert!(said.contains("(dirty)") && said.contains("`README.md`"), "{said}");
    before.holds(&env);
    env.git(&["checkout", "-q", "README.md"]);
    fs::write(env.project().join("other.txt"), "mine\n").expect("written");
    fs::write(env.project().join("staged.txt"), "mine\n").expect("written");
    env.git(&["add", "staged.txt"]);
    env.ok(&["merge", "1", "--yes"]);
    assert_eq!(env.status_text(run), "done");
    assert_eq!(env.git(&["status", "--porcelain"]), " M other.txt\nA  staged.txt");
    assert_eq!(env.git(&["show", "HEAD:other.txt"]), "one");
    assert!(env.project().join("made.txt").is_file());
}

#[test]
fn a_flag_of_the_index_that_hides_changes_hides_them_not_from_a_merge() {
    let env = TestEnv::new();
    env.merge_ready(WRITE, "", "");
    env.git(&["update-index", "--assume-unchanged", "README.md"]);
    fs::write(env.project().join("README.md"), "mine\n").expect("written");
    let before = Frozen::of(&env);
    let said = env.fails(7, &["merge", "1", "--yes"]);
    assert!(said.contains("(dirty)") && said.contains("`README.md`"), "{said}");
    before.holds(&env);
}

#[test]
fn hooks_run_as_for_any_merge_and_may_say_no() {
    let env = TestEnv::new();
    let run = env.merge_ready(WRITE, "", "");
    let before = Frozen::of(&env);
    for name in ["pre-merge-commit", "commit-msg"] {
        let hook = env.hook(name, "echo 'no merges on saturdays' >&2; exit 1");
        let said = env.fails(7, &["merge", "1", "--yes"]);
        assert!(said.contains("(hook)") && said.contains("no merges on saturdays"), "{said}");
        before.holds(&env);
        fs::remove_file(hook).expect("removed");
    }
    let hook = env.hook("commit-msg", "echo 'Reviewed-by: a hook' >> \"$1\"");
    let before = env.git(&["rev-parse", "HEAD"]);
    env.ok(&["merge", "1", "--yes"]);
    fs::remove_file(hook).expect("removed");
    env.assert_merged(run, &before);
    assert!(env.git(&["log", "-1", "--format=%B"]).contains("Reviewed-by: a hook"));
}

#[test]
fn red_on_the_merged_tree_is_not_merged_although_both_sides_were_green() {
    let env = TestEnv::new();
    // Green on each side: together there are two files too many.
    let check = "test ! -e made.txt || test ! -e other.txt || { echo both are there; exit 4; }";
    let config =
        format!("[validation.commands]\ntest = \"{check}\"\n[validation]\ndefault = \"test\"");
    let run = env.merge_ready(WRITE, "", &config);
    env.commit("other.txt", "other\n");
    let before = Frozen::of(&env);
    let said = env.fails(7, &["merge", "1", "--yes"]);
    assert!(said.contains("(red)") && said.contains("both are there"), "{said}");
    before.holds(&env);
    env.git(&["rm", "-q", "other.txt"]);
    env.git(&["commit", "-q", "-m", "gone"]);
    let before = env.git(&["rev-parse", "HEAD"]);
    env.ok(&["merge", "1", "--yes"]);
    env.assert_merged(run, &before);
}

#[test]
fn the_merged_tree_is_made_ready_before_it_is_judged() {
    let env = TestEnv::new();
    env.commit(".gitignore", "deps\nlocal.env\n");
    fs::write(env.project().join("local.env"), "here\n").expect("written");
    let check = "test -f deps && test -f local.env";
    let config = format!(
        "[worktree]\nsetup = [\"echo made > deps\"]\ncopy = [\"local.env\"]\n\
         [validation.commands]\ntest = \"{check}\"\n[validation]\ndefault = \"test\""
    );
    let run = env.merge_ready(WRITE, "", &config);
    // The merged tree is another one than the run's, so it is judged in a folder of its own.
    env.commit("other.txt", "other\n");
    let before = env.git(&["rev-parse", "HEAD"]);
    env.ok(&["merge", "1", "--yes"]);
    env.assert_merged(run, &before);
}

#[test]
fn another_branch_and_one_that_nobody_has_checked_out() {
    let env = TestEnv::new();
    let run = env.merge_ready(WRITE, "", "");
    let said = env.fails(7, &["merge", "1", "--yes", "--into", "relase"]);
    assert!(said.contains("(missing)") && said.contains("`relase`"), "{said}");
    env.git(&["branch", "release"]);
    let before = env.git(&["rev-parse", "HEAD"]);
    env.ok(&["merge", "1", "--yes", "--into", "release"]);
    assert_eq!(env.status_text(run), "done");
    assert_eq!(env.git(&["rev-parse", "HEAD"]), before);
    assert_eq!(env.git(&["rev-parse", "release^1"]), before);
    assert_eq!(env.git(&["status", "--porcelain"]), "");
    assert!(!env.project().join("made.txt").exists());
}

#[test]
fn a_detached_head_has_no_target_until_one_is_named() {
    let env = TestEnv::new();
    env.git(&["checkout", "-q", "--detach"]);
    let run = env.merge_ready(WRITE, "", "");
    let said = env.fails(7, &["merge", "1", "--yes"]);
    assert!(said.contains("`crew merge 1 --into BRANCH`"), "{said}");
    env.ok(&["merge", "1", "--yes", "--into", "main"]);
    assert_eq!(env.status_text(run), "done");
    assert!(env.git(&["show", "main:made.txt"]) == "made");
}

#[test]
fn a_target_that_was_renamed_is_named_anew() {
    let env = TestEnv::new();
    let run = env.merge_ready(WRITE, "", "");
    env.git(&["branch", "-m", "main", "trunk"]);
    let before = Frozen::of(&env);
    let said = env.fails(7, &["merge", "1", "--yes"]);
    assert!(said.contains("(missing)") && said.contains("--into BRANCH"), "{said}");
    before.holds(&env);
    let before = env.git(&["rev-parse", "HEAD"]);
    env.ok(&["merge", "1", "--yes", "--into", "trunk"]);
    env.assert_merged(run, &before);
}

#[test]
fn a_branch_that_was_deleted_by_hand_has_lost_nothing() {
    let env = TestEnv::new();
    let run = env.merge_ready(WRITE, "", "");
    let worktree = env.state(run).worktree.expect("a worktree").path;
    env.git(&["worktree", "remove", "--force", worktree.as_str()]);
    env.git(&["branch", "-D", "crew/do-it"]);
    let before = env.git(&["rev-parse", "HEAD"]);
    env.ok(&["merge", "1", "--yes"]);
    env.assert_merged(run, &before);
}

#[test]
fn work_that_a_person_merged_by_hand_is_merged() {
    let env = TestEnv::new();
    let run = env.merge_ready(WRITE, "", "");
    env.git(&["merge", "-q", "--no-ff", "-m", "by hand", "crew/do-it"]);
    let before = Frozen::of(&env);
    env.ok(&["merge", "1", "--yes"]);
    before.holds(&env);
    assert_eq!(env.status_text(run), "done");
    assert!(env.ok(&["status", "1", "--json"]).contains("\"outcome\":\"merged\""));
}

#[test]
fn a_checkout_in_the_middle_of_something_is_left_alone() {
    let env = TestEnv::new();
    env.merge_ready(WRITE, "", "");
    env.git(&["checkout", "-q", "-b", "side"]);
    env.commit("side.txt", "one\n");
    env.git(&["checkout", "-q", "main"]);
    env.git(&["merge", "-q", "--no-ff", "--no-commit", "side"]);
    let before = Frozen::of(&env);
    let said = env.fails(7, &["merge", "1", "--yes"]);
    assert!(said.contains("(dirty)") && said.contains("in the middle of a merge"), "{said}");
    before.holds(&env);
}

#[test]
fn an_index_that_another_git_holds_is_not_taken_from_it() {
    let env = TestEnv::new();
    env.merge_ready(WRITE, "", "");
    let lock = env.project().join(".git/index.lock");
    fs::write(&lock, "").expect("written");
    let said = env.fails(7, &["merge", "1", "--yes"]);
    assert!(said.contains("(dirty)") && said.contains("index.lock"), "{said}");
    assert!(lock.exists() && !env.project().join("made.txt").exists());
    fs::remove_file(lock).expect("removed");
    env.ok(&["merge", "1", "--yes"]);
}

#[test]
fn requested_changes_come_back_as_a_new_decision_with_the_new_work() {
    let env = TestEnv::new();
    let run =
        env.merge_ready("echo $CREW_ATTEMPT_NUMBER > made.txt; cat > $NOTES/x </dev/null", "", "");
    env.ok(&["request-changes", "1", "--yes", "--text", "make it two"]);
    crate::support::wait_until("the second round is done", || {
        env.attempts(run, "build") == 2 && env.status_text(run) == "waiting"
    });
    let state = env.state(run);
    assert_eq!(state.epoch, 2);
    let prompt = fs::read_to_string(env.attempt(run, "build", 2).prompt()).expect("read");
    assert!(prompt.contains("make it two"), "{prompt}");
    let before = env.git(&["rev-parse", "HEAD"]);
    env.ok(&["merge", "1", "--yes"]);
    env.assert_merged(run, &before);
    assert_eq!(fs::read_to_string(env.project().join("made.txt")).expect("read"), "2\n");
}

#[test]
fn a_discarded_run_leaves_its_target_alone_and_its_branch_there() {
    let env = TestEnv::new();
    let run = env.merge_ready(WRITE, "", "");
    let before = Frozen::of(&env);
    env.ok(&["discard", "1", "--yes"]);
    before.holds(&env);
    assert_eq!(env.rest(run), "cancelled(discarded)");
    let said = env.fails(7, &["merge", "1", "--yes"]);
    assert!(said.contains("decided `discard`"), "{said}");
}

#[test]
fn a_bare_repository_has_no_checkout_and_gets_the_work_all_the_same() {
    let env = TestEnv::new();
    env.git(&["clone", "-q", "--bare", ".", "../bare.git"]);
    fs::remove_dir_all(env.project()).expect("removed");
    fs::rename(env.root.join("bare.git"), env.project()).expect("moved");
    let run = env.merge_ready(WRITE, "", "");
    let before = env.git(&["rev-parse", "main"]);
    env.ok(&["merge", "1", "--yes"]);
    assert_eq!(env.status_text(run), "done");
    assert_eq!(env.git(&["rev-parse", "main^1"]), before);
}
