//! Why nothing in a run can move, in words.

use super::edge::Edge;
use super::state::State;
use crate::base::flow::Fire;

/// Why nothing can move: the closed gates, and who may write them.
pub(super) fn words(state: &State) -> String {
    let plan = state.plan();
    let mut closed: Vec<String> = Vec::new();
    for edge in state.index.edges.iter().filter(|edge| state.is_edge_waiting(edge)) {
        if edge.is_broken {
            let gates = edge.channels.iter().flat_map(|&ix| &plan.channels[ix].gates);
            let gone = gates.filter(|id| !plan.gates.iter().any(|gate| gate.id == **id));
            closed.extend(gone.map(|id| format!("there is no gate `{id}`")));
        }
        for gate in edge.gates.iter().map(|&gate| &plan.gates[gate]) {
            let verdict = state.evaluate(gate);
            let text = format!(
                "gate `{}` is closed ({}); {} may write it",
                gate.id,
                verdict.reason,
                gate.writers.join(", ")
            );
            if !verdict.open && !closed.contains(&text) {
                closed.push(text);
            }
        }
    }
    closed.extend(unfired(state));
    if closed.is_empty() {
        return "nothing can move and nobody is asked".to_owned();
    }
    closed.join("; ")
}

/// Ways into steps that were not activated which fire by an event that has not come.
fn unfired(state: &State) -> Vec<String> {
    let plan = state.plan();
    let open = |edge: &&Edge| state.steps[edge.to].activated == 0;
    let mut missing = Vec::new();
    for edge in state.index.edges.iter().filter(open) {
        let channels = edge.channels.iter().map(|&ix| &plan.channels[ix]);
        let names: Vec<String> = channels.map(|channel| format!("`{}`", channel.id)).collect();
        let from = edge.sources.iter().map(|&step| format!("`{}`", plan.steps[step].id));
        let (names, from) = (names.join(", "), from.collect::<Vec<_>>().join(", "));
        match edge.fire {
            Fire::Message => missing.push(format!("no message of {from} went along {names}")),
            Fire::Open => {
                if state.is_edge_open(edge) {
                    missing.push(format!("{names} fires when it opens, and is open already"));
                }
                let closed = edge.gates.iter().map(|&gate| &plan.gates[gate]);
                let closed = closed.filter(|gate| !state.evaluate(gate).open);
                missing.extend(closed.map(|gate| {
                    let writers = gate.writers.join(", ");
                    format!("gate `{}` on {names} is closed; {writers} may write it", gate.id)
                }));
            }
            Fire::Settled => {}
        }
    }
    missing
}
