//! Tells whether this process belongs to an agent: people's decisions are not for agents.
//!
//! This guards against mistakes and prompt injection, not against a hostile program of the same user.

use crate::base::stat::Stat;
use crate::config::Environment;

/// Marks the processes of an attempt; every agent and its shim carry it.
const MARK: &str = "CREW_ATTEMPT";
/// Names the file with an agent's token.
const TOKEN: &str = "CREW_TOKEN_FILE";
/// Generations that are looked at; a real chain of shells is far shorter.
const ANCESTORS_MAX: usize = 64;

/// An agent tried to do what only a person may.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`crew {verb}` is for people; this process belongs to an agent ({evidence})")]
pub struct ChildForbidden {
    /// What was tried.
    pub verb: String,
    /// How it is known.
    pub evidence: String,
}

/// Refuses `verb` to agents and to everything that they start.
///
/// # Errors
/// This process, or one that it descends from, belongs to an attempt.
pub fn forbid_to_agents(env: &Environment, verb: &str) -> Result<(), ChildForbidden> {
    let own = [MARK, TOKEN].into_iter().find(|name| env.get(name).is_some());
    let evidence = match own {
        Some(name) => Some(format!("`{name}` is set")),
        None => marked_ancestor().map(|pid| format!("its ancestor {pid} has `{MARK}`")),
    };
    match evidence {
        Some(evidence) => Err(ChildForbidden { verb: verb.to_owned(), evidence }),
        None => Ok(()),
    }
}

/// The nearest ancestor that was started with the mark: emptying one's own environment hides nothing.
fn marked_ancestor() -> Option<u32> {
    let mut pid = parent_of(std::process::id())?;
    for _ in 0..ANCESTORS_MAX {
        if pid <= 1 {
            return None;
        }
        // The environment of another user's process cannot be read; agents run as the same user.
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let is_marked = environment.split(|byte| *byte == 0).any(|variable| {
            variable.strip_prefix(MARK.as_bytes()).is_some_and(|rest| rest.starts_with(b"="))
        });
        if is_marked {
            return Some(pid);
        }
        pid = parent_of(pid)?;
    }
    None
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Stat::parse(&stat).map(|stat| stat.parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_or_a_token_in_the_environment_betrays_an_agent() {
        for name in [MARK, TOKEN] {
            let env: Environment = [(name, "x")].into_iter().collect();
            let refused = forbid_to_agents(&env, "stop").expect_err(name);
            assert!(refused.to_string().starts_with("`crew stop` is for people"), "{refused}");
            assert!(refused.evidence.contains(name), "{refused}");
        }
    }

    #[test]
    fn parents_are_found_whatever_the_program_is_called() {
        assert!(parent_of(std::process::id()).is_some_and(|pid| pid > 0));
        assert_eq!(parent_of(u32::MAX), None);
    }
}
