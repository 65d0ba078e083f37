//! Attempts as jobs of Slurm: `sbatch` starts a shim, `squeue` tells whether it lives, `scancel` signals it.
//!
//! A job carries the attempt's mark in its name, so that one is found again whose number nobody wrote down. The
//! record in the shared folder tells that an attempt has ended; Slurm is asked for those that leave none.

use std::collections::BTreeMap;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use camino::Utf8PathBuf;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;

use super::about::{About, quoted};
use super::{End, Order, has_ended, note};
use crate::base::path::{PathContext, PathError};
use crate::base::{Site, limits, text};
use crate::runtime::attempt_files::{CommandFile, revoke};
use crate::runtime::error_chain;
use crate::store::files::read_text_capped;
use crate::store::{AttemptDir, FileLock, PlaceFile};

/// Before the mark in the name of a job.
const NAME: &str = "crew-";

/// Speaks with Slurm until nobody gives orders any more.
pub(super) async fn run(about: Arc<About>, mut orders: UnboundedReceiver<Order>) {
    let mut queue = Queue { about, jobs: BTreeMap::new(), looks: 0 };
    loop {
        let pause = tokio::time::sleep(Duration::from_millis(limits::JOB_LOOK_MS));
        tokio::select! {
            order = orders.recv() => match order {
                Some(order) => queue.take(order).await,
                None => return,
            },
            () = pause, if !queue.jobs.is_empty() => queue.look().await,
        }
    }
}

/// Whether Slurm answers, and its version.
pub(super) async fn probe() -> Result<String, String> {
    let version = call("sbatch", &["--version"], None).await?;
    call("squeue", &["-h", "--me", "-o", "%i"], None).await?;
    Ok(version.trim().to_owned())
}

/// Asks the shim of an attempt to stop, at once; whether Slurm took that.
pub(super) fn stop_now(dir: &AttemptDir) -> bool {
    let job = PlaceFile::read(dir).and_then(|place| place.job);
    let Some(job) = job else { return false };
    let cancel = |args: &[&str]| {
        let mut command = std::process::Command::new("scancel");
        command.args(args).arg(&job).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    let waits = cancel(&WAITING);
    cancel(&TERM) || waits
}

/// Ends a job that has not begun.
const WAITING: [&str; 2] = ["--state=PENDING", "--quiet"];
/// Signals the shim alone, which ends what is below it in its own way.
const TERM: [&str; 3] = ["--batch", "--signal=TERM", "--quiet"];

/// What Slurm is wanted to do.
struct Queue {
    about: Arc<About>,
    jobs: BTreeMap<Utf8PathBuf, Job>,
    looks: u32,
}

/// An attempt whose end is not known.
struct Job {
    dir: AttemptDir,
    mark: String,
    /// Its number; none when it is not known whether there is a job.
    number: Option<String>,
    stops: bool,
    done: oneshot::Sender<End>,
}

impl Queue {
    async fn take(&mut self, order: Order) {
        match order {
            Order::Start { dir, env, done } => {
                let Ok(command) = CommandFile::read(&dir) else {
                    let why = "its command is gone".to_owned();
                    drop(done.send(End::NotStarted(why)));
                    return;
                };
                let mark = command.mark;
                let submitted = self.submit(&dir, &mark, &env).await;
                let mut job = Job { dir, mark, number: None, stops: false, done };
                match submitted {
                    Ok(number) => job.number = Some(number),
                    Err(why) => {
                        // It may have been taken all the same: `sbatch` gives up waiting for a slow answer.
                        job.number = find(&job.mark).await.ok().flatten();
                        if job.number.is_none() {
                            remove_environment(&job.dir);
                            return never(job, format!("Slurm does not take the job: {why}"));
                        }
                    }
                }
                self.add(job);
            }
            Order::Follow { dir, done } => {
                let Ok(command) = CommandFile::read(&dir) else {
                    // It is ended by its mark, which the log knows.
                    drop(done.send(End::Over));
                    return;
                };
                let number = PlaceFile::read(&dir).and_then(|place| place.job);
                self.add(Job { dir, mark: command.mark, number, stops: false, done });
                self.looks = 0;
            }
            Order::Stop(dir) => {
                if let Some(job) = self.jobs.get_mut(dir.path()) {
                    job.stops = true;
                    job.stop().await;
                }
            }
            // Slurm itself ends everything of a job: there is nobody to count.
            Order::Kill { mark, done, .. } => {
                let name = format!("--name={NAME}{mark}");
                drop(call("scancel", &["--quiet", &name], None).await);
                let _ = done.send(0);
            }
        }
    }

    fn add(&mut self, job: Job) {
        job.note(true, "handed in");
        self.jobs.insert(job.dir.path().to_owned(), job);
    }

    /// Hands a job in and returns its number, which is on disk then.
    async fn submit(
        &self,
        dir: &AttemptDir,
        mark: &str,
        env: &[(String, String)],
    ) -> Result<String, String> {
        write_environment(dir, env).map_err(|error| error_chain(&error))?;
        let (name, output) =
            (format!("--job-name={NAME}{mark}"), format!("--output={}", dir.job_output()));
        let mut args = vec![
            "--parsable",
            "--no-requeue",
            "--open-mode=append",
            // No variable of this process goes there, and no login is played: the shim gets what was left for it.
            "--export=NIL",
            "--chdir=/",
            &name,
            &output,
        ];
        // What a person wants comes later and counts.
        args.extend(self.about.sbatch().iter().map(String::as_str));
        let script = format!(
            "#!/bin/sh\nexec {} host job {} {}\n",
            quoted(self.about.program().as_str()),
            env!("CARGO_PKG_VERSION"),
            quoted(dir.path().as_str()),
        );
        let said = call("sbatch", &args, Some(&script)).await?;
        let number = said.trim().split(';').next().unwrap_or_default().to_owned();
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("`sbatch` says no job number: {}", said.trim()));
        }
        Ok(number)
    }

    /// Looks at the records, and from time to time at Slurm's queue.
    async fn look(&mut self) {
        let ended = self.jobs.values().filter(|job| has_ended(&job.dir));
        for path in ended.map(|job| job.dir.path().to_owned()).collect::<Vec<_>>() {
            self.end(&path, End::Over);
        }
        let asks = self.looks.is_multiple_of(limits::JOB_LOOKS_PER_QUERY);
        self.looks = self.looks.wrapping_add(1);
        if !asks || self.jobs.is_empty() {
            return;
        }
        if let Err(why) = self.ask().await {
            tracing::warn!(why, "Slurm does not answer; trying again");
            for job in self.jobs.values() {
                job.note(
                    !job.dir.shim().exists(),
                    &format!("Slurm does not answer, trying again: {why}"),
                );
            }
        }
    }

    /// Asks for the state of every job.
    async fn ask(&mut self) -> Result<(), String> {
        let paths: Vec<Utf8PathBuf> = self.jobs.keys().cloned().collect();
        let seen = states(self.jobs.values().filter_map(|job| job.number.as_deref())).await?;
        for path in paths {
            let Some(job) = self.jobs.get_mut(&path) else { continue };
            if job.number.is_none() {
                job.number = find(&job.mark).await?;
            }
            let state = match &job.number {
                None => None,
                Some(number) => match seen.get(number) {
                    Some(state) => Some(state.clone()),
                    None => state_of(number).await?,
                },
            };
            if let Some(state) = &state
                && !state.is_over()
            {
                job.note(!job.dir.shim().exists(), &state.told());
                if job.stops {
                    job.stop().await;
                }
                continue;
            }
            self.gone(&path, state.as_ref());
        }
        Ok(())
    }

    /// Slurm has no such job any more, or says that it is over.
    fn gone(&mut self, path: &Utf8PathBuf, state: Option<&JobState>) {
        let Some(job) = self.jobs.get(path) else { return };
        let dir = &job.dir;
        if has_ended(dir) {
            return self.end(path, End::Over);
        }
        match FileLock::try_exclusive(&dir.attempt_lock()) {
            // A shim that Slurm does not know of: it tells its own end.
            Ok(None) => return,
            Ok(Some(lock)) => {
                // One that is late must not begin: the next attempt may.
                if let Err(error) = revoke(dir) {
                    tracing::error!(error = %error_chain(&error), "an attempt cannot be revoked");
                    return;
                }
                drop(lock);
            }
            Err(error) => {
                tracing::error!(error = %error_chain(&error), "an attempt cannot be looked at");
                return;
            }
        }
        let has_begun = dir.shim().exists() || dir.stdout().exists();
        match state {
            Some(state) if !has_begun && !job.stops => {
                let number = job.number.as_deref().unwrap_or_default();
                let said = read_text_capped(dir.job_output(), limits::PLACE_BYTES_MAX);
                let said =
                    text::one_line(said.unwrap_or_default().trim(), limits::SUMMARY_CHARS_MAX);
                let how = state.told();
                let said = match said.as_str() {
                    "" => format!(": it said nothing; does the node see `{}`?", dir.path()),
                    said => format!(": {said}"),
                };
                let why = format!("Slurm job {number} could not begin ({how}){said}");
                self.end(path, End::NotStarted(why));
            }
            Some(_) | None => self.end(path, End::Over),
        }
    }

    fn end(&mut self, path: &Utf8PathBuf, end: End) {
        if let Some(job) = self.jobs.remove(path) {
            remove_environment(&job.dir);
            // Nobody waits when the supervisor is about to end.
            drop(job.done.send(end));
        }
    }
}

impl Job {
    /// One that waits is taken out of the queue; of one that runs the shim is asked.
    async fn stop(&self) {
        let Some(number) = &self.number else { return };
        for args in [&WAITING[..], &TERM[..]] {
            let args: Vec<&str> = args.iter().copied().chain([number.as_str()]).collect();
            if let Err(why) = call("scancel", &args, None).await {
                // It is asked again with the next look.
                tracing::debug!(why, job = number, "scancel");
            }
        }
    }

    fn note(&self, waits: bool, said: &str) {
        let place =
            PlaceFile { site: Site::Slurm, job: self.number.clone(), waits, said: said.to_owned() };
        if PlaceFile::read(&self.dir).as_ref() != Some(&place) {
            note(&self.dir, &place);
        }
    }
}

/// What Slurm says of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
struct JobState {
    word: String,
    reason: String,
    nodes: String,
}

impl JobState {
    fn waits(&self) -> bool {
        matches!(self.word.as_str(), "PENDING" | "CONFIGURING" | "REQUEUED" | "REQUEUE_HOLD")
    }

    /// Every other state is one of a job that is there, or that ends.
    fn is_over(&self) -> bool {
        const OVER: [&str; 10] = [
            "BOOT_FAIL",
            "CANCELLED",
            "COMPLETED",
            "DEADLINE",
            "FAILED",
            "NODE_FAIL",
            "OUT_OF_MEMORY",
            "PREEMPTED",
            "REVOKED",
            "TIMEOUT",
        ];
        OVER.contains(&self.word.as_str())
    }

    fn told(&self) -> String {
        let word = self.word.to_lowercase();
        let reason = (self.reason != "None" && !self.reason.is_empty()).then_some(&self.reason);
        let nodes = (!self.nodes.is_empty() && self.nodes != "(null)").then_some(&self.nodes);
        match (reason, nodes) {
            (Some(reason), _) if self.waits() || self.is_over() => format!("{word}, {reason}"),
            (_, Some(nodes)) => format!("{word} on {nodes}"),
            (_, None) => word,
        }
    }
}

/// The states of jobs by their numbers, as far as the queue has them.
async fn states<'a>(
    numbers: impl Iterator<Item = &'a str>,
) -> Result<BTreeMap<String, JobState>, String> {
    let numbers: Vec<&str> = numbers.collect();
    if numbers.is_empty() {
        return Ok(BTreeMap::new());
    }
    let jobs = format!("--jobs={}", numbers.join(","));
    match call("squeue", &["-h", "--states=all", &jobs, "-o", "%i|%T|%r|%N"], None).await {
        Ok(said) => Ok(parse(&said)),
        // The only one that was asked for is forgotten already.
        Err(why) if is_unknown(&why) => Ok(BTreeMap::new()),
        Err(why) => Err(why),
    }
}

fn parse(said: &str) -> BTreeMap<String, JobState> {
    let jobs = said.lines().filter_map(|line| {
        let mut parts = line.trim().splitn(4, '|').map(str::to_owned);
        let (number, word) = (parts.next()?, parts.next()?);
        let (reason, nodes) = (parts.next()?, parts.next().unwrap_or_default());
        Some((number, JobState { word, reason, nodes }))
    });
    jobs.collect()
}

/// The state of a job that the queue does not show; nothing when Slurm does not know it.
async fn state_of(number: &str) -> Result<Option<JobState>, String> {
    let said = match call("scontrol", &["--oneliner", "show", "job", number], None).await {
        Ok(said) => said,
        Err(why) if is_unknown(&why) => return Ok(None),
        Err(why) => return Err(why),
    };
    let field = |name: &str| {
        let mut words = said.split_whitespace();
        words.find_map(|word| word.strip_prefix(name)).unwrap_or_default().to_owned()
    };
    let (word, reason, nodes) = (field("JobState="), field("Reason="), field("NodeList="));
    if word.is_empty() {
        return Err(format!("`scontrol` does not tell the state of job {number}"));
    }
    Ok(Some(JobState { word, reason, nodes }))
}

fn is_unknown(why: &str) -> bool {
    why.contains("Invalid job id")
}

/// The number of the job with this mark, if there is one.
async fn find(mark: &str) -> Result<Option<String>, String> {
    let name = format!("--name={NAME}{mark}");
    let said = call("squeue", &["-h", "--me", "--states=all", &name, "-o", "%i"], None).await?;
    Ok(said.lines().next().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()))
}

/// The attempt that was never handed in ends; a job that comes up all the same must not begin.
fn never(job: Job, why: String) {
    if let Err(error) = revoke(&job.dir) {
        tracing::error!(error = %error_chain(&error), "an attempt cannot be revoked");
    }
    drop(job.done.send(End::NotStarted(why)));
}

/// Leaves the environment where only this user can read it, and where the job takes it away.
fn write_environment(dir: &AttemptDir, env: &[(String, String)]) -> Result<(), PathError> {
    let path = dir.environment();
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .at("cannot create", &path)?;
    serde_json::to_writer(&file, env).at("cannot write", &path)
}

fn remove_environment(dir: &AttemptDir) {
    // Usually the job has done that.
    drop(std::fs::remove_file(dir.environment()));
}

/// What a command of Slurm prints.
async fn call(program: &str, args: &[&str], input: Option<&str>) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(args).kill_on_drop(true);
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child =
        command.spawn().map_err(|error| format!("cannot start `{program}`: {error}"))?;
    let talk = async {
        if let (Some(mut to), Some(text)) = (child.stdin.take(), input) {
            to.write_all(text.as_bytes()).await?;
        }
        child.wait_with_output().await
    };
    let limit = Duration::from_millis(limits::SLURM_COMMAND_MS);
    let output = tokio::time::timeout(limit, talk)
        .await
        .map_err(|_| format!("`{program}` takes longer than {} s", limit.as_secs()))?
        .map_err(|error| format!("cannot speak with `{program}`: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = text::printable(&String::from_utf8_lossy(&output.stderr)).trim().to_owned();
    let said = text::one_line(&said, limits::SUMMARY_CHARS_MAX);
    Err(if said.is_empty() { format!("`{program}` failed") } else { said })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_is_read_line_by_line() {
        let jobs =
            parse("12|PENDING|Resources|\n13|RUNNING|None|n[1-2]\n14|TIMEOUT|TimeLimit|n1\nx\n");
        let told =
            |number: &str| (jobs[number].told(), jobs[number].waits(), jobs[number].is_over());
        assert_eq!(jobs.len(), 3);
        assert_eq!(told("12"), ("pending, Resources".to_owned(), true, false));
        assert_eq!(told("13"), ("running on n[1-2]".to_owned(), false, false));
        assert_eq!(told("14"), ("timeout, TimeLimit".to_owned(), false, true));
    }
}
