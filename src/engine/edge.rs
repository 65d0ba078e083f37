//! Edges: the declared channels of a plan, with those that share their gates and target joined into one.

use std::collections::BTreeSet;

use super::state::{State, TaskStatus};
use crate::base::flow::{Condition, Fire};
use crate::plan::Plan;
use crate::plan::graph::StepIx;

/// One way into a step: a declared channel, or several that share their gates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edge {
    /// Positions of its channels.
    pub channels: Vec<usize>,
    /// The steps that it leaves.
    pub sources: Vec<StepIx>,
    /// The step that it enters.
    pub to: StepIx,
    /// Positions of its gates.
    pub gates: Vec<usize>,
    /// A gate that the plan does not have: closed for ever.
    pub is_broken: bool,
    /// When it fires.
    pub fire: Fire,
    /// Whether it leads back, declared or by the shape of the plan.
    pub is_back: bool,
    /// Commands that its gates ask for.
    pub commands: BTreeSet<String>,
}

/// The edges of a plan, in the order of its channels.
pub(super) fn edges(plan: &Plan) -> Vec<Edge> {
    let declared: Vec<usize> =
        (0..plan.channels.len()).filter(|&ix| !plan.channels[ix].depends_on).collect();
    if declared.is_empty() {
        return Vec::new();
    }
    let back = back_channels(plan);
    let mut edges: Vec<Edge> = Vec::new();
    for ix in declared {
        let channel = &plan.channels[ix];
        let position = |id: &String| plan.gates.iter().position(|gate| gate.id == *id);
        let mut gates: Vec<usize> = channel.gates.iter().filter_map(position).collect();
        gates.sort_unstable();
        gates.dedup();
        let is_broken = channel.gates.iter().any(|id| position(id).is_none());
        let is_back = channel.cyclic || back.contains(&ix);
        let twin = edges.iter_mut().find(|edge| {
            !gates.is_empty()
                && edge.gates == gates
                && edge.to == channel.to
                // A way back that waited for the way forward, and the other way round, would wait for ever.
                && edge.is_back == is_back
                && edge.fire == channel.fire
        });
        if let Some(edge) = twin {
            edge.channels.push(ix);
            edge.sources.push(channel.from);
            continue;
        }
        let mut commands = BTreeSet::new();
        for gate in &gates {
            plan.gates[*gate].when.walk(&mut |part| {
                if let Condition::Exec(name) = part {
                    commands.insert(name.clone());
                }
            });
        }
        edges.push(Edge {
            channels: vec![ix],
            sources: vec![channel.from],
            to: channel.to,
            gates,
            is_broken,
            fire: channel.fire,
            is_back,
            commands,
        });
    }
    edges
}

/// Channels that close a cycle on the way from the start, in the order of the file.
fn back_channels(plan: &Plan) -> BTreeSet<usize> {
    let mut back = BTreeSet::new();
    let mut colour = vec![0_u8; plan.steps.len()];
    let all = plan.start.iter().copied().chain(0..plan.steps.len());
    for start in all {
        if colour[start] != 0 {
            continue;
        }
        // Depth first with a stack of its own: a plan may have thousands of steps in a row.
        let mut stack = vec![(start, outgoing(plan, start))];
        colour[start] = 1;
        while let Some((step, ways)) = stack.last_mut() {
            let Some(ix) = ways.pop() else {
                colour[*step] = 2;
                stack.pop();
                continue;
            };
            let to = plan.channels[ix].to;
            match colour[to] {
                1 => {
                    back.insert(ix);
                }
                0 if !plan.channels[ix].cyclic => {
                    colour[to] = 1;
                    stack.push((to, outgoing(plan, to)));
                }
                _ => {}
            }
        }
    }
    back
}

/// Channels that leave a step, the first one last.
fn outgoing(plan: &Plan, step: StepIx) -> Vec<usize> {
    (0..plan.channels.len()).rev().filter(|&ix| plan.channels[ix].from == step).collect()
}

impl State {
    /// The turn of a step: it goes up with every activation and every attempt.
    pub(super) fn turn_of(&self, step: StepIx) -> u64 {
        let attempts: u64 =
            self.tasks_of(step).map(|task| u64::from(self.tasks[task].attempts)).sum();
        u64::from(self.steps[step].activations) + attempts
    }

    /// Whether a step has been played to its end in this pass: done, or failed for good, and all runs
    /// that it started have ended.
    pub(super) fn is_played(&self, step: StepIx) -> bool {
        self.steps[step].activated > 0
            && self.index.steps[step].children == 0
            && self.tasks_of(step).all(|task| {
                matches!(
                    self.tasks[task].status,
                    TaskStatus::Done { .. } | TaskStatus::Failed { blocks: None, .. }
                )
            })
    }

    /// Whether a step is at work: activated, and not all of its tasks are settled, or runs that it
    /// started have not ended.
    pub(super) fn is_at_work(&self, step: StepIx) -> bool {
        let is_open = |task: usize| !self.tasks[task].status.is_settled();
        self.steps[step].activated > 0
            && (self.index.steps[step].children > 0 || self.tasks_of(step).any(is_open))
    }

    /// Whether all gates of an edge are open.
    pub(super) fn is_edge_open(&self, edge: &Edge) -> bool {
        let plan = self.plan();
        !edge.is_broken && edge.gates.iter().all(|&gate| self.evaluate(&plan.gates[gate]).open)
    }

    /// Whether the sources of an edge are played and have not fired it in this turn of theirs.
    pub(super) fn is_edge_waiting(&self, edge: &Edge) -> bool {
        let plan = self.plan();
        edge.fire == Fire::Settled
            && edge.sources.iter().all(|&source| self.is_played(source))
            && edge
                .channels
                .iter()
                .any(|&ix| self.turn_of(plan.channels[ix].from) > self.channels[ix].fired)
    }

    /// Whether an edge fires now.
    pub(super) fn is_edge_due(&self, edge: &Edge) -> bool {
        match edge.fire {
            Fire::Settled => self.is_edge_waiting(edge) && self.is_edge_open(edge),
            Fire::Open => self.has_due(edge) || self.is_open_anew(edge),
            Fire::Message => self.has_due(edge),
        }
    }

    fn has_due(&self, edge: &Edge) -> bool {
        edge.channels.iter().any(|&ix| !self.channels[ix].due.is_empty())
    }

    /// Whether a gate that kept its data stands open in a new round: its target was undone, and its
    /// sources have been played again (F3).
    fn is_open_anew(&self, edge: &Edge) -> bool {
        let plan = self.plan();
        self.steps[edge.to].activated == 0
            && edge.channels.iter().all(|&ix| {
                let fired = self.channels[ix].fired;
                fired > 0 && self.turn_of(plan.channels[ix].from) > fired
            })
            && edge.sources.iter().all(|&source| self.is_played(source))
            && self.is_edge_open(edge)
    }
}
