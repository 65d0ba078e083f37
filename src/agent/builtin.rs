//! The runtimes that crew knows by itself, as data, and what a user's table changes about them.

use std::sync::LazyLock;

use toml::{Table, Value};

use super::spec::{RuntimeSpec, SpecError};

pub use crate::base::flow::BUILT_IN_PROGRAMS as NAMES;

static TABLES: LazyLock<Table> = LazyLock::new(|| {
    let tables = include_str!("builtin.toml").parse();
    tables.expect("the built-in tables are TOML, as a test shows")
});

/// The table of a built-in runtime.
pub fn table(name: &str) -> Option<Table> {
    match TABLES.get(name) {
        Some(Value::Table(table)) => Some(table.clone()),
        _ => None,
    }
}

/// A runtime as the user's table describes it, or as it changes a built-in one.
///
/// With a `command` the table stands for itself. Without, what it says replaces what is built in; `env`, `set`
/// and `permissions` are added, and `program` is another path of the same program.
///
/// # Errors
/// Names the key and what it must look like.
pub fn spec(name: &str, own: &Table) -> Result<RuntimeSpec, SpecError> {
    let is_whole = own.get("command").is_some_and(|words| !is_empty(words));
    match table(name).filter(|_| !is_whole) {
        Some(base) => RuntimeSpec::from_table(name, &changed(base, own)),
        None => RuntimeSpec::from_table(name, own),
    }
}

fn is_empty(words: &Value) -> bool {
    matches!(words, Value::Array(words) if words.is_empty())
}

fn changed(mut base: Table, own: &Table) -> Table {
    for (key, value) in own {
        match (base.get_mut(key), value) {
            (Some(Value::Array(had)), Value::Array(more)) if key == "env" => {
                had.extend(more.iter().cloned());
            }
            (Some(Value::Table(had)), Value::Table(more)) => {
                had.extend(more.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
    base
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::flow::Permission;

    #[test]
    fn every_built_in_runtime_is_usable_and_refuses_what_it_cannot_be_held_to() {
        for name in NAMES {
            let spec = spec(name, &Table::new()).expect(name);
            assert_eq!(spec.program(), name);
            assert!(spec.resume.is_some() && !spec.version.is_empty(), "{name}");
            for level in [Permission::Plan, Permission::Edit, Permission::Full] {
                assert!(spec.permissions.grant(name, level).is_ok(), "{name} {level}");
            }
            // Whoever can be asked is told apart by what it speaks; one that cannot is refused.
            assert!(spec.env.iter().all(|variable| !variable.contains("KEY")), "{name}");
            assert!(!spec.keys.is_empty() && !spec.login_with.is_empty(), "{name}");
        }
        assert!(spec("rehearsal", &Table::new()).is_err());
    }

    #[test]
    fn a_users_table_changes_a_built_in_one_or_stands_for_itself() {
        let own: Table =
            "env = [\"ANTHROPIC_API_KEY\"]\nset = { A = \"1\" }\nprogram = \"/opt/claude\"\n\
            model = [\"-m\", \"{model}\"]\npermissions = { full = [\"--yes\"] }"
                .parse()
                .expect("TOML");
        let changed = spec("claude", &own).expect("usable");
        assert_eq!(changed.program(), "/opt/claude");
        assert_eq!(changed.resume.as_ref().map(|words| words[0].as_str()), Some("/opt/claude"));
        assert_eq!(changed.env.last().map(String::as_str), Some("ANTHROPIC_API_KEY"));
        assert!(changed.env.len() > 1 && changed.set.len() > 1);
        assert_eq!(changed.model, ["-m", "{model}"]);
        let full = changed.permissions.grant("claude", Permission::Full).expect("has it");
        assert_eq!(full.map(|grant| grant.args.clone()), Some(vec!["--yes".to_owned()]));
        let own: Table = "command = [\"mine\"]".parse().expect("TOML");
        let whole = spec("claude", &own).expect("usable");
        assert_eq!((whole.command.len(), whole.env.len(), whole.resume), (1, 0, None));
    }
}
