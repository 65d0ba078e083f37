//! What of a project's files would be executed: its configuration, its schedules, its workflows.

use camino::Utf8Path;

use crate::base::flow::StepKind;
use crate::base::text;
use crate::config::trust::executable_content;
use crate::config::{Config, TrustItem};
use crate::event::{Body, RunCreated};
use crate::resource::{Catalog, Resource, Roots, Scope, WorkflowFile};
use crate::store::{ProjectError, seal, tail};

use super::workspace::Workspace;

impl Workspace {
    /// Every resource that can be named in this project.
    pub fn catalog(&self) -> Catalog {
        Catalog::load(&Roots {
            user: self.env.config_dir(),
            project: Some(self.found.root.clone()),
        })
    }
}

/// Everything that the files of the project at `root` would have executed.
pub fn project_items(config: &Config, root: &Utf8Path, catalog: &Catalog) -> Vec<TrustItem> {
    let steps = catalog
        .workflows()
        .into_iter()
        .filter(|workflow| workflow.origin.scope == Scope::Project)
        .flat_map(|workflow| of_workflow(workflow, root))
        .collect();
    executable_content(config, steps)
}

/// Runs in the project's state that this user did not make, and what each of them would execute.
///
/// Runs that were imported are none: nothing drives them.
///
/// # Errors
/// The project's files cannot be read.
pub fn foreign_runs(workspace: &Workspace) -> Result<Vec<(TrustItem, RunCreated)>, ProjectError> {
    let runs = workspace.project()?.runs()?;
    let first = runs.into_iter().filter_map(|number| {
        let log = workspace.dir.run(number).events();
        Some((number, tail::first(&log).ok()??, log))
    });
    let foreign = first.filter_map(|(number, record, log)| {
        let Body::RunCreated(created) = record.body else { return None };
        if created.flags.imported.is_some() || seal::is_ours(&created) {
            return None;
        }
        let root = &workspace.found.root;
        let item = TrustItem {
            file: log.strip_prefix(root).unwrap_or(&log).to_owned(),
            line: 1,
            what: format!("run {number}, which you did not make here"),
            content: commands_of(&created),
        };
        Some((item, created))
    });
    Ok(foreign.collect())
}

/// What a run would execute: its goal for agents, and its commands.
fn commands_of(created: &RunCreated) -> String {
    let plan = &created.plan;
    let steps = plan.steps.iter().filter_map(|step| step.command.clone());
    let named = plan.commands.values().map(|command| command.command.clone());
    let agents = plan.steps.iter().any(|step| step.command.is_none());
    let goal = agents.then(|| format!("agents: {}", text::one_line(&created.goal, 200)));
    let mut all: Vec<String> = goal.into_iter().chain(steps).chain(named).collect();
    all.dedup();
    all.join("\n")
}

fn of_workflow(workflow: &Resource<WorkflowFile>, root: &Utf8Path) -> Vec<TrustItem> {
    let path = &workflow.origin.path;
    let item = |line: u32, what: String, content: &str| TrustItem {
        file: path.strip_prefix(root).unwrap_or(path).to_owned(),
        line: line as usize,
        what,
        content: content.to_owned(),
    };
    let name = &workflow.file.name;
    let steps = workflow.file.steps.iter().filter_map(|step| {
        let command = step.command.as_deref().filter(|_| step.kind() == StepKind::Command)?;
        Some(item(step.pos.line, format!("step {} of workflow {name}", step.id), command))
    });
    let validation = workflow.file.policy.validation.iter().filter_map(|validation| {
        let command = validation.command.as_deref()?;
        let what = format!("validation {} of workflow {name}", validation.name);
        Some(item(validation.pos.line, what, command))
    });
    steps.chain(validation).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_steps_and_validation_of_project_workflows_are_listed() {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(dir.path()).unwrap();
        std::fs::create_dir_all(root.join(".crew/workflows")).unwrap();
        std::fs::write(
            root.join(".crew/workflows/ship.workflow.md"),
            "---\nname: ship\ndescription: d\npolicy:\n  validation: {name: check, command: make check}\n---\n\n\
             ## build\nkind: command\ncommand: make all\n\n## review\nrole: reviewer\n\nLook at it.\n",
        )
        .unwrap();
        let catalog = Catalog::load(&Roots { user: None, project: Some(root.to_owned()) });
        let items = project_items(&Config::preset(), root, &catalog);
        let shown: Vec<_> = items
            .iter()
            .map(|item| (item.file.as_str(), item.line, item.what.as_str(), item.content.as_str()))
            .collect();
        let file = ".crew/workflows/ship.workflow.md";
        assert_eq!(
            shown,
            [
                (file, 5, "validation check of workflow ship", "make check"),
                (file, 8, "step build of workflow ship", "make all"),
            ]
        );
    }
}
