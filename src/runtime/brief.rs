//! What an attempt is started with: its prompt, its command line, its environment.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::attempt_files::{CommandFile, Stdin};
use super::harvest::final_text;
use super::mail;
use super::outfit::Outfit;
use super::recap;
use super::snapshot_tree;
use crate::agent::live::Protocol;
use crate::agent::{CommandError, InvocationInput, OutputFormat, StdinPlan};
use crate::base::flow::{Access, MemoryScope, Permission, StepKind};
use crate::base::path::PathError;
use crate::base::{Site, limits, redact, text};
use crate::config::{Environment, agent_environment};
use crate::engine::{LiveAttempt, State};
use crate::launch::{ProgramError, Programs};
use crate::plan::graph::{StepPlan, TaskIx};
use crate::plan::prompt::{
    Mail, Pass, PromptInput, Remembered, named_artifacts, named_outputs, render,
};
use crate::snapshot::ChildRow;
use crate::store::files::{Durability, create_private_dir, write_atomic};
use crate::store::memory::{self, Homes, Memory};
use crate::store::{AttemptDir, RunDir, artifact};

/// Everything that the shim of an attempt is started with.
#[derive(Debug)]
pub struct Brief {
    /// What it starts.
    pub command: CommandFile,
    /// The agent's environment.
    pub env: Vec<(String, String)>,
    /// Messages that went into the prompt.
    pub messages: Vec<String>,
}

/// Why an attempt cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum BriefError {
    /// Its runtime is gone from the configuration.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// Its command line cannot be built.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// Its files cannot be written or read.
    #[error(transparent)]
    Io(#[from] PathError),
}

/// Where an attempt is prepared: the run's files and what plays its agents.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'a> {
    /// What the run is.
    pub state: &'a State,
    /// Its files.
    pub dir: &'a RunDir,
    /// What plays its agents.
    pub programs: &'a Programs,
    /// The variables of the supervisor.
    pub env: &'a Environment,
    /// Variables that every agent gets besides the allow list.
    pub passed: &'a [String],
    /// The crew program.
    pub crew: &'a Utf8Path,
}

/// What a driver is told besides the attempt.
struct Told<'a> {
    protocol: Protocol,
    level: Permission,
    /// The program is held to the level by its own arguments.
    is_held: bool,
    /// The model that it asks for.
    model: Option<&'a str>,
    mcp: Option<&'a Utf8Path>,
}

impl Desk<'_> {
    /// Writes the attempt's prompt and says what its shim must start.
    ///
    /// # Errors
    /// The runtime is unknown, or files cannot be written.
    pub fn prepare(&self, task: TaskIx, live: &LiveAttempt) -> Result<Brief, BriefError> {
        let id = self.state.task_id(task);
        let dir = self.dir.attempt(&id, live.number);
        create_private_dir(dir.path())?;
        let step = self.state.step_of(task);
        let cwd = self.folder_of(task);
        let limits = &self.state.created.limits;
        let mut command = CommandFile {
            argv: Vec::new(),
            runtime: None,
            output: None,
            cwd: cwd.clone(),
            stdin: Stdin::None,
            env_names: Vec::new(),
            deadline_ms: live.deadline_ms,
            grace_ms: limits.grace_ms,
            hold_ms: limits.ask_hold_ms + crate::base::limits::ASK_HOLD_GRACE_MS,
            max_output_bytes: limits.output_bytes_max,
            mark: live.mark.clone(),
            site: Site::Local,
        };
        let (number, mark) = (live.number, live.mark.as_str());
        let outfit = Outfit { desk: self, id: &id, step, number, mark, dir: &dir, cwd: &cwd };
        if step.kind == StepKind::Command {
            let script = step.command.clone().unwrap_or_default();
            command.argv = vec!["/bin/sh".to_owned(), "-c".to_owned(), script];
            let env = outfit.environment(&[], &BTreeMap::new())?;
            return Ok(Brief { command, env, messages: Vec::new() });
        }
        let spec = self.programs.get(&live.runtime)?;
        command.runtime = Some(live.runtime.clone());
        command.output = Some(spec.output.word().to_owned());
        let messages = mail::waiting(self.state, task);
        let prompt = match self.after_person(task, live, spec, &messages) {
            Some(told) => told,
            None => self.prompt(task, live, &messages),
        };
        write_atomic(dir.prompt(), prompt.as_bytes(), Durability::Quick)?;
        outfit.issue_token()?;
        let mcp = if spec.takes_mcp() { Some(outfit.mcp(spec.mcp_form)?) } else { None };
        let invocation = spec.invocation(&InvocationInput {
            crew: self.crew,
            prompt_file: &dir.prompt(),
            prompt_text: &prompt,
            worktree: &cwd,
            task: &id,
            model: live.model.as_deref(),
            session: live.session.as_deref(),
            mcp_config: mcp.as_ref().map(|(path, _)| path.as_path()),
            mcp_text: mcp.as_ref().map(|(_, text)| text.as_str()),
            permission: Permission::of(step.access, self.state.created.policy.permission),
        })?;
        command.argv = match invocation.live {
            None => invocation.argv,
            Some(protocol) => {
                super::live::create(&dir)?;
                let mcp = mcp.as_ref().map(|(path, _)| path.as_path());
                let level = Permission::of(step.access, self.state.created.policy.permission);
                let model = live.model.as_deref().filter(|_| spec.asks_model);
                let is_held = spec.permissions.levels().next().is_some();
                let told = Told { protocol, level, is_held, model, mcp };
                self.driver(live, &dir, &told, invocation.argv)
            }
        };
        command.stdin = match invocation.stdin {
            StdinPlan::None => Stdin::None,
            StdinPlan::Prompt => Stdin::Prompt,
            StdinPlan::Fifo => Stdin::Fifo,
        };
        let env = outfit.environment(&invocation.env, &invocation.set)?;
        Ok(Brief { command, env, messages: messages.into_iter().map(|(id, _)| id).collect() })
    }

    /// The driver of a program that takes input while it works.
    fn driver(
        &self,
        live: &LiveAttempt,
        dir: &AttemptDir,
        &Told { protocol, level, is_held, model, mcp }: &Told<'_>,
        argv: Vec<String>,
    ) -> Vec<String> {
        let mut words = vec![self.crew.to_string(), "drive".to_owned(), protocol.word().to_owned()];
        let hold_ms = self.state.created.limits.ask_hold_ms.to_string();
        let level = level.to_string();
        let options = [
            ("--attempt", Some(dir.path().as_str())),
            ("--permission", Some(level.as_str())),
            ("--hold-ms", Some(&hold_ms)),
            ("--session", live.session.as_deref()),
            ("--model", model),
            ("--mcp", mcp.filter(|_| protocol == Protocol::Acp).map(Utf8Path::as_str)),
        ];
        for (option, value) in options {
            words.extend(value.map(|value| format!("{option}={value}")));
        }
        if is_held {
            words.push("--held".to_owned());
        }
        words.push("--".to_owned());
        words.extend(argv);
        words
    }

    /// Whether the task works in a tree of its own.
    pub fn has_own_tree(&self, task: TaskIx) -> bool {
        self.state.has_own_tree(task) && self.state.step_of(task).access != Access::None
    }

    /// Where a task works.
    pub fn folder_of(&self, task: TaskIx) -> Utf8PathBuf {
        match &self.state.worktree {
            Some(worktree) if self.has_own_tree(task) => {
                let owner = self.state.tree_owner(task);
                snapshot_tree::path_of(&worktree.path, &self.state.task_id(owner))
            }
            _ => self.folder(),
        }
    }

    /// Where the tasks of the run work.
    pub fn folder(&self) -> Utf8PathBuf {
        let worktree = self.state.worktree.as_ref().map(|worktree| &worktree.path);
        worktree.unwrap_or(&self.state.created.root).clone()
    }

    fn prompt(&self, task: TaskIx, live: &LiveAttempt, messages: &[(String, Mail)]) -> String {
        let state = self.state;
        let step = state.step_of(task);
        let id = state.task_id(task);
        let answer = state.tasks[task].answer.clone();
        let mut mails: Vec<Mail> = messages.iter().map(|(_, mail)| mail.clone()).collect();
        if let Some((question, answer)) = answer {
            let text = format!("You asked: {question}\n\nThe answer is: {answer}");
            mails.push(Mail { agent: None, text });
        }
        mails.extend(self.told_of_person(task));
        let memory = self.memory(step);
        let input = PromptInput {
            goal: &state.created.goal,
            run: &state.reference(),
            task: &id.to_string(),
            slot: id.slot(),
            attempt: live.number,
            pass: state.passes(task).map(|(used, limit)| Pass {
                number: used + 1,
                limit,
                validation: (step.looping.as_ref().is_some_and(|looping| looping.validate))
                    .then(|| state.created.policy.validation.as_deref())
                    .flatten(),
            }),
            feedback: &state.steps[state.step_ix_of(task)].feedback,
            failure: &self.told(task, live),
            outputs: self.outputs(task, step),
            artifacts: self.artifacts(step),
            messages: mails,
            memory: memory.as_ref().map(|memory| Remembered {
                file: memory.file.as_str(),
                text: &memory.text,
                note: memory.note.as_deref().unwrap_or_default(),
            }),
            gates: state.gate_values(),
            children: ChildRow::all(state).iter().map(ChildRow::told).collect(),
        };
        render(state.plan(), step, &input)
    }

    /// What the attempt is told of the one before: in a new session also what that did.
    fn told(&self, task: TaskIx, live: &LiveAttempt) -> String {
        let entry = &self.state.tasks[task];
        if !entry.trouble.needs_recap {
            return entry.failure.clone();
        }
        format!("{}\n\n{}", entry.failure, recap::of(self, task, live.number))
    }

    /// What the step's agent keeps in its memory file; what is wrong with that file stops nothing.
    fn memory(&self, step: &StepPlan) -> Option<Memory> {
        let agent = step.agent.as_ref()?;
        let scope = self.state.plan().agents.get(agent)?.memory?;
        let root = &self.state.created.root;
        if scope == MemoryScope::Local
            && let Err(error) = memory::create_local_folder(root)
        {
            tracing::warn!(error = %super::error_chain(&error), agent, "no folder for memory files");
        }
        let (user, work) = (self.env.config_dir(), self.folder());
        let memory =
            Memory::load(scope, agent, &Homes { user: user.as_deref(), root, work: &work });
        if let Some(note) = &memory.note {
            tracing::warn!(agent, file = %memory.file, note, "memory file");
        }
        Some(memory)
    }

    /// Results of the steps that this one depends on or names, one block a step.
    fn outputs(&self, task: TaskIx, step: &StepPlan) -> Vec<(String, String)> {
        let plan = self.state.plan();
        let own = self.state.step_ix_of(task);
        let mut sources: Vec<usize> = plan
            .channels
            .iter()
            // What leads back is told as feedback, not as a result to build on.
            .filter(|channel| channel.to == own && !channel.cyclic)
            .map(|channel| channel.from)
            .collect();
        sources
            .extend(named_outputs(&step.prompt).into_iter().filter_map(|name| plan.step_ix(name)));
        sources.sort_unstable();
        sources.dedup();
        let with_text = sources.into_iter().filter(|&source| has_words(&plan.steps[source]));
        with_text
            .map(|source| {
                let parts: Vec<String> =
                    self.state.tasks_of(source).map(|task| self.output_of(task)).collect();
                (plan.steps[source].id.to_string(), parts.join("\n\n"))
            })
            .collect()
    }

    fn output_of(&self, task: TaskIx) -> String {
        let entry = &self.state.tasks[task];
        if entry.attempts == 0 {
            return String::new();
        }
        let id = self.state.task_id(task);
        let dir = self.dir.attempt(&id, entry.attempts);
        let text = final_text(&dir, self.format_of(task)).unwrap_or_default();
        let text = text::middle_cut(&text, limits::QUOTE_BYTES_MAX).into_owned();
        if id.slot().is_some() { format!("{id}:\n{text}") } else { text }
    }

    /// What a task's last attempt prints.
    pub fn format_of(&self, task: TaskIx) -> OutputFormat {
        self.format_at(task, self.state.tasks[task].attempts)
    }

    /// What an attempt of a task prints.
    pub(super) fn format_at(&self, task: TaskIx, number: u32) -> OutputFormat {
        let entry = &self.state.tasks[task];
        let live = entry.status.as_live().map(|live| live.runtime.as_str());
        let step = self.state.step_of(task);
        let name = live.or(entry.runtime.as_deref()).unwrap_or(&step.runtime);
        self.programs.format_of(&self.dir.attempt(&self.state.task_id(task), number), name)
    }

    fn artifacts(&self, step: &StepPlan) -> Vec<(String, String)> {
        let placed = named_artifacts(&step.prompt);
        let read = step.reads.iter().map(crate::base::ArtifactName::as_str);
        let mut names: Vec<&str> = placed.into_iter().chain(read).collect();
        names.sort_unstable();
        names.dedup();
        let found = names.into_iter().filter_map(|name| {
            let content =
                artifact::read(self.dir, &name.parse().ok()?, limits::QUOTE_BYTES_MAX as u64 * 2)
                    .ok()?;
            Some((name.to_owned(), String::from_utf8_lossy(&content.head).into_owned()))
        });
        found.collect()
    }

    /// The environment of a command that the runtime runs by itself.
    pub fn command_environment(&self) -> Vec<(String, String)> {
        let mut env = agent_environment(self.env, self.passed);
        let own =
            [("CREW_RUN", self.state.reference()), ("CREW_WORKTREE", self.folder().to_string())];
        env.extend(own.map(|(name, value)| (name.to_owned(), value)));
        env
    }
}

fn has_words(step: &StepPlan) -> bool {
    !step.runtime.is_empty() || step.kind == StepKind::Command
}

/// The text of an agent as an artifact may hold it.
pub fn clean(text: &str) -> String {
    redact::redact(text).into_owned()
}

/// The folder of an attempt of a task.
pub fn attempt_dir(dir: &RunDir, state: &State, task: TaskIx, number: u32) -> AttemptDir {
    dir.attempt(&state.task_id(task), number)
}
