//! `crew skill`: the skills that can be named here.

use clap::Args as ClapArgs;

use super::{Context, Exit, Result, resource};
use crate::resource::Kind;

/// List, show, check, make and edit skills.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(subcommand)]
    verb: resource::Verb,
}

/// Runs the verb.
///
/// # Errors
/// No such skill, or a file cannot be written.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    resource::run(Kind::Skill, &args.verb, context)
}
