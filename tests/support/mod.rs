//! What several test programs need.

use std::time::Duration;

use crew::runtime::Clock;

/// Waits until something holds; fails, with its name, when it does not come true in a minute.
///
/// # Panics
/// After that minute.
#[expect(
    clippy::disallowed_methods,
    reason = "between two looks only; what is waited for is the predicate"
)]
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let clock = Clock::start();
    let end = clock.now().plus_ms(60_000);
    while !holds() {
        assert!(clock.now() < end, "waited a minute in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
