//! Steps by themselves: names, roles, keys that contradict each other, numbers of tasks.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::flow::{Access, Expands, FieldType, StepKind};
use crate::base::id::{ArtifactName, TaskId};
use crate::base::limits::{SLOTS_MAX, TASKS_MAX};

use crate::resource::diagnostic::Findings;
use crate::resource::load::Catalog;
use crate::resource::{Pos, StepDecl, TeamFile, WorkflowFile};

use super::{check_agent, check_skills, unknown};

pub(super) fn check(
    file: &WorkflowFile,
    team: Option<&TeamFile>,
    catalog: &Catalog,
    findings: &mut Findings,
) {
    let mut tasks: u64 = 0;
    let mut first_lines: BTreeMap<&str, u32> = BTreeMap::new();
    let mut outputs: BTreeMap<&str, &StepDecl> = BTreeMap::new();
    for step in &file.steps {
        if let Some(output) = &step.output {
            outputs.entry(output).or_insert(step);
        }
    }
    let ids = file.step_ids();
    for step in &file.steps {
        tasks += u64::from(step.slot_count());
        if let Some(first) = first_lines.get(step.id.as_str()) {
            findings.error(
                step.pos,
                format!("step `{}` stands here twice", step.id),
                format!("rename it, or merge it with the one in line {first}"),
            );
        }
        first_lines.entry(step.id.as_str()).or_insert(step.pos.line);
        check_names(step, &ids, &outputs, findings);
        check_role(file, step, team, catalog, findings);
        check_skills(step.skills.as_ref(), step.skills_pos, catalog, findings);
        check_kind(step, findings);
        check_verifies(file, step, findings);
        check_output(step, &outputs, findings);
        if let Some(slots) = step.slots.as_ref().filter(|slots| slots.value > SLOTS_MAX) {
            findings.error(
                slots.pos,
                format!("step `{}` has more than {SLOTS_MAX} slots", step.id),
                "split the work into several runs",
            );
        }
    }
    if tasks > TASKS_MAX as u64 {
        findings.error(
            file.pos,
            format!("the workflow has {tasks} tasks; at most {TASKS_MAX} can run"),
            "use fewer slots, or split it into several runs",
        );
    }
    check_own_roles(file, catalog, findings);
}

/// Steps that this one mentions.
fn check_names(
    step: &StepDecl,
    ids: &BTreeSet<&str>,
    outputs: &BTreeMap<&str, &StepDecl>,
    findings: &mut Findings,
) {
    for name in &step.depends_on {
        if **name == step.id.as_str() {
            findings.error(
                name.pos,
                format!("step `{}` depends on itself", step.id),
                "remove it from `dependsOn`",
            );
        } else if !ids.contains(name.as_str()) {
            unknown("step", name, name.pos, ids.iter().copied(), findings);
        }
    }
    for name in &step.reads {
        if !outputs.contains_key(name.as_str()) && !ids.contains(name.as_str()) {
            findings.warning(
                name.pos,
                format!("no step has the output `{}`", name.value),
                "name the `output` of another step",
            );
        }
    }
}

/// The role must be played by somebody: team first, then the workflow's own roles, without a team the agent of that name.
fn check_role(
    file: &WorkflowFile,
    step: &StepDecl,
    team: Option<&TeamFile>,
    catalog: &Catalog,
    findings: &mut Findings,
) {
    if !step.needs_role() {
        return;
    }
    let role = step.role_name();
    let pos = step.role.as_ref().map_or(step.pos, |role| role.pos);
    if file.roles.iter().any(|own| own.name == role) {
        return;
    }
    let Some(team) = team else {
        if catalog.agent(role).is_err() && step.role.is_none() {
            no_such_role(step, pos, findings);
        } else {
            check_agent(role, pos, catalog, findings);
        }
        return;
    };
    if team.role(role).is_none() {
        if step.role.is_none() {
            no_such_role(step, pos, findings);
        } else {
            let names: Vec<&str> = team.roles.iter().map(|role| role.name.as_str()).collect();
            let what = format!("role of team `{}`:", team.name);
            unknown(&what, role, pos, names, findings);
        }
    }
}

fn no_such_role(step: &StepDecl, pos: Pos, findings: &mut Findings) {
    findings.error(
        pos,
        format!("nobody plays step `{}`: it names no role and there is no role of its name", step.id),
        "add `role:`; if this is a heading of the prompt above, begin it with a capital letter or `###`",
    );
}

/// Keys that contradict the kind of the step.
fn check_kind(step: &StepDecl, findings: &mut Findings) {
    let kind = step.kind();
    let mut warn = |is_wrong: bool, message: &str, fix: &str| {
        if is_wrong {
            findings.error(step.pos, format!("step `{}` {message}", step.id), fix);
        }
    };
    warn(
        kind == StepKind::Command && step.command.is_none(),
        "is of kind `command` and has none",
        "add `command: <shell command>`",
    );
    warn(
        kind != StepKind::Command && step.command.is_some(),
        "has a command and is not of kind `command`",
        "remove one of the two",
    );
    warn(
        kind != StepKind::Agent && step.looped.is_some(),
        "has a loop, which only agents can do",
        "remove `loop`",
    );
    warn(
        kind != StepKind::Agent && step.expands.is_some(),
        "has `expands`, which only agents can do",
        "remove `expands`",
    );
    warn(
        step.expands == Some(Expands::Runs) && step.slot_count() > 1,
        "proposes runs and has several slots",
        "remove `slots`",
    );
    warn(
        step.approve && step.expands.is_none(),
        "has `approve` without `expands`",
        "add `expands: adaptive` or `expands: runs`, or use a gate that `human` writes",
    );
    warn(
        step.looped.is_some() && step.access.is_some_and(|access| access != Access::Write),
        "has a loop and may not write",
        "remove `access` or `loop`",
    );
    let id = step.id.as_str();
    warn(
        matches!(id, "human" | "runtime" | "run" | "supervisor"),
        "has a name that stands for somebody else",
        "rename it",
    );
    warn(id.parse::<TaskId>().is_err(), "has a name that no task can have", "rename it");
}

/// Who lets commands run judges a tree that stands still, and can hand its judgement to a person.
fn check_verifies(file: &WorkflowFile, step: &StepDecl, findings: &mut Findings) {
    let Some(names) = step.verifies.as_ref().filter(|names| !names.is_empty()) else { return };
    let pos = names[0].pos;
    let id = &step.id;
    if step.kind() != StepKind::Agent {
        let message = format!("step `{id}` has `verifies`, which only agents can do");
        findings.error(pos, message, "remove `verifies`");
    }
    if step.access == Some(Access::Write) {
        let message =
            format!("step `{id}` has `verifies` and may write: no tree stands still for it");
        findings.error(
            pos,
            message,
            "write `access: read`, or put the check into a gate as `{exec: name}`",
        );
    }
    if names.len() > 1 && names.iter().any(|name| name.as_str() == StepDecl::ALL_COMMANDS) {
        let message = format!("step `{id}` verifies with `all` and with more");
        findings.error(pos, message, "`all` stands for all commands: write it alone");
    }
    let is_own = |writer: &&crate::resource::Name| {
        writer.as_str() == id.as_str() || writer.as_str() == step.role_name()
    };
    for gate in file.gates.iter().filter(|gate| gate.writers.iter().any(|writer| is_own(&writer))) {
        if let Some(FieldType::OneOf(words)) = gate.field("verdict")
            && !words.iter().any(|word| word == "escalate")
        {
            let message = format!(
                "step `{id}` has `verifies` and the verdict of gate `{}` cannot be `escalate`, \
                 which is all that counts after a check was red too often",
                gate.id
            );
            findings.error(pos, message, "add `escalate` to the words of `verdict`");
        }
    }
}

/// Outputs become files, so their names must be file names, and two steps must not write one.
fn check_output(step: &StepDecl, outputs: &BTreeMap<&str, &StepDecl>, findings: &mut Findings) {
    let Some(output) = &step.output else {
        return;
    };
    if let Err(error) = output.parse::<ArtifactName>() {
        findings.error(output.pos, error.to_string(), "write a file name like `plan.md`");
    }
    // An end step with a prompt is played by an agent.
    let has_nobody = match step.kind() {
        StepKind::Human => true,
        StepKind::End => step.prompt.trim().is_empty(),
        StepKind::Agent | StepKind::Command => false,
    };
    if has_nobody {
        findings.warning(
            output.pos,
            format!("`{}` stores no output: only agents and commands do", step.id),
            "leave `output` out",
        );
    }
    let first = outputs.get(output.as_str());
    if let Some(other) = first.filter(|other| other.id != step.id) {
        findings.warning(
            output.pos,
            format!("steps `{}` and `{}` have the same output", other.id, step.id),
            "give each its own file name",
        );
    }
}

fn check_own_roles(file: &WorkflowFile, catalog: &Catalog, findings: &mut Findings) {
    for role in &file.roles {
        check_agent(&role.agent, role.pos, catalog, findings);
        check_skills(role.skills.as_ref(), role.pos, catalog, findings);
    }
}
