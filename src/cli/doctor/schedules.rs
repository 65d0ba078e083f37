//! Schedules that cannot be used, or that nobody serves.

use camino::Utf8Path;

use super::{Finding, Level};
use crate::base::text::count;
use crate::client::schedules::SchedulerLock;
use crate::config::Environment;
use crate::schedule::Schedules;
use crate::store::ProjectDir;

pub(super) fn look(env: &Environment, root: &Utf8Path, dir: &ProjectDir) -> Vec<Finding> {
    let home = env.home().map(Utf8Path::as_str);
    let all = Schedules::load(root, env.config_dir().as_deref(), home);
    let mut findings: Vec<Finding> = all
        .broken
        .iter()
        .map(|found| {
            let text = format!("{}:{}: {}", found.file, found.line, found.message);
            Finding::new("schedules", Level::Error, text).hinted(found.fix.clone())
        })
        .collect();
    if all.list.is_empty() {
        return findings;
    }
    let schedules = count(all.list.len(), "schedule");
    findings.push(match SchedulerLock::holder(dir) {
        Some(about) => Finding::new(
            "schedules",
            Level::Ok,
            format!("{schedules}, served by a scheduler{about}"),
        ),
        None => Finding::new(
            "schedules",
            Level::Note,
            format!("{schedules}, and no scheduler serves them now"),
        )
        .hinted("`crew scheduler` does, or `crew scheduler --once` from cron; docs/scheduling.md"),
    });
    findings
}
