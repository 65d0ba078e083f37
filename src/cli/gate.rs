//! `crew gate`: the gates of a run, what keeps them closed, and a person's writes into them.

use clap::{Args as ClapArgs, Subcommand};
use serde::Serialize;
use serde_json::{Map, Value};

use super::given::{Version, tell};
use super::style::Style;
use super::target::Target;
use super::{CliError, Context, Exit, Result, screen};
use crate::base::limits::JSON_SCHEMA;
use crate::base::text;
use crate::base::time::human_ms;
use crate::client::{find_gate, forbid_to_agents, give, view};
use crate::engine::{Caller, Command, Explanation, explain_gate, field_type, typed};
use crate::ledger::Ledger;
use crate::plan::Plan;
use crate::snapshot::GateRow;

/// List, show and write the gates of a run.
#[derive(Debug, ClapArgs)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the gates of a run: open or closed, why, and who may write them.
    List {
        /// The run: `5`, `#5`, `project#5`, `last` or a part of its name.
        run: String,
    },
    /// Show one gate: its fields, what was written by whom, and what keeps it closed.
    Show {
        /// The run, or `RUN/GATE`.
        run: String,
        /// The gate.
        gate: Option<String>,
    },
    /// Write into a gate as a person; only gates with the writer `human` take it.
    Write(Write),
}

#[derive(Debug, ClapArgs)]
struct Write {
    /// The run: `5`, `#5`, `project#5`, `last` or a part of its name.
    run: String,
    /// The gate.
    gate: String,
    /// What is written, as `field=value`; `crew gate show` lists the fields.
    #[arg(value_name = "FIELD=VALUE")]
    fields: Vec<String>,
    /// The same as one JSON object.
    #[arg(long, value_name = "JSON")]
    data: Option<String>,
    #[command(flatten)]
    version: Version,
}

#[derive(Serialize)]
struct ListJson<'a> {
    schema_version: u32,
    gates: &'a [GateRow],
}

#[derive(Serialize)]
struct ShowJson<'a> {
    schema_version: u32,
    #[serde(flatten)]
    row: &'a GateRow,
    fields: Vec<FieldJson<'a>>,
    evidence: &'a [crate::engine::Evidence],
    command: Option<&'a str>,
}

#[derive(Serialize)]
struct FieldJson<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    kind: String,
}

/// Runs the verb.
///
/// # Errors
/// There is no such run or gate, it cannot be read, or the write is refused.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    match &args.verb {
        Verb::List { run } => list(run, context),
        Verb::Show { run, gate } => show(run, gate.as_deref(), context),
        Verb::Write(args) => write(args, context),
    }
}

fn list(wanted: &str, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let (_, ledger) = context.run(&workspace, wanted)?;
    let view = view(&ledger, context.now);
    if context.json {
        context.write_json(&ListJson { schema_version: JSON_SCHEMA, gates: &view.gates })?;
    } else if view.gates.is_empty() {
        context.say(&format!("run #{} has no gates", view.run.number))?;
    } else {
        let style = Style::of(context, &workspace.config);
        screen::gates(&view.gates, &style, &mut context.out)?;
    }
    context.check_health(&ledger, Exit::Ok)
}

fn show(wanted: &str, gate: Option<&str>, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    let (run, inside) = crate::client::split_task(wanted);
    let name = inside.or(gate).ok_or_else(|| {
        CliError::usage("no gate is named").hinted(format!("`crew gate list {run}` lists them"))
    })?;
    let (_, ledger) = context.run(&workspace, run)?;
    let gate = find_gate(ledger.state(), name)?;
    let rows = GateRow::all(ledger.state());
    let why = explain_gate(ledger.state(), context.now, name);
    let (Some(row), Some(why)) = (rows.iter().find(|row| row.id == name), why) else {
        return Err(CliError::new(Exit::NotFound, "not_found", format!("no gate `{name}`")));
    };
    let fields: Vec<FieldJson<'_>> =
        gate.fields.iter().map(|(name, kind)| FieldJson { name, kind: kind.to_string() }).collect();
    if context.json {
        context.write_json(&ShowJson {
            schema_version: JSON_SCHEMA,
            row,
            fields,
            evidence: &why.evidence,
            command: why.command.as_deref(),
        })?;
        return context.check_health(&ledger, Exit::Ok);
    }
    let style = Style::of(context, &workspace.config);
    write_gate(&ledger, row, &fields, &why, &style, context)?;
    context.check_health(&ledger, Exit::Ok)
}

fn write_gate(
    ledger: &Ledger,
    row: &GateRow,
    fields: &[FieldJson<'_>],
    why: &Explanation,
    style: &Style,
    context: &mut Context,
) -> Result<()> {
    let out = &mut context.out;
    let subject = format!("{}/{}", ledger.state().reference(), row.id);
    let word = style.paint(row.class(), row.word());
    writeln!(out, "{} {}  {word}", style.glyph(row.class()), style.bold(&subject))?;
    let mut fact = |name: &str, value: &str| {
        let value = text::one_line(&style.text(value), 400);
        writeln!(out, "  {} {value}", style.dim(&format!("{name:<9}")))
    };
    if !row.description.is_empty() {
        fact("for", &row.description)?;
    }
    if let Some(reason) = &row.reason {
        fact("closed", reason)?;
    }
    if row.store != row.id {
        fact("store", &row.store)?;
    }
    for field in fields {
        fact("field", &format!("{}: {}", field.name, field.kind))?;
    }
    for evidence in &why.evidence {
        let age = evidence.age_ms.map(|ms| format!(", {} ago", human_ms(ms))).unwrap_or_default();
        fact(evidence.source, &format!("{}{age}", evidence.text))?;
    }
    if let Some(command) = &why.command {
        fact("next", command)?;
    }
    Ok(())
}

fn write(args: &Write, context: &mut Context) -> Result<Exit> {
    let workspace = context.workspace()?;
    forbid_to_agents(&workspace.env, "gate write")?;
    let run = Target::find_run(&workspace, &args.run)?;
    let ledger = workspace.run(run)?;
    let data = data_of(ledger.state().plan(), args)?;
    let by = Caller::Human(workspace.env.user().unwrap_or("unknown").to_owned());
    let command = Command::WriteGate { gate: args.gate.clone(), data, by };
    let given = give(&workspace, run, command, args.version.expect_version, context.now)?;
    let ledger = workspace.run(run)?;
    let rows = GateRow::all(ledger.state());
    let row = rows.iter().find(|row| row.id == args.gate || row.store == args.gate);
    let how = match row.map(|row| (row.open, &row.reason)) {
        Some((false, Some(reason))) => format!("it is closed: {reason}"),
        Some((true, _) | (_, None)) | None => "it is open".to_owned(),
    };
    let status = given.status.kind().as_str();
    let line = if given.records.is_empty() {
        format!("gate `{}` holds that already; {how}", args.gate)
    } else {
        format!("gate `{}` is written; {how}; run #{run} is {status}", args.gate)
    };
    tell(context, &given, &line)?;
    Ok(Exit::Ok)
}

/// What is to be written, with the types that the gate declares.
fn data_of(plan: &Plan, args: &Write) -> Result<Map<String, Value>> {
    let mut data = match &args.data {
        None => Map::new(),
        Some(text) => serde_json::from_str(text).map_err(|error| {
            CliError::usage(format!("`--data` is no JSON object: {error}"))
                .hinted(r#"write it like `--data '{"approved": true}'`"#)
        })?,
    };
    for word in &args.fields {
        let Some((field, value)) = word.split_once('=').filter(|(field, _)| !field.is_empty())
        else {
            return Err(CliError::usage(format!("`{word}` is not `field=value`")));
        };
        let kind = field_type(plan, &args.gate, field);
        if data.insert(field.to_owned(), typed(kind, value)).is_some() {
            return Err(CliError::usage(format!("`{field}` is written twice")));
        }
    }
    if data.is_empty() {
        return Err(
            CliError::usage("nothing is written").hinted("give `field=value` or `--data JSON`")
        );
    }
    Ok(data)
}
