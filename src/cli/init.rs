//! `crew init`: prepares a project.

use std::fs;
use std::io::Write as _;

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args as ClapArgs;
use serde::Serialize;

use super::runtime::{self, Told};
use super::{CliError, Context, Exit, Result};
use crate::agent::rehearsal;
use crate::base::limits::JSON_SCHEMA;
use crate::base::path::PathContext;
use crate::config::{Config, Overrides, PRESET};
use crate::resource::Kind;
use crate::store::discover;
use crate::store::layout::CREW_DIR;

/// Make the `.crew/` folder of a project, with a commented configuration.
///
/// Nothing that exists is changed, so it can be called again. `crew run` needs no `init`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Make the project in this very folder, not at the top of the repository.
    #[arg(long)]
    here: bool,
}

#[derive(Serialize)]
struct Json {
    schema_version: u32,
    root: Utf8PathBuf,
    created: Vec<Utf8PathBuf>,
    runtimes: Vec<Told>,
}

/// Runs the verb.
///
/// # Errors
/// A file or folder cannot be made.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let root = root(args, context)?;
    let created = create(&root)?;
    let config = Config::load(&context.env, Some(&root), &Overrides::default()).config;
    let runtimes = runtime::all(&config);
    if context.json {
        context.write_json(&Json { schema_version: JSON_SCHEMA, root, created, runtimes })?;
        return Ok(Exit::Ok);
    }
    if created.is_empty() {
        context.say(&format!("`{root}/{CREW_DIR}` is complete; nothing was changed"))?;
    }
    for path in &created {
        context.say(&format!("created {}", path.strip_prefix(&root).unwrap_or(path)))?;
    }
    for line in found(&runtimes) {
        context.say(&line)?;
    }
    Ok(Exit::Ok)
}

fn root(args: &Args, context: &Context) -> Result<Utf8PathBuf> {
    if !args.here {
        return Ok(discover(&context.cwd, context.project_flag.as_deref())
            .map_err(crate::client::WorkspaceError::from)?
            .root);
    }
    let folder = match &context.project_flag {
        Some(flag) => context.cwd.join(flag),
        None => context.cwd.clone(),
    };
    let shown = folder.to_string_lossy().into_owned();
    let real = folder.canonicalize().at("cannot open the folder", Utf8Path::new(&shown))?;
    Utf8PathBuf::try_from(real)
        .map_err(|_| CliError::usage(format!("`{shown}` is not valid UTF-8; rename the folder")))
}

/// Makes what is missing and returns it.
fn create(root: &Utf8Path) -> Result<Vec<Utf8PathBuf>> {
    let crew = root.join(CREW_DIR);
    let kinds = [Kind::Team, Kind::Workflow, Kind::Agent, Kind::Skill];
    let mut created = Vec::new();
    for folder in kinds.map(|kind| crew.join(kind.folder())) {
        if !folder.is_dir() {
            fs::create_dir_all(&folder).at("cannot create", &folder)?;
            created.push(folder);
        }
    }
    let path = crew.join("config.toml");
    match fs::OpenOptions::new().write(true).create_new(true).open(&path) {
        Ok(mut file) => {
            file.write_all(template().as_bytes()).at("cannot write", &path)?;
            created.push(path);
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error).at("cannot create", &path)?,
    }
    Ok(created)
}

const HEADER: &str = "\
# Configuration of crew for this project. Everything here is commented out and shows the built-in value;
# `crew config` shows what holds, and where it comes from. Commit this file.
#
# A project may set these keys; what starts programs, moves state or grants rights is for each user's own
# file. (lower) marks what may only be lowered here, (adds) what may only be added to, (trust) what is executed,
# and only after the user said `crew trust`.
";

/// The preset with all values commented out, without the keys that are not for projects.
fn template() -> String {
    let mut out = HEADER.to_owned();
    // The first paragraph of the preset speaks of itself.
    for paragraph in PRESET.split("\n\n").skip(1) {
        let is_for_users = paragraph.lines().next().is_some_and(|line| line.contains("(user)"));
        if is_for_users {
            continue;
        }
        out.push('\n');
        for line in paragraph.lines().filter(|line| !line.contains("(user)")) {
            if line.starts_with(['#', '[']) {
                out.push_str(line);
            } else {
                out.push_str("# ");
                out.push_str(line);
            }
            out.push('\n');
        }
    }
    out
}

fn found(runtimes: &[Told]) -> Vec<String> {
    let usable = runtimes.iter().filter(|told| told.usable && told.name != rehearsal::NAME);
    let usable: Vec<&str> = usable.map(|told| told.name.as_str()).collect();
    if usable.is_empty() {
        return vec!["no runtime is found; `crew demo` shows crew without one".to_owned()];
    }
    vec![format!("runtimes: {}", usable.join(", "))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Origin};

    #[test]
    fn the_new_configuration_has_no_fault_and_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(dir.path()).unwrap();
        assert_eq!(create(root).unwrap().len(), 5);
        assert_eq!(create(root).unwrap(), [] as [Utf8PathBuf; 0]);
        let env: Environment = [("HOME", root.join("home").as_str())].into_iter().collect();
        let loaded = Config::load(&env, Some(root), &Overrides::default());
        assert_eq!((loaded.warnings, loaded.errors), (vec![], vec![]));
        for row in loaded.config.rows() {
            assert!(row.origins.iter().all(|origin| *origin == Origin::Preset), "{row:?}");
        }
    }

    #[test]
    fn uncommenting_every_value_leaves_a_valid_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(dir.path()).unwrap();
        fs::create_dir_all(root.join(CREW_DIR)).unwrap();
        let text: Vec<&str> = template()
            .leak()
            .lines()
            .filter_map(|line| {
                let value = line.strip_prefix("# ").filter(|rest| {
                    rest.contains(" = ")
                        || rest.trim_start().starts_with(['"', ']'])
                        || rest.starts_with("[[")
                });
                value.or((!line.starts_with('#')).then_some(line))
            })
            .collect();
        fs::write(root.join(CREW_DIR).join("config.toml"), text.join("\n")).unwrap();
        let env: Environment = [("HOME", root.join("home").as_str())].into_iter().collect();
        let loaded = Config::load(&env, Some(root), &Overrides::default());
        assert_eq!(loaded.errors, [], "{}", text.join("\n"));
        assert!(
            !text.is_empty()
                && !template().contains("[runtimes")
                && !template().contains("[state]")
        );
    }
}
