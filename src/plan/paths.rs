//! Which paths an attempt may touch: the globs of a [`PathPolicy`], compiled.
//!
//! A pattern means a path and everything below it. The last pattern of a list that matches decides, and `!` makes an
//! exception. What is denied is denied however it is spelled: on some file systems `.ENV` is `.env`.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::policy::PathPolicy;
use crate::base::flow::MemoryScope;

/// What stands for the pattern when a path is not on an allow list.
pub const NOT_ALLOWED: &str = "not on the allow list";
/// What stands for the pattern when something outside was written through a link.
pub const OUTSIDE: &str = "outside of the worktree";

/// The compiled rules of a run.
#[derive(Debug, Clone, Default)]
pub struct PathRules {
    deny: List,
    allow: Vec<List>,
}

/// Patterns of one list, in order.
#[derive(Debug, Clone, Default)]
struct List {
    globs: GlobSet,
    patterns: Vec<Pattern>,
}

#[derive(Debug, Clone)]
struct Pattern {
    text: String,
    is_exception: bool,
}

/// The last pattern that matched a path or a folder above it; to be carried down a tree of folders.
pub type Mark = Option<usize>;

impl PathRules {
    /// Compiles the globs.
    ///
    /// # Errors
    /// One is not a pattern; says which.
    pub fn new(policy: &PathPolicy) -> Result<Self, String> {
        let allow = [&policy.allow, &policy.within];
        let lists = allow.into_iter().filter(|list| !list.is_empty());
        Ok(Self {
            deny: List::new(&policy.deny, true)?,
            allow: lists.map(|list| List::new(list, false)).collect::<Result<_, _>>()?,
        })
    }

    /// Whether everything may be touched.
    pub fn is_empty(&self) -> bool {
        self.deny.patterns.is_empty() && self.allow.is_empty()
    }

    /// Whether only what is on a list may be touched.
    pub fn has_allow_list(&self) -> bool {
        !self.allow.is_empty()
    }

    /// The pattern that denies a path; crew's own files aside.
    pub fn denied(&self, path: &str) -> Option<&str> {
        if is_own(path) { None } else { self.deny.matched(path) }
    }

    /// The mark of a path below a folder whose mark is `above`.
    pub fn mark(&self, path: &str, above: Mark) -> Mark {
        self.deny.globs.matches(path).last().copied().max(above)
    }

    /// Whether a mark means that the path is denied; crew's own files aside.
    pub fn denies(&self, path: &str, mark: Mark) -> bool {
        mark.is_some_and(|at| !self.deny.patterns[at].is_exception) && !is_own(path)
    }

    /// The pattern that denies a path, or [`NOT_ALLOWED`] for one that is on no allow list.
    pub fn refused(&self, path: &str) -> Option<&str> {
        let is_allowed = |list: &List| list.matched(path).is_some();
        let is_missing = || !is_own(path) && !self.allow.iter().all(is_allowed);
        self.denied(path).or_else(|| is_missing().then_some(NOT_ALLOWED))
    }

    /// Whether an attempt could touch anything at all.
    ///
    /// # Errors
    /// Says which list leaves nothing.
    pub fn leaves_something(&self) -> Result<(), String> {
        let Some(first) = self.allow.first() else {
            let probes = ["x", "x.x", "x/x/x.x"];
            return match probes.iter().find_map(|path| self.denied(path)) {
                Some(pattern) if probes.iter().all(|path| self.denied(path).is_some()) => {
                    Err(format!("the pattern `{pattern}` under `deny` denies every path"))
                }
                Some(_) | None => Ok(()),
            };
        };
        let samples = self.allow.iter().flat_map(List::samples);
        if samples.into_iter().any(|path| self.refused(&path).is_none()) {
            return Ok(());
        }
        let names: Vec<String> =
            first.patterns.iter().map(|pattern| format!("`{}`", pattern.text)).collect();
        Err(format!(
            "no path can be touched: everything on the allow list ({}) is denied, excepted or not in the worktree",
            names.join(", ")
        ))
    }
}

impl List {
    fn new(written: &[String], ignores_case: bool) -> Result<Self, String> {
        let mut globs = GlobSetBuilder::new();
        let mut patterns = Vec::new();
        for text in written {
            let is_exception = text.starts_with('!');
            let bare = text.trim_start_matches('!').trim_start_matches("./").trim_matches('/');
            let glob = GlobBuilder::new(bare)
                .literal_separator(true)
                .case_insensitive(ignores_case)
                .build()
                .map_err(|error| format!("`{text}` is not a pattern: {}", error.kind()))?;
            globs.add(glob);
            patterns.push(Pattern { text: text.clone(), is_exception });
        }
        let globs = globs.build().map_err(|error| error.to_string())?;
        Ok(Self { globs, patterns })
    }

    /// The pattern that decides for a path, unless that is an exception.
    fn matched(&self, path: &str) -> Option<&str> {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        let last = ends.filter_map(|end| self.globs.matches(&path[..end]).last().copied()).max()?;
        let found = &self.patterns[last];
        (!found.is_exception).then_some(found.text.as_str())
    }

    /// For each pattern a path that it matches.
    fn samples(&self) -> Vec<String> {
        let patterns = self.patterns.iter().filter(|pattern| !pattern.is_exception);
        patterns.map(|pattern| sample(&pattern.text)).collect()
    }
}

/// What crew itself keeps in a project, and where it tells agents to write.
fn is_own(path: &str) -> bool {
    let memory = [MemoryScope::Project, MemoryScope::Local].map(memory_folder);
    let own = [".crew/state", ".crew/worktrees"].into_iter().chain(memory);
    own.into_iter().any(|folder| {
        path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

fn memory_folder(scope: MemoryScope) -> &'static str {
    match scope {
        MemoryScope::User | MemoryScope::Project => ".crew/agent-memory",
        MemoryScope::Local => ".crew/agent-memory-local",
    }
}

/// A path that a pattern matches, as well as a simple reading of it can say.
fn sample(pattern: &str) -> String {
    let mut out = String::new();
    let mut rest = pattern.trim_start_matches("./").trim_matches('/').chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' => {
                while rest.next_if_eq(&'*').is_some() {}
                out.push('x');
            }
            '?' => out.push('x'),
            '[' => {
                let inner: String = rest.by_ref().take_while(|c| *c != ']').collect();
                let is_negated = inner.starts_with(['!', '^']);
                out.push(if is_negated { '~' } else { inner.chars().next().unwrap_or('x') });
            }
            '{' => {
                let inner: String = rest.by_ref().take_while(|c| *c != '}').collect();
                out.push_str(&sample(inner.split(',').next().unwrap_or_default()));
            }
            '\\' => out.extend(rest.next()),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(deny: &[&str], allow: &[&str]) -> PathRules {
        let own = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
        let policy = PathPolicy { deny: own(deny), allow: own(allow), ..PathPolicy::default() };
        PathRules::new(&policy).unwrap()
    }

    const PRESET: &[&str] = &[
        ".env",
        "**/.env",
        "**/.env.*",
        "!**/.env*.example",
        "!**/.env*.template",
        "config.yaml",
        ".git/**",
        ".crew/**",
    ];

    #[test]
    fn the_last_match_decides_and_a_pattern_covers_what_is_below() {
        let rules = rules(PRESET, &[]);
        for (path, pattern) in [
            (".env", Some("**/.env")),
            ("a/b/.env", Some("**/.env")),
            ("a/.ENV", Some("**/.env")),
            ("a/.env/b", Some("**/.env")),
            ("a/.env.local", Some("**/.env.*")),
            (".env.example", None),
            ("a/.env.local.template", None),
            ("config.yaml", Some("config.yaml")),
            ("a/config.yaml", None),
            (".git/hooks/pre-commit", Some(".git/**")),
            (".crew/config.toml", Some(".crew/**")),
            (".crew/state/runs/0001/events.jsonl", None),
            (".crew/statement", Some(".crew/**")),
            (".crew/agent-memory/coder/MEMORY.md", None),
            ("src/env", None),
            ("dir with \"quotes\"\nand lines/.env", Some("**/.env")),
            ("größe/.env", Some("**/.env")),
        ] {
            assert_eq!(rules.denied(path), pattern, "{path}");
        }
    }

    #[test]
    fn an_allow_list_names_all_that_may_be_touched() {
        let mut policy = PathPolicy {
            deny: vec!["**/.env".into()],
            allow: vec!["src".into(), "docs/**".into(), "!docs/private".into()],
            ..PathPolicy::default()
        };
        let rules = PathRules::new(&policy).unwrap();
        for (path, pattern) in [
            ("src/a/b.rs", None),
            ("src/.env", Some("**/.env")),
            ("docs/a.md", None),
            ("docs/private/a.md", Some(NOT_ALLOWED)),
            ("srcs/a", Some(NOT_ALLOWED)),
            ("SRC/a", Some(NOT_ALLOWED)),
        ] {
            assert_eq!(rules.refused(path), pattern, "{path}");
        }
        // Two lists: both must hold.
        policy.within = vec!["**/*.rs".into()];
        let rules = PathRules::new(&policy).unwrap();
        assert_eq!(rules.refused("src/a.rs"), None);
        assert_eq!(rules.refused("docs/a.md"), Some(NOT_ALLOWED));
        assert_eq!(rules.refused("lib/a.rs"), Some(NOT_ALLOWED));
    }

    #[test]
    fn a_list_that_leaves_nothing_is_found() {
        for (deny, allow, is_fine) in [
            (PRESET, &[][..], true),
            (PRESET, &["src/**"], true),
            (PRESET, &["**"], true),
            (PRESET, &["{src,lib}/*.r[sx]"], true),
            (PRESET, &[".env", "**/.env.*"], false),
            (PRESET, &["!src/**"], false),
            (PRESET, &[".git/hooks/**"], false),
            (&["src/**"], &["src/**", "src/a/*.rs"], false),
            (&["**"], &[], false),
            (&["**", "!docs/**"], &["docs/**"], true),
            (&["src/**"], &[], true),
        ] {
            let found = rules(deny, allow).leaves_something();
            assert_eq!(found.is_ok(), is_fine, "{deny:?} {allow:?}: {found:?}");
        }
    }
}
