//! Whether what `curl` sends can be tested.

/// crew sends by `curl`, which a machine that only runs the tests need not have.
#[expect(clippy::print_stderr, reason = "a test that is left out says so")]
pub fn has_curl() -> bool {
    let found = which::which("curl").is_ok();
    if !found {
        eprintln!("SKIPPED: there is no `curl` on this machine");
    }
    found
}
