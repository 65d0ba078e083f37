//! The arguments of `crew drive`.

use camino::Utf8PathBuf;
use clap::Parser;

use crate::agent::live::Protocol;
use crate::base::flow::Permission;

/// Runs a program that takes input while it works; the prompt comes on standard input.
#[derive(Debug, Parser)]
#[command(name = "crew drive")]
pub(super) struct Args {
    /// Protocol of the program: claude, pi, codex or acp.
    #[arg(value_parser = protocol)]
    pub(super) protocol: Protocol,
    /// Folder of the attempt, with `live.jsonl`.
    #[arg(long, value_name = "FOLDER")]
    pub(super) attempt: Utf8PathBuf,
    /// How requests for permission are answered: plan, ask, edit or full.
    #[arg(long, default_value = "ask", value_parser = consent)]
    pub(super) permission: Permission,
    /// The program is held to that by its arguments or variables.
    #[arg(long)]
    pub(super) held: bool,
    /// Session to go on with.
    #[arg(long, value_name = "ID")]
    pub(super) session: Option<String>,
    /// Model to ask for.
    #[arg(long, value_name = "NAME")]
    pub(super) model: Option<String>,
    /// MCP servers that the program is given.
    #[arg(long, value_name = "FILE")]
    pub(super) mcp: Option<Utf8PathBuf>,
    /// Milliseconds that a request waits for a person.
    #[arg(long, value_name = "MS", default_value_t = 60_000)]
    pub(super) hold_ms: u64,
    /// The program and its arguments.
    #[arg(last = true, required = true)]
    pub(super) command: Vec<String>,
}

fn protocol(word: &str) -> Result<Protocol, String> {
    Protocol::from_word(word).ok_or_else(|| "known are claude, pi, codex and acp".to_owned())
}

fn consent(word: &str) -> Result<Permission, String> {
    let known = Permission::WORDS.iter().find(|(name, _)| *name == word);
    known.map(|(_, level)| *level).ok_or_else(|| "known are plan, ask, edit and full".to_owned())
}
