//! Reading a file that somebody else may have put there.

use std::fs;

use camino::Utf8Path;

use crate::base::limits::RESOURCE_BYTES_MAX;

/// What is wrong with a file, and what to do about it.
pub type Problem = (String, &'static str);

/// Reads a text file, which must lie inside `inside` after all symbolic links are followed.
///
/// Nothing but a file of a reasonable size is opened: a fifo or a device would never end.
///
/// # Errors
/// It cannot be read, leads elsewhere, is no file, or is no text.
pub fn read_text(path: &Utf8Path, inside: Option<&Utf8Path>) -> Result<String, Problem> {
    let unreadable = |error: std::io::Error| {
        (format!("the file cannot be read: {error}"), "look at its permissions")
    };
    if let Some(root) = inside {
        let (real, root) = (
            path.canonicalize_utf8().map_err(unreadable)?,
            root.canonicalize_utf8().map_err(unreadable)?,
        );
        if !real.starts_with(&root) {
            return Err((
                "the file is a symbolic link out of the project".to_owned(),
                "copy the file into the project, or keep it in your own configuration folder",
            ));
        }
    }
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(("this is not a file".to_owned(), "remove it or give it another name"));
    }
    if metadata.len() > RESOURCE_BYTES_MAX {
        return Err((
            format!("the file has {} bytes; at most {RESOURCE_BYTES_MAX} are read", metadata.len()),
            "move long material into files that the text names",
        ));
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.split(|byte| *byte == b'\n').count();
        (format!("the file is not UTF-8 text (line {line})"), "save it as UTF-8")
    })
}
