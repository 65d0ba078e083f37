//! The `crew` program.

use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    match args.get(1) {
        Some(verb) if verb == "rehearse" => crew::rehearsal::main(&args[2..]),
        _ => ExitCode::SUCCESS,
    }
}
