//! How work is taken over: the merge begins, its result is built, and what became of it (SPEC 8.5).

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize};

use crate::base::flow::words;

/// The work is being taken over; nothing has moved yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeStarted {
    /// The branch that is to get the work.
    pub target: String,
}

/// The result is made and judged: from here on the target may move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeBuilt {
    /// The branch that gets the work.
    pub target: String,
    /// Its commit before.
    pub old: String,
    /// Its commit afterwards.
    pub new: String,
    /// Tree of that commit.
    pub tree: String,
    /// Folders that have the target checked out and go with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checkouts: Vec<Utf8PathBuf>,
}

/// A person ends the run while its target may have moved: it ends as soon as it is known that it has not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeStopping {}

/// It is known what became of the work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeFinished {
    /// What became of it.
    pub result: MergeResult,
}

/// What became of work that was to be taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum MergeResult {
    /// The target has it.
    Merged {
        /// The branch.
        target: String,
        /// Its commit that has the work.
        commit: String,
    },
    /// A pull request asks for it.
    PrOpened {
        /// Its address.
        url: String,
    },
    /// The target has nothing to get from it.
    Nothing {
        /// The branch.
        target: String,
    },
    /// The target is as it was.
    Refused {
        /// What kind of obstacle it was.
        why: MergeRefusal,
        /// What it was, with what to do about it.
        detail: String,
        /// The files that it is about; the first ones.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        paths: Vec<String>,
    },
}

words! {
    /// What stood in the way of a merge.
    MergeRefusal {
        /// Both sides changed the same lines.
        Conflict = "conflict",
        /// A folder that has the target checked out has changes of its own.
        Dirty = "dirty",
        /// A hook of the repository said no, or did not come to an end.
        Hook = "hook",
        /// The validation is red on the merged tree.
        Red = "red",
        /// The target went on again and again while the result was made.
        Moved = "moved",
        /// The result touches what must not be touched.
        Paths = "paths",
        /// The remote repository or its program said no.
        Push = "push",
        /// The target or the run's branch does not exist.
        Missing = "missing",
        /// The process that merged died.
        Interrupted = "interrupted",
        /// Git or the disk said no.
        Failed = "failed",
    }
}
