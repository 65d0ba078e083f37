//! Runs for the tests of this module, made by the real engine.

mod script;

pub(crate) use script::{
    START, approval, created, created_with_approval, finished, first, question, started,
};

use crate::engine::{Input, State, Vitals, step};
use crate::event::body::RunTransitioned;
use crate::event::{Actor, Body, Record, Rule, RunCreated, Status};
use crate::plan::Risk;
use crate::plan::risk::RiskReason;

/// The records of a run after its first events and some inputs, in order.
pub(crate) fn records(inputs: impl IntoIterator<Item = (u64, Input)>) -> (State, Vec<Record>) {
    records_of(created(), inputs)
}

/// The records of a run that was created so, in order.
pub(crate) fn records_of(
    created: RunCreated,
    inputs: impl IntoIterator<Item = (u64, Input)>,
) -> (State, Vec<Record>) {
    begun(first(created), inputs)
}

fn begun(
    first: Vec<(Actor, u32, Body)>,
    inputs: impl IntoIterator<Item = (u64, Input)>,
) -> (State, Vec<Record>) {
    let mut records: Vec<Record> = Vec::new();
    for (actor, epoch, body) in first {
        let seq = records.len() as u64 + 1;
        records.push(Record { seq, at: START, actor, epoch, batch: 1, body });
    }
    let mut state = State::begin(&records[0]).expect("the first record begins a run");
    for record in &records[1..] {
        state.apply_record(record);
    }
    let vitals = Vitals { machine_slots: 8, ..Vitals::default() };
    for (ms, input) in inputs {
        let at = START.plus_ms(ms);
        let batch = records.len() as u64 + 1;
        let events = step(&mut state, &vitals, at, &Actor::Supervisor, &input).expect("allowed");
        for (actor, epoch, body) in events {
            let seq = records.len() as u64 + 1;
            records.push(Record { seq, at, actor, epoch, batch, body });
        }
    }
    (state, records)
}

/// A run whose second step is at work.
pub(crate) fn running() -> State {
    records(started()).0
}

/// A run whose second step asked a question.
pub(crate) fn asking() -> State {
    records(started().into_iter().chain(question())).0
}

/// A run whose work is done and waits on its branch.
pub(crate) fn waiting_for_merge() -> State {
    records(started().into_iter().chain(finished())).0
}

/// A run whose first step is done and whose gate waits for a person.
pub(crate) fn waiting_for_approval() -> State {
    records_of(created_with_approval(), started()).0
}

/// The same run after a person's yes.
pub(crate) fn approved() -> State {
    records_of(created_with_approval(), started().into_iter().chain([approval(true)])).0
}

/// A run that needs a person's word before it starts.
pub(crate) fn draft() -> (State, Vec<Record>) {
    let mut created = created();
    created.risks = vec![Risk::plain(RiskReason::ForceDraft)];
    created.goal = "A large refactor of all files".into();
    let mut first = first(created);
    let to = Status::Draft;
    first[1].2 = RunTransitioned { rule: Rule::T02, to, text: String::new() }.into();
    begun(first, [(100, Input::Wake)])
}
