//! One resource of any kind, as the command line shows it.

use camino::Utf8PathBuf;

use crate::resource::{
    Catalog, Diagnostic, Kind, NotFound, Resource, Scope, TeamFile, WorkflowFile, lint,
};

/// A resource without what only its kind has.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) scope: Scope,
    pub(super) path: Utf8PathBuf,
    pub(super) description: String,
    pub(super) text: String,
    /// What its parser and the lint found, in the order of the file.
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl Entry {
    /// The resource of this name.
    pub(super) fn find(kind: Kind, name: &str, catalog: &Catalog) -> Result<Self, NotFound> {
        Ok(match kind {
            Kind::Agent => {
                let found = catalog.agent(name)?;
                let file = &found.file;
                Self::of(found, name, &file.description, lint::agent(file, catalog))
            }
            Kind::Team => {
                let found = catalog.team(name)?;
                let file = &found.file;
                Self::of(found, name, &file.description, lint::team(file, catalog))
            }
            Kind::Workflow => {
                let found = catalog.workflow(name)?;
                let file = &found.file;
                let team = team_of(file, catalog);
                Self::of(found, name, &file.description, lint::workflow(file, team, catalog))
            }
            Kind::Skill => {
                let found = catalog.skill(name)?;
                let file = &found.file;
                Self::of(found, name, &file.description, lint::skill(file))
            }
        })
    }

    fn of<T>(found: &Resource<T>, name: &str, description: &str, linted: Vec<Diagnostic>) -> Self {
        Self {
            name: name.to_owned(),
            scope: found.origin.scope,
            path: found.origin.path.clone(),
            description: description.to_owned(),
            text: found.text.clone(),
            diagnostics: merged(found.diagnostics.clone(), linted),
        }
    }
}

/// All findings once, in the order of the files.
pub(super) fn merged(mut some: Vec<Diagnostic>, more: Vec<Diagnostic>) -> Vec<Diagnostic> {
    some.extend(more);
    some.sort();
    some.dedup();
    some
}

/// The team that would play a workflow by itself: the one whose default it is.
pub fn team_of<'a>(file: &WorkflowFile, catalog: &'a Catalog) -> Option<&'a TeamFile> {
    let is_default = |team: &&Resource<TeamFile>| {
        team.file.default_workflow.as_ref().is_some_and(|name| name.as_str() == file.name)
    };
    catalog.teams().into_iter().find(is_default).map(|team| &team.file)
}
