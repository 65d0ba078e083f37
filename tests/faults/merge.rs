//! Merges that are killed, stopped or hang: one outcome, and a checkout that is whole.

use std::fs;

use crate::accident::kill;
use crate::merged::Frozen;
use crate::project::TestEnv;
use crate::support::wait_until;

const WRITE: &str = "echo made > made.txt; echo more >> README.md; mkdir -p deep/er; echo x > deep/er/x; git rm -q gone.txt";

/// A `git` that kills whoever called it with words like those of the note `kill`: before it does its
/// work, after it, or halfway with the files.
const GIT: &str = r#"
for git in /usr/local/bin/git /usr/bin/git; do [ ! -x $git ] || break; done
if [ -e $NOTES/kill ]; then
  read when what < $NOTES/kill
  case "$*" in *$what*)
    rm $NOTES/kill
    case $when in
      after) $git "$@" >/dev/null 2>&1;;
      half) rm -f README.md gone.txt; printf mo > README.md; mkdir -p deep/er; printf x > deep/er/x;;
    esac
    kill -9 $PPID; exit 137;;
  esac
fi
exec $git "$@""#;

fn ready() -> (TestEnv, u32) {
    let env = TestEnv::new();
    env.commit("gone.txt", "gone\n");
    env.program("bin/git", GIT);
    let run = env.merge_ready(WRITE, "", "");
    (env, run)
}

fn kill_at(env: &TestEnv, when: &str, what: &str) {
    fs::write(env.notes().join("kill"), format!("{when} {what}\n")).expect("written");
}

/// The status of the run after its merge was killed at some point, and whatever came after it.
fn outcome(env: &TestEnv, run: u32, before: &Frozen, head: &str, point: &str) -> String {
    let mut merge = env.crew(&["merge", "1", "--yes"]);
    let merge = merge.stderr(std::process::Stdio::piped()).spawn().expect("started");
    wait_until(&format!("{point} came"), || {
        !env.notes().join("kill").exists() && env.supervisor(run).is_none()
    });
    // Any command finds the run without its supervisor; the one that waits would by itself, later.
    env.ok(&["ls"]);
    let output = merge.wait_with_output().expect("ended");
    let status = env.status_text(run);
    match status.as_str() {
        "done" => {
            assert_eq!(output.status.code(), Some(0), "{point}: {output:?}");
            env.assert_merged(run, head);
        }
        "waiting" => {
            assert_eq!(output.status.code(), Some(7), "{point}: {output:?}");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(said.contains("(interrupted)"), "{point}: {said}");
            // A file of which only a part was written is kept, as it might be somebody's.
            before.holds_but(
                env,
                if point.starts_with("half") { "refs/crew/salvage/" } else { "nothing" },
            );
        }
        other => panic!("{point}: {other} {output:?}"),
    }
    status
}

#[test]
fn a_merge_that_is_killed_at_any_step_has_happened_or_not() {
    let points = [
        ("before", "worktree add", "waiting"),
        ("after", "worktree add", "waiting"),
        ("before", "merge --no-ff", "waiting"),
        ("after", "merge --no-ff", "waiting"),
        ("after", "worktree remove", "waiting"),
        ("after", "status --porcelain", "waiting"),
        ("before", "update-index -q --refresh", "waiting"),
        ("before", "read-tree -m -u", "waiting"),
        ("half", "read-tree -m -u", "waiting"),
        ("after", "read-tree -m -u", "waiting"),
        ("before", "update-ref -m", "waiting"),
        ("after", "update-ref -m", "done"),
    ];
    for (when, what, expected) in points {
        let point = format!("{when} {what}");
        let (env, run) = ready();
        let (before, head) = (Frozen::of(&env), env.git(&["rev-parse", "HEAD"]));
        kill_at(&env, when, what);
        let status = outcome(&env, run, &before, &head, &point);
        assert_eq!(status, expected, "{point}");
        if status == "waiting" {
            env.ok(&["merge", "1", "--yes"]);
            env.assert_merged(run, &head);
        }
    }
}

#[test]
fn whoever_cleans_up_may_be_killed_as_well() {
    for what in ["merge-base --is-ancestor", "diff-tree", "worktree unlock", "hash-object"] {
        let (env, run) = ready();
        let (before, head) = (Frozen::of(&env), env.git(&["rev-parse", "HEAD"]));
        kill_at(&env, "half", "read-tree -m -u");
        let mut merge = env.crew(&["merge", "1", "--yes", "-q"]).spawn().expect("started");
        wait_until("the first is killed", || {
            !env.notes().join("kill").exists() && env.supervisor(run).is_none()
        });
        kill_at(&env, "before", what);
        env.ok(&["ls"]);
        wait_until("the second is killed", || {
            !env.notes().join("kill").exists() && env.supervisor(run).is_none()
        });
        env.ok(&["ls"]);
        merge.wait().expect("ended");
        assert_eq!(env.status_text(run), "waiting", "{what}");
        before.holds_but(&env, "refs/crew/salvage/");
        env.ok(&["merge", "1", "--yes"]);
        env.assert_merged(run, &head);
    }
}

#[test]
fn what_somebody_wrote_between_the_crash_and_the_repair_is_kept() {
    let (env, run) = ready();
    kill_at(&env, "before", "update-ref -m");
    let mut merge =
        env.crew(&["--no-recover", "merge", "1", "--yes", "-q"]).spawn().expect("started");
    wait_until("it is killed", || {
        !env.notes().join("kill").exists() && env.supervisor(run).is_none()
    });
    merge.kill().expect("killed");
    merge.wait().expect("ended");
    let is_open = env.state(run).merging().is_some_and(|merge| merge.result.is_none());
    if is_open {
        // Nobody can commit what looks like changes of the person.
        assert!(env.project().join(".git/index.lock").exists());
        fs::write(env.project().join("made.txt"), "precious\n").expect("written");
    }
    env.ok(&["ls"]);
    wait_until("the run waits", || env.status_text(run) == "waiting");
    assert_eq!(env.git(&["status", "--porcelain"]), "");
    if is_open {
        let kept = env.git(&["for-each-ref", "--format=%(refname)", "refs/crew/salvage"]);
        assert_eq!(env.git(&["show", &format!("{kept}:made.txt")]), "precious");
    }
}

#[test]
fn a_hook_that_hangs_is_ended_by_a_stop_and_nothing_has_moved() {
    let (env, run) = ready();
    env.hook("pre-merge-commit", "echo $$ > $NOTES/hook; sleep 600 & sleep 600");
    let before = Frozen::of(&env);
    let mut merge = env.crew(&["merge", "1", "--yes", "-q"]).spawn().expect("started");
    wait_until("the hook hangs", || !env.note("hook").is_empty());
    env.ok(&["stop", "1"]);
    assert_eq!(env.rest(run), "cancelled(stopped)");
    assert_eq!(merge.wait().expect("ended").code(), Some(1));
    before.holds(&env);
}

#[test]
fn a_hook_that_hangs_meets_its_timeout_and_nothing_has_moved() {
    let (env, run) = ready();
    let path = env.root.join("config/config.toml");
    let config = fs::read_to_string(&path).expect("read");
    fs::write(&path, format!("{config}[completion]\ntimeout = \"900ms\"\n")).expect("written");
    let hook = env
        .hook("pre-merge-commit", "echo it begins; echo $$ > $NOTES/hook; sleep 600 & sleep 600");
    let (before, head) = (Frozen::of(&env), env.git(&["rev-parse", "HEAD"]));
    let said = env.fails(7, &["merge", "1", "--yes"]);
    assert!(
        said.contains("(hook)") && said.contains("did not come to an end within 900ms"),
        "{said}"
    );
    assert!(
        said.contains("`timeout` under `[completion]`") && said.contains("it begins"),
        "{said}"
    );
    before.holds(&env);
    let pid = env.note("hook")[0].clone();
    wait_until("the hook is gone", || !std::path::Path::new("/proc").join(&pid).exists());
    fs::remove_file(hook).expect("removed");
    fs::write(&path, config).expect("written");
    env.ok(&["merge", "1", "--yes"]);
    env.assert_merged(run, &head);
}

#[test]
fn a_supervisor_that_dies_under_a_hook_leaves_no_process_and_no_change() {
    let (env, run) = ready();
    let hook = env.hook("pre-merge-commit", "echo $$ > $NOTES/hook; sleep 600 & sleep 600");
    let (before, head) = (Frozen::of(&env), env.git(&["rev-parse", "HEAD"]));
    let mut merge = env.crew(&["merge", "1", "--yes", "-q"]).spawn().expect("started");
    wait_until("the hook hangs", || !env.note("hook").is_empty());
    kill(env.wait_supervisor(run));
    assert_eq!(merge.wait().expect("ended").code(), Some(7));
    let pid = env.note("hook")[0].clone();
    wait_until("the hook is gone", || !std::path::Path::new("/proc").join(&pid).exists());
    before.holds(&env);
    fs::remove_file(hook).expect("removed");
    env.ok(&["merge", "1", "--yes"]);
    env.assert_merged(run, &head);
}

#[test]
fn a_target_that_moves_while_the_result_is_made_is_merged_from_its_new_commit() {
    let (env, run) = ready();
    // The hook itself moves the target, once or again and again.
    let mover = "cd $(git rev-parse --git-common-dir)/..; unset GIT_DIR GIT_INDEX_FILE GIT_WORK_TREE
echo x >> $NOTES/moved
tree=$(git rev-parse main^{tree}); new=$(echo $$ | git -c user.name=t -c user.email=t@t commit-tree $tree -p main)
git update-ref refs/heads/main $new";
    let hook = env.hook("pre-merge-commit", mover);
    let said = env.fails(7, &["merge", "1", "--yes"]);
    assert!(said.contains("(moved)"), "{said}");
    assert_eq!(env.note("moved").len(), 3);
    assert_eq!(env.git(&["status", "--porcelain"]), "");
    fs::remove_file(hook).expect("removed");
    env.hook("pre-merge-commit", &format!("[ $(wc -l < $NOTES/moved) -lt 4 ] || exit 0\n{mover}"));
    env.ok(&["merge", "1", "--yes"]);
    assert_eq!(env.note("moved").len(), 4);
    let head = env.git(&["rev-parse", "HEAD^1"]);
    env.assert_merged(run, &head);
}
