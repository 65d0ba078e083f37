//! `crew agent`: the agents that can be named here.

use clap::{Args as ClapArgs, Subcommand};

use super::{Context, Exit, Result, resource};
use crate::resource::Kind;

/// List, show, check, make and edit agents.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    #[command(flatten)]
    Common(resource::Verb),
    /// Show the file of one.
    Show {
        /// Its name.
        name: String,
    },
}

/// Runs the verb.
///
/// # Errors
/// No such agent, or a file cannot be written.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    match &args.verb {
        Verb::Show { name } => resource::show(Kind::Agent, name, context),
        Verb::Common(verb) => resource::run(Kind::Agent, verb, context),
    }
}
