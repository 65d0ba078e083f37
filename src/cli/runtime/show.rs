//! `crew runtime show`: one runtime, as it would be started.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Told, abilities, all, ask_versions, login_of, login_words, not_found, spec_of, stray_keys,
};
use crate::agent::RuntimeSpec;
use crate::base::flow::Permission;
use crate::base::limits::JSON_SCHEMA;
use crate::cli::{CliError, Context, Exit, Result};
use crate::client::Workspace;
use crate::launch::login::Login;

#[derive(Serialize)]
struct ShowJson<'a> {
    schema_version: u32,
    runtime: &'a Told,
    command: &'a [String],
    resume: &'a [String],
    attach: &'a [String],
    interactive: &'a [String],
    prompt: &'static str,
    output: &'static str,
    transport: &'static str,
    env: &'a [String],
    model: &'a [String],
    mcp: &'a [String],
    permissions: BTreeMap<&'static str, Vec<String>>,
    keys: &'a [String],
    login: &'static str,
    can: Vec<String>,
}

/// Runs the verb.
///
/// # Errors
/// There is no such runtime.
pub(super) fn run(workspace: &Workspace, name: &str, context: &mut Context) -> Result<Exit> {
    let config = &workspace.config;
    let mut all = all(config);
    let Some(at) = all.iter().position(|told| told.name == name) else {
        return Err(not_found(&all, name));
    };
    ask_versions(config, &mut all[at..=at]);
    let told = &all[at];
    let spec = spec_of(config, name).map_err(CliError::invalid)?;
    let login = if told.usable {
        login_of(config, &workspace.env, &workspace.found.root, &spec)
    } else {
        Login::Unknown
    };
    let none: &[String] = &[];
    let json = ShowJson {
        schema_version: JSON_SCHEMA,
        runtime: told,
        command: &spec.command,
        resume: spec.resume.as_deref().unwrap_or(none),
        attach: &spec.attach,
        interactive: &spec.interactive,
        prompt: spec.prompt.word(),
        output: spec.output.word(),
        transport: if spec.live.is_some() { "live" } else { "headless" },
        env: &spec.env,
        model: &spec.model,
        mcp: &spec.mcp,
        permissions: levels(&spec),
        keys: &spec.keys,
        login: login.word(),
        can: abilities(&spec),
    };
    if context.json {
        context.write_json(&json)?;
        return Ok(Exit::Ok);
    }
    writeln!(context.out, "{name}")?;
    for (key, value) in rows(workspace, told, &spec, login) {
        writeln!(context.out, "  {key:<9} {value}")?;
    }
    Ok(Exit::Ok)
}

fn rows(
    workspace: &Workspace,
    told: &Told,
    spec: &RuntimeSpec,
    login: Login,
) -> Vec<(String, String)> {
    let mut rows = vec![("kind".to_owned(), told.kind.to_owned())];
    let mut row = |key: &str, value: String| {
        if !value.is_empty() {
            rows.push((key.to_owned(), value));
        }
    };
    row("program", told.path.as_ref().map_or("not found", |path| path.as_str()).to_owned());
    row("version", told.version.clone().unwrap_or_default());
    row("login", login_words(login, spec));
    row("command", shown(&spec.command));
    row("resume", shown(spec.resume.as_deref().unwrap_or_default()));
    row("attach", attach_words(spec));
    row("model", shown(&spec.model));
    row("mcp", shown(&spec.mcp));
    row("mcp set", spec.mcp_set.keys().cloned().collect::<Vec<_>>().join(" "));
    for (level, words) in &levels(spec) {
        row(level, shown(words));
    }
    row("transport", if spec.live.is_some() { "live" } else { "headless" }.to_owned());
    row("prompt", spec.prompt.word().to_owned());
    row("output", spec.output.word().to_owned());
    row("env", spec.env.join(" "));
    row(
        "set",
        spec.set
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join(" "),
    );
    for note in stray_keys(&workspace.config, &workspace.env, spec) {
        row("key", note);
    }
    row("can", abilities(spec).join(", "));
    if told.note != abilities(spec).join(", ") {
        row("note", told.note.clone());
    }
    rows
}
fn levels(spec: &RuntimeSpec) -> BTreeMap<&'static str, Vec<String>> {
    let grant = |level: Permission| {
        let grant = spec.permissions.grant(&spec.name, level).ok().flatten()?;
        let set = grant.set.iter().map(|(name, value)| format!("{name}={value}"));
        Some((level.as_str(), set.chain(grant.args.iter().cloned()).collect()))
    };
    spec.permissions.levels().filter_map(grant).collect()
}

/// How a person opens a session of it, and why there is none where that cannot be.
fn attach_words(spec: &RuntimeSpec) -> String {
    let none = "a shell in the task's folder:";
    match (spec.attach.is_empty(), spec.can_resume()) {
        (false, true) => shown(&spec.attach),
        (false, false) => format!("{none} its attempts tell no session that could be opened"),
        (true, true) => format!(
            "{none} how its sessions are opened in a terminal is not known (`attach = […]` tells it)"
        ),
        (true, false) => format!("{none} it has no sessions"),
    }
}

/// Words as a shell would take them.
fn shown(words: &[String]) -> String {
    let quoted: Vec<String> = words
        .iter()
        .map(|word| {
            let is_plain = !word.is_empty()
                && word.chars().all(|c| c.is_alphanumeric() || "-_./={}:,@+".contains(c));
            if is_plain { word.clone() } else { format!("'{}'", word.replace('\'', "'\\''")) }
        })
        .collect();
    quoted.join(" ")
}
