//! Which ways of telling a configuration names, which of them may be used, and how each is used.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use tokio::process::Command;

use super::letter::Letter;
use super::post::{CURL, CURL_ARGS, curl};
use super::program::{self, environment, found};
use crate::config::{Config, Environment, Hook, Origin, TrustItem, TrustStore};
use crate::snapshot::{Notice, Severity};

/// One way of telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// A command for some events.
    Hook(Hook),
    /// A command for all notices.
    Command(String),
    /// An address that the notice is sent to.
    Webhook(String),
    /// The desktop's own notifications.
    Desktop,
}

/// The ways that a configuration names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ways {
    /// Those that may be used.
    pub usable: Vec<Way>,
    /// Those that stand in the file of a project that is not trusted with them.
    pub untrusted: Vec<TrustItem>,
}

impl Ways {
    /// The ways that the configuration of the project at `root` names.
    ///
    /// What the project's own file says is used only when a person trusted the project with it as it
    /// stands now; when that cannot be told, it is not used.
    pub fn of(config: &Config, env: &Environment, root: &Utf8Path) -> Self {
        let mut ways = Self::default();
        let trust = TrustStore::new(env);
        let mut add = |way: Way, from: &[Origin], what: &str| {
            let line = from.iter().find_map(|origin| match origin {
                Origin::Project(_, line) => Some(*line),
                Origin::Preset | Origin::User(..) | Origin::Env(_) | Origin::Flag(_) => None,
            });
            let Some(line) = line else { return ways.usable.push(way) };
            let is_it = |item: &&TrustItem| item.line == line && item.what.starts_with(what);
            let item = config.executable.iter().find(is_it);
            let is_trusted =
                item.is_some_and(|item| trust.is_item_trusted(root, item).unwrap_or(false));
            if is_trusted {
                ways.usable.push(way);
            } else {
                ways.untrusted.extend(item.cloned());
            }
        };
        let notify = &config.notify;
        if let Some(command) = &notify.command {
            let key = "notify.command";
            add(Way::Command(command.clone()), config.origins.of(key), key);
        }
        if let Some(address) = &notify.webhook {
            let key = "notify.webhook";
            add(Way::Webhook(address.clone()), config.origins.of(key), key);
        }
        for (hook, origin) in &config.hooks {
            add(Way::Hook(hook.clone()), std::slice::from_ref(origin), "hook on ");
        }
        if notify.desktop {
            ways.usable.push(Way::Desktop);
        }
        ways
    }
}

impl Way {
    /// In words, without what only its owner may know.
    pub fn name(&self) -> String {
        match self {
            Self::Hook(hook) => format!("hook on {}", hook.on.join(", ")),
            Self::Command(_) => "notify.command".to_owned(),
            Self::Webhook(address) => format!("webhook at {}", host(address)),
            Self::Desktop => "desktop".to_owned(),
        }
    }

    /// Whether this way is for this notice.
    pub fn is_for(&self, notice: &Notice) -> bool {
        match self {
            Self::Hook(hook) => hook.is_on(&notice.name) || hook.is_on(&notice.kind),
            Self::Command(_) | Self::Webhook(_) | Self::Desktop => notice.is_for_people(),
        }
    }

    /// The program that this way needs; none for a shell command.
    pub fn program(&self) -> Option<&'static str> {
        match self {
            Self::Hook(_) | Self::Command(_) => None,
            Self::Webhook(_) => Some(CURL),
            Self::Desktop if cfg!(target_os = "macos") => Some("osascript"),
            Self::Desktop => Some("notify-send"),
        }
    }

    /// The shell command that this way is; none for what needs a program of its own.
    pub fn shell(&self) -> Option<&str> {
        match self {
            Self::Hook(Hook { command, .. }) | Self::Command(command) => Some(command),
            Self::Webhook(_) | Self::Desktop => None,
        }
    }

    /// Tells it; what the program printed, or why it did not work.
    ///
    /// # Errors
    /// The program cannot be started, does not end in time, or says that it did not work.
    pub async fn tell(
        &self,
        letter: &Letter,
        env: &Environment,
        limit: Duration,
    ) -> Result<String, String> {
        let (program, args, input) = match self {
            Self::Hook(Hook { command, .. }) | Self::Command(command) => {
                let args = vec!["-c".to_owned(), command.clone()];
                (Utf8PathBuf::from("/bin/sh"), args, letter.json() + "\n")
            }
            Self::Webhook(address) => {
                let args = CURL_ARGS.map(str::to_owned).to_vec();
                (found(CURL, env)?, args, curl(address, &[], &letter.json(), limit))
            }
            Self::Desktop => {
                let name = self.program().unwrap_or_default();
                (found(name, env)?, bubble(name, &letter.notice), String::new())
            }
        };
        let mut command = Command::new(program);
        command.args(args).env_clear().envs(environment(env)).envs(letter.variables());
        if letter.project.is_dir() {
            command.current_dir(&letter.project);
        }
        program::run(command, &input, limit).await
    }
}

/// How a desktop is told.
fn bubble(program: &str, notice: &Notice) -> Vec<String> {
    if program == "osascript" {
        let script = [
            "on run argv",
            "display notification (item 2 of argv) with title (item 1 of argv)",
            "end run",
        ];
        let lines = script.iter().flat_map(|line| ["-e".to_owned(), (*line).to_owned()]);
        return lines.chain([notice.title.clone(), notice.text.clone()]).collect();
    }
    let urgency = if notice.severity <= Severity::Failed { "critical" } else { "normal" };
    // The body is markup for most desktops.
    let text = notice.text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let head = ["--app-name=crew".to_owned(), format!("--urgency={urgency}"), "--".to_owned()];
    head.into_iter().chain([notice.title.clone(), text]).collect()
}

/// The part of an address that is no secret.
fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
