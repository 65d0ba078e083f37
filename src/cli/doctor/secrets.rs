//! `crew doctor --secrets RUN`: which files of a run hold something that looks like a secret. Never what it is.

use std::io::Read;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Finding, Level};
use crate::base::path::PathContext;
use crate::base::{PathError, limits, redact, text};
use crate::store::{RunDir, files};

const CHECK: &str = "secrets";
/// Places that are named; whoever has more than these has one problem.
const SHOWN_MAX: usize = 200;
/// What agents printed: it is kept as it came, and without its secrets wherever it is shown.
const OUTPUT: [&str; 2] = ["stdout.jsonl", "stderr.log"];

/// Looks through every file of a run.
pub(super) fn look(dir: &RunDir) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut count = 0;
    for path in all_files(dir.path()) {
        let shown = path.strip_prefix(dir.path()).unwrap_or(&path);
        count += 1;
        match secrets_of(&path) {
            Ok(found) => findings.extend(found.into_iter().map(|(line, kind)| {
                let is_output = OUTPUT.contains(&shown.file_name().unwrap_or_default());
                let level = if is_output { Level::Note } else { Level::Error };
                Finding::new(
                    CHECK,
                    level,
                    format!("{}:{line}: {kind}", text::printable(shown.as_str())),
                )
            })),
            Err(error) => findings.push(Finding::new(CHECK, Level::Warning, error.to_string())),
        }
    }
    let left = findings.len().saturating_sub(SHOWN_MAX);
    findings.sort_by_key(|finding| finding.level == Level::Note);
    findings.truncate(SHOWN_MAX);
    if left > 0 {
        findings.push(Finding::new(CHECK, Level::Error, format!("{left} more")));
    }
    findings.push(summary(&findings, count, dir.path()));
    findings
}

fn summary(findings: &[Finding], files: usize, dir: &Utf8Path) -> Finding {
    let leaks = findings.iter().filter(|found| found.level == Level::Error).count();
    let files = text::count(files, "file");
    if leaks > 0 {
        let text = format!("{} in {files}", text::count(leaks, "place"));
        let hint = format!("change what leaked where it was issued; the files are below `{dir}`");
        return Finding::new(CHECK, Level::Error, text).hinted(hint);
    }
    let is_printed = findings.iter().any(|found| found.level == Level::Note);
    let text = if is_printed {
        format!(
            "{files} looked through; secrets are only in what agents printed, which is shown without them"
        )
    } else {
        format!("{files} looked through, nothing found")
    };
    Finding::new(CHECK, Level::Ok, text)
}

/// Line and kind of each secret in a file; a file that is no text has none that could be found.
fn secrets_of(path: &Utf8Path) -> Result<Vec<(usize, &'static str)>, PathError> {
    let mut bytes = Vec::new();
    let file = files::open_read(path)?;
    let mut file = file.take(limits::BUNDLE_FILE_BYTES_MAX);
    file.read_to_end(&mut bytes).at("cannot read", path)?;
    let Ok(text) = String::from_utf8(bytes) else { return Ok(Vec::new()) };
    let (mut found, mut line, mut at) = (Vec::new(), 1, 0);
    for secret in redact::find(&text) {
        line += text[at..secret.from].matches('\n').count();
        at = secret.from;
        found.push((line, secret.kind));
    }
    if matches!(path.extension(), Some("jsonl" | "json")) {
        // In the texts of a line, too: a secret may stand behind escapes.
        for (number, line) in (1..).zip(text.lines()) {
            let is_found = found.iter().any(|(at, _)| *at == number);
            let value = serde_json::from_str::<serde_json::Value>(line).ok();
            if !is_found && value.is_some_and(|value| redact::redact_json(&value) != value) {
                found.push((number, "secret behind escapes"));
            }
        }
    }
    Ok(found)
}

/// Every regular file below a folder, following no link, in order.
fn all_files(folder: &Utf8Path) -> Vec<Utf8PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir_utf8().into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.into_path()),
                Ok(kind) if kind.is_file() => found.push(entry.into_path()),
                _ => {}
            }
        }
    }
    found.sort();
    found
}
