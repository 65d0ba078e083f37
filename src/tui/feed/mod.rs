//! The thread that reads: it follows the logs of all runs and publishes what is known.
//!
//! Nothing is read twice: a run that rests is a row from its snapshot, and one that lives is followed
//! by the lines that are new. Notifications only wake it; it also looks by itself from time to time.

mod activity;
mod followed;
mod gauges;
mod listing;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use camino::Utf8PathBuf;

use self::followed::Followed;
use self::gauges::Gauges;
use self::listing::Listing;
use super::world::{TaskRef, World};
use crate::base::{RunNumber, Time, limits};
use crate::client::Workspace;
use crate::client::recover::Keeper;
use crate::client::transcript::Formats;
use crate::clock::Clock;
use crate::store::{ProjectDir, Watch};

/// Milliseconds between two publications, at least: a person reads no faster.
const PACE_MS: u64 = 40;
/// Milliseconds between two looks at live attempts, whose age alone may change what is shown.
const LIVE_LOOK_MS: u64 = 1_000;
/// Milliseconds of one bar of the token rate.
const MINUTE_MS: u64 = 60_000;
/// Bars of the token rate.
const MINUTES: usize = 8;

/// What the thread is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A file changed.
    Changed,
    /// What is looked at: runs that do not live, and tasks that are to be explained.
    Looked(BTreeSet<TaskRef>),
    /// Whether somebody looks at what the processes use.
    Closely(bool),
    /// Nobody listens any more.
    Quit,
}

/// Follows the runs of a project.
pub struct Feed {
    dir: ProjectDir,
    formats: Formats,
    clock: Clock,
    told: Receiver<Told>,
    watch: Option<Watch>,
    watched: BTreeSet<Utf8PathBuf>,
    listing: Listing,
    followed: BTreeMap<RunNumber, Followed>,
    looked: BTreeSet<TaskRef>,
    world: World,
    used: VecDeque<(Time, u64)>,
    gauges: Gauges,
    is_close: bool,
    /// Looks after the runs, where that is wanted.
    keeper: Option<(Workspace, Keeper)>,
}

impl Feed {
    /// A feed for a project; `sender` is the other end of `told`, for notifications.
    pub fn new(
        workspace: &Workspace,
        clock: Clock,
        told: Receiver<Told>,
        sender: Sender<Told>,
    ) -> Self {
        let wake = move || {
            // Nobody waits any more when the receiver is gone.
            drop(sender.send(Told::Changed));
        };
        let dir = workspace.dir.clone();
        let none: [&camino::Utf8Path; 0] = [];
        let world = World {
            project: workspace.found.root.file_name().unwrap_or_default().to_owned(),
            root: workspace.found.root.clone(),
            slots: workspace.config.limits.machine,
            ..World::default()
        };
        Self {
            formats: Formats::of(&workspace.config),
            clock,
            told,
            watch: Watch::files(none, wake).ok(),
            watched: BTreeSet::new(),
            listing: Listing::new(dir.clone()),
            followed: BTreeMap::new(),
            looked: BTreeSet::new(),
            world,
            used: VecDeque::new(),
            gauges: Gauges::default(),
            is_close: false,
            keeper: None,
            dir,
        }
    }

    /// From now on supervisors that runs have lost are started again.
    pub fn keep(&mut self, workspace: Workspace) {
        self.keeper = Some((workspace, Keeper::default()));
    }

    /// Reads and publishes until nobody listens; `publish` returns whether somebody does.
    pub fn run(mut self, mut publish: impl FnMut(Arc<World>) -> bool) {
        loop {
            // The first look always has something to tell.
            if self.look() && !publish(Arc::new(self.world.clone())) {
                return;
            }
            // The first look is shown before anything is started.
            if let Some((workspace, keeper)) = &mut self.keeper {
                for said in keeper.look(workspace, self.clock.now()) {
                    tracing::info!("{said}");
                }
            }
            if !self.wait() {
                return;
            }
        }
    }

    /// Reads what is new; whether anything looks different.
    pub fn look(&mut self) -> bool {
        let now = self.clock.now();
        let mut changed = self.listing.look(&self.followed, now);
        self.follow();
        for (number, followed) in &mut self.followed {
            if followed.look(&self.looked, &self.formats, now) {
                changed = true;
                self.listing.put(*number, followed.view().status.run.clone());
            }
        }
        changed |= self.count_tokens(now);
        changed |= self.gauges.look(&self.followed, self.is_close, now, &mut self.world);
        if changed || !self.world.is_read {
            self.publishable(now);
            changed = true;
        }
        self.watch_files();
        changed
    }

    /// Follows the runs that live or are looked at, and lets go of the others.
    fn follow(&mut self) {
        let looked: BTreeSet<RunNumber> = self.looked.iter().map(|looked| looked.run).collect();
        let wanted: BTreeSet<RunNumber> = self
            .listing
            .runs()
            .filter(|item| {
                let is_open = item.row.as_ref().is_ok_and(|row| !row.status.is_terminal());
                is_open || looked.contains(&item.number)
            })
            .map(|item| item.number)
            .collect();
        self.followed.retain(|number, _| wanted.contains(number));
        for number in wanted {
            if !self.followed.contains_key(&number)
                && let Some(followed) = Followed::open(&self.dir, number)
            {
                self.followed.insert(number, followed);
            }
        }
    }

    /// Puts what was read into the shape that is shown.
    fn publishable(&mut self, now: Time) {
        self.world.now = now;
        self.world.is_read = true;
        self.world.problem = self.listing.problem().map(str::to_owned);
        if let Some(slug) = self.listing.project() {
            slug.clone_into(&mut self.world.project);
        }
        self.world.views =
            self.followed.iter().map(|(number, run)| (*number, run.view())).collect();
        self.world.runs = self.listing.runs().cloned().collect();
        self.world.runs.reverse();
    }

    /// Tokens in the last minutes; whether the bars look different.
    fn count_tokens(&mut self, now: Time) -> bool {
        let total: u64 = self.followed.values().map(Followed::tokens).sum();
        if self.used.back().is_none_or(|(_, last)| *last != total) {
            self.used.push_back((now, total));
        }
        let oldest = MINUTE_MS * (MINUTES as u64 + 1);
        while self.used.len() > 1
            && self.used.get(1).is_some_and(|(at, _)| now.since_ms(*at) > oldest)
        {
            self.used.pop_front();
        }
        let at = |ago_ms: u64| -> u64 {
            let known = self.used.iter().rev().find(|(at, _)| now.since_ms(*at) >= ago_ms);
            known.or(self.used.front()).map_or(0, |(_, total)| *total)
        };
        let bars: Vec<u64> = (0..MINUTES as u64)
            .rev()
            .map(|minute| at(minute * MINUTE_MS).saturating_sub(at((minute + 1) * MINUTE_MS)))
            .collect();
        let changed = self.world.tokens != bars;
        self.world.tokens = bars;
        changed
    }

    fn watch_files(&mut self) {
        let mut wanted: BTreeSet<Utf8PathBuf> = self.listing.files().into_iter().collect();
        wanted.extend(self.followed.values().flat_map(Followed::files));
        let Some(watch) = &mut self.watch else { return };
        for gone in self.watched.difference(&wanted) {
            watch.remove(gone);
        }
        let mut known: BTreeSet<Utf8PathBuf> =
            self.watched.intersection(&wanted).cloned().collect();
        for new in wanted.difference(&self.watched) {
            // A folder that is not there yet is tried again at the next look.
            if watch.add(new).is_ok() {
                known.insert(new.clone());
            }
        }
        self.watched = known;
    }

    /// Waits for something new; false when nobody listens any more.
    fn wait(&mut self) -> bool {
        let lives = self.followed.values().any(Followed::lives);
        let moves = lives || self.is_close;
        let most = if moves { LIVE_LOOK_MS } else { limits::SAFETY_POLL_MS };
        let most = if self.watch.is_some() { most } else { LIVE_LOOK_MS };
        let mut told = match self.told.recv_timeout(Duration::from_millis(most)) {
            Ok(told) => Some(told),
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        };
        let woken = self.clock.now();
        // Many changes in a row are one reason to look, and are looked at together.
        loop {
            match told.take() {
                Some(Told::Quit) => return false,
                Some(Told::Looked(looked)) => {
                    self.looked = looked;
                    return true;
                }
                Some(Told::Closely(is_close)) => {
                    self.is_close = is_close;
                    return true;
                }
                Some(Told::Changed) | None => {}
            }
            let left = PACE_MS.saturating_sub(self.clock.now().since_ms(woken));
            if left == 0 {
                return true;
            }
            match self.told.recv_timeout(Duration::from_millis(left)) {
                Ok(more) => told = Some(more),
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }
}
