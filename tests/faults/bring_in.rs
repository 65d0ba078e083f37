//! Supervisors that are killed while they merge the work of a task into the run.

use std::fs;

use crate::project::TestEnv;
use crate::slots::{SLOTS, TOGETHER, merged};
use crate::support::wait_until;

#[test]
fn a_merge_that_is_killed_at_any_point_is_done_once() {
    let moments = [
        ("before the files", "*'read-tree -m -u'*", "kill -9 $PPID; exit 1"),
        (
            "among the files",
            "*'read-tree -m -u'*",
            "for each; do before=$last; last=$each; done
             file=$(GIT diff --name-only $before $last | head -n 1); GIT show $last:$file > $file
             touch $(GIT rev-parse --git-path index.lock) $NOTES/partly; kill -9 $PPID; exit 1",
        ),
        ("after the files", "*'read-tree -m -u'*", "GIT \"$@\"; kill -9 $PPID; exit 1"),
        ("after the branch", "*'crew: merge'*", "GIT \"$@\"; kill -9 $PPID; exit 1"),
    ];
    for (moment, pattern, what) in moments {
        let env = TestEnv::new();
        env.workflow("slots", "", SLOTS);
        env.agent(&format!(
            "cat >/dev/null
case $CREW_TASK in
  look) ls > $NOTES/seen;;
  *) {TOGETHER}; echo $CREW_SLOT > file.$CREW_SLOT; echo more > also.$CREW_SLOT;;
esac
echo done"
        ));
        let real = which::which("git").expect("installed");
        let what = what.replace("GIT", &real.to_string_lossy());
        // The second merge is the one that is killed: the first is a step ahead and no more.
        let script = format!(
            "case \"$*\" in {pattern}) if [ -e $NOTES/merged ] && ! [ -e $NOTES/killed ]; then \
             touch $NOTES/killed; {what}; fi; touch $NOTES/merged;; esac\nexec {} \"$@\"",
            real.display()
        );
        let tools = env.root.join("tools");
        fs::create_dir(&tools).expect("created");
        fs::rename(env.program("git", &script), tools.join("git")).expect("moved");
        let output = env
            .crew(&["run", "do it", "-d", "-w", "slots", "-a", "sh"])
            .env("PATH", format!("{tools}:/usr/local/bin:/usr/bin:/bin"))
            .output()
            .expect("started");
        assert!(output.status.success(), "{output:?}");
        env.wait_note("killed");
        wait_until("the supervisor is gone", || env.processes().is_empty());
        env.supervise(1);
        assert_eq!(env.rest(1), "done", "{moment}: {:?}", env.status(1));
        assert_eq!(env.notes().join("partly").exists(), moment == "among the files");
        let files = ["README.md", "also.1", "also.2", "also.3", "file.1", "file.2", "file.3"];
        assert_eq!(env.note("seen"), files, "{moment}");
        let mut tasks = merged(&env, 1);
        tasks.sort();
        assert_eq!(tasks, ["build/1", "build/2", "build/3"], "{moment}");
        let worktree = env.state(1).worktree.expect("a worktree").path;
        let run_git = |args: &[&str]| {
            let git = std::process::Command::new("git").args(args).current_dir(&worktree).output();
            String::from_utf8_lossy(&git.expect("started").stdout).into_owned()
        };
        assert_eq!(run_git(&["status", "--porcelain"]), "", "{moment}");
        // Each piece of work is in the history once.
        let log = run_git(&["log", "--format=%s", "main..HEAD"]);
        for slot in 1..=3 {
            let count =
                log.lines().filter(|line| *line == format!("build/{slot}: attempt 1")).count();
            assert_eq!(count, 1, "{moment}: {log}");
        }
    }
}
