//! Skill files: a folder with `SKILL.md`, front matter `name` and `description`, body = the instructions.

use camino::{Utf8Path, Utf8PathBuf};

use super::agent::stem;
use super::diagnostic::{Diagnostic, Findings};
use super::fields::{Fields, check_declared};
use super::front_matter::{normalise, read};
use super::value::Pos;

/// One skill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkillFile {
    /// The file as it is shown to people.
    pub path: Utf8PathBuf,
    /// Name of the skill; the folder's name when it has no `name`.
    pub name: String,
    /// When to use it, in one or two sentences.
    pub description: String,
    /// The instructions.
    pub body: String,
}

/// Keys of the Agent Skills standard and of its hosts that have no effect here.
const FOREIGN: [&str; 12] = [
    "license",
    "compatibility",
    "metadata",
    "allowedTools",
    "version",
    "argumentHint",
    "tools",
    "disableModelInvocation",
    "userInvocable",
    "model",
    "triggers",
    "source",
];

/// Reads a skill file.
pub fn parse(path: &Utf8Path, text: &str) -> (SkillFile, Vec<Diagnostic>) {
    let mut findings = Findings::new(path);
    let text = normalise(text);
    let document = read(&text, &mut findings);
    let mut fields = Fields::new("a skill", document.head, &mut findings);
    let name = fields.text("name");
    let description = fields.plain("description").unwrap_or_default();
    fields.foreign(&FOREIGN);
    fields.finish();
    let pos = name.as_ref().map_or(Pos::START, |name| name.pos);
    let name = name.map_or_else(|| stem(path), |name| name.value);
    check_declared(&name, pos, &mut findings);
    let skill = SkillFile {
        path: path.to_owned(),
        name,
        description,
        body: document.body.trim().to_owned(),
    };
    (skill, findings.finish())
}
