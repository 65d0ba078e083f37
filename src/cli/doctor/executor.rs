//! The place where attempts run when that is not this machine: whether it answers, has the same crew, and sees
//! the state.

use super::{Finding, Level};
use crate::cli::Context;
use crate::config::Config;
use crate::store::ProjectDir;

/// One finding, or none where attempts run on this machine.
pub(super) fn look(context: &Context, config: &Config, dir: &ProjectDir) -> Option<Finding> {
    let site = &config.run.executor;
    if site.is_local() {
        return None;
    }
    if !dir.state().is_dir() {
        let text = format!("{site}: nothing to look at before the first run");
        return Some(Finding::new("executor", Level::Note, text));
    }
    Some(match (context.elsewhere)(config, dir.state())? {
        Ok(said) => Finding::new("executor", Level::Ok, format!("{site}: {said}")),
        Err(why) => Finding::new("executor", Level::Error, format!("{site}: {why}")).hinted(
            "no attempt can start there; docs/executors.md tells what is needed, and `[run] executor = \"local\"` \
             in your own configuration needs none of it",
        ),
    })
}
