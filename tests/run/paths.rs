//! Paths that no attempt may touch: found by crew, told by name, and nothing of the attempt is taken.

use std::fs;

use crate::project::TestEnv;

const WRITE: &str = "## build\nrole: writer\n\n{goal}";

#[test]
fn a_denied_path_fails_the_run_and_nothing_is_committed() {
    let env = TestEnv::new();
    env.workflow("one", "", WRITE);
    env.agent(
        "cat >/dev/null
mkdir -p deploy; echo secret > deploy/.env; echo fine > made.txt
git add -f deploy/.env; git -c user.name=a -c user.email=a@b commit -q -m sneaky
git rm -q deploy/.env; git -c user.name=a -c user.email=a@b commit -q -m undone
echo \"#!/bin/sh\" > \"$(git rev-parse --git-common-dir)/hooks/post-merge\"
echo done",
    );
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "failed(path_policy)", "{:?}", env.status(run));
    let state = env.state(run);
    let worktree = state.worktree.expect("kept");
    assert_eq!(worktree.tree, None, "crew committed something");
    assert_eq!(fs::read_to_string(worktree.path.join("made.txt")).expect("kept"), "fine\n");
    assert_eq!(env.git(&["log", "-1", "--format=%s", "crew/do-it"]), "undone");
    let why = env.ok(&["why", &run.to_string()]);
    for said in ["path_policy", "deploy/.env", "`**/.env`", ".git/hooks/post-merge", "`.git/**`"] {
        assert!(why.contains(said), "{said}: {why}");
    }
    assert_eq!(env.attempts(run, "build"), 1);
    assert_eq!(env.git(&["rev-parse", "main"]), env.git(&["rev-parse", "crew/do-it~2"]));
}

#[test]
fn who_loosens_the_list_and_tries_again_succeeds() {
    let env = TestEnv::new();
    env.workflow("one", "", WRITE);
    env.agent("cat >/dev/null; echo x: 1 > config.yaml; echo done");
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "failed(path_policy)");
    let path = env.program("agent.sh", "cat >/dev/null; echo x: 1 > config.yaml; echo done");
    env.config(&format!(
        "[runtimes.sh]\ncommand = [\"{path}\"]\n[paths]\ndeny = [\"!config.yaml\"]\n"
    ));
    env.ok(&["retry", &run.to_string()]);
    let again = run + 1;
    assert_eq!(env.rest(again), "done", "{:?}", env.status(again));
    assert_eq!(env.git(&["show", "crew/do-it-2:config.yaml"]), "x: 1");
}

#[test]
fn what_a_person_did_between_two_attempts_is_not_charged() {
    let env = TestEnv::new();
    env.workflow(
        "two",
        "",
        "## build\nrole: writer\n\n{goal}\n\n## more\nrole: writer\ndependsOn: build\n\nGo on.",
    );
    env.agent(
        "cat >/dev/null
if [ $CREW_TASK = build ] && [ $CREW_ATTEMPT_NUMBER = 1 ]; then echo .env > .gitignore; exit 1; fi
echo \"$CREW_TASK\" >> made; cat .env; echo done",
    );
    let run = env.start_workflow("two");
    // The person puts secrets beside the work while it waits to be tried again.
    env.wait_status(run, "running");
    let tree = env.dir().worktree("do-it");
    let is_checked = || env.records(run).iter().any(|it| it.body.kind() == "check.finished");
    crate::support::wait_until("the first attempt was looked at", is_checked);
    fs::write(tree.join(".env"), "secret\n").expect("written");
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
}

#[test]
fn a_reader_that_touches_a_denied_path_fails_the_run_at_once() {
    let env = TestEnv::new();
    env.workflow(
        "look",
        "",
        "## build\nrole: writer\n\n{goal}\n\n## look\nrole: reader\ndependsOn: build\n\nLook.",
    );
    env.agent("cat >/dev/null; [ $CREW_TASK = look ] && echo x > .env; echo a > b; echo done");
    let run = env.start_workflow("look");
    assert_eq!(env.rest(run), "failed(path_policy)", "{:?}", env.status(run));
    assert_eq!(env.attempts(run, "look"), 1);
    assert!(env.git(&["for-each-ref", "refs/crew/salvage"]).is_empty());
}

#[test]
fn without_a_worktree_the_paths_are_checked_all_the_same() {
    for with_git in [true, false] {
        let env = if with_git { TestEnv::new() } else { TestEnv::without_git() };
        env.workflow("one", "", WRITE);
        fs::write(env.project().join(".env"), "mine\n").expect("written");
        env.agent(
            "cat >/dev/null; cat .env; echo x > made; [ -z \"$BAD\" ] || echo x >> .env; echo done",
        );
        let run = env.start("do it", &["-w", "one", "-a", "sh", "--in-place", "--yes"]);
        assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
        env.agent("cat >/dev/null; echo x >> .env; echo done");
        let run = env.start("do it", &["-w", "one", "-a", "sh", "--in-place", "--yes"]);
        assert_eq!(env.rest(run), "failed(path_policy)", "{:?}", env.status(run));
    }
}

#[test]
fn a_list_that_leaves_nothing_is_refused_before_anything_starts() {
    let env = TestEnv::new();
    env.workflow("one", "", WRITE);
    let path = env.program("agent.sh", "cat >/dev/null; echo done");
    let with = |allow: &str| {
        env.config(&format!("[runtimes.sh]\ncommand = [\"{path}\"]\n[paths]\nallow = [{allow}]\n"));
    };
    with("\"config.yaml\", \".git/hooks/**\"");
    let said = env.fails(5, &["run", "do it", "-d", "-w", "one", "-a", "sh"]);
    assert!(said.contains("no path can be touched") && said.contains("`config.yaml`"), "{said}");
    assert!(!env.dir().runs().exists());
    with("\"made*\"");
    env.agent_with(
        "cat >/dev/null; echo x > made.txt; echo done",
        "[paths]\nallow = [\"made*\"]\n",
    );
    let run = env.start_workflow("one");
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
}
