//! How a program is held to a level of permission: arguments and variables, as data.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::spec::SpecProblem;
use crate::base::flow::Permission;

/// What is added to a command line so that the program may do just this much.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grant {
    /// Arguments.
    pub args: Vec<String>,
    /// Variables.
    pub set: BTreeMap<String, String>,
}

/// The levels that a program can be held to.
///
/// A table that names none says nothing: what the program may do is up to its own arguments, which are the
/// user's word. One that names some refuses the others; no level is ever replaced by a wider one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permissions {
    grants: BTreeMap<Permission, Grant>,
    /// Levels that it has where it takes input while it works, and not here.
    live: Vec<Permission>,
}

/// A program cannot be held to a level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("runtime `{runtime}` cannot be held to permission `{wanted}`; it can do {can}")]
pub struct NotGranted {
    /// The runtime.
    pub runtime: String,
    /// The level that was asked for.
    pub wanted: Permission,
    /// The levels that it has, in words.
    pub can: String,
    /// It has it where it takes input while it works.
    pub is_live: bool,
}

impl Permissions {
    /// Reads the table `permissions`: a list of arguments for each level, or `{ args = […], set = {…} }`.
    pub(super) fn from_table(table: &Table) -> Result<Self, SpecProblem> {
        let wrong = || SpecProblem::Form {
            key: "permissions",
            wanted: "a table of `plan`, `ask`, `edit` and `full` with lists of arguments"
                .to_owned(),
        };
        let mut grants = BTreeMap::new();
        for (word, value) in table {
            let known = Permission::WORDS.iter().find(|(name, _)| name == word);
            let &(_, level) = known.ok_or_else(wrong)?;
            grants.insert(level, grant(value).ok_or_else(wrong)?);
        }
        Ok(Self { grants, live: Vec::new() })
    }

    /// Remembers levels that it would have in another way of running it.
    pub(super) fn note_live(&mut self, levels: Self) {
        self.live = levels.grants.into_keys().collect();
    }

    /// What holds the runtime of this name to a level.
    ///
    /// # Errors
    /// It cannot be held to it.
    pub fn grant(&self, runtime: &str, wanted: Permission) -> Result<Option<&Grant>, NotGranted> {
        if self.grants.is_empty() {
            return Ok(None);
        }
        self.grants.get(&wanted).map(Some).ok_or_else(|| NotGranted {
            runtime: runtime.to_owned(),
            wanted,
            can: self.levels().map(|level| format!("`{level}`")).collect::<Vec<_>>().join(", "),
            is_live: self.live.contains(&wanted),
        })
    }

    /// Adds levels; the same ones again replace what was known of them.
    pub(super) fn extend(&mut self, more: Self) {
        self.grants.extend(more.grants);
    }

    /// The levels, from the least to the most; none where the table says nothing.
    pub fn levels(&self) -> impl Iterator<Item = Permission> {
        self.grants.keys().copied()
    }
}

fn grant(value: &Value) -> Option<Grant> {
    let (args, set) = match value {
        Value::Array(_) => (Some(value), None),
        Value::Table(table) if table.keys().all(|key| key == "args" || key == "set") => {
            (table.get("args"), table.get("set"))
        }
        Value::String(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_)
        | Value::Table(_) => return None,
    };
    Some(Grant {
        args: args.map_or(Some(Vec::new()), |args| args.clone().try_into().ok())?,
        set: set.map_or(Some(BTreeMap::new()), |set| set.clone().try_into().ok())?,
    })
}
