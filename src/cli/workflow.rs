//! `crew workflow`: the workflows that can be named here.

use clap::Args as ClapArgs;

use super::{Context, Exit, Result, resource};
use crate::resource::Kind;

/// List, show, check, make and edit workflows.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(subcommand)]
    verb: resource::Verb,
}

/// Runs the verb.
///
/// # Errors
/// No such workflow, or a file cannot be written.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    resource::run(Kind::Workflow, &args.verb, context)
}
