//! The arguments of `crew rehearse`.

use camino::Utf8PathBuf;
use clap::Parser;

/// Plays a role without a model, for demonstrations and tests.
///
/// Reads its task from the variables that crew gives every agent (`CREW_TASK`, `CREW_ROLE`,
/// `CREW_WORKTREE`, `CREW_ATTEMPT_NUMBER`, …) and prints lines of the `crew` output format.
#[derive(Debug, Parser)]
#[command(name = "crew rehearse")]
pub(super) struct Args {
    /// File with the prompt.
    #[arg(long, value_name = "FILE", required_unless_present = "linger")]
    pub(super) prompt: Option<Utf8PathBuf>,
    /// Script: a file, a folder with `*.toml` files, or `@demo`.
    #[arg(long, value_name = "FILE")]
    pub(super) script: Option<Utf8PathBuf>,
    /// Role to play; the task's own role unless given.
    #[arg(long)]
    pub(super) role: Option<String>,
    /// Speed: 2 halves every pause, 0 leaves them out.
    #[arg(allow_negative_numbers = true, long, default_value_t = 1.0)]
    pub(super) speed: f64,
    /// Session to go on with.
    #[arg(long, value_name = "ID")]
    pub(super) session: Option<String>,
    /// Be the process that a play leaves behind, for so many milliseconds.
    #[arg(long, value_name = "MS", hide = true)]
    pub(super) linger: Option<u64>,
    /// With `--linger`: leave the session of the agent.
    #[arg(long, hide = true)]
    pub(super) own_session: bool,
    /// With `--linger`: ignore signals that can be ignored.
    #[arg(long, hide = true)]
    pub(super) ignore_signals: bool,
}
