//! Writers with trees of their own: started together, merged one by one; a conflict becomes a task.

use crew::engine::{Command, Effect, react};
use crew::event::Body;
use crew::event::EndReason;

use super::support::{Play, id, plan};

const SLOTS: &str = "---\nname: t\nstart: build\nend: look\n---\n\n\
## build\nrole: coder\nslots: 3\nisolation: snapshot\n\n{goal}\n\n\
## look\nrole: reviewer\ndependsOn: build\n\nLook.\n";

const BESIDE: &str = "---\nname: t\nend: look\n---\n\n\
## own\nrole: coder\nslots: 2\nisolation: snapshot\n\n{goal}\n\n\
## shared\nrole: coder\n\n{goal}\n\n\
## look\nrole: reviewer\ndependsOn: own, shared\n\nLook.\n";

fn kinds(play: &Play, kind: &str) -> usize {
    play.log.iter().filter(|body| body.kind() == kind).count()
}

fn status(play: &Play, task: &str) -> String {
    play.task(task).to_owned()
}

#[test]
fn writers_with_trees_of_their_own_start_together_and_are_merged_one_by_one() {
    let mut play = Play::with_git(plan(SLOTS));
    for slot in ["build/1", "build/2", "build/3"] {
        assert_eq!(play.attempt(slot), 1);
    }
    play.end("build/2");
    assert_eq!(kinds(&play, "tree.merged"), 1);
    assert_eq!(play.state.worktree.as_ref().expect("made").commit, "c2");
    assert_eq!(status(&play, "look"), "pending");
    play.end("build/1");
    play.end("build/3");
    assert_eq!(kinds(&play, "tree.merged"), 3);
    assert_eq!(play.attempt("look"), 1);
}

#[test]
fn a_merge_waits_for_whoever_works_in_the_tree_of_the_run() {
    let mut play = Play::with_git(plan(BESIDE));
    assert_eq!((play.attempt("own/1"), play.attempt("own/2")), (1, 1));
    assert_eq!(play.attempt("shared"), 1);
    play.end("own/1");
    assert_eq!((status(&play, "own/1").as_str(), kinds(&play, "tree.merged")), ("checking", 0));
    play.end("shared");
    assert_eq!((status(&play, "own/1").as_str(), kinds(&play, "tree.merged")), ("done", 1));
}

#[test]
fn without_git_they_write_one_after_the_other() {
    let play = Play::of(SLOTS);
    let live: Vec<&str> = ["build/1", "build/2", "build/3"]
        .into_iter()
        .filter(|task| play.task(task) == "running")
        .collect();
    assert_eq!(live, ["build/1"]);
}

#[test]
fn a_conflict_becomes_a_task_and_everything_waits_for_it() {
    let mut play = Play::with_git(plan(SLOTS));
    play.end("build/1");
    play.conflicts = 1;
    play.end("build/2");
    play.end("build/3");
    assert_eq!(status(&play, "build/2"), "checking");
    assert_eq!(
        (status(&play, "build/3").as_str(), status(&play, "look").as_str()),
        ("done", "pending")
    );
    assert_eq!(play.attempt("build.2-conflict"), 1);
    let task = play.state.task_ix(&id("build.2-conflict")).expect("added");
    let step = play.state.step_of(task);
    assert_eq!((step.role.as_str(), step.slots), ("coder", 1));
    for words in ["both.txt", "build/2", "CONFLICT (content)", ">>>>>>> crew/x"] {
        assert!(step.prompt.contains(words), "{words}: {}", step.prompt);
    }
    let owner = play.state.task_ix(&id("build/2")).expect("known");
    assert_eq!(play.state.tree_owner(task), owner);
    play.end("build.2-conflict");
    assert_eq!(status(&play, "build/2"), "done");
    assert_eq!(play.attempt("look"), 1);
    // Its own merge, and the word that the first task's work is in.
    assert_eq!(kinds(&play, "tree.merged"), 4);
}

#[test]
fn a_conflict_of_the_solution_is_one_more_task() {
    let mut play = Play::with_git(plan(SLOTS));
    play.conflicts = 2;
    play.end("build/1");
    play.end("build.1-conflict");
    assert_eq!(
        (status(&play, "build/1").as_str(), status(&play, "build.1-conflict").as_str()),
        ("checking", "checking")
    );
    play.end("build.1-conflict-2");
    assert_eq!(
        (status(&play, "build/1").as_str(), status(&play, "build.1-conflict").as_str()),
        ("done", "done")
    );
}

#[test]
fn a_conflict_that_nobody_resolves_blocks_the_run_which_can_be_resumed() {
    let mut play = Play::with_git(plan(SLOTS));
    play.conflicts = 1;
    play.end("build/1");
    play.end("build/2");
    play.end("build/3");
    play.fail("build.1-conflict");
    assert_eq!(play.status(), "blocked(worktree_error)");
    assert_eq!(status(&play, "build/1"), "checking");
    assert!(play.state.is_at_rest());
    play.resume();
    assert_eq!(play.attempt("build.1-conflict"), 2);
    play.end("build.1-conflict");
    assert_eq!((status(&play, "build/1").as_str(), play.attempt("look")), ("done", 1));
}

#[test]
fn work_that_does_not_count_is_not_merged() {
    let mut play = Play::with_git(plan(SLOTS));
    play.fail("build/1");
    play.end_with("build/2", |end| end.report.spoke = false);
    play.end_with("build/3", |end| end.reason = EndReason::Lost);
    assert_eq!(kinds(&play, "tree.merged"), 0);
}

#[test]
fn a_merge_that_was_not_recorded_is_wanted_again() {
    let mut play = Play::with_git(plan(SLOTS));
    play.merges = false;
    play.end("build/1");
    let merge = Effect::BringIn { task: 0, attempt: 1 };
    assert!(react(&play.state).contains(&merge));
    play.end("build/2");
    // One at a time, and for both the same after a crash: nothing but the state says so.
    let merges = |play: &Play| -> Vec<Effect> {
        react(&play.state)
            .into_iter()
            .filter(|effect| matches!(effect, Effect::BringIn { .. }))
            .collect()
    };
    assert_eq!(merges(&play), [merge]);
    play.merges = true;
    play.tick();
    assert_eq!((kinds(&play, "tree.merged"), status(&play, "build/2").as_str()), (2, "done"));
}

#[test]
fn a_stop_ends_what_waits_for_a_conflict() {
    let mut play = Play::with_git(plan(SLOTS));
    play.conflicts = 1;
    play.end("build/1");
    play.person(Command::Stop).expect("it can be stopped");
    assert_eq!(
        (status(&play, "build/1").as_str(), status(&play, "build.1-conflict").as_str()),
        ("skipped", "skipped")
    );
    assert!(play.state.is_at_rest());
    play.person(Command::Reopen { message: None }).expect("it can be reopened");
    // The work is played again in its tree; nobody waits for the old solution.
    assert_eq!(
        (play.attempt("build/1"), status(&play, "build.1-conflict").as_str()),
        (2, "skipped")
    );
    assert!(play.log.iter().any(|body| matches!(body, Body::TreeConflicted(_))));
}
