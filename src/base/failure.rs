//! Kinds of failures of agent programs and their providers.

use serde::{Deserialize, Serialize};

/// Why a program or its provider failed; decides what happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// A usage limit; often with a time at which it ends.
    RateLimit,
    /// The provider is too busy.
    Overload,
    /// Nobody is logged in, or the key is refused.
    Login,
    /// The conversation no longer fits.
    ContextOverflow,
    /// The model's name is not known.
    BadModel,
    /// The session that it was to go on with does not exist.
    Session,
    /// The program cannot be held to what it may do.
    Permission,
    /// The model declined.
    Refusal,
    /// The program itself broke.
    Crash,
    /// Anything else.
    Other,
}

impl ErrorKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::RateLimit,
        Self::Overload,
        Self::Login,
        Self::ContextOverflow,
        Self::BadModel,
        Self::Session,
        Self::Permission,
        Self::Refusal,
        Self::Crash,
        Self::Other,
    ];

    /// The word for it in protocols and scripts.
    pub fn word(self) -> &'static str {
        match self {
            Self::RateLimit => "rate_limit",
            Self::Overload => "overload",
            Self::Login => "login",
            Self::ContextOverflow => "context_overflow",
            Self::BadModel => "bad_model",
            Self::Session => "session",
            Self::Permission => "permission",
            Self::Refusal => "refusal",
            Self::Crash => "crash",
            Self::Other => "other",
        }
    }
}
