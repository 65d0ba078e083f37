//! `crew man`: manual pages.

use camino::Utf8PathBuf;
use clap::{Args as ClapArgs, CommandFactory};

use super::{Cli, Context, Exit, Result};
use crate::base::path::PathContext;

/// Print the manual page, or write the pages of all commands into a folder.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The folder, such as `~/.local/share/man/man1`; it is made when it is missing.
    dir: Option<Utf8PathBuf>,
}

/// Runs the verb.
///
/// # Errors
/// A page cannot be written.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    match &args.dir {
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut page)?;
            context.out.write_all(&page)?;
        }
        Some(dir) => {
            std::fs::create_dir_all(dir).at("cannot create", dir)?;
            clap_mangen::generate_to(Cli::command(), dir).at("cannot write into", dir)?;
            context.say(&format!(
                "the manual pages are in `{dir}`; `man -l {dir}/crew.1` shows one"
            ))?;
        }
    }
    Ok(Exit::Ok)
}
