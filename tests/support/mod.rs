//! What several test programs need.

use std::time::Duration;

use crew::runtime::Clock;

/// Waits until something holds; fails, with its name, when it does not come true in a minute.
///
/// # Panics
/// After that minute.
pub fn wait_until(what: &str, holds: impl FnMut() -> bool) {
    wait_until_or(what, holds, String::new);
}

/// As [`wait_until`], and says what `found` tells when it was in vain.
///
/// # Panics
/// After a minute.
#[expect(
    clippy::disallowed_methods,
    reason = "between two looks only; what is waited for is the predicate"
)]
pub fn wait_until_or(what: &str, mut holds: impl FnMut() -> bool, found: impl Fn() -> String) {
    let clock = Clock::start();
    let end = clock.now().plus_ms(60_000);
    while !holds() {
        assert!(clock.now() < end, "waited a minute in vain until {what}\n{}", found());
        std::thread::sleep(Duration::from_millis(2));
    }
}
