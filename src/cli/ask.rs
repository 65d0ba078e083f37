//! Questions to the person at the terminal.

use std::io::{BufRead, Write};

use super::context::Context;
use super::report::{CliError, Result};

/// Asks whether to go on; `--yes` answers, and without a terminal the answer must be `--yes`.
///
/// # Errors
/// Nobody can be asked.
pub fn confirm(context: &mut Context, question: &str) -> Result<bool> {
    if context.yes {
        return Ok(true);
    }
    if !context.is_interactive() {
        return Err(CliError::refused(format!("{question} nobody can be asked here"))
            .hinted("`--yes` says yes"));
    }
    let answer = line(context, &format!("{question} [y/N] "))?;
    Ok(matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Asks for a line of text.
///
/// # Errors
/// The terminal is gone.
pub fn line(context: &mut Context, prompt: &str) -> Result<String> {
    write!(context.err, "{prompt}")?;
    context.err.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim().to_owned())
}
