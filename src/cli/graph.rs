//! A plan as a drawing: text for the terminal, Mermaid for Markdown, DOT for Graphviz.
//!
//! Pure functions over the plan; the order of lines is the order of the file, so that drawings can be compared.

use std::fmt::Write;

use clap::ValueEnum;

use crate::base::flow::StepKind;
use crate::plan::graph::StepIx;
use crate::plan::{ChannelPlan, Plan, StepPlan};

/// How a plan is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Steps with what leads out of them.
    Text,
    /// A flowchart for Markdown.
    Mermaid,
    /// For Graphviz: `crew workflow graph NAME --format dot | dot -Tsvg`.
    Dot,
}

/// Draws a plan.
pub fn draw(plan: &Plan, format: Format) -> String {
    match format {
        Format::Text => text(plan),
        Format::Mermaid => mermaid(plan),
        Format::Dot => dot(plan),
    }
}

/// Lists the tasks, channels and gates that a plan expands to.
pub fn expand(plan: &Plan) -> String {
    let mut out = format!("workflow {}, team {}\n", plan.workflow, plan.team);
    line(&mut out, &format!("\ntasks ({})", plan.task_count()));
    for step in &plan.steps {
        for task in plan.tasks_of(step) {
            line(&mut out, &format!("  {task}  {}", facts(plan, step).join(", ")));
        }
    }
    line(&mut out, &format!("\nchannels ({})", plan.channels.len()));
    for channel in &plan.channels {
        line(&mut out, &format!("  {}", arrow(plan, channel)));
    }
    if !plan.gates.is_empty() {
        line(&mut out, &format!("\ngates ({})", plan.gates.len()));
    }
    for gate in &plan.gates {
        let reset = if gate.reset_on_cycle { ", cleared by a cycle" } else { "" };
        let writers = gate.writers.join(", ");
        line(&mut out, &format!("  {}  written by {writers}{reset}", gate.id));
    }
    out
}

fn text(plan: &Plan) -> String {
    let mut out = String::new();
    for (ix, step) in plan.steps.iter().enumerate() {
        let slots = if step.slots > 1 { format!(" ×{}", step.slots) } else { String::new() };
        let marks = marks(plan, ix);
        line(&mut out, &format!("{}{slots}  {}{marks}", step.id, facts(plan, step).join(", ")));
        for channel in plan.channels.iter().filter(|channel| channel.from == ix) {
            let (sign, notes) = (sign(plan, channel), notes(channel));
            line(&mut out, &format!("  {sign} {}{notes}", plan.steps[channel.to].id));
        }
    }
    out
}

fn mermaid(plan: &Plan) -> String {
    let mut out = "flowchart TD\n".to_owned();
    for (ix, step) in plan.steps.iter().enumerate() {
        let label = label(step).replace('"', "&quot;");
        let shape = match step.kind {
            StepKind::Agent => format!("[\"{label}\"]"),
            StepKind::Command => format!("[/\"{label}\"/]"),
            StepKind::Human => format!("{{{{\"{label}\"}}}}"),
            StepKind::End => format!("([\"{label}\"])"),
        };
        line(&mut out, &format!("  s{ix}{shape}"));
    }
    for channel in &plan.channels {
        let (from, to) = (channel.from, channel.to);
        let line_style = if is_back(plan, channel) { "-.->" } else { "-->" };
        let gate = match channel.gates.join(", ").replace('"', "&quot;") {
            none if none.is_empty() => none,
            gates => format!("|\"{gates}\"|"),
        };
        line(&mut out, &format!("  s{from} {line_style}{gate} s{to}"));
    }
    out
}

fn dot(plan: &Plan) -> String {
    let mut out = format!("digraph {} {{\n", quoted(&plan.workflow));
    line(&mut out, "  node [shape=box, style=rounded];");
    for step in &plan.steps {
        let shape = match step.kind {
            StepKind::Agent => "",
            StepKind::Command => ", shape=note",
            StepKind::Human => ", shape=hexagon",
            StepKind::End => ", shape=oval",
        };
        let (id, label) = (quoted(step.id.as_str()), quoted(&label(step)));
        line(&mut out, &format!("  {id} [label={label}{shape}];"));
    }
    for channel in &plan.channels {
        let mut attributes = Vec::new();
        if !channel.gates.is_empty() {
            attributes.push(format!("label={}", quoted(&channel.gates.join(", "))));
        }
        if is_back(plan, channel) {
            attributes.push("style=dashed, constraint=false".to_owned());
        }
        let attributes = match attributes.as_slice() {
            [] => String::new(),
            some => format!(" [{}]", some.join(", ")),
        };
        let from = quoted(plan.steps[channel.from].id.as_str());
        let to = quoted(plan.steps[channel.to].id.as_str());
        line(&mut out, &format!("  {from} -> {to}{attributes};"));
    }
    out.push_str("}\n");
    out
}

/// What distinguishes a step, in a few words.
fn facts(plan: &Plan, step: &StepPlan) -> Vec<String> {
    let mut facts = match step.kind {
        StepKind::Agent => vec![step.role.clone()],
        StepKind::Command => vec![format!("command `{}`", step.command.as_deref().unwrap_or(""))],
        StepKind::Human => vec!["a person".to_owned()],
        StepKind::End => vec!["end".to_owned()],
    };
    if step.kind == StepKind::Agent {
        facts.push(step.access.as_str().to_owned());
        facts.push(step.runtime.clone());
    }
    facts.extend(step.looping.as_ref().map(|looping| format!("loop of {}", looping.steps)));
    facts.extend(step.verify.then(|| "verdict".to_owned()));
    facts.extend(step.timeout_ms.map(crate::base::time::human_ms));
    let limit = plan.role_concurrency.get(&step.role).copied();
    let limit = [limit, step.max_concurrency].into_iter().flatten().min();
    facts.extend(limit.filter(|_| step.slots > 1).map(|limit| format!("{limit} at once")));
    facts.retain(|fact| !fact.is_empty());
    facts
}

fn marks(plan: &Plan, ix: StepIx) -> String {
    let mut out = String::new();
    if plan.start.contains(&ix) {
        out.push_str(" [start]");
    }
    if plan.end.contains(&ix) {
        out.push_str(" [end]");
    }
    out
}

fn label(step: &StepPlan) -> String {
    if step.slots > 1 { format!("{} ×{}", step.id, step.slots) } else { step.id.to_string() }
}

fn arrow(plan: &Plan, channel: &ChannelPlan) -> String {
    let (from, to) = (&plan.steps[channel.from].id, &plan.steps[channel.to].id);
    format!("{from} {} {to}{}", sign(plan, channel), notes(channel))
}

fn sign(plan: &Plan, channel: &ChannelPlan) -> &'static str {
    if is_back(plan, channel) { "↩" } else { "→" }
}

fn notes(channel: &ChannelPlan) -> String {
    let mut out = String::new();
    if !channel.gates.is_empty() {
        let _ = write!(out, "  [{}]", channel.gates.join(", "));
    }
    if let Some(most) = channel.max_cycles {
        let _ = write!(out, "  at most {most} times");
    }
    out
}

/// Leads to a step from which its source is reached: following it goes round.
fn is_back(plan: &Plan, channel: &ChannelPlan) -> bool {
    channel.cyclic || (channel.to <= channel.from && reaches(plan, channel.to, channel.from))
}

fn reaches(plan: &Plan, from: StepIx, to: StepIx) -> bool {
    let mut seen = vec![false; plan.steps.len()];
    let mut open = vec![from];
    while let Some(step) = open.pop() {
        if step == to {
            return true;
        }
        if !std::mem::replace(&mut seen[step], true) {
            open.extend(plan.channels.iter().filter(|next| next.from == step).map(|next| next.to));
        }
    }
    false
}

/// A text as DOT writes it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}

#[cfg(test)]
mod tests;
