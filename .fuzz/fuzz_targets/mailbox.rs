//! See `mailbox_file` in `tests/fuzz/targets.rs`.

#![no_main]

#[path = "../targets.rs"]
mod all;

libfuzzer_sys::fuzz_target!(|data: &[u8]| all::targets::mailbox_file(data));
