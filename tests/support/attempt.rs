//! One attempt with a real shim and a real agent, in a folder of its own.

#![expect(clippy::unwrap_used, reason = "what a test stands on fails the test")]

use std::fs;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use crew::base::Site;
use crew::runtime::attempt_files::Stdin;
use crew::runtime::process::{self, MARK};
use crew::runtime::{CommandFile, ExitFile, Local, ShimHandle};
use crew::store::{AttemptDir, FileLock};

use crate::support::wait_until;

/// One attempt in a folder of its own; whatever of it still lives is killed when the test ends.
pub struct Attempt {
    _keep: tempfile::TempDir,
    pub root: Utf8PathBuf,
    pub dir: AttemptDir,
    pub command: CommandFile,
    pub env: Vec<(String, String)>,
    pub slot: Option<FileLock>,
}

impl Attempt {
    /// A shell script as agent.
    pub fn script(script: &str) -> Self {
        Self::program(&["sh", "-c", script])
    }

    pub fn program(argv: &[&str]) -> Self {
        let keep = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(keep.path().canonicalize().unwrap()).unwrap();
        let mark = root.file_name().unwrap().to_owned();
        let path = std::env::split_paths("/usr/local/bin:/usr/bin:/bin");
        let path = std::env::join_paths(path).unwrap().into_string().unwrap();
        Self {
            dir: AttemptDir::at(root.join("attempt")),
            command: CommandFile {
                argv: argv.iter().map(|&word| word.to_owned()).collect(),
                runtime: None,
                output: None,
                cwd: root.clone(),
                stdin: Stdin::None,
                env_names: Vec::new(),
                deadline_ms: None,
                grace_ms: 60_000,
                hold_ms: 600_000,
                max_output_bytes: 1 << 40,
                mark: mark.clone(),
                site: Site::Local,
            },
            env: vec![("PATH".to_owned(), path), (MARK.to_owned(), mark)],
            slot: None,
            root,
            _keep: keep,
        }
    }

    pub fn grace(mut self, ms: u64) -> Self {
        self.command.grace_ms = ms;
        self
    }

    pub fn executor() -> Local {
        Local { program: env!("CARGO_BIN_EXE_crew").into(), is_silent: false }
    }

    pub fn start(&mut self) -> ShimHandle {
        let slot = self.slot.take();
        Self::executor().start(&self.dir, &self.command, &self.env, slot).unwrap()
    }

    pub fn end(&self, shim: ShimHandle) -> ExitFile {
        wait_end(shim);
        self.assert_nothing_lives();
        ExitFile::read(&self.dir).unwrap().unwrap()
    }

    pub fn run(&mut self) -> ExitFile {
        let shim = self.start();
        self.end(shim)
    }

    pub fn stop(&self, shim: ShimHandle) -> ExitFile {
        assert!(Self::executor().stop(shim.pid).unwrap());
        self.end(shim)
    }

    /// Waits until the agent has made a file of this name in its folder.
    pub fn wait_for(&self, name: &str) {
        wait_until(name, || self.root.join(name).exists());
    }

    pub fn stdout(&self) -> String {
        fs::read_to_string(self.dir.stdout()).unwrap()
    }

    pub fn assert_nothing_lives(&self) {
        assert_eq!(process::marked(&self.command.mark), []);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        process::kill_marked(&self.command.mark, Duration::ZERO);
    }
}

pub fn wait_end(shim: ShimHandle) {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap()
        .block_on(Attempt::executor().wait_end(shim.pid))
        .unwrap();
}

pub fn is_private(path: &Utf8Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode().trailing_zeros() >= 6
}
