//! Where attempts run: on this machine, on a host over ssh, or where a batch system puts them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where attempts run.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Site {
    /// On this machine.
    #[default]
    Local,
    /// On this host, as ssh names it.
    Ssh(String),
    /// Where Slurm puts them.
    Slurm,
}

/// A text that names no place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not `local`, `ssh:<host>` or `slurm`")]
pub struct SiteError(pub String);

impl FromStr for Site {
    type Err = SiteError;

    fn from_str(text: &str) -> Result<Self, SiteError> {
        match (text, text.strip_prefix("ssh:")) {
            ("local", _) => Ok(Self::Local),
            ("slurm", _) => Ok(Self::Slurm),
            (_, Some(host)) if is_host(host) => Ok(Self::Ssh(host.to_owned())),
            _ => Err(SiteError(text.to_owned())),
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Ssh(host) => write!(f, "ssh:{host}"),
            Self::Slurm => f.write_str("slurm"),
        }
    }
}

impl TryFrom<String> for Site {
    type Error = SiteError;

    fn try_from(text: String) -> Result<Self, SiteError> {
        text.parse()
    }
}

impl From<Site> for String {
    fn from(site: Site) -> Self {
        site.to_string()
    }
}

impl Site {
    /// Whether attempts run on this machine.
    pub fn is_local(&self) -> bool {
        *self == Self::Local
    }
}

/// What begins with a dash would be an option of ssh, and a blank would make two words of it.
fn is_host(host: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-@:%[]".contains(c);
    !host.is_empty() && !host.starts_with('-') && host.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_read_as_it_is_written() {
        for text in ["local", "slurm", "ssh:node7", "ssh:me@node7.example.org"] {
            assert_eq!(text.parse::<Site>().unwrap().to_string(), text);
        }
        for text in ["", "ssh", "ssh:", "ssh:-oProxyCommand=x", "ssh:a b", "ssh:a;b", "SLURM"] {
            assert_eq!(text.parse::<Site>(), Err(SiteError(text.to_owned())), "{text}");
        }
    }
}
