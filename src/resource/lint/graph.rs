//! Steps as a graph: channels that lead somewhere, ends that are reached, dependencies that can be met.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::flow::{Fire, StepKind};
use crate::resource::WorkflowFile;
use crate::resource::diagnostic::Findings;

use crate::resource::fields::quoted;

use super::unknown;

pub(super) fn check(file: &WorkflowFile, findings: &mut Findings) {
    check_mentions(file, findings);
    check_ways_in(file, findings);
    let graph = Graph::of(file);
    check_dependency_cycles(file, &graph, findings);
    check_reachable(file, &graph, findings);
    check_cyclic(file, &graph, findings);
}

/// Which steps lead to which.
struct Graph<'a> {
    /// Every edge, of dependencies and channels.
    next: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// Dependencies only, from a step to those it waits for.
    waits: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Graph<'a> {
    fn of(file: &'a WorkflowFile) -> Self {
        let mut graph = Self { next: BTreeMap::new(), waits: BTreeMap::new() };
        for step in &file.steps {
            for name in &step.depends_on {
                graph.next.entry(name).or_default().insert(step.id.as_str());
                if **name != step.id.as_str() {
                    let waits = graph.waits.entry(step.id.as_str()).or_default();
                    waits.insert(name);
                }
            }
        }
        for channel in &file.channels {
            graph.next.entry(&channel.from).or_default().insert(&channel.to);
        }
        graph
    }
}

/// Everything that can be reached from `starts`, these included.
fn reach<'a>(
    edges: &BTreeMap<&'a str, BTreeSet<&'a str>>,
    starts: impl IntoIterator<Item = &'a str>,
) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut todo: Vec<&str> = starts.into_iter().collect();
    while let Some(step) = todo.pop() {
        if seen.insert(step) {
            todo.extend(edges.get(step).into_iter().flatten());
        }
    }
    seen
}

/// Steps and channels that are named must exist, once.
fn check_mentions(file: &WorkflowFile, findings: &mut Findings) {
    let ids = file.step_ids();
    let edges = file.channels.iter().flat_map(|channel| [&channel.from, &channel.to]);
    let listed = file.start.iter().chain(&file.end).chain(&file.rework);
    for name in edges.chain(listed) {
        if !ids.contains(name.as_str()) {
            unknown("step", name, name.pos, ids.iter().copied(), findings);
        }
    }
    let gates: Vec<&str> = file.gates.iter().map(|gate| gate.id.as_str()).collect();
    let mut seen = BTreeSet::new();
    for channel in &file.channels {
        for gate in &channel.gates {
            if !gates.contains(&gate.as_str()) {
                unknown("gate", gate, gate.pos, gates.iter().copied(), findings);
            }
        }
        if !seen.insert(channel.id.as_str()) {
            findings.error(
                channel.pos,
                format!("channel `{}` stands here twice", channel.id),
                "give each channel its own `id`",
            );
        }
    }
}

/// Channels that nobody could ever fire, and steps with two kinds of ways in.
fn check_ways_in(file: &WorkflowFile, findings: &mut Findings) {
    for channel in file.channels.iter().filter(|channel| channel.fire == Fire::Message) {
        let source = file.steps.iter().find(|step| step.id.as_str() == channel.from.as_str());
        let is_mute = source.is_some_and(|step| match step.kind() {
            StepKind::Human | StepKind::Command => true,
            StepKind::End => step.prompt.trim().is_empty(),
            StepKind::Agent => false,
        });
        if is_mute {
            findings.error(
                channel.pos,
                format!(
                    "channel `{}` fires when a message goes along it, and `{}` can send none",
                    channel.id, *channel.from
                ),
                "add `fire: settled`, or a gate",
            );
        }
    }
    for step in file.steps.iter().filter(|step| !step.depends_on.is_empty()) {
        let is_entered = file
            .channels
            .iter()
            .any(|channel| channel.to.as_str() == step.id.as_str() && !channel.cyclic);
        if is_entered && step.join.is_none() {
            findings.warning(
                step.pos,
                format!(
                    "step `{}` starts by its dependencies or by a channel, whichever comes first",
                    step.id
                ),
                "say which with `join: any` or `join: all`",
            );
        }
    }
}

/// A cycle of dependencies can never begin; one through channels is counted and can.
fn check_dependency_cycles(file: &WorkflowFile, graph: &Graph<'_>, findings: &mut Findings) {
    let mut stuck = steps_that_never_begin(file, graph);
    for step in &file.steps {
        let id = step.id.as_str();
        let direct = graph.waits.get(id).into_iter().flatten().copied();
        if !stuck.contains(id) || !reach(&graph.waits, direct).contains(id) {
            continue;
        }
        let behind = reach(&graph.waits, [id]);
        let members: Vec<&str> = file
            .steps
            .iter()
            .map(|other| other.id.as_str())
            .filter(|other| stuck.contains(other) && behind.contains(other))
            .filter(|other| reach(&graph.waits, [*other]).contains(id))
            .collect();
        stuck.retain(|other| !members.contains(other));
        findings.error(
            step.depends_on.first().map_or(step.pos, |name| name.pos),
            format!("{} depend on each other in a cycle", quoted(&members)),
            "remove one `dependsOn`; a loop needs a channel, whose rounds are counted",
        );
    }
}

/// Steps in a cycle of dependencies, or behind one. A step that depends on itself is reported elsewhere.
fn steps_that_never_begin<'a>(file: &'a WorkflowFile, graph: &Graph<'a>) -> BTreeSet<&'a str> {
    let mut open: BTreeMap<&str, usize> = BTreeMap::new();
    let mut behind: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let ids = file.step_ids();
    for id in &ids {
        let waits = graph.waits.get(id).into_iter().flatten();
        let waits: Vec<&str> = waits.copied().filter(|name| ids.contains(name)).collect();
        open.insert(id, waits.len());
        for name in waits {
            behind.entry(name).or_default().push(id);
        }
    }
    let mut ready: Vec<&str> = ids.iter().copied().filter(|id| open.get(id) == Some(&0)).collect();
    while let Some(id) = ready.pop() {
        open.remove(id);
        for next in behind.get(id).into_iter().flatten() {
            if let Some(count) = open.get_mut(next) {
                *count -= 1;
                if *count == 0 {
                    ready.push(next);
                }
            }
        }
    }
    open.into_keys().collect()
}

/// Some step must begin, and every end must be reached.
fn check_reachable(file: &WorkflowFile, graph: &Graph<'_>, findings: &mut Findings) {
    let starts = file.start_steps();
    let ids = file.step_ids();
    if starts.iter().any(|start| !ids.contains(start)) {
        // The unknown start is reported; that nothing is reached from it says nothing more.
        return;
    }
    if starts.is_empty() {
        findings.error(
            file.pos,
            "no step can begin: something leads to each of them",
            "name the first one with `start:`",
        );
        return;
    }
    let ends = file.end_steps();
    if ends.is_empty() {
        findings.error(
            file.pos,
            "the workflow has no end: something leaves each step",
            "name the last one with `end:`",
        );
    }
    let reached = reach(&graph.next, starts);
    for step in file.steps.iter().filter(|step| !reached.contains(step.id.as_str())) {
        let id = step.id.as_str();
        let pos =
            file.end.iter().find(|name| name.as_str() == id).map_or(step.pos, |name| name.pos);
        if ends.contains(&id) {
            findings.error(
                pos,
                format!("the end `{id}` is not reached from the start"),
                "add a channel or `dependsOn` that leads to it",
            );
        } else {
            findings.warning(
                pos,
                format!("step `{id}` is not reached from the start"),
                "add a channel or `dependsOn` that leads to it, or remove it",
            );
        }
    }
}

/// `cyclic: true` is a claim that must be true, and a round without any gate never ends by itself.
fn check_cyclic(file: &WorkflowFile, graph: &Graph<'_>, findings: &mut Findings) {
    for channel in &file.channels {
        let comes_back = reach(&graph.next, [channel.to.as_str()]).contains(channel.from.as_str());
        if channel.cyclic && !comes_back {
            findings.warning(
                channel.pos,
                format!("channel `{}` says `cyclic` and closes no cycle", channel.id),
                "remove `cyclic`",
            );
        }
        if channel.max_cycles.is_some() && !comes_back {
            findings.warning(
                channel.pos,
                format!("channel `{}` has `maxCycles` and closes no cycle", channel.id),
                "remove `maxCycles`",
            );
        }
    }
    let mut free: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for step in &file.steps {
        for name in &step.depends_on {
            free.entry(name).or_default().insert(step.id.as_str());
        }
    }
    let is_free = |channel: &&crate::resource::ChannelDecl| {
        channel.gates.is_empty() && channel.fire != Fire::Message
    };
    for channel in file.channels.iter().filter(is_free) {
        free.entry(&channel.from).or_default().insert(&channel.to);
    }
    let loops = |channel: &&crate::resource::ChannelDecl| {
        reach(&free, [channel.to.as_str()]).contains(channel.from.as_str())
    };
    if let Some(channel) = file.channels.iter().filter(is_free).find(loops) {
        findings.warning(
            channel.pos,
            format!("the cycle through channel `{}` has no gate", channel.id),
            "guard one channel of it with a gate, else it runs up to `maxIterations` every time",
        );
    }
}
