//! Checks resources against each other: every name that is mentioned exists, every gate can open, every end is reached.
//!
//! Parsers say what is wrong inside one line; this says what is wrong between lines and between files. Nothing here
//! changes a resource. The entry points are [`workflow`], [`team`], [`agent`] and [`skill`].

mod gates;
mod graph;
mod prompts;
mod steps;
#[cfg(test)]
mod tests;
mod writes;

use super::diagnostic::{Diagnostic, Findings};
use super::fields::Skills;
use super::load::{Catalog, NotFound};
use super::value::Pos;
use super::{AgentFile, SkillFile, TeamFile, WorkflowFile};

/// Checks a workflow as it would be played by `team`, or without one by the agents of its roles' names.
pub fn workflow(
    file: &WorkflowFile,
    team: Option<&TeamFile>,
    catalog: &Catalog,
) -> Vec<Diagnostic> {
    let mut findings = Findings::new(&file.path);
    if file.description.is_empty() {
        findings.warning(file.pos, "the workflow has no description", "add `description:`");
    }
    if file.steps.is_empty() {
        findings.error(
            file.pos,
            "the workflow has no steps",
            "add a section `## step-id` with `role:` and a prompt",
        );
        return findings.finish();
    }
    steps::check(file, team, catalog, &mut findings);
    graph::check(file, &mut findings);
    gates::check(file, &mut findings);
    prompts::check(file, &mut findings);
    writes::check(file, &mut findings);
    findings.finish()
}

/// Checks a team: its roles, their agents and skills, its default workflow.
pub fn team(file: &TeamFile, catalog: &Catalog) -> Vec<Diagnostic> {
    let mut findings = Findings::new(&file.path);
    if file.description.is_empty() {
        findings.warning(Pos::START, "the team has no description", "add `description:`");
    }
    if file.roles.is_empty() {
        findings.error(
            Pos::START,
            "the team has no roles",
            "add a line `- role: agent=name description`",
        );
    }
    for (index, role) in file.roles.iter().enumerate() {
        if file.roles[..index].iter().any(|other| other.name == role.name) {
            findings.error(
                role.pos,
                format!("role `{}` stands here twice", role.name),
                "remove one of the lines",
            );
        }
        check_agent(&role.agent, role.pos, catalog, &mut findings);
        check_skills(role.skills.as_ref(), role.pos, catalog, &mut findings);
    }
    if let Some(name) = &file.default_workflow
        && let Err(missing) = catalog.workflow(name)
    {
        not_found(&missing, name.pos, &mut findings);
    }
    findings.finish()
}

/// Checks an agent: its description, prompt and skills.
pub fn agent(file: &AgentFile, catalog: &Catalog) -> Vec<Diagnostic> {
    let mut findings = Findings::new(&file.path);
    if file.description.is_empty() {
        findings.warning(Pos::START, "the agent has no description", "add `description:`");
    }
    if file.prompt.is_empty() {
        findings.warning(
            Pos::line(file.line),
            "the agent has no system prompt",
            "write it below the front matter",
        );
    }
    check_skills(file.skills.as_ref(), file.skills_pos, catalog, &mut findings);
    findings.finish()
}

/// Checks a skill: its description, its text, its folder.
pub fn skill(file: &SkillFile) -> Vec<Diagnostic> {
    let mut findings = Findings::new(&file.path);
    if file.description.is_empty() {
        findings.warning(
            Pos::START,
            "the skill has no description",
            "add `description:` and say when to use it",
        );
    }
    if file.body.is_empty() {
        findings.error(
            Pos::START,
            "the skill is empty",
            "write its instructions below the front matter",
        );
    }
    let folder = super::agent::stem(&file.path);
    if folder != file.name {
        findings.warning(
            Pos::START,
            format!("the skill is called `{}` and its folder `{folder}`", file.name),
            "give both the same name",
        );
    }
    findings.finish()
}

/// Checks that an agent exists and is not switched off.
fn check_agent(name: &str, pos: Pos, catalog: &Catalog, findings: &mut Findings) {
    match catalog.agent(name) {
        Ok(agent) if agent.file.disabled => findings.error(
            pos,
            format!("agent `{name}` is disabled"),
            format!("remove `disabled` from {}", agent.origin.path),
        ),
        Ok(_) => {}
        Err(missing) => not_found(&missing, pos, findings),
    }
}

/// Checks that skills exist; a missing one leaves a gap in a prompt and stops nothing.
fn check_skills(skills: Option<&Skills>, pos: Pos, catalog: &Catalog, findings: &mut Findings) {
    for name in skills.map(Skills::names).unwrap_or_default() {
        if let Err(missing) = catalog.skill(name) {
            findings.warning(pos, missing.to_string(), missing.hint());
        }
    }
}

fn not_found(missing: &NotFound, pos: Pos, findings: &mut Findings) {
    findings.error(pos, missing.to_string(), missing.hint());
}

/// Names that a hint lists at most.
const NAMES_SHOWN: usize = 20;

/// Reports a name that is not among `names`.
fn unknown<'a>(
    what: &str,
    name: &str,
    pos: Pos,
    names: impl IntoIterator<Item = &'a str>,
    findings: &mut Findings,
) {
    let names: Vec<&str> = names.into_iter().collect();
    let fix = match crate::base::text::did_you_mean(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => format!("there is no {what} in this file"),
        None if names.len() > NAMES_SHOWN => "name one of this file".to_owned(),
        None => format!("there are {}", super::fields::quoted(&names)),
    };
    findings.error(pos, format!("unknown {what} `{name}`"), fix);
}
