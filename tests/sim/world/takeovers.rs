//! What simulated people do with tasks themselves: they take them over, lose their terminals, and speak to agents
//! at work.

use std::collections::BTreeMap;

use crew::base::flow::{Access, Isolation};
use crew::base::{TaskId, Time};
use crew::engine::{Caller, Command, Input, State};
use crew::event::Actor;
use crew::event::body::MessageDelivered;
use crew::event::message::Delivery;
use crew::event::takeover::{HandBack, TaskHandedBack, TaskTaken};

use super::{Supervisor, World};

/// Times that people take tasks of one run over.
const TAKES: usize = 4;
/// Words that people say to agents of one run at work.
const WORDS: usize = 6;

/// A person in a task, or on the way there.
#[derive(Debug, Clone)]
pub(super) struct Hand {
    task: TaskId,
    mark: String,
    /// When the session ends.
    ends: Time,
    how: HandBack,
    /// The terminal was closed, and nobody says that it ended.
    is_gone: bool,
}

/// A word on its way into a turn.
#[derive(Debug, Clone)]
pub(super) struct Word {
    id: String,
    task: usize,
    attempt: u32,
    at: Time,
}

/// What people have done with tasks.
#[derive(Debug, Default)]
pub(super) struct Hands {
    open: Vec<Hand>,
    words: Vec<Word>,
    taken: usize,
    said: usize,
}

impl Hands {
    /// Whether nobody is at work.
    pub(super) fn are_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// The next moment at which something of theirs happens.
    pub(super) fn moments(&self) -> impl Iterator<Item = Time> {
        let ends = self.open.iter().map(|hand| hand.ends);
        ends.chain(self.words.iter().map(|word| word.at))
    }
}

impl World {
    /// Everything that people do with tasks now. `false` = the supervisor died in it.
    pub(super) fn hands(&mut self, supervisor: &mut Supervisor) -> bool {
        self.hand_back(supervisor)
            && self.deliver(supervisor)
            && self.take(supervisor)
            && self.speak(supervisor)
    }

    fn take(&mut self, supervisor: &mut Supervisor) -> bool {
        let state = &supervisor.state;
        if self.hands.taken >= TAKES || self.rng.u8(0..60) > 0 {
            return true;
        }
        let task = state.task_id(self.rng.usize(0..state.tasks.len()));
        self.hands.taken += 1;
        let mark = format!("hand-{}", self.hands.taken);
        let hows = [HandBack::GoOn, HandBack::GoOn, HandBack::Done, HandBack::Unused];
        let how = *self.rng.choice(&hows).expect("not empty");
        let ends = self.now.plus_ms(self.rng.u64(1..120_000));
        let is_gone = self.rng.u8(0..4) == 0;
        // Sometimes somebody follows one whose terminal is gone.
        let old = self.hands.open.iter().find(|hand| hand.task == task && hand.is_gone);
        let over = old.map(|hand| hand.mark.clone());
        let by = Actor::Human("ada".into());
        let taken = TaskTaken {
            task: task.clone(),
            by: by.clone(),
            pid: 7,
            mark: mark.clone(),
            program: "shell".into(),
        };
        self.hands.open.push(Hand { task, mark, ends, how, is_gone });
        self.commit(supervisor, &by, &Input::Command(Command::Take { taken, over }))
    }

    /// Sessions that have ended: a person says so, or the supervisor sees that nobody is there.
    fn hand_back(&mut self, supervisor: &mut Supervisor) -> bool {
        let now = self.now;
        // Whoever waits for a task that ends meanwhile goes away.
        let state = &supervisor.state;
        let is_due = |hand: &&Hand| hand.ends <= now || is_settled(state, &hand.task);
        let due: Vec<Hand> = self.hands.open.iter().filter(is_due).cloned().collect();
        for hand in due {
            for how in [hand.how, HandBack::Unused] {
                if !is_in(&supervisor.state, &hand) {
                    break;
                }
                self.summary.taken += 1;
                let how = if hand.is_gone { HandBack::Lost } else { how };
                let (back, mark) = (back(&hand, how), hand.mark.clone());
                let input = if hand.is_gone {
                    Input::TakerGone { back, mark }
                } else {
                    Input::Command(Command::HandBack { back, mark })
                };
                let by = Actor::Human("ada".into());
                let actor = if hand.is_gone { &Actor::Supervisor } else { &by };
                if !self.commit(supervisor, actor, &input) {
                    return false;
                }
            }
            assert!(!is_in(&supervisor.state, &hand), "`{}` cannot be given back", hand.task);
            self.hands.open.retain(|other| other.mark != hand.mark);
        }
        true
    }

    /// A word to an agent at work.
    fn speak(&mut self, supervisor: &mut Supervisor) -> bool {
        if self.hands.said >= WORDS || self.rng.u8(0..30) > 0 {
            return true;
        }
        let live = super::live_attempts(&supervisor.state);
        let Some(&(task, attempt)) = self.rng.choice(&live) else { return true };
        self.hands.said += 1;
        let by = Actor::Human("ada".into());
        let to = supervisor.state.task_id(task).to_string();
        let mut message = self.message(by.to_string(), to);
        message.id = format!("word-{}", self.hands.said);
        message.delivery = Delivery::Interrupt;
        let word = Word {
            id: message.id.clone(),
            task,
            attempt,
            at: self.now.plus_ms(self.rng.u64(1..5_000)),
        };
        self.hands.words.push(word.clone());
        // A driver that is told twice tells twice.
        if self.rng.bool() {
            self.hands.words.push(Word { at: word.at.plus_ms(10), ..word });
        }
        let command =
            Command::Send { message, gates: BTreeMap::new(), by: Caller::Human("ada".into()) };
        self.commit(supervisor, &by, &Input::Command(command))
    }

    /// Words that a program has given to its model; one that is gone takes none.
    fn deliver(&mut self, supervisor: &mut Supervisor) -> bool {
        let now = self.now;
        let (due, later) = self.hands.words.drain(..).partition(|word| word.at <= now);
        self.hands.words = later;
        let due: Vec<Word> = due;
        for word in due {
            let process = self.processes.get(&(word.task, word.attempt));
            if !process.is_some_and(super::Process::is_alive) {
                continue;
            }
            self.summary.words += 1;
            let task = supervisor.state.task_id(word.task);
            let fact = MessageDelivered { ids: vec![word.id], task, attempt: word.attempt };
            if !self.commit(supervisor, &Actor::Supervisor, &Input::Fact(fact.into())) {
                return false;
            }
        }
        true
    }
}

/// Where people are at work no attempt begins.
pub(super) fn check_hands(state: &State, task: usize) {
    assert!(state.taken(task).is_none(), "an attempt beside a person");
    let step = state.step_of(task);
    let is_shared = |task: usize| state.step_of(task).isolation == Isolation::Shared;
    let is_at_work = |task: usize| is_shared(task) && !state.tasks[task].status.is_settled();
    for (other, _) in state.all_taken().filter(|&(other, _)| is_at_work(other)) {
        let access = state.step_of(other).access;
        let writes = step.access == Access::Write || access == Access::Write;
        let are_there = step.access != Access::None && access != Access::None;
        let is_in_the_way = is_shared(task) && writes && are_there;
        assert!(!is_in_the_way, "{} beside a person in the same tree", step.id);
    }
}

fn is_in(state: &State, hand: &Hand) -> bool {
    let task = state.task_ix(&hand.task).expect("a task of the plan");
    state.taken(task).is_some_and(|taken| taken.mark == hand.mark)
}

fn is_settled(state: &State, task: &TaskId) -> bool {
    state.tasks[state.task_ix(task).expect("a task of the plan")].status.is_settled()
}

fn back(hand: &Hand, how: HandBack) -> TaskHandedBack {
    TaskHandedBack {
        task: hand.task.clone(),
        how,
        code: Some(0),
        signal: None,
        files: vec!["a.txt".to_owned()],
        file_count: 1,
        duration_ms: 5,
    }
}
