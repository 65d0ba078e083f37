//! `crew trust`: lets what a project's files say be executed.

use clap::Args as ClapArgs;
use serde::Serialize;

use super::{CliError, Context, Exit, Result, ask};
use crate::base::limits::JSON_SCHEMA;
use crate::base::text;
use crate::client::{Workspace, forbid_to_agents, foreign_runs, project_items};
use crate::config::trust::{TrustError, content_hash};
use crate::config::{Trust, TrustItem, TrustStore};
use crate::store::seal;

/// Let what this project's files say be executed.
///
/// It lists every command, hook and schedule with its place, and runs that came with the files, and asks. The answer is remembered by the content: when
/// that changes, crew asks again. Without a terminal, `--hash` trusts exactly what was shown with `--show`, and
/// `--yes` whatever is there now.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Only show what would be executed, and whether it is trusted.
    #[arg(long, conflicts_with_all = ["revoke", "hash"])]
    show: bool,
    /// Trust the project no longer.
    #[arg(long, conflicts_with = "hash")]
    revoke: bool,
    /// Trust the content with this hash, and nothing else.
    #[arg(long, value_name = "HASH")]
    hash: Option<String>,
}

#[derive(Serialize)]
struct ItemJson {
    file: String,
    line: usize,
    what: String,
    content: String,
}

#[derive(Serialize)]
struct Json {
    schema_version: u32,
    root: String,
    trusted: bool,
    hash: String,
    items: Vec<ItemJson>,
}

/// Runs the verb.
///
/// # Errors
/// An agent asks, nobody can be asked, the content changed, or it cannot be remembered.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    if !args.show {
        forbid_to_agents(&workspace.env, "trust")?;
    }
    let root = workspace.found.root.clone();
    let store = TrustStore::new(&workspace.env);
    if args.revoke {
        store.revoke(&root)?;
        return told(context, &workspace, false, &[], "this project is trusted no longer");
    }
    let items = project_items(&workspace.config, &root, &workspace.catalog());
    let trust = store.is_trusted(&root, items.clone())?;
    let (runs, foreign): (Vec<_>, Vec<_>) = foreign_runs(&workspace)?.into_iter().unzip();
    let all = [items.as_slice(), &runs].concat();
    if all.is_empty() {
        return told(context, &workspace, true, &all, "this project executes nothing");
    }
    let is_trusted = trust == Trust::Trusted && runs.is_empty();
    if !context.json {
        let is_changed = matches!(trust, Trust::Untrusted { changed: true, .. });
        list(context, &all, is_changed)?;
    }
    if args.show || is_trusted {
        let word = if is_trusted { "is trusted" } else { "is not trusted" };
        return told(context, &workspace, is_trusted, &all, &format!("this {word}"));
    }
    if let Some(hash) = &args.hash {
        if *hash != content_hash(&all) {
            return Err(CliError::new(Exit::Refused, "conflict", "the content has another hash")
                .hinted("`crew trust --show` shows what is there now"));
        }
    } else if !ask::confirm(context, "trust this?")? {
        context.say("nothing was trusted")?;
        return Ok(Exit::Refused);
    }
    seal::adopt(&foreign)?;
    store.trust(&root, &items)?;
    told(context, &workspace, true, &all, "trusted; `crew trust --revoke` takes it back")
}

fn list(context: &mut Context, items: &[TrustItem], is_changed: bool) -> Result<()> {
    if is_changed {
        context.say("what this project executes changed since it was trusted")?;
    }
    for item in items {
        let command = text::printable(&item.content);
        writeln!(context.out, "{}:{}: {}", item.file, item.line, item.what)?;
        for line in command.lines() {
            writeln!(context.out, "    {line}")?;
        }
    }
    writeln!(context.out, "hash {}", content_hash(items))?;
    context.out.flush()?;
    Ok(())
}

fn told(
    context: &mut Context,
    workspace: &Workspace,
    trusted: bool,
    items: &[TrustItem],
    line: &str,
) -> Result<Exit> {
    if !context.json {
        context.say(line)?;
        return Ok(Exit::Ok);
    }
    let items_json = items.iter().map(|item| ItemJson {
        file: item.file.to_string(),
        line: item.line,
        what: item.what.clone(),
        content: item.content.clone(),
    });
    context.write_json(&Json {
        schema_version: JSON_SCHEMA,
        root: workspace.found.root.to_string(),
        trusted,
        hash: content_hash(items),
        items: items_json.collect(),
    })?;
    Ok(Exit::Ok)
}

impl From<TrustError> for CliError {
    fn from(error: TrustError) -> Self {
        match error {
            TrustError::NoFolder | TrustError::Damaged { .. } | TrustError::Newer { .. } => {
                Self::from_chain(Exit::Invalid, "trust", &error)
            }
            TrustError::Io(error) => error.into(),
        }
    }
}
