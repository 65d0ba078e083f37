//! Memory files: what an agent keeps from one run for the next, as its prompt shows it.

use std::io::{self, Read};

use camino::{Utf8Path, Utf8PathBuf};

use super::artifact::{ArtifactError, open_below};
use super::files;
use super::layout::{memory_file, memory_folder};
use crate::base::flow::MemoryScope;
use crate::base::path::{PathContext, PathError};
use crate::base::{id, limits};

/// Folders that memory files lie below.
#[derive(Debug, Clone, Copy)]
pub struct Homes<'a> {
    /// crew's folder in the user's configuration.
    pub user: Option<&'a Utf8Path>,
    /// The project's root.
    pub root: &'a Utf8Path,
    /// The checkout that the tasks work in: the worktree of the run, or the root.
    pub work: &'a Utf8Path,
}

/// The memory file of an agent, and what its prompt shows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// Where the agent finds it.
    pub file: Utf8PathBuf,
    /// Its first lines; empty when it is not there.
    pub text: String,
    /// Why it could not be read, or that it goes on.
    pub note: Option<String>,
}

impl Memory {
    /// Reads the beginning of an agent's memory file; a missing one is empty.
    ///
    /// A file that cannot be read costs the agent its memory and nothing else. No link below the
    /// folder of its scope is followed: a project must not show an agent what lies elsewhere.
    pub fn load(scope: MemoryScope, agent: &str, homes: &Homes<'_>) -> Self {
        let below = memory_file(scope, agent);
        let without = |file, note| Self { file, text: String::new(), note: Some(note) };
        if let Err(error) = id::check_name(agent) {
            return without(below, error.to_string());
        }
        let base = match scope {
            MemoryScope::User => homes.user,
            MemoryScope::Project => Some(homes.work),
            MemoryScope::Local => Some(homes.root),
        };
        let Some(base) = base else {
            return without(
                below,
                "there is no folder for the configuration of the user".to_owned(),
            );
        };
        let file = base.join(&below);
        match read_start(base, &below) {
            Ok((text, is_cut)) => {
                let note = is_cut.then(|| "the file goes on; shorten it".to_owned());
                Self { file, text, note }
            }
            Err(why) => without(file, format!("the file could not be read: {why}")),
        }
    }
}

/// Makes the folder of memory files that are not committed, which git must ignore.
///
/// # Errors
/// It cannot be made, or a link stands in its place.
pub fn create_local_folder(root: &Utf8Path) -> Result<(), PathError> {
    let folder = root.join(memory_folder(MemoryScope::Local));
    files::refuse_link(files::folder_of(&folder))?;
    files::create_ignored_dir(&folder)
}

/// The first lines of the file and whether there are more.
fn read_start(base: &Utf8Path, below: &Utf8Path) -> Result<(String, bool), String> {
    let file = match open_below(base, below) {
        Ok(file) => file,
        Err(ArtifactError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
            return Ok((String::new(), false));
        }
        Err(ArtifactError::Io(error)) => return Err(error.source.to_string()),
        Err(ArtifactError::Outside(_) | ArtifactError::TooLarge(_)) => {
            return Err("it is no regular file that is reached without links".to_owned());
        }
    };
    let mut bytes = Vec::new();
    file.take(limits::MEMORY_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .at("cannot read", below)
        .map_err(|error| error.source.to_string())?;
    let is_long = bytes.len() > limits::MEMORY_BYTES_MAX;
    bytes.truncate(limits::MEMORY_BYTES_MAX);
    let text = String::from_utf8_lossy(&bytes);
    let text = if is_long { text.trim_end_matches(char::REPLACEMENT_CHARACTER) } else { &text };
    let mut lines = text.lines();
    let start: Vec<&str> = lines.by_ref().take(limits::MEMORY_LINES_MAX).collect();
    Ok((start.join("\n"), is_long || lines.next().is_some()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
        let guard = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::try_from(guard.path().to_path_buf()).unwrap();
        (guard, root)
    }

    fn load(root: &Utf8Path) -> Memory {
        let homes = Homes { user: None, root, work: root };
        Memory::load(MemoryScope::Project, "coder", &homes)
    }

    fn write(root: &Utf8Path, text: &[u8]) {
        let file = root.join(".crew/agent-memory/coder/MEMORY.md");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    #[test]
    fn only_the_first_lines_and_bytes_are_shown() {
        let (_guard, root) = folder();
        assert_eq!((load(&root).text.as_str(), load(&root).note), ("", None));
        let lines: Vec<String> = (1..=201).map(|line| format!("line {line}")).collect();
        write(&root, lines[..200].join("\n").as_bytes());
        assert_eq!((load(&root).text.lines().count(), load(&root).note), (200, None));
        write(&root, lines.join("\n").as_bytes());
        let long = load(&root);
        assert!(long.text.ends_with("line 200") && long.note.is_some(), "{long:?}");
        write(&root, "ö".repeat(limits::MEMORY_BYTES_MAX).as_bytes());
        let wide = load(&root);
        assert!(wide.text.len() <= limits::MEMORY_BYTES_MAX && wide.note.is_some());
        assert!(wide.text.chars().all(|c| c == 'ö'));
    }

    #[test]
    fn links_on_the_way_and_strange_names_lead_nowhere() {
        let (_guard, root) = folder();
        let secret = root.join("secret/coder");
        std::fs::create_dir_all(&secret).unwrap();
        std::fs::write(secret.join("MEMORY.md"), "secret").unwrap();
        std::fs::create_dir(root.join(".crew")).unwrap();
        symlink(root.join("secret"), root.join(".crew/agent-memory")).unwrap();
        let linked = load(&root);
        assert!(linked.text.is_empty() && linked.note.unwrap().contains("without links"));
        let homes = Homes { user: Some(&root), root: &root, work: &root };
        let outside = Memory::load(MemoryScope::User, "../secret/coder", &homes);
        assert!(outside.text.is_empty() && outside.note.is_some());
    }
}
