//! The program that runs now, as others are to start it.

use camino::Utf8PathBuf;

/// What Linux puts behind the path of a program whose file was replaced.
const REPLACED: &str = " (deleted)";

/// The path of this program; that of the new file, where an upgrade has replaced the one that runs.
pub fn program() -> Option<Utf8PathBuf> {
    let path = std::env::current_exe().ok()?;
    Some(present(Utf8PathBuf::try_from(path).ok()?))
}

/// The path without the mark of a replaced file.
fn present(path: Utf8PathBuf) -> Utf8PathBuf {
    match path.as_str().strip_suffix(REPLACED) {
        Some(present) if !path.exists() => present.into(),
        Some(_) | None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_whose_file_was_replaced_is_found_at_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let place = Utf8PathBuf::try_from(folder.path().join("crew")).unwrap();
        let marked = Utf8PathBuf::from(format!("{place}{REPLACED}"));
        assert_eq!(present(marked.clone()), place);
        assert_eq!(present(place.clone()), place);
        std::fs::write(&marked, "").unwrap();
        assert_eq!(present(marked.clone()), marked, "a file that is really called so");
    }
}
