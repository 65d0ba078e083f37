//! The resources compiled into the program: sources in `teams/`, `workflows/` and `skills/` of this repository.

/// A built-in file: its name, its path in the repository, its text.
#[derive(Debug, Clone, Copy)]
pub struct Builtin {
    /// Name of the resource.
    pub name: &'static str,
    /// Path in the repository.
    pub path: &'static str,
    /// The text.
    pub text: &'static str,
}

macro_rules! files {
    ($(#[$doc:meta])* $table:ident: $before:literal, $after:literal, [$($name:literal),* $(,)?]) => {
        $(#[$doc])*
        pub const $table: &[Builtin] = &[$(Builtin {
            name: $name,
            path: concat!($before, $name, $after),
            text: include_str!(concat!("../../", $before, $name, $after)),
        }),*];
    };
}

files! {
    /// Built-in agents.
    AGENTS: "teams/agents/", ".md", [
        "analyst",
        "coder",
        "craft",
        "critic",
        "executor",
        "explorer",
        "lead",
        "planner",
        "qa",
        "reviewer",
        "security-reviewer",
        "test-engineer",
        "verifier",
        "writer",
    ]
}

files! {
    /// Built-in teams.
    TEAMS: "teams/", ".team.md", [
        "coding",
        "default",
        "fast-fix",
        "implementation",
        "pair",
        "parallel-research",
        "research",
        "review",
    ]
}

files! {
    /// Built-in workflows.
    WORKFLOWS: "workflows/", ".workflow.md", [
        "autonomous",
        "coding-review",
        "coding-v2",
        "default",
        "fast-fix",
        "goal",
        "implementation",
        "pair",
        "parallel-research",
        "research",
        "review",
    ]
}

files! {
    /// Built-in skills.
    SKILLS: "skills/", "/SKILL.md", [
        "code-review",
        "gates",
        "git-hygiene",
        "mailbox",
        "read-only-explorer",
        "safe-shell",
        "security-review",
        "systematic-debugging",
        "task-packet",
        "verify-before-done",
    ]
}
