//! Workflow files: front matter with gates, channels and policy, then one section per step.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use crate::base::flow::StepKind;

use super::agent::stem;
use super::channel::{self, ChannelDecl};
use super::diagnostic::{Diagnostic, Findings};
use super::fields::{Fields, check_declared};
use super::front_matter::{normalise, read};
use super::gate::{self, GateDecl};
use super::policy::{self, ParamDecl, Policy, WorktreeDecl};
use super::section;
use super::step::{self, StepDecl};
use super::team::RoleLine;
use super::value::{Entry, Name, Node, Pos};

/// One workflow as its file declares it.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkflowFile {
    /// The file as it is shown to people.
    pub path: Utf8PathBuf,
    /// Name of the workflow; the file's name when it has no `name`.
    pub name: String,
    /// Where the name stands.
    pub pos: Pos,
    /// What it does, in one line.
    pub description: String,
    /// Its author's version.
    pub version: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Parameters that a run may set.
    pub params: Vec<ParamDecl>,
    /// First steps; empty means those that nothing leads to.
    pub start: Vec<Name>,
    /// Last steps; empty means those that nothing leaves.
    pub end: Vec<Name>,
    /// Where requested changes go; absent means the last settled writing step.
    pub rework: Option<Name>,
    /// Cycles of one run; absent means the default of 5.
    pub max_iterations: Option<u32>,
    /// Tasks that may run at the same time.
    pub max_concurrency: Option<u32>,
    /// How it wants its worktree.
    pub worktree: WorktreeDecl,
    /// What it asks of risk gate, budget, paths, validation and merge.
    pub policy: Policy,
    /// Its gates, in the order of the file.
    pub gates: Vec<GateDecl>,
    /// Its channels, in the order of the file.
    pub channels: Vec<ChannelDecl>,
    /// Roles that it brings itself; a team's role of the same name is stronger.
    pub roles: Vec<RoleLine>,
    /// Its steps, in the order of the file.
    pub steps: Vec<StepDecl>,
}

impl WorkflowFile {
    /// The names of its steps.
    pub fn step_ids(&self) -> BTreeSet<&str> {
        self.steps.iter().map(|step| step.id.as_str()).collect()
    }

    /// The step of that name.
    pub fn step(&self, id: &str) -> Option<&StepDecl> {
        self.steps.iter().find(|step| step.id.as_str() == id)
    }

    /// The gate of that name.
    pub fn gate(&self, id: &str) -> Option<&GateDecl> {
        self.gates.iter().find(|gate| gate.id == id)
    }

    /// The first steps: the declared ones, else those that nothing leads to.
    pub fn start_steps(&self) -> Vec<&str> {
        if !self.start.is_empty() {
            return self.start.iter().map(|name| name.as_str()).collect();
        }
        let targets: BTreeSet<&str> =
            self.channels.iter().map(|channel| channel.to.as_str()).collect();
        let is_free =
            |step: &&StepDecl| step.depends_on.is_empty() && !targets.contains(step.id.as_str());
        let steps = self.steps.iter().filter(is_free);
        steps.map(|step| step.id.as_str()).collect()
    }

    /// The last steps: the declared ones, else those of kind `end`, else those that nothing leaves.
    pub fn end_steps(&self) -> Vec<&str> {
        if !self.end.is_empty() {
            return self.end.iter().map(|name| name.as_str()).collect();
        }
        let is_end = |step: &&StepDecl| step.kind == Some(StepKind::End);
        let ends: Vec<&str> =
            self.steps.iter().filter(is_end).map(|step| step.id.as_str()).collect();
        if !ends.is_empty() {
            return ends;
        }
        let needed = self.steps.iter().flat_map(|step| &step.depends_on);
        let sources = self.channels.iter().map(|channel| &channel.from);
        let left: BTreeSet<&str> = needed.chain(sources).map(|name| name.as_str()).collect();
        let ids = self.steps.iter().map(|step| step.id.as_str());
        ids.filter(|id| !left.contains(id)).collect()
    }

    /// Whether it is a plain graph of dependencies, as pi-crew's workflows are.
    pub fn is_plain(&self) -> bool {
        self.gates.is_empty() && self.channels.is_empty()
    }
}

/// Reads a workflow file.
pub fn parse(path: &Utf8Path, text: &str) -> (WorkflowFile, Vec<Diagnostic>) {
    let mut findings = Findings::new(path);
    let text = normalise(text);
    let document = read(&text, &mut findings);
    let mut fields = Fields::new("a workflow", document.head, &mut findings);
    let name = fields.text("name");
    let policy = fields.map("policy").map(|map| map.value).unwrap_or_default();
    let worktree = fields.node("worktree");
    let params = fields.node("params");
    let gates = fields.node("gates");
    let channels = fields.node("channels");
    let roles = fields.node("roles");
    let pos = name.as_ref().map_or(Pos::START, |name| name.pos);
    let mut file = WorkflowFile {
        path: path.to_owned(),
        name: name.map_or_else(|| stem(path), |name| name.value),
        pos,
        description: fields.plain("description").unwrap_or_default(),
        version: fields.plain("version"),
        tags: fields.plain_list("tags").unwrap_or_default(),
        params: Vec::new(),
        start: fields.list("start").unwrap_or_default(),
        end: fields.list("end").unwrap_or_default(),
        rework: fields.text("rework"),
        max_iterations: fields.number("maxIterations", 1),
        max_concurrency: fields.number("maxConcurrency", 1),
        worktree: WorktreeDecl::default(),
        policy: Policy::default(),
        gates: Vec::new(),
        channels: Vec::new(),
        roles: Vec::new(),
        steps: Vec::new(),
    };
    fields.foreign(&["source", "extensions", "disabled", "enabled", "topology"]);
    fields.finish();
    let findings_mut = &mut findings;
    check_declared(&file.name, pos, findings_mut);
    file.policy = policy::read(policy, findings_mut);
    if let Some(node) = worktree {
        file.worktree = policy::read_worktree(node, findings_mut);
    }
    if let Some(node) = params {
        file.params = policy::read_params(node, findings_mut);
    }
    if let Some(node) = gates {
        file.gates = gate::read_all(node, findings_mut);
    }
    if let Some(node) = channels {
        file.channels = channel::read_all(node, findings_mut);
    }
    if let Some(node) = roles {
        file.roles = read_roles(node, findings_mut);
    }
    let sections = section::split(document.body, document.body_line, findings_mut);
    file.steps =
        sections.into_iter().filter_map(|section| step::read(section, findings_mut)).collect();
    (file, findings.finish())
}

/// Reads `roles`: a list of agents, or a map from role to agent or to a map like a team's role line.
fn read_roles(node: Node, findings: &mut Findings) -> Vec<RoleLine> {
    let pos = node.pos;
    match node.value.into_map() {
        Ok(entries) => entries.into_iter().filter_map(|entry| read_role(entry, findings)).collect(),
        Err(value) => {
            let mut fields = Fields::new("roles", Vec::new(), findings);
            let names = fields.list_of("roles", &Node::new(value, pos));
            let names = names.unwrap_or_default();
            names.iter().map(|name| RoleLine::of_agent(name, name.pos)).collect()
        }
    }
}

fn read_role(entry: Entry, findings: &mut Findings) -> Option<RoleLine> {
    if !check_declared(&entry.key, entry.pos, findings) {
        return None;
    }
    let mut role = RoleLine::of_agent(&entry.key, entry.pos);
    let value_pos = entry.node.pos;
    match entry.node.value.into_map() {
        Ok(inner) => {
            let mut fields = Fields::new("a role", inner, findings);
            role.agent = fields.plain("agent").unwrap_or(role.agent);
            role.runtime = fields.plain("runtime");
            role.model = fields.text_or_off("model").map(|model| model.value);
            role.skills = fields.skills("skills");
            role.max_concurrency = fields.number("maxConcurrency", 1);
            role.description = fields.plain("description").unwrap_or_default();
            fields.finish();
        }
        Err(value) => match value.as_text().filter(|agent| !agent.is_empty()) {
            Some(agent) => role.agent = agent,
            None => findings.error(
                value_pos,
                format!("role `{}` names no agent", role.name),
                "write the name of an agent",
            ),
        },
    }
    Some(role)
}
