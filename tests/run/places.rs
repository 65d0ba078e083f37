//! Where a run works: its worktree and branch, the project itself, folders that are no repository.

use std::fs;

use crate::project::TestEnv;

const WRITE: &str = "cat >/dev/null; echo new > \"new file.txt\"; rm -f README.md; echo wrote";
const ONE: &str = "## work\nrole: writer\n\n{goal}";

fn writing() -> TestEnv {
    let env = TestEnv::new();
    env.agent(WRITE);
    env.workflow("one", "", ONE);
    env
}

#[test]
fn the_work_is_committed_to_the_branch_and_the_checkout_stays_untouched() {
    let env = writing();
    fs::write(env.project().join("draft.txt"), "mine").expect("written");
    let run = env.start("Fix: the Größe of things!", &["-w", "one", "-a", "sh"]);
    assert_eq!(env.rest(run), "done");
    let slug = env.state(run).created.slug.clone();
    let branch = format!("crew/{slug}");
    assert_eq!(env.git(&["show", &format!("{branch}:new file.txt")]), "new");
    let files = env.git(&["diff", "--name-status", "main", &branch]);
    assert!(files.contains("D\tREADME.md") && files.lines().count() == 2, "{files}");
    let message = env.git(&["log", "-1", "--format=%B", &branch]);
    assert!(message.starts_with("work: attempt 1\n"), "{message}");
    let trailers = env.git(&["log", "-1", "--format=%(trailers)", &branch]);
    assert!(
        trailers.contains("Crew-Run: project#1") && trailers.contains("Crew-Task: work"),
        "{trailers}"
    );
    assert_eq!(env.git(&["status", "--porcelain"]), "?? draft.txt");
    assert_eq!(env.git(&["rev-parse", "--abbrev-ref", "HEAD"]), "main");
    assert_eq!(
        fs::read_to_string(env.project().join("README.md")).ok().as_deref(),
        Some("# sample\n")
    );
    assert!(!env.state(run).worktree.expect("made").path.join("draft.txt").exists());
}

#[test]
fn a_taken_slug_gets_a_number() {
    let env = writing();
    for _ in 0..2 {
        let run = env.start("same goal", &["-w", "one", "-a", "sh"]);
        assert_eq!(env.rest(run), "done");
    }
    env.git(&["branch", "crew/same-goal-3"]);
    let run = env.start("same goal", &["-w", "one", "-a", "sh"]);
    assert_eq!(env.rest(run), "done");
    let slugs = [1, 2, 3].map(|run| env.state(run).created.slug.clone());
    assert_eq!(slugs, ["same-goal", "same-goal-2", "same-goal-4"]);
}

#[test]
fn goals_in_any_script_get_a_folder_and_a_branch() {
    let env = writing();
    for goal in ["日本語のゴール", "-x --help", "../../etc", "'; rm -rf / #\n\nsecond line"]
    {
        let output = env.output(&["run", "-d", "-w", "one", "-a", "sh", "--", goal]);
        assert!(output.status.success(), "{goal}: {output:?}");
        let run: u32 = String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number");
        assert_eq!(env.rest(run), "done", "{goal}");
        let state = env.state(run);
        assert_eq!(state.created.goal, goal);
        let worktree = state.worktree.expect("made").path;
        assert!(worktree.starts_with(env.dir().worktrees()), "{worktree}");
    }
}

#[test]
fn in_place_works_in_the_project_itself() {
    let env = writing();
    let run = env.start("do it", &["-w", "one", "-a", "sh", "--in-place", "--yes"]);
    assert_eq!(env.rest(run), "done");
    assert!(env.project().join("new file.txt").is_file());
    assert!(env.state(run).worktree.is_none());
    assert!(!env.git(&["branch", "--list", "crew/*"]).contains("crew/"));
    assert_eq!(env.git(&["status", "--porcelain"]), " D README.md\n?? \"new file.txt\"");
}

#[test]
fn a_folder_without_git_is_worked_in_directly() {
    let env = TestEnv::without_git();
    env.agent(WRITE);
    env.workflow("one", "", ONE);
    let output = env.output(&["run", "do it", "-w", "one", "-a", "sh", "--yes"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("no worktree"), "{output:?}");
    assert_eq!(env.rest(1), "done");
    assert!(env.project().join("new file.txt").is_file());
}

#[test]
fn a_repository_without_a_commit_is_worked_in_directly() {
    let env = TestEnv::without_git();
    env.git(&["init", "-q"]);
    env.agent(WRITE);
    env.workflow("one", "", ONE);
    let output = env.output(&["run", "do it", "-w", "one", "-a", "sh", "--yes"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("no commit yet"), "{output:?}");
    assert!(env.project().join("new file.txt").is_file());
}

#[test]
fn a_commit_of_the_agents_own_and_hooks_that_refuse_do_no_harm() {
    let env = TestEnv::new();
    let hook = env.project().join(".git/hooks/pre-commit");
    fs::write(&hook, "#!/bin/sh\nexit 1\n").expect("written");
    fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("set");
    env.agent(
        "cat >/dev/null; echo a > a; git add a
git -c user.name=a -c user.email=a@example.org commit -q --no-verify -m mine; echo b > b; echo ok",
    );
    env.workflow("one", "", ONE);
    let run = env.start("do it", &["-w", "one", "-a", "sh"]);
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.git(&["log", "--format=%s", "main..crew/do-it"]), "work: attempt 1\nmine");
    assert_eq!(env.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_worktree_deleted_between_two_steps_is_made_again_from_its_branch() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; if [ $CREW_TASK = one ]; then echo 1 > one.txt; else cat one.txt; fi; echo ok");
    let steps = "## one\nrole: writer\n\nx\n\n## gone\nkind: command\naccess: none\ndependsOn: one\n\
                 command: rm -rf \"$CREW_WORKTREE\"\n\n## two\nrole: writer\ndependsOn: gone\n\nx";
    env.workflow("gone", "", steps);
    let run = env.start_workflow("gone");
    assert_eq!(env.rest(run), "done");
    assert_eq!((env.stdout(run, "two", 1), env.attempts(run, "two")), ("1\nok\n".to_owned(), 1));
}

#[test]
fn a_worktree_that_git_has_forgotten_by_half_is_made_again() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; if [ $CREW_TASK = one ]; then echo 1 > one.txt; else cat one.txt; fi; echo ok");
    let steps = "## one\nrole: writer\n\nx\n\n## gone\nkind: command\naccess: none\ndependsOn: one\n\
                 command: rm \"$(git -C $CREW_WORKTREE rev-parse --absolute-git-dir)/gitdir\"\n\n\
                 ## two\nrole: writer\ndependsOn: gone\n\nx";
    env.workflow("gone", "", steps);
    let run = env.start_workflow("gone");
    assert_eq!(env.rest(run), "done");
    assert_eq!((env.stdout(run, "two", 1), env.attempts(run, "two")), ("1\nok\n".to_owned(), 1));
}

#[test]
fn what_happens_in_a_worktree_that_lost_its_repository_does_not_reach_the_checkout_around_it() {
    let env = TestEnv::new();
    env.agent(
        "cat >/dev/null; echo mine > work.txt; [ -e $NOTES/been ] || rm .git; touch $NOTES/been\n\
         git add -A; git -c user.name=a -c user.email=a@b commit -qm x; echo ok",
    );
    env.workflow("one", "", "## one\nrole: writer\n\nx");
    fs::write(env.project().join("mine.txt"), "not in git").expect("written");
    let before = (env.git(&["status", "--porcelain"]), env.git(&["rev-parse", "HEAD"]));
    assert_eq!(before.0, "?? mine.txt");
    let run = env.start_workflow("one");
    let rest = env.rest(run);
    let after = (env.git(&["status", "--porcelain"]), env.git(&["rev-parse", "HEAD"]));
    assert_eq!(after, before, "{rest}");
    // Nobody can say what the agent has done: a person looks at it.
    assert_eq!(rest, "blocked(worktree_error)");
    env.ok(&["resume", "1"]);
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.git(&["show", "crew/do-it:work.txt"]), "mine");
}

#[test]
fn a_worktree_that_cannot_be_made_again_blocks_the_run_and_costs_no_attempt() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; echo ok");
    let steps = "## gone\nkind: command\naccess: none\n\
                 command: cd / && rm -rf \"$CREW_WORKTREE\" && touch \"$CREW_WORKTREE\"\n\n\
                 ## two\nrole: writer\ndependsOn: gone\n\nx";
    env.workflow("gone", "", steps);
    let run = env.start_workflow("gone");
    assert_eq!(env.rest(run), "blocked(worktree_error)");
    let worktree = env.state(run).worktree.expect("it was made").path;
    assert_eq!(env.state(run).tasks[1].crashes, 0);
    fs::remove_file(worktree).expect("removed");
    env.ok(&["resume", "1"]);
    assert_eq!(env.rest(run), "done");
}
