//! `crew team`: the teams that can be named here.

use clap::Args as ClapArgs;

use super::{Context, Exit, Result, resource};
use crate::resource::Kind;

/// List, show, check, make and edit teams.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(subcommand)]
    verb: resource::Verb,
}

/// Runs the verb.
///
/// # Errors
/// No such team, or a file cannot be written.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    resource::run(Kind::Team, &args.verb, context)
}
