//! The token of an attempt: what its agent shows when it calls crew.
//!
//! The token is in a private file that only its own agent is told of. Beside it stands a hash over the
//! token, its task and its attempt, so that a token says nothing for another attempt.

use std::io;

use camino::Utf8Path;
use rustix::rand::{GetRandomFlags, getrandom};

use super::files::{self, Durability};
use super::layout::AttemptDir;
use crate::base::path::{PathContext, PathError};
use crate::base::{TaskId, limits};

/// Bytes of a token.
const BYTES: usize = 16;

/// Gives an attempt a new token; its folder must exist.
///
/// # Errors
/// Its files cannot be written.
pub fn issue(dir: &AttemptDir, task: &TaskId, attempt: u32) -> Result<(), PathError> {
    let path = dir.token();
    let token = random().at("cannot make the token", &path)?;
    let hash = hash(&token, task, attempt);
    files::write_atomic(dir.token_hash(), hash.as_bytes(), Durability::Quick)?;
    files::write_atomic(&path, token.as_bytes(), Durability::Quick)
}

/// Reads a token from the file that an agent was told of.
///
/// # Errors
/// There is none, or it cannot be read.
pub fn read(path: &Utf8Path) -> Result<String, PathError> {
    let text = files::read_text_capped(path, limits::TOKEN_FILE_BYTES_MAX)?;
    Ok(text.trim().to_owned())
}

/// Whether this is the token of the attempt whose folder is `dir`; one without a token has none.
///
/// # Errors
/// Its hash cannot be read.
pub fn is_of(
    token: &str,
    dir: &AttemptDir,
    task: &TaskId,
    attempt: u32,
) -> Result<bool, PathError> {
    match files::read_text_capped(dir.token_hash(), limits::TOKEN_FILE_BYTES_MAX) {
        Ok(known) => Ok(known.trim() == hash(token, task, attempt)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn hash(token: &str, task: &TaskId, attempt: u32) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in [token, &task.to_string(), &attempt.to_string()] {
        hasher.update(part.as_bytes());
        hasher.update(b"\0");
    }
    hasher.finalize().to_hex().to_string()
}

/// From the system's own source: the generator of names can be guessed from what it has named.
fn random() -> io::Result<String> {
    let mut bytes = [0; BYTES];
    let mut filled = 0;
    while filled < BYTES {
        filled += getrandom(&mut bytes[filled..], GetRandomFlags::empty())?;
    }
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_is_private_and_says_something_for_its_own_attempt_only() {
        let guard = tempfile::tempdir().unwrap();
        let path = camino::Utf8PathBuf::try_from(guard.path().to_path_buf()).unwrap();
        let (dir, other) = (AttemptDir::at(path.join("1")), AttemptDir::at(path.join("2")));
        let task: TaskId = "review/2".parse().unwrap();
        for (dir, number) in [(&dir, 1), (&other, 2)] {
            files::create_private_dir(dir.path()).unwrap();
            issue(dir, &task, number).unwrap();
        }
        let token = read(&dir.token()).unwrap();
        assert_eq!(token.len(), 32);
        assert_ne!(token, read(&other.token()).unwrap());
        assert_eq!(dir.token().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(is_of(&token, &dir, &task, 1).unwrap());
        assert!(!is_of(&token, &dir, &task, 2).unwrap(), "bound to the attempt");
        assert!(!is_of(&token, &dir, &"review/1".parse().unwrap(), 1).unwrap(), "and the task");
        assert!(!is_of(&token, &other, &task, 2).unwrap());
        assert!(!is_of("", &dir, &task, 1).unwrap());
        assert!(!is_of(&token, &AttemptDir::at(path.join("3")), &task, 3).unwrap());
        let known = std::fs::read_to_string(dir.token_hash()).unwrap();
        assert!(!known.contains(&token), "only its hash is kept beside it");
    }
}
