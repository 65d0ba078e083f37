//! The environment of the process, read once, and what of it an agent gets.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

/// Variables that agents get, exactly by name.
const PASSED: &[&str] = &["PATH", "HOME", "USER", "SHELL", "TERM", "TMPDIR", "LANG", "LANGUAGE"];
/// Variables that agents get by the beginning of their name.
const PASSED_PREFIXES: &[&str] = &["LC_", "XDG_"];
/// Proxy variables; programs know them in either case.
const PROXIES: &[&str] = &["http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"];

/// The variables of the process. `Environment::capture` reads the real ones, tests make their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    pub(super) unreadable: Vec<String>,
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self {
            variables: variables
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            unreadable: Vec::new(),
        }
    }
}

impl Environment {
    /// The value of a variable; an empty one counts as not set.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.variables.get(name)?;
        (!value.is_empty()).then_some(value)
    }

    /// All variables, by name.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The home folder.
    pub fn home(&self) -> Option<&Utf8Path> {
        self.folder("HOME")
    }

    /// crew's folder in the user's configuration: `CREW_CONFIG_DIR`, else by the XDG rules.
    pub fn config_dir(&self) -> Option<Utf8PathBuf> {
        match self.get("CREW_CONFIG_DIR") {
            Some(folder) => Some(folder.into()),
            None => self.xdg("XDG_CONFIG_HOME", ".config"),
        }
    }

    /// crew's folder for what it remembers about the user, by the XDG rules, else the configuration's.
    pub fn user_state_dir(&self) -> Option<Utf8PathBuf> {
        self.xdg("XDG_STATE_HOME", ".local/state").or_else(|| self.config_dir())
    }

    /// crew's folder for sockets and locks of this login, when the system has one.
    pub fn runtime_dir(&self) -> Option<Utf8PathBuf> {
        Some(self.folder("XDG_RUNTIME_DIR")?.join("crew"))
    }

    /// Colour is not wanted (<https://no-color.org>).
    pub fn no_color(&self) -> bool {
        self.get("NO_COLOR").is_some()
    }

    /// Width that somebody asked for.
    pub fn columns(&self) -> Option<u16> {
        self.get("COLUMNS")?.parse().ok().filter(|width| *width > 0)
    }

    /// The editor's command line: `VISUAL`, else `EDITOR`.
    pub fn editor(&self) -> Option<&str> {
        self.get("VISUAL").or_else(|| self.get("EDITOR"))
    }

    /// Name of the user.
    pub fn user(&self) -> Option<&str> {
        self.get("USER").or_else(|| self.get("LOGNAME"))
    }

    /// The locale can show more than ASCII; without any locale set it cannot.
    pub fn is_utf8_locale(&self) -> bool {
        ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| self.get(name)).is_some_and(
            |locale| {
                let locale = locale.to_ascii_lowercase();
                locale.contains("utf-8") || locale.contains("utf8")
            },
        )
    }

    /// The XDG rules: an absolute path in the variable, else a folder in the home.
    fn xdg(&self, name: &str, below_home: &str) -> Option<Utf8PathBuf> {
        let base = match self.folder(name) {
            Some(folder) => folder.to_owned(),
            None => self.home()?.join(below_home),
        };
        Some(base.join("crew"))
    }

    fn folder(&self, name: &str) -> Option<&Utf8Path> {
        let path = Utf8Path::new(self.get(name)?);
        path.is_absolute().then_some(path)
    }
}

/// The variables that an agent gets from crew's own environment: the allow list and the declared names.
///
/// A declared name may end in `*`. Variables of crew itself are never passed on: the caller sets those of the attempt.
pub fn agent_environment(env: &Environment, declared: &[String]) -> Vec<(String, String)> {
    let is_declared = |name: &str| {
        declared.iter().any(|declared| match declared.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => declared == name,
        })
    };
    env.variables
        .iter()
        .filter(|(name, _)| !name.starts_with("CREW_"))
        .filter(|(name, _)| {
            PASSED.contains(&name.as_str())
                || PASSED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
                || PROXIES.iter().any(|proxy| proxy.eq_ignore_ascii_case(name))
                || is_declared(name)
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_follow_the_xdg_rules_and_crews_own_variable() {
        type Case<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>, Option<&'a str>);
        let table: &[Case<'_>] = &[
            (&[], None, None),
            (&[("HOME", "/h")], Some("/h/.config/crew"), Some("/h/.local/state/crew")),
            (
                &[("HOME", "/h"), ("XDG_CONFIG_HOME", "/c"), ("XDG_STATE_HOME", "relative")],
                Some("/c/crew"),
                Some("/h/.local/state/crew"),
            ),
            (&[("CREW_CONFIG_DIR", "/x")], Some("/x"), Some("/x")),
            (&[("HOME", ""), ("XDG_CONFIG_HOME", "/c")], Some("/c/crew"), Some("/c/crew")),
        ];
        for (variables, config, state) in table {
            let env: Environment = variables.iter().copied().collect();
            assert_eq!(env.config_dir().as_deref(), config.map(Utf8Path::new), "{variables:?}");
            assert_eq!(env.user_state_dir().as_deref(), state.map(Utf8Path::new), "{variables:?}");
        }
    }

    #[test]
    fn the_real_environment_is_captured_whole() {
        let env = Environment::capture();
        for (name, value) in std::env::vars_os() {
            if let (Some(name), Some(value)) = (name.to_str(), value.to_str()) {
                let expected = (!value.is_empty()).then_some(value);
                assert_eq!(env.get(name), expected, "{name}");
            }
        }
        assert!(env.get("PATH").is_some());
    }

    #[test]
    fn an_agent_gets_the_allow_list_and_declared_names_only() {
        let env: Environment = [
            ("PATH", "/bin"),
            ("LC_TIME", "C"),
            ("XDG_RUNTIME_DIR", "/run"),
            ("HTTPS_PROXY", "p"),
            ("no_proxy", "q"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
            ("GITHUB_TOKEN", "t"),
            ("MYTOOL_KEY", "k"),
            ("ANTHROPIC_API_KEY", "a"),
            ("CREW_TOKEN_FILE", "/outer"),
            ("SSH_AUTH_SOCK", "/s"),
        ]
        .into_iter()
        .collect();
        let declared = ["MYTOOL_KEY", "ANTHROPIC_*", "CREW_*", "NOT_SET"].map(str::to_owned);
        let names: Vec<String> =
            agent_environment(&env, &declared).into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "ANTHROPIC_API_KEY",
                "HTTPS_PROXY",
                "LC_TIME",
                "MYTOOL_KEY",
                "PATH",
                "XDG_RUNTIME_DIR",
                "no_proxy"
            ]
        );
    }
}
