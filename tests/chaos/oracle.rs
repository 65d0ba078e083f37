//! The log read by other code than the program's: lines, chain, and what they say, folded from raw JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::place::Told;

/// One message and what became of it.
#[derive(Debug, Default, Clone)]
pub struct Mail {
    pub to: String,
    pub text: String,
    pub seq: u64,
    /// To which attempts it was given: task and number.
    pub given: BTreeSet<(String, u64)>,
    /// Which attempts say that they have read it.
    pub acked: BTreeSet<(String, u64)>,
    pub retracted: bool,
    pub dead: bool,
}

/// What a whole log says.
#[derive(Debug, Default)]
pub struct Fold {
    pub seq: u64,
    pub status: String,
    pub reason: Option<String>,
    pub wait: Option<String>,
    pub epoch: u64,
    pub reference: String,
    pub slug: String,
    /// Attempts of each task so far.
    pub attempts: BTreeMap<String, u64>,
    /// Tasks with an attempt that has not ended.
    pub live: BTreeSet<String>,
    /// Ends of attempts: task, number, reason.
    pub ends: Vec<(String, u64, String)>,
    pub mails: BTreeMap<String, Mail>,
    pub opened: BTreeSet<String>,
    pub decided: BTreeSet<String>,
    /// Writes into gates: task, number, gate.
    pub votes: Vec<(String, u64, String)>,
    /// Rules of the transitions, with who caused them and their text.
    pub transitions: Vec<(String, String, String)>,
    pub artifacts: u64,
    pub merged: u64,
    pub truncated: u64,
    pub types: BTreeMap<String, u64>,
    /// Offset at which the last batch begins.
    pub last_batch_at: usize,
    batch: u64,
    prev: String,
    ended_at: Option<u64>,
}

impl Fold {
    /// Folds every whole line; the rest behind the last newline is a torn tail and left alone.
    pub fn of(log: &[u8]) -> Told<Self> {
        let mut fold = Self { prev: "0".repeat(32), ..Self::default() };
        let mut at = 0;
        for line in log.split_inclusive(|byte| *byte == b'\n') {
            let Some(line) = line.strip_suffix(b"\n") else { break };
            fold.take(line, at).map_err(|why| format!("byte {at}: {why}"))?;
            at += line.len() + 1;
        }
        Ok(fold)
    }

    pub fn is_terminal(&self) -> bool {
        matches!(self.status.as_str(), "done" | "failed" | "cancelled" | "archived")
    }

    fn take(&mut self, line: &[u8], at: usize) -> Told<()> {
        let value: Value = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let (seq, batch) = (number(&value, "seq"), number(&value, "batch"));
        if seq != self.seq + 1 {
            return Err(format!("seq {seq} follows {}", self.seq));
        }
        if value["prev"] != self.prev.as_str() {
            return Err(format!("event {seq} does not follow the line before"));
        }
        if batch == seq {
            self.last_batch_at = at;
        } else if batch != self.batch {
            return Err(format!(
                "event {seq} is of batch {batch}, the one before of {}",
                self.batch
            ));
        }
        let hash = blake3::hash(line).to_hex();
        hash.as_str()[..32].clone_into(&mut self.prev);
        (self.seq, self.batch, self.epoch) = (seq, batch, number(&value, "epoch"));
        let kind = text(&value, "type");
        *self.types.entry(kind.clone()).or_default() += 1;
        self.apply(&kind, &text(&value, "actor"), &value["data"])
            .map_err(|why| format!("event {seq}, {kind}: {why}"))
    }

    fn apply(&mut self, kind: &str, actor: &str, data: &Value) -> Told<()> {
        let (task, attempt) = (text(data, "task"), number(data, "attempt"));
        match kind {
            "run.created" => {
                self.reference = format!("{}#{}", text(data, "project"), data["number"]);
                self.slug = text(data, "slug");
            }
            "run.transitioned" => self.transition(actor, data),
            "attempt.started" => {
                let count = self.attempts.entry(task.clone()).or_default();
                *count += 1;
                if *count != attempt {
                    return Err(format!("attempt {attempt} of {task} is the {count}th"));
                }
                if !self.live.insert(task.clone()) {
                    return Err(format!("{task} has two live attempts"));
                }
            }
            "attempt.ended" => {
                if !self.live.remove(&task) || self.attempts.get(&task) != Some(&attempt) {
                    return Err(format!("attempt {attempt} of {task} was not live"));
                }
                self.ends.push((task, attempt, text(data, "reason")));
            }
            "gate.written" if data["attempt"].is_u64() => {
                let by = text(data, "by");
                let by = by.strip_prefix("agent:").unwrap_or(&by).to_owned();
                self.votes.push((by, attempt, text(data, "gate")));
            }
            "decision.opened" if !self.opened.insert(text(data, "id")) => {
                return Err("opened twice".to_owned());
            }
            "decision.made" => {
                let id = text(data, "id");
                if !self.opened.contains(&id) || !self.decided.insert(id) {
                    return Err("decided twice, or never asked".to_owned());
                }
            }
            "artifact.stored" => self.artifacts += 1,
            "merge.finished" => self.merged += u64::from(data["result"]["is"] == "merged"),
            "log.truncated" => self.truncated += 1,
            _ if kind.starts_with("message.") => self.mail(kind, data)?,
            _ => {}
        }
        Ok(())
    }

    fn transition(&mut self, actor: &str, data: &Value) {
        let to = &data["to"];
        self.status = text(to, "status");
        self.reason = to["reason"].as_str().map(str::to_owned);
        self.wait = to["wait"]["on"].as_str().map(str::to_owned);
        self.ended_at = self.is_terminal().then_some(self.seq);
        self.transitions.push((text(data, "rule"), actor.to_owned(), text(data, "text")));
    }

    fn mail(&mut self, kind: &str, data: &Value) -> Told<()> {
        if kind == "message.sent" {
            let message = &data["message"];
            let mail = Mail {
                to: text(message, "to"),
                text: text(message, "text"),
                seq: self.seq,
                ..Mail::default()
            };
            return match self.mails.insert(text(message, "id"), mail) {
                None => Ok(()),
                Some(_) => Err("sent twice".to_owned()),
            };
        }
        let one = data["id"].as_str().into_iter();
        let ids = data["ids"].as_array().into_iter().flatten().filter_map(Value::as_str);
        for id in one.chain(ids) {
            let mail = self.mails.get_mut(id).ok_or_else(|| format!("{id} was never sent"))?;
            let is_new = match kind {
                "message.delivered" => {
                    mail.given.insert((text(data, "task"), number(data, "attempt")))
                }
                "message.acked" => mail.acked.insert((text(data, "task"), number(data, "attempt"))),
                "message.retracted" => !std::mem::replace(&mut mail.retracted, true),
                "message.dead" => !std::mem::replace(&mut mail.dead, true),
                _ => true,
            };
            if !is_new {
                return Err(format!("{id} a second time"));
            }
            if mail.dead && !mail.given.is_empty() || mail.retracted && !mail.given.is_empty() {
                return Err(format!("{id} is dead or retracted, and was given to somebody"));
            }
        }
        Ok(())
    }

    /// Messages that were sent before the run ended and of which nobody can say what became.
    pub fn unaccounted(&self) -> Vec<&str> {
        let Some(end) = self.ended_at else { return Vec::new() };
        let open = self.mails.iter().filter(|(_, mail)| {
            let is_told =
                !mail.acked.is_empty() || mail.retracted || mail.dead || !mail.given.is_empty();
            !is_told && mail.to != "human" && mail.seq < end
        });
        open.map(|(id, _)| id.as_str()).collect()
    }
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or_default()
}
