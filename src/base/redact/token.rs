//! Tokens that say by their beginning what they are.

use super::{Found, run};

/// Which bytes a token may have behind its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Letters and digits.
    Plain,
    /// Those, `-` and `_`.
    Word,
    /// Those and `.`, `/`, `+`, `=`.
    Any,
    /// Exactly so many capitals and digits.
    Upper,
    /// Exactly so many hexadecimal digits.
    Hex,
}

impl Kind {
    fn has(self, byte: u8) -> bool {
        match self {
            Self::Plain => byte.is_ascii_alphanumeric(),
            Self::Word => is_word(byte),
            Self::Any => is_word(byte) || matches!(byte, b'.' | b'/' | b'+' | b'='),
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Hex => byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'),
        }
    }

    fn is_exact(self) -> bool {
        matches!(self, Self::Upper | Self::Hex)
    }
}

/// Beginnings, what follows and how much of it at least, and whose they are; longer ones first.
const TOKENS: &[(&str, Kind, usize, &str)] = &[
    ("sk-ant-", Kind::Word, 16, "Anthropic key"),
    ("sk-proj-", Kind::Word, 16, "OpenAI key"),
    ("sk-svcacct-", Kind::Word, 16, "OpenAI key"),
    ("sk-or-v1-", Kind::Word, 16, "OpenRouter key"),
    ("sk-", Kind::Any, 20, "key"),
    ("sk_live_", Kind::Plain, 16, "Stripe key"),
    ("sk_test_", Kind::Plain, 16, "Stripe key"),
    ("rk_live_", Kind::Plain, 16, "Stripe key"),
    ("rk_test_", Kind::Plain, 16, "Stripe key"),
    ("whsec_", Kind::Plain, 16, "Stripe secret"),
    ("ghp_", Kind::Plain, 20, "GitHub token"),
    ("gho_", Kind::Plain, 20, "GitHub token"),
    ("ghu_", Kind::Plain, 20, "GitHub token"),
    ("ghs_", Kind::Any, 20, "GitHub token"),
    ("ghr_", Kind::Plain, 20, "GitHub token"),
    ("github_pat_", Kind::Word, 20, "GitHub token"),
    ("glpat-", Kind::Any, 16, "GitLab token"),
    ("glrt-", Kind::Any, 16, "GitLab token"),
    ("gldt-", Kind::Any, 16, "GitLab token"),
    ("glcbt-", Kind::Any, 16, "GitLab token"),
    ("glptt-", Kind::Any, 16, "GitLab token"),
    ("xoxa-", Kind::Word, 10, "Slack token"),
    ("xoxb-", Kind::Word, 10, "Slack token"),
    ("xoxe-", Kind::Word, 10, "Slack token"),
    ("xoxp-", Kind::Word, 10, "Slack token"),
    ("xoxr-", Kind::Word, 10, "Slack token"),
    ("xoxs-", Kind::Word, 10, "Slack token"),
    ("xapp-", Kind::Word, 16, "Slack token"),
    ("AKIA", Kind::Upper, 16, "AWS access key"),
    ("ASIA", Kind::Upper, 16, "AWS access key"),
    ("AIza", Kind::Word, 30, "Google key"),
    ("ya29.", Kind::Any, 20, "Google token"),
    ("GOCSPX-", Kind::Word, 20, "Google secret"),
    ("npm_", Kind::Plain, 30, "npm token"),
    ("pypi-AgE", Kind::Word, 16, "PyPI token"),
    ("hf_", Kind::Plain, 20, "Hugging Face token"),
    ("SG.", Kind::Any, 40, "SendGrid key"),
    ("SK", Kind::Hex, 32, "Twilio key"),
    ("key-", Kind::Hex, 32, "Mailgun key"),
    ("dop_v1_", Kind::Plain, 32, "DigitalOcean token"),
    ("dckr_pat_", Kind::Word, 20, "Docker token"),
    ("hvs.", Kind::Word, 20, "Vault token"),
    ("tskey-", Kind::Word, 16, "Tailscale key"),
    ("gsk_", Kind::Plain, 20, "Groq key"),
    ("xai-", Kind::Plain, 40, "xAI key"),
    ("r8_", Kind::Plain, 30, "Replicate token"),
    ("pplx-", Kind::Plain, 30, "Perplexity key"),
    ("nvapi-", Kind::Word, 30, "NVIDIA key"),
    ("lin_api_", Kind::Plain, 30, "Linear key"),
    ("shpat_", Kind::Plain, 32, "Shopify token"),
    ("AGE-SECRET-KEY-1", Kind::Plain, 40, "age key"),
    ("eyJhbGciOi", Kind::Any, 20, "JSON web token"),
];

/// For each first byte of a token, the second ones: nearly no word gets further.
const SECOND: [u128; 128] = {
    let mut table = [0; 128];
    let mut at = 0;
    while at < TOKENS.len() {
        let name = TOKENS[at].0.as_bytes();
        table[name[0] as usize] |= 1 << name[1];
        at += 1;
    }
    table
};

/// A token that begins at `at`.
pub(super) fn at(bytes: &[u8], at: usize) -> Option<Found> {
    let (first, second) = (bytes[at], *bytes.get(at + 1)?);
    if first.is_ascii_digit() {
        return bot(bytes, at);
    }
    let is_known = |table: &[u128; 128]| {
        let seconds = table.get(usize::from(first)).copied().unwrap_or(0);
        second < 128 && seconds & (1 << second) != 0
    };
    if !is_known(&SECOND) {
        return if bytes[at..].starts_with(b"eyJ") { web_token(bytes, at) } else { None };
    }
    let known = TOKENS.iter().find_map(|(start, kind, least, name)| {
        let from = at + start.len();
        if !bytes[at..].starts_with(start.as_bytes()) {
            return None;
        }
        let to = run(bytes, from, |byte| kind.has(byte));
        let is_whole = if kind.is_exact() {
            to - from == *least && !bytes.get(to).is_some_and(|byte| is_word(*byte))
        } else {
            to - from >= *least
        };
        // Words with hyphens have no digits.
        let has_digit = bytes[from..to].iter().any(u8::is_ascii_digit);
        let is_one = is_whole && (has_digit || *start != "sk-");
        is_one.then(|| Found { from: at, to: trimmed(bytes, from, to), kind: name })
    });
    known.or_else(|| if second == b'y' { web_token(bytes, at) } else { None })
}

/// `123456789:` and 35 more, as bots of Telegram have it.
fn bot(bytes: &[u8], at: usize) -> Option<Found> {
    let colon = run(bytes, at, |byte| byte.is_ascii_digit());
    if !(8..=10).contains(&(colon - at)) || bytes.get(colon) != Some(&b':') {
        return None;
    }
    let to = run(bytes, colon + 1, is_word);
    (to - colon == 36).then_some(Found { from: at, to, kind: "Telegram token" })
}

/// Three parts with points between them, the first of which is JSON.
fn web_token(bytes: &[u8], at: usize) -> Option<Found> {
    let mut to = at;
    for part in 0..3 {
        let from = if part == 0 { at } else { to + 1 };
        if part > 0 && bytes.get(to) != Some(&b'.') {
            return None;
        }
        to = run(bytes, from, is_word);
        if to - from < 8 {
            return None;
        }
    }
    bytes[at..].starts_with(b"eyJ").then_some(Found { from: at, to, kind: "JSON web token" })
}

/// The end without the point that ends a sentence.
fn trimmed(bytes: &[u8], from: usize, to: usize) -> usize {
    if to > from && bytes[to - 1] == b'.' { to - 1 } else { to }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}
