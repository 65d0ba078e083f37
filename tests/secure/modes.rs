//! What crew creates belongs to its owner alone, whatever the mask of the shell it was started from.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};

use crate::project::TestEnv;

/// Everything below a folder, and the folder.
fn all(folder: &Utf8Path, into: &mut Vec<Utf8PathBuf>) {
    into.push(folder.to_owned());
    for entry in folder.read_dir_utf8().into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            all(entry.path(), into);
        } else {
            into.push(entry.into_path());
        }
    }
}

/// The command behind a shell with this mask.
fn masked(env: &TestEnv, mask: &str, args: &[&str]) -> Command {
    let plain = env.crew(args);
    let mut command = Command::new("sh");
    command.args(["-c", "umask \"$0\"; exec \"$@\"", mask]).arg(plain.get_program()).args(args);
    command.env_clear().current_dir(env.project());
    for (name, value) in plain.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    command.stdin(std::process::Stdio::null());
    command
}

fn wrong(paths: &[Utf8PathBuf]) -> Vec<String> {
    let mut wrong = Vec::new();
    for path in paths {
        let Ok(meta) = path.symlink_metadata() else { continue };
        let mode = meta.permissions().mode() & 0o777;
        let kind = meta.file_type();
        let is_fine = match (meta.is_dir(), kind.is_file() || kind.is_fifo()) {
            (true, _) => mode == 0o700,
            (_, true) => mode == 0o600,
            (false, false) => kind.is_socket() && mode.trailing_zeros() >= 6,
        };
        if !is_fine {
            wrong.push(format!("{mode:o} {path}"));
        }
    }
    wrong
}

#[test]
fn everything_that_a_run_leaves_is_private_under_any_mask() {
    for mask in ["000", "077", "022"] {
        let env = TestEnv::new();
        env.agent(
            "cat >/dev/null; echo x > $CREW_TASK.txt; crew tool send human hello; \
             echo y | crew tool artifact a.md -; ls -la $CREW_RUN_DIR >/dev/null; \
             [ $CREW_TASK = b ] && [ ! -e $NOTES/asked ] && { touch $NOTES/asked; crew tool ask 'well?'; }; echo ok",
        );
        let agent = env.root.join("agent.sh");
        env.config(&format!("ask_hold = \"50ms\"\n[runtimes.sh]\ncommand = [\"{agent}\"]\n"));
        env.workflow("two", "", "## a\nrole: writer\noutput: out.md\n\n{goal}\n\n## b\nrole: writer\ndependsOn: a\n\nGo on.");
        let mut told = masked(&env, mask, &["run", "do it", "-d", "-w", "two", "-a", "sh"]);
        let told = told.output().expect("started");
        assert!(told.status.success(), "{told:?}");
        crate::support::wait_until("it asks or ends", || {
            env.has_run(1) && ["waiting", "done"].contains(&env.status(1).kind().as_str())
        });
        let answered = masked(&env, mask, &["answer", "1", "b", "--text", "yes", "--yes"]).output();
        assert!(answered.is_ok_and(|told| told.status.success()));
        env.rest(1);
        for args in [
            &["export", "1", "run.tar.gz"][..],
            &["import", "run.tar.gz"],
            &["prune", "--older-than", "0s", "--yes"],
            &["logs", "1"],
        ] {
            let said = masked(&env, mask, args).output().expect("started");
            assert!(said.status.success(), "{args:?}: {said:?}");
        }
        let mut found = Vec::new();
        all(&env.project().join(".crew/state"), &mut found);
        all(&env.root.join("home"), &mut found);
        found.retain(|path| {
            !path.ends_with("home") && !path.ends_with(".local") && !path.ends_with("state")
        });
        found.push(env.project().join(".crew/state"));
        found.push(env.project().join(".crew/worktrees"));
        found.push(env.project().join(".crew/worktrees/.gitignore"));
        found.push(env.project().join("run.tar.gz"));
        assert!(found.len() > 40, "{found:#?}");
        let wrong = wrong(&found);
        assert!(wrong.is_empty(), "mask {mask}: {wrong:#?}");
    }
}

#[test]
fn what_an_agent_works_in_is_no_business_of_others() {
    let env = TestEnv::new();
    env.agent(
        "cat >/dev/null; touch $NOTES/on; while [ ! -e $NOTES/go ]; do sleep 0.02; done; echo ok",
    );
    env.workflow("one", "", "## a\nrole: writer\n\n{goal}");
    let mut start = masked(&env, "000", &["run", "do it", "-d", "-w", "one", "-a", "sh"]);
    assert!(start.output().is_ok_and(|told| told.status.success()));
    crate::support::wait_until("it works", || env.notes().join("on").exists());
    let mut found = vec![env.project().join(".crew/worktrees")];
    all(&env.project().join(".crew/state"), &mut found);
    let wrong = wrong(&found);
    fs::write(env.notes().join("go"), "").expect("written");
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(env.rest(1), "done");
}

#[test]
fn a_state_that_belongs_to_somebody_else_is_not_written_into() {
    let env = TestEnv::new();
    env.agent("cat >/dev/null; echo ok");
    env.workflow("one", "", "## a\nrole: reader\n\n{goal}");
    let state = env.project().join(".crew/state");
    fs::create_dir_all(&state).expect("created");
    let own = state.metadata().expect("there").uid();
    if own != 0 || chown(&state, Some(12_345), Some(12_345)).is_err() {
        eprintln!("skipped: only root can give a folder away");
        return;
    }
    let said = env.fails(8, &["run", "do it", "-d", "-w", "one", "-a", "sh"]);
    assert!(said.contains("belongs to another user") && said.contains("CREW_STATE_DIR"), "{said}");
    assert_eq!(fs::read_dir(&state).expect("readable").count(), 0);
    env.ok(&["ls"]);
}
