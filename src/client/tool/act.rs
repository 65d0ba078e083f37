//! Calls that change the run: proved, decided by the engine, on disk before they answer.

use serde_json::{Map, Value, json};

use super::error::ToolError;
use super::identity::Identity;
use super::request::{Reply, Request};
use super::{verify, view};
use crate::base::flow::Expands;
use crate::base::redact::{redact, redact_json};
use crate::base::{ArtifactName, Time, limits, text};
use crate::client::Follower;
use crate::client::command::project_messages;
use crate::client::message::{check_text, new_id};
use crate::config::Environment;
use crate::engine::{
    Caller, Command, Input, Refusal, State, Vitals, field_type, live_attempt, typed,
};
use crate::event::attempt::Question;
use crate::event::body::{ArtifactStored, CommandRefused, MessageDelivered};
use crate::event::gate::TurnOutcome;
use crate::event::message::{Delivery, Message, MessageKind, MessagePriority};
use crate::event::{Body, Record};
use crate::ledger::{Ledger, Locked};
use crate::plan::{adaptive, children};
use crate::store::files::{Durability, write_atomic};
use crate::store::{FileLock, artifact};

/// The run of an agent, opened on its behalf.
#[derive(Debug)]
pub struct Tools {
    pub(super) identity: Identity,
    pub(super) ledger: Ledger,
    /// The environment that named the run.
    pub(super) env: Environment,
}

impl Tools {
    /// Opens the run that the environment names; nothing is proved yet.
    ///
    /// # Errors
    /// The process belongs to no agent, or the run cannot be read.
    pub fn open(env: &Environment) -> Result<Self, ToolError> {
        let identity = Identity::of(env)?;
        let ledger = Ledger::open(identity.dir.clone())?;
        Ok(Self { identity, ledger, env: env.clone() })
    }

    /// Does what an agent asks for, after it has proved who it is.
    ///
    /// `clock` tells the time; a question waits by it.
    ///
    /// # Errors
    /// Refused, which is on record, or not done.
    pub fn perform(
        &mut self,
        request: &Request,
        clock: &dyn Fn() -> Time,
    ) -> Result<Reply, ToolError> {
        let now = clock();
        if let Err(refusal) = self.proved()? {
            let mut locked = self.ledger.lock()?;
            return Err(record(&self.identity, &mut locked, now, verb(request), refusal));
        }
        match request {
            Request::Channels => self.seen(view::channels),
            Request::Gates => self.seen(view::gates),
            Request::ReadGate(gate) => self.seen(|state, who| view::gate(state, who, gate))?,
            Request::Peers => self.seen(view::peers),
            Request::Status => self.seen(view::status),
            Request::Inbox { all } => self.inbox(*all, now),
            Request::WriteGate { gate, data, words } => self.write_gate(gate, data, words, now),
            Request::Send { .. } => self.send(request, now),
            Request::Ask { text, choices } => self.ask(text, choices, clock),
            Request::Verify(None) => self.seen(verify::known),
            Request::Verify(Some(name)) => self.verify(name, clock),
            Request::Transcript(task) => self.transcript(task),
            Request::Report { outcome, text } => self.report(*outcome, text, now),
            Request::Artifact { name, bytes } => self.artifact(name, bytes, now),
            Request::Propose(proposal) => self.propose(proposal, now),
        }
    }

    /// Whether the token is the caller's, and the run the one that it names.
    fn proved(&self) -> Result<Result<(), Refusal>, ToolError> {
        let reference = self.ledger.state().reference();
        if reference != self.identity.run {
            let reason = format!("`CREW_RUN_DIR` is {reference}, not {}", self.identity.run);
            let hint = "leave the variables of crew as they are".to_owned();
            return Ok(Err(Refusal { code: "token", reason, hint }));
        }
        Ok(self.identity.check()?)
    }

    /// What the state says, to an agent whose turn is not over.
    fn seen<T>(&mut self, look: impl FnOnce(&State, &Identity) -> T) -> Result<T, ToolError> {
        self.ledger.refresh()?;
        let state = self.ledger.state();
        live_attempt(state, &self.identity.task, self.identity.attempt)?;
        Ok(look(state, &self.identity))
    }

    fn caller(&self) -> Caller {
        Caller::Agent { task: self.identity.task.clone(), attempt: self.identity.attempt }
    }

    pub(super) fn commit(&mut self, now: Time, command: Command) -> Result<Vec<Record>, ToolError> {
        let mut locked = self.ledger.lock()?;
        let actor = self.identity.actor();
        let records = locked.commit(now, &Vitals::default(), &actor, &[Input::Command(command)])?;
        // The supervisor sees the log change. Where none lives none is started: it would end with
        // this attempt, and the next command of a person starts one.
        project_messages(locked.dir(), &records);
        Ok(records)
    }

    fn write_gate(
        &mut self,
        gate: &str,
        data: &Map<String, Value>,
        words: &[(String, String)],
        now: Time,
    ) -> Result<Reply, ToolError> {
        let mut data = data.clone();
        for (field, word) in words {
            let kind = field_type(self.ledger.state().plan(), gate, field);
            data.insert(field.clone(), typed(kind, word));
        }
        let data = data.iter().map(|(field, value)| (field.clone(), redact_json(value))).collect();
        let command = Command::WriteGate { gate: gate.to_owned(), data, by: self.caller() };
        self.commit(now, command)?;
        let state = self.ledger.state();
        let gates = state.plan().gates.iter();
        let named = gates.filter(|known| known.id == gate || known.store == gate);
        let rows: Vec<Value> = named.map(|gate| view::verdict(state, gate)).collect();
        let text: Vec<String> = rows.iter().map(view::verdict_line).collect();
        Ok(Reply::new(json!({"written": gate, "gates": rows}), text.join("\n")))
    }

    fn send(&mut self, request: &Request, now: Time) -> Result<Reply, ToolError> {
        let Request::Send { id, to, text, data, gates } = request else {
            unreachable!("only called for messages")
        };
        let id = match id {
            Some(id) => {
                crate::base::id::check_name(id)?;
                id.clone()
            }
            None => new_id(),
        };
        let message = Message {
            id: id.clone(),
            at: now,
            from: self.identity.actor().to_string(),
            to: to.clone(),
            kind: MessageKind::Message,
            priority: MessagePriority::Normal,
            delivery: Delivery::NextTurn,
            text: check_text(text)?,
            data: data.as_ref().map(redact_json),
            reply_to: None,
        };
        let bytes = message.data.as_ref().map_or(0, |data| data.to_string().len());
        if bytes > limits::MESSAGE_BYTES_MAX {
            return Err(crate::client::message::TextError::Long { bytes }.into());
        }
        let gates = gates.iter().map(|(gate, data)| {
            let data = data.iter().map(|(field, value)| (field.clone(), redact_json(value)));
            (gate.clone(), data.collect())
        });
        let command = Command::Send { message, gates: gates.collect(), by: self.caller() };
        self.commit(now, command)?;
        Ok(Reply::new(json!({"id": id, "to": to}), format!("message {id} is sent to `{to}`")))
    }

    fn report(&mut self, outcome: TurnOutcome, said: &str, now: Time) -> Result<Reply, ToolError> {
        let said = text::middle_cut(said.trim(), limits::MESSAGE_BYTES_MAX);
        let text = redact(&said).into_owned();
        let (task, attempt) = (self.identity.task.clone(), self.identity.attempt);
        self.commit(now, Command::Report { task, attempt, outcome, text })?;
        Ok(Reply::new(json!({"reported": outcome}), "it is on record; end your turn now"))
    }

    fn inbox(&mut self, all: bool, now: Time) -> Result<Reply, ToolError> {
        let mut locked = self.ledger.lock()?;
        live_attempt(locked.state(), &self.identity.task, self.identity.attempt)?;
        let found = view::messages(locked.state(), &self.identity, all);
        let ids: Vec<String> = found.iter().map(|entry| entry.message.id.clone()).collect();
        let reply = view::inbox(&found);
        let (task, attempt) = (self.identity.task.clone(), self.identity.attempt);
        let is_given = |id: &String| {
            let entry = found.iter().find(|entry| entry.message.id == *id);
            entry.is_some_and(|entry| entry.delivered.iter().any(|(to, _)| *to == task))
        };
        let fresh: Vec<String> = ids.iter().filter(|id| !is_given(id)).cloned().collect();
        let mut inputs = Vec::new();
        if !fresh.is_empty() {
            let given = MessageDelivered { ids: fresh, task: task.clone(), attempt };
            inputs.push(Input::Fact(given.into()));
        }
        inputs.push(Input::Command(Command::Ack { ids, task, attempt }));
        locked.commit(now, &Vitals::default(), &self.identity.actor(), &inputs)?;
        Ok(reply)
    }

    fn artifact(&mut self, name: &str, bytes: &[u8], now: Time) -> Result<Reply, ToolError> {
        let name: ArtifactName = name.parse()?;
        let mut locked = self.ledger.lock()?;
        let (task, attempt) = (&self.identity.task, self.identity.attempt);
        if let Err(refusal) = live_attempt(locked.state(), task, attempt) {
            return Err(record(&self.identity, &mut locked, now, "artifact", refusal));
        }
        // Under the lock: the last file of a name and its last event belong together.
        let stored = artifact::store(locked.dir(), &name, bytes)?;
        let body: Body = ArtifactStored {
            name: name.clone(),
            task: task.clone(),
            bytes: stored.bytes,
            hash: stored.hash.clone(),
        }
        .into();
        locked.commit(now, &Vitals::default(), &self.identity.actor(), &[Input::Fact(body)])?;
        let json = json!({"name": name.as_str(), "bytes": stored.bytes, "hash": stored.hash});
        Ok(Reply::new(json, format!("artifact `{name}` is stored, {} bytes", stored.bytes)))
    }

    fn propose(&mut self, proposal: &str, now: Time) -> Result<Reply, ToolError> {
        let mut locked = self.ledger.lock()?;
        let (task, attempt) = (&self.identity.task, self.identity.attempt);
        match proposed(locked.state(), task, attempt, proposal) {
            Ok((text, what, names)) => {
                let path = self.identity.folder().proposal();
                write_atomic(path, redact(text).as_bytes(), Durability::Synced)?;
                let (what, then) = match what {
                    Expands::Adaptive => ("task", "they are added when your turn ends"),
                    Expands::Runs => ("run", "they start when your turn has ended well"),
                };
                let count = text::count(names.len(), what);
                let line = format!("{count} proposed: {}; {then}", names.join(", "));
                Ok(Reply::new(json!({"proposed": names}), line))
            }
            Err(refusal) => Err(record(&self.identity, &mut locked, now, "propose", refusal)),
        }
    }

    fn ask(
        &mut self,
        text: &str,
        choices: &[String],
        clock: &dyn Fn() -> Time,
    ) -> Result<Reply, ToolError> {
        let choices: Result<Vec<String>, _> =
            choices.iter().map(|choice| check_text(choice)).collect();
        let question = Question { text: check_text(text)?, choices: choices? };
        let asked = clock();
        let until = asked.plus_ms(self.ledger.state().created.limits.ask_hold_ms);
        let follower = Follower::new([self.identity.dir.events()]);
        let (task, attempt) = (self.identity.task.clone(), self.identity.attempt);
        // Held for as long as this process waits, however it ends: the attempt's clocks stand still.
        // Without the lock, for example on a full disk, they go on, which harms nobody who is quick.
        let _waits = FileLock::shared(&self.identity.folder().ask_lock()).ok();
        let ask = Command::Ask { task: task.clone(), attempt, question: question.clone() };
        self.commit(asked, ask)?;
        loop {
            if let Some(reply) = self.answer(&question)? {
                return Ok(reply);
            }
            let left = until.since_ms(clock());
            if left == 0 {
                break;
            }
            follower.wait(left);
            self.ledger.refresh()?;
        }
        self.commit(clock(), Command::Park { task, attempt })?;
        // It may have come before the task was parked.
        if let Some(reply) = self.answer(&question)? {
            return Ok(reply);
        }
        let text = "parked: end your turn; the answer comes with your next one";
        let mut reply = Reply::new(json!({"parked": true}), text);
        reply.is_parked = true;
        Ok(reply)
    }

    /// The answer, once a person has given it.
    fn answer(&self, question: &Question) -> Result<Option<Reply>, ToolError> {
        let state = self.ledger.state();
        live_attempt(state, &self.identity.task, self.identity.attempt)?;
        let entry = state.task_ix(&self.identity.task).map(|task| &state.tasks[task]);
        let asked = entry.and_then(|entry| entry.asked.as_ref());
        let Some(asked) = asked.filter(|asked| asked.question == *question) else {
            let reason = "the question was withdrawn".to_owned();
            let hint = "go on without its answer".to_owned();
            return Err(Refusal { code: "state", reason, hint }.into());
        };
        Ok(asked
            .answer
            .as_ref()
            .map(|answer| Reply::new(json!({"parked": false, "answer": answer}), answer.clone())))
    }
}

/// Puts a refusal on record that the engine was not asked about.
fn record(
    identity: &Identity,
    locked: &mut Locked<'_>,
    now: Time,
    command: &str,
    refusal: Refusal,
) -> ToolError {
    let body: Body = CommandRefused {
        command: command.to_owned(),
        code: refusal.code.to_owned(),
        reason: refusal.reason.clone(),
    }
    .into();
    let written = locked.commit(now, &Vitals::default(), &identity.actor(), &[Input::Fact(body)]);
    match written {
        Ok(_) => refusal.into(),
        Err(error) => error.into(),
    }
}

/// A proposal as it may go on: what is proposed, with the names of the steps or runs.
fn proposed<'a>(
    state: &State,
    task: &crate::base::TaskId,
    attempt: u32,
    proposal: &'a str,
) -> Result<(&'a str, Expands, Vec<String>), Refusal> {
    let (step, _) = live_attempt(state, task, attempt)?;
    let refused =
        |reason: String, hint: &str| Refusal { code: "forbidden", reason, hint: hint.to_owned() };
    let found = adaptive::find(proposal).or_else(|| children::find(proposal));
    let text = found.unwrap_or(proposal).trim();
    let is_run = serde_json::from_str::<Value>(text)
        .is_ok_and(|value| ["goal", "run", "runs"].iter().any(|field| value.get(field).is_some()));
    let wanted = if is_run { Expands::Runs } else { Expands::Adaptive };
    let Some(expands) = step.expands.filter(|expands| *expands == wanted || !is_run) else {
        let steps = state.plan().steps.iter().filter(|step| step.expands == Some(wanted));
        let names: Vec<&str> = steps.map(|step| step.id.as_str()).collect();
        let who = if names.is_empty() { "no step".to_owned() } else { names.join(", ") };
        let what = if is_run { "proposes no runs" } else { "adds no tasks" };
        let hint = match (is_run, names.is_empty()) {
            (true, true) => "write to `human` what should be started, and why",
            _ => "do the work of your own task",
        };
        return Err(refused(format!("step `{}` {what}; {who} may", step.id), hint));
    };
    if text.len() > limits::MESSAGE_BYTES_MAX {
        let reason = format!("the proposal has {} bytes", text.len());
        return Err(refused(reason, "say less in each task"));
    }
    if expands == Expands::Runs {
        return match state.check_runs(text) {
            Ok(runs) => Ok((text, expands, runs.into_iter().map(|run| run.key).collect())),
            Err(wrong) => Err(refused(wrong.join("; "), children::ASKED)),
        };
    }
    let Some(source) = state.step_ix(&step.id) else {
        return Err(refused(format!("there is no step `{}`", step.id), ""));
    };
    match adaptive::compile(state.plan(), source, text) {
        Ok(added) => {
            Ok((text, expands, added.iter().map(|added| added.step.id.to_string()).collect()))
        }
        Err(wrong) => Err(refused(wrong.join("; "), adaptive::ASKED)),
    }
}

/// The verb as an agent types it.
fn verb(request: &Request) -> &'static str {
    match request {
        Request::Channels => "channels",
        Request::Gates => "gates",
        Request::ReadGate(_) => "read-gate",
        Request::WriteGate { .. } => "write-gate",
        Request::Peers => "peers",
        Request::Status => "status",
        Request::Inbox { .. } => "inbox",
        Request::Send { .. } => "send",
        Request::Ask { .. } => "ask",
        Request::Verify(_) => "verify",
        Request::Transcript(_) => "transcript",
        Request::Report { outcome: TurnOutcome::Done, .. } => "done",
        Request::Report { outcome: TurnOutcome::Blocked, .. } => "block",
        Request::Report { outcome: TurnOutcome::Failed, .. } => "fail",
        Request::Artifact { .. } => "artifact",
        Request::Propose(_) => "propose",
    }
}
