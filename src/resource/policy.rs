//! `policy`, `worktree` and `params` of a workflow: what it asks of risk gate, budget, paths, validation and merge.
//!
//! Whether a project file may ask for it is decided where trust is known, not here.

use crate::base::flow::words;

use super::diagnostic::Findings;
use super::fields::Fields;
use super::value::{Entry, Node, Pos};

words! {
    /// How strictly a run is looked at before it starts.
    RiskProfile {
        /// Every rule of the risk gate.
        Strict = "strict",
        /// The workflow brings its own checkpoint.
        None = "none",
    }
}

words! {
    /// What happens to a result.
    CompletionMode {
        /// It is merged into the target branch.
        Merge = "merge",
        /// It becomes a pull request.
        Pr = "pr",
        /// Its artifacts are the result.
        Deliver = "deliver",
        /// Nothing.
        None = "none",
    }
}

/// What a workflow asks of the run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Policy {
    /// How strictly the start is looked at.
    pub risk: Option<RiskProfile>,
    /// Budget of the run.
    pub budget: Budget,
    /// Globs that no attempt may touch, besides those of the configuration.
    pub paths_deny: Vec<String>,
    /// Globs that attempts may touch; empty means all others.
    pub paths_allow: Vec<String>,
    /// The command that decides whether the tree is green.
    pub validation: Option<ValidationDecl>,
    /// What happens to the result.
    pub completion: Completion,
}

/// What a run may use up; absent means the configuration's value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Budget {
    /// Attempts in a loop.
    pub steps: Option<u32>,
    /// Active minutes.
    pub minutes: Option<u32>,
    /// Tokens in and out.
    pub tokens: Option<u32>,
    /// Cost in US dollars.
    pub cost: Option<f64>,
}

/// A validation command by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidationDecl {
    /// Its name in conditions and evidence.
    pub name: String,
    /// The shell command; absent means the configuration's command of that name.
    pub command: Option<String>,
    /// How long it may take, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Where it stands.
    pub pos: Pos,
}

/// What happens to a result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Completion {
    /// The route.
    pub mode: Option<CompletionMode>,
    /// The branch; absent or `current` means the one that was checked out at the start.
    pub target: Option<String>,
    /// Whether the checkout must be clean.
    pub require_clean_repo: Option<bool>,
    /// Whether the merged tree is validated again.
    pub revalidate: Option<bool>,
}

/// How a workflow wants its worktree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorktreeDecl {
    /// Whether there is one; absent means the configuration's choice.
    pub enabled: Option<bool>,
    /// Pattern of the branch's name.
    pub branch: Option<String>,
    /// How long it is kept, in milliseconds.
    pub ttl_ms: Option<u64>,
}

/// A parameter that `--param name=value` sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamDecl {
    /// Its name.
    pub name: String,
    /// What it means.
    pub description: String,
    /// Its value when none is given; absent means that one must be given.
    pub default: Option<String>,
    /// Where it stands.
    pub pos: Pos,
}

impl ParamDecl {
    fn required(name: String, pos: Pos) -> Self {
        Self { name, description: String::new(), default: None, pos }
    }
}

/// Reads the entries of `policy`.
pub(super) fn read(entries: Vec<Entry>, findings: &mut Findings) -> Policy {
    let mut policy = Policy::default();
    let mut fields = Fields::new("a policy", entries, findings);
    let risk = fields.node("risk");
    let budget = fields.map("budget");
    let paths = fields.map("paths");
    let validation = fields.node("validation");
    let completion = fields.node("completion");
    fields.finish();
    if let Some(node) = risk {
        policy.risk = in_map("profile", node, findings, "a risk policy", |fields| {
            fields.word("profile", RiskProfile::WORDS)
        });
    }
    if let Some(map) = budget {
        policy.budget = read_budget(map.value, findings);
    }
    if let Some(map) = paths {
        let mut fields = Fields::new("a path policy", map.value, findings);
        policy.paths_deny = fields.plain_list("deny").unwrap_or_default();
        policy.paths_allow = fields.plain_list("allow").unwrap_or_default();
        fields.finish();
    }
    if let Some(node) = validation {
        policy.validation = read_validation(node, findings);
    }
    if let Some(node) = completion {
        policy.completion =
            in_map("mode", node, findings, "a completion policy", |fields| Completion {
                mode: fields.word("mode", CompletionMode::WORDS),
                target: fields.plain("target"),
                require_clean_repo: fields.flag("requireCleanRepo"),
                revalidate: fields.flag("revalidate"),
            });
    }
    policy
}

/// Reads a map; a single value stands for the map with only `key`.
fn in_map<T>(
    key: &str,
    node: Node,
    findings: &mut Findings,
    what: &str,
    read: impl FnOnce(&mut Fields<'_>) -> T,
) -> T {
    let entries = node.value.into_map().unwrap_or_else(|value| {
        vec![Entry { key: key.to_owned(), pos: node.pos, node: Node::new(value, node.pos) }]
    });
    let mut fields = Fields::new(what, entries, findings);
    let read = read(&mut fields);
    fields.finish();
    read
}

fn read_budget(entries: Vec<Entry>, findings: &mut Findings) -> Budget {
    let mut fields = Fields::new("a budget", entries, findings);
    let active = fields.number("activeMinutes", 1);
    let budget = Budget {
        steps: fields.number("steps", 1),
        minutes: fields.number("minutes", 1).or(active),
        tokens: fields.number("tokens", 1),
        cost: fields.amount("cost"),
    };
    // Running out of budget always blocks; the key is accepted so that files which say so load.
    fields.word("onExhausted", &[("block", ())]);
    fields.finish();
    budget
}

fn read_validation(node: Node, findings: &mut Findings) -> Option<ValidationDecl> {
    let pos = node.pos;
    in_map("name", node, findings, "a validation", |fields| {
        let name = fields.plain("name");
        let command = fields.plain("command");
        let timeout_ms = fields.duration_ms("timeout");
        if name.is_none() && command.is_none() {
            return None;
        }
        Some(ValidationDecl {
            name: name.unwrap_or_else(|| "check".to_owned()),
            command,
            timeout_ms,
            pos,
        })
    })
}

/// Reads `worktree: true`, or a map.
pub(super) fn read_worktree(node: Node, findings: &mut Findings) -> WorktreeDecl {
    in_map("enabled", node, findings, "a worktree", |fields| {
        let enabled = fields.flag("enabled");
        let per_task = fields.flag("perTask");
        WorktreeDecl {
            enabled: enabled.or(per_task),
            branch: fields.plain("branch"),
            ttl_ms: fields.duration_ms("ttl"),
        }
    })
}

/// Reads `params`: names with their default, or with a map, or a list of names that must be given.
pub(super) fn read_params(node: Node, findings: &mut Findings) -> Vec<ParamDecl> {
    let pos = node.pos;
    let mut params = Vec::new();
    match node.value.into_map() {
        Ok(entries) => params.extend(entries.into_iter().map(|entry| read_param(entry, findings))),
        Err(value) => {
            let mut fields = Fields::new("parameters", Vec::new(), findings);
            let names = fields.list_of("params", &Node::new(value, pos));
            let names = names.unwrap_or_default();
            params.extend(names.into_iter().map(|name| ParamDecl::required(name.value, name.pos)));
        }
    }
    for param in &params {
        super::fields::check_declared(&param.name, param.pos, findings);
    }
    params
}

fn read_param(entry: Entry, findings: &mut Findings) -> ParamDecl {
    let Entry { key, pos, node } = entry;
    let value_pos = node.pos;
    let param = ParamDecl::required(key, pos);
    match node.value.into_map() {
        Ok(inner) => {
            let mut fields = Fields::new("a parameter", inner, findings);
            let default = fields.plain("default");
            let description = fields.plain("description").unwrap_or_default();
            let is_required = fields.flag("required").unwrap_or(false);
            fields.finish();
            ParamDecl {
                default: default.or((!is_required).then(String::new)),
                description,
                ..param
            }
        }
        Err(value) => {
            let default = value.as_text();
            if default.is_none() {
                findings.error(
                    value_pos,
                    format!("parameter `{}` cannot be {}", param.name, value.kind()),
                    "write its default as one text",
                );
            }
            ParamDecl { default, ..param }
        }
    }
}
