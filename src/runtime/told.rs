//! Tells people what happens in the run that this process drives, beside the loop and never in its way.
//!
//! Each way of telling has a worker of its own, so that one that hangs delays no other. What was told
//! is remembered in a file before it is told: after a crash something may be missing, and nothing comes
//! twice.

use std::time::Duration;

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::JoinSet;

use super::error_chain;
use crate::base::limits;
use crate::config::{Config, Environment};
use crate::event::{Body, Record};
use crate::notice::{Letter, Way, Ways};
use crate::snapshot::Notices;
use crate::store::files::{Durability, write_atomic};
use crate::store::{LogReader, ProjectDir, RunDir};

/// `notices.json`: how far the log was told. A projection: without it, nothing old is told.
#[derive(Debug, Serialize, Deserialize)]
struct ToldFile {
    format: u32,
    /// The last event that was looked at.
    told: u64,
}

const FORMAT: u32 = 1;

/// Reads the log of one run and tells what is new.
#[derive(Debug)]
pub(super) struct Teller {
    reader: LogReader,
    notices: Notices,
    ways: Vec<(Way, Sender<Letter>)>,
    workers: JoinSet<()>,
    project: Utf8PathBuf,
    file: Utf8PathBuf,
    /// The last event that the file says was told.
    written: u64,
}

impl Teller {
    /// Begins behind what an earlier supervisor told; nothing when the configuration names no way.
    ///
    /// Must be called inside of the async runtime.
    pub(super) fn start(
        config: &Config,
        env: &Environment,
        project: &ProjectDir,
        run: &RunDir,
    ) -> Option<Self> {
        let ways = Ways::of(config, env, project.root());
        for item in &ways.untrusted {
            let (what, line) = (&item.what, item.line);
            tracing::warn!(%what, line, "not used: the project is not trusted with it");
        }
        if ways.usable.is_empty() {
            return None;
        }
        let limit = Duration::from_millis(config.notify.timeout_ms);
        let mut workers = JoinSet::new();
        let start = |way: Way| {
            let (sender, mut letters) = channel::<Letter>(limits::NOTICES_WAITING);
            let (env, worker) = (env.clone(), way.clone());
            workers.spawn(async move {
                while let Some(letter) = letters.recv().await {
                    tell(&worker, &letter, &env, limit).await;
                }
            });
            (way, sender)
        };
        let mut teller = Self {
            reader: LogReader::open(run.events()),
            notices: Notices::default(),
            ways: ways.usable.into_iter().map(start).collect(),
            workers,
            project: project.root().to_owned(),
            file: run.notices(),
            written: 0,
        };
        teller.skip_old();
        Some(teller)
    }

    /// Takes in what was told before. Without the file that is everything, unless this is the run's first supervisor.
    fn skip_old(&mut self) {
        let told = std::fs::read(&self.file).ok();
        let told = told.and_then(|text| serde_json::from_slice::<ToldFile>(&text).ok());
        let told = told.filter(|file| file.format == FORMAT).map(|file| file.told);
        let records = self.read();
        let was_driven =
            records.iter().any(|record| matches!(record.body, Body::SupervisorStarted(_)));
        let everything = if was_driven { u64::MAX } else { 0 };
        let told = told.unwrap_or(everything);
        let (old, new): (Vec<Record>, Vec<Record>) =
            records.into_iter().partition(|record| record.seq <= told);
        self.notices.look(&old);
        self.written = old.last().map_or(0, |record| record.seq);
        self.tell_all(&new);
        self.remember();
    }

    /// Tells what is new in the log, which has this many events.
    pub(super) fn look(&mut self, seq: u64) {
        if seq <= self.reader.cursor().chain.seq {
            return;
        }
        let new = self.read();
        self.tell_all(&new);
    }

    /// Tells the rest; what takes too long is left untold.
    pub(super) async fn finish(mut self) {
        self.ways.clear();
        let rest = async { while self.workers.join_next().await.is_some() {} };
        let limit = Duration::from_millis(limits::NOTICE_LINGER_MS);
        if tokio::time::timeout(limit, rest).await.is_err() {
            tracing::warn!("not all was told: it took too long");
        }
    }

    fn read(&mut self) -> Vec<Record> {
        let mut records = Vec::new();
        if let Err(error) = self.reader.catch_up(|record| records.push(record)) {
            tracing::warn!(error = %error_chain(&error), "what happened cannot be told");
        }
        records
    }

    fn tell_all(&mut self, records: &[Record]) {
        let notices = self.notices.look(records);
        let wanted: Vec<_> = notices
            .into_iter()
            .filter(|notice| self.ways.iter().any(|(way, _)| way.is_for(notice)))
            .collect();
        if wanted.is_empty() {
            return;
        }
        self.remember();
        for notice in wanted {
            let letter = Letter::new(self.project.clone(), notice);
            for (way, sender) in self.ways.iter().filter(|(way, _)| way.is_for(&letter.notice)) {
                match sender.try_send(letter.clone()) {
                    Ok(()) => {}
                    Err(TrySendError::Full(letter) | TrySendError::Closed(letter)) => {
                        let (way, what) = (way.name(), &letter.notice.title);
                        tracing::warn!(%way, %what, "not told: too much waits already");
                    }
                }
            }
        }
    }

    /// Remembers that everything read so far was told.
    pub(super) fn remember(&mut self) {
        let told = self.reader.cursor().chain.seq;
        if told == self.written {
            return;
        }
        let file = serde_json::to_vec(&ToldFile { format: FORMAT, told }).unwrap_or_default();
        match write_atomic(&self.file, &file, Durability::Quick) {
            Ok(()) => self.written = told,
            Err(error) => tracing::warn!(error = %error_chain(&error), "projection"),
        }
    }
}

async fn tell(way: &Way, letter: &Letter, env: &Environment, limit: Duration) {
    let (name, what) = (way.name(), &letter.notice.title);
    match way.tell(letter, env, limit).await {
        Ok(said) if said.is_empty() => tracing::debug!(way = %name, %what, "told"),
        Ok(said) => tracing::info!(way = %name, %what, %said, "told"),
        Err(why) => tracing::warn!(way = %name, %what, %why, "not told"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::event_names;
    use crate::event::StatusKind;
    use crate::event::body::HeartbeatLevel::{Dead, Healthy, Stale, Warn};

    #[test]
    fn hooks_know_the_name_of_every_event() {
        let statuses = StatusKind::ALL.iter().map(|kind| format!("run.{}", kind.as_str()));
        let levels = [Healthy, Warn, Stale, Dead]
            .map(|level| format!("heartbeat.{}", crate::event::status::word(&level)));
        let types = Body::KINDS.iter().map(|kind| (*kind).to_owned());
        let all: BTreeSet<String> =
            statuses.chain(levels).chain(types).chain(["run.reminder".to_owned()]).collect();
        assert_eq!(event_names().map(str::to_owned).collect::<BTreeSet<_>>(), all);
    }
}
