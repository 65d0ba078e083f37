//! Writers with trees of their own: they work at the same time, their branches are merged, and a conflict becomes
//! a task.

use std::fs;

use crew::event::Body;

use crate::project::TestEnv;
use crate::slots::{SLOTS, TOGETHER, merged};
use crate::support::wait_until;

/// Stops a run when the agents of all slots have done half of their work.
fn stop_half_done(env: &TestEnv, run: u32) {
    for slot in 1..=3 {
        let half = env.notes().join(format!("half.{slot}"));
        wait_until("the work is half done", || half.exists());
    }
    env.ok(&["stop", "1", "--yes"]);
    assert_eq!(env.rest(run), "cancelled(stopped)");
}

fn branches(env: &TestEnv) -> String {
    env.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads"])
}

#[test]
fn three_writers_work_together_and_all_their_work_is_merged() {
    let env = TestEnv::new();
    env.workflow("slots", "", SLOTS);
    env.agent(&format!(
        "cat >/dev/null
case $CREW_TASK in
  look) ls > $NOTES/seen;;
  *) {TOGETHER}
     pwd > $NOTES/pwd.$CREW_SLOT; git symbolic-ref --short HEAD > $NOTES/branch.$CREW_SLOT
     echo $CREW_SLOT > file.$CREW_SLOT;;
esac
echo done"
    ));
    let run = env.start_workflow("slots");
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    assert_eq!(env.note("seen"), ["README.md", "file.1", "file.2", "file.3"]);
    let worktree = env.state(run).worktree.expect("a worktree").path;
    for slot in 1..=3 {
        assert_eq!(env.note(&format!("pwd.{slot}")), [format!("{worktree}@build.{slot}")]);
        assert_eq!(env.note(&format!("branch.{slot}")), [format!("crew/do-it--build.{slot}")]);
    }
    assert_eq!(merged(&env, run).len(), 3);
    assert_eq!(env.git(&["diff", "--name-only", "main", "crew/do-it"]), "file.1\nfile.2\nfile.3");
    // Their trees and branches are gone: everything in them is in the run's branch.
    wait_until("the trees are gone", || !env.git(&["worktree", "list"]).contains("@build"));
    wait_until("the branches are gone", || branches(&env) == "crew/do-it\nmain");
    let status = std::process::Command::new("git")
        .args(["status", "--porcelain"])
        .current_dir(&worktree)
        .output()
        .expect("started");
    assert_eq!(String::from_utf8_lossy(&status.stdout), "");
}

#[test]
fn finished_work_waits_for_a_person_without_trees_of_tasks_and_sent_back_they_are_made_again() {
    let env = TestEnv::new();
    env.workflow("slots", "rework: build\n", SLOTS);
    env.agent(
        "cat >/dev/null
case $CREW_TASK in build/*) echo $CREW_ATTEMPT_NUMBER > file.$CREW_SLOT;; esac
echo done",
    );
    let script = format!("[runtimes.sh]\ncommand = [\"{}/agent.sh\"]", env.root);
    env.whole_config(&format!("[limits]\ngrace = \"400ms\"\n{script}\n"));
    let run = env.start_workflow("slots");
    env.wait_status(run, "waiting");
    wait_until("the branches are gone", || branches(&env) == "crew/do-it\nmain");
    env.ok(&["request-changes", "1", "--text", "more", "--yes"]);
    wait_until("it is done again", || env.attempts(run, "look") == 2);
    env.wait_status(run, "waiting");
    assert_eq!(env.git(&["show", "crew/do-it:file.3"]), "2");
    assert_eq!(merged(&env, run).len(), 6);
    env.ok(&["merge", "1", "--yes"]);
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    assert_eq!(env.git(&["show", "main:file.1"]), "2");
}

#[test]
fn the_same_line_changed_twice_is_a_task_that_resolves_it() {
    let env = TestEnv::new();
    env.workflow("slots", "", SLOTS);
    env.agent(&format!(
        "cat > $NOTES/prompt.$CREW_TASK.$CREW_ATTEMPT_NUMBER 2>/dev/null || cat > $NOTES/prompt.slot
case $CREW_TASK in
  look) cat README.md > $NOTES/seen;;
  *-conflict) if [ $CREW_ATTEMPT_NUMBER = 1 ]; then cat README.md > $NOTES/marks; echo looked; exit 0; fi
     grep -v '^[<=>|]' README.md > new; mv new README.md;;
  build/3) {TOGETHER}; echo 3 > other;;
  *) {TOGETHER}; echo \"line of $CREW_SLOT\" > README.md;;
esac
echo done"
    ));
    let run = env.start_workflow("slots");
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    let marks = env.note("marks");
    assert!(marks.first().is_some_and(|line| line.starts_with("<<<<<<< HEAD")), "{marks:?}");
    assert!(marks.last().is_some_and(|line| line == ">>>>>>> crew/do-it"), "{marks:?}");
    let mut seen = env.note("seen");
    seen.sort();
    assert_eq!(seen, ["line of 1", "line of 2"]);
    let records = env.records(run);
    let found = records.iter().find_map(|record| {
        if let Body::TreeConflicted(found) = &record.body { Some(found.clone()) } else { None }
    });
    let found = found.expect("a conflict");
    assert_eq!(found.files, ["README.md"]);
    let task = found.added.id.to_string();
    // The first attempt left the marks in, and was sent back.
    assert_eq!((env.attempts(run, &task), env.task(run, &task).as_str()), (2, "done"));
    let prompt = env.note(&format!("prompt.{task}.1")).join("\n");
    for words in ["`README.md`", "CONFLICT (content)", "crew/do-it--build.", "are in conflict"] {
        assert!(prompt.contains(words), "{words}: {prompt}");
    }
    let again = env.note(&format!("prompt.{task}.2")).join("\n");
    assert!(again.contains("it left conflicts unresolved in README.md"), "{again}");
    // A merge with both parents, in which nothing of either side is lost.
    let parents = env.git(&["rev-list", "--merges", "--count", "main..crew/do-it"]);
    assert!(parents.parse::<u32>().expect("a number") >= 1);
}

#[test]
fn a_path_that_nobody_may_touch_is_found_in_a_tree_of_its_own() {
    let env = TestEnv::new();
    env.workflow("slots", "", SLOTS);
    env.agent(&format!(
        "cat >/dev/null
case $CREW_SLOT in 2) {TOGETHER}; echo x > .env;; *) {TOGETHER}; echo $CREW_SLOT > file.$CREW_SLOT;; esac
echo done"
    ));
    let run = env.start_workflow("slots");
    assert_eq!(env.rest(run), "failed(path_policy)", "{:?}", env.status(run));
    assert!(env.state(run).denied.contains("build/2"), "{}", env.state(run).denied);
    assert!(!merged(&env, run).contains(&"build/2".to_owned()));
    // What was not merged stays where it is.
    let worktree = env.state(run).worktree.expect("a worktree").path;
    assert!(fs::exists(format!("{worktree}@build.2/.env")).expect("looked"));
}

#[test]
fn work_that_was_stopped_stays_in_its_tree_and_goes_on_there() {
    let env = TestEnv::new();
    env.workflow("slots", "", SLOTS);
    env.agent(
        "cat >/dev/null
case $CREW_TASK in
  look) cat half.* > $NOTES/seen;;
  *) if [ -e half.$CREW_SLOT ]; then echo whole >> half.$CREW_SLOT; else
       echo half > half.$CREW_SLOT; touch $NOTES/half.$CREW_SLOT; exec sleep 600; fi;;
esac
echo done",
    );
    let run = env.start_workflow("slots");
    stop_half_done(&env, run);
    assert!(branches(&env).contains("crew/do-it--build.3"), "{}", branches(&env));
    env.ok(&["reopen", "1"]);
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    assert_eq!(env.note("seen"), ["half", "whole", "half", "whole", "half", "whole"]);
}

#[test]
fn a_reader_beside_a_writer_sees_no_work_of_it_and_is_not_blamed_for_it() {
    let env = TestEnv::new();
    env.workflow(
        "beside",
        "",
        "## write\nrole: writer\n\n{goal}\n\n## read\nrole: reader\nisolation: snapshot\n\nLook.",
    );
    env.agent(
        "cat >/dev/null
case $CREW_TASK in
  write) while ! [ -e $NOTES/reads ]; do sleep 0.02; done; echo new > new.txt;;
  read) touch $NOTES/reads; while ! [ -e $NOTES/written ]; do sleep 0.02; done; ls > $NOTES/seen;;
esac
echo done",
    );
    let run = env.start_workflow("beside");
    wait_until("the writer's work is committed", || env.task(run, "write") == "done");
    fs::write(env.notes().join("written"), "").expect("written");
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    assert_eq!((env.attempts(run, "read"), env.note("seen")), (1, vec!["README.md".to_owned()]));
}

#[test]
fn a_tree_of_a_task_is_made_ready_as_the_run_s_own() {
    let env = TestEnv::new();
    env.workflow("slots", "", SLOTS);
    env.agent_with(
        "cat >/dev/null
case $CREW_TASK in build/*) cat secret.txt made.txt > $NOTES/saw.$CREW_SLOT; echo 1 > f.$CREW_SLOT;; esac
echo done",
        "[worktree]\nsetup = [\"echo $CREW_WORKTREE > made.txt\"]\ncopy = [\"secret.txt\"]",
    );
    fs::write(env.project().join(".gitignore"), "secret.txt\nmade.txt\n").expect("written");
    env.git(&["add", "-A"]);
    env.git(&["commit", "-q", "-m", "ignore"]);
    fs::write(env.project().join("secret.txt"), "s3\n").expect("written");
    let run = env.start_workflow("slots");
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    let worktree = env.state(run).worktree.expect("a worktree").path;
    for slot in 1..=3 {
        let own = format!("{worktree}@build.{slot}");
        assert_eq!(env.note(&format!("saw.{slot}")), ["s3", own.as_str()]);
    }
    assert_eq!(env.git(&["diff", "--name-only", "main", "crew/do-it"]), "f.1\nf.2\nf.3");
}

#[test]
fn pruning_puts_work_away_that_was_not_merged_and_undo_brings_it_back() {
    let env = TestEnv::new();
    env.workflow("slots", "", SLOTS);
    env.agent(
        "cat >/dev/null
if [ $CREW_TASK$CREW_ATTEMPT_NUMBER = build/${CREW_SLOT}1 ]; then echo $CREW_SLOT > half.$CREW_SLOT; touch $NOTES/half.$CREW_SLOT; exec sleep 600; fi
ls > $NOTES/seen.$CREW_SLOT; echo done",
    );
    let run = env.start_workflow("slots");
    stop_half_done(&env, run);
    let worktree = env.state(run).worktree.expect("a worktree").path;
    let own = format!("{worktree}@build.2");
    fs::write(format!("{own}/mine"), "of a person\n").expect("written");
    assert!(env.ok(&["show", "1"]).contains(&own));
    // No orphan, and not to go before the run's own worktree may.
    assert!(!env.ok(&["prune"]).contains("@build.2"));
    env.ok(&["prune", "--older-than", "0s", "--yes"]);
    assert!(!fs::exists(&own).expect("looked"));
    assert!(branches(&env).contains("crew/do-it--build.2"), "{}", branches(&env));
    env.ok(&["undo"]);
    assert_eq!(fs::read_to_string(format!("{own}/mine")).expect("back"), "of a person\n");
    env.ok(&["reopen", "1"]);
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    assert_eq!(env.note("seen.2"), ["README.md", "half.2", "mine"]);
    let files = env.git(&["diff", "--name-only", "main", "crew/do-it"]);
    assert_eq!(files, "half.1\nhalf.2\nhalf.3\nmine");
}

#[test]
fn a_conflict_of_commands_is_for_a_person_and_the_run_goes_on_after_it() {
    let env = TestEnv::new();
    let wait = format!(
        "touch {0}/$CREW_TASK; while [ $(ls {0} | wc -l) -lt 2 ]; do sleep 0.02; done",
        env.notes()
    );
    let step = |name: &str| {
        format!(
            "## {name}\nkind: command\ncommand: \"{wait}; grep -q {name} README.md || echo {name} >> README.md\"\nisolation: snapshot\nretries: 0\n\nx\n"
        )
    };
    env.agent("cat >/dev/null; echo done");
    env.workflow("two", "", &format!("{}\n{}", step("one"), step("two")));
    let run = env.start_workflow("two");
    assert_eq!(env.rest(run), "blocked(worktree_error)");
    let status = String::from_utf8(env.output(&["status", "1"]).stdout).expect("text");
    let from = status.find("git -C ").expect("it says what to do");
    let words: Vec<&str> = status[from..].split(['`', ' ', '\n']).take(5).collect();
    assert_eq!(words[3..], ["merge", "crew/do-it"], "{status}");
    assert!(status.contains("`crew resume 1`"), "{status}");
    // What it says is what helps.
    let tree = words[2];
    std::process::Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
        .args(["-C", tree, "merge", "crew/do-it"])
        .output()
        .expect("started");
    fs::write(format!("{tree}/README.md"), "# sample\none\ntwo\n").expect("written");
    env.git(&["-C", tree, "commit", "-q", "-a", "-m", "both"]);
    env.ok(&["resume", "1"]);
    assert_eq!(env.rest(run), "done");
    assert_eq!(env.git(&["show", "crew/do-it:README.md"]), "# sample\none\ntwo");
}
