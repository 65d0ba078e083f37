//! The projects of this user on this machine: each is remembered when a run is created in it.
//!
//! A small file for each, with the project's folder in it: nobody waits for anybody else, and one that
//! is gone is simply not listed. Nothing depends on it but lists of all projects.

use std::fs;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use super::rows::{Listed, rows};
use super::workspace::Workspace;
use crate::base::{Time, text};
use crate::config::Environment;
use crate::event::Hash;
use crate::store::Project;
use crate::store::files::{self, create_private_dir};

/// A project with its runs.
#[derive(Debug)]
pub struct Known {
    /// Its folder.
    pub root: Utf8PathBuf,
    /// Its name.
    pub slug: String,
    /// Its runs, the newest first, or why they cannot be read.
    pub runs: Result<Vec<Listed>, String>,
}

/// Remembers that there is a project in this folder.
///
/// Where it cannot be remembered, lists of all projects are shorter, and nothing else.
pub fn remember(env: &Environment, root: &Utf8Path) {
    let Some(folder) = folder(env) else { return };
    let file = folder.join(Hash::of(root.as_str().as_bytes()).to_string());
    if !file.exists() && create_private_dir(&folder).is_ok() {
        let text = format!("{root}\n");
        drop(files::write_atomic(&file, text.as_bytes(), files::Durability::Quick));
    }
}

/// The folders of all projects that are still there, by name.
pub fn roots(env: &Environment) -> Vec<Utf8PathBuf> {
    let Some(folder) = folder(env) else { return Vec::new() };
    let entries = folder.read_dir_utf8().into_iter().flatten().flatten();
    let read = |path: &Utf8Path| -> io::Result<Utf8PathBuf> {
        Ok(fs::read_to_string(path)?.trim_end_matches('\n').into())
    };
    let mut roots: Vec<Utf8PathBuf> =
        entries.into_iter().filter_map(|entry| read(entry.path()).ok()).collect();
    roots.retain(|root| root.is_absolute() && root.is_dir());
    roots.sort();
    roots
}

/// All projects with all of their runs; those without any are left out.
pub fn all(env: &Environment, now: Time) -> Vec<Known> {
    let mut known = Vec::new();
    for root in roots(env) {
        let Ok(dir) = Workspace::locate(env, root.as_std_path(), Some(&root)) else { continue };
        if dir.root() != root || !dir.project_json().exists() {
            continue;
        }
        let mut slug = root.file_name().unwrap_or_default().to_owned();
        let runs =
            Project::open(dir).map_err(|error| text::error_chain(&error)).and_then(|project| {
                project.slug().clone_into(&mut slug);
                let mut numbers = project.runs().map_err(|error| text::error_chain(&error))?;
                numbers.reverse();
                Ok(rows(&project, &numbers, now))
            });
        if !runs.as_ref().is_ok_and(Vec::is_empty) {
            known.push(Known { root, slug, runs });
        }
    }
    known
}

fn folder(env: &Environment) -> Option<Utf8PathBuf> {
    env.user_state_dir().map(|folder| folder.join("projects"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_remembered_once_and_forgotten_when_it_is_gone() {
        let temp = tempfile::tempdir().unwrap();
        let home = Utf8Path::from_path(temp.path()).unwrap();
        let env: Environment = [("HOME", home.as_str())].into_iter().collect();
        assert!(roots(&env).is_empty());
        let (shop, bank) = (home.join("shop"), home.join("bank"));
        for root in [&shop, &bank] {
            fs::create_dir(root).unwrap();
            remember(&env, root);
            remember(&env, root);
        }
        assert_eq!(roots(&env), [bank.clone(), shop.clone()]);
        fs::remove_dir(&bank).unwrap();
        assert_eq!(roots(&env), [shop]);
        assert!(all(&env, Time(0)).is_empty(), "nothing was ever run there");
        assert!(roots(&Environment::default()).is_empty());
    }
}
