//! `lint`: everything that is wrong with resources, each finding at its line.

use camino::Utf8Path;
use serde::Serialize;

use super::entry::{Entry, merged, team_of};
use crate::base::limits::{JSON_SCHEMA, RESOURCE_BYTES_MAX};
use crate::base::text;
use crate::cli::{Context, Exit, Result};
use crate::resource::{Catalog, Diagnostic, Kind, Severity, agent, lint, skill, team, workflow};
use crate::store::files::read_text_capped;

#[derive(Serialize)]
struct FindingJson<'a> {
    file: &'a str,
    line: u32,
    column: u32,
    severity: String,
    message: &'a str,
    fix: &'a str,
}

#[derive(Serialize)]
struct Json<'a> {
    schema_version: u32,
    checked: usize,
    findings: Vec<FindingJson<'a>>,
}

pub(super) fn run(
    kind: Kind,
    names: &[String],
    catalog: &Catalog,
    context: &mut Context,
) -> Result<Exit> {
    let (checked, found) = findings(kind, names, catalog)?;
    tell(context, kind, checked, &found)?;
    let is_bad = found.iter().any(Diagnostic::is_error);
    Ok(if is_bad { Exit::Invalid } else { Exit::Ok })
}

fn findings(kind: Kind, names: &[String], catalog: &Catalog) -> Result<(usize, Vec<Diagnostic>)> {
    let mut found = Vec::new();
    if !names.is_empty() {
        for name in names {
            found = merged(found, of_one(kind, name, catalog)?);
        }
        return Ok((names.len(), found));
    }
    let all = catalog.names(kind);
    for name in &all {
        found = merged(found, Entry::find(kind, name, catalog)?.diagnostics);
    }
    // Files that could not be read, or lost against another of their name, have no entry.
    let folder = kind.folder();
    let of_kind =
        |finding: &Diagnostic| finding.file.components().any(|part| part.as_str() == folder);
    let others = catalog.diagnostics().into_iter().filter(of_kind).collect();
    Ok((all.len(), merged(found, others)))
}

/// A file when the text looks like a path, else a name.
fn of_one(kind: Kind, wanted: &str, catalog: &Catalog) -> Result<Vec<Diagnostic>> {
    let path = Utf8Path::new(wanted);
    if !wanted.contains('/') && path.extension() != Some("md") {
        return Ok(Entry::find(kind, wanted, catalog)?.diagnostics);
    }
    let text = read_text_capped(path, RESOURCE_BYTES_MAX)?;
    Ok(match kind {
        Kind::Agent => {
            let (file, found) = agent::parse(path, &text);
            merged(found, lint::agent(&file, catalog))
        }
        Kind::Team => {
            let (file, found) = team::parse(path, &text);
            merged(found, lint::team(&file, catalog))
        }
        Kind::Workflow => {
            let (file, found) = workflow::parse(path, &text);
            merged(found, lint::workflow(&file, team_of(&file, catalog), catalog))
        }
        Kind::Skill => {
            let (file, found) = skill::parse(path, &text);
            merged(found, lint::skill(&file))
        }
    })
}

/// Prints findings, and how many there are.
pub(super) fn tell(
    context: &mut Context,
    kind: Kind,
    checked: usize,
    found: &[Diagnostic],
) -> Result<()> {
    if context.json {
        let findings = found.iter().map(|finding| FindingJson {
            file: finding.file.as_str(),
            line: finding.line,
            column: finding.column,
            severity: finding.severity.to_string(),
            message: &finding.message,
            fix: &finding.fix,
        });
        let findings = findings.collect();
        return context.write_json(&Json { schema_version: JSON_SCHEMA, checked, findings });
    }
    for finding in found {
        writeln!(context.out, "{finding}")?;
    }
    let errors = found.iter().filter(|finding| finding.is_error()).count();
    let warnings = found.iter().filter(|finding| finding.severity == Severity::Warning).count();
    context.say(&format!(
        "{}: {}, {}",
        text::count(checked, kind.as_str()),
        text::count(errors, "error"),
        text::count(warnings, "warning")
    ))
}
