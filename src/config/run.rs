//! `[run]`: where the attempts of runs are executed, and how that place is reached.

use camino::Utf8PathBuf;

use super::build::Reader;
use super::check::place_of;
use super::model::Config;
use super::problem::Problem;
use crate::base::site::Site;

/// `[run]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    /// Where attempts run.
    pub executor: Site,
    /// Program and options that reach a host.
    pub ssh: Vec<String>,
    /// Options of `sbatch`.
    pub sbatch: Vec<String>,
    /// The crew program there; the path of this one when not set.
    pub program: Option<Utf8PathBuf>,
}

impl Run {
    pub(super) fn read(from: &Reader<'_>) -> Self {
        Self {
            // What it cannot be is an error of its own, and nothing starts then.
            executor: from.text("run.executor").parse().unwrap_or_default(),
            ssh: from.list("run.ssh"),
            sbatch: from.list("run.sbatch"),
            program: from.optional("run.program").map(Into::into),
        }
    }
}

/// What is wrong with it.
pub(super) fn check(config: &Config) -> Vec<Problem> {
    let mut problems = Vec::new();
    let written = config.rows().iter().find(|row| row.key == "run.executor");
    let written = written.and_then(|row| row.value.as_deref()).unwrap_or_default();
    if let Err(error) = written.trim_matches('"').parse::<Site>() {
        let place = place_of(config, &["run.executor"]);
        let what = format!("`run.executor`: {error}");
        problems.push(Problem::new(place, what).hinted("such as `executor = \"ssh:node7\"`"));
    }
    if config.run.program.as_ref().is_some_and(|program| !program.is_absolute()) {
        let place = place_of(config, &["run.program"]);
        let what = "`run.program` must be an absolute path: it is started in no folder of yours";
        problems.push(Problem::new(place, what).hinted("such as `program = \"/opt/crew/crew\"`"));
    }
    problems
}
