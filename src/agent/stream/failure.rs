//! What a program's words about a failure mean.

use crate::agent::observation::{ErrorKind, Observation, ResultStatus};
use crate::base::Time;

/// What stands before the end of a limit in seconds since 1970.
const LIMIT_UNTIL: &str = "limit reached|";

/// A failure in the program's own words, with the provider's status where it is known.
pub(super) fn failure(status: Option<u64>, text: &str) -> Observation {
    let (kind, retryable) = classify(status, text);
    let reset_at = reset_at(text);
    // The moment is told apart, in words that people read.
    let words = text.split_once(LIMIT_UNTIL).filter(|_| reset_at.is_some());
    let text = words.map_or_else(|| text.to_owned(), |(what, _)| format!("{what}limit reached"));
    Observation::Error { kind, retryable, reset_at, text }
}

/// What kind of failure a program means that ended before it could begin, by what it wrote as its error.
///
/// Words about connections prove little there: they may be about anything.
pub fn kind_of(text: &str) -> Option<(ErrorKind, bool)> {
    let (kind, retryable) = classify(None, text);
    (!matches!(kind, ErrorKind::Other | ErrorKind::Overload)).then_some((kind, retryable))
}

/// The end of a turn that failed.
pub(super) fn failed_turn(status: Option<u64>, text: &str) -> [Observation; 2] {
    let none = Observation::Result { text: String::new(), status: ResultStatus::Error };
    [failure(status, text), none]
}

/// What crew says of a program that has no mode for a level.
pub const NO_MODE: &str = "the program has no mode for permission";

/// What programs say of a session that they do not know.
const SESSION_GONE: [&str; 5] = [
    "no conversation found",
    "session not found",
    "no session found",
    "no rollout found",
    "error resuming",
];

/// What programs say of a connection that broke.
const BROKEN_LINE: [&str; 12] = [
    "connection",
    "connect to",
    "disconnected",
    "terminated",
    "network",
    "econnrefused",
    "econnreset",
    "fetch failed",
    "timed out",
    "incomplete json",
    "in json",
    "json parsing",
];

/// What kind of failure it is, and whether the same call may work later.
pub(super) fn classify(status: Option<u64>, text: &str) -> (ErrorKind, bool) {
    let lower = text.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    // Words come first: a provider says "too long" and "no such model" with the same status.
    if has(&[
        "context window",
        "context_length",
        "context length",
        "prompt is too long",
        "maximum number of tokens",
        "contextoverflow",
    ]) {
        return (ErrorKind::ContextOverflow, false);
    }
    if text.starts_with(NO_MODE) {
        return (ErrorKind::Permission, false);
    }
    if has(&SESSION_GONE) {
        return (ErrorKind::Session, false);
    }
    if has(&["model_not_found", "model not found", "unknown model", "no such model"])
        || (lower.contains("model")
            && has(&["does not exist", "may not exist", "not supported", "not available"]))
    {
        return (ErrorKind::BadModel, false);
    }
    let status = status.or_else(|| status_in(&lower));
    if status == Some(429) || has(&["rate limit", "rate_limit", "usage limit", "quota"]) {
        return (ErrorKind::RateLimit, true);
    }
    if matches!(status, Some(401 | 403))
        || has(&[
            "not logged in",
            "api key",
            "api_key",
            "authentication",
            "unauthorized",
            "unauthenticated",
            "/login",
        ])
    {
        return (ErrorKind::Login, false);
    }
    // Before the words of a broken line: a provider may cut the stream to say it.
    if has(&[
        "refused to",
        "content policy",
        "refusal",
        "usage policy",
        "/legal/aup",
        "content_filter",
        "content filter",
    ]) {
        return (ErrorKind::Refusal, false);
    }
    if status.is_some_and(|status| status >= 500)
        || has(&[
            "overloaded",
            "high demand",
            "internal server error",
            "server_error",
            "service unavailable",
        ])
    {
        return (ErrorKind::Overload, true);
    }
    if has(&BROKEN_LINE) {
        return (ErrorKind::Overload, true);
    }
    (ErrorKind::Other, false)
}

/// A status that stands in the words: `unexpected status 401`, `API Error: 400 …`, `"code":429`.
fn status_in(lower: &str) -> Option<u64> {
    ["status ", "status: ", "error: ", "\"code\":", "last status: "]
        .iter()
        .find_map(|before| {
            let at = lower.find(before)? + before.len();
            let digits: String = lower[at..].chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok().filter(|status| (400..600).contains(status))
        })
        .or_else(|| {
            let digits: String = lower.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok().filter(|status| (400..600).contains(status))
        })
}

/// When a limit ends: `…|1795222296` and `resets at 1795222296` in seconds, as providers write it.
fn reset_at(text: &str) -> Option<Time> {
    let lower = text.to_lowercase();
    [LIMIT_UNTIL, "resets at ", "reset_at\":", "reset at "].iter().find_map(|before| {
        let at = lower.find(before)? + before.len();
        let digits: String = lower[at..].chars().take_while(char::is_ascii_digit).collect();
        let seconds: i64 = digits.parse().ok().filter(|seconds| *seconds > 1_000_000_000)?;
        Some(Time(seconds.checked_mul(1_000)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_programs_are_understood() {
        use ErrorKind::{
            BadModel, ContextOverflow, Login, Other, Overload, Permission, RateLimit, Refusal,
            Session,
        };
        for (status, text, kind, retryable) in [
            (None, "API Error: 400 fake bad request", Other, false),
            (
                Some(400),
                "Prompt is too long · the request is ~250000 tokens",
                ContextOverflow,
                false,
            ),
            (None, "Codex ran out of room in the model's context window.", ContextOverflow, false),
            (
                None,
                "The input token count (250000) exceeds the maximum number of tokens allowed",
                ContextOverflow,
                false,
            ),
            (None, "Not logged in · Please run /login", Login, false),
            (None, "unexpected status 401 Unauthorized: fake: invalid api key", Login, false),
            (None, "401: {\"message\":\"fake: invalid api key\"}", Login, false),
            (None, "exceeded retry limit, last status: 429 Too Many Requests", RateLimit, true),
            (Some(429), "rate_limit", RateLimit, true),
            (None, "Claude AI usage limit reached|1795222296", RateLimit, true),
            (Some(529), "overloaded_error", Overload, true),
            (Some(500), "fake: internal server error", Overload, true),
            (None, "stream disconnected before completion", Overload, true),
            (None, "[API Error: terminated]", Overload, true),
            (None, "The model `gpt-9` does not exist", BadModel, false),
            (
                None,
                "There's an issue with the selected model (gpt-9). It may not exist or you may not have access to it.",
                BadModel,
                false,
            ),
            (None, "No conversation found with session ID: 1", Session, false),
            (None, "thread/resume failed: no rollout found for thread id 01a1", Session, false),
            (None, "I refused to do that: content policy", Refusal, false),
            (
                None,
                "API Error: the safeguards flagged this message (https://www.anthropic.com/legal/aup).",
                Refusal,
                false,
            ),
            (None, "Incomplete response returned, reason: content_filter", Refusal, false),
            (None, "the program has no mode for permission `ask`; it has none", Permission, false),
            (None, "something else", Other, false),
        ] {
            assert_eq!(classify(status, text), (kind, retryable), "{text}");
        }
    }

    #[test]
    fn the_end_of_a_limit_is_read_where_it_is_said() {
        assert_eq!(
            reset_at("Claude AI usage limit reached|1795222296"),
            Some(Time(1_795_222_296_000))
        );
        assert_eq!(reset_at("limit, resets at 1795222296."), Some(Time(1_795_222_296_000)));
        assert_eq!(reset_at("resets at 3pm"), None);
        assert_eq!(reset_at("reset at 12"), None);
    }
}
