//! The project: where it is, its configuration, its resources, its trust.

use camino::Utf8Path;

use super::{Finding, Level};
use crate::base::text;
use crate::client::project_items;
use crate::config::{Config, Environment, Loaded, Problem, Trust, TrustStore};
use crate::resource::{Catalog, Roots, Severity};
use crate::store::Found;

pub(super) fn found(found: &Found) -> Finding {
    match &found.git {
        Some(git) if git.is_bare => Finding::new(
            "project",
            Level::Warning,
            format!("`{}` is a bare repository without files", found.root),
        )
        .hinted("go into one of its worktrees"),
        Some(_) => Finding::new("project", Level::Ok, format!("`{}`, with git", found.root)),
        None => Finding::new("project", Level::Note, format!("`{}`, without git", found.root))
            .hinted("without git, runs work in the folder itself; `git init` gives each run its own worktree"),
    }
}

pub(super) fn config(loaded: &Loaded) -> Vec<Finding> {
    let told = |level: Level| {
        move |problem: &Problem| {
            Finding::new("config", level, problem.to_string())
                .hinted(problem.hint.clone().unwrap_or_default())
        }
    };
    let errors = loaded.errors.iter().map(told(Level::Error));
    let all: Vec<Finding> =
        errors.chain(loaded.warnings.iter().map(told(Level::Warning))).collect();
    if all.is_empty() {
        return vec![Finding::new("config", Level::Ok, "no fault; `crew config` shows it")];
    }
    all
}

pub(super) fn resources(env: &Environment, root: &Utf8Path) -> Vec<Finding> {
    let catalog = Catalog::load(&Roots { user: env.config_dir(), project: Some(root.to_owned()) });
    let mut all: Vec<Finding> = catalog
        .diagnostics()
        .into_iter()
        .filter(|found| found.severity != Severity::Info)
        .map(|found| {
            let level = if found.is_error() { Level::Error } else { Level::Warning };
            let place = format!("{}:{}:{}", found.file, found.line, found.column);
            Finding::new("resources", level, format!("{place}: {}", found.message))
                .hinted(found.fix)
        })
        .collect();
    if all.is_empty() {
        let counts = [
            text::count(catalog.teams().len(), "team"),
            text::count(catalog.workflows().len(), "workflow"),
            text::count(catalog.agents().len(), "agent"),
            text::count(catalog.skills().len(), "skill"),
        ];
        all.push(Finding::new("resources", Level::Ok, counts.join(", ")));
    }
    all
}

pub(super) fn trust(env: &Environment, root: &Utf8Path, config: &Config) -> Finding {
    let catalog = Catalog::load(&Roots { user: env.config_dir(), project: Some(root.to_owned()) });
    let items = project_items(config, root, &catalog);
    let count = text::count(items.len(), "thing");
    let is_empty = items.is_empty();
    match TrustStore::new(env).is_trusted(root, items) {
        Ok(Trust::Trusted) if is_empty => {
            Finding::new("trust", Level::Ok, "the project's files execute nothing")
        }
        Ok(Trust::Trusted) => {
            Finding::new("trust", Level::Ok, format!("{count} that the project executes: trusted"))
        }
        Ok(Trust::Untrusted { changed, .. }) => {
            let why = if changed { "changed since it was trusted" } else { "not trusted" };
            Finding::new("trust", Level::Warning, format!("{count} to execute: {why}"))
                .hinted("`crew trust` shows it and asks")
        }
        Err(error) => Finding::new("trust", Level::Error, error.to_string()),
    }
}
