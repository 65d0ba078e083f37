//! Workflow files for the canvas: which there are, and what each of them compiles to, with what is wrong in it.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;

use crate::client::Workspace;
use crate::client::plan::commands;
use crate::config::Config;
use crate::plan::{BuildInput, Completion, Plan, build};
use crate::resource::{Catalog, Diagnostic, Kind, Roots, Scope, lint};

/// A program that stands for the one that a run would choose.
const ANY_PROGRAM: &str = "any";

/// A workflow file in the list of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowItem {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Who brought it.
    pub scope: Scope,
}

/// A workflow file, compiled.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkflowPage {
    /// Its name.
    pub name: String,
    /// Who brought it.
    pub scope: Scope,
    /// The file; for a built-in one its path in crew's repository.
    pub path: Utf8PathBuf,
    /// What it is for.
    pub description: String,
    /// What it compiles to, as far as its errors allow it.
    pub plan: Option<Plan>,
    /// What is wrong with it, in the order of the file.
    pub findings: Vec<Diagnostic>,
}

/// Where workflow files are.
#[derive(Debug, Clone)]
pub struct Library {
    /// The folders.
    pub roots: Roots,
    /// The configuration, for commands that gates ask for.
    pub config: Config,
}

impl Library {
    /// The files of a project and of its user.
    pub fn of(workspace: &Workspace) -> Self {
        let user = workspace.env.config_dir();
        let roots = Roots { user, project: Some(workspace.found.root.clone()) };
        Self { roots, config: workspace.config.clone() }
    }

    /// Every workflow that can be named.
    pub fn list(&self) -> Vec<WorkflowItem> {
        let catalog = Catalog::load(&self.roots);
        let workflows = catalog.workflows().into_iter().map(|found| WorkflowItem {
            name: found.file.name.clone(),
            description: found.file.description.clone(),
            scope: found.origin.scope,
        });
        workflows.collect()
    }

    /// The workflow of this name, read anew.
    ///
    /// # Errors
    /// There is none.
    pub fn page(&self, name: &str) -> Result<WorkflowPage, String> {
        let catalog = Catalog::load(&self.roots);
        let found = catalog.workflow(name).map_err(|error| error.to_string())?;
        let file = &found.file;
        let is_default = |default: &str| default == file.name;
        let team = catalog.teams().into_iter().map(|team| &team.file).find(|team| {
            team.default_workflow.as_ref().is_some_and(|name| is_default(name.as_str()))
        });
        let mut findings = found.diagnostics.clone();
        findings.extend(lint::workflow(file, team, &catalog));
        let built = build(&BuildInput {
            workflow: file,
            team,
            catalog: &catalog,
            runtime_flag: None,
            model_flag: None,
            default_runtime: self.config.defaults.runtime.as_deref().unwrap_or(ANY_PROGRAM),
            default_model: self.config.defaults.model.as_deref(),
            params: &BTreeMap::new(),
            completion: Completion::Deliver,
            commands: commands(&self.config, file, None),
        });
        let plan = match built {
            Ok(plan) => Some(plan),
            Err(found) => {
                findings.extend(found);
                None
            }
        };
        findings.sort();
        findings.dedup();
        Ok(WorkflowPage {
            name: name.to_owned(),
            scope: found.origin.scope,
            path: found.origin.path.clone(),
            description: file.description.clone(),
            plan,
            findings,
        })
    }
}

impl WorkflowPage {
    /// The file for an editor; the error says what to do with one that is built in.
    ///
    /// # Errors
    /// It is built in.
    pub fn editable(&self) -> Result<&Utf8PathBuf, String> {
        if self.scope == Scope::Builtin {
            let file = Kind::Workflow.file(&self.name);
            return Err(format!(
                "workflow `{}` is built in: copy it with `crew workflow show {} > .crew/{file}`, and change the copy",
                self.name, self.name
            ));
        }
        Ok(&self.path)
    }
}
