//! Runs a command of the workflow on the run's tree: what it says is evidence, whatever agents claim.

use std::process::Stdio;
use std::time::Duration;

use camino::Utf8PathBuf;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::sync::CancellationToken;

use super::process::kill_marked;
use crate::base::{limits, redact, text};
use crate::clock::Clock;
use crate::event::gate::EvidenceRecorded;
use crate::plan::graph::CommandPlan;

/// A command that is about to run.
#[derive(Debug)]
pub(super) struct Job {
    pub name: String,
    pub command: CommandPlan,
    pub folder: Utf8PathBuf,
    /// The tree that it runs on.
    pub tree: String,
    pub env: Vec<(String, String)>,
    /// Marks its processes; a second run of the same command ends those of the first.
    pub mark: String,
    pub grace: Duration,
}

impl Job {
    /// Runs it to its end, its timeout or `stop`; nothing of it is left alive. Stopped: no result.
    pub(super) async fn run(
        self,
        clock: Clock,
        stop: CancellationToken,
    ) -> Option<EvidenceRecorded> {
        // A supervisor that died has left one behind, perhaps.
        self.end_family().await;
        let started = clock.now();
        let mut command = tokio::process::Command::new("/bin/sh");
        command
            .args(["-c", &self.command.command])
            .current_dir(&self.folder)
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .env("CREW_ATTEMPT", &self.mark)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut tail = Tail::default();
        let code = match command.spawn() {
            Err(error) => {
                tail.push(format!("the command cannot be started: {error}").as_bytes());
                None
            }
            Ok(mut child) => {
                let out = child.stdout.take();
                let err = child.stderr.take();
                let limit = Duration::from_millis(self.command.timeout_ms);
                let ended = tokio::select! {
                    ended = tokio::time::timeout(limit, follow(&mut child, out, err, &mut tail)) => ended,
                    () = stop.cancelled() => {
                        self.end_family().await;
                        drop(child.wait().await);
                        return None;
                    }
                };
                self.end_family().await;
                if ended.is_err() {
                    drop(child.wait().await);
                    tail.push(b"\n(it took longer than its timeout and was stopped)\n");
                }
                ended.ok().flatten()
            }
        };
        let tail = if code == Some(0) { String::new() } else { tail.text() };
        Some(EvidenceRecorded {
            name: self.name,
            tree: self.tree,
            code,
            duration_ms: clock.now().since_ms(started),
            tail,
            cached: false,
        })
    }

    async fn end_family(&self) {
        let (mark, grace) = (self.mark.clone(), self.grace);
        // Looking through processes and waiting for them is not for the loop's thread.
        drop(tokio::task::spawn_blocking(move || kill_marked(&mark, grace)).await);
    }
}

/// Reads both outputs until the command has ended, and no longer: a process that it left behind
/// may hold them open.
async fn follow(
    child: &mut tokio::process::Child,
    mut out: Option<tokio::process::ChildStdout>,
    mut err: Option<tokio::process::ChildStderr>,
    tail: &mut Tail,
) -> Option<i32> {
    let (mut first, mut second) = ([0; 8192], [0; 8192]);
    let ended = loop {
        tokio::select! {
            // What was printed is read before the end is seen.
            biased;
            count = read(&mut out, &mut first), if out.is_some() => {
                tail.push(&first[..count]);
                if count == 0 { out = None; }
            }
            count = read(&mut err, &mut second), if err.is_some() => {
                tail.push(&second[..count]);
                if count == 0 { err = None; }
            }
            ended = child.wait() => break ended,
        }
    };
    ended.ok().and_then(|status| status.code())
}

async fn read<R: AsyncRead + Unpin>(source: &mut Option<R>, buffer: &mut [u8]) -> usize {
    match source {
        Some(source) => source.read(buffer).await.unwrap_or(0),
        None => 0,
    }
}

/// The end of an output of any length.
#[derive(Debug, Default)]
struct Tail {
    bytes: Vec<u8>,
}

impl Tail {
    fn push(&mut self, more: &[u8]) {
        self.bytes.extend_from_slice(more);
        let limit = limits::EVIDENCE_TAIL_BYTES;
        if self.bytes.len() > 4 * limit {
            self.bytes.drain(..self.bytes.len() - limit);
        }
    }

    /// As a prompt may hold it.
    fn text(&self) -> String {
        let whole = String::from_utf8_lossy(&self.bytes);
        let shown = text::printable(&redact::redact(&whole));
        text::tail(&shown, limits::EVIDENCE_TAIL_BYTES).trim().to_owned()
    }
}
