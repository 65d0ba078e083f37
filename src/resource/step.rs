//! One step of a workflow: the keys under its heading, and its prompt.

use crate::base::StepId;
use crate::base::flow::{Access, Expands, Isolation, Join, Loop, OnStale, StepKind};

use super::diagnostic::Findings;
use super::fields::{Fields, Skills, check_declared};
use super::section::Section;
use super::value::{At, Name, Node, Pos, Value};

/// Every key of a step.
pub(super) const KEYS: [&str; 31] = [
    "role",
    "dependsOn",
    "parallelGroup",
    "output",
    "reads",
    "model",
    "skills",
    "progress",
    "worktree",
    "verify",
    "verifies",
    "phase",
    "slots",
    "join",
    "timeout",
    "access",
    "isolation",
    "loop",
    "contract",
    "retries",
    "onStale",
    "kind",
    "command",
    "expands",
    "approve",
    "runtime",
    "maxConcurrency",
    "title",
    "agent",
    "description",
    "thinking",
];

/// What a step must write before its attempt ends.
#[derive(Debug, Clone, PartialEq)]
pub struct ContractDecl {
    /// The gate or store that must be written.
    pub writes: Name,
    /// How many writes there must be.
    pub exactly: u32,
    /// How often a missing write is asked for.
    pub nudge: u32,
}

/// One step as its file declares it; what is absent is decided when the plan is built.
#[derive(Debug, Clone, PartialEq)]
pub struct StepDecl {
    /// Name of the step.
    pub id: StepId,
    /// Where its heading stands.
    pub pos: Pos,
    /// What the dashboard calls it.
    pub title: Option<String>,
    /// The role that plays it; absent means the role of its name.
    pub role: Option<Name>,
    /// Program that plays it.
    pub runtime: Option<String>,
    /// Model it gets.
    pub model: Option<String>,
    /// Skills it gets besides those of its role.
    pub skills: Option<Skills>,
    /// Where its skills are named.
    pub skills_pos: Pos,
    /// Steps that must be done first.
    pub depends_on: Vec<Name>,
    /// A label for steps that run beside each other.
    pub parallel_group: Option<String>,
    /// Name of the artifact that it produces.
    pub output: Option<Name>,
    /// Artifacts that are put into its prompt.
    pub reads: Vec<Name>,
    /// Whether its progress is shown.
    pub progress: Option<bool>,
    /// Whether it works in a worktree.
    pub worktree: Option<bool>,
    /// Whether it must write a verdict of `PASS` or `FAIL`.
    pub verify: bool,
    /// Commands that its agent may let run while it works; the single word `all` stands for all of them.
    pub verifies: Option<Vec<Name>>,
    /// A heading for the dashboard.
    pub phase: Option<String>,
    /// How many tasks it becomes; absent means one task without a slot number.
    pub slots: Option<At<u32>>,
    /// Tasks of it that may run at the same time.
    pub max_concurrency: Option<u32>,
    /// How many edges into it must fire.
    pub join: Option<Join>,
    /// How long one attempt may take, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// What it may do to files.
    pub access: Option<Access>,
    /// Which tree it works in.
    pub isolation: Option<Isolation>,
    /// Its loop.
    pub looped: Option<Loop>,
    /// What it must write.
    pub contract: Option<ContractDecl>,
    /// More attempts after a failed one.
    pub retries: Option<u32>,
    /// What happens to a live attempt that becomes stale.
    pub on_stale: Option<OnStale>,
    /// Who plays it; absent means an agent, or a command when it has one.
    pub kind: Option<StepKind>,
    /// The shell command of a command step.
    pub command: Option<String>,
    /// How its output may add tasks.
    pub expands: Option<Expands>,
    /// Whether a person approves the tasks that it adds.
    pub approve: bool,
    /// The prompt; empty means `{goal}`.
    pub prompt: String,
    /// Line of the prompt's first line.
    pub prompt_line: u32,
}

impl StepDecl {
    /// What `verifies` says instead of the names of all commands.
    pub const ALL_COMMANDS: &str = "all";

    /// The role that plays it: the declared one, else the one of its name.
    pub fn role_name(&self) -> &str {
        self.role.as_ref().map_or(self.id.as_str(), |role| role.as_str())
    }

    /// Who plays it.
    pub fn kind(&self) -> StepKind {
        let default = if self.command.is_some() { StepKind::Command } else { StepKind::Agent };
        self.kind.unwrap_or(default)
    }

    /// How many tasks it becomes.
    pub fn slot_count(&self) -> u32 {
        self.slots.as_ref().map_or(1, |slots| slots.value)
    }

    /// Whether an agent plays it, so that it needs a role.
    pub fn needs_role(&self) -> bool {
        match self.kind() {
            StepKind::Agent => true,
            StepKind::End => !self.prompt.is_empty(),
            StepKind::Command | StepKind::Human => false,
        }
    }
}

/// Reads one section; a section without a valid name is reported and left out.
pub(super) fn read(section: Section, findings: &mut Findings) -> Option<StepDecl> {
    let Section { id, pos, head, prompt, prompt_line } = section;
    if !check_declared(&id, pos, findings) {
        return None;
    }
    let id: StepId = id.parse().ok()?;
    let mut fields = Fields::new("a step", head, findings);
    let slots = fields.node("slots");
    let step = StepDecl {
        title: fields.plain("title"),
        role: fields.text("role"),
        runtime: fields.plain("runtime"),
        model: fields.text_or_off("model").map(|model| model.value),
        skills_pos: fields.pos_of("skills"),
        skills: fields.skills("skills"),
        depends_on: fields.list("dependsOn").unwrap_or_default(),
        parallel_group: fields.plain("parallelGroup"),
        output: fields.text_or_off("output"),
        reads: fields.list("reads").unwrap_or_default(),
        progress: fields.flag("progress"),
        worktree: fields.flag("worktree"),
        verify: fields.flag("verify").unwrap_or(false),
        verifies: fields.list("verifies"),
        phase: fields.plain("phase"),
        slots: slots.and_then(|node| number(&mut fields, "slots", &node)),
        max_concurrency: fields.number("maxConcurrency", 1),
        join: fields.word("join", Join::WORDS),
        timeout_ms: fields.duration_ms("timeout"),
        access: fields.word("access", Access::WORDS),
        isolation: fields.word("isolation", Isolation::WORDS),
        looped: read_loop(&mut fields),
        contract: read_contract(&mut fields),
        retries: fields.number("retries", 0),
        on_stale: fields.word("onStale", OnStale::WORDS),
        kind: fields.word("kind", StepKind::WORDS),
        command: fields.plain("command"),
        expands: read_expands(&mut fields),
        approve: fields.flag("approve").unwrap_or(false),
        id,
        pos,
        prompt,
        prompt_line,
    };
    fields.foreign(&["description", "thinking"]);
    fields.finish();
    Some(step)
}

fn number(fields: &mut Fields<'_>, key: &str, node: &Node) -> Option<At<u32>> {
    let number = node.as_text().and_then(|text| text.parse::<u32>().ok());
    let number = number.filter(|number| *number > 0);
    if number.is_none() {
        fields.mismatch(key, "a whole number from 1", node);
    }
    number.map(|number| At::new(number, node.pos))
}

/// `loop: { steps: 8, validate: true }`, or `loop: 8`.
fn read_loop(fields: &mut Fields<'_>) -> Option<Loop> {
    let node = fields.node("loop")?;
    let Value::Map(entries) = node.value else {
        let steps = number(fields, "loop", &node)?.value;
        return Some(Loop { steps, validate: true });
    };
    let mut inner = Fields::new("a loop", entries, fields.findings());
    let steps = inner.number("steps", 1);
    let validate = inner.flag("validate").unwrap_or(true);
    inner.finish();
    Some(Loop { steps: steps.unwrap_or(LOOP_STEPS), validate })
}

/// Passes of a loop that does not say how many.
const LOOP_STEPS: u32 = 8;

/// `contract: { writes: gate, exactly: 1, nudge: 1 }`, or `contract: gate`.
fn read_contract(fields: &mut Fields<'_>) -> Option<ContractDecl> {
    let node = fields.node("contract")?;
    let once = |writes| ContractDecl { writes, exactly: 1, nudge: 1 };
    let pos = node.pos;
    let Value::Map(entries) = node.value else {
        let Some(text) = node.as_text() else {
            fields.mismatch("contract", "`{ writes: gate, exactly: 1 }`", &node);
            return None;
        };
        return Some(once(At::new(text, pos)));
    };
    let mut inner = Fields::new("a contract", entries, fields.findings());
    let writes = inner.text("writes");
    let exactly = inner.number("exactly", 1).unwrap_or(1);
    let nudge = inner.number("nudge", 0).unwrap_or(1);
    inner.finish();
    let Some(writes) = writes else {
        fields.findings().error(
            pos,
            "the contract does not say what must be written",
            "add `writes: <gate>`",
        );
        return None;
    };
    Some(ContractDecl { exactly, nudge, ..once(writes) })
}

/// `expands: adaptive` (or `true`), or `expands: runs`.
fn read_expands(fields: &mut Fields<'_>) -> Option<Expands> {
    let node = fields.node("expands")?;
    match node.as_text().as_deref() {
        Some("adaptive" | "true") => Some(Expands::Adaptive),
        Some("runs") => Some(Expands::Runs),
        Some("false") => None,
        _ => {
            fields.mismatch("expands", "`adaptive` or `runs`", &node);
            None
        }
    }
}
