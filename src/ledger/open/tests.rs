//! A run opened from its checkpoint is the run folded from its first line.

use camino::Utf8PathBuf;

use super::*;
use crate::engine::{Command, Input, Vitals};
use crate::snapshot::{RunRow, sample};

fn run() -> (tempfile::TempDir, RunDir) {
    let guard = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::try_from(guard.path().join("0005")).unwrap();
    (guard, RunDir::at(path))
}

fn play(ledger: &mut Ledger, inputs: Vec<(u64, Input)>) {
    let vitals = Vitals { machine_slots: 8, ..Vitals::default() };
    for (ms, input) in inputs {
        let at = sample::START.plus_ms(ms);
        ledger.commit(at, &vitals, &Actor::Supervisor, input).unwrap();
    }
}

fn asking() -> (tempfile::TempDir, Ledger) {
    let (guard, dir) = run();
    let mut ledger = Ledger::create(dir, sample::START, sample::first(sample::created())).unwrap();
    play(&mut ledger, sample::started());
    play(&mut ledger, sample::question());
    (guard, ledger)
}

#[test]
fn a_checkpoint_and_what_came_after_give_the_state_of_the_whole_log() {
    let (_guard, mut ledger) = asking();
    let dir = ledger.dir().clone();
    let row = RunRow::stored(ledger.state());
    ledger.write_checkpoint(&row);
    let saved = ledger.state().seq;
    let answer = Command::Decide {
        target: Some("coding".into()),
        action: crate::event::decision::Action::Answer,
        text: "cents".into(),
        proof: crate::engine::Proof::Minted("hash".into()),
        by: crate::event::Actor::Human("ada".into()),
        into: None,
    };
    play(&mut ledger, vec![(90_000, Input::Command(answer))]);

    let opened = Ledger::open(dir.clone()).unwrap();
    assert_eq!(opened.saved, saved, "the checkpoint was used");
    let whole = Ledger::open_whole(dir).unwrap();
    assert_eq!(opened.state(), whole.state());
    assert!(opened.state().is_consistent());
    assert!(whole.state().seq > saved);
    assert_eq!(opened.reader.cursor(), whole.reader.cursor());
}

#[test]
fn a_checkpoint_is_due_at_rest_or_after_many_events() {
    let (_guard, dir) = run();
    let mut ledger = Ledger::create(dir, sample::START, sample::first(sample::created())).unwrap();
    assert!(ledger.is_checkpoint_due(), "a queued run rests");
    play(&mut ledger, sample::started());
    assert!(!ledger.is_checkpoint_due(), "it runs and little has happened");
    ledger.write_checkpoint(&RunRow::stored(ledger.state()));
    assert!(!ledger.dir().snapshot().exists());
    let note = crate::event::body::RunNoted { text: "x".into() };
    for _ in 0..20 {
        let lock = &mut ledger.lock().unwrap();
        let batch = vec![Input::Fact(note.clone().into()); 100];
        lock.commit(sample::START, &Vitals::default(), &Actor::Supervisor, &batch).unwrap();
    }
    assert!(ledger.is_checkpoint_due());
    ledger.write_checkpoint(&RunRow::stored(ledger.state()));
    assert!(!ledger.is_checkpoint_due(), "nothing new since");
    let opened = Ledger::open(ledger.dir().clone()).unwrap();
    assert_eq!((opened.saved, opened.state()), (ledger.state().seq, ledger.state()));
}

#[test]
fn a_checkpoint_of_another_log_is_ignored() {
    let (_guard, mut ledger) = asking();
    ledger.write_checkpoint(&RunRow::stored(ledger.state()));
    let (_other_guard, other) = run();
    let mut created = sample::created();
    created.goal = "Something else".into();
    Ledger::create(other.clone(), sample::START, sample::first(created)).unwrap();
    std::fs::copy(ledger.dir().snapshot(), other.snapshot()).unwrap();
    let opened = Ledger::open(other).unwrap();
    assert_eq!((opened.saved, opened.state().created.goal.as_str()), (0, "Something else"));
}

#[test]
fn damage_behind_a_checkpoint_is_found_and_nothing_is_saved_any_more() {
    let (_guard, mut ledger) = asking();
    ledger.write_checkpoint(&RunRow::stored(ledger.state()));
    let (seq, dir) = (ledger.state().seq, ledger.dir().clone());
    let mut log = std::fs::read(dir.events()).unwrap();
    // The last line once more: a whole event that does not follow the line before it.
    let last = log[..log.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    log.extend_from_within(last..);
    std::fs::write(dir.events(), log).unwrap();
    for opened in [Ledger::open(dir.clone()).unwrap(), Ledger::open_whole(dir).unwrap()] {
        assert_eq!(opened.state().seq, seq);
        assert!(opened.health().read_only.is_some());
        assert!(!opened.is_checkpoint_due());
        assert_eq!(opened.health().damage.as_ref().map(|damage| damage.line), Some(seq + 1));
    }
}

#[test]
fn a_checkpoint_behind_a_broken_chain_is_not_used() {
    let (_guard, mut ledger) = asking();
    let dir = ledger.dir().clone();
    let row = RunRow::stored(ledger.state());
    ledger.write_checkpoint(&row);
    let log = std::fs::read(dir.events()).unwrap();
    let end = log[..log.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap();
    // Every byte before the last line, which the checkpoint itself is compared with.
    for at in (0..end).step_by(97) {
        let mut edited = log.clone();
        edited[at] ^= 1;
        std::fs::write(dir.events(), &edited).unwrap();
        match Ledger::open(dir.clone()) {
            Ok(opened) => {
                let Health { torn, damage, .. } = opened.health();
                assert!(torn.is_some() || damage.is_some(), "byte {at}");
            }
            Err(error) => assert!(matches!(error, OpenError::Log(LogError::Damaged(_))), "{error}"),
        }
    }
    std::fs::write(dir.events(), &log).unwrap();
    assert_eq!(Ledger::open(dir).unwrap().saved, ledger.state().seq, "whole again");
}
