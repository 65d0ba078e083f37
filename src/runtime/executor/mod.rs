//! Starts and stops shims; the only module that knows where they run.
//!
//! On this machine a shim is a child of the supervisor. Elsewhere a task of the supervisor speaks for it with
//! the other side: `link` with a host over ssh, `slurm` with a batch system. Both take the same orders and
//! give the same answer, once, when the attempt is over. That a connection broke is no such answer.

mod about;
mod host;
mod link;
mod local;
mod slurm;
mod words;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use super::process::{self, MARK, Pid};
use crate::base::{PathError, Site};
use crate::runtime::attempt_files::CommandFile;
use crate::store::{AttemptDir, FileLock, PlaceFile};

pub use about::{About, probe};
pub use host::main as host;
pub use local::{Local, ShimHandle};

/// Starts shims where the configuration wants them, and follows each where it is.
#[derive(Debug, Clone)]
pub struct Executor {
    local: Local,
    about: Arc<About>,
    /// Those who speak for attempts elsewhere, by place.
    agents: Arc<Mutex<BTreeMap<Site, UnboundedSender<Order>>>>,
}

/// A shim that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shim {
    /// On this machine.
    Here(Pid),
    /// Elsewhere: the attempt's folder is its name.
    There(Site, AttemptDir),
}

/// How the watch over a shim ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The shim is gone; its record, or the lack of one, tells how.
    Over,
    /// It could not begin, and never will.
    NotStarted(String),
    /// It was not wanted any more before it had begun.
    Revoked,
}

/// A shim with what tells its end.
#[derive(Debug)]
pub struct Watched {
    /// The shim.
    pub shim: Shim,
    end: Ending,
}

#[derive(Debug)]
enum Ending {
    /// Of a child of this process, which has to be reaped.
    Child(Local, Pid),
    /// Of one that an earlier supervisor has started.
    Other(Local, Pid),
    /// Of one elsewhere.
    There(oneshot::Receiver<End>),
}

/// What is to be done with attempts elsewhere.
#[derive(Debug)]
enum Order {
    /// Start an attempt whose command is written.
    Start { dir: AttemptDir, env: Vec<(String, String)>, done: oneshot::Sender<End> },
    /// Follow one that an earlier supervisor may have started; it is not started any more.
    Follow { dir: AttemptDir, done: oneshot::Sender<End> },
    /// Ask one to stop.
    Stop(AttemptDir),
    /// End everything that carries this mark.
    Kill { mark: String, grace_ms: u64, done: oneshot::Sender<usize> },
}

impl Executor {
    /// Attempts are started as `about` says.
    ///
    /// # Errors
    /// The path of this program cannot be told.
    pub fn new(about: About) -> io::Result<Self> {
        Ok(Self { local: Local::new()?, about: Arc::new(about), agents: Arc::default() })
    }

    /// Starts the shim of an attempt with exactly this environment, and the mark.
    ///
    /// `slot` is a slot of this machine; an attempt elsewhere needs none. Whoever starts a shim must also await
    /// [`Watched::end`], which reaps it, inside of the async runtime.
    ///
    /// # Errors
    /// The command cannot be written, or no process can be started.
    pub fn start(
        &self,
        dir: &AttemptDir,
        command: &CommandFile,
        env: Vec<(String, String)>,
        slot: Option<FileLock>,
    ) -> Result<Watched, PathError> {
        let site = self.about.site();
        if site.is_local() {
            let pid = self.local.start(dir, command, &env, slot)?.pid;
            return Ok(Watched {
                shim: Shim::Here(pid),
                end: Ending::Child(self.local.clone(), pid),
            });
        }
        let command = CommandFile {
            env_names: env.iter().map(|(name, _)| name.clone()).collect(),
            site: site.clone(),
            ..command.clone()
        };
        // From here on a recovery looks for it there.
        command.write(dir)?;
        PlaceFile { site: site.clone(), ..PlaceFile::default() }.write(dir)?;
        let mut env = env;
        env.push((MARK.to_owned(), command.mark));
        let (done, end) = oneshot::channel();
        self.order(site, Order::Start { dir: dir.clone(), env, done });
        Ok(Watched { shim: Shim::There(site.clone(), dir.clone()), end: Ending::There(end) })
    }

    /// Follows a shim on this machine that an earlier supervisor has started.
    pub fn adopt(&self, pid: Pid) -> Watched {
        Watched { shim: Shim::Here(pid), end: Ending::Other(self.local.clone(), pid) }
    }

    /// Follows an attempt elsewhere, wherever new ones are started now; nothing for one of this machine.
    pub fn adopt_there(&self, dir: &AttemptDir) -> Option<Watched> {
        let site = site_of(dir)?;
        let (done, end) = oneshot::channel();
        self.order(&site, Order::Follow { dir: dir.clone(), done });
        Some(Watched { shim: Shim::There(site, dir.clone()), end: Ending::There(end) })
    }

    /// Asks a shim to stop its attempt; asking twice changes nothing.
    ///
    /// # Errors
    /// The system refuses to deliver the signal.
    pub fn stop(&self, shim: &Shim) -> io::Result<()> {
        match shim {
            Shim::Here(pid) => self.local.stop(*pid).map(drop),
            Shim::There(site, dir) => {
                self.order(site, Order::Stop(dir.clone()));
                Ok(())
            }
        }
    }

    /// Ends everything of an attempt whose shim is gone, where it ran; returns how many processes there were.
    pub async fn kill(&self, dir: &AttemptDir, mark: &str, grace: Duration) -> usize {
        let mark = mark.to_owned();
        let Some(site) = site_of(dir) else {
            let killing = tokio::task::spawn_blocking(move || process::kill_marked(&mark, grace));
            return killing.await.unwrap_or(0);
        };
        let (done, killed) = oneshot::channel();
        let grace_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        self.order(&site, Order::Kill { mark, grace_ms, done });
        killed.await.unwrap_or(0)
    }

    /// Passes an order to the one who speaks with that place, who is started with the first.
    fn order(&self, site: &Site, order: Order) {
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        let agent = agents.entry(site.clone()).or_insert_with(|| {
            let (sender, orders) = unbounded_channel();
            let about = Arc::clone(&self.about);
            match site {
                Site::Ssh(host) => drop(tokio::spawn(link::run(about, host.clone(), orders))),
                Site::Slurm => drop(tokio::spawn(slurm::run(about, orders))),
                Site::Local => {}
            }
            sender
        });
        if agent.send(order).is_err() {
            tracing::error!(%site, "nobody speaks with that place any more");
        }
    }
}

impl Watched {
    /// Waits until the shim has ended, whoever has started it.
    ///
    /// # Errors
    /// No descriptor is free to wait with.
    pub async fn end(self) -> io::Result<End> {
        match self.end {
            Ending::Child(local, pid) => local.wait_child(pid).await.map(|()| End::Over),
            Ending::Other(local, pid) => local.wait_end(pid).await.map(|()| End::Over),
            Ending::There(end) => match end.await {
                Ok(end) => Ok(end),
                // Whoever spoke for it is gone, which says nothing about the attempt.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

/// Asks the shim of an attempt to stop, without a supervisor; whether it was there to be asked.
pub fn stop_without_supervisor(dir: &AttemptDir, about: impl FnOnce() -> Option<About>) -> bool {
    match site_of(dir) {
        Some(Site::Ssh(host)) => about().is_some_and(|about| link::stop_now(&about, &host, dir)),
        Some(Site::Slurm) => slurm::stop_now(dir),
        Some(Site::Local) | None => {
            let shim = super::ShimFile::read(dir).ok().flatten();
            shim.is_some_and(|file| {
                matches!(process::signal(file.shim, process::Signal::TERM), Ok(true))
            })
        }
    }
}

/// Where an attempt runs that does not run on this machine.
fn site_of(dir: &AttemptDir) -> Option<Site> {
    let command = CommandFile::read(dir).ok()?;
    (!command.site.is_local()).then_some(command.site)
}

/// Writes down what is known of an attempt elsewhere, for those who look at its run.
fn note(dir: &AttemptDir, place: &PlaceFile) {
    if let Err(error) = place.write(dir) {
        tracing::warn!(error = %super::error_chain(&error), "where an attempt is cannot be noted");
    }
}

/// Whether the end of an attempt is on record. The folder is listed first: a network file system may remember
/// for a while that a name was not there, until it sees that the folder has changed.
fn has_ended(dir: &AttemptDir) -> bool {
    drop(std::fs::read_dir(dir.path()).map(Iterator::count));
    dir.exit().exists()
}
