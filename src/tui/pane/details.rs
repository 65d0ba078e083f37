//! What a step or a gate of a workflow is, in words: beside the canvas.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::canvas::{self, Pick};
use super::super::look::{Look, Role};
use super::super::scene::Scene;
use super::super::text::{inert, inert_line, wrap};
use super::super::world::{RunView, StoryLine};
use crate::base::flow::{Condition, StepKind};
use crate::base::time::human_ms;
use crate::plan::{GatePlan, Plan, StepPlan};
use crate::snapshot::{Class, GateLook, GateRow, TaskRow};

/// Lines of a gate's history.
const HISTORY_LINES: usize = 16;

/// Lines of text that are written one after the other.
struct Sheet {
    lines: Vec<Line<'static>>,
    look: Look,
    width: usize,
}

/// The details of something on the canvas of a plan, and of its run when there is one.
pub fn lines(
    pick: &Pick,
    plan: &Plan,
    run: Option<&RunView>,
    scene: &Scene<'_>,
    width: usize,
) -> Vec<Line<'static>> {
    let mut sheet = Sheet { lines: Vec::new(), look: scene.look(), width };
    match pick {
        Pick::Step(id) => {
            if let Some(step) = plan.steps.iter().find(|step| step.id.as_str() == id) {
                step_lines(step, plan, run, scene, &mut sheet);
            }
        }
        Pick::Gate { gate, .. } => match plan.gates.iter().find(|known| known.id == *gate) {
            Some(gate) => gate_lines(gate, plan, run, scene, &mut sheet),
            None => {
                sheet.text("the workflow has no gate of this name: it stays closed", Role::Text);
            }
        },
    }
    sheet.lines
}

/// The name of what is shown, for the frame.
pub fn title(pick: &Pick, look: Look) -> String {
    match pick {
        Pick::Step(id) => inert_line(&format!("step {id}"), look),
        Pick::Gate { gate, .. } => inert_line(&format!("gate {gate}"), look),
    }
}

impl Sheet {
    fn wrapped(&mut self, spans: Vec<(String, Style)>, indent: usize) {
        let look = self.look;
        let spans = spans.into_iter().map(|(text, style)| Span::styled(inert(&text, look), style));
        self.lines.extend(wrap(spans.collect(), self.width, indent));
    }

    fn text(&mut self, text: &str, role: Role) {
        let style = self.look.style(role);
        for line in text.lines() {
            self.wrapped(vec![(line.to_owned(), style)], 0);
        }
    }

    /// A heading with an empty line before it.
    fn heading(&mut self, text: &str) {
        if !self.lines.is_empty() {
            self.lines.push(Line::default());
        }
        self.wrapped(vec![(text.to_owned(), self.look.style(Role::Accent))], 0);
    }

    fn fact(&mut self, name: &str, value: &str) {
        let dim = self.look.style(Role::Dim);
        let value = (value.to_owned(), self.look.style(Role::Text));
        self.wrapped(vec![(format!("{name:<9} "), dim), value], 10);
    }

    fn signed(&mut self, class: Class, text: String, role: Role) {
        let sign = (format!("{} ", self.look.glyph(class)), self.look.class(class));
        self.wrapped(vec![sign, (text, self.look.style(role))], 2);
    }
}

fn step_lines(
    step: &StepPlan,
    plan: &Plan,
    run: Option<&RunView>,
    scene: &Scene<'_>,
    sheet: &mut Sheet,
) {
    played_by(step, sheet);
    if let Some(run) = run {
        let rows = run.status.tasks.iter().filter(|row| row.step == step.id);
        let rows: Vec<&TaskRow> = rows.collect();
        sheet.heading(if rows.len() == 1 { "task" } else { "tasks" });
        for row in rows {
            task_lines(row, scene, sheet);
        }
    }
    ways(step, plan, run, sheet);
    if let Some(command) = &step.command {
        sheet.heading("command");
        sheet.text(command, Role::Code);
    }
    if !step.prompt.is_empty() {
        sheet.heading("prompt");
        sheet.text(step.prompt.trim(), Role::Text);
    }
}

fn played_by(step: &StepPlan, sheet: &mut Sheet) {
    let who = match step.kind {
        StepKind::Agent => step.role.clone(),
        StepKind::Command => "a command, without an agent".to_owned(),
        StepKind::Human => "a person, who is asked".to_owned(),
        StepKind::End if step.agent.is_some() => format!("{}; it ends the run", step.role),
        StepKind::End => "nobody; it ends the run".to_owned(),
    };
    sheet.fact("played by", &who);
    if !step.runtime.is_empty() && step.kind != StepKind::Human {
        let model = step.model.as_deref().map(|model| format!(", {model}")).unwrap_or_default();
        sheet.fact("program", &format!("{}{model}", step.runtime));
    }
    if step.kind == StepKind::Agent {
        sheet.fact("files", step.access.as_str());
    }
    if step.slots > 1 {
        sheet.fact("slots", &step.slots.to_string());
    }
    let mut rules = Vec::new();
    rules.extend(step.timeout_ms.map(|ms| format!("at most {}", human_ms(ms))));
    match step.retries {
        0 => {}
        1 => rules.push("1 more try".to_owned()),
        more => rules.push(format!("{more} more tries")),
    }
    rules.extend(step.looping.as_ref().map(|it| format!("a loop of {} passes", it.steps)));
    rules.extend(step.verify.then(|| "gives a verdict".to_owned()));
    rules.extend(step.contract.as_ref().map(|gate| format!("must write `{gate}`")));
    rules.extend(step.output.as_ref().map(|name| format!("its answer is `{name}`")));
    if !rules.is_empty() {
        sheet.fact("rules", &rules.join("; "));
    }
}

fn task_lines(row: &TaskRow, scene: &Scene<'_>, sheet: &mut Sheet) {
    let mut facts = vec![row.status.replace('_', " ")];
    facts.extend((row.attempt > 1).then(|| format!("attempt {}", row.attempt)));
    facts.extend((row.active_ms > 0).then(|| human_ms(row.active_ms)));
    facts.extend(row.usage.cost_usd.map(|usd| format!("${usd:.2}")));
    facts.extend(row.ended_at.map(|at| format!("ended {}", scene.time(at))));
    sheet.signed(row.class, format!("{}  {}", row.id, facts.join(", ")), Role::Text);
    let said = row.why.as_ref().or(row.summary.as_ref());
    if let Some(said) = said {
        let dim = sheet.look.style(Role::Dim);
        sheet.wrapped(vec![(format!("  {}", inert_line(said, sheet.look)), dim)], 2);
    }
}

/// Where the channels of a step come from and lead to.
fn ways(step: &StepPlan, plan: &Plan, run: Option<&RunView>, sheet: &mut Sheet) {
    let is_own = |ix: usize| plan.steps[ix].id == step.id;
    for (is_out, heading) in [(false, "comes after"), (true, "leads to")] {
        let channels: Vec<_> = plan
            .channels
            .iter()
            .filter(|channel| is_own(if is_out { channel.from } else { channel.to }))
            .collect();
        if channels.is_empty() {
            continue;
        }
        sheet.heading(heading);
        for channel in channels {
            let other = &plan.steps[if is_out { channel.to } else { channel.from }].id;
            let fired = run.is_some_and(|run| {
                run.status.channels.iter().any(|row| row.id == channel.id && row.fired)
            });
            let mut text = other.to_string();
            if !channel.gates.is_empty() {
                text = format!("{text}  through {}", channel.gates.join(" and "));
            }
            if let Some(most) = channel.max_cycles {
                text = format!("{text}  at most {most} times");
            }
            let class = if fired { Class::Done } else { Class::Idle };
            sheet.signed(class, text, Role::Text);
        }
    }
}

fn gate_lines(
    gate: &GatePlan,
    plan: &Plan,
    run: Option<&RunView>,
    scene: &Scene<'_>,
    sheet: &mut Sheet,
) {
    let row = run.and_then(|run| run.status.gates.iter().find(|row| row.id == gate.id));
    if let Some(row) = row {
        stands(row, sheet);
    }
    if !gate.description.is_empty() {
        sheet.text(&gate.description, Role::Text);
    }
    sheet.heading("opens when");
    for (depth, part) in canvas::condition(&gate.when) {
        sheet.text(&format!("{}{part}", "  ".repeat(depth)), Role::Text);
    }
    sheet.heading("store");
    if gate.store != gate.id {
        sheet.fact("name", &gate.store);
    }
    let written = row.map(|row| &row.data);
    for (field, kind) in &gate.fields {
        if let Some(value) = written.and_then(|data| data.get(field)) {
            sheet.fact(field, &crate::base::text::one_line(&value_text(value), 400));
        } else {
            let dim = sheet.look.style(Role::Dim);
            sheet.wrapped(vec![(format!("{field:<9} {kind}"), dim)], 10);
        }
    }
    sheet.fact(
        "written by",
        &if gate.writers.is_empty() { "nobody".into() } else { gate.writers.join(", ") },
    );
    if gate.reset_on_cycle {
        sheet.text("a new round empties it", Role::Dim);
    }
    sheet.heading("lies on");
    for channel in plan.channels.iter().filter(|channel| channel.gates.contains(&gate.id)) {
        let [from, to] = [channel.from, channel.to].map(|ix| &plan.steps[ix].id);
        let arrow = sheet.look.sign("→", "->");
        sheet.text(&format!("{from} {arrow} {to}"), Role::Text);
    }
    if let Some(run) = run {
        history(gate, plan, run, scene, sheet);
        let command = run.gates.get(&gate.id).and_then(|why| why.command.as_ref());
        if let Some(command) = command {
            sheet.heading("what to do");
            sheet.text(command, Role::Code);
        }
    }
}

/// How a gate stands, and why.
fn stands(row: &GateRow, sheet: &mut Sheet) {
    let class = match row.look {
        GateLook::Open => Class::Done,
        GateLook::Waiting => Class::NeedsYou,
        GateLook::Rejected | GateLook::Error => Class::Failed,
        GateLook::Counting | GateLook::Closed => Class::Parked,
    };
    let word = match row.count {
        Some(count) => format!("{}: {} of {}", row.look.as_str(), count.have, count.need),
        None => row.look.as_str().to_owned(),
    };
    sheet.signed(class, word, Role::Strong);
    if let Some(reason) = &row.reason {
        sheet.text(reason, Role::Dim);
    }
}

/// Who wrote what when, and what commands said that the gate asks for.
fn history(gate: &GatePlan, plan: &Plan, run: &RunView, scene: &Scene<'_>, sheet: &mut Sheet) {
    let of_store = plan.gates.iter().filter(|other| other.store == gate.store);
    let mut marks: Vec<String> = of_store.map(|other| format!(" wrote {}: ", other.id)).collect();
    gate.when.walk(&mut |part| {
        if let Condition::Exec(name) = part {
            marks.push(format!("command `{name}` "));
        }
    });
    let is_about = |line: &&StoryLine| marks.iter().any(|mark| line.text.contains(mark));
    let mut lines: Vec<&StoryLine> = run.story.iter().filter(is_about).collect();
    lines.drain(..lines.len().saturating_sub(HISTORY_LINES));
    if !lines.is_empty() {
        sheet.heading("history");
    }
    let dim = sheet.look.style(Role::Dim);
    for line in lines {
        let text = (line.text.clone(), sheet.look.style(Role::Text));
        sheet.wrapped(vec![(format!("{} ", scene.time(line.at)), dim), text], 9);
    }
}

fn value_text(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Object(entries) => {
            let entries =
                entries.iter().map(|(key, value)| format!("{key}: {}", value_text(value)));
            entries.collect::<Vec<_>>().join(", ")
        }
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::Array(_) => value.to_string(),
    }
}
