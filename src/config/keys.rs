//! The one table of configuration keys: what each takes and what a project may do with it.

use super::value::Kind;
use crate::base::text;

use Kind::{Amount, Argv, Choice, Commands, Count, Duration, Files, Flag, Globs, Size, Subset};
use Kind::{Text, Words};
use Scope::{Add, Any, Execute, Inside, Lower, Narrow, Stricter, User};

/// What a project's file may do with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Set it.
    Any,
    /// Only lower the number.
    Lower,
    /// Only add to the list.
    Add,
    /// Only take away from a list that is not empty.
    Narrow,
    /// Only choose the first of the choices.
    Stricter,
    /// Set it to a folder inside the project.
    Inside,
    /// Set it; it is executed only after `crew trust`.
    Execute,
    /// Nothing.
    User,
}

/// One key.
#[derive(Debug)]
pub(super) struct Key {
    /// Dotted path; `*` stands for any name.
    pub(super) path: &'static str,
    pub(super) kind: Kind,
    pub(super) scope: Scope,
    /// A right value, as TOML.
    pub(super) example: &'static str,
}

/// Reasons of the risk gate, as `[risk] accept` names them.
pub(super) const RISK_REASONS: &[&str] = &[
    "steps_over_8",
    "minutes_over_20",
    "contains_sensitive_keywords",
    "possible_large_change",
    "paths_unenforceable",
    "unknown_command",
];

/// A variable of attempts that only looks like a key of `[run]`.
const RUN_DIR: &str = "CREW_RUN_DIR";

const OUTPUTS: &[&str] =
    &["text", "claude", "codex", "pi", "opencode", "gemini", "qwen", "crew", "codex_server", "acp"];
const FORMS: &[&str] = &["servers", "claude", "codex", "opencode", "gemini"];
const MODES: &[&str] = &["merge", "pr", "deliver", "none"];
const MANY: Kind = Count(1, 10_000);

const fn key(path: &'static str, kind: Kind, scope: Scope, example: &'static str) -> Key {
    Key { path, kind, scope, example }
}

/// Every key, in the order of the preset. `hooks`, a list of tables, is the only thing beside it.
#[rustfmt::skip]
pub(super) const KEYS: &[Key] = &[
    key("defaults.team", Text, Any, "\"default\""),
    key("defaults.workflow", Text, Any, "\"default\""),
    key("defaults.runtime", Text, Any, "\"claude\""),
    key("defaults.model", Text, Any, "\"sonnet\""),
    key("defaults.permission", Choice(&["ask", "write", "edit", "full"]), User, "\"write\""),
    key("defaults.autonomy", Count(0, 5), User, "0"),
    key("defaults.env", Words, User, "[\"NAME\"]"),
    key("defaults.intent", Words, Any, "[\"fix\", \"add\"]"),
    key("limits.runs", MANY, Lower, "4"),
    key("limits.agents", MANY, Lower, "3"),
    key("limits.machine", MANY, Lower, "8"),
    key("limits.max_depth", Count(0, 16), Lower, "2"),
    key("limits.max_output", Size, Lower, "\"1GiB\""),
    key("limits.ask_hold", Duration, Lower, "\"60s\""),
    key("limits.first_output", Duration, Lower, "\"60s\""),
    key("limits.hibernate", Duration, Lower, "\"2h\""),
    key("limits.grace", Duration, Lower, "\"5s\""),
    key("limits.silence", Duration, Lower, "\"10m\""),
    key("limits.retrying", Duration, Lower, "\"5m\""),
    key("limits.exit", Duration, Lower, "\"30s\""),
    key("limits.limit_wait", Duration, Lower, "\"60s\""),
    key("limits.runtime.*", MANY, Lower, "2"),
    key("heartbeat.warn", Duration, Lower, "\"30s\""),
    key("heartbeat.stale", Duration, Lower, "\"60s\""),
    key("heartbeat.dead", Duration, Lower, "\"5m\""),
    key("budget.steps", Count(1, 200), Lower, "8"),
    key("budget.minutes", Count(1, 525_600), Lower, "20"),
    key("budget.tokens", Count(1, u64::MAX), Lower, "2000000"),
    key("budget.cost", Amount, Lower, "5.0"),
    key("risk.profile", Choice(&["strict", "none"]), Stricter, "\"strict\""),
    key("risk.accept", Subset(RISK_REASONS), User, "[\"contains_sensitive_keywords\"]"),
    key("risk.keywords", Words, Add, "[\"deploy\"]"),
    key("paths.deny", Globs, Add, "[\"**/.env\"]"),
    key("paths.allow", Globs, Narrow, "[\"src/**\"]"),
    key("validation.default", Text, Execute, "\"check\""),
    key("validation.commands.*", Text, Execute, "\"cargo test\""),
    key("worktree.dir", Text, Inside, "\"../worktrees\""),
    key("worktree.setup", Commands, Execute, "[\"npm ci\"]"),
    key("worktree.copy", Files, Any, "[\".env.example\"]"),
    key("worktree.ttl", Duration, Any, "\"7d\""),
    key("completion.mode", Choice(MODES), Any, "\"merge\""),
    key("completion.target", Text, Any, "\"main\""),
    key("completion.timeout", Duration, Any, "\"10m\""),
    key("state.dir", Text, User, "\"~/crew-state\""),
    key("run.executor", Text, User, "\"ssh:node7\""),
    key("run.ssh", Argv, User, "[\"ssh\", \"-p\", \"2222\"]"),
    key("run.program", Text, User, "\"/opt/crew/crew\""),
    key("run.sbatch", Words, User, "[\"--partition=short\"]"),
    key("runtimes.*.command", Argv, User, "[\"mytool\", \"--headless\"]"),
    key("runtimes.*.args", Argv, User, "[\"--fast\"]"),
    key("runtimes.*.prompt", Choice(&["stdin", "arg", "file"]), User, "\"stdin\""),
    key("runtimes.*.output", Choice(OUTPUTS), User, "\"text\""),
    key("runtimes.*.env", Words, User, "[\"MYTOOL_KEY\"]"),
    key("runtimes.*.resume", Argv, User, "[\"mytool\", \"--resume\", \"{session}\"]"),
    key("runtimes.*.model", Argv, User, "[\"--model\", \"{model}\"]"),
    key("runtimes.*.mcp", Argv, User, "[\"--mcp-config\", \"{mcp_config}\"]"),
    key("runtimes.*.chat", Argv, User, "[\"mytool\", \"--mcp-config\", \"{mcp_config}\"]"),
    key("runtimes.*.transport", Choice(&["headless", "live"]), User, "\"live\""),
    key("runtimes.*.live", Choice(&["claude", "pi", "codex", "acp"]), User, "\"acp\""),
    key("runtimes.*.live_command", Argv, User, "[\"mytool\", \"--listen\"]"),
    key("runtimes.*.live_resume", Argv, User, "[\"mytool\", \"--listen\", \"--resume\", \"{session}\"]"),
    key("runtimes.*.live_permissions.*", Argv, User, "[\"--ask\"]"),
    key("runtimes.*.attach", Argv, User, "[\"mytool\", \"--resume\", \"{session}\"]"),
    key("runtimes.*.interactive", Argv, User, "[\"mytool\"]"),
    key("runtimes.*.version", Argv, User, "[\"mytool\", \"--version\"]"),
    key("runtimes.*.set.*", Text, User, "\"1\""),
    key("runtimes.*.program", Text, User, "\"/opt/mytool/bin/mytool\""),
    key("runtimes.*.login", Argv, User, "[\"mytool\", \"whoami\"]"),
    key("runtimes.*.permissions.*", Argv, User, "[\"--read-only\"]"),
    key("runtimes.*.mcp_form", Choice(FORMS), User, "\"servers\""),
    key("runtimes.*.mcp_set.*", Text, User, "\"{mcp}\""),
    key("prices.*.input", Amount, User, "3.0"),
    key("prices.*.output", Amount, User, "15.0"),
    key("prices.*.cache", Amount, User, "0.3"),
    key("notify.bell", Flag, Any, "true"),
    key("notify.terminal", Flag, Any, "true"),
    key("notify.desktop", Flag, Any, "false"),
    key("notify.command", Text, Execute, "\"my-notifier\""),
    key("notify.webhook", Text, Execute, "\"https://example.com/hook\""),
    key("notify.timeout", Duration, Lower, "\"30s\""),
    key("ui.theme", Choice(&["auto", "dark", "light", "contrast", "basic", "plain"]), Any, "\"auto\""),
    key("ui.ascii", Flag, Any, "true"),
    key("ui.keys.*", Words, User, "\"y\""),
];

/// The key at a path; names with dots are one element of the path.
pub(super) fn find(path: &[String]) -> Option<&'static Key> {
    KEYS.iter().find(|key| fits(key.path, path) && key.path.split('.').count() == path.len())
}

/// The path names a table that holds keys.
pub(super) fn is_table(path: &[String]) -> bool {
    KEYS.iter().any(|key| fits(key.path, path) && key.path.split('.').count() > path.len())
}

/// Names that may stand in the table at `path`; empty when any name may.
pub(super) fn names_in(path: &[String]) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    for key in KEYS.iter().filter(|key| fits(key.path, path)) {
        let name = key.path.split('.').nth(path.len());
        names.extend(name.filter(|name| *name != "*" && !names.contains(name)));
    }
    if path.is_empty() {
        names.push("hooks");
    }
    names
}

/// What was meant by a path that does not exist: a key misspelt or put into the wrong table.
pub(super) fn guess(path: &[String]) -> Option<String> {
    let (name, table) = path.split_last()?;
    if let Some(near) = text::did_you_mean(name, names_in(table)) {
        return Some(format!("`{near}`"));
    }
    let elsewhere = KEYS.iter().find(|key| key.path.rsplit('.').next() == Some(name.as_str()))?;
    let (table, name) = elsewhere.path.rsplit_once('.')?;
    Some(format!("`{name}` in `[{table}]`"))
}

/// The path that a variable `CREW_<TABLE>_<KEY>` stands for.
///
/// `None`: the variable is not configuration. `Some(Err(…))`: it looks like it, and is no key; the names it may have.
pub(super) fn of_variable(name: &str) -> Option<Result<Vec<String>, Vec<String>>> {
    let mut known = Vec::new();
    if name == RUN_DIR {
        return None;
    }
    for key in KEYS {
        let stars = key.path.matches('*').count();
        if stars > 1 || key.path.contains(".*.") || key.path == "ui.keys.*" {
            // The name in the middle and the key after it could not be told apart.
            continue;
        }
        let pattern = variable(key.path);
        if let Some(prefix) = pattern.strip_suffix('*') {
            if let Some(rest) = name.strip_prefix(prefix).filter(|rest| !rest.is_empty()) {
                let mut path: Vec<String> = key.path.split('.').map(str::to_owned).collect();
                path.pop();
                path.push(rest.to_ascii_lowercase());
                return Some(Ok(path));
            }
        } else if pattern == name {
            return Some(Ok(key.path.split('.').map(str::to_owned).collect()));
        }
        known.push(pattern);
    }
    let is_ours =
        names_in(&[]).iter().any(|table| name.starts_with(&format!("{}_", variable(table))));
    is_ours.then_some(Err(known))
}

fn variable(path: &str) -> String {
    format!("CREW_{}", path.replace('.', "_").to_ascii_uppercase())
}

/// The path is the beginning of the dotted pattern, or all of it.
fn fits(pattern: &str, path: &[String]) -> bool {
    let mut names = pattern.split('.');
    path.iter().all(|name| names.next().is_some_and(|known| known == "*" || known == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_named_after_table_and_key() {
        let path = |name: &str| of_variable(name).map(|found| found.map(|path| path.join(".")));
        for (name, expected) in [
            ("CREW_LIMITS_MAX_DEPTH", "limits.max_depth"),
            ("CREW_LIMITS_RUNTIME_CLAUDE", "limits.runtime.claude"),
            ("CREW_STATE_DIR", "state.dir"),
            ("CREW_VALIDATION_COMMANDS_CHECK", "validation.commands.check"),
        ] {
            assert_eq!(path(name), Some(Ok(expected.to_owned())));
        }
        for name in ["CREW_RUN", "CREW_RUN_DIR", "CREW_WORKTREE", "CREW_DEPTH", "CREW_CONFIG_DIR"] {
            assert_eq!(path(name), None, "{name}");
        }
        for name in ["CREW_LIMITS_AGNETS", "CREW_RUNTIMES_X_COMMAND", "CREW_HOOKS_ON"] {
            assert!(matches!(path(name), Some(Err(_))), "{name}");
        }
    }
}
