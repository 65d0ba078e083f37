//! For which attempt a process speaks: what the environment says, and whether its token proves it.

use camino::Utf8PathBuf;

use crate::base::TaskId;
use crate::base::path::PathError;
use crate::config::Environment;
use crate::engine::Refusal;
use crate::event::Actor;
use crate::store::{AttemptDir, RunDir, token};

/// The attempt that a process says it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The run's files.
    pub dir: RunDir,
    /// `project#number`.
    pub run: String,
    /// The task.
    pub task: TaskId,
    /// Number of the attempt.
    pub attempt: u32,
    /// Where its token is.
    pub token_file: Utf8PathBuf,
}

/// Why a process speaks for nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// It does not belong to an agent.
    #[error("this process is no agent: `{0}` is not set")]
    Missing(&'static str),
    /// A variable has been tampered with.
    #[error("`{name}` cannot be `{value}`")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
    },
}

impl Identity {
    /// Reads it from the variables that every agent has.
    ///
    /// # Errors
    /// One is missing or makes no sense.
    pub fn of(env: &Environment) -> Result<Self, IdentityError> {
        let get = |name: &'static str| env.get(name).ok_or(IdentityError::Missing(name));
        let invalid = |name: &'static str, value: &str| IdentityError::Invalid {
            name,
            value: value.to_owned(),
        };
        let token_file = get("CREW_TOKEN_FILE")?;
        let (dir, run) = (get("CREW_RUN_DIR")?, get("CREW_RUN")?);
        let (task, attempt) = (get("CREW_TASK")?, get("CREW_ATTEMPT_NUMBER")?);
        Ok(Self {
            dir: RunDir::at(Utf8PathBuf::from(dir)),
            run: run.to_owned(),
            task: task.parse().map_err(|_| invalid("CREW_TASK", task))?,
            attempt: attempt.parse().map_err(|_| invalid("CREW_ATTEMPT_NUMBER", attempt))?,
            token_file: Utf8PathBuf::from(token_file),
        })
    }

    /// The attempt's own folder.
    pub fn folder(&self) -> AttemptDir {
        self.dir.attempt(&self.task, self.attempt)
    }

    /// As the log names it.
    pub fn actor(&self) -> Actor {
        Actor::Agent(self.task.clone())
    }

    /// Proves by the token that the process is what it says.
    ///
    /// # Errors
    /// The hash on disk cannot be read.
    pub fn check(&self) -> Result<Result<(), Refusal>, PathError> {
        let refused = |reason: String| Refusal {
            code: "token",
            reason,
            hint: "an agent speaks for its own task and attempt only, with the file that \
                   `CREW_TOKEN_FILE` named when it was started"
                .to_owned(),
        };
        let token = match token::read(&self.token_file) {
            Ok(token) => token,
            Err(error) => {
                let reason = format!("there is no token: {error}: {}", error.source);
                return Ok(Err(refused(reason)));
            }
        };
        if token::is_of(&token, &self.folder(), &self.task, self.attempt)? {
            return Ok(Ok(()));
        }
        let reason = format!(
            "the token in `{}` is not that of attempt {} of `{}`",
            self.token_file, self.attempt, self.task
        );
        Ok(Err(refused(reason)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(without: &str) -> Environment {
        let all = [
            ("CREW_RUN", "shop#5"),
            ("CREW_RUN_DIR", "/state/runs/0005"),
            ("CREW_TASK", "review/2"),
            ("CREW_ATTEMPT_NUMBER", "3"),
            ("CREW_TOKEN_FILE", "/t"),
        ];
        all.into_iter().filter(|(name, _)| *name != without).collect()
    }

    #[test]
    fn an_agent_is_known_by_all_of_its_variables() {
        let found = Identity::of(&env("")).unwrap();
        assert_eq!((found.task.to_string().as_str(), found.attempt), ("review/2", 3));
        assert_eq!(found.folder().path(), "/state/runs/0005/tasks/review.2/3");
        for name in
            ["CREW_RUN", "CREW_RUN_DIR", "CREW_TASK", "CREW_ATTEMPT_NUMBER", "CREW_TOKEN_FILE"]
        {
            assert_eq!(Identity::of(&env(name)), Err(IdentityError::Missing(name)));
        }
    }
}
