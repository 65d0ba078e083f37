//! What the simulated agents call during their turns, and after them.

use std::collections::BTreeMap;

use crew::base::flow::StepKind;
use crew::base::{TaskId, Time};
use crew::engine::{Caller, Command, Input, State};
use crew::event::attempt::{Question, Report};
use crew::event::gate::TurnOutcome;
use crew::event::message::{Delivery, Message, MessageKind, MessagePriority};
use crew::event::pass::Said;
use crew::event::{Actor, EndReason, Usage};
use serde_json::{Map, Value, json};

use super::{Process, Supervisor, World, ended};

impl World {
    /// Moments of a turn at which its agent calls; some come when the turn is long over.
    pub(super) fn moments(&mut self, state: &State, ends_in: u64) -> Vec<Time> {
        if state.plan().gates.is_empty() {
            return Vec::new();
        }
        let number = self.rng.usize(0..5);
        let mut moments: Vec<Time> = (0..number)
            .map(|_| {
                let late = if self.rng.u8(0..12) == 0 { 100_000 } else { 0 };
                self.now.plus_ms(self.rng.u64(1..=ends_in.max(1)) + late)
            })
            .collect();
        moments.sort_unstable();
        moments.reverse();
        moments
    }

    /// Every call that is due. `false` = the supervisor died in it.
    pub(super) fn agents(&mut self, supervisor: &mut Supervisor) -> bool {
        let now = self.now;
        let mut due: Vec<(usize, u32)> = Vec::new();
        for (key, process) in &mut self.processes {
            while process.calls.last().is_some_and(|at| *at <= now) {
                process.calls.pop();
                due.push(*key);
            }
        }
        for (task, number) in due {
            let id = supervisor.state.task_id(task);
            let command = self.call(&supervisor.state, task, &id, number);
            let actor = Actor::Agent(id);
            self.summary.calls += 1;
            if !self.commit(supervisor, &actor, &Input::Command(command)) {
                return false;
            }
        }
        true
    }

    fn call(&mut self, state: &State, task: usize, id: &TaskId, attempt: u32) -> Command {
        let by = Caller::Agent { task: id.clone(), attempt };
        match self.rng.u8(0..40) {
            0 => {
                let question = Question { text: "which?".into(), choices: Vec::new() };
                Command::Ask { task: id.clone(), attempt, question }
            }
            1 => Command::Park { task: id.clone(), attempt },
            2 | 3 => Command::Report {
                task: id.clone(),
                attempt,
                outcome: *self
                    .rng
                    .choice(&[TurnOutcome::Done, TurnOutcome::Done, TurnOutcome::Failed])
                    .expect("not empty"),
                text: "so it is".into(),
            },
            4..=8 => self.send(state, task, by),
            _ => {
                let (gate, data) = self.values(state, task);
                Command::WriteGate { gate, data, by }
            }
        }
    }

    /// A message along a channel of the task's step, or to somebody it may not write to.
    fn send(&mut self, state: &State, task: usize, by: Caller) -> Command {
        let plan = state.plan();
        let step = state.step_ix_of(task);
        let reach: Vec<usize> =
            plan.channels.iter().filter(|c| c.from == step).map(|c| c.to).collect();
        let to = match self.rng.choice(&reach) {
            Some(&to) if self.rng.u8(0..10) > 0 => plan.steps[to].id.to_string(),
            _ => "s0".to_owned(),
        };
        let mut gates = BTreeMap::new();
        if self.rng.u8(0..3) == 0 {
            gates.extend([self.values(state, task), self.values(state, task)]);
        }
        let message = self.message(by.actor().to_string(), to);
        Command::Send { message, gates, by }
    }

    pub(super) fn message(&mut self, from: String, to: String) -> Message {
        Message {
            id: format!("m{}", self.rng.u32(..)),
            at: self.now,
            from,
            to,
            kind: MessageKind::Message,
            priority: MessagePriority::Normal,
            delivery: Delivery::NextTurn,
            text: "a word".into(),
            data: None,
            reply_to: None,
        }
    }

    /// A gate and what is written into it: mostly right, sometimes forged, unknown or of the wrong type.
    fn values(&mut self, state: &State, task: usize) -> (String, Map<String, Value>) {
        let plan = state.plan();
        let step = state.step_ix_of(task);
        let near: Vec<&String> =
            plan.channels.iter().filter(|c| c.from == step).flat_map(|c| &c.gates).collect();
        let gate = match self.rng.choice(&near) {
            Some(gate) if self.rng.u8(0..8) > 0 => (*gate).clone(),
            _ => {
                let number = self.rng.usize(0..plan.gates.len());
                plan.gates[number].id.clone()
            }
        };
        let word = if self.rng.u8(0..3) > 0 { "yes" } else { "no" };
        let data = match (gate.as_str(), self.rng.u8(0..20)) {
            (_, 0) => json!({"votes": {"s0": "yes", "s1": "yes"}}),
            (_, 1) => json!({"result": "maybe"}),
            ("yes" | "no", _) => json!({"result": word, "why": "because"}),
            ("votes", _) => json!({"votes": word}),
            ("link" | "green", _) => json!({"url": "u"}),
            ("note", _) => json!({"note": "forged"}),
            _ => json!({"ok": true}),
        };
        let Value::Object(data) = data else { panic!("an object") };
        (gate, data)
    }
}

impl World {
    pub(super) fn spawn(&mut self, state: &State, task: usize, number: u32) {
        self.check_spawn(state, task);
        let step = state.step_of(task);
        let mut end = ended(state, (task, number), EndReason::Exited, self.now, self.now);
        end.report.spoke = true;
        end.code = Some(0);
        end.usage = Usage { output_tokens: 5, ..Usage::default() };
        end.report.verdict = step.verify.then(|| self.rng.u8(0..4) > 0);
        end.report.proposal = step.expands.map(|_| self.proposal());
        if step.looping.is_some() {
            let words = [Said::Done, Said::Done, Said::Done, Said::Continue, Said::Conflict];
            end.report.state =
                (self.rng.u8(0..8) > 0).then(|| *self.rng.choice(&words).expect("not empty"));
        }
        let mut ends_in = Some(self.rng.u64(1..60_000));
        match self.rng.u8(0..30) {
            0 | 1 => end.code = Some(1),
            2 => (end.code, end.signal) = (None, Some(11)),
            3 => end.report.spoke = false,
            4 => {
                end.report.question = Some(Question { text: "which?".into(), choices: Vec::new() });
            }
            5 => {
                let why = if self.rng.bool() { "no access" } else { "the sandbox says no" };
                end.report.blocked = Some(why.into());
                end.report.state = Some(Said::Blocked);
            }
            6 => end.report.verdict = None,
            7 => ends_in = None,
            9 | 10 if step.kind == StepKind::Agent => self.fails(&mut end),
            8 => end.report = Report { failed: Some("cannot be done".into()), ..Report::default() },
            _ => {}
        }
        if let (Some(limit), duration) = (step.timeout_ms, ends_in)
            && duration.is_none_or(|duration| duration > limit)
        {
            end = ended(state, (task, number), EndReason::Deadline, self.now, self.now);
            ends_in = Some(limit);
        }
        let ends = ends_in.map(|ms| (self.now.plus_ms(ms), end));
        let process = Process {
            output: (self.rng.u8(0..10) > 0).then(|| self.now.plus_ms(10)),
            ends,
            exit: None,
            started: self.now,
            obeys_in: *self.rng.choice(&[5, 50, 5_000]).expect("not empty"),
            stopped: false,
            lost: false,
            calls: self.moments(state, ends_in.unwrap_or(60_000)),
        };
        self.processes.insert((task, number), process);
    }

    /// What a planner proposes: mostly a usable plan of one or two phases.
    fn proposal(&mut self) -> String {
        let role = if self.rng.u8(0..6) == 0 { "nobody" } else { "role-0" };
        let task = format!("{{\"role\":\"{role}\",\"task\":\"work\"}}");
        let phase = format!("{{\"name\":\"p\",\"tasks\":[{task},{task}]}}");
        let phases = vec![phase; self.rng.usize(1..3)].join(",");
        format!("{{\"phases\":[{phases}]}}")
    }
}
