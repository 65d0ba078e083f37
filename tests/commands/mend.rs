//! What `crew doctor` finds among files, and what `--fix` mends.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};

use crate::env::{CODING, TestEnv};

/// A project with git and one run that is at rest.
fn project() -> TestEnv {
    let env = TestEnv::new();
    let made = Command::new("git").args(["init", "-q"]).current_dir(&env.project).status();
    assert!(made.expect("git").success());
    drop(env.run("fix-it", CODING));
    env.write(
        "../home/config/config.toml",
        "[runtimes.mytool]\ncommand = [\"sh\", \"-c\", \"cat\"]\n",
    );
    env
}

fn mode(path: &Utf8Path) -> u32 {
    path.metadata().expect("there").permissions().mode() & 0o777
}

/// Makes a file look as if nobody had touched it for a day.
fn age(path: &Utf8Path) {
    let told = Command::new("touch").args(["-d", "1 day ago", path.as_str()]).status();
    assert!(told.expect("touch").success());
}

#[test]
fn what_is_found_is_mended_and_then_not_found_any_more() {
    let env = project();
    let dir = env.dir();
    let log: Utf8PathBuf = dir.run(crew::base::RunNumber(1)).events();
    let before = fs::read(&log).expect("read");
    fs::set_permissions(&log, fs::Permissions::from_mode(0o644)).expect("set");
    fs::set_permissions(dir.state(), fs::Permissions::from_mode(0o755)).expect("set");
    fs::remove_file(dir.state().join(".gitignore")).expect("removed");
    let half = dir.state().join(".new-abc");
    fs::write(&half, "half").expect("written");
    fs::set_permissions(&half, fs::Permissions::from_mode(0o600)).expect("set");
    age(&half);
    // One that is being written now is left alone.
    let young = dir.state().join(".new-def");
    fs::write(&young, "half").expect("written");
    fs::set_permissions(&young, fs::Permissions::from_mode(0o600)).expect("set");

    let found = env.crew(&["doctor"]).code(5);
    for said in [
        "other users may read or change",
        "and 1 more",
        "git may see crew's own files",
        "`crew doctor --fix`: remove 1 file",
    ] {
        assert!(found.stdout.contains(said), "{said}: {}", found.stdout);
    }
    assert_eq!((mode(&log), half.exists()), (0o644, true), "looking changes nothing");

    let mended = env.crew(&["doctor", "--fix", "--json"]).json();
    let all = mended["findings"].as_array().expect("a list");
    assert_eq!(all.iter().filter(|one| one["fixed"] == true).count(), 3, "{mended:#}");
    assert_eq!((mode(&log), mode(dir.state())), (0o600, 0o700));
    assert_eq!((half.exists(), young.exists()), (false, true));
    assert_eq!(fs::read(&log).expect("read"), before);
    let left = env.crew(&["doctor"]).stdout;
    assert!(!left.contains("--fix"), "{left}");
}

#[test]
fn locks_of_a_killed_git_are_found_and_only_those_of_crew_are_removed() {
    let env = project();
    let git = env.project.join(".git");
    let entry = git.join("worktrees/fix-it");
    fs::create_dir_all(&entry).expect("made");
    let link = format!("{}/.git\n", env.dir().worktrees().join("fix-it"));
    fs::write(entry.join("gitdir"), link).expect("written");
    let (mine, own) = (git.join("index.lock"), entry.join("index.lock"));
    for lock in [&mine, &own] {
        fs::write(lock, "").expect("written");
    }
    assert!(!env.crew(&["doctor"]).stdout.contains("killed git"), "a git may be at work");
    for lock in [&mine, &own] {
        age(lock);
    }
    let found = env.crew(&["doctor", "--fix"]).code(5).stdout;
    assert!(found.contains("index.lock` is left by a git that was killed"), "{found}");
    assert_eq!((mine.exists(), own.exists()), (true, false));
}

#[test]
fn worktrees_of_no_run_are_found() {
    let env = project();
    let stray = env.dir().worktrees().join("somebodys");
    fs::create_dir_all(&stray).expect("made");
    fs::write(stray.join("work.txt"), "mine").expect("written");
    let found = env.crew(&["doctor", "--fix"]).code(5).stdout;
    assert!(found.contains("1 worktree of no run"), "{found}");
    assert!(found.contains("`crew prune` shows what is in them"), "{found}");
    assert!(stray.join("work.txt").exists());
}
