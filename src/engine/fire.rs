//! Which channels fire now, and everything that one firing means (SPEC 7.3).

use std::collections::BTreeSet;

use serde_json::Value;

use super::edge::Edge;
use super::state::State;
use crate::base::flow::{FieldType, Fire, Join, StepKind};
use crate::event::gate::ChannelsFired;
use crate::plan::graph::StepIx;

/// What follows from the edges of a run.
#[derive(Debug)]
pub(super) enum Firing {
    /// Channels fire.
    Fired(ChannelsFired),
    /// A cycle has reached its limit.
    Exhausted {
        /// The channel, its limit and the last feedback in one line.
        detail: String,
    },
}

/// The next firing; nothing when no edge is due.
pub(super) fn next(state: &State) -> Option<Firing> {
    let edges = &state.index.edges;
    let due: Vec<&Edge> = edges.iter().filter(|edge| state.is_edge_due(edge)).collect();
    if due.is_empty() {
        return held_back(state).map(Firing::Fired);
    }
    // Back wins over forward: one reject beats a quorum (F6).
    let back = due.iter().find(|edge| is_cycle(state, edge));
    if let Some(first) = back {
        let to = first.to;
        let together: Vec<&Edge> =
            due.iter().copied().filter(|edge| edge.to == to && is_cycle(state, edge)).collect();
        return Some(cycle(state, &together));
    }
    Some(Firing::Fired(forward(state, &due)))
}

/// Steps with `join: all` whose channels have all fired, and whose last dependency is done now.
fn held_back(state: &State) -> Option<ChannelsFired> {
    let all = state.index.edges.iter().filter(|edge| !edge.is_back).map(|edge| edge.to);
    let held: BTreeSet<StepIx> = all
        .filter(|&to| state.plan().steps[to].join == Some(Join::All))
        .filter(|&to| state.steps[to].activated == 0 && is_complete(state, to, &[]))
        .collect();
    let steps: Vec<_> = held.into_iter().map(|step| state.step_name(step)).collect();
    (!steps.is_empty()).then(|| ChannelsFired { steps, ..ChannelsFired::default() })
}

/// Whether firing would activate a step that has been settled before.
fn is_cycle(state: &State, edge: &Edge) -> bool {
    state.steps[edge.to].activated > 0 && !state.is_at_work(edge.to)
}

/// All targets of forward edges in one event; those at work already only get the feedback.
fn forward(state: &State, due: &[&Edge]) -> ChannelsFired {
    let mut fired = ChannelsFired::default();
    let mut steps = BTreeSet::new();
    for edge in due {
        if state.steps[edge.to].activated == 0 && is_complete(state, edge.to, due) {
            steps.insert(edge.to);
        }
    }
    fill(state, due, &mut fired);
    fired.steps = steps.into_iter().map(|step| state.step_name(step)).collect();
    fired
}

/// Whether enough edges lead into a step: any of them, or with `join: all` every one.
fn is_complete(state: &State, to: StepIx, due: &[&Edge]) -> bool {
    if state.plan().steps[to].join != Some(Join::All) {
        return true;
    }
    let into = state.index.edges.iter().filter(|edge| edge.to == to && !edge.is_back);
    let mut missing = into.filter(|edge| {
        let is_due = due.iter().any(|other| other.channels == edge.channels);
        !is_due && !edge.channels.iter().all(|&ix| state.channels[ix].pending)
    });
    missing.next().is_none() && state.index.are_dependencies_done(to)
}

/// A step begins again: what lies behind it counts no longer.
fn cycle(state: &State, edges: &[&Edge]) -> Firing {
    let to = edges[0].to;
    if let Some((name, limit)) = exhausted(state, edges) {
        let what = crate::base::text::one_line(&feedback(state, edges), 300);
        let said =
            if what.is_empty() { String::new() } else { format!("; the last feedback: {what}") };
        let detail = format!("channel `{name}` has led back {limit} times{said}");
        return Firing::Exhausted { detail };
    }
    let mut fired = sent_back(state, to, String::new());
    fill(state, edges, &mut fired);
    Firing::Fired(fired)
}

/// A step begins again, for whatever reason: what is emptied and what is stale.
pub(super) fn sent_back(state: &State, to: StepIx, feedback: String) -> ChannelsFired {
    let behind = downstream(state, to);
    let cleared = cleared(state, to, &behind);
    let outdated = behind.into_iter().filter(|&step| state.steps[step].activated > 0);
    ChannelsFired {
        channels: Vec::new(),
        steps: vec![state.step_name(to)],
        cycle: true,
        cleared,
        stale: outdated.map(|step| state.step_name(step)).collect(),
        feedback,
        messages: Vec::new(),
    }
}

/// The channel whose limit is reached, with the limit.
fn exhausted(state: &State, edges: &[&Edge]) -> Option<(String, u32)> {
    let plan = state.plan();
    let channels = || edges.iter().flat_map(|edge| edge.channels.iter().copied());
    let own = channels().find_map(|ix| {
        let limit = plan.channels[ix].max_cycles?;
        (state.channels[ix].cycles >= limit).then(|| (plan.channels[ix].id.clone(), limit))
    });
    let whole = || {
        let first = channels().next()?;
        let limit = plan.max_iterations;
        (state.cycles >= limit).then(|| (plan.channels[first].id.clone(), limit))
    };
    own.or_else(whole)
}

/// Steps that can be reached from a step without going back, itself excluded.
pub(super) fn downstream(state: &State, from: StepIx) -> BTreeSet<StepIx> {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(step) = open.pop() {
        let edges = state.index.edges.iter().filter(|edge| !edge.is_back);
        let by_edge = edges.filter(|edge| edge.sources.contains(&step)).map(|edge| edge.to);
        for next in by_edge.chain(state.index.dependents[step].iter().copied()) {
            if next != from && seen.insert(next) {
                open.push(next);
            }
        }
    }
    seen
}

/// Stores that are emptied: those of resetting gates on the way from the target.
fn cleared(state: &State, to: StepIx, behind: &BTreeSet<StepIx>) -> Vec<String> {
    let plan = state.plan();
    let mut stores = BTreeSet::new();
    for edge in &state.index.edges {
        let is_reached = edge.sources.iter().any(|step| *step == to || behind.contains(step));
        for gate in edge.gates.iter().filter(|_| is_reached).map(|&gate| &plan.gates[gate]) {
            if gate.reset_on_cycle {
                stores.insert(gate.store.clone());
            }
        }
    }
    stores.into_iter().collect()
}

/// The channels, messages and feedback of some edges.
fn fill(state: &State, edges: &[&Edge], fired: &mut ChannelsFired) {
    let plan = state.plan();
    fired.feedback = feedback(state, edges);
    for edge in edges {
        for &ix in &edge.channels {
            fired.channels.push(plan.channels[ix].id.clone());
            if edge.fire == Fire::Message {
                fired.messages.extend(state.channels[ix].due.iter().cloned());
            }
        }
    }
}

/// What the writers of the gates said in words, and what a person answered; messages come as mail.
fn feedback(state: &State, edges: &[&Edge]) -> String {
    let plan = state.plan();
    let mut parts: Vec<String> = Vec::new();
    let mut add = |text: &str| {
        let text = text.trim();
        if !text.is_empty() && !parts.iter().any(|part| part == text) {
            parts.push(text.to_owned());
        }
    };
    for edge in edges {
        for gate in edge.gates.iter().map(|&gate| &plan.gates[gate]) {
            let Some(store) = state.stores.get(&gate.store) else { continue };
            for (field, kind) in &gate.fields {
                match (kind, store.data.get(field)) {
                    (FieldType::Text, Some(Value::String(text))) => add(text),
                    (FieldType::MapText, Some(Value::Object(entries))) => {
                        for (task, text) in entries {
                            add(&format!("{task}: {}", text.as_str().unwrap_or_default()));
                        }
                    }
                    _ => {}
                }
            }
        }
        for &source in &edge.sources {
            if plan.steps[source].kind == StepKind::Human {
                for task in state.tasks_of(source) {
                    add(state.tasks[task].answer.as_ref().map_or("", |(_, answer)| answer));
                }
            }
        }
    }
    parts.join("\n\n")
}
