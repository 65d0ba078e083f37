//! Short names for folders and branches, made from free text.

use super::limits;

/// Makes a slug: lower case, everything but a–z and 0–9 becomes one hyphen, trimmed, cut at a hyphen.
///
/// Returns `None` when nothing of the text is left; the caller falls back to `run-<n>`.
pub fn slug(text: &str) -> Option<String> {
    let mut out = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
        if out.len() > limits::SLUG_CHARS_MAX {
            break;
        }
    }
    if out.len() > limits::SLUG_CHARS_MAX {
        let head = &out[..=limits::SLUG_CHARS_MAX];
        let cut = head.rfind('-').filter(|&at| at > 0).unwrap_or(limits::SLUG_CHARS_MAX);
        out.truncate(cut);
    }
    let trimmed = out.trim_end_matches('-');
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

/// The slug, or the first of `slug-2`, `slug-3`, … that is not taken.
pub fn unique(slug: &str, mut is_taken: impl FnMut(&str) -> bool) -> String {
    if !is_taken(slug) {
        return slug.to_owned();
    }
    let mut number = 2_u64;
    loop {
        let candidate = format!("{slug}-{number}");
        if !is_taken(&candidate) {
            return candidate;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_lower_case_words_joined_by_hyphens() {
        assert_eq!(slug("  Add REFUNDS (v2)! ").as_deref(), Some("add-refunds-v2"));
        assert_eq!(slug("日本語"), None);
        assert_eq!(slug("…--…"), None);
    }

    #[test]
    fn long_slugs_are_cut_at_a_hyphen() {
        let long = slug(&"word ".repeat(40)).expect("words");
        assert!(long.len() <= limits::SLUG_CHARS_MAX && long.ends_with("word"), "{long}");
        assert_eq!(slug(&"x".repeat(100)).map(|s| s.len()), Some(limits::SLUG_CHARS_MAX));
    }

    #[test]
    fn a_taken_slug_gets_a_number() {
        assert_eq!(unique("a", |s| ["a", "a-2"].contains(&s)), "a-3");
    }
}
