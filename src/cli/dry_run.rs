//! `crew run --dry-run`: the plan, the prompts and the command lines, and nothing is started.

use std::io::Write;

use super::context::Context;
use super::exit::Exit;
use super::report::Result;
use crate::agent::InvocationInput;
use crate::base::flow::Permission;
use crate::base::flow::StepKind;
use crate::client::Workspace;
use crate::client::start::Prepared;
use crate::launch::Programs;
use crate::plan::prompt::{PromptInput, Remembered, render};
use crate::plan::risk::told;
use crate::plan::{Plan, StepPlan};

/// Prints what would happen.
///
/// # Errors
/// Nobody reads.
pub fn print(workspace: &Workspace, prepared: &Prepared, context: &mut Context) -> Result<Exit> {
    let (plan, goal) = (&prepared.plan, prepared.goal());
    let risks = prepared.open_risks();
    if context.json {
        let steps: Vec<serde_json::Value> = plan
            .steps
            .iter()
            .map(|step| {
                serde_json::json!({
                    "step": step.id, "role": step.role, "runtime": step.runtime, "slots": step.slots,
                    "prompt": prompt(workspace, plan, step, goal),
                    "command": command(workspace, prepared, step, goal),
                })
            })
            .collect();
        let document = serde_json::json!({
            "schema_version": crate::base::limits::JSON_SCHEMA,
            "plan": &**plan,
            "risk": risks,
            "steps": steps,
        });
        context.write_json(&document)?;
        return Ok(Exit::Ok);
    }
    for note in &prepared.notes {
        context.say(&format!("note: {note}"))?;
    }
    if !risks.is_empty() {
        context.say(&format!("note: a person must approve it: {}", told(&risks)))?;
    }
    let out = &mut context.out;
    writeln!(out, "team {}, workflow {}: {} tasks", plan.team, plan.workflow, plan.task_count())?;
    for line in crate::snapshot::outline(plan) {
        writeln!(out, "  {line}")?;
    }
    for step in &plan.steps {
        writeln!(out, "\n=== {} ===", step.id)?;
        if let Some(command) = command(workspace, prepared, step, goal) {
            writeln!(out, "command: {}", command.join(" "))?;
        }
        if step.kind != StepKind::Command {
            writeln!(out, "prompt:\n{}", prompt(workspace, plan, step, goal))?;
        }
    }
    Ok(Exit::Ok)
}

fn prompt(workspace: &Workspace, plan: &Plan, step: &StepPlan, goal: &str) -> String {
    let later = |text: &str| format!("(the result of `{text}` stands here)");
    let sources = plan.channels.iter().filter(|channel| plan.steps[channel.to].id == step.id);
    let outputs = sources
        .map(|channel| {
            let name = plan.steps[channel.from].id.to_string();
            let text = later(&name);
            (name, text)
        })
        .collect();
    let agent = step.agent.as_ref();
    let scope = agent.and_then(|name| plan.agents.get(name)?.memory);
    let memory = agent.zip(scope).map(|(agent, scope)| workspace.memory(scope, agent));
    let input = PromptInput {
        goal,
        run: "this run",
        task: step.id.as_str(),
        slot: (step.slots > 1).then_some(1),
        attempt: 1,
        outputs,
        memory: memory.as_ref().map(|memory| Remembered {
            file: memory.file.as_str(),
            text: &memory.text,
            note: memory.note.as_deref().unwrap_or_default(),
        }),
        ..PromptInput::default()
    };
    render(plan, step, &input)
}

fn command(
    workspace: &Workspace,
    prepared: &Prepared,
    step: &StepPlan,
    goal: &str,
) -> Option<Vec<String>> {
    if let Some(command) = &step.command {
        return Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), command.clone()]);
    }
    let programs = Programs::of(&workspace.config, prepared.runtime_args()).ok()?;
    let spec = programs.get(&step.runtime).ok()?;
    let task = step.id.as_str().parse().ok()?;
    let prompt = prompt(workspace, &prepared.plan, step, goal);
    let input = InvocationInput {
        crew: "crew".into(),
        prompt_file: "PROMPT_FILE".into(),
        prompt_text: &prompt,
        worktree: &workspace.found.root,
        task: &task,
        model: step.model.as_deref(),
        session: None,
        mcp_config: Some("MCP_CONFIG_FILE".into()),
        mcp_text: Some("MCP_CONFIG"),
        permission: Permission::of(step.access, prepared.policy.permission),
    };
    spec.invocation(&input).ok().map(|invocation| invocation.argv)
}
