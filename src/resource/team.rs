//! Team files: front matter, and one line per role: `- planner: agent=planner model=opus Writes the plan`.

use camino::{Utf8Path, Utf8PathBuf};

use crate::base::flow::words;
use crate::base::text::did_you_mean;

use super::agent::{Routing, stem};
use super::diagnostic::{Diagnostic, Findings};
use super::fields::{Fields, Skills, check_declared, quoted};
use super::front_matter::{normalise, read};
use super::value::{Name, Pos, split_commas};

words! {
    /// Where the tasks of a team work.
    WorkspaceMode {
        /// All in one tree.
        Single = "single",
        /// In a worktree.
        Worktree = "worktree",
    }
}

/// One role of a team, or of a workflow that brings its own.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleLine {
    /// The role.
    pub name: String,
    /// The agent that plays it.
    pub agent: String,
    /// Program that plays it here.
    pub runtime: Option<String>,
    /// Model it gets here.
    pub model: Option<String>,
    /// Skills it gets here.
    pub skills: Option<Skills>,
    /// Tasks of this role that may run at the same time.
    pub max_concurrency: Option<u32>,
    /// What it does in this team.
    pub description: String,
    /// Where it stands.
    pub pos: Pos,
}

impl RoleLine {
    /// The role that is played by the agent of the same name.
    pub fn of_agent(name: &str, pos: Pos) -> Self {
        Self {
            name: name.to_owned(),
            agent: name.to_owned(),
            runtime: None,
            model: None,
            skills: None,
            max_concurrency: None,
            description: String::new(),
            pos,
        }
    }
}

/// One team.
#[derive(Debug, Clone, PartialEq)]
pub struct TeamFile {
    /// The file as it is shown to people.
    pub path: Utf8PathBuf,
    /// Name of the team; the file's name when it has no `name`.
    pub name: String,
    /// What it is for, in one line.
    pub description: String,
    /// The workflow it runs unless another is asked for.
    pub default_workflow: Option<Name>,
    /// Where its tasks work.
    pub workspace_mode: Option<WorkspaceMode>,
    /// Tasks that may run at the same time.
    pub max_concurrency: Option<u32>,
    /// What the recommender looks at.
    pub routing: Routing,
    /// Its roles, in the order of the file.
    pub roles: Vec<RoleLine>,
}

impl TeamFile {
    /// The role of that name.
    pub fn role(&self, name: &str) -> Option<&RoleLine> {
        self.roles.iter().find(|role| role.name == name)
    }
}

/// Keys of a role line.
const ROLE_KEYS: [&str; 5] = ["agent", "runtime", "model", "skills", "maxConcurrency"];

/// Reads a team file.
pub fn parse(path: &Utf8Path, text: &str) -> (TeamFile, Vec<Diagnostic>) {
    let mut findings = Findings::new(path);
    let text = normalise(text);
    let document = read(&text, &mut findings);
    let mut fields = Fields::new("a team", document.head, &mut findings);
    let name = fields.text("name");
    let default_workflow = fields.text("defaultWorkflow");
    let alias = fields.text("workflow");
    let team = TeamFile {
        path: path.to_owned(),
        name: String::new(),
        description: fields.plain("description").unwrap_or_default(),
        default_workflow: default_workflow.or(alias),
        workspace_mode: fields.word("workspaceMode", WorkspaceMode::WORDS),
        max_concurrency: fields.number("maxConcurrency", 1),
        routing: Routing::take(&mut fields),
        roles: Vec::new(),
    };
    fields.foreign(&["source", "extensions", "memory", "disabled", "enabled"]);
    fields.finish();
    let pos = name.as_ref().map_or(Pos::START, |name| name.pos);
    let name = name.map_or_else(|| stem(path), |name| name.value);
    check_declared(&name, pos, &mut findings);
    let mut roles = Vec::new();
    for (number, line) in (document.body_line..).zip(document.body.lines()) {
        let item =
            line.trim_start().strip_prefix("- ").or_else(|| line.trim_start().strip_prefix("* "));
        if let Some(item) = item {
            let indent = line.chars().count() - item.chars().count();
            let column = u32::try_from(indent).unwrap_or(u32::MAX).saturating_add(1);
            roles.extend(role_line(item, Pos { line: number, column }, &mut findings));
        }
    }
    (TeamFile { name, roles, ..team }, findings.finish())
}

/// Reads `planner: agent=planner model=opus Writes the plan`.
fn role_line(item: &str, pos: Pos, findings: &mut Findings) -> Option<RoleLine> {
    let Some((name, mut rest)) = item.split_once(':') else {
        findings.warning(
            pos,
            format!("`{}` is not a role", crate::base::text::one_line(item, 40)),
            "write `- role: agent=name description`",
        );
        return None;
    };
    let name = name.trim().trim_matches(['`', '*']);
    if !check_declared(name, pos, findings) {
        return None;
    }
    let mut role = RoleLine::of_agent(name, pos);
    while let Some((key, value, after)) = attribute(rest) {
        if !set_attribute(&mut role, key, &value, findings) {
            break;
        }
        rest = after;
    }
    rest.trim().clone_into(&mut role.description);
    Some(role)
}

/// The next `key=value` of a role line, and what follows; the value may stand in double quotes.
fn attribute(text: &str) -> Option<(&str, String, &str)> {
    let text = text.trim_start();
    let (key, rest) = text.split_once('=')?;
    if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
        return None;
    }
    if let Some((value, after)) = rest.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
        return Some((key, value.to_owned(), after));
    }
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    Some((key, rest[..end].to_owned(), &rest[end..]))
}

/// Sets one attribute; `false` when it is the beginning of the description.
fn set_attribute(role: &mut RoleLine, key: &str, value: &str, findings: &mut Findings) -> bool {
    let some = || (!value.is_empty() && value != "false").then(|| value.to_owned());
    match super::value::same_key(key).as_str() {
        "agent" => match some() {
            Some(agent) => role.agent = agent,
            None => findings.error(role.pos, "`agent=` names no agent", "write `agent=name`"),
        },
        "runtime" => role.runtime = some(),
        "model" => role.model = some(),
        "skills" if value == "false" => role.skills = Some(Skills::Off),
        "skills" => role.skills = Some(Skills::Names(split_commas(value))),
        "maxconcurrency" => match value.parse::<u32>() {
            Ok(number) if number > 0 => role.max_concurrency = Some(number),
            _ => findings.error(
                role.pos,
                format!("`maxConcurrency` cannot be `{value}`"),
                "write a whole number from 1",
            ),
        },
        _ => {
            let Some(near) = did_you_mean(key, ROLE_KEYS) else {
                return false;
            };
            findings.warning(
                role.pos,
                format!("`{key}` is no key of a role"),
                format!("did you mean `{near}`? known keys are {}", quoted(&ROLE_KEYS)),
            );
        }
    }
    true
}
