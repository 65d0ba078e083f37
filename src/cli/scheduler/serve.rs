//! The scheduler at work: schedules, queue, lost supervisors; then it sleeps until something is due.

use std::collections::BTreeSet;
use std::process::Child;

use camino::Utf8PathBuf;
use serde::Serialize;

use super::Args;
use super::wait::Wait;
use crate::base::limits::{JSON_SCHEMA, SCHEDULER_TICK_MS};
use crate::base::text::error_chain;
use crate::base::{RunNumber, Time};
use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::report::Result;
use crate::client::Workspace;
use crate::client::recover::recover;
use crate::client::schedules::{Happened, Kind, SchedulerLock, load, turn};
use crate::clock::Clock;
use crate::config::Overrides;

/// One project that is served.
struct Served {
    folder: Option<Utf8PathBuf>,
    slug: String,
    _lock: SchedulerLock,
    /// What stands in the way and was said already.
    said: BTreeSet<(String, Kind, String)>,
    /// Supervisors that were started here.
    children: Vec<Child>,
}

/// One line of the output.
#[derive(Serialize)]
struct Line<'a> {
    schema_version: u32,
    at: Time,
    project: &'a str,
    schedule: Option<&'a str>,
    event: &'a str,
    run: Option<RunNumber>,
    text: &'a str,
}

/// Serves the projects until the process is told to end.
pub(super) fn run(args: &Args, context: &mut Context) -> Result<Exit> {
    crate::client::forbid_to_agents(&context.env, "scheduler")?;
    let folders =
        std::iter::once(context.project_flag.clone()).chain(args.also.iter().cloned().map(Some));
    let mut served: Vec<Served> = Vec::new();
    for folder in folders {
        let workspace = open(context, folder.as_ref())?;
        crate::cli::warnings(&workspace, context)?;
        let lock = SchedulerLock::take(&workspace.dir, context.now)?;
        let slug = workspace.project()?.slug().to_owned();
        let (said, children) = (BTreeSet::new(), Vec::new());
        served.push(Served { folder, slug, _lock: lock, said, children });
    }
    let mut wait = Wait::new()?;
    loop {
        let (mut next, mut watched) = (None, Vec::new());
        for project in &mut served {
            // The wall clock, anew at every look: somebody may have set it, or the machine has slept.
            let now = Clock::start().now();
            let due = project.look(now, context, &mut watched)?;
            next = next.into_iter().chain(due).min();
        }
        context.out.flush()?;
        if args.once {
            return Ok(Exit::Ok);
        }
        wait.watch(&watched);
        let now = Clock::start().now();
        let until = next.map_or(SCHEDULER_TICK_MS, |next: Time| next.since_ms(now));
        if !wait.is_over() {
            // A moment longer than it takes: a time that is a fraction of a millisecond off is not due.
            wait.wait(until.saturating_add(1).min(SCHEDULER_TICK_MS))?;
        }
        if wait.is_over() {
            context.say("the scheduler ends; its runs go on")?;
            return Ok(Exit::Ok);
        }
    }
}

fn open(context: &Context, folder: Option<&Utf8PathBuf>) -> Result<Workspace> {
    let folder = folder.map(Utf8PathBuf::as_path);
    Ok(Workspace::open(context.env.clone(), &context.cwd, folder, &Overrides::default())?)
}

impl Served {
    /// One look at the project; returns when it is due next. What cannot be done now is tried at the next look.
    fn look(
        &mut self,
        now: Time,
        context: &mut Context,
        watched: &mut Vec<Utf8PathBuf>,
    ) -> Result<Option<Time>> {
        self.children.retain_mut(|child| !matches!(child.try_wait(), Ok(Some(_))));
        let workspace = match open(context, self.folder.as_ref()) {
            Ok(workspace) => workspace,
            Err(error) => {
                let text = error.causes.join(": ");
                self.tell_lasting(now, context, vec![trouble("configuration", text)])?;
                return Ok(None);
            }
        };
        watched.extend(load(&workspace).folders);
        watched.extend([workspace.dir.crew(), workspace.dir.state().to_owned()]);
        // There is what somebody trusts.
        watched.extend(workspace.env.user_state_dir());
        let mut lasting = Vec::new();
        let mut next = None;
        match turn(&workspace, now) {
            Ok(turn) => {
                self.children.extend(turn.children);
                next = turn.next;
                for happened in turn.happened {
                    if happened.kind.lasts() {
                        lasting.push(happened);
                    } else {
                        self.tell(now, context, &happened)?;
                    }
                }
            }
            Err(error) => lasting.push(trouble("schedules", error_chain(&error))),
        }
        match recover(&workspace, now) {
            Ok(report) => {
                self.children.extend(report.children);
                for number in report.promoted {
                    self.line(now, context, None, "running", Some(number), "left the queue")?;
                }
                for number in report.recovered {
                    let text = "had lost its supervisor and goes on";
                    self.line(now, context, None, "recovered", Some(number), text)?;
                }
                lasting.extend(report.problems.into_iter().map(|text| trouble("queue", text)));
            }
            Err(error) => lasting.push(trouble("queue", error_chain(&error))),
        }
        self.tell_lasting(now, context, lasting)?;
        Ok(next)
    }

    /// Says what stands in the way, once as long as it does.
    fn tell_lasting(
        &mut self,
        now: Time,
        context: &mut Context,
        lasting: Vec<Happened>,
    ) -> Result<()> {
        let before = std::mem::take(&mut self.said);
        for happened in lasting {
            let key = (happened.schedule.clone(), happened.kind, happened.text.clone());
            if !before.contains(&key) && !self.said.contains(&key) {
                self.tell(now, context, &happened)?;
            }
            self.said.insert(key);
        }
        Ok(())
    }

    fn tell(&self, now: Time, context: &mut Context, happened: &Happened) -> Result<()> {
        let (schedule, event) = (Some(happened.schedule.as_str()), happened.kind.as_str());
        self.line(now, context, schedule, event, happened.run, &happened.text)
    }

    fn line(
        &self,
        at: Time,
        context: &mut Context,
        schedule: Option<&str>,
        event: &str,
        run: Option<RunNumber>,
        text: &str,
    ) -> Result<()> {
        if context.json {
            let (schema_version, project) = (JSON_SCHEMA, self.slug.as_str());
            let line = Line { schema_version, at, project, schedule, event, run, text };
            context.write_json(&line)?;
        } else {
            let who = match (schedule, run) {
                (Some(schedule), _) => schedule.to_owned(),
                (None, Some(run)) => format!("#{run}"),
                (None, None) => String::new(),
            };
            writeln!(context.out, "{at} {} {who}: {event}: {text}", self.slug)?;
        }
        context.out.flush()?;
        Ok(())
    }
}

fn trouble(what: &str, text: String) -> Happened {
    Happened { schedule: what.to_owned(), kind: Kind::Broken, run: None, text }
}
