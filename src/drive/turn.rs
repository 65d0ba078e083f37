//! One turn: what a machine wants is done, and requests wait for people.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use serde_json::Value;

use super::inbox::Inbox;
use super::machine::{Do, Machine, Phase};
use super::output::Output;
use crate::agent::live::{Note, Order, OrderKind};
use crate::base::Time;
use crate::store::{AttemptDir, FileLock};

/// What the program is told when nobody has answered in time.
const LATE: &str =
    "nobody has answered yet; end your turn now, the answer comes with your next one";

/// The turn of a program.
pub(super) struct Turn<W> {
    machine: Box<dyn Machine>,
    output: Arc<Output<W>>,
    /// Where lines for the program go; nothing when its input was closed.
    input: Option<Sender<Vec<u8>>>,
    inbox: Inbox,
    dir: AttemptDir,
    hold_ms: u64,
    /// Requests that wait, since when.
    asked: BTreeMap<String, Time>,
    /// Held while a request waits: the clocks of the attempt stand still.
    hold: Option<FileLock>,
}

impl<W: Write> Turn<W> {
    pub(super) fn new(
        machine: Box<dyn Machine>,
        output: Arc<Output<W>>,
        input: Sender<Vec<u8>>,
        dir: AttemptDir,
        hold_ms: u64,
    ) -> Self {
        Self {
            machine,
            output,
            input: Some(input),
            inbox: Inbox::new(dir.live()),
            dir,
            hold_ms,
            asked: BTreeMap::new(),
            hold: None,
        }
    }

    pub(super) fn begin(&mut self, prompt: &str, now: Time) {
        let wanted = self.machine.start(prompt);
        self.perform(wanted, now);
    }

    /// A line of the program.
    pub(super) fn line(&mut self, line: &[u8], now: Time) {
        if let Ok(object) = serde_json::from_slice::<Value>(line)
            && object.is_object()
        {
            let wanted = self.machine.line(&object);
            self.perform(wanted, now);
        }
    }

    /// Takes in what was written to the attempt's folder.
    pub(super) fn look(&mut self, now: Time) {
        // What comes when the input is closed waits for the next attempt.
        if self.input.is_none() {
            return;
        }
        for order in self.inbox.look() {
            self.order(&order, now);
        }
    }

    fn order(&mut self, order: &Order, now: Time) {
        if order.kind != OrderKind::Answer {
            let wanted = self.machine.message(order);
            return self.perform(wanted, now);
        }
        // The first answer counts.
        if self.asked.contains_key(&order.id) {
            self.answer(&order.id, &order.text, false, now);
        }
    }

    fn answer(&mut self, request: &str, answer: &str, late: bool, now: Time) {
        let mut wanted = self.machine.answer(request, answer);
        let (id, answer) = (request.to_owned(), answer.to_owned());
        wanted.push(Do::Say(Note::Answered { id, answer, late }));
        self.perform(wanted, now);
    }

    /// Ends requests that have waited for too long; returns when the next one has.
    pub(super) fn expire(&mut self, now: Time) -> Option<Time> {
        let due = |since: &Time| since.plus_ms(self.hold_ms);
        let late: Vec<String> = self
            .asked
            .iter()
            .filter(|(_, since)| due(since) <= now)
            .map(|(id, _)| id.clone())
            .collect();
        for id in late {
            self.answer(&id, LATE, true, now);
        }
        self.asked.values().map(|since| since.plus_ms(self.hold_ms)).min()
    }

    /// The program shall leave what it does.
    pub(super) fn interrupt(&mut self, now: Time) {
        if self.phase() == Phase::Working {
            let wanted = self.machine.interrupt();
            self.perform(wanted, now);
        }
    }

    /// Nothing more is said to the program.
    pub(super) fn close(&mut self) {
        self.input = None;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.input.is_none()
    }

    pub(super) fn phase(&self) -> Phase {
        self.machine.phase()
    }

    fn perform(&mut self, wanted: Vec<Do>, now: Time) {
        for one in wanted {
            match one {
                Do::Send(line) => {
                    if let Some(input) = &self.input {
                        // Fails when the program has closed its input: its end tells the rest.
                        drop(input.send(format!("{line}\n").into_bytes()));
                    }
                }
                Do::Say(note) => {
                    match &note {
                        Note::Asked { id, .. } => drop(self.asked.insert(id.clone(), now)),
                        Note::Answered { id, .. } => drop(self.asked.remove(id)),
                        Note::Delivered { .. }
                        | Note::Refused { .. }
                        | Note::Session { .. }
                        | Note::Failed { .. } => {}
                    }
                    self.keep_hold();
                    self.output.note(&note);
                }
            }
        }
    }

    /// The lock is held before anybody reads of the request, and let go before its answer is read of.
    fn keep_hold(&mut self) {
        if self.asked.is_empty() {
            self.hold = None;
        } else if self.hold.is_none() {
            self.hold = FileLock::shared(&self.dir.ask_lock()).ok();
        }
    }
}
