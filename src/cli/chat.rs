//! `crew chat`: the agent program's own interactive session, with crew's tools attached.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use camino::Utf8Path;
use clap::Args as ClapArgs;

use super::{CliError, Context, Exit, Result};
use crate::agent::{InvocationInput, RuntimeSpec, builtin};
use crate::base::flow::Permission;
use crate::base::path::PathContext;
use crate::client::plan::PlanError;
use crate::client::{Workspace, forbid_to_agents};
use crate::launch::Programs;
use crate::store::files::{Durability, write_atomic};

/// Open an agent program's own session, with crew's tools in it.
///
/// In that session you can ask for runs to be started, watched and explained. It decides nothing for you: approvals
/// stay with `crew approve` and its kin.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The runtime: one of the configuration with a `chat` command, or claude or codex.
    #[arg(short = 'a', long = "runtime", value_name = "RUNTIME")]
    runtime: Option<String>,
    /// The model that the session begins with.
    #[arg(short = 'm', long, value_name = "MODEL")]
    model: Option<String>,
}

/// Runs the verb.
///
/// # Errors
/// No program is found, or it cannot be started.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    forbid_to_agents(&workspace.env, "chat")?;
    let spec = choose(&workspace, args.runtime.as_deref())?;
    let folder = tempfile::Builder::new()
        .prefix("crew-chat-")
        .tempdir()
        .map_err(|error| CliError::new(Exit::Io, "io", format!("cannot make a folder: {error}")))?;
    let config = Utf8Path::from_path(folder.path())
        .ok_or_else(|| CliError::invalid("the folder for temporary files is not UTF-8"))?
        .join("mcp.json");
    let crew = crate::launch::program()
        .ok_or_else(|| CliError::new(Exit::Io, "io", "cannot tell the path of the crew program"))?;
    let root = &workspace.found.root;
    let servers = serde_json::json!({"mcpServers": {"crew": {
        "type": "stdio", "command": crew, "args": ["mcp", "--project", root],
    }}});
    write_atomic(&config, servers.to_string().as_bytes(), Durability::Quick)?;
    let task = "chat".parse().expect("a task name");
    let input = InvocationInput {
        crew: &crew,
        prompt_file: &config,
        prompt_text: "",
        worktree: root,
        task: &task,
        model: args.model.as_deref(),
        session: None,
        mcp_config: Some(&config),
        mcp_text: None,
        permission: Permission::Ask,
    };
    let words = spec
        .chat(&input)
        .map_err(|error| CliError::from_chain(Exit::Invalid, "runtime", &error))?;
    let Some((program, rest)) = words.split_first() else {
        return Err(CliError::invalid(format!(
            "runtime `{}` has no session of its own",
            spec.name
        ))
        .hinted(format!(
            "name its command: `chat = [\"{}\", …, \"{{mcp_config}}\"]` in `[runtimes.{}]`",
            spec.program(),
            spec.name
        )));
    };
    let status = Command::new(program)
        .args(rest)
        .current_dir(root)
        .envs(&spec.set)
        .status()
        .at("cannot start", Utf8Path::new(program))?;
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(Exit::Ok),
        (_, Some(_)) => Ok(Exit::Interrupted),
        _ => Ok(Exit::RunFailed),
    }
}

/// The runtime that is named, else the configured default, else the first that can chat here.
fn choose(workspace: &Workspace, name: Option<&str>) -> Result<RuntimeSpec> {
    let programs = Programs::of(&workspace.config, &std::collections::BTreeMap::new())
        .map_err(PlanError::Programs)?;
    let path = workspace.env.get("PATH").unwrap_or_default();
    let root = &workspace.found.root;
    let can_chat = |spec: &&RuntimeSpec| {
        (spec.chat.first())
            .is_some_and(|program| which::which_in(program, Some(path), root).is_ok())
    };
    if let Some(name) = name.or(workspace.config.defaults.runtime.as_deref()) {
        return match programs.get(name) {
            Ok(spec) => Ok(spec.clone()),
            Err(error) => Err(CliError::invalid(error.to_string()).hinted(error.hint())),
        };
    }
    let own = programs.names().filter(|name| !builtin::NAMES.contains(name));
    let mut all = own.chain(builtin::NAMES).filter_map(|name| programs.get(name).ok());
    all.find(can_chat).cloned().ok_or_else(|| {
        CliError::invalid("no program to chat with was found (looked for claude, codex)")
            .hinted("name one: `[runtimes.mytool]` with `chat = […]` in the user's configuration")
    })
}
