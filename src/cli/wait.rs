//! `crew wait`: until a run ends or needs somebody.

use super::context::Context;
use super::exit::Exit;
use super::json::StatusDocument;
use super::ls::Wanted;
use super::report::{CliError, Result};
use super::screen;
use crate::base::text;
use crate::base::time::parse_ms;
use crate::client::{Follower, view};
use crate::ledger::Ledger;

/// Wait until a run ends or needs somebody.
///
/// Ends with the exit code that tells how the run stands: 0 done, 1 failed, blocked or cancelled,
/// 3 not yet (after `--timeout`), 4 waiting for a person or paused, 10 a draft.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run: its number, `last`, or a part of its slug.
    pub run: String,
    /// Wait for this status instead; exit code 0 once it is reached.
    #[arg(long, value_name = "STATUS")]
    pub until: Option<String>,
    /// Wait no longer than this: `90s`, `20m`.
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<String>,
}

/// Runs the verb.
///
/// # Errors
/// There is no such run or status, or the log cannot be read.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let until = args.until.as_deref().map(Wanted::parse).transpose()?;
    let timeout = args.timeout.as_deref().map(parse_ms).transpose();
    let timeout = timeout.map_err(|error| CliError::usage(error.to_string()))?;
    let workspace = context.workspace()?;
    let (_, mut ledger) = context.run(&workspace, &args.run)?;
    let deadline = timeout.map(|ms| context.now.plus_ms(ms));
    // Watched before the first look: what changes in between wakes.
    let follower = Follower::new([ledger.dir().events()]);
    ledger.refresh()?;
    loop {
        if let Some(exit) = reached(&ledger, until, context)? {
            return tell(&ledger, exit, context);
        }
        if ledger.health().damage.is_some() {
            return context.check_health(&ledger, Exit::Io);
        }
        let now = (context.clock)();
        let left = deadline.map_or(u64::MAX, |deadline| deadline.since_ms(now));
        if left == 0 {
            return tell(&ledger, Exit::Running, context);
        }
        context.look_after(&workspace)?;
        follower.wait(left);
        ledger.refresh()?;
    }
}

/// The exit code, when there is nothing more to wait for.
fn reached(ledger: &Ledger, until: Option<Wanted>, context: &mut Context) -> Result<Option<Exit>> {
    let status = &ledger.state().status;
    let exit = Exit::of_status(status);
    let Some(wanted) = until else {
        return Ok((exit != Exit::Running).then_some(exit));
    };
    if wanted.matches(&view(ledger, context.now).run) {
        return Ok(Some(Exit::Ok));
    }
    if !status.is_terminal() {
        return Ok(None);
    }
    let (number, word) = (ledger.state().created.number, status.kind().as_str());
    let text = format!("run #{number} is {word} and will not become {}", wanted.word());
    context.say(&text)?;
    Ok(Some(Exit::RunFailed))
}

fn tell(ledger: &Ledger, exit: Exit, context: &mut Context) -> Result<Exit> {
    context.now = (context.clock)();
    let view = view(ledger, context.now);
    if context.json {
        context.write_json(&StatusDocument::from(&view))?;
    } else {
        context.say(&format!("{} is {}", view.run.reference, view.run.status_words()))?;
        if exit == Exit::Waiting {
            for decision in &view.decisions {
                let asked = text::one_line(&text::printable(&decision.text), 200);
                let (about, command) = (screen::about(decision), decision.command(view.run.number));
                context.say(&format!("  {about}: {asked} (`{command}`)"))?;
            }
        }
    }
    context.check_health(ledger, exit)
}
