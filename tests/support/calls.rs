//! Calls of the system that fail, kill or lie: a small library that is loaded before that of C.

use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};

/// The library, built in this folder; nothing, and said so, where there is no C compiler.
pub fn build(folder: &Utf8Path) -> Option<Utf8PathBuf> {
    let source = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/failing_calls.c");
    let library = folder.join("failing_calls.so");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o", library.as_str(), source.as_str(), "-ldl"])
        .output();
    match built {
        Ok(output) => {
            assert!(output.status.success(), "{output:?}");
            Some(library)
        }
        #[expect(clippy::print_stderr, reason = "a skipped test must not look like a passed one")]
        Err(error) => {
            eprintln!("SKIPPED: no C compiler ({error})");
            None
        }
    }
}

/// What makes call number `at` of a command with `word` in its line fail in this way.
pub fn failing(command: &mut Command, library: &Utf8Path, word: &str, at: u32, how: &str) {
    command
        .env("LD_PRELOAD", library)
        .env("CREW_TEST_IN", word)
        .env("CREW_TEST_AT", at.to_string())
        .env("CREW_TEST_HOW", how);
}

/// Lets a command and what it starts see a wall clock that is as many seconds ahead as the file says.
pub fn set_clock(command: &mut Command, library: &Utf8Path, file: &Utf8Path) {
    assert!(Utf8Path::new(file).is_absolute());
    command.env("LD_PRELOAD", library).env("CREW_TEST_CLOCK", file);
}

/// Numbers of errors that the system may give, by their names.
pub const ERRORS: [(&str, &str); 4] =
    [("EIO", "5"), ("ENOSPC", "28"), ("EROFS", "30"), ("EDQUOT", "122")];
