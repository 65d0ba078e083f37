//! `crew agent`: the agents that can be named here.

use clap::Args as ClapArgs;

use super::{Context, Exit, Result, resource};
use crate::resource::Kind;

/// List, show, check, make and edit agents.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(subcommand)]
    verb: resource::Verb,
}

/// Runs the verb.
///
/// # Errors
/// No such agent, or a file cannot be written.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    resource::run(Kind::Agent, &args.verb, context)
}
