//! Git processes that are killed in the middle of their work.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::project::TestEnv;
use crate::support::wait_until;

const ONE: &str = "## work\nrole: writer\n\n{goal}";

#[test]
fn a_worktree_that_was_never_finished_is_made_anew() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; echo new > new.txt; echo ok");
    env.workflow("one", "", ONE);
    // The first `git worktree add` is killed with the supervisor, after some of its files were made.
    let tools = env.root.join("tools");
    fs::create_dir(&tools).expect("created");
    let real = which::which("git").expect("installed");
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *'worktree add'*) ;; *) exec {} \"$@\" ;; esac
{0} \"$@\" && cd {1} && echo initializing > .git/worktrees/do-it/locked
rm .crew/worktrees/do-it/README.md; touch {2}/begun; kill -9 $PPID\n",
        real.display(),
        env.project(),
        env.notes()
    );
    fs::write(tools.join("git"), script).expect("written");
    fs::set_permissions(tools.join("git"), fs::Permissions::from_mode(0o755)).expect("set");
    let output = env
        .crew(&["run", "do it", "-d", "-w", "one", "-a", "sh"])
        .env("PATH", format!("{tools}:/usr/local/bin:/usr/bin:/bin"))
        .output()
        .expect("started");
    assert!(output.status.success(), "{output:?}");
    env.wait_note("begun");
    wait_until("the supervisor is gone", || env.processes().is_empty());
    fs::write(env.project().join(".git/refs/heads/crew/do-it.lock"), "").expect("written");
    env.supervise(1);
    assert_eq!(env.rest(1), "done");
    assert_eq!(env.git(&["diff", "--name-status", "main", "crew/do-it"]), "A\tnew.txt");
}

#[test]
fn a_worktree_that_git_has_forgotten_is_put_aside_and_made_anew() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; echo new > new.txt; echo ok");
    let steps = "## forget\nkind: command\naccess: none\n\
                 command: echo precious > kept.txt && rm -rf PROJECT/.git/worktrees/do-it\n\n\
                 ## work\nrole: writer\ndependsOn: forget\n\nx";
    env.workflow("one", "", &steps.replace("PROJECT", env.project().as_str()));
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.git(&["diff", "--name-status", "main", "crew/do-it"]), "A\tnew.txt");
    let aside = env.dir().worktrees().join("do-it.unfinished-1/kept.txt");
    assert_eq!(fs::read_to_string(aside).ok().as_deref(), Some("precious\n"));
}

#[test]
fn locks_of_a_killed_git_do_not_keep_the_work_from_being_committed() {
    let env = TestEnv::new();
    env.agent(
        "cat >/dev/null; echo new > new.txt; touch $(git rev-parse --git-path index.lock); echo ok",
    );
    env.workflow("one", "", ONE);
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.git(&["show", "crew/do-it:new.txt"]), "new");
}
