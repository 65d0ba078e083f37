//! The engine alone: what deciding costs per attempt, and that it does not grow with the run.

#[path = "support/plan.rs"]
mod plan;

use crew::base::Time;
use crew::engine::{Command, Input, State, Vitals, react, step};
use crew::event::attempt::Report;
use crew::event::{Actor, AttemptEnded, EndReason, Record, Status, StatusKind, Usage};
use divan::Bencher;
use divan::counter::ItemsCount;

const NOW: Time = Time(1_777_000_000_000);

fn main() {
    divan::main();
}

/// A whole run of so many tasks, eight at a time: every start, every end, all that follows.
#[divan::bench(args = [500, 2_000, 10_000], sample_count = 10, sample_size = 1)]
fn run(bencher: Bencher, tasks: u32) {
    bencher
        .counter(ItemsCount::new(tasks))
        .with_inputs(|| begun(tasks, None))
        .bench_local_refs(play);
}

/// The same where the step itself keeps most of its tasks waiting.
#[divan::bench(args = [500, 2_000, 10_000], sample_count = 10, sample_size = 1)]
fn run_of_a_narrow_step(bencher: Bencher, tasks: u32) {
    bencher
        .counter(ItemsCount::new(tasks))
        .with_inputs(|| begun(tasks, Some(2)))
        .bench_local_refs(play);
}

fn begun(tasks: u32, at_once: Option<u32>) -> State {
    let mut created = plan::created(tasks);
    created.limits.agents = 8;
    let mut plan = (*created.plan).clone();
    plan.steps[0].max_concurrency = at_once;
    created.plan = std::sync::Arc::new(plan);
    let body = created.into();
    let first = Record { seq: 1, at: NOW, actor: Actor::Supervisor, epoch: 1, batch: 1, body };
    let mut state = State::begin(&first).expect("a run");
    state.status = Status::Queued { resumed: false, not_before: None };
    state
}

fn play(state: &mut State) {
    let promote = Command::Promote { dependencies: Some(Ok(())) };
    take(state, Input::Command(promote));
    while state.status.kind() == StatusKind::Running {
        let live: Vec<_> = state.live().map(|(task, live)| (task, live.number)).collect();
        for (task, attempt) in live {
            take(state, Input::AttemptEnded(end(state, task, attempt)));
            take(state, Input::Wake);
            divan::black_box_drop(react(state));
        }
    }
    assert_eq!(state.status.kind(), StatusKind::Done);
}

fn take(state: &mut State, input: Input) {
    let vitals = Vitals { machine_slots: 8, ..Vitals::default() };
    let events = step(state, &vitals, NOW, &Actor::Supervisor, &input).expect("allowed");
    divan::black_box_drop(events);
}

fn end(state: &State, task: usize, attempt: u32) -> AttemptEnded {
    AttemptEnded {
        task: state.task_id(task),
        attempt,
        reason: EndReason::Exited,
        code: Some(0),
        signal: None,
        ended_at: NOW,
        duration_ms: 1,
        output_bytes: 0,
        summary: String::new(),
        failure: String::new(),
        session: None,
        report: Report::default(),
        usage: Usage::default(),
        leftovers: 0,
        changed: None,
    }
}
