//! What a new worktree is given: files, submodules, setup commands; and repositories of every kind.

use std::fs;
use std::process::Command;

use camino::Utf8Path;

use crate::project::TestEnv;
use crate::support::wait_until;

const ONE: &str = "## work\nrole: writer\n\n{goal}";

/// An agent with this script, and a table `[worktree]` of the user's.
fn prepared(script: &str, worktree: &str) -> TestEnv {
    let env = TestEnv::new();
    env.agent_with(script, &format!("[worktree]\n{worktree}"));
    env.workflow("one", "", ONE);
    env
}

fn git(dir: &Utf8Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
        .args(["-c", "protocol.file.allow=always"])
        .args(args)
        .current_dir(dir)
        .output()
        .expect("started");
    assert!(output.status.success(), "git {args:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

#[test]
fn setup_runs_before_the_first_task_with_the_copies_in_place_and_none_is_committed() {
    let env = prepared(
        "cat >/dev/null; cat made.txt > $NOTES/saw; echo new > new.txt; echo ok",
        "setup = [\"cat secret.txt deep/plain.txt > made.txt\", \"echo $CREW_WORKTREE > ../../../../notes/where\"]\n\
         copy = [\"secret.txt\", \"deep\", \"README.md\", \"gone.txt\"]",
    );
    fs::write(env.project().join(".gitignore"), "secret.txt\nmade.txt\n").expect("written");
    env.git(&["add", "-A"]);
    env.git(&["commit", "-q", "-m", "ignore"]);
    fs::write(env.project().join("secret.txt"), "s3\n").expect("written");
    fs::write(env.project().join("README.md"), "changed by hand\n").expect("written");
    fs::create_dir_all(env.project().join("deep")).expect("made");
    fs::write(env.project().join("deep/plain.txt"), "plain\n").expect("written");
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    assert_eq!(env.note("saw"), ["s3", "plain"]);
    let worktree = env.state(run).worktree.expect("made").path;
    assert_eq!(env.note("where"), [worktree.as_str()]);
    assert_eq!(env.git(&["diff", "--name-status", "main", "crew/do-it"]), "A\tnew.txt");
    assert!(worktree.join("deep/plain.txt").is_file() && worktree.join("secret.txt").is_file());
    let story = env.ok(&["timeline", "1"]);
    assert!(story.contains("`gone.txt` is not there to be copied"), "{story}");
}

#[test]
fn a_failing_setup_blocks_the_run_with_its_output_and_resume_tries_again() {
    let env = prepared(
        "cat >/dev/null; echo ok",
        "setup = [\"echo no such package; test -e $CREW_ROOT/fixed || exit 7\"]",
    );
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "blocked(worktree_error)");
    let why = env.ok(&["why", "1"]);
    assert!(why.contains("exited with code 7: no such package"), "{why}");
    assert_eq!(env.attempts(run, "work"), 0);
    fs::write(env.project().join("fixed"), "").expect("written");
    env.ok(&["resume", "1"]);
    assert_eq!(env.rest(run), "done");
}

#[test]
fn a_setup_that_is_cut_short_runs_again_and_leaves_nothing_alive() {
    let env = prepared(
        "cat >/dev/null; echo ok",
        "setup = [\"echo $$ >> $CREW_ROOT/../notes/setups; test $(wc -l < $CREW_ROOT/../notes/setups) = 2 || sleep 600\"]",
    );
    let run = env.start_workflow("one");
    wait_until("setup has begun", || !env.note("setups").is_empty());
    let supervisor = env.supervisor(run).expect("it lives");
    crew::runtime::process::signal(supervisor, crew::runtime::process::Signal::KILL)
        .expect("killed");
    wait_until("the supervisor is gone", || env.supervisor(run).is_none());
    // Any command that looks at runs sees to it that they go on.
    env.ok(&["ls"]);
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.note("setups").len(), 2);
}

#[test]
fn a_stopped_run_ends_its_setup() {
    let env = prepared(
        "cat >/dev/null; echo ok",
        "setup = [\"echo $$ >> $CREW_ROOT/../notes/setups; trap '' TERM; sleep 600 & wait\"]",
    );
    let run = env.start_workflow("one");
    wait_until("setup has begun", || !env.note("setups").is_empty());
    env.ok(&["stop", "1"]);
    assert_eq!(env.rest(run), "cancelled(stopped)");
}

#[test]
fn a_worktree_that_is_made_again_is_set_up_again() {
    let env = prepared(
        "cat >/dev/null; cat made.txt; echo ok",
        "setup = [\"echo x >> $CREW_ROOT/../notes/setups; echo set > made.txt\"]",
    );
    let steps = "## one\nrole: writer\n\nx\n\n## gone\nkind: command\naccess: none\ndependsOn: one\n\
                 command: rm -rf \"$CREW_WORKTREE\"; git branch -D crew/do-it; git -C PROJECT update-ref -d refs/heads/crew/do-it\n\n\
                 ## two\nrole: writer\ndependsOn: gone\n\nx";
    env.workflow("gone", "", &steps.replace("PROJECT", env.project().as_str()));
    let run = env.start_workflow("gone");
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    assert_eq!((env.note("setups").len(), env.attempts(run, "two")), (2, 1));
    // The branch was gone as well, and came back at the commit that the log knows.
    assert_eq!(env.git(&["show", "crew/do-it:made.txt"]), "set");
}

#[test]
fn a_branch_deleted_under_its_worktree_comes_back_with_its_history() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; echo $CREW_TASK > $CREW_TASK.txt; echo ok");
    let steps = "## one\nrole: writer\n\nx\n\n## gone\nkind: command\naccess: none\ndependsOn: one\n\
                 command: git -C PROJECT update-ref -d refs/heads/crew/do-it\n\n\
                 ## two\nrole: writer\ndependsOn: gone\n\nx";
    env.workflow("gone", "", &steps.replace("PROJECT", env.project().as_str()));
    let run = env.start_workflow("gone");
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    let subjects = env.git(&["log", "--format=%s", "crew/do-it"]);
    assert_eq!(subjects, "two: attempt 1\none: attempt 1\nstart");
}

#[test]
fn copies_may_not_lead_out_of_the_project() {
    let env = prepared("cat >/dev/null; echo ok", "copy = [\"out\"]");
    std::os::unix::fs::symlink("../home", env.project().join("out")).expect("linked");
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "blocked(worktree_error)");
    let why = env.ok(&["why", "1"]);
    assert!(why.contains("`worktree.copy` names `out`, which leads out of the project"), "{why}");
}

#[test]
fn setup_of_a_project_file_needs_trust() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; echo ok");
    env.workflow("one", "", ONE);
    let file = env.project().join(".crew/config.toml");
    fs::create_dir_all(file.parent().expect("inside")).expect("made");
    fs::write(&file, "[worktree]\nsetup = [\"echo ran >> $CREW_ROOT/../notes/ran\"]\n")
        .expect("written");
    let said = env.fails(5, &["run", "do it", "-d", "-w", "one", "-a", "sh"]);
    assert!(said.contains("worktree.setup") && said.contains("`crew trust`"), "{said}");
    env.ok(&["trust", "--yes"]);
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.note("ran"), ["ran"]);
}

#[test]
fn submodules_are_filled_from_what_the_checkout_has() {
    let env = TestEnv::new();
    let library = env.root.join("library");
    fs::create_dir(&library).expect("made");
    git(&library, &["init", "-q", "-b", "main"]);
    fs::write(library.join("lib.txt"), "lib\n").expect("written");
    git(&library, &["add", "-A"]);
    git(&library, &["commit", "-q", "-m", "lib"]);
    git(&env.project(), &["submodule", "--quiet", "add", library.as_str(), "vendor/a lib"]);
    env.git(&["commit", "-q", "-m", "sub"]);
    // Nobody can fetch from there any more.
    fs::rename(&library, env.root.join("away")).expect("moved");
    env.agent("cat >/dev/null; cat 'vendor/a lib/lib.txt' > $NOTES/saw; echo ok");
    env.workflow("one", "", ONE);
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    assert_eq!(env.note("saw"), ["lib"]);
    let worktree = env.state(run).worktree.expect("made").path;
    let origin = git(&worktree.join("vendor/a lib"), &["config", "remote.origin.url"]);
    assert_eq!(origin, library);
    env.ok(&["archive", "1", "--yes"]);
    assert!(!worktree.exists());
    // Without a copy in the project nothing is fetched, and the run says so.
    fs::remove_dir_all(env.project().join(".git/modules")).expect("removed");
    let run = env.start_workflow("one");
    env.rest(run);
    let story = env.ok(&["timeline", "2"]);
    assert!(story.contains("submodules stay empty in the worktree: vendor/a lib"), "{story}");
}

#[test]
fn a_bare_repository_is_worked_in_through_worktrees() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; echo new > new.txt; echo ok");
    env.workflow("one", "", ONE);
    env.git(&["clone", "-q", "--bare", ".", "../bare.git"]);
    let bare = env.root.join("bare.git");
    let crew = |args: &[&str]| {
        let output = env.crew(args).current_dir(&bare).output().expect("started");
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    crew(&["run", "do it", "-w", "one", "-a", "sh"]);
    assert_eq!(git(&bare, &["show", "crew/do-it:new.txt"]), "new");
    crew(&["archive", "1", "--yes"]);
    assert!(!git(&bare, &["worktree", "list"]).contains("do-it"));
    crew(&["undo"]);
    assert!(git(&bare, &["worktree", "list"]).contains("do-it"));
    let mut in_place = env.crew(&["run", "x", "-w", "one", "-a", "sh", "--in-place"]);
    let output = in_place.current_dir(&bare).output().expect("started");
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("the repository is bare"));
    // A worktree of a bare repository is a project of its own.
    let linked = env.root.join("linked");
    git(&bare, &["worktree", "add", "-q", linked.as_str(), "main"]);
    let output = env
        .crew(&["run", "do more", "-w", "one", "-a", "sh"])
        .current_dir(&linked)
        .output()
        .expect("started");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(git(&bare, &["show", "crew/do-more:new.txt"]), "new");
    assert_eq!(git(&linked, &["status", "--porcelain"]), "");
}

#[test]
fn branches_that_are_in_the_way_are_seen_before_anything_starts() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; echo ok");
    env.workflow("one", "", ONE);
    for branch in ["crew/Do-It", "crew/do-it-2/deeper"] {
        env.git(&["branch", branch]);
    }
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.state(run).created.slug, "do-it-3");
    for branch in ["crew/Do-It", "crew/do-it-2/deeper"] {
        env.git(&["branch", "-D", branch]);
    }
    env.ok(&["archive", "1", "--yes"]);
    env.git(&["branch", "crew"]);
    let said = env.fails(7, &["run", "do it", "-d", "-w", "one", "-a", "sh"]);
    assert!(
        said.contains("the branch `crew` is in the way") && said.contains("git branch -m"),
        "{said}"
    );
}

#[test]
fn a_detached_checkout_says_that_nothing_can_be_merged() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; echo new > new.txt; echo ok");
    let config = fs::read_to_string(env.root.join("config/config.toml")).expect("read");
    env.whole_config(&config.replace("mode = \"none\"", "mode = \"merge\""));
    env.workflow("one", "", ONE);
    env.git(&["checkout", "-q", "--detach"]);
    let output = env.output(&["run", "do it", "-d", "-w", "one", "-a", "sh"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("the checkout is on no branch, so nothing can be merged"), "{said}");
    env.wait_status(1, "waiting");
    env.ok(&["stop", "1"]);
    env.rest(1);
}

#[test]
fn names_of_files_and_of_the_project_may_be_anything() {
    let env = TestEnv::new();
    let odd = env.root.join("odd \"name\"\nö");
    fs::rename(env.project(), &odd).expect("renamed");
    env.agent("cat >/dev/null; echo 1 > \"$(printf 'a\\nb\"c')\"; echo 2 > ' lead'; echo ok");
    env.workflow("one", "", ONE);
    let output = env.crew(&["run", "do it", "-w", "one", "-a", "sh"]).current_dir(&odd).output();
    let output = output.expect("started");
    assert!(output.status.success(), "{output:?}");
    let names = git(&odd, &["diff", "--name-only", "-z", "main", "crew/do-it"]);
    assert_eq!(names, " lead\0a\nb\"c\0");
    let output = env.crew(&["archive", "1", "--yes"]).current_dir(&odd).output().expect("started");
    assert!(output.status.success() && !odd.join(".crew/worktrees/do-it").exists(), "{output:?}");
    let output = env.crew(&["undo"]).current_dir(&odd).output().expect("started");
    assert!(
        output.status.success() && odd.join(".crew/worktrees/do-it/ lead").exists(),
        "{output:?}"
    );
}
