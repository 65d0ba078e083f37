//! `crew team`: the teams that can be named here.

use clap::{Args as ClapArgs, Subcommand};

use super::{Context, Exit, Result, resource};
use crate::resource::Kind;

/// List, show, check, make and edit teams.
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
/// No such team, or a file cannot be written.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    match &args.verb {
        Verb::Show { name } => resource::show(Kind::Team, name, context),
        Verb::Common(verb) => resource::run(Kind::Team, verb, context),
    }
}
