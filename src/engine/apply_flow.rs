//! The fold of what moves work from step to step: stores, channels, questions, decisions, mail.

use super::facts::{Asked, CommandEvidence, DecisionState, DecisionVerdict, Origin};
use super::state::{MessageState, State, TaskStatus};
use crate::base::flow::{Fire, Join};
use crate::base::{TaskId, Time};
use crate::event::body::{MessageSent, QuestionAsked};
use crate::event::decision::{Action, DecisionKind, DecisionMade, DecisionOpened};
use crate::event::gate::{ChannelsFired, EvidenceRecorded, GateWritten, StoreWrite};
use crate::event::{Actor, MessageKind};
use crate::plan::graph::StepIx;

impl State {
    pub(super) fn gate_written(&mut self, at: Time, written: &GateWritten) {
        self.written(at, &written.write, &written.by, written.attempt);
    }

    /// A write of an agent counts for the contract of its turn.
    fn written(&mut self, at: Time, write: &StoreWrite, by: &Actor, attempt: Option<u32>) {
        self.write_store(at, write, by, attempt);
        if let (Actor::Agent(task), Some(attempt)) = (by, attempt)
            && let Some(task) = self.task_ix(task)
        {
            self.tasks[task].wrote.insert(write.store.clone(), attempt);
            self.tasks[task].seq = self.seq;
        }
    }

    fn write_store(&mut self, at: Time, write: &StoreWrite, by: &Actor, attempt: Option<u32>) {
        let writer = if let Actor::Agent(task) = by { self.task_ix(task) } else { None };
        let seen = writer.map(|task| &self.tasks[task]).filter(|it| attempt == Some(it.attempts));
        let tree = seen.map(|it| it.tree.clone());
        let origin = Origin { by: by.clone(), attempt, epoch: self.epoch, at, tree };
        self.stores.entry(write.store.clone()).or_default().write(self.seq, write, &origin);
    }

    pub(super) fn evidence(&mut self, at: Time, found: &EvidenceRecorded) {
        let evidence =
            CommandEvidence { code: found.code, epoch: self.epoch, at, tail: found.tail.clone() };
        self.evidence.entry(found.name.clone()).or_default().insert(found.tree.clone(), evidence);
        self.count_verification(&found.name);
    }

    /// The whole of SPEC 7.3, F7, in one step.
    pub(super) fn fired(&mut self, at: Time, fired: &ChannelsFired) {
        let plan = self.shared_plan().clone();
        let steps: Vec<StepIx> = fired.steps.iter().filter_map(|id| self.step_ix(id)).collect();
        let channels: Vec<usize> = fired
            .channels
            .iter()
            .filter_map(|id| plan.channels.iter().position(|channel| channel.id == *id))
            .filter(|&ix| ix < self.channels.len())
            .collect();
        for &ix in &channels {
            let (turn, to) = (self.turn_of(plan.channels[ix].from), plan.channels[ix].to);
            let is_held = !steps.contains(&to) && plan.steps[to].join == Some(Join::All);
            let channel = &mut self.channels[ix];
            channel.fired = turn;
            channel.pending = is_held && self.steps[to].activated == 0;
            channel.due.clear();
        }
        if fired.cycle {
            self.cycles += 1;
            self.epoch += 1;
            for &ix in &channels {
                self.channels[ix].cycles += 1;
                // Back wins: what its source would also have fired forward belongs to the old pass.
                // A source that this does not undo keeps what it has to say to others.
                let (from, turn) = (plan.channels[ix].from, self.channels[ix].fired);
                let source = &plan.steps[from].id;
                if !fired.stale.contains(source) && !fired.steps.contains(source) {
                    continue;
                }
                for (other, channel) in plan.channels.iter().enumerate() {
                    if channel.from == from && !channel.depends_on {
                        self.channels[other].fired = turn;
                        self.channels[other].due.clear();
                    }
                }
            }
            for store in &fired.cleared {
                self.stores.entry(store.clone()).or_default().clear(self.seq);
            }
            for id in &fired.stale {
                if let Some(step) = self.step_ix(id) {
                    self.make_stale(at, step);
                }
            }
        }
        for &step in &steps {
            for (ix, channel) in plan.channels.iter().enumerate() {
                if channel.to == step && !channel.depends_on {
                    self.channels[ix].pending = false;
                }
            }
            self.activate(at, step, &fired.feedback);
        }
        for step in fired.stale.iter().filter_map(|id| self.step_ix(id)).collect::<Vec<_>>() {
            self.keep_what_holds(step);
        }
        self.tell_the_living(&channels, &steps, &fired.feedback);
    }

    /// Firing into a step at work only delivers what was said.
    fn tell_the_living(&mut self, channels: &[usize], activated: &[StepIx], feedback: &str) {
        let plan = self.shared_plan().clone();
        for &ix in channels {
            let to = plan.channels[ix].to;
            if activated.contains(&to) || !self.is_at_work(to) || feedback.is_empty() {
                continue;
            }
            let known = &mut self.steps[to].feedback;
            if !known.contains(feedback) {
                if !known.is_empty() {
                    known.push_str("\n\n");
                }
                known.push_str(feedback);
            }
        }
    }

    /// The results of a step count no longer; a live attempt goes on until it ends or is stopped.
    fn make_stale(&mut self, at: Time, step: StepIx) {
        self.abandon_children(step);
        self.steps[step].activated = 0;
        let was_dead = self.index.steps[step].dead > 0;
        for task in self.tasks_of(step) {
            self.tasks[task].asked = None;
            self.end_hold(at, task);
            match &mut self.tasks[task].status {
                TaskStatus::Running(live) => live.stale = true,
                TaskStatus::Pending => {}
                TaskStatus::Ready { .. }
                | TaskStatus::Checking(_)
                | TaskStatus::WaitingInput { .. }
                | TaskStatus::Done { .. }
                | TaskStatus::Failed { .. }
                | TaskStatus::Skipped { .. }
                | TaskStatus::TimedOut { .. }
                | TaskStatus::Stale => self.set_task(task, TaskStatus::Stale),
            }
            self.tasks[task].seq = self.seq;
        }
        self.refresh_step(step);
        if was_dead {
            self.reopen_skipped(step);
        }
    }

    /// A stale step that waits for several channels: what a source that is not played again has said
    /// in its turn holds for the next pass.
    fn keep_what_holds(&mut self, step: StepIx) {
        let plan = self.shared_plan().clone();
        if plan.steps[step].join != Some(Join::All) {
            return;
        }
        for (ix, channel) in plan.channels.iter().enumerate() {
            if channel.to == step && !channel.depends_on {
                let has_said = self.channels[ix].fired == self.turn_of(channel.from);
                self.channels[ix].pending = has_said && self.is_played(channel.from);
            }
        }
    }

    /// A person's word gives the cycles their whole limit back (F10).
    pub(super) fn zero_cycles(&mut self) {
        self.cycles = 0;
        for known in self.verifications.values_mut() {
            known.reds = 0;
        }
        for channel in &mut self.channels {
            channel.cycles = 0;
        }
    }

    /// Channels that fire when they open: the edge from closed to open is remembered.
    pub(super) fn look_at_edges(&mut self) {
        for at in 0..self.index.edges.len() {
            if self.index.edges[at].fire != Fire::Open {
                continue;
            }
            let is_open = self.is_edge_open(&self.index.edges[at]);
            for ix in self.index.edges[at].channels.clone() {
                let channel = &mut self.channels[ix];
                if is_open && !channel.open {
                    channel.due = vec!["open".to_owned()];
                }
                channel.open = is_open;
            }
        }
    }

    pub(super) fn asked(&mut self, at: Time, asked: &QuestionAsked) {
        let Some(task) = self.task_ix(&asked.task) else { return };
        let is_known = self.tasks[task]
            .asked
            .as_ref()
            .is_some_and(|known| known.question == asked.question && known.answer.is_none());
        if !is_known {
            self.tasks[task].asked = Some(Asked {
                question: asked.question.clone(),
                at,
                seq: self.seq,
                parked: false,
                answer: None,
            });
        }
        if self.tasks[task].status.as_live().is_some() {
            self.tasks[task].seq = self.seq;
            self.begin_hold(at, task);
            return;
        }
        let question = asked.question.clone();
        self.set_task(task, TaskStatus::WaitingInput { question, since: at });
    }

    pub(super) fn parked(&mut self, at: Time, id: &TaskId) {
        let Some(task) = self.task_ix(id) else { return };
        self.tasks[task].seq = self.seq;
        if let Some(asked) = &mut self.tasks[task].asked {
            asked.parked = true;
        }
        self.end_hold(at, task);
    }

    pub(super) fn withdrawn(&mut self, at: Time, id: &TaskId, why: &str) {
        let Some(task) = self.task_ix(id) else { return };
        self.end_hold(at, task);
        self.tasks[task].asked = None;
        self.tasks[task].seq = self.seq;
        self.supersede(DecisionKind::Question, &id.to_string(), why);
    }

    pub(super) fn decision_opened(&mut self, at: Time, opened: &DecisionOpened) {
        let why = format!("`{}` was asked instead", opened.id);
        self.supersede(opened.kind, &opened.subject, &why);
        self.decisions.push(DecisionState {
            opened: opened.clone(),
            at,
            nonces: Vec::new(),
            verdict: None,
            superseded: None,
        });
    }

    fn supersede(&mut self, kind: DecisionKind, subject: &str, why: &str) {
        for entry in &mut self.decisions {
            let is_same = entry.opened.kind == kind && entry.opened.subject == subject;
            if is_same && entry.is_open() {
                entry.superseded = Some(why.to_owned());
            }
        }
    }

    /// Consumption and effect of a decision are one event.
    pub(super) fn decision_made(&mut self, at: Time, made: &DecisionMade) {
        let seq = self.seq;
        let Some(entry) = self.decisions.iter_mut().find(|entry| entry.opened.id == made.id) else {
            return;
        };
        entry.verdict = Some(DecisionVerdict {
            action: made.action,
            text: made.text.clone(),
            by: made.by.clone(),
            at,
            seq,
            into: made.into.clone(),
        });
        let (kind, subject) = (entry.opened.kind, entry.opened.subject.clone());
        self.accepted.extend(made.accepts.iter().cloned());
        if let Some(write) = &made.write {
            self.write_store(at, write, &made.by, None);
        }
        // What a person says in words is a message; a yes to a gate inside a loop is not.
        if matches!(made.action, Action::Answer | Action::RequestChanges | Action::Suggest) {
            self.zero_cycles();
        }
        match kind {
            DecisionKind::Question => {
                let Ok(id) = subject.parse() else { return };
                let Some(task) = self.task_ix(&id) else { return };
                self.tasks[task].seq = seq;
                if let Some(asked) = &mut self.tasks[task].asked {
                    asked.answer = Some(made.text.clone());
                    let answer = (asked.question.text.clone(), made.text.clone());
                    self.tasks[task].answer = Some(answer);
                }
                self.end_hold(at, task);
            }
            DecisionKind::Plan => {
                let step = subject.parse().ok().and_then(|id| self.step_ix(&id));
                if let Some(step) = step {
                    self.steps[step].approved = Some(made.action == Action::Approve);
                }
            }
            DecisionKind::Risk | DecisionKind::Gate | DecisionKind::Merge => {}
        }
    }

    pub(super) fn message_sent(&mut self, at: Time, sent: &MessageSent) {
        let message = sent.message.clone();
        let by: Actor = message.from.parse().unwrap_or(Actor::Supervisor);
        for write in &sent.writes {
            self.written(at, write, &by, sent.attempt);
        }
        match &by {
            Actor::Human(_) => {
                // A follow-up was written by a program that works for a person.
                if message.kind != MessageKind::FollowUp {
                    self.zero_cycles();
                }
                self.words_seq = self.seq;
            }
            // Into a step at work it is mail and nothing more (F8).
            Actor::Agent(task)
                if !self.is_addressee_at_work(&message.to) && !self.is_gone_past(task) =>
            {
                for ix in self.message_channels(task, &message.to) {
                    self.channels[ix].due.push(message.id.clone());
                }
            }
            Actor::Agent(_) | Actor::Supervisor | Actor::Shim(_) => {}
        }
        self.messages.push(MessageState {
            message,
            delivered: Vec::new(),
            acked: Vec::new(),
            dead: None,
        });
    }

    /// Whether a cycle has gone past the live attempt of a task: what it sends is mail and moves nothing.
    fn is_gone_past(&self, task: &TaskId) -> bool {
        let live = self.task_ix(task).and_then(|task| self.tasks[task].status.as_live());
        live.is_some_and(|live| live.stale)
    }

    fn is_addressee_at_work(&self, to: &str) -> bool {
        let step = to.parse::<TaskId>().ok().and_then(|id| self.step_ix(id.step()));
        step.is_some_and(|step| self.is_at_work(step))
    }

    /// Open channels that fire when this message goes along them.
    fn message_channels(&self, from: &TaskId, to: &str) -> Vec<usize> {
        let plan = self.plan();
        let target = to.parse::<TaskId>().ok().and_then(|id| self.step_ix(id.step()));
        let (Some(from), Some(to)) = (self.step_ix(from.step()), target) else {
            return Vec::new();
        };
        let edges = self.index.edges.iter().filter(|edge| edge.fire == Fire::Message);
        let edges = edges.filter(|edge| edge.to == to && self.is_edge_open(edge));
        let channels = edges.flat_map(|edge| edge.channels.iter().copied());
        channels.filter(|&ix| plan.channels[ix].from == from).collect()
    }

    pub(super) fn message_dead(&mut self, ids: &[String], why: &str) {
        for entry in &mut self.messages {
            if ids.contains(&entry.message.id) && entry.dead.is_none() {
                entry.dead = Some(why.to_owned());
            }
        }
        for channel in &mut self.channels {
            channel.due.retain(|id| !ids.contains(id));
        }
    }
}
