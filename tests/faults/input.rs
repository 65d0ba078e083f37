//! What cannot work is said before anything is created, and leaves nothing behind.

use std::fs;

use crate::project::TestEnv;

const ONE: &str = "## work\nrole: writer\n\n{goal}";

fn ready() -> TestEnv {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; echo new > new.txt; echo ok");
    env.workflow("one", "", ONE);
    env
}

fn nothing_created(env: &TestEnv) {
    assert!(!env.project().join(".crew").exists(), "the project was written to");
    assert_eq!(env.git(&["status", "--porcelain"]), "");
    env.assert_nothing_lives();
}

#[test]
fn bad_wishes_are_refused_before_anything_exists() {
    let env = ready();
    let long = "x".repeat(300 << 10);
    let cases: &[(i32, &[&str], &str)] = &[
        (2, &["run", "", "-w", "one", "-a", "sh"], "empty"),
        (2, &["run", " \n\t ", "-w", "one", "-a", "sh"], "empty"),
        (2, &["run", "x", "--no-such-flag"], "--no-such-flag"),
        (2, &["run", "x", "--priority", "sometimes"], "sometimes"),
        (2, &["run", "x", "--after", "minus", "-a", "sh"], "minus"),
        (2, &["run", "x", "-w", "one", "-a", "sh", "--param", "novalue"], "novalue"),
        (5, &["run", "x", "-w", "nothere", "-a", "sh"], "nothere"),
        (5, &["run", "x", "-t", "nothere", "-a", "sh"], "nothere"),
        (5, &["run", "x", "-w", "one", "-a", "nothere"], "nothere"),
        (5, &["run", "x", "-w", "one", "-a", "shh"], "did you mean `sh`"),
        (6, &["stop", "9"], "no runs"),
        (6, &["resume", "nothere"], "no runs"),
    ];
    for (code, args, word) in cases {
        let said = env.fails(*code, args);
        assert!(said.contains(word), "{args:?}: {said}");
        assert!(said.lines().count() < 12, "{args:?}: {said}");
    }
    let path = env.root.join("goal.txt");
    fs::write(&path, long).expect("written");
    let output = env
        .crew(&["run", "-", "-w", "one", "-a", "sh"])
        .stdin(fs::File::open(&path).expect("opened"))
        .output();
    assert_eq!(output.expect("started").status.code(), Some(2));
    nothing_created(&env);
}

#[test]
fn a_goal_that_is_not_text_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let env = ready();
    let goal = std::ffi::OsStr::from_bytes(b"caf\xe9 \xff");
    let output = env.crew(&["run", "-w", "one", "-a", "sh"]).arg(goal).output().expect("started");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    nothing_created(&env);
}

#[test]
fn a_missing_program_is_named_before_anything_exists() {
    let env = ready();
    env.config("[runtimes.sh]\ncommand = [\"/no/such/agent\", \"-x\"]\n");
    let said = env.fails(5, &["run", "x", "-w", "one", "-a", "sh"]);
    assert!(said.contains("/no/such/agent") && said.contains("hint:"), "{said}");
    nothing_created(&env);
}

#[test]
fn a_broken_configuration_is_named_with_its_line() {
    let env = ready();
    env.whole_config("[limits]\nagents = \"many\"\n[runtimes.sh\n");
    let said = env.fails(5, &["run", "x", "-w", "one", "-a", "sh"]);
    assert!(said.contains("config.toml"), "{said}");
    nothing_created(&env);
}

#[test]
fn a_broken_workflow_is_named_with_its_line() {
    let env = ready();
    env.workflow(
        "one",
        "",
        "## a\nrole: writer\ndependsOn: b\n\nx\n\n## b\nrole: writer\ndependsOn: a\n\nx",
    );
    let said = env.fails(5, &["run", "x", "-w", "one", "-a", "sh"]);
    assert!(said.contains("one.workflow.md"), "{said}");
    nothing_created(&env);
}

#[test]
fn a_configuration_broken_while_a_run_lives_does_not_hurt_it() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; touch $NOTES/begun; while [ ! -e $NOTES/go ]; do sleep 0.02; done; echo ok");
    env.workflow("two", "", "## a\nrole: reader\n\nx\n\n## b\nrole: reader\ndependsOn: a\n\nx");
    let run = env.start_workflow("two");
    env.wait_note("begun");
    env.whole_config("[[[");
    env.workflow("two", "", "## nothing");
    fs::write(env.notes().join("go"), "").expect("written");
    assert_eq!(env.rest(run), "done");
}

#[test]
fn without_a_home_runs_work_all_the_same() {
    let env = ready();
    let output = env
        .crew(&["run", "x", "-w", "one", "-a", "sh"])
        .env_remove("HOME")
        .env_remove("USER")
        .output();
    let output = output.expect("started");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(env.rest(1), "done");
}

#[test]
fn without_git_on_the_path_a_run_says_so_and_touches_nothing() {
    let env = ready();
    let tools = env.root.join("tools");
    fs::create_dir(&tools).expect("created");
    for tool in ["cat", "sh"] {
        let path = which::which(tool).expect("installed");
        std::os::unix::fs::symlink(path, tools.join(tool)).expect("linked");
    }
    let output = env
        .crew(&["run", "x", "-w", "one", "-a", "sh"])
        .env("PATH", &tools)
        .output()
        .expect("started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    assert!(said.contains("git"), "{said}");
    nothing_created(&env);
    let output = env
        .crew(&["run", "x", "-w", "one", "-a", "sh", "--in-place", "--yes"])
        .env("PATH", &tools)
        .output()
        .expect("started");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(env.rest(1), "done");
    assert!(env.project().join("new.txt").exists());
}

#[test]
fn a_project_that_cannot_be_written_is_named_and_left_alone() {
    let env = ready();
    let Some(_mount) = crate::mount::Mount::read_only(&env.project()) else { return };
    let said = env.fails(8, &["run", "x", "-w", "one", "-a", "sh"]);
    assert!(said.contains(".crew") && said.to_lowercase().contains("read-only"), "{said}");
    nothing_created(&env);
}

#[test]
fn symlinks_inside_the_state_are_refused() {
    let env = ready();
    let elsewhere = env.root.join("elsewhere");
    fs::create_dir_all(&elsewhere).expect("created");
    fs::create_dir_all(env.project().join(".crew/state")).expect("created");
    std::os::unix::fs::symlink(&elsewhere, env.project().join(".crew/state/runs")).expect("linked");
    let output = env.output(&["run", "x", "-d", "-w", "one", "-a", "sh"]);
    assert!(!output.status.success(), "{output:?}");
    assert_eq!(fs::read_dir(&elsewhere).expect("read").count(), 0);
    env.assert_nothing_lives();
}

#[test]
fn a_deleted_project_folder_ends_in_an_error_and_leaves_no_process() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; touch $NOTES/begun; exec sleep 600");
    env.workflow("one", "", ONE);
    let run = env.start_workflow("one");
    env.wait_note("begun");
    let supervisor = env.wait_supervisor(run);
    let shim = env.shim(run, "work", 1);
    fs::remove_dir_all(env.project()).expect("removed");
    // Nobody can record anything any more; what lives can still be ended by hand.
    assert!(crew::runtime::process::is_alive(supervisor));
    crew::runtime::process::signal(shim.shim, crew::runtime::process::Signal::TERM).expect("sent");
    crate::support::wait_until("the agent is gone", || {
        !crew::runtime::process::is_alive(shim.agent.expect("started"))
    });
}
