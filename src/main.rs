//! The `crew` program.

use std::ffi::OsString;
use std::process::ExitCode;

use camino::Utf8PathBuf;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    // Agents and their shims are told apart before anything is set up that they do not need.
    match (args.get(1).and_then(|verb| verb.to_str()), args.get(2)) {
        (Some("shim"), Some(dir)) => match Utf8PathBuf::try_from(std::path::PathBuf::from(dir)) {
            Ok(dir) => crew::runtime::shim::main(&dir),
            Err(_) => ExitCode::from(2),
        },
        (Some("children"), _) => crew::app::children(&args[2..]),
        (Some("supervise"), _) => crew::runtime::supervise(&args[2..]),
        (Some("drive"), _) => crew::drive::main(&args[2..]),
        (Some("host"), _) => crew::runtime::host(&args[2..]),
        (Some("rehearse"), _) => crew::rehearsal::main(&args[2..]),
        _ => crew::app::main(args),
    }
}
