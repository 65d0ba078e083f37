//! `crew salvage`: what worktrees held before they were removed, and its way back.

use camino::Utf8PathBuf;
use clap::{Args as ClapArgs, Subcommand};
use serde::Serialize;

use super::removal::{SalvageJson, require_git};
use super::style::Style;
use super::table::Table;
use super::{Context, Exit, Result};
use crate::base::limits::JSON_SCHEMA;
use crate::client::forbid_to_agents;
use crate::snapshot::Class;
use crate::store::salvage::{Restored, Salvage, Target, drop_salvage, find, list, restore};

/// List what was put away before worktrees were removed, and bring it back.
///
/// Everything but ignored files is kept inside the repository, under `refs/crew/salvage/`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List everything, the newest first.
    List,
    /// Bring a worktree back as it was: branch, staged, unstaged and untracked files.
    Restore {
        /// The id or a part of it, the number of its run, or `last`.
        id: String,
        /// Into this folder, instead of where it was.
        #[arg(long, value_name = "DIR", conflicts_with = "branch")]
        to: Option<Utf8PathBuf>,
        /// Only make this branch, with everything committed.
        #[arg(long, value_name = "NAME")]
        branch: Option<String>,
    },
    /// Forget one for good; shows it, and needs `--yes`.
    Drop {
        /// The id or a part of it, the number of its run, or `last`.
        id: String,
    },
}

#[derive(Serialize)]
struct ListJson<'a> {
    schema_version: u32,
    salvages: Vec<SalvageJson<'a>>,
}

#[derive(Serialize)]
struct OneJson<'a> {
    schema_version: u32,
    salvage: SalvageJson<'a>,
    dropped: bool,
}

/// What was brought back, as JSON.
#[derive(Debug, Serialize)]
pub struct RestoredJson<'a> {
    schema_version: u32,
    id: &'a str,
    worktree: Option<&'a str>,
    branch: Option<&'a str>,
    is_exact: bool,
    note: Option<&'a str>,
}

impl<'a> RestoredJson<'a> {
    /// What was brought back of a salvage.
    pub fn of(salvage: &'a Salvage, restored: &'a Restored) -> Self {
        Self {
            schema_version: JSON_SCHEMA,
            id: &salvage.id,
            worktree: restored.worktree.as_ref().map(|path| path.as_str()),
            branch: restored.branch.as_deref(),
            is_exact: restored.is_exact,
            note: restored.note.as_deref(),
        }
    }
}

/// Runs the verb.
///
/// # Errors
/// There is no such salvage, something is in the way, or git says no.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    require_git(&workspace)?;
    let root = workspace.found.root.clone();
    match &args.verb {
        Verb::List => {
            let style = Style::of(context, &workspace.config);
            show_all(&list(&root)?, &style, context)?;
        }
        Verb::Restore { id, to, branch } => {
            forbid_to_agents(&workspace.env, "salvage restore")?;
            let salvage = find(&root, id)?;
            let cwd = Utf8PathBuf::try_from(context.cwd.clone()).unwrap_or_default();
            let folder = to.as_ref().map(|to| cwd.join(to));
            let target = match (&folder, branch) {
                (Some(folder), _) => Target::Folder(folder),
                (None, Some(name)) => Target::Branch(name),
                (None, None) => Target::Place,
            };
            let restored = restore(&root, &salvage, target)?;
            if context.json {
                context.write_json(&RestoredJson::of(&salvage, &restored))?;
            }
            context.say(&format!("{}; the salvage stays", told(&salvage, &restored)))?;
        }
        Verb::Drop { id } => {
            forbid_to_agents(&workspace.env, "salvage drop")?;
            let salvage = find(&root, id)?;
            let dropped = context.yes;
            if dropped {
                drop_salvage(&root, &salvage)?;
            }
            if context.json {
                let document = OneJson {
                    schema_version: JSON_SCHEMA,
                    salvage: SalvageJson::from(&salvage),
                    dropped,
                };
                context.write_json(&document)?;
            }
            let what = format!("salvage `{}` ({})", salvage.id, salvage.holds());
            context.say(&if dropped {
                let short: String = salvage.commit.chars().take(12).collect();
                format!("{what} is forgotten; until git tidies up it is still commit {short}")
            } else {
                format!("{what} would be forgotten; `crew salvage drop {} --yes`", salvage.id)
            })?;
        }
    }
    Ok(Exit::Ok)
}

fn show_all(all: &[Salvage], style: &Style, context: &mut Context) -> Result<()> {
    if context.json {
        let salvages = all.iter().map(SalvageJson::from).collect();
        return context.write_json(&ListJson { schema_version: JSON_SCHEMA, salvages });
    }
    if all.is_empty() {
        return context.say("nothing was put away; worktrees are before they are removed");
    }
    let mut table = Table::new(&["RUN", "ID", "WHEN", "BY", "HOLDS"]);
    for salvage in all {
        let run = salvage.source.run.map(|run| format!("#{run}")).unwrap_or_default();
        let when = style.moment(salvage.source.at);
        let by = salvage.source.by.clone();
        table.row(Class::Idle, vec![run, salvage.id.clone(), when, by, salvage.holds()]);
    }
    table.write(style, &mut context.out)?;
    context.say("`crew salvage restore ID` brings one back")
}

/// What is there again.
pub fn told(salvage: &Salvage, restored: &Restored) -> String {
    let line = match (&restored.worktree, &restored.branch) {
        (Some(folder), Some(branch)) => format!("`{folder}` is back, on branch `{branch}`"),
        (Some(folder), None) => format!("`{folder}` is back"),
        (None, Some(branch)) => format!("branch `{branch}` holds it"),
        (None, None) => format!("`{}` is back", salvage.id),
    };
    match &restored.note {
        Some(note) => format!("{line} ({note})"),
        None => line,
    }
}
