//! Runs that nobody looks after, or that cannot be read.

use super::fix::Fix;
use super::{Finding, Level};
use crate::launch::is_supervised;
use crate::ledger::Ledger;
use crate::store::{Project, ProjectDir};

pub(super) fn undriven(dir: &ProjectDir) -> Vec<Finding> {
    let runs = match Project::open(dir.clone()) {
        Ok(project) => project.runs().map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let runs = match runs {
        Ok(runs) => runs,
        Err(error) => return vec![Finding::new("runs", Level::Error, error)],
    };
    let mut findings = Vec::new();
    for number in &runs {
        match Ledger::open_checked(dir.run(*number)) {
            Err(error) => findings.push(
                Finding::new("runs", Level::Error, format!("run #{number}: {error}"))
                    .hinted(format!("`crew verify {number}` tells more")),
            ),
            Ok(ledger) => {
                if let Some(why) = &ledger.health().read_only {
                    let text = format!("run #{number} can only be read: {why}");
                    let hint = format!("`crew verify {number}` tells more");
                    findings.push(Finding::new("runs", Level::Error, text).hinted(hint));
                }
                let state = ledger.state();
                if !state.is_at_rest() && !is_supervised(ledger.dir()).unwrap_or(false) {
                    let status = state.status.kind().as_str();
                    let text = format!("run #{number} is {status}, and no supervisor drives it");
                    let hint = "any command that opens the project starts one, such as `crew status`; after a \
                                reboot only `crew scheduler` does so by itself";
                    let finding = Finding::new("runs", Level::Warning, text);
                    findings.push(finding.fixed_by(Fix::Drive).hinted(hint));
                }
            }
        }
    }
    if findings.is_empty() {
        let count = crate::base::text::count(runs.len(), "run");
        findings.push(Finding::new("runs", Level::Ok, format!("{count}, all looked after")));
    }
    findings
}
