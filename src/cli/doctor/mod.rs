//! `crew doctor`: looks for whatever may keep crew from working here, and says how to mend it.

mod executor;
mod fix;
mod leftovers;
mod notify;
mod project;
mod runs;
mod schedules;
mod secrets;
mod system;

use clap::Args as ClapArgs;
use serde::Serialize;

use self::fix::Fix;
use super::target::Target;
use super::{Context, Exit, Result};
use crate::base::Time;
use crate::base::limits::JSON_SCHEMA;
use crate::client::Workspace;
use crate::config::{Config, Overrides};
use crate::store::{ProjectDir, discover};

/// Look for what may keep crew from working here.
///
/// Exit code 5 when something needs to be mended.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Send a test notice in every way that is configured.
    #[arg(long)]
    pub notify: bool,
    /// Mend what can be mended without losing anything.
    #[arg(long)]
    pub fix: bool,
    /// Look for keys and tokens in the files of a run, and for nothing else; only their places are told.
    #[arg(long, value_name = "RUN")]
    pub secrets: Option<String>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing.
    Note,
    /// Works, but not as it was meant.
    Warning,
    /// Does not work.
    Error,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What one look found.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    level: Level,
    text: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    hint: String,
    /// `--fix` has mended it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    fixed: bool,
    #[serde(skip)]
    fix: Option<Fix>,
}

impl Finding {
    fn new(check: &'static str, level: Level, text: impl Into<String>) -> Self {
        Self { check, level, text: text.into(), hint: String::new(), fixed: false, fix: None }
    }

    /// It can be mended.
    fn fixed_by(mut self, fix: Fix) -> Self {
        self.hint = format!("`crew doctor --fix`: {}", fix.words());
        self.fix = Some(fix);
        self
    }

    /// Mends it, if that is possible.
    fn mend(&mut self, place: &Place, now: Time) {
        let Some(fix) = self.fix.take() else { return };
        match fix.apply(&place.dir, place.workspace.as_ref(), now) {
            Ok(()) => {
                (self.level, self.fixed) = (Level::Ok, true);
                self.hint.clear();
                self.text.push_str("; mended");
            }
            Err(why) => {
                self.level = Level::Error;
                self.hint = format!("this cannot be mended: {why}");
            }
        }
    }

    fn hinted(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

#[derive(Serialize)]
struct Json<'a> {
    schema_version: u32,
    version: &'static str,
    findings: &'a [Finding],
}

/// Runs the verb.
///
/// # Errors
/// The output is gone.
pub fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    let findings = match &args.secrets {
        Some(wanted) => {
            let workspace = context.workspace()?;
            let run = Target::find_run(&workspace, wanted)?;
            secrets::look(&workspace.dir.run(run))
        }
        None => look(args, context),
    };
    if context.json {
        let version = env!("CARGO_PKG_VERSION");
        context.write_json(&Json { schema_version: JSON_SCHEMA, version, findings: &findings })?;
    } else {
        for finding in &findings {
            let level = finding.level.as_str();
            writeln!(context.out, "{level:<8} {:<10} {}", finding.check, finding.text)?;
            for line in finding.hint.lines() {
                writeln!(context.out, "{:20}hint: {line}", "")?;
            }
        }
    }
    let is_bad = findings.iter().any(|found| matches!(found.level, Level::Warning | Level::Error));
    Ok(if is_bad { Exit::Invalid } else { Exit::Ok })
}

/// Where is looked, once it is known.
struct Place {
    dir: ProjectDir,
    /// The project with its configuration, where that can be used.
    workspace: Option<Workspace>,
}

fn look(args: &Args, context: &Context) -> Vec<Finding> {
    let mut findings = vec![
        Finding::new("crew", Level::Ok, format!("version {}", env!("CARGO_PKG_VERSION"))),
        system::git(),
    ];
    let found = match discover(&context.cwd, context.project_flag.as_deref()) {
        Ok(found) => found,
        Err(error) => {
            findings.push(Finding::new("project", Level::Error, error.to_string()));
            return findings;
        }
    };
    let loaded = Config::load(&context.env, Some(&found.root), &Overrides::default());
    let config = &loaded.config;
    let dir = ProjectDir::new(
        found.root.clone(),
        config.state_dir(&found.root),
        config.worktrees_dir(&found.root),
    );
    findings.push(project::found(&found));
    findings.extend(project::config(&loaded));
    findings.extend(project::resources(&context.env, &found.root));
    findings.push(project::trust(&context.env, &found.root, config));
    findings.extend(system::state(&dir));
    findings.extend(executor::look(context, config, &dir));
    findings.extend(system::runtimes(config, &context.env, &found.root));
    let test = args.notify.then_some(context.now);
    findings.extend(notify::look(config, &context.env, &found.root, test));
    findings.extend(schedules::look(&context.env, &found.root, &dir));
    findings.extend(runs::undriven(&dir));
    let place = Place { workspace: context.workspace().ok(), dir };
    findings.extend(leftovers::look(&place.dir, place.workspace.as_ref(), context.now));
    if args.fix {
        for finding in &mut findings {
            finding.mend(&place, context.now);
        }
    }
    findings
}
