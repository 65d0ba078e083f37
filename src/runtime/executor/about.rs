//! How other machines are reached: what the configuration says of them, as the executor needs it.

use camino::{Utf8Path, Utf8PathBuf};

use super::{link, slurm};
use crate::base::Site;
use crate::config::{Config, Run};
use crate::store::RunDir;

/// Where attempts are started, and how that place is reached.
#[derive(Debug, Clone)]
pub struct About {
    run: Run,
    /// The crew program there.
    program: Utf8PathBuf,
    /// The folder that the other side must see.
    pub(super) folder: RunDir,
}

impl About {
    /// By the configuration; `crew` is the path of this program.
    pub fn new(run: &Run, crew: &Utf8Path, folder: RunDir) -> Self {
        let program = run.program.as_ref().filter(|_| !run.executor.is_local());
        let program = program.map_or(crew, |program| program.as_path()).to_owned();
        Self { run: run.clone(), program, folder }
    }

    /// Where new attempts run.
    pub fn site(&self) -> &Site {
        &self.run.executor
    }

    /// The crew program as attempts find it.
    pub fn program(&self) -> &Utf8Path {
        &self.program
    }

    /// The command line that runs `crew host` on a host.
    pub(super) fn ssh(&self, host: &str) -> Vec<String> {
        let mut words = self.run.ssh.clone();
        let remote = format!("exec {} host", quoted(self.program.as_str()));
        words.extend(["--".to_owned(), host.to_owned(), remote]);
        words
    }

    /// What `sbatch` is told besides what crew itself tells it.
    pub(super) fn sbatch(&self) -> &[String] {
        &self.run.sbatch
    }
}

/// Whether attempts can be started where the configuration wants them; nothing when that is this machine.
///
/// # Errors
/// What is in the way.
pub fn probe(config: &Config, folder: &Utf8Path) -> Option<Result<String, String>> {
    let site = &config.run.executor;
    if site.is_local() {
        return None;
    }
    let Some(crew) = crate::launch::program() else {
        return Some(Err("cannot tell the path of the crew program".to_owned()));
    };
    let about = About::new(&config.run, &crew, RunDir::at(folder.to_owned()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return Some(Err(error.to_string())),
    };
    Some(runtime.block_on(async {
        match site {
            Site::Ssh(host) => link::probe(&about, host).await,
            Site::Slurm => slurm::probe().await,
            Site::Local => Ok(String::new()),
        }
    }))
}

/// A word as the shell on the other side reads it.
pub(super) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_for_the_other_shell() {
        assert_eq!(quoted("/opt/my crew/crew"), "'/opt/my crew/crew'");
        assert_eq!(quoted("a'b"), r"'a'\''b'");
    }

    #[test]
    fn the_host_comes_after_every_option() {
        let run = Run {
            executor: Site::Ssh("node7".to_owned()),
            ssh: vec!["ssh".to_owned(), "-p".to_owned(), "22".to_owned()],
            ..Run::default()
        };
        let about = About::new(&run, Utf8Path::new("/bin/crew"), RunDir::at("/x".into()));
        assert_eq!(about.ssh("node7"), ["ssh", "-p", "22", "--", "node7", "exec '/bin/crew' host"]);
    }
}
