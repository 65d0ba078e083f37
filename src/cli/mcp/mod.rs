//! `crew mcp`: the same verbs over the Model Context Protocol, on standard input and output.

mod agent;
mod outer;
mod server;

use clap::Args as ClapArgs;
use rmcp::ServiceExt;
use rmcp::transport::io::stdio_pipes;

use super::{CliError, Context, Exit, Result};
use crate::clock::Clock;
use server::{Offer, Server};

/// Serve crew's tools over MCP on standard input and output.
///
/// For any MCP client, such as an interactive session of claude, codex or opencode: start runs, follow them, write to
/// them. What a person has to decide is shown and never decided.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Serve what an agent can do inside its attempt; crew itself gives this server to agents.
    #[arg(long)]
    agent: bool,
}

/// Serves until the client closes its end.
///
/// # Errors
/// The streams cannot be used.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let server = if args.agent {
        let clock = Clock::start();
        Server::new(Offer::Agent(agent::Agent::new(context.env.clone(), clock)))
    } else {
        let crew = crate::launch::program()
            .ok_or_else(|| {
                CliError::new(Exit::Io, "io", "cannot tell the path of the crew program")
            })?
            .into_std_path_buf();
        let project = context.project_flag.clone();
        Server::new(Offer::Outer(outer::Outer::new(crew, context.cwd.clone(), project)))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        match server.serve(stdio_pipes()).await {
            Ok(running) => running.waiting().await.map(drop).map_err(|error| error.to_string()),
            // A client that goes before it has said anything is no fault of anybody.
            Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    });
    // A question may still be held; nobody is there to hear its answer.
    runtime.shutdown_background();
    outcome.map_err(|error| CliError::new(Exit::Io, "mcp", error))?;
    Ok(Exit::Ok)
}
