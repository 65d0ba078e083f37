//! Speaks with a host over ssh, for all attempts of a run that are there, through one connection.
//!
//! The connection is a convenience: shims live on without it. When it breaks it is made again, for as long as an
//! attempt is there whose end is not known, and everything that is wanted is asked for once more.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::about::About;
use super::words::{Answer, Ask};
use super::{End, Order, has_ended, note};
use crate::base::{Site, limits, text};
use crate::store::{AttemptDir, FileLock, PlaceFile};

/// Speaks with the host until nobody gives orders any more.
pub(super) async fn run(about: Arc<About>, host: String, mut orders: UnboundedReceiver<Order>) {
    let mut link =
        Link { about, host, attempts: BTreeMap::new(), kills: BTreeMap::new(), was_good: false };
    let mut wait_ms = limits::HOST_RETRY_MS;
    loop {
        while link.is_idle() {
            match orders.recv().await {
                Some(order) => link.take(order),
                None => return,
            }
        }
        let why = match Connection::open(&link.about, &link.host).await {
            Ok(connection) => {
                wait_ms = limits::HOST_RETRY_MS;
                link.was_good = true;
                match link.talk(connection, &mut orders).await {
                    Some(why) => why,
                    None => return,
                }
            }
            Err(trouble) => {
                // A host that has answered before will do so again.
                if trouble.is_lasting || !link.was_good {
                    link.refuse(&trouble.why);
                }
                trouble.why
            }
        };
        link.take_ended();
        link.take_unbegun();
        if link.is_idle() {
            continue;
        }
        tracing::warn!(host = link.host, why, "a host does not answer; trying again");
        link.note(&format!("it does not answer, trying again: {why}"));
        let pause = tokio::time::sleep(Duration::from_millis(wait_ms));
        wait_ms = wait_ms.saturating_mul(2).min(limits::HOST_RETRY_MS_MAX);
        tokio::select! {
            () = pause => {}
            order = orders.recv() => match order {
                Some(order) => link.take(order),
                None => return,
            }
        }
    }
}

/// Whether attempts can be started on a host, and what it says of itself.
pub(super) async fn probe(about: &About, host: &str) -> Result<String, String> {
    let connection = Connection::open(about, host).await.map_err(|trouble| trouble.why)?;
    let version = env!("CARGO_PKG_VERSION");
    Ok(format!("`{}` answers with crew {version} and sees the state", connection.name))
}

/// Asks the shim of an attempt to stop, at once and through a connection of its own; whether the host was reached.
pub(super) fn stop_now(about: &About, host: &str, dir: &AttemptDir) -> bool {
    use std::io::Write;
    let words = about.ssh(host);
    let [program, arguments @ ..] = words.as_slice() else { return false };
    let child = std::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else { return false };
    let ask = Ask::Stop { dir: dir.path().to_owned() };
    // The other side finishes what it was asked before it ends with its input.
    let asked = child.stdin.take().is_some_and(|mut input| input.write_all(&ask.line()).is_ok());
    child.wait().is_ok_and(|status| status.success()) && asked
}

/// What is wanted of a host.
struct Link {
    about: Arc<About>,
    host: String,
    attempts: BTreeMap<Utf8PathBuf, Attempt>,
    kills: BTreeMap<String, (u64, oneshot::Sender<usize>)>,
    /// The host has answered as it should.
    was_good: bool,
}

/// An attempt whose end is not known.
struct Attempt {
    /// The environment of one that is to be started, until the host says that it was.
    env: Option<Vec<(String, String)>>,
    /// The host may know of it.
    is_sent: bool,
    /// It shall stop.
    stops: bool,
    /// The host could not tell what became of it, and is to be asked again.
    is_unknown: bool,
    done: oneshot::Sender<End>,
}

impl Attempt {
    fn new(env: Option<Vec<(String, String)>>, done: oneshot::Sender<End>) -> Self {
        let is_sent = env.is_none();
        Self { env, is_sent, stops: false, is_unknown: false, done }
    }
}

impl Link {
    fn is_idle(&self) -> bool {
        self.attempts.is_empty() && self.kills.is_empty()
    }

    /// Remembers an order; what is asked for by it is said with [`Self::asks`].
    fn take(&mut self, order: Order) {
        match order {
            Order::Start { dir, env, done } => {
                let attempt = Attempt::new(Some(env), done);
                self.attempts.insert(dir.path().to_owned(), attempt);
            }
            Order::Follow { dir, done } => {
                let attempt = Attempt::new(None, done);
                self.attempts.insert(dir.path().to_owned(), attempt);
            }
            Order::Stop(dir) => {
                if let Some(attempt) = self.attempts.get_mut(dir.path()) {
                    attempt.stops = true;
                }
            }
            Order::Kill { mark, grace_ms, done } => {
                self.kills.insert(mark, (grace_ms, done));
            }
        }
    }

    /// What to ask for an order that comes while the host listens.
    fn asks_of(&mut self, order: Order) -> Vec<Ask> {
        let dir = match &order {
            Order::Start { dir, .. } | Order::Follow { dir, .. } => dir.path().to_owned(),
            Order::Stop(dir) => {
                let ask = Ask::Stop { dir: dir.path().to_owned() };
                self.take(order);
                return vec![ask];
            }
            Order::Kill { mark, grace_ms, .. } => {
                let ask = Ask::Kill { mark: mark.clone(), grace_ms: *grace_ms };
                self.take(order);
                return vec![ask];
            }
        };
        self.take(order);
        self.asks_for(&dir)
    }

    /// What to ask for an attempt.
    fn asks_for(&mut self, dir: &Utf8Path) -> Vec<Ask> {
        let Some(attempt) = self.attempts.get_mut(dir) else { return Vec::new() };
        (attempt.is_sent, attempt.is_unknown) = (true, false);
        let dir = dir.to_owned();
        let first = match &attempt.env {
            Some(env) => Ask::Start { dir: dir.clone(), env: env.clone() },
            None => Ask::Follow { dir: dir.clone() },
        };
        std::iter::once(first).chain(attempt.stops.then_some(Ask::Stop { dir })).collect()
    }

    /// What to ask once more.
    fn asks_for_unknown(&mut self) -> Vec<Ask> {
        let unknown = self.attempts.iter().filter(|(_, attempt)| attempt.is_unknown);
        let dirs: Vec<Utf8PathBuf> = unknown.map(|(dir, _)| dir.clone()).collect();
        dirs.iter().flat_map(|dir| self.asks_for(dir)).collect()
    }

    /// Everything that is wanted, for a host that has just begun to listen.
    fn asks(&mut self) -> Vec<Ask> {
        let dirs: Vec<Utf8PathBuf> = self.attempts.keys().cloned().collect();
        let kills: Vec<Ask> = self
            .kills
            .iter()
            .map(|(mark, (grace_ms, _))| Ask::Kill { mark: mark.clone(), grace_ms: *grace_ms })
            .collect();
        dirs.iter().flat_map(|dir| self.asks_for(dir)).chain(kills).collect()
    }

    /// Speaks until the connection breaks, which is why; nothing when nobody gives orders any more.
    async fn talk(
        &mut self,
        mut connection: Connection,
        orders: &mut UnboundedReceiver<Order>,
    ) -> Option<String> {
        self.note("");
        for ask in self.asks() {
            if let Err(why) = connection.say(&ask).await {
                return Some(why);
            }
        }
        loop {
            let has_unknown = self.attempts.values().any(|attempt| attempt.is_unknown);
            let pause = tokio::time::sleep(Duration::from_millis(limits::HOST_RETRY_MS_MAX));
            tokio::select! {
                () = pause, if has_unknown => {
                    self.take_ended();
                    for ask in self.asks_for_unknown() {
                        if let Err(why) = connection.say(&ask).await {
                            return Some(why);
                        }
                    }
                }
                order = orders.recv() => {
                    for ask in self.asks_of(order?) {
                        if let Err(why) = connection.say(&ask).await {
                            return Some(why);
                        }
                    }
                }
                answer = connection.hear() => match answer {
                    Ok(answer) => self.hear(answer),
                    Err(why) => return Some(why),
                }
            }
        }
    }

    fn hear(&mut self, answer: Answer) {
        match answer {
            Answer::Hello { .. } => {}
            Answer::Started { dir } => {
                if let Some(attempt) = self.attempts.get_mut(&dir) {
                    attempt.env = None;
                }
            }
            Answer::NotStarted { dir, why } => {
                self.end(&dir, End::NotStarted(format!("`{}`: {why}", self.host)));
            }
            Answer::Over { dir } => self.end(&dir, End::Over),
            Answer::Unknown { dir, why } => {
                tracing::warn!(host = self.host, %dir, why, "an attempt cannot be followed");
                if let Some(attempt) = self.attempts.get_mut(&dir) {
                    attempt.is_unknown = true;
                }
                self.note_one(&dir, &why);
            }
            Answer::Killed { mark, count } => {
                if let Some((_, done)) = self.kills.remove(&mark) {
                    // Nobody waits when the supervisor is about to end.
                    let _ = done.send(count);
                }
            }
        }
    }

    fn end(&mut self, dir: &Utf8Path, end: End) {
        if let Some(attempt) = self.attempts.remove(dir) {
            has_ended(&AttemptDir::at(dir.to_owned()));
            drop(attempt.done.send(end));
        }
    }

    /// Attempts that the host was never told of cannot be there.
    fn refuse(&mut self, why: &str) {
        let unsent = self.attempts.iter().filter(|(_, attempt)| !attempt.is_sent);
        let unsent: Vec<Utf8PathBuf> = unsent.map(|(dir, _)| dir.clone()).collect();
        for dir in unsent {
            let why =
                format!("no attempt can run on `ssh:{}`: {why}; see `crew doctor`", self.host);
            self.end(&dir, End::NotStarted(why));
        }
    }

    /// While a host does not answer, the shared folder may: a record is an end, whoever tells it.
    fn take_ended(&mut self) {
        let ended = self.attempts.keys().filter(|dir| has_ended(&AttemptDir::at((*dir).clone())));
        for dir in ended.cloned().collect::<Vec<_>>() {
            self.end(&dir, End::Over);
        }
    }

    /// What shall stop and was never sent anywhere is not to begin.
    fn take_unbegun(&mut self) {
        let unbegun = self.attempts.iter().filter(|(_, attempt)| attempt.stops && !attempt.is_sent);
        for dir in unbegun.map(|(dir, _)| dir.clone()).collect::<Vec<_>>() {
            self.end(&dir, End::Revoked);
        }
    }

    fn note(&self, said: &str) {
        for dir in self.attempts.keys() {
            self.note_one(dir, said);
        }
    }

    fn note_one(&self, dir: &Utf8Path, said: &str) {
        let site = Site::Ssh(self.host.clone());
        let waits = self.attempts.get(dir).is_some_and(|attempt| !attempt.is_sent);
        let place = PlaceFile { site, job: None, waits, said: said.to_owned() };
        let dir = AttemptDir::at(dir.to_owned());
        if PlaceFile::read(&dir).as_ref() != Some(&place) {
            note(&dir, &place);
        }
    }
}

/// Why a host does not listen.
struct Trouble {
    why: String,
    /// It will be the same the next time.
    is_lasting: bool,
}

impl Trouble {
    fn passing(why: String) -> Self {
        Self { why, is_lasting: false }
    }

    fn lasting(why: String) -> Self {
        Self { why, is_lasting: true }
    }
}

/// A host that listens.
struct Connection {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    error: JoinHandle<String>,
    /// The name of the machine.
    name: String,
}

impl Connection {
    /// Reaches the host, and makes sure that attempts can run there.
    async fn open(about: &About, host: &str) -> Result<Self, Trouble> {
        let probe = about.folder.probe(std::process::id());
        let lock = FileLock::try_exclusive(&probe)
            .map_err(|error| Trouble::passing(super::super::error_chain(&error)))?
            .ok_or_else(|| Trouble::passing(format!("`{probe}` is locked by another process")))?;
        let opened = Self::greet(about, host, &probe).await;
        drop(std::fs::remove_file(&probe));
        drop(lock);
        opened
    }

    async fn greet(about: &About, host: &str, probe: &Utf8Path) -> Result<Self, Trouble> {
        let words = about.ssh(host);
        let mut connection = Self::spawn(&words).map_err(Trouble::passing)?;
        let limit = Duration::from_millis(limits::HOST_ANSWER_MS);
        let talk = async {
            connection.say(&Ask::Hello { probe: probe.to_owned() }).await?;
            connection.hear().await
        };
        let answer = tokio::time::timeout(limit, talk)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} s", limit.as_secs())))
            .map_err(Trouble::passing)?;
        let Answer::Hello { version, host: name, problem } = answer else {
            return Err(Trouble::lasting("it answers something else than was asked".to_owned()));
        };
        let own = env!("CARGO_PKG_VERSION");
        if version != own {
            let program = about.program();
            let why = format!("`{program}` there is crew {version}, and this is crew {own}");
            return Err(Trouble::lasting(why));
        }
        match problem {
            Some(problem) => Err(Trouble::lasting(problem)),
            None => Ok(Self { name, ..connection }),
        }
    }

    fn spawn(words: &[String]) -> Result<Self, String> {
        let [program, arguments @ ..] = words else {
            return Err("`run.ssh` names no program".to_owned());
        };
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("cannot start `{program}`: {error}"))?;
        let (Some(input), Some(output), Some(error)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(format!("cannot speak with `{program}`"));
        };
        let output = BufReader::new(output).lines();
        let error = tokio::spawn(tail_of(error));
        Ok(Self { child, input, output, error, name: String::new() })
    }

    async fn say(&mut self, ask: &Ask) -> Result<(), String> {
        let line = ask.line();
        match self.input.write_all(&line).await {
            Ok(()) => self.input.flush().await.map_err(|error| error.to_string()),
            Err(_) => Err(self.why_it_ended().await),
        }
    }

    async fn hear(&mut self) -> Result<Answer, String> {
        match self.output.next_line().await {
            Ok(Some(line)) => serde_json::from_str(&line).map_err(|_| {
                let said = text::one_line(&text::printable(&line), limits::FAILURE_SHOWN_CHARS);
                format!("it does not answer as crew does; it says: {said}")
            }),
            Ok(None) => Err(self.why_it_ended().await),
            Err(error) => Err(error.to_string()),
        }
    }

    /// What ssh said when it ended.
    async fn why_it_ended(&mut self) -> String {
        let limit = Duration::from_millis(limits::KILL_WAIT_MS);
        let status = tokio::time::timeout(limit, self.child.wait()).await;
        let said = tokio::time::timeout(limit, &mut self.error).await;
        let said = said.ok().and_then(Result::ok).unwrap_or_default();
        let said = text::one_line(&text::printable(said.trim()), limits::SUMMARY_CHARS_MAX);
        let how = match status {
            Ok(Ok(status)) => match status.code() {
                Some(code) => format!("ssh ended with code {code}"),
                None => "ssh was ended by a signal".to_owned(),
            },
            Ok(Err(_)) | Err(_) => "the connection is closed".to_owned(),
        };
        if said.is_empty() { how } else { format!("{said} ({how})") }
    }
}

/// The end of what ssh says as its error; everything is read, so that it never waits for a reader.
async fn tail_of(mut error: ChildStderr) -> String {
    let mut said = Vec::new();
    let mut bytes = [0; 1_024];
    while let Ok(count @ 1..) = error.read(&mut bytes).await {
        said.extend_from_slice(&bytes[..count]);
        let surplus = said.len().saturating_sub(limits::REMOTE_ERROR_BYTES);
        said.drain(..surplus);
    }
    String::from_utf8_lossy(&said).into_owned()
}
