//! Commands of crew that the dashboard runs: the same program, with the line a person would type.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use camino::Utf8PathBuf;

use super::msg::{Call, Called};
use super::want::Output;

/// How commands of crew are run.
#[derive(Debug, Clone)]
pub(super) struct Runner {
    /// The program.
    pub(super) crew: Utf8PathBuf,
    /// The project's folder.
    pub(super) root: Utf8PathBuf,
}

impl Runner {
    /// A command line for a program of crew in the project.
    pub(super) fn command(&self, args: &[String]) -> Command {
        let mut command = Command::new(&self.crew);
        command.arg("--project").arg(&self.root).args(args).current_dir(&self.root);
        command
    }

    /// Runs a command to its end.
    pub(super) fn run(&self, args: &[String], input: Option<&str>) -> Output {
        let mut command = self.command(args);
        // Colours and live regions are for terminals.
        command.env("NO_COLOR", "1").stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        let failed = |error: std::io::Error| Output {
            code: None,
            out: String::new(),
            err: format!("cannot run `{}`: {error}", self.crew),
        };
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => return failed(error),
        };
        if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
            // One that does not read it says why by itself.
            drop(stdin.write_all(input.as_bytes()));
        }
        match child.wait_with_output() {
            Ok(output) => Output {
                code: output.status.code(),
                out: String::from_utf8_lossy(&output.stdout).into_owned(),
                err: String::from_utf8_lossy(&output.stderr).into_owned(),
            },
            Err(error) => failed(error),
        }
    }

    /// Runs a command in the background, and tells how it ended.
    pub(super) fn start(&self, call: Call, done: impl FnOnce(Called) + Send + 'static) {
        let runner = self.clone();
        thread::spawn(move || {
            let output = runner.run(&call.args, call.input.as_deref());
            done(Called { call, code: output.code, out: output.out, err: output.err });
        });
    }
}

/// Opens an address in the person's browser; whether there is one.
pub(super) fn browse(address: &str) -> bool {
    ["xdg-open", "open"].into_iter().any(|program| {
        let mut command = Command::new(program);
        command.arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}
