//! What the canvas shows of a run, or of a workflow without one: steps with their states, gates with their looks.

use super::graph::{Graph, Link, Size};
use super::view::Pick;
use crate::base::flow::StepKind;
use crate::plan::{Plan, StepPlan};
use crate::snapshot::{Class, GateLook, GateRow, StatusView, TaskRow};
use crate::tui::text::columns;

/// Slots that are shown one by one; of more only the number is.
const SLOTS_SHOWN: usize = 6;
/// Columns of a name that is shown whole.
const NAME_MAX: usize = 26;
/// Columns inside a box, at least and at most.
const INNER: (usize, usize) = (13, 28);
/// Columns of the longest word for a state.
const WORD: usize = 9;

/// Everything that the canvas shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canvas {
    /// Name of the workflow.
    pub workflow: String,
    /// Its steps.
    pub steps: Vec<Step>,
    /// Its channels.
    pub channels: Vec<Channel>,
    /// Steps that come first.
    pub start: Vec<usize>,
    /// How far the run is; absent without a run.
    pub round: Option<Round>,
}

/// Passes through the cycles of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    /// Passes, from 1.
    pub epoch: u32,
    /// Firings that led back.
    pub cycles: u32,
    /// Firings that may lead back.
    pub most: u32,
}

/// A step on the canvas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub id: String,
    /// Who plays it: a role, a command, a person.
    pub role: String,
    /// The program that plays it; empty when none does.
    pub player: String,
    /// What kind of work it is.
    pub kind: StepKind,
    /// Number of its tasks.
    pub slots: usize,
    /// How it stands; absent without a run.
    pub state: Option<StepState>,
}

/// How a step stands, folded from its tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepState {
    /// How much it needs a look.
    pub class: Class,
    /// In a word.
    pub word: &'static str,
    /// Its tasks, in their order.
    pub tasks: Vec<Class>,
    /// How many of them are done.
    pub done: usize,
}

/// A channel on the canvas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Its name.
    pub id: String,
    /// The step that it leaves.
    pub from: usize,
    /// The step that it enters.
    pub to: usize,
    /// The gates on it.
    pub gates: Vec<Gate>,
    /// Whether it is declared to lead back.
    pub is_back: bool,
    /// Whether work went along it.
    pub has_fired: bool,
}

/// A gate on a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// Its name.
    pub id: String,
    /// How it stands; absent without a run.
    pub look: Option<GateLook>,
    /// How many are needed, when it counts, and how many there are.
    pub count: Option<(u32, u32)>,
    /// Whether something that is counted is against it.
    pub is_opposed: bool,
    /// Whether only a person opens it.
    pub is_human: bool,
}

/// How much of a step its box shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Name and state.
    Name,
    /// Name; state with slots.
    State,
    /// Name; state with slots; who plays it.
    Full,
}

impl Canvas {
    /// The canvas of a run at some moment.
    pub fn of_run(plan: &Plan, view: &StatusView) -> Self {
        let mut canvas = Self::of_plan(plan);
        for step in &mut canvas.steps {
            let rows = view.tasks.iter().filter(|row| row.step.as_str() == step.id);
            step.state = StepState::of(&rows.collect::<Vec<_>>());
        }
        for channel in &mut canvas.channels {
            channel.has_fired = view.channels.iter().any(|row| row.fired && row.id == channel.id);
        }
        for gate in canvas.channels.iter_mut().flat_map(|channel| &mut channel.gates) {
            if let Some(row) = view.gates.iter().find(|row| row.id == gate.id) {
                gate.stands(row);
            }
        }
        let run = &view.run;
        canvas.round =
            Some(Round { epoch: run.epoch, cycles: run.cycles, most: run.max_iterations });
        canvas
    }

    /// The canvas of a workflow without a run.
    pub fn of_plan(plan: &Plan) -> Self {
        let channels = plan.channels.iter().map(|channel| Channel {
            id: channel.id.clone(),
            from: channel.from,
            to: channel.to,
            gates: channel.gates.iter().map(|gate| Gate::of(plan, gate)).collect(),
            is_back: channel.cyclic,
            has_fired: false,
        });
        Self {
            workflow: plan.workflow.clone(),
            steps: plan.steps.iter().map(Step::of).collect(),
            channels: channels.collect(),
            start: plan.start.clone(),
            round: None,
        }
    }

    /// The gate or step that needs a look most: what waits for a person, then the most urgent step.
    pub fn most_urgent(&self) -> Option<Pick> {
        let waiting = self.channels.iter().find_map(|channel| {
            let gate = channel.gates.iter().find(|gate| gate.look == Some(GateLook::Waiting))?;
            Some(Pick::Gate { channel: channel.id.clone(), gate: gate.id.clone() })
        });
        let class = |step: &&Step| step.state.as_ref().map_or(Class::Idle, |state| state.class);
        let is_under_way = |step: &&Step| class(step) < Class::Done;
        let step = self.steps.iter().filter(is_under_way).min_by_key(class);
        let ended = || self.steps.iter().rfind(|step| class(step) == Class::Done);
        let step = step.or_else(ended).or_else(|| self.steps.get(*self.start.first()?));
        waiting.or_else(|| step.map(|step| Pick::Step(step.id.clone())))
    }

    /// What is laid out. It depends on the plan alone, so that nothing moves while a run goes on.
    /// Boxes are of one size, or as small as possible.
    pub fn graph(&self, detail: Detail, is_even: bool) -> Graph {
        let height = match detail {
            Detail::Name => 3,
            Detail::State => 4,
            Detail::Full => 5,
        };
        let links = self.channels.iter().map(|channel| Link {
            from: channel.from,
            to: channel.to,
            labels: channel.gates.iter().map(|gate| cells(gate.columns())).collect(),
            is_back: channel.is_back,
        });
        // Boxes of one size look calm.
        let widest = self.steps.iter().map(|step| step.columns(detail)).max().unwrap_or(0);
        let width = |step: &Step| if is_even { widest } else { step.columns(detail) };
        let size = |step: &Step| Size { width: cells(width(step) + 4), height };
        Graph {
            nodes: self.steps.iter().map(size).collect(),
            links: links.collect(),
            start: self.start.clone(),
        }
    }
}

impl Step {
    fn of(step: &StepPlan) -> Self {
        let role = match step.kind {
            StepKind::Agent => step.role.clone(),
            StepKind::End if step.agent.is_some() => step.role.clone(),
            StepKind::End => "end".to_owned(),
            StepKind::Command => "command".to_owned(),
            StepKind::Human => "a person".to_owned(),
        };
        Self {
            id: step.id.to_string(),
            role,
            player: if step.kind == StepKind::Human { String::new() } else { step.runtime.clone() },
            kind: step.kind,
            slots: step.slots as usize,
            state: None,
        }
    }

    /// Columns of what stands in its box.
    fn columns(&self, detail: Detail) -> usize {
        let name = columns(&self.id).min(NAME_MAX) + 2;
        let slots = self.slots_columns();
        let wanted = match detail {
            Detail::Name if slots > 0 => name + 1 + slots,
            Detail::State if slots > 0 => name.max(WORD + 1 + slots),
            Detail::Name | Detail::State => name,
            Detail::Full => {
                let player = if self.player.is_empty() { 0 } else { columns(&self.player) + 3 };
                let slots = if slots > 0 { slots + 1 } else { 0 };
                name.max(WORD + slots).max(columns(&self.role) + player)
            }
        };
        wanted.clamp(INNER.0, INNER.1)
    }

    /// Columns of its slots: `2/3 ●✓·`.
    fn slots_columns(&self) -> usize {
        match self.slots {
            0 | 1 => 0,
            few if few <= SLOTS_SHOWN => 4 + few,
            many => 1 + 2 * many.to_string().len(),
        }
    }

    /// The tasks that are shown one by one.
    pub fn tasks_shown(&self) -> &[Class] {
        match &self.state {
            Some(state) if self.slots > 1 && self.slots <= SLOTS_SHOWN => &state.tasks,
            Some(_) | None => &[],
        }
    }
}

impl StepState {
    fn of(rows: &[&TaskRow]) -> Option<Self> {
        let first = rows.iter().min_by_key(|row| row.class)?;
        let is_done = |row: &&&TaskRow| row.class == Class::Done;
        Some(Self {
            class: first.class,
            word: word(first),
            tasks: rows.iter().map(|row| row.class).collect(),
            done: rows.iter().filter(is_done).count(),
        })
    }
}

/// How a task stands, in a word that fits into a box.
fn word(row: &TaskRow) -> &'static str {
    match (row.class, row.status) {
        (Class::NeedsYou, _) => "asks you",
        (Class::Failed, "timed_out") => "timed out",
        (Class::Failed, _) => "failed",
        (Class::Stalled, _) => "stalled",
        (Class::Running, "checking") => "checking",
        (Class::Running, _) => "running",
        (Class::Starting, _) => "starting",
        (Class::Parked, _) => "ready",
        (Class::Done, _) => "done",
        (Class::Idle, "skipped") => "skipped",
        (Class::Idle, "stale") => "again",
        (Class::Idle, _) => "waits",
    }
}

impl Gate {
    fn of(plan: &Plan, id: &str) -> Self {
        let gate = plan.gates.iter().find(|gate| gate.id == id);
        let mut need = None;
        if let Some(gate) = gate {
            gate.when.walk(&mut |part| {
                if let crate::base::flow::Condition::Count { min, .. } = part {
                    need = need.or(Some((*min).max(1)));
                }
            });
        }
        Self {
            id: id.to_owned(),
            look: None,
            count: need.map(|need| (0, need)),
            is_opposed: false,
            is_human: gate.is_some_and(|gate| gate.writers.iter().any(|it| it == "human")),
        }
    }

    fn stands(&mut self, row: &GateRow) {
        self.look = Some(row.look);
        if let Some(tally) = row.count {
            self.count = Some((tally.have.min(tally.need), tally.need));
            self.is_opposed = tally.against > 0;
        }
    }

    /// Its name without what every gate is called.
    pub fn name(&self) -> &str {
        self.id.strip_suffix("-gate").filter(|name| !name.is_empty()).unwrap_or(&self.id)
    }

    /// Columns of its label: brackets, name, sign.
    pub fn columns(&self) -> usize {
        columns(self.name()).min(NAME_MAX) + 3 + self.sign_columns()
    }

    /// Columns of its sign: as many as any state of it needs.
    pub fn sign_columns(&self) -> usize {
        self.count.map_or(1, |(_, need)| 1 + 2 * need.to_string().len())
    }
}

fn cells(columns: usize) -> i32 {
    i32::try_from(columns).unwrap_or(i32::MAX)
}
