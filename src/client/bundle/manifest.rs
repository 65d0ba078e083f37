//! The first file of a bundle: what the others are.

use serde::{Deserialize, Serialize};

/// Name of the manifest.
pub(super) const NAME: &str = "crew-run.json";
/// What a bundle of ours calls itself.
pub(super) const FORMAT: &str = "crew-run";
/// Version of bundles; a newer one is refused.
pub(super) const VERSION: u32 = 1;

/// What a bundle holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: String,
    pub(super) version: u32,
    /// Version of crew that wrote it.
    pub(super) crew: String,
    pub(super) run: About,
    /// Hash of the last line of the run's own log.
    pub(super) original_head: String,
    /// The same of the log in the bundle: another one where a line was redacted.
    pub(super) head: String,
    /// Files that were left out: too large, or not wanted.
    #[serde(default)]
    pub(super) left_out: Vec<String>,
    /// Every file of the bundle, in its order.
    pub(super) files: Vec<FileRow>,
}

/// The run, for whoever looks into the manifest alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct About {
    #[serde(rename = "ref")]
    pub(super) reference: String,
    pub(super) slug: String,
    pub(super) goal: String,
    pub(super) status: String,
    pub(super) events: u64,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileRow {
    pub(super) path: String,
    pub(super) bytes: u64,
    /// BLAKE3 of its content, 64 hexadecimal digits.
    pub(super) hash: String,
}
