//! Compiles a workflow and a team into a frozen plan.

use std::collections::BTreeMap;

use super::children::ChildChoices;
use super::graph::{
    AgentPlan, ChannelPlan, CommandPlan, Completion, GatePlan, Plan, SkillPlan, StepPlan,
};
use crate::base::flow::{Access, Expands, Fire, StepKind};
use crate::base::limits;
use crate::resource::{
    AgentFile, Catalog, Diagnostic, Kind, NotFound, Pos, RoleLine, Severity, Skills, StepDecl,
    TeamFile, WorkflowFile,
};

/// Cycles of a run whose workflow does not say how many.
const MAX_ITERATIONS: u32 = 5;
/// Roles that read even when their agent's tools could write.
const READ_ROLES: &[&str] =
    &["analyst", "critic", "explorer", "reviewer", "security-reviewer", "verifier"];

/// What a plan is made of.
pub struct BuildInput<'a> {
    /// The workflow.
    pub workflow: &'a WorkflowFile,
    /// The team; without one each role is played by the agent of its name.
    pub team: Option<&'a TeamFile>,
    /// Agents and skills.
    pub catalog: &'a Catalog,
    /// Program that plays every agent, whatever the files say (`-a`).
    pub runtime_flag: Option<&'a str>,
    /// Model that every agent gets, whatever the files say (`-m`).
    pub model_flag: Option<&'a str>,
    /// Program for agents whose files name none.
    pub default_runtime: &'a str,
    /// Model for agents whose files name none.
    pub default_model: Option<&'a str>,
    /// Values given with `--param`.
    pub params: &'a BTreeMap<String, String>,
    /// What becomes of the work.
    pub completion: Completion,
    /// Shell commands by name, from the configuration, the workflow and flags.
    pub commands: BTreeMap<String, CommandPlan>,
}

/// Compiles a plan.
///
/// # Errors
/// Everything that is in the way, at once.
pub fn build(input: &BuildInput<'_>) -> Result<Plan, Vec<Diagnostic>> {
    let mut builder =
        Builder { input, found: Vec::new(), agents: BTreeMap::new(), skills: BTreeMap::new() };
    let steps: Vec<StepPlan> = input.workflow.steps.iter().map(|step| builder.step(step)).collect();
    let channels = builder.channels();
    let roles = builder.roles();
    let params = builder.params();
    let plan = builder.plan(steps, channels, roles, params);
    builder.check_size(&plan);
    if builder.found.iter().any(Diagnostic::is_error) { Err(builder.found) } else { Ok(plan) }
}

struct Builder<'a> {
    input: &'a BuildInput<'a>,
    found: Vec<Diagnostic>,
    agents: BTreeMap<String, AgentPlan>,
    skills: BTreeMap<String, SkillPlan>,
}

impl Builder<'_> {
    fn error(&mut self, pos: Pos, message: String, fix: String) {
        self.found.push(Diagnostic {
            severity: Severity::Error,
            file: self.input.workflow.path.clone(),
            line: pos.line,
            column: pos.column,
            message,
            fix,
        });
    }

    fn missing(&mut self, pos: Pos, error: &NotFound) {
        self.error(pos, error.to_string(), error.hint());
    }

    /// The role's line: the team's, else the workflow's own, else the agent of the role's name.
    fn role(&self, step: &StepDecl) -> RoleLine {
        let name = step.role_name();
        let team = self.input.team.and_then(|team| team.role(name));
        let own = || self.input.workflow.roles.iter().find(|role| role.name == name);
        team.or_else(own).cloned().unwrap_or_else(|| RoleLine::of_agent(name, step.pos))
    }

    fn step(&mut self, step: &StepDecl) -> StepPlan {
        let mut plan = bare(step);
        match step.kind() {
            StepKind::Agent => self.agent_step(step, &mut plan),
            StepKind::End if !step.prompt.trim().is_empty() => self.agent_step(step, &mut plan),
            StepKind::End => plan.access = Access::None,
            StepKind::Human => plan.access = step.access.unwrap_or(Access::None),
            StepKind::Command => {
                plan.command.clone_from(&step.command);
                plan.access = step.access.unwrap_or(Access::Write);
                if step.command.is_none() {
                    let text = format!("step `{}` is a command without `command:`", step.id);
                    self.error(step.pos, text, "add `command: …`".to_owned());
                }
            }
        }
        plan
    }

    fn agent_step(&mut self, step: &StepDecl, plan: &mut StepPlan) {
        let role = self.role(step);
        let catalog = self.input.catalog;
        let agent = match catalog.agent(&role.agent) {
            Ok(agent) => &agent.file,
            Err(error) => return self.missing(step.pos, &error),
        };
        let input = self.input;
        let first =
            |choices: [Option<&str>; 5]| choices.into_iter().flatten().next().map(str::to_owned);
        plan.runtime = first([
            input.runtime_flag,
            step.runtime.as_deref(),
            role.runtime.as_deref(),
            agent.runtime.as_deref(),
            Some(input.default_runtime),
        ])
        .unwrap_or_default();
        plan.model = first([
            input.model_flag,
            step.model.as_deref(),
            role.model.as_deref(),
            agent.model.as_deref(),
            input.default_model,
        ]);
        plan.access = step.access.unwrap_or_else(|| default_access(step, agent));
        plan.verifies = verifies(step, &self.input.commands);
        plan.retries = step.retries.unwrap_or(1);
        plan.agent = Some(agent.name.clone());
        plan.skills = self.skills_of(step, &role, agent);
        if plan.prompt.trim().is_empty() {
            "{goal}".clone_into(&mut plan.prompt);
        }
        self.agents.entry(agent.name.clone()).or_insert_with(|| agent_plan(agent));
    }

    /// Skills of agent, role and step together; `false` at the role or the step drops the agent's.
    fn skills_of(&mut self, step: &StepDecl, role: &RoleLine, agent: &AgentFile) -> Vec<String> {
        let off =
            matches!(role.skills, Some(Skills::Off)) || matches!(step.skills, Some(Skills::Off));
        let own = agent.skills.as_ref().filter(|_| !off);
        let mut names: Vec<String> = Vec::new();
        for skills in [own, role.skills.as_ref(), step.skills.as_ref()].into_iter().flatten() {
            for name in skills.names() {
                if !names.contains(name) {
                    names.push(name.clone());
                }
            }
        }
        for name in &names {
            match self.input.catalog.skill(name) {
                Ok(skill) => {
                    let (description, text) =
                        (skill.file.description.clone(), skill.file.body.clone());
                    self.skills.entry(name.clone()).or_insert(SkillPlan { description, text });
                }
                Err(error) => self.missing(step.pos, &error),
            }
        }
        names
    }

    /// Channels for `dependsOn`, then the declared ones.
    fn channels(&mut self) -> Vec<ChannelPlan> {
        let workflow = self.input.workflow;
        let position: BTreeMap<&str, usize> =
            workflow.steps.iter().enumerate().map(|(ix, step)| (step.id.as_str(), ix)).collect();
        let mut channels = Vec::new();
        for (to, step) in workflow.steps.iter().enumerate() {
            for source in &step.depends_on {
                let Some(&from) = position.get(source.as_str()) else {
                    self.unknown_step(source.pos, source.as_str());
                    continue;
                };
                channels.push(ChannelPlan {
                    id: format!("{}->{}", source.as_str(), step.id),
                    from,
                    to,
                    gates: Vec::new(),
                    fire: Fire::Settled,
                    depends_on: true,
                    cyclic: false,
                    max_cycles: None,
                });
            }
        }
        for channel in &workflow.channels {
            let (from, to) =
                (position.get(channel.from.as_str()), position.get(channel.to.as_str()));
            let (Some(&from), Some(&to)) = (from, to) else {
                let wrong = if from.is_none() { &channel.from } else { &channel.to };
                self.unknown_step(wrong.pos, wrong.as_str());
                continue;
            };
            channels.push(ChannelPlan {
                id: channel.id.clone(),
                from,
                to,
                gates: channel.gates.iter().map(|gate| gate.as_str().to_owned()).collect(),
                fire: channel.fire,
                depends_on: false,
                cyclic: channel.cyclic,
                max_cycles: channel.max_cycles,
            });
        }
        channels
    }

    /// What a task of each role would be, when a step may add tasks.
    fn roles(&mut self) -> BTreeMap<String, StepPlan> {
        let workflow = self.input.workflow;
        let is_planner = |step: &&StepDecl| step.expands == Some(Expands::Adaptive);
        let Some(planner) = workflow.steps.iter().find(is_planner) else {
            return BTreeMap::new();
        };
        let of_team = self.input.team.map(|team| team.roles.as_slice()).unwrap_or_default();
        let names: Vec<String> =
            of_team.iter().chain(&workflow.roles).map(|role| role.name.clone()).collect();
        let mut roles = BTreeMap::new();
        for name in names {
            let Ok(id) = name.parse() else { continue };
            let role = crate::resource::Name::new(name.clone(), planner.pos);
            let step =
                StepDecl { id, role: Some(role), prompt: String::new(), ..bare_decl(planner) };
            roles.insert(name, self.step(&step));
        }
        roles
    }

    /// Teams and workflows that proposed runs may use, when a step may propose runs.
    fn child_choices(&self) -> Option<ChildChoices> {
        let may = |step: &StepDecl| step.expands == Some(Expands::Runs);
        self.input.workflow.steps.iter().any(may).then(|| {
            let names = |kind| self.input.catalog.names(kind).into_iter().map(str::to_owned);
            ChildChoices {
                teams: names(Kind::Team).collect(),
                workflows: names(Kind::Workflow).collect(),
            }
        })
    }

    fn unknown_step(&mut self, pos: Pos, name: &str) {
        let ids = self.input.workflow.steps.iter().map(|step| step.id.as_str());
        let near = crate::base::text::did_you_mean(name, ids);
        let fix = near.map_or_else(
            || "name a step of this workflow".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        self.error(pos, format!("there is no step `{name}`"), fix);
    }

    fn params(&mut self) -> BTreeMap<String, String> {
        let declared = &self.input.workflow.params;
        let mut values = BTreeMap::new();
        for param in declared {
            if let Some(value) = self.input.params.get(&param.name).or(param.default.as_ref()) {
                values.insert(param.name.clone(), value.clone());
            } else {
                let fix = format!("give it with `--param {}=…`", param.name);
                self.error(param.pos, format!("parameter `{}` has no value", param.name), fix);
            }
        }
        for name in self.input.params.keys() {
            if declared.iter().all(|param| param.name != *name) {
                let known: Vec<&str> = declared.iter().map(|param| param.name.as_str()).collect();
                let fix = if known.is_empty() {
                    "it has no parameters".to_owned()
                } else {
                    format!("it has {}", known.join(", "))
                };
                self.error(Pos::START, format!("the workflow has no parameter `{name}`"), fix);
            }
        }
        values
    }

    fn plan(
        &mut self,
        steps: Vec<StepPlan>,
        channels: Vec<ChannelPlan>,
        roles: BTreeMap<String, StepPlan>,
        params: BTreeMap<String, String>,
    ) -> Plan {
        let workflow = self.input.workflow;
        let team = self.input.team;
        let named = |names: &[crate::resource::Name]| -> Vec<usize> {
            let position = |name: &crate::resource::Name| {
                steps.iter().position(|step| step.id.as_str() == name.as_str())
            };
            names.iter().filter_map(position).collect()
        };
        let (mut entered, mut left) = (vec![false; steps.len()], vec![false; steps.len()]);
        for channel in &channels {
            entered[channel.to] = true;
            left[channel.from] = true;
        }
        let without = |edges: &[bool]| -> Vec<usize> {
            edges.iter().enumerate().filter(|(_, has)| !**has).map(|(ix, _)| ix).collect()
        };
        let declared_start = named(&workflow.start);
        let declared_end = named(&workflow.end);
        let start = if declared_start.is_empty() { without(&entered) } else { declared_start };
        let end = if declared_end.is_empty() { without(&left) } else { declared_end };
        let rework =
            workflow.rework.as_ref().and_then(|name| named(std::slice::from_ref(name)).pop());
        let concurrency = [workflow.max_concurrency, team.and_then(|team| team.max_concurrency)];
        let role_lines = team.map(|team| team.roles.as_slice()).unwrap_or_default();
        Plan {
            workflow: workflow.name.clone(),
            team: team.map_or_else(|| "direct".to_owned(), |team| team.name.clone()),
            start,
            end,
            rework,
            max_iterations: workflow.max_iterations.unwrap_or(MAX_ITERATIONS),
            max_concurrency: concurrency.into_iter().flatten().min(),
            completion: self.input.completion,
            gates: gates(workflow),
            commands: self.input.commands.clone(),
            agents: std::mem::take(&mut self.agents),
            skills: std::mem::take(&mut self.skills),
            role_concurrency: role_lines
                .iter()
                .chain(&workflow.roles)
                .filter_map(|role| Some((role.name.clone(), role.max_concurrency?)))
                .collect(),
            params,
            roles,
            child_choices: self.child_choices(),
            steps,
            channels,
        }
    }

    fn check_size(&mut self, plan: &Plan) {
        if plan.steps.is_empty() {
            self.error(
                Pos::START,
                "the workflow has no steps".to_owned(),
                "add a section `## step-id`".to_owned(),
            );
        }
        let tasks = plan.task_count();
        if tasks > limits::TASKS_MAX {
            let text = format!(
                "the workflow has {tasks} tasks; a run holds {} at most",
                limits::TASKS_MAX
            );
            self.error(Pos::START, text, "split it into several workflows".to_owned());
        }
    }
}

/// The planner's declaration without everything that is its own: what an added step starts from.
fn bare_decl(planner: &StepDecl) -> StepDecl {
    StepDecl {
        title: None,
        runtime: None,
        model: None,
        skills: None,
        depends_on: Vec::new(),
        output: None,
        reads: Vec::new(),
        verify: false,
        verifies: None,
        slots: None,
        max_concurrency: None,
        join: None,
        access: None,
        looped: None,
        contract: None,
        retries: None,
        kind: None,
        command: None,
        expands: None,
        approve: false,
        ..planner.clone()
    }
}

/// The commands that a step names, or all that there are.
fn verifies(step: &StepDecl, commands: &BTreeMap<String, CommandPlan>) -> Vec<String> {
    let named = step.verifies.iter().flatten().map(|name| name.as_str().to_owned());
    let named: Vec<String> = named.collect();
    if named == [StepDecl::ALL_COMMANDS] { commands.keys().cloned().collect() } else { named }
}

fn bare(step: &StepDecl) -> StepPlan {
    StepPlan {
        id: step.id.clone(),
        role: step.role_name().to_owned(),
        agent: None,
        kind: step.kind(),
        runtime: String::new(),
        model: None,
        prompt: step.prompt.trim().to_owned(),
        command: None,
        slots: step.slot_count(),
        access: Access::None,
        isolation: step.isolation.unwrap_or_default(),
        join: step.join,
        timeout_ms: step.timeout_ms,
        retries: step.retries.unwrap_or(0),
        output: step.output.as_ref().and_then(|name| name.as_str().parse().ok()),
        reads: step.reads.iter().filter_map(|name| name.as_str().parse().ok()).collect(),
        skills: Vec::new(),
        verify: step.verify,
        verifies: Vec::new(),
        expands: step.expands,
        approve: step.approve,
        on_stale: step.on_stale.unwrap_or_default(),
        max_concurrency: step.max_concurrency,
        looping: step.looped.clone(),
        contract: step.contract.as_ref().map(|contract| contract.writes.as_str().to_owned()),
        phase: step.phase.clone(),
    }
}

/// A step reads when its agent has no tool that writes, or when its role is one that reads.
fn default_access(step: &StepDecl, agent: &AgentFile) -> Access {
    let role = step.role_name();
    let reads = READ_ROLES.contains(&role) || (role == "planner" && step.output.is_none());
    if reads || !agent.can_write() { Access::Read } else { Access::Write }
}

fn agent_plan(agent: &AgentFile) -> AgentPlan {
    AgentPlan {
        prompt: agent.prompt.trim().to_owned(),
        tools: agent.tools.clone().unwrap_or_default(),
        thinking: agent.thinking.map(|thinking| thinking.as_str().to_owned()),
        fallback_models: agent.fallback_models.clone(),
        memory: agent.memory,
    }
}

fn gates(workflow: &WorkflowFile) -> Vec<GatePlan> {
    let gates = workflow.gates.iter().map(|gate| GatePlan {
        id: gate.id.clone(),
        description: gate.description.clone(),
        store: gate.store.clone(),
        fields: gate.fields.clone(),
        writers: gate.writers.iter().map(|writer| writer.as_str().to_owned()).collect(),
        reset_on_cycle: gate.reset_on_cycle,
        when: gate.when.value.clone(),
        show: gate.show.clone(),
        required_level: gate.required_level,
    });
    gates.collect()
}
