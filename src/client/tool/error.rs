//! Why a call of an agent did not happen.

use super::identity::IdentityError;
use crate::base::id::NameError;
use crate::base::path::PathError;
use crate::client::message::TextError;
use crate::engine::Refusal;
use crate::ledger::{CommitError, OpenError};
use crate::store::artifact::ArtifactError;

/// Why a call of an agent did not happen.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The process speaks for nobody.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The run cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Refused, or not written.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// A file could not be stored.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// A text cannot be sent.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A name cannot be used.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The system refused.
    #[error(transparent)]
    Io(#[from] PathError),
}

impl From<Refusal> for ToolError {
    fn from(refusal: Refusal) -> Self {
        Self::Commit(CommitError::Refused(refusal))
    }
}

impl ToolError {
    /// The refusal behind it, where crew said no.
    pub fn refusal(&self) -> Option<&Refusal> {
        if let Self::Commit(CommitError::Refused(refusal)) = self { Some(refusal) } else { None }
    }

    /// What to do instead; empty when there is nothing to say.
    pub fn hint(&self) -> &str {
        match self {
            Self::Identity(_) => {
                "agents call this inside their attempt; for people there are `crew send`, `crew gate` and others"
            }
            Self::Text(TextError::Long { .. }) => {
                "store it with `crew tool artifact NAME FILE` and name the artifact"
            }
            Self::Commit(CommitError::Refused(refusal)) => &refusal.hint,
            Self::Open(_)
            | Self::Commit(_)
            | Self::Artifact(_)
            | Self::Text(_)
            | Self::Name(_)
            | Self::Io(_) => "",
        }
    }
}
