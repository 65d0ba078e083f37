//! What a run may use up and touch, and what must hold before its work counts: frozen at its start (SPEC 8).

use serde::{Deserialize, Serialize};

use crate::base::flow::Permission;

/// What a run may use up and touch, and what must hold before its work counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// What it may use up.
    #[serde(default, skip_serializing_if = "Budget::is_unlimited")]
    pub budget: Budget,
    /// What its attempts may touch.
    #[serde(default)]
    pub paths: PathPolicy,
    /// Name of the command that decides whether a tree is green; none means that nothing is checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<String>,
    /// When it needs a person's word to start.
    #[serde(default)]
    pub risk: RiskPolicy,
    /// How its work is merged.
    #[serde(default)]
    pub merge: MergePolicy,
    /// What its writing agents may do without being asked.
    #[serde(default = "edit", skip_serializing_if = "is_edit")]
    pub permission: Permission,
    /// What its worktree is given, and how long it stays.
    #[serde(default, skip_serializing_if = "WorktreePolicy::is_plain")]
    pub worktree: WorktreePolicy,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            budget: Budget::default(),
            paths: PathPolicy::default(),
            validation: None,
            risk: RiskPolicy::default(),
            merge: MergePolicy::default(),
            permission: edit(),
            worktree: WorktreePolicy::default(),
        }
    }
}

fn edit() -> Permission {
    Permission::Edit
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_edit(permission: &Permission) -> bool {
    *permission == edit()
}

/// What a run's worktree is given when it is made, and how long it stays after the end.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WorktreePolicy {
    /// Shell commands that make it ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub setup: Vec<String>,
    /// Files and folders of the project that are copied into it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copy: Vec<String>,
    /// Milliseconds; absent means what is configured when somebody looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_ms: Option<u64>,
}

impl WorktreePolicy {
    fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// What may be used up; absent means without limit.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Budget {
    /// Passes of a loop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
    /// Milliseconds during which at least one attempt is live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_ms: Option<u64>,
    /// Tokens, in and out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
}

impl Budget {
    fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }
}

/// Globs over paths relative to the top of the worktree.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PathPolicy {
    /// What may not be touched; `!` makes an exception, the last match decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<String>,
    /// When not empty, all that may be touched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// A second list of this kind, the workflow's: where both are given, both must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub within: Vec<String>,
}

impl PathPolicy {
    /// Whether there is anything that may not be touched.
    pub fn is_some(&self) -> bool {
        !self.deny.is_empty() || !self.allow.is_empty() || !self.within.is_empty()
    }
}

/// When a run needs a person's word to start.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RiskPolicy {
    /// Whether the rules of the risk gate apply.
    #[serde(default)]
    pub is_strict: bool,
    /// Reasons that a person has accepted once and for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accept: Vec<String>,
    /// Words that make a goal sensitive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
}

/// How a run's work is merged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MergePolicy {
    /// The branch; absent means the one that was checked out at the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Whether a checkout of the target with changes is merged into all the same, without touching it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allows_dirty_checkout: bool,
    /// Whether the merged tree is not validated again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skips_validation: bool,
    /// Whether green work is merged without a person's word: only the user's own configuration says so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_itself: bool,
}
