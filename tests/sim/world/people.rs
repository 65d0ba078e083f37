//! What the simulated people do: the queue, pauses, answers, decisions, and meddling.

use std::collections::BTreeMap;

use crew::engine::{BudgetChange, Caller, Command, Input, Proof, State};
use crew::event::decision::{Action, DecisionKind};
use crew::event::{Actor, BlockedReason, Status, StatusKind, Wait};
use crew::plan::policy::Budget;
use serde_json::{Value, json};

use super::{Supervisor, World};

/// Words of people after which they lose their patience with a run.
const PATIENCE: u32 = 12;

impl World {
    /// One thing that a person or the queue does, when there is a reason. `false` = the supervisor died.
    pub(super) fn people(&mut self, supervisor: &mut Supervisor) -> bool {
        if !self.meddle(supervisor) {
            return false;
        }
        let human = Actor::Human("ada".into());
        let status = supervisor.state.status.clone();
        let Some(command) = self.wish(&supervisor.state, &status) else { return true };
        self.summary.paused += u64::from(command == Command::Pause);
        self.summary.blocked += u64::from(status.kind() == StatusKind::Blocked);
        self.resumes += u32::from(status.kind() == StatusKind::Blocked);
        self.commit(supervisor, &human, &Input::Command(command))
    }

    fn wish(&mut self, state: &State, status: &Status) -> Option<Command> {
        let is_patient = self.words < PATIENCE;
        match (status, self.rng.u8(0..200)) {
            (Status::Queued { .. }, _) => Some(Command::Promote { dependencies: Some(Ok(())) }),
            (Status::Running, 0) => Some(Command::Pause),
            (Status::Running, 1) if self.resumes > 0 => Some(Command::Stop),
            (Status::Draft, _) | (Status::Running, 2..20) => self.decide(state),
            (Status::Paused, _) => Some(raised(state, 0)),
            (Status::Waiting { wait: Wait::Merge { .. } }, 0..180) if self.words < 5 => {
                self.decide(state)
            }
            (Status::Waiting { wait: Wait::Merge { .. } }, _) => None,
            // It wakes by itself; people may do something about it, too.
            (Status::Waiting { wait: Wait::Limit { .. } }, word) => match word {
                0..6 => Some(Command::Resume { message: None, add_steps: 0 }),
                6..12 => Some(Command::Pause),
                12..30 => self.decide(state),
                _ => None,
            },
            (Status::Waiting { .. } | Status::Blocked { .. }, _) if !is_patient => {
                Some(Command::Stop)
            }
            (Status::Waiting { .. }, 0..10) => {
                // Nobody looks for hours: reminders, and decisions that expire.
                let hours = if self.rng.bool() { 3 } else { 25 };
                self.now = self.now.plus_ms(hours * 60 * 60 * 1_000);
                self.words += 1;
                None
            }
            (Status::Waiting { wait: Wait::Auth { .. } }, _) => {
                self.words += 1;
                Some(Command::Resume { message: None, add_steps: 0 })
            }
            (Status::Waiting { .. }, _) => {
                let asked = state.decisions.iter().any(|entry| state.is_asked(entry));
                assert!(asked, "it waits and asks nobody: {status:?}");
                self.decide(state)
            }
            (Status::Blocked { reason: BlockedReason::HumanRejected, .. }, 0..120) => {
                self.decide(state)
            }
            (Status::Blocked { .. }, 0..150) if self.resumes < 4 => {
                let has_loop = state.plan().steps.iter().any(|step| step.looping.is_some());
                let add_steps = if has_loop { self.rng.u32(0..3) } else { 0 };
                Some(raised(state, add_steps))
            }
            (Status::Blocked { .. }, _) if self.resumes < 4 => super::retry_one(state),
            (Status::Blocked { .. }, _) | (Status::Merging, 0..8) => Some(Command::Stop),
            _ => None,
        }
    }

    /// A word about something that is asked, by its nonce or by name.
    fn decide(&mut self, state: &State) -> Option<Command> {
        let asked: Vec<_> = state.decisions.iter().filter(|entry| state.is_asked(entry)).collect();
        let entry = *self.rng.choice(&asked)?;
        self.words += 1;
        if entry.opened.expires_at <= self.now {
            let nonce_hash = format!("{:064x}", self.words);
            return Some(Command::Show { id: entry.opened.id.clone(), nonce_hash });
        }
        let mut action = *self.rng.choice(&entry.opened.actions).expect("there are actions");
        if action == Action::Reject && self.rng.bool() {
            action = Action::Approve;
        }
        // A gate that no yes alone opens is written by hand.
        if entry.opened.kind == DecisionKind::Gate
            && entry.opened.subject == "note"
            && action == Action::Approve
        {
            return Some(by_hand("note", &json!({"note": "fine"})));
        }
        let proof = match entry.nonces.last() {
            Some(hash) if self.rng.bool() => Proof::Nonce(hash.clone()),
            _ => Proof::Minted(format!("{:064x}", self.words)),
        };
        let decide = Command::Decide {
            target: Some(entry.opened.id.clone()),
            action,
            text: "a word".into(),
            proof,
            by: Actor::Human("ada".into()),
            into: None,
        };
        // Whoever does not accept what the word adds is refused, and says it again later.
        if self.rng.bool() {
            return Some(decide);
        }
        let budget = BudgetChange::default();
        Some(Command::With { command: Box::new(decide), budget, accepts_risks: true })
    }

    /// Things that nobody asked for: early writes, mail, decisions about what is long decided.
    fn meddle(&mut self, supervisor: &mut Supervisor) -> bool {
        if supervisor.state.plan().gates.is_empty() || self.words >= PATIENCE {
            return true;
        }
        let human = Actor::Human("ada".into());
        let command = match self.rng.u8(0..150) {
            0 => by_hand("person", &json!({"ok": self.rng.bool()})),
            1 => by_hand("both", &json!({"ok": self.rng.bool()})),
            2 => {
                let message = self.message(human.to_string(), "s0".into());
                let by = Caller::Human("ada".into());
                Command::Send { message, gates: BTreeMap::new(), by }
            }
            3..=5 => {
                let Some(entry) = self.rng.choice(&supervisor.state.decisions) else { return true };
                let proof = match entry.nonces.first() {
                    Some(hash) => Proof::Nonce(hash.clone()),
                    None => Proof::Minted("f".repeat(64)),
                };
                Command::Decide {
                    target: Some(entry.opened.id.clone()),
                    action: *self.rng.choice(&[Action::Approve, Action::Reject]).expect("two"),
                    text: "late".into(),
                    proof,
                    by: human.clone(),
                    into: None,
                }
            }
            _ => return true,
        };
        self.words += 1;
        self.commit(supervisor, &human, &Input::Command(command))
    }
}

/// Goes on with more of whatever is limited: a budget that is used up is no reason to wait for ever.
fn raised(state: &State, add_steps: u32) -> Command {
    let add = Budget {
        active_ms: state.budget.active_ms.map(|_| 600_000),
        tokens: state.budget.tokens.map(|_| 50),
        steps: (add_steps > 0).then_some(add_steps),
        ..Budget::default()
    };
    let budget = BudgetChange { add, ..BudgetChange::default() };
    let command = Box::new(Command::Resume { message: None, add_steps });
    Command::With { command, budget, accepts_risks: true }
}

fn by_hand(gate: &str, data: &Value) -> Command {
    let Value::Object(data) = data.clone() else { panic!("an object") };
    Command::WriteGate { gate: gate.to_owned(), data, by: Caller::Human("ada".into()) }
}
