//! How the program is linked on Linux: as a shim it is started once per attempt, so its start counts.

#![expect(clippy::disallowed_methods, reason = "cargo tells build scripts things by variables")]

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=.cargo/build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    if !is("CARGO_CFG_TARGET_OS", "linux") || !is("CARGO_CFG_TARGET_ENV", "gnu") {
        return;
    }
    // At a fixed address nothing is relocated: 9,000 words and 40 private pages less per process.
    println!("cargo::rustc-link-arg-bins=-no-pie");
    // The unwinder as a part of the program: one library less to find and to map, whose start asks
    // the processor a dozen questions, each of which is slow on a virtual machine.
    if has_static_unwinder() {
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
}

/// Whether the C compiler that links has it; GCC brings it along everywhere.
fn has_static_unwinder() -> bool {
    let linker = env::var("RUSTC_LINKER").unwrap_or_else(|_| "cc".to_owned());
    let found = Command::new(linker).arg("-print-file-name=libgcc_eh.a").output();
    // A compiler that lacks the file repeats its bare name.
    found
        .is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_absolute())
}
