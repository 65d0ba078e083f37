//! Nothing that a project's files would execute runs before a person trusts them (SPEC 19).

use super::context::Context;
use super::report::{CliError, Result};
use crate::client::Workspace;
use crate::client::project_items;
use crate::config::{Trust, TrustItem, TrustStore};

/// Lets a run start when the project has nothing to execute, or is trusted; a terminal is asked.
///
/// # Errors
/// The project is not trusted; the message lists what it would execute.
pub fn require(workspace: &Workspace, context: &mut Context) -> Result<()> {
    let root = &workspace.found.root;
    let items = project_items(&workspace.config, root, &workspace.catalog());
    let store = TrustStore::new(&workspace.env);
    let (items, changed) = match store.is_trusted(root, items)? {
        Trust::Trusted => return Ok(()),
        Trust::Untrusted { items, changed } => (items, changed),
    };
    if context.is_interactive() && ask(&items, changed, context)? {
        store.trust(root, &items)?;
        return Ok(());
    }
    let what = if changed { "changed since it was trusted" } else { "is not trusted" };
    let mut error =
        CliError::invalid(format!("the project {what}, and its files would execute commands"));
    error.code = "untrusted";
    error.causes.extend(items.iter().map(line));
    Err(error.hinted("`crew trust` shows and trusts them"))
}

fn line(item: &TrustItem) -> String {
    format!(
        "{}:{}: {}: {}",
        item.file,
        item.line,
        item.what,
        crate::base::text::one_line(&item.content, 120)
    )
}

fn ask(items: &[TrustItem], changed: bool, context: &mut Context) -> Result<bool> {
    let what = if changed { "changed since you trusted it" } else { "is not trusted yet" };
    writeln!(context.err, "This project {what}. Its files would execute:")?;
    for item in items {
        writeln!(context.err, "  {}", line(item))?;
    }
    let answer = super::ask::line(context, "Trust it? [y/N] ")?;
    Ok(matches!(answer.as_str(), "y" | "Y" | "yes"))
}
