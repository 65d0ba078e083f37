//! The trees that tasks see: readers leave theirs as it was, snapshots are their own, commands judge
//! the tree that is there.

use std::fs;

use crew::event::Body;

use crate::project::TestEnv;
use crate::support::wait_until;

/// A writer, then a reader whose script may misbehave.
const WRITE_THEN_READ: &str =
    "## build\nrole: writer\n\n{goal}\n\n## look\nrole: reader\ndependsOn: build\n\nLook at it.";

/// A gate with a command behind the writer.
const CHECKED: &str = "start: build\nend: look\n\
gates:\n  green-gate:\n    fields: { link: string }\n    writers: [writer]\n    when: { exec: check }\n\
channels:\n  - { id: forward, from: build, to: look, gate: green-gate }\n";

fn count(env: &TestEnv, run: u32, kind: &str) -> usize {
    env.records(run).iter().filter(|record| record.body.kind() == kind).count()
}

#[test]
fn a_reader_that_changed_something_is_sent_back_once_and_its_changes_are_kept() {
    let env = TestEnv::new();
    env.workflow("two", "", WRITE_THEN_READ);
    env.agent(
        "cat >/dev/null
case $CREW_TASK in
  build) echo one > made.txt;;
  look) if [ $CREW_ATTEMPT_NUMBER = 1 ]; then echo stray > stray.txt; rm made.txt; fi
        ls > $NOTES/seen.$CREW_ATTEMPT_NUMBER;;
esac
echo done",
    );
    let run = env.start_workflow("two");
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    assert_eq!((env.attempts(run, "build"), env.attempts(run, "look")), (1, 2));
    assert_eq!(env.note("seen.2"), ["README.md", "made.txt"]);
    let worktree = env.state(run).worktree.expect("a worktree").path;
    assert!(worktree.join("made.txt").is_file() && !worktree.join("stray.txt").exists());
    let kept = env.git(&["for-each-ref", "--format=%(refname)", "refs/crew/salvage"]);
    assert_eq!(env.git(&["show", &format!("{kept}:stray.txt")]), "stray");
    let prompt = fs::read_to_string(env.attempt(run, "look", 2).prompt()).expect("read");
    assert!(prompt.contains("it may only read and changed made.txt, stray.txt"), "{prompt}");
}

#[test]
fn of_readers_that_read_at_the_same_time_all_are_named() {
    let env = TestEnv::new();
    let read = |name: &str| format!("## {name}\nrole: reader\ndependsOn: build\n\nx\n\n");
    let steps = format!("## build\nrole: writer\n\nx\n\n{}{}", read("look"), read("watch"));
    env.workflow("three", "", &steps);
    env.agent(
        "cat >/dev/null; touch $NOTES/$CREW_TASK
[ $CREW_TASK = build ] && { echo x > made.txt; echo done; exit; }
while [ ! -e $NOTES/look ] || [ ! -e $NOTES/watch ]; do sleep 0.02; done
case $CREW_TASK.$CREW_ATTEMPT_NUMBER in
  look.1) echo stray > stray.txt;;
  watch.*) while [ ! -e $NOTES/go ]; do sleep 0.02; done;;
esac
echo done",
    );
    let run = env.start_workflow("three");
    // The tree is looked at when nobody reads in it any more.
    crate::support::wait_until("the reader has ended", || env.ends(run).len() == 2);
    fs::write(env.notes().join("go"), "").expect("written");
    assert_eq!(env.rest(run), "done");
    let prompt = fs::read_to_string(env.attempt(run, "look", 2).prompt()).expect("read");
    // Nobody can tell whose it was, also when the other one has ended meanwhile.
    let named = "it may only read and changed stray.txt (or watch did, at the same time)";
    assert!(prompt.contains(named), "{prompt}");
}

#[test]
fn a_reader_that_changes_something_again_breaks_its_contract() {
    let env = TestEnv::new();
    env.workflow("two", "", WRITE_THEN_READ);
    env.agent("cat >/dev/null; echo \"$CREW_TASK $CREW_ATTEMPT_NUMBER\" > new.txt; echo done");
    let run = env.start_workflow("two");
    assert_eq!(env.rest(run), "blocked(contract_violation)");
    assert_eq!(env.attempts(run, "look"), 2);
    let worktree = env.state(run).worktree.expect("a worktree").path;
    assert_eq!(fs::read_to_string(worktree.join("new.txt")).expect("read"), "build 1\n");
}

#[test]
fn readers_with_a_snapshot_have_trees_of_their_own_which_go_at_the_end() {
    let env = TestEnv::new();
    env.workflow(
        "trees",
        "",
        "## build\nrole: writer\n\n{goal}\n\n## look\nrole: reader\nslots: 2\nisolation: snapshot\ndependsOn: build\n\nLook.",
    );
    env.agent(
        "cat >/dev/null
case $CREW_TASK in
  build) echo one > made.txt;;
  *) pwd > $NOTES/pwd.$CREW_SLOT; cat made.txt > $NOTES/saw.$CREW_SLOT;;
esac
echo done",
    );
    let run = env.start_workflow("trees");
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    let worktree = env.state(run).worktree.expect("a worktree").path;
    for slot in ["1", "2"] {
        assert_eq!(env.note(&format!("saw.{slot}")), ["one"]);
        assert_eq!(env.note(&format!("pwd.{slot}")), [format!("{worktree}@look.{slot}")]);
    }
    wait_until("the trees of readers are gone", || {
        !env.git(&["worktree", "list"]).contains("@look")
    });
    assert!(worktree.is_dir());
    assert_eq!(env.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_red_command_sends_the_writer_back_with_what_it_printed() {
    let env = TestEnv::new();
    env.workflow(
        "checked",
        CHECKED,
        "## build\nrole: writer\nretries: 2\n\n{goal}\n\n## look\nrole: reader\n\nLook.",
    );
    env.agent(
        "cat > $NOTES/prompt.$CREW_TASK.$CREW_ATTEMPT_NUMBER
case $CREW_TASK in build) echo $CREW_ATTEMPT_NUMBER > made.txt;; esac
echo done",
    );
    let check = "cat made.txt; test \"$(cat made.txt)\" = 2";
    let run = env.start("do it", &["-w", "checked", "-a", "sh", "--validate", check]);
    assert_eq!(env.rest(run), "done", "{:?}", env.status(run));
    assert_eq!((env.attempts(run, "build"), count(&env, run, "evidence.recorded")), (2, 2));
    let prompt = env.note("prompt.build.2").join("\n");
    assert!(prompt.contains("`check` exited with code 1 on this work:"), "{prompt}");
    let state = env.state(run);
    let result = &state.tasks[state.task_ix(&"build".parse().expect("a task")).expect("known")];
    assert_eq!(result.status.as_str(), "done");
}

#[test]
fn a_command_that_stays_red_blocks_the_run() {
    let env = TestEnv::new();
    env.workflow(
        "checked",
        CHECKED,
        "## build\nrole: writer\nretries: 1\n\n{goal}\n\n## look\nrole: reader\n\nLook.",
    );
    env.agent("cat >/dev/null; echo done");
    let run = env.start("do it", &["-w", "checked", "-a", "sh", "--validate", "echo no; exit 3"]);
    assert_eq!(env.rest(run), "blocked(validation_exhausted)");
    let why = env.ok(&["why", &run.to_string()]);
    assert!(why.contains("`check` exited with code 3 on this work (2 attempts)"), "{why}");
    // The same tree is not judged twice.
    let cached = env
        .records(run)
        .into_iter()
        .filter(|record| matches!(&record.body, Body::EvidenceRecorded(found) if !found.cached));
    assert_eq!(cached.count(), 1);
}

#[test]
fn a_gate_whose_command_nobody_configured_is_refused_before_anything_starts() {
    let env = TestEnv::new();
    env.workflow(
        "checked",
        CHECKED,
        "## build\nrole: writer\n\n{goal}\n\n## look\nrole: reader\n\nLook.",
    );
    env.agent("cat >/dev/null; echo done");
    let said = env.fails(5, &["run", "do it", "-d", "-w", "checked", "-a", "sh"]);
    assert!(said.contains("gate `green-gate` needs the command `check`"), "{said}");
    assert!(said.contains("--validate CMD"), "{said}");
}

#[test]
fn a_stopped_run_ends_the_command_that_judges_its_tree() {
    let env = TestEnv::new();
    env.workflow(
        "checked",
        CHECKED,
        "## build\nrole: writer\n\n{goal}\n\n## look\nrole: reader\n\nLook.",
    );
    env.agent("cat >/dev/null; echo done");
    let check = format!("echo $$ > {}/pid; trap '' TERM INT; sleep 600 & sleep 600", env.notes());
    let run = env.start("do it", &["-w", "checked", "-a", "sh", "--validate", &check]);
    wait_until("the command runs", || !env.note("pid").is_empty());
    let pid = env.note("pid")[0].clone();
    env.ok(&["stop", &run.to_string()]);
    assert_eq!(env.rest(run), "cancelled(stopped)");
    wait_until("the command is gone", || !std::path::Path::new("/proc").join(&pid).exists());
}
