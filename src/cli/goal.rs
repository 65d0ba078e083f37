//! `crew GOAL-TEXT`: a goal that is typed without a verb.

use clap::CommandFactory;

use super::args::Cli;
use super::context::Context;
use super::exit::Exit;
use super::report::Result;
use crate::resource::recommend;

/// `crew fix the login bug`: text that begins like a goal starts a run, anything else is a slip.
///
/// # Errors
/// It is no goal, or no run can be started.
pub fn run(words: &[String], context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let intents = &workspace.config.defaults.intent;
    let text = words.join(" ");
    if !super::intent::is_goal(&text, intents) {
        let verbs = Cli::command();
        let names: Vec<&str> = verbs.get_subcommands().map(clap::Command::get_name).collect();
        let word = words.first().map_or("", String::as_str);
        return Err(super::intent::unknown_verb(word, names, intents));
    }
    let proposed = recommend(&text, &workspace.catalog());
    for reason in &proposed.reasons {
        context.say(&format!("note: {reason}"))?;
    }
    let args = super::run::Args {
        goal: vec![text],
        team: Some(proposed.team),
        workflow: Some(proposed.workflow),
        ..super::run::Args::default()
    };
    super::run::run(&args, context)
}
