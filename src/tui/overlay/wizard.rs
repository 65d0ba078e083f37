//! Starting a run: the goal, who works on it and how, and what it may use up.

use std::collections::BTreeSet;

use super::super::keymap::{Action, Scope};
use super::super::model::{Model, Screen};
use super::super::msg::{Call, Called, Effect};
use super::super::page::{Page, Panel};
use super::super::scene::Scene;
use super::super::update::{Data, select, words};
use super::super::want::{Loads, Want};
use super::super::world::TaskRef;
use super::field::{Field, draft, keep};
use super::known::{self, Recommendation};
use super::{Flow, Layer, Overlay, output, wizard_view};
use crate::base::RunNumber;
use ratatui::layout::Rect;

/// The draft of the goal.
pub const DRAFT: &str = "run:goal";
/// The exit code of a run that needs a person's word before it starts.
const DRAFT_CODE: i32 = 10;

/// A part of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names on the screen")]
pub enum Part {
    Goal,
    Team,
    Workflow,
    Runtime,
    Minutes,
    Cost,
    Passes,
    InPlace,
    Draft,
}

impl Part {
    /// All of them, in their order.
    pub const ALL: [Self; 9] = [
        Self::Goal,
        Self::Team,
        Self::Workflow,
        Self::Runtime,
        Self::Minutes,
        Self::Cost,
        Self::Passes,
        Self::InPlace,
        Self::Draft,
    ];

    fn at(self) -> usize {
        Self::ALL.iter().position(|part| *part == self).unwrap_or(0)
    }
}

/// A name out of a list, or none: then crew chooses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// Names with what they are for.
    pub names: Vec<(String, String)>,
    /// The chosen one, from 1; 0 leaves it to crew.
    pub at: usize,
}

impl Choice {
    /// The chosen name.
    pub fn name(&self) -> Option<&str> {
        let (name, _) = self.names.get(self.at.checked_sub(1)?)?;
        Some(name)
    }

    fn turn(&mut self, by: isize) {
        let count = self.names.len() + 1;
        self.at = self.at.checked_add_signed(by).unwrap_or(count - 1) % count;
    }

    /// Takes over what is known now; what was chosen stays chosen.
    fn learn(&mut self, names: Vec<(String, String)>) {
        if names != self.names && !names.is_empty() {
            let chosen = self.name().map(str::to_owned);
            self.names = names;
            let at =
                chosen.and_then(|name| self.names.iter().position(|(known, _)| *known == name));
            self.at = at.map_or(0, |at| at + 1);
        }
    }

    fn choose(&mut self, name: &str) {
        if let Some(at) = self.names.iter().position(|(known, _)| known == name) {
            self.at = at + 1;
        }
    }
}

/// The form of a new run.
#[derive(Debug, Clone)]
pub struct State {
    /// What is to be done.
    pub goal: Field,
    /// The team.
    pub team: Choice,
    /// The workflow.
    pub workflow: Choice,
    /// The program that plays every agent.
    pub runtime: Choice,
    /// Minutes of work at most.
    pub minutes: Field,
    /// US dollars at most.
    pub cost: Field,
    /// Passes of loops at most.
    pub passes: Field,
    /// Work in the project's folder itself.
    pub in_place: bool,
    /// Only create it.
    pub as_draft: bool,
    /// The part that takes the keys.
    pub part: Part,
    /// The goal for which something was proposed.
    pub asked: Option<String>,
    /// The run that is being started.
    pub starting: Option<u64>,
    /// Why it was not started.
    pub problem: Option<String>,
}

impl State {
    /// A form with the goal that was written and not started.
    pub fn new(model: &Model) -> Self {
        Self::with(draft(&model.memory, DRAFT))
    }

    /// A form with this goal.
    pub fn with(goal: &str) -> Self {
        Self {
            goal: Field::lines(goal),
            team: Choice::default(),
            workflow: Choice::default(),
            runtime: Choice::default(),
            minutes: Field::line(""),
            cost: Field::line(""),
            passes: Field::line(""),
            in_place: false,
            as_draft: false,
            part: Part::Goal,
            asked: None,
            starting: None,
            problem: None,
        }
    }

    /// What is proposed for the goal as it was when something was proposed.
    pub fn proposed(&self, loads: &Loads) -> Option<Recommendation> {
        known::recommendation(loads, self.asked.as_deref()?)
    }

    fn learn(&mut self, loads: &Loads) {
        let named = |want: &Want| {
            let found = known::resources(loads, want).into_iter();
            found.map(|one| (one.name, one.description.unwrap_or_default())).collect()
        };
        self.team.learn(named(&known::teams_want()));
        self.workflow.learn(named(&known::workflows_want()));
        let usable = known::runtimes(loads).into_iter().filter(|runtime| runtime.is_usable);
        self.runtime.learn(usable.map(|runtime| (runtime.name, runtime.note)).collect());
    }

    /// The goal is written: something can be proposed for it.
    fn ask(&mut self) {
        let goal = self.goal.text().trim().to_owned();
        self.asked = (!goal.is_empty()).then_some(goal);
    }

    fn to(&mut self, by: isize) {
        if self.part == Part::Goal {
            self.ask();
        }
        let count = Part::ALL.len();
        let at = self.part.at().checked_add_signed(by).unwrap_or(count - 1) % count;
        self.part = Part::ALL[at];
    }

    fn turn(&mut self, by: isize) {
        match self.part {
            Part::Team => self.team.turn(by),
            Part::Workflow => self.workflow.turn(by),
            Part::Runtime => self.runtime.turn(by),
            Part::InPlace => self.in_place = !self.in_place,
            Part::Draft => self.as_draft = !self.as_draft,
            Part::Goal | Part::Minutes | Part::Cost | Part::Passes => {}
        }
    }

    /// The command line, but for what is to become of it.
    pub fn args(&self, flag: &str) -> Vec<String> {
        let mut args = words(&["run", flag]);
        let options =
            [("-t", self.team.name()), ("-w", self.workflow.name()), ("-a", self.runtime.name())];
        for (option, name) in options {
            if let Some(name) = name {
                args.extend(words(&[option, name]));
            }
        }
        let limits = [
            ("--max-minutes", &self.minutes),
            ("--max-cost", &self.cost),
            ("--max-steps", &self.passes),
        ];
        for (option, field) in limits {
            let text = field.text();
            if !text.trim().is_empty() {
                args.push(format!("{option}={}", text.trim()));
            }
        }
        if self.in_place {
            args.push("--in-place".to_owned());
        }
        if self.as_draft {
            args.push("--draft".to_owned());
        }
        args.push("--".to_owned());
        args.push(self.goal.text().trim().to_owned());
        args
    }

    fn has_goal(&mut self, model: &mut Model, data: &Data<'_>) -> bool {
        if self.goal.is_blank() {
            model.complain("write first what is to be done", data.now);
            self.part = Part::Goal;
            return false;
        }
        true
    }

    fn start(&mut self, model: &mut Model, data: &Data<'_>) -> Flow {
        if self.starting.is_some() || !self.has_goal(model, data) {
            return Flow::STAY;
        }
        self.problem = None;
        let effect = model.call_from(DRAFT, self.args("-d"), "");
        if let Effect::Call(Call { id, .. }) = &effect {
            self.starting = Some(*id);
        }
        Flow::Stay(vec![effect])
    }

    fn preview(&mut self, model: &mut Model, data: &Data<'_>) -> Flow {
        if !self.has_goal(model, data) {
            return Flow::STAY;
        }
        let effect = model.call(self.args("--dry-run"), "");
        if let Effect::Call(call) = &effect {
            model.overlays.push(Overlay::Output(Box::new(output::State::new(call))));
        }
        Flow::Stay(vec![effect])
    }
}

impl Layer for State {
    fn scopes(&self) -> Vec<Scope> {
        match self.part {
            Part::Goal | Part::Minutes | Part::Cost | Part::Passes => vec![Scope::Edit],
            Part::Team | Part::Workflow | Part::Runtime | Part::InPlace | Part::Draft => {
                vec![Scope::Edit, Scope::Choose, Scope::List]
            }
        }
    }

    fn field(&mut self) -> Option<&mut Field> {
        match self.part {
            Part::Goal => Some(&mut self.goal),
            Part::Minutes => Some(&mut self.minutes),
            Part::Cost => Some(&mut self.cost),
            Part::Passes => Some(&mut self.passes),
            Part::Team | Part::Workflow | Part::Runtime | Part::InPlace | Part::Draft => None,
        }
    }

    fn wrote(&mut self, model: &mut Model, _data: &Data<'_>) {
        keep(&mut model.memory, DRAFT, &self.goal.text());
    }

    fn wants(&self, _scene: &Scene<'_>, wants: &mut BTreeSet<Want>) {
        wants.extend([known::runtimes_want(), known::teams_want(), known::workflows_want()]);
        wants.extend(self.asked.as_deref().map(known::recommend_want));
    }

    fn news(&mut self, _model: &mut Model, data: &Data<'_>) {
        self.learn(data.loads);
    }

    fn update(&mut self, model: &mut Model, data: &Data<'_>, action: Action) -> Flow {
        match action {
            Action::Submit => return self.start(model, data),
            Action::Preview => return self.preview(model, data),
            Action::Cancel | Action::Back => return Flow::CLOSE,
            Action::NextField | Action::Complete | Action::Down | Action::ChooseDown => self.to(1),
            Action::PreviousField | Action::Up | Action::ChooseUp => self.to(-1),
            Action::Right | Action::Toggle | Action::Choose | Action::Open => self.turn(1),
            Action::Left => self.turn(-1),
            Action::Recommend => {
                self.ask();
                if let Some(found) = self.proposed(data.loads) {
                    self.team.choose(&found.team);
                    self.workflow.choose(&found.workflow);
                }
            }
            _ => {}
        }
        Flow::STAY
    }

    fn clicked(&mut self, _model: &mut Model, _data: &Data<'_>, row: usize) -> Flow {
        if let Some(part) = Part::ALL.get(row) {
            if self.part == *part {
                self.turn(1);
            }
            if self.part == Part::Goal {
                self.ask();
            }
            self.part = *part;
        }
        Flow::STAY
    }

    fn tells_of(&self, call: u64) -> bool {
        self.starting == Some(call)
    }

    fn called(&mut self, model: &mut Model, data: &Data<'_>, called: &Called) -> Flow {
        if self.starting != Some(called.call.id) {
            return Flow::STAY;
        }
        self.starting = None;
        let number = called.out.lines().find_map(|line| line.trim().parse().ok().map(RunNumber));
        match (called.code, number) {
            (Some(0), Some(run)) => {
                select(model, TaskRef { run, task: None });
                model.screen = Screen::Fleet;
                model.panel = Panel::List;
                model.say(format!("run #{run} is under way"), data.now);
                Flow::CLOSE
            }
            (Some(DRAFT_CODE), Some(run)) => {
                select(model, TaskRef { run, task: None });
                model.screen = Screen::Inbox;
                model.panel = Panel::List;
                model
                    .say(format!("run #{run} is a draft: it starts when you approve it"), data.now);
                Flow::CLOSE
            }
            _ => {
                let said = format!("{}{}", called.err, called.out);
                self.problem = Some(said.trim().to_owned());
                Flow::STAY
            }
        }
    }

    fn view(&self, scene: &Scene<'_>, area: Rect, page: &mut Page<'_>) {
        wizard_view::view(self, scene, area, page);
    }
}
