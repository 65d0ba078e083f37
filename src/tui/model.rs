//! Where the person is: screen, cursor, tags, drafts. It holds nothing of the runs themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::divider::Divider;
use super::keymap::{Action, Keymap, Scope};
use super::look::{Look, Theme};
use super::msg::{Call, Effect};
use super::overlay::Overlay;
use super::page::Panel;
use super::pane::diff::{self, Comment};
use super::pane::inspector;
use super::scene::Scene;
use super::screen::{fleet, inbox, runs, task, workflow};
use super::want::Want;
use super::world::{TaskRef, World};
use crate::base::{RunNumber, Time};
use crate::snapshot::Class;

/// Milliseconds for which good news is shown.
const GOOD_NEWS_MS: u64 = 4_000;
/// Milliseconds for which bad news is shown.
const BAD_NEWS_MS: u64 = 12_000;
/// Things shown at once that were just said.
const TOASTS: usize = 4;

/// One of the screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names on the screen")]
pub enum Screen {
    Fleet,
    Inbox,
    Workflow,
    Task,
    Runs,
}

impl Screen {
    /// All of them, in the order of their keys.
    pub const ALL: [Self; 5] = [Self::Fleet, Self::Inbox, Self::Workflow, Self::Task, Self::Runs];

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Fleet => "Fleet",
            Self::Inbox => "Inbox",
            Self::Workflow => "Workflow",
            Self::Task => "Task",
            Self::Runs => "Runs",
        }
    }
}

/// One of the inspector's tabs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names on the screen")]
pub enum Tab {
    Log,
    Diff,
    Mail,
    Gates,
    Prompt,
    Why,
}

impl Tab {
    /// All of them, in their order.
    pub const ALL: [Self; 6] =
        [Self::Log, Self::Diff, Self::Mail, Self::Gates, Self::Prompt, Self::Why];

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Diff => "diff",
            Self::Mail => "mail",
            Self::Gates => "gates",
            Self::Prompt => "prompt",
            Self::Why => "why",
        }
    }
}

/// The bar that scrubs through a run's past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// The run.
    pub run: RunNumber,
    /// The event after which it is shown; absent for now.
    pub seq: Option<u64>,
    /// The event whose moment is loaded and shown, until that of `seq` is.
    pub shown: Option<u64>,
    /// When it takes its next step by itself; absent while it is held.
    pub playing: Option<Time>,
}

/// Something that was just said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toast {
    /// The words; an error may have several lines.
    pub text: String,
    /// Good or bad.
    pub class: Class,
    /// When it goes.
    pub until: Time,
}

/// What outlives the dashboard: what was seen, and what was written and not sent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Memory {
    /// Ended attempts and runs that were looked at: `5/coding@2`, `5`.
    #[serde(default)]
    pub seen: BTreeSet<String>,
    /// Texts by where they were written: `send:5/coding`.
    #[serde(default)]
    pub drafts: BTreeMap<String, String>,
    /// Where lines between panels were dragged, in percent of the width.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dividers: BTreeMap<String, u16>,
    /// Comments on changes that were not sent, by run or task: `5`, `5/coding`.
    #[serde(default)]
    pub comments: BTreeMap<String, Vec<Comment>>,
}

/// How everything looks where the configuration does not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Auto {
    /// What fits the terminal.
    pub look: Look,
    /// Whether the person wants no colours at all, whatever is configured.
    pub is_colorless: bool,
}

/// A verb of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerbName {
    /// Its name.
    pub name: String,
    /// What it does, in one line.
    pub about: String,
}

/// Where the person is.
#[derive(Debug, Clone)]
pub struct Model {
    /// How everything looks.
    pub look: Look,
    /// How it looks where the configuration does not say it.
    pub auto: Auto,
    /// The keys.
    pub keys: Keymap,
    /// Columns and lines of the terminal.
    pub size: (u16, u16),
    /// The screen.
    pub screen: Screen,
    /// The part of it that takes the keys.
    pub panel: Panel,
    /// What is under the cursor, on every screen.
    pub selected: Option<TaskRef>,
    /// What is tagged.
    pub tagged: BTreeSet<TaskRef>,
    /// The inspector's tab.
    pub tab: Tab,
    /// Where the person is in the thing under the cursor.
    pub inspector: inspector::State,
    /// The screen of agents.
    pub fleet: fleet::State,
    /// The screen of what waits.
    pub inbox: inbox::State,
    /// The screen of the graph.
    pub workflow: workflow::State,
    /// The screen of one task.
    pub task: task::State,
    /// The screen of all runs.
    pub runs: runs::State,
    /// Where one is in what was changed.
    pub diff: diff::State,
    /// What lies over the screen, the topmost last.
    pub overlays: Vec<Overlay>,
    /// The past that is shown.
    pub replay: Option<Replay>,
    /// The line between two panels that the mouse holds.
    pub dragged: Option<Divider>,
    /// What was just said.
    pub toasts: Vec<Toast>,
    /// What outlives the dashboard.
    pub memory: Memory,
    /// The command line of the last action.
    pub last_line: Option<String>,
    /// Commands that have not ended.
    pub calls: BTreeMap<u64, Call>,
    /// Drafts that go when the commands made from them have worked.
    pub sending: BTreeMap<u64, String>,
    /// What the command line can do.
    pub verbs: Arc<[VerbName]>,
    /// Whether the terminal's window has the focus.
    pub is_focused: bool,
    /// What waited for a person when the files were read last; absent before the first time.
    pub waiting: Option<BTreeSet<(TaskRef, Option<String>)>>,
    next_call: u64,
}

impl Model {
    /// The first screen.
    pub fn new(look: Look, keys: Keymap, size: (u16, u16), memory: Memory) -> Self {
        Self {
            look,
            auto: Auto { look, is_colorless: false },
            keys,
            size,
            screen: Screen::Fleet,
            panel: Panel::List,
            selected: None,
            tagged: BTreeSet::new(),
            tab: Tab::Log,
            inspector: inspector::State::default(),
            fleet: fleet::State::default(),
            inbox: inbox::State::default(),
            workflow: workflow::State::default(),
            task: task::State::default(),
            runs: runs::State::default(),
            diff: diff::State::default(),
            overlays: Vec::new(),
            replay: None,
            dragged: None,
            toasts: Vec::new(),
            memory,
            last_line: None,
            calls: BTreeMap::new(),
            sending: BTreeMap::new(),
            verbs: Arc::default(),
            is_focused: true,
            waiting: None,
            next_call: 1,
        }
    }

    /// Where keys mean something now, the innermost first.
    pub fn scopes(&self) -> Vec<Scope> {
        if let Some(overlay) = self.overlays.last() {
            return overlay.scopes();
        }
        let mut scopes = Vec::new();
        if self.replay.is_some() {
            scopes.push(Scope::Replay);
        }
        scopes.extend(match self.screen {
            Screen::Fleet => fleet::scopes(self),
            Screen::Inbox => inbox::scopes(self),
            Screen::Workflow => workflow::scopes(self),
            Screen::Task => task::scopes(self),
            Screen::Runs => runs::scopes(self),
        });
        scopes.push(Scope::Global);
        scopes
    }

    /// What is looked at and has to be loaded.
    pub fn wants(&self, scene: &Scene<'_>) -> BTreeSet<Want> {
        let mut wants = BTreeSet::new();
        if let Some(Replay { run, seq: Some(seq), shown, .. }) = self.replay {
            let moments = shown.into_iter().chain([seq]);
            wants.extend(moments.map(|seq| Want::Past { run, seq }));
        }
        match self.screen {
            Screen::Fleet => fleet::wants(scene, &mut wants),
            Screen::Inbox => inbox::wants(scene, &mut wants),
            Screen::Workflow => workflow::wants(scene, &mut wants),
            Screen::Task => task::wants(scene, &mut wants),
            Screen::Runs => runs::wants(scene, &mut wants),
        }
        for overlay in &self.overlays {
            overlay.wants(scene, &mut wants);
        }
        wants
    }

    /// Runs and tasks that are looked at, for who follows them.
    pub fn looked(&self) -> BTreeSet<TaskRef> {
        let mut looked: BTreeSet<TaskRef> = self.selected.iter().cloned().collect();
        looked.extend(self.replay.iter().map(|replay| TaskRef { run: replay.run, task: None }));
        looked
    }

    /// The terminal has told how it looks; whether that changes anything.
    pub fn is_on(&mut self, theme: Option<Theme>) -> bool {
        let Some(theme) = theme.filter(|_| !self.auto.is_colorless) else { return false };
        let is_auto = self.look.theme == self.auto.look.theme;
        self.auto.look.theme = theme;
        let changes = is_auto && self.look.theme != theme;
        if is_auto {
            self.look.theme = theme;
        }
        changes
    }

    /// Whether what the processes use is looked at.
    pub fn looks_closely(&self) -> bool {
        self.overlays.iter().any(|overlay| matches!(overlay, Overlay::Health(_)))
    }

    /// Runs a command of crew in the background.
    pub fn call(&mut self, args: Vec<String>, told: &str) -> Effect {
        self.call_with(args, None, told)
    }

    /// Runs a command of crew in the background that reads something from standard input.
    pub fn call_with(&mut self, args: Vec<String>, input: Option<String>, told: &str) -> Effect {
        let call = Call { id: self.next_call, args, input, told: told.to_owned() };
        self.next_call += 1;
        self.last_line = Some(call.line());
        self.calls.insert(call.id, call.clone());
        Effect::Call(call)
    }

    /// Runs a command of crew that is made from a draft, which goes when the command has worked.
    pub fn call_from(&mut self, draft: &str, args: Vec<String>, told: &str) -> Effect {
        self.sending.insert(self.next_call, draft.to_owned());
        self.call(args, told)
    }

    /// Says that something went well.
    pub fn say(&mut self, text: impl Into<String>, now: Time) {
        self.toast(text.into(), Class::Done, now.plus_ms(GOOD_NEWS_MS));
    }

    /// Says that something went wrong.
    pub fn complain(&mut self, text: impl Into<String>, now: Time) {
        self.toast(text.into(), Class::Failed, now.plus_ms(BAD_NEWS_MS));
    }

    fn toast(&mut self, text: String, class: Class, until: Time) {
        self.toasts.retain(|toast| toast.text != text);
        self.toasts.push(Toast { text, class, until });
        let surplus = self.toasts.len().saturating_sub(TOASTS);
        self.toasts.drain(..surplus);
    }

    /// The key of an action, as hints show it.
    pub fn key(&self, action: Action) -> String {
        self.keys.key(action).unwrap_or_default()
    }

    /// When something changes by the clock alone; absent when nothing does.
    pub fn next_tick(&self, world: &World, now: Time) -> Option<Time> {
        let second = world.views.values().any(|run| run.status.run.progress.live > 0);
        let second = second
            .then(|| now.plus_ms(1_000 - u64::try_from(now.0.rem_euclid(1_000)).unwrap_or(0)));
        let toast = self.toasts.iter().map(|toast| toast.until).min();
        let step = self.replay.as_ref().and_then(super::replay::next_step);
        second.into_iter().chain(toast).chain(step).min()
    }

    /// The mark under which it is kept that the end of this was seen.
    pub fn seen_key(target: &TaskRef, attempt: u32) -> String {
        match &target.task {
            Some(task) => format!("{}/{task}@{attempt}", target.run),
            None => target.run.to_string(),
        }
    }
}
