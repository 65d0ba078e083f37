//! The `crew` program.

use std::process::ExitCode;

use camino::Utf8PathBuf;

fn main() -> ExitCode {
    // There is one shim per agent: it is told apart before anything is set up that it does not need.
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|verb| verb == "shim")
        && let Some(Ok(dir)) = arguments
            .next()
            .map(|dir| Utf8PathBuf::try_from(std::path::PathBuf::from(dir)))
    {
        return crew::runtime::shim::main(&dir);
    }
    ExitCode::SUCCESS
}
