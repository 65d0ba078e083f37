//! The command line as a whole: global flags and the list of verbs.

use camino::Utf8PathBuf;
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::{
    agent, answer, approve, archive, completions, config, decisions, demo, discard, doctor, init,
    man, merge, pause, recommend, reject, reopen, request_changes, resume, retry, run, runtime,
    send, skill, stop, suggest, team, trust, workflow,
};

/// Runs teams of coding agents through Markdown workflows.
#[derive(Debug, Parser)]
#[command(name = "crew", version, propagate_version = true, disable_help_subcommand = true)]
pub struct Cli {
    /// Flags of every verb.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// Flags that every verb has.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// Work on the project of this folder.
    #[arg(long, global = true, value_name = "DIR")]
    pub project: Option<Utf8PathBuf>,
    /// Print JSON (stable, documented).
    #[arg(long, global = true)]
    pub json: bool,
    /// Do not ask; take the documented default.
    #[arg(short, long, global = true)]
    pub yes: bool,
    /// Print only data and errors.
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Do not start supervisors that runs have lost.
    #[arg(long, global = true)]
    pub no_recover: bool,
    /// When to colour.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
    /// Never colour; the same as `--color never`.
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Log to standard error; twice for more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Everything that crew can do.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "the help text of each stands at its arguments")]
pub enum Verb {
    Agent(agent::Args),
    Answer(answer::Args),
    Approve(approve::Args),
    Archive(archive::Args),
    /// List the files that a run's tasks produced, or print one.
    Artifacts(super::artifacts::Args),
    Attach(super::attach::Args),
    /// Tell what happened while you were away, and what waits for you.
    Brief(super::brief::Args),
    Chat(super::chat::Args),
    Completions(completions::Args),
    Config(config::Args),
    Deadletter(super::deadletter::Args),
    Decisions(decisions::Args),
    Demo(demo::Args),
    Diff(super::diff::Args),
    Discard(discard::Args),
    Doctor(doctor::Args),
    /// Print a run's event log.
    Events(super::events::Args),
    Export(super::export::Args),
    Forget(super::forget::Args),
    Gate(super::gate::Args),
    Import(super::import::Args),
    Inbox(super::inbox::Args),
    Init(init::Args),
    /// Print what a run's agents said and did.
    Logs(super::logs::Args),
    /// List runs, the newest first.
    Ls(super::ls::Args),
    Mailbox(super::mailbox::Args),
    Man(man::Args),
    Merge(merge::Args),
    Mcp(super::mcp::Args),
    Metrics(super::metrics::Args),
    Pause(pause::Args),
    Prune(super::prune::Args),
    Recommend(recommend::Args),
    Reject(reject::Args),
    Reopen(reopen::Args),
    /// Show a run as it was at an earlier moment.
    Replay(super::replay::Args),
    RequestChanges(request_changes::Args),
    Resume(resume::Args),
    Retry(retry::Args),
    Run(Box<run::Args>),
    Runtime(runtime::Args),
    Salvage(super::salvage::Args),
    Scheduler(super::scheduler::Args),
    Send(send::Args),
    /// Show what a run is: its goal, plan, tasks and files.
    Show(super::show::Args),
    Skill(skill::Args),
    /// Show a run on one screen, or the runs that live or need somebody.
    Status(super::status::Args),
    Stop(stop::Args),
    Suggest(suggest::Args),
    Team(team::Args),
    /// Tell a run's story, one line for each thing that happened.
    Timeline(super::timeline::Args),
    Tool(super::tool::Args),
    Trust(trust::Args),
    Undo(super::undo::Args),
    Uninstall(super::uninstall::Args),
    Usage(super::usage::Args),
    /// Check that a run's files are whole.
    Verify(super::verify::Args),
    /// Wait until a run ends or needs somebody.
    Wait(super::wait::Args),
    /// Explain why a run, a task or a gate is in its state.
    Why(super::why::Args),
    Workflow(workflow::Args),
    #[command(external_subcommand)]
    Goal(Vec<String>),
}

impl Verb {
    /// Whether the verb opens the project's runs, so that those which nobody drives are looked after (SPEC section 14).
    ///
    /// Not the verbs that have nothing to do with runs, nor those that see to it themselves or only for agents.
    pub fn opens_runs(&self) -> bool {
        !matches!(
            self,
            Self::Agent(_)
                | Self::Chat(_)
                | Self::Completions(_)
                | Self::Config(_)
                | Self::Demo(_)
                | Self::Doctor(_)
                | Self::Init(_)
                | Self::Man(_)
                | Self::Mcp(_)
                | Self::Recommend(_)
                | Self::Runtime(_)
                | Self::Scheduler(_)
                | Self::Skill(_)
                | Self::Team(_)
                | Self::Tool(_)
                | Self::Trust(_)
                | Self::Uninstall(_)
                | Self::Workflow(_)
        )
    }
}
