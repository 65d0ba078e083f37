//! `crew completions`: scripts that let a shell complete commands and flags.

use clap::{Args as ClapArgs, CommandFactory, ValueEnum};

use super::{Cli, Context, Exit, Result};

/// Print the completion script of a shell.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// A shell that commands can be completed in.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    /// `source <(crew completions bash)`
    Bash,
    /// Put it into a folder of `$fpath` as `_crew`.
    Zsh,
    /// `crew completions fish | source`
    Fish,
    /// Save it and `source` it in `config.nu`.
    Nushell,
    /// `crew completions powershell | Out-String | Invoke-Expression`
    #[value(name = "powershell")]
    Pwsh,
}

/// Runs the verb.
///
/// # Errors
/// The output is gone.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    use clap_complete::{generate, shells};
    let mut command = Cli::command();
    let mut script = Vec::new();
    match args.shell {
        Shell::Bash => generate(shells::Bash, &mut command, "crew", &mut script),
        Shell::Zsh => generate(shells::Zsh, &mut command, "crew", &mut script),
        Shell::Fish => generate(shells::Fish, &mut command, "crew", &mut script),
        Shell::Pwsh => generate(shells::PowerShell, &mut command, "crew", &mut script),
        Shell::Nushell => {
            generate(clap_complete_nushell::Nushell, &mut command, "crew", &mut script);
        }
    }
    context.out.write_all(&script)?;
    Ok(Exit::Ok)
}
