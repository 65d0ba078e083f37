//! Taking finished work over: what begins a try, what ends it, and that there is exactly one outcome.

use crew::engine::{Command, Effect, Input, react};
use crew::event::body::{ArtifactStored, SupervisorStarted};
use crew::event::decision::Action;
use crew::event::merge::{MergeBuilt, MergeFinished, MergeRefusal, MergeResult};
use crew::event::{Actor, MergeTrouble, Status, Wait};
use crew::plan::Completion;

use crate::support::{Play, plan};

const ONE: &str = "---\nname: t\n---\n\n## code\nrole: coder\n\nx\n";

/// A run whose work is done and whose branch waits for a person.
fn done() -> Play {
    let mut play = Play::with_git(plan(ONE));
    play.end("code");
    assert_eq!(play.status(), "waiting(merge)");
    play
}

/// The same, and a person has said that it is to be merged.
fn merging() -> Play {
    let mut play = done();
    play.decide(None, Action::Merge, "").expect("a merge");
    assert_eq!((play.status().as_str(), play.count("merge.started")), ("merging", 1));
    play
}

fn give(play: &mut Play, input: &Input) {
    play.give(&Actor::Supervisor, input).expect("facts are not refused");
}

fn built(play: &mut Play) {
    let built = MergeBuilt {
        target: "main".into(),
        old: "m0".into(),
        new: "m1".into(),
        tree: "tm".into(),
        checkouts: vec!["/p".into()],
    };
    give(play, &Input::MergeBuilt(built));
}

fn finish(play: &mut Play, result: MergeResult) {
    give(play, &Input::MergeFinished(MergeFinished { result }));
}

fn merged() -> MergeResult {
    MergeResult::Merged { target: "main".into(), commit: "m1".into() }
}

fn refused(why: MergeRefusal) -> MergeResult {
    MergeResult::Refused { why, detail: "`a` and `b` differ".into(), paths: vec!["a".into()] }
}

fn restart(play: &mut Play) {
    let started = SupervisorStarted { pid: 7, version: "1".into(), host: "h".into() };
    give(play, &Input::SupervisorStarted(started));
}

fn effects(play: &Play) -> Vec<Effect> {
    react(&play.state)
}

fn trouble(play: &Play) -> Option<MergeTrouble> {
    let Status::Waiting { wait: Wait::Merge { trouble, .. } } = &play.state.status else {
        panic!("{:?}", play.state.status)
    };
    *trouble
}

#[test]
fn t29_t32_a_merge_is_on_record_before_it_moves_anything() {
    let mut play = merging();
    assert_eq!(effects(&play), [Effect::Merge]);
    assert_eq!(play.state.merging().map(|merge| merge.target.as_str()), Some("main"));
    built(&mut play);
    assert!(play.state.is_target_moving());
    finish(&mut play, merged());
    assert_eq!(play.status(), "done(merged)");
    assert!(effects(&play).is_empty());
    // Late news of the same try changes nothing.
    finish(&mut play, refused(MergeRefusal::Failed));
    assert_eq!((play.status().as_str(), play.count("merge.finished")), ("done(merged)", 1));
}

#[test]
fn t33_what_stands_in_the_way_comes_back_with_a_new_decision() {
    for why in [MergeRefusal::Conflict, MergeRefusal::Dirty, MergeRefusal::Hook, MergeRefusal::Red]
    {
        let mut play = merging();
        finish(&mut play, refused(why));
        assert_eq!(
            (play.status().as_str(), trouble(&play)),
            ("waiting(merge)", Some(MergeTrouble::Error))
        );
        let asked = play.asked();
        assert_eq!(asked.len(), 1, "{asked:?}");
        let text = &play.state.decisions[1].opened.text;
        assert!(text.contains(&format!("the last try failed ({why})")), "{text}");
        play.decide(None, Action::Merge, "").expect("again");
        assert_eq!((play.status().as_str(), play.count("merge.started")), ("merging", 2));
        assert_eq!(effects(&play), [Effect::Merge]);
        finish(&mut play, merged());
        assert_eq!(play.status(), "done(merged)");
    }
}

#[test]
fn t39_a_merge_whose_process_died_is_resolved_and_not_repeated() {
    let mut play = merging();
    restart(&mut play);
    assert_eq!(effects(&play), [Effect::ResolveMerge]);
    finish(&mut play, refused(MergeRefusal::Interrupted));
    assert_eq!(
        (play.status().as_str(), trouble(&play)),
        ("waiting(merge)", Some(MergeTrouble::Interrupted))
    );
    play.decide(None, Action::Merge, "").expect("again");
    built(&mut play);
    restart(&mut play);
    assert_eq!(effects(&play), [Effect::ResolveMerge]);
    finish(&mut play, merged());
    assert_eq!(play.status(), "done(merged)");
}

#[test]
fn a_merge_that_nobody_had_begun_is_not_interrupted_by_a_new_supervisor() {
    let mut play = done();
    play.promotes = false;
    let mut state = play.state.clone();
    let decide = Command::Decide {
        target: None,
        action: Action::Merge,
        text: String::new(),
        proof: crew::engine::Proof::Minted("0".repeat(64)),
        by: Actor::Human("ada".into()),
        into: None,
    };
    let seen = crew::engine::Vitals::default();
    let ada = Actor::Human("ada".into());
    crew::engine::step(&mut state, &seen, play.now, &ada, &Input::Command(decide))
        .expect("a merge");
    assert_eq!(react(&state), [Effect::BeginMerge]);
    let started = SupervisorStarted { pid: 7, version: "1".into(), host: "h".into() };
    let started = Input::SupervisorStarted(started);
    crew::engine::step(&mut state, &seen, play.now, &Actor::Supervisor, &started).expect("a fact");
    assert_eq!(react(&state), [Effect::BeginMerge]);
}

#[test]
fn t36_a_stop_wins_unless_the_target_has_moved() {
    // Before anything is about to move it wins at once.
    let mut play = merging();
    play.person(Command::Stop).expect("a stop");
    assert_eq!(play.status(), "cancelled(stopped)");
    finish(&mut play, merged());
    assert_eq!(play.status(), "cancelled(stopped)");
    // Nothing can be put on record as about to move any more.
    built(&mut play);
    assert_eq!(play.count("merge.built"), 0);

    // In between it waits for the answer, and there is one.
    for (result, expected) in
        [(merged(), "done(merged)"), (refused(MergeRefusal::Interrupted), "cancelled(stopped)")]
    {
        let mut play = merging();
        built(&mut play);
        play.person(Command::Stop).expect("a stop");
        play.person(Command::Stop).expect("the same again");
        assert_eq!((play.status().as_str(), play.count("merge.stopping")), ("merging", 1));
        finish(&mut play, result);
        assert_eq!(play.status(), expected);
    }
}

#[test]
fn a_run_on_a_detached_head_needs_the_name_of_a_branch() {
    let mut play = done();
    let mut created = (*play.state.created).clone();
    created.git.as_mut().expect("git").target = None;
    play.adopt(created);
    let refusal = play.decide(None, Action::Merge, "").unwrap_err();
    assert!(refusal.hint.contains("--into BRANCH"), "{refusal:?}");
    let into = Command::Decide {
        target: None,
        action: Action::Merge,
        text: String::new(),
        proof: crew::engine::Proof::Minted("0".repeat(64)),
        by: Actor::Human("ada".into()),
        into: Some("release".into()),
    };
    play.person(into).expect("a merge");
    assert_eq!(play.state.merging().map(|merge| merge.target.as_str()), Some("release"));
    finish(&mut play, MergeResult::Nothing { target: "release".into() });
    assert_eq!(play.status(), "done(no_changes)");
}

#[test]
fn green_work_is_merged_without_a_word_only_where_the_user_allows_it() {
    let mut green = plan(ONE);
    green.completion = Completion::Merge;
    // Red work never comes so far: it is sent back.
    for (by_itself, exec, expected) in
        [(true, 0, "merging"), (false, 0, "waiting(merge)"), (true, 1, "running")]
    {
        let mut play = Play::with_git(green.clone());
        let mut created = (*play.state.created).clone();
        created.policy.merge.by_itself = by_itself;
        created.policy.validation = Some("check".into());
        play.adopt(created);
        play.exec = None;
        play.end("code");
        assert_eq!(play.status(), "running", "its validation has not run");
        let found = play.found("check", exec);
        give(&mut play, &Input::Evidence(found));
        assert_eq!(play.status(), expected, "{by_itself} {exec}");
        if by_itself && exec == 0 {
            finish(&mut play, refused(MergeRefusal::Conflict));
            assert_eq!(play.status(), "waiting(merge)", "once, then a person decides");
        }
    }
}

#[test]
fn t27_a_declared_output_must_be_there_to_be_delivered() {
    let text = "---\nname: t\n---\n\n## code\nrole: coder\noutput: plan.md\n\nx\n";
    let mut compiled = plan(text);
    compiled.completion = Completion::Deliver;
    compiled.steps[0].output = Some("plan.md".parse().expect("a name"));
    let mut play = Play::new(compiled);
    play.end("code");
    assert_eq!(play.status(), "blocked(contract_violation)");
    assert!(play.detail().contains("`plan.md` of `code`"), "{}", play.detail());
    assert!(play.detail().contains("`crew resume 1` sends the work back"), "{}", play.detail());
    // Resumed, the step that owes it is asked again; without it the run blocks again, with it the run ends.
    play.resume();
    assert_eq!(play.live(), ["code"]);
    let asked = play.firings().last().map(|fired| fired.feedback.clone());
    assert!(asked.is_some_and(|text| text.contains("`plan.md` of `code`")));
    play.end("code");
    assert_eq!(play.status(), "blocked(contract_violation)");
    play.resume();
    let stored = ArtifactStored {
        name: "plan.md".parse().expect("a name"),
        task: "code".parse().expect("a task"),
        bytes: 1,
        hash: "0".repeat(64),
    };
    play.give(&Actor::Supervisor, &Input::Fact(stored.into())).expect("stored");
    play.end("code");
    assert_eq!(play.status(), "done(delivered)");
}
