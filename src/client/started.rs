//! How the program of a task was started: over which transport, held to what, with whose account.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::agent::{RuntimeSpec, builtin};
use crate::base::flow::Permission;
use crate::base::{TaskId, limits};
use crate::config::Config;
use crate::launch::Programs;
use crate::ledger::Ledger;
use crate::plan::graph::StepPlan;
use crate::store::files;

/// The program of a task's last attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Started {
    /// The task.
    pub task: TaskId,
    /// The runtime.
    pub runtime: String,
    /// `live`: it takes input while it works; `headless`: it has its prompt and nothing more.
    pub transport: &'static str,
    /// What it may do without being asked; absent where that is up to its own arguments.
    pub permission: Option<Permission>,
    /// Variables with keys that it was given; none means its own login.
    pub keys: Vec<String>,
}

/// What the shim was told to start, as far as it tells this.
#[derive(Deserialize)]
struct Command {
    argv: Vec<String>,
    env_names: Vec<String>,
}

impl Started {
    /// The programs of all tasks that have begun; a file that is gone or damaged leaves its task out.
    pub fn all(ledger: &Ledger, config: &Config) -> Vec<Self> {
        let state = ledger.state();
        let programs = Programs::of(config, &BTreeMap::new()).unwrap_or_default();
        let tasks = state
            .plan()
            .steps
            .iter()
            .enumerate()
            .flat_map(|(at, step)| state.tasks_of(at).map(move |task| (step, task)));
        tasks
            .filter_map(|(step, task)| {
                let entry = &state.tasks[task];
                let runtime = entry.runtime.as_ref().unwrap_or(&step.runtime);
                if runtime.is_empty() || entry.attempts == 0 {
                    return None;
                }
                let id = state.task_id(task);
                let path = ledger.dir().attempt(&id, entry.attempts).command();
                let command = serde_json::from_slice(&read(path)?).ok()?;
                let spec = programs.get(runtime).ok();
                Some(Self::of(id, runtime, step, state.created.policy.permission, spec, &command))
            })
            .collect()
    }

    /// The program of one attempt, which this runtime played.
    pub fn of_attempt(
        ledger: &Ledger,
        config: &Config,
        (task, number): (&TaskId, u32),
        runtime: &str,
    ) -> Option<Self> {
        let state = ledger.state();
        let ix = (0..state.tasks.len()).find(|ix| state.task_id(*ix) == *task)?;
        let path = ledger.dir().attempt(task, number).command();
        let command = serde_json::from_slice(&read(path)?).ok()?;
        let programs = Programs::of(config, &BTreeMap::new()).unwrap_or_default();
        let (step, policy) = (state.step_of(ix), state.created.policy.permission);
        let spec = programs.get(runtime).ok();
        Some(Self::of(task.clone(), runtime, step, policy, spec, &command))
    }

    fn of(
        task: TaskId,
        runtime: &str,
        step: &StepPlan,
        writers: Permission,
        spec: Option<&RuntimeSpec>,
        command: &Command,
    ) -> Self {
        let has_levels = spec.is_some_and(|spec| spec.permissions.levels().next().is_some());
        let is_given = |key: &&String| command.env_names.contains(key);
        let keys = spec.map(|spec| spec.keys.iter().filter(is_given).cloned().collect());
        let is_live = command.argv.get(1).is_some_and(|word| word == "drive")
            && command.argv.first().is_some_and(|program| program.ends_with("crew"));
        Self {
            task,
            runtime: runtime.to_owned(),
            transport: if is_live { "live" } else { "headless" },
            permission: has_levels.then(|| Permission::of(step.access, writers)),
            keys: keys.unwrap_or_default(),
        }
    }

    /// The same in words.
    pub fn words(&self) -> String {
        let held = match self.permission {
            Some(level) => format!("permission {level}"),
            None => "permissions by its own arguments".to_owned(),
        };
        let account = self.account().map(|account| format!(", {account}")).unwrap_or_default();
        format!("{}, {}, {held}{account}", self.runtime, self.transport)
    }

    /// Whose account it uses, as far as that is known.
    pub fn account(&self) -> Option<String> {
        match (self.keys.is_empty(), builtin::NAMES.contains(&self.runtime.as_str())) {
            (false, _) => Some(format!("key {}", self.keys.join(" "))),
            (true, true) => Some("its own login".to_owned()),
            (true, false) => None,
        }
    }
}

fn read(path: Utf8PathBuf) -> Option<Vec<u8>> {
    files::read_capped(path, limits::STATE_FILE_BYTES_MAX).ok()
}
