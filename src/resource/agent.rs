//! Agent files: front matter with the settings of a role, body = system prompt.
//!
//! Claude Code's subagent files are read with the same keys; their tool names differ only in case.

use camino::{Utf8Path, Utf8PathBuf};

use crate::base::flow::{MemoryScope, words};

use super::diagnostic::{Diagnostic, Findings};
use super::fields::{Fields, Skills, check_declared};
use super::front_matter::{normalise, read};
use super::value::Pos;

words! {
    /// How hard a model thinks.
    Thinking {
        /// Not at all.
        Off = "off",
        /// As little as possible.
        Minimal = "minimal",
        /// A little.
        Low = "low",
        /// The usual amount.
        Medium = "medium",
        /// Much.
        High = "high",
        /// As much as possible.
        XHigh = "xhigh",
    }
}

words! {
    /// What happens to the runtime's own system prompt.
    SystemPromptMode {
        /// The agent's prompt takes its place.
        Replace = "replace",
        /// The agent's prompt is added to it.
        Append = "append",
    }
}

words! {
    /// What an agent or team costs, as its author judges it.
    Cost {
        /// Nothing.
        Free = "free",
        /// Little.
        Cheap = "cheap",
        /// Much.
        Expensive = "expensive",
    }
}

/// What the recommender looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routing {
    /// Words of a goal that call for this.
    pub triggers: Vec<String>,
    /// When it is the right choice.
    pub use_when: Vec<String>,
    /// When it is the wrong choice.
    pub avoid_when: Vec<String>,
    /// What it costs.
    pub cost: Option<Cost>,
    /// A heading to list it under.
    pub category: Option<String>,
}

impl Routing {
    pub(super) fn take(fields: &mut Fields<'_>) -> Self {
        Self {
            triggers: fields.plain_list("triggers").unwrap_or_default(),
            use_when: fields.plain_list("useWhen").unwrap_or_default(),
            avoid_when: fields.plain_list("avoidWhen").unwrap_or_default(),
            cost: fields.word("cost", Cost::WORDS),
            category: fields.plain("category"),
        }
    }
}

/// One agent: a role definition.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentFile {
    /// The file as it is shown to people.
    pub path: Utf8PathBuf,
    /// Name of the agent; the file's name when it has no `name`.
    pub name: String,
    /// What it does, in one line.
    pub description: String,
    /// Program that plays it.
    pub runtime: Option<String>,
    /// Model it wants; absent means the runtime's choice.
    pub model: Option<String>,
    /// Models to try when the first cannot be had.
    pub fallback_models: Vec<String>,
    /// How hard it thinks.
    pub thinking: Option<Thinking>,
    /// Tools it may use; absent means all.
    pub tools: Option<Vec<String>>,
    /// Skills put into its prompts.
    pub skills: Option<Skills>,
    /// Where its skills are named.
    pub skills_pos: Pos,
    /// What happens to the runtime's own system prompt.
    pub system_prompt_mode: SystemPromptMode,
    /// Whether it sees the project's context files (`AGENTS.md` and the like).
    pub inherit_project_context: bool,
    /// Where its memory file lies, when it has one.
    pub memory: Option<MemoryScope>,
    /// Whether it is switched off.
    pub disabled: bool,
    /// What the recommender looks at.
    pub routing: Routing,
    /// The system prompt.
    pub prompt: String,
    /// Line of the first line of the prompt.
    pub line: u32,
}

impl AgentFile {
    /// Whether its tools let it change files: all tools do, and so do `bash`, `edit` and `write`.
    pub fn can_write(&self) -> bool {
        let writes = |tool: &String| {
            let name = tool.split('(').next().unwrap_or_default().trim().to_lowercase();
            matches!(name.as_str(), "bash" | "edit" | "write" | "multiedit" | "notebookedit" | "*")
        };
        self.tools.as_ref().is_none_or(|tools| tools.iter().any(writes))
    }
}

/// Keys of pi-crew and Claude Code that have no effect here.
const FOREIGN: [&str; 16] = [
    "extensions",
    "maxTurns",
    "loadMode",
    "contextMode",
    "source",
    "defaultTools",
    "inheritSkills",
    "workflow",
    "color",
    "permissionMode",
    "hooks",
    "disallowedTools",
    "mcpServers",
    "isolation",
    "background",
    "effort",
];

/// Reads an agent file.
pub fn parse(path: &Utf8Path, text: &str) -> (AgentFile, Vec<Diagnostic>) {
    let mut findings = Findings::new(path);
    let text = normalise(text);
    let document = read(&text, &mut findings);
    let mut fields = Fields::new("an agent", document.head, &mut findings);
    let name = fields.text("name");
    let enabled = fields.flag("enabled").unwrap_or(true);
    let agent = AgentFile {
        path: path.to_owned(),
        name: String::new(),
        description: fields.plain("description").unwrap_or_default(),
        runtime: fields.plain("runtime"),
        model: fields
            .text_or_off("model")
            .map(|model| model.value)
            .filter(|model| model != "inherit"),
        fallback_models: fields.plain_list("fallbackModels").unwrap_or_default(),
        thinking: fields.word("thinking", Thinking::WORDS),
        tools: fields.plain_list("tools"),
        skills_pos: fields.pos_of("skills"),
        skills: fields.skills("skills"),
        system_prompt_mode: fields
            .word("systemPromptMode", SystemPromptMode::WORDS)
            .unwrap_or(SystemPromptMode::Append),
        inherit_project_context: fields.flag("inheritProjectContext").unwrap_or(true),
        memory: fields.word("memory", MemoryScope::WORDS),
        disabled: fields.flag("disabled").unwrap_or(false) || !enabled,
        routing: Routing::take(&mut fields),
        prompt: document.body.trim().to_owned(),
        line: first_text_line(document.body, document.body_line),
    };
    fields.foreign(&FOREIGN);
    fields.finish();
    let pos = name.as_ref().map_or(Pos::START, |name| name.pos);
    let name = name.map_or_else(|| stem(path), |name| name.value);
    check_declared(&name, pos, &mut findings);
    (AgentFile { name, ..agent }, findings.finish())
}

/// Name of a resource by its file: `review` for `teams/review.team.md`, the folder's name for `SKILL.md`.
pub(super) fn stem(path: &Utf8Path) -> String {
    let file = path.file_name().unwrap_or_default();
    if file == "SKILL.md" {
        let folder = path.parent().and_then(Utf8Path::file_name);
        return folder.unwrap_or_default().to_owned();
    }
    [".team.md", ".workflow.md", ".md"]
        .into_iter()
        .find_map(|suffix| file.strip_suffix(suffix))
        .unwrap_or(file)
        .to_owned()
}

/// Line of the first line that is not blank.
pub(super) fn first_text_line(body: &str, body_line: u32) -> u32 {
    let blank = body.lines().take_while(|line| line.trim().is_empty()).count();
    body_line.saturating_add(u32::try_from(blank).unwrap_or(u32::MAX))
}
