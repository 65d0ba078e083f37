//! Builds the typed configuration from the settings of all layers.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;

use super::environment::Environment;
use super::file::{KeyPath, dotted};
use super::merge::{Merged, Origins};
use super::model::{
    Budget, Completion, CompletionMode, Config, Defaults, Heartbeat, Limits, Notify, Paths,
    Permission, Price, Risk, RiskProfile, RuntimeTable, State, Ui, Validation, Worktree,
};
use super::run::Run;
use super::trust::TrustItem;
use super::value::Value;

/// Turns the layers into the typed configuration.
pub(super) fn build(merged: &Merged, env: &Environment, executable: Vec<TrustItem>) -> Config {
    let from = Reader { merged, env };
    Config {
        defaults: from.defaults(),
        limits: from.limits(),
        heartbeat: Heartbeat {
            warn_ms: from.number("heartbeat.warn"),
            stale_ms: from.number("heartbeat.stale"),
            dead_ms: from.number("heartbeat.dead"),
        },
        budget: Budget {
            steps: from.count("budget.steps"),
            minutes: from.count("budget.minutes"),
            tokens: from.get("budget.tokens").map(whole),
            cost_usd: from.get("budget.cost").map(amount),
        },
        risk: from.risk(),
        paths: Paths { deny: from.list("paths.deny"), allow: from.list("paths.allow") },
        validation: Validation {
            default: from.optional("validation.default"),
            commands: from.named(&["validation", "commands"], Value::to_text),
        },
        worktree: Worktree {
            dir: from.folder("worktree.dir"),
            setup: from.list("worktree.setup"),
            copy: from.list("worktree.copy").into_iter().map(Into::into).collect(),
            ttl_ms: from.number("worktree.ttl"),
        },
        completion: from.completion(),
        state: State { dir: from.folder("state.dir") },
        run: Run::read(&from),
        runtimes: from.runtimes(),
        prices: from.prices(),
        notify: Notify {
            bell: from.flag("notify.bell"),
            terminal: from.flag("notify.terminal"),
            desktop: from.flag("notify.desktop"),
            command: from.optional("notify.command"),
            webhook: from.optional("notify.webhook"),
            timeout_ms: from.number("notify.timeout"),
        },
        hooks: merged.hooks.clone(),
        ui: Ui {
            theme: from.text("ui.theme"),
            ascii: from.get("ui.ascii").map(|value| *value == Value::Flag(true)),
            keys: from.named(&["ui", "keys"], Value::to_list),
        },
        origins: Origins(
            merged
                .settings
                .iter()
                .map(|(path, setting)| (dotted(path), setting.origins.clone()))
                .collect(),
        ),
        executable,
        rows: merged.rows(),
    }
}

/// Reads settings whose types the table of keys has already checked.
pub(super) struct Reader<'a> {
    merged: &'a Merged,
    env: &'a Environment,
}

impl Reader<'_> {
    fn get(&self, key: &str) -> Option<&Value> {
        let path: KeyPath = key.split('.').map(str::to_owned).collect();
        self.merged.settings.get(&path).map(|setting| &setting.value)
    }

    fn preset(&self, key: &str) -> &Value {
        self.get(key).expect("the preset sets every key that is not optional; a test builds it")
    }

    fn number(&self, key: &str) -> u64 {
        whole(self.preset(key))
    }

    fn count(&self, key: &str) -> u32 {
        small(self.preset(key))
    }

    fn flag(&self, key: &str) -> bool {
        *self.preset(key) == Value::Flag(true)
    }

    pub(super) fn text(&self, key: &str) -> String {
        self.preset(key).to_text()
    }

    pub(super) fn list(&self, key: &str) -> Vec<String> {
        self.preset(key).to_list()
    }

    pub(super) fn optional(&self, key: &str) -> Option<String> {
        self.get(key).map(Value::to_text)
    }

    /// A folder; `~/` is the user's home wherever the value was written.
    fn folder(&self, key: &str) -> Option<Utf8PathBuf> {
        let text = self.optional(key)?;
        let below_home = text.strip_prefix("~/").zip(self.env.home());
        Some(below_home.map_or_else(|| text.clone().into(), |(below, home)| home.join(below)))
    }

    /// The entries of a table in which any name may stand.
    fn named<T>(&self, table: &[&str], take: impl Fn(&Value) -> T) -> BTreeMap<String, T> {
        let settings = self.merged.settings.iter();
        settings
            .filter(|(path, _)| path.len() == table.len() + 1)
            .filter(|(path, _)| table.iter().zip(*path).all(|(a, b)| a == b))
            .map(|(path, setting)| (path[table.len()].clone(), take(&setting.value)))
            .collect()
    }

    fn defaults(&self) -> Defaults {
        Defaults {
            team: self.text("defaults.team"),
            workflow: self.optional("defaults.workflow"),
            runtime: self.optional("defaults.runtime"),
            model: self.optional("defaults.model"),
            permission: match self.text("defaults.permission").as_str() {
                "full" => Permission::Full,
                "ask" => Permission::Ask,
                _ => Permission::Write,
            },
            autonomy: u8::try_from(self.number("defaults.autonomy")).unwrap_or(0),
            env: self.list("defaults.env"),
            intent: self.list("defaults.intent"),
        }
    }

    fn limits(&self) -> Limits {
        Limits {
            runs: self.count("limits.runs"),
            agents: self.count("limits.agents"),
            machine: self.count("limits.machine"),
            max_depth: self.count("limits.max_depth"),
            max_output_bytes: self.number("limits.max_output"),
            ask_hold_ms: self.number("limits.ask_hold"),
            first_output_ms: self.number("limits.first_output"),
            hibernate_ms: self.number("limits.hibernate"),
            grace_ms: self.number("limits.grace"),
            silence_ms: self.number("limits.silence"),
            retrying_ms: self.number("limits.retrying"),
            exit_ms: self.number("limits.exit"),
            limit_wait_ms: self.number("limits.limit_wait"),
            runtime: self.named(&["limits", "runtime"], small),
        }
    }

    fn risk(&self) -> Risk {
        Risk {
            profile: match self.text("risk.profile").as_str() {
                "none" => RiskProfile::None,
                _ => RiskProfile::Strict,
            },
            accept: self.list("risk.accept"),
            keywords: self.list("risk.keywords"),
        }
    }

    fn completion(&self) -> Completion {
        Completion {
            mode: self.optional("completion.mode").map(|mode| match mode.as_str() {
                "merge" => CompletionMode::Merge,
                "pr" => CompletionMode::Pr,
                "deliver" => CompletionMode::Deliver,
                _ => CompletionMode::None,
            }),
            target: self.optional("completion.target"),
            timeout_ms: self.number("completion.timeout"),
        }
    }

    fn runtimes(&self) -> BTreeMap<String, RuntimeTable> {
        let mut runtimes: BTreeMap<String, RuntimeTable> = BTreeMap::new();
        for (path, setting) in &self.merged.settings {
            let (Some(table), Some(name), Some(key)) = (path.first(), path.get(1), path.get(2))
            else {
                continue;
            };
            if table != "runtimes" {
                continue;
            }
            let runtime = runtimes.entry(name.clone()).or_default();
            if let Some(inner) = path.get(3) {
                let inner = inner.clone();
                match key.as_str() {
                    "set" => drop(runtime.set.insert(inner, setting.value.to_text())),
                    "mcp_set" => drop(runtime.mcp_set.insert(inner, setting.value.to_text())),
                    "live_permissions" => {
                        drop(runtime.live_permissions.insert(inner, setting.value.to_list()));
                    }
                    _ => drop(runtime.permissions.insert(inner, setting.value.to_list())),
                }
                continue;
            }
            match key.as_str() {
                "model" => runtime.model = setting.value.to_list(),
                "version" => runtime.version = setting.value.to_list(),
                "mcp" => runtime.mcp = setting.value.to_list(),
                "chat" => runtime.chat = setting.value.to_list(),
                "attach" => runtime.attach = setting.value.to_list(),
                "interactive" => runtime.interactive = setting.value.to_list(),
                "command" => runtime.command = setting.value.to_list(),
                "args" => runtime.args = setting.value.to_list(),
                "prompt" => runtime.prompt = Some(setting.value.to_text()),
                "output" => runtime.output = Some(setting.value.to_text()),
                "env" => runtime.env = setting.value.to_list(),
                "transport" => runtime.transport = Some(setting.value.to_text()),
                "live" => runtime.live = Some(setting.value.to_text()),
                "live_command" => runtime.live_command = setting.value.to_list(),
                "live_resume" => runtime.live_resume = setting.value.to_list(),
                "program" => runtime.program = Some(setting.value.to_text()),
                "login" => runtime.login = Some(setting.value.to_list()),
                "mcp_form" => runtime.mcp_form = Some(setting.value.to_text()),
                _ => runtime.resume = setting.value.to_list(),
            }
        }
        runtimes
    }

    fn prices(&self) -> BTreeMap<String, Price> {
        let mut prices: BTreeMap<String, Price> = BTreeMap::new();
        for (path, setting) in &self.merged.settings {
            let [table, name, key] = path.as_slice() else {
                continue;
            };
            if table != "prices" {
                continue;
            }
            let price = prices.entry(name.clone()).or_default();
            match key.as_str() {
                "input" => price.input = amount(&setting.value),
                "output" => price.output = amount(&setting.value),
                _ => price.cache = amount(&setting.value),
            }
        }
        prices
    }
}

impl Value {
    fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Flag(_)
            | Self::Count(_)
            | Self::Amount(_)
            | Self::Duration(..)
            | Self::Size(..)
            | Self::List(_) => self.to_string(),
        }
    }

    fn to_list(&self) -> Vec<String> {
        match self {
            Self::List(list) => list.clone(),
            Self::Text(_)
            | Self::Flag(_)
            | Self::Count(_)
            | Self::Amount(_)
            | Self::Duration(..)
            | Self::Size(..) => Vec::new(),
        }
    }
}

fn whole(value: &Value) -> u64 {
    match value {
        Value::Count(number) | Value::Duration(number, _) | Value::Size(number, _) => *number,
        Value::Text(_) | Value::Flag(_) | Value::Amount(_) | Value::List(_) => 0,
    }
}

fn small(value: &Value) -> u32 {
    u32::try_from(whole(value)).unwrap_or(u32::MAX)
}

fn amount(value: &Value) -> f64 {
    match value {
        Value::Amount(amount) => *amount,
        Value::Text(_)
        | Value::Flag(_)
        | Value::Count(_)
        | Value::Duration(..)
        | Value::Size(..)
        | Value::List(_) => 0.0,
    }
}
