//! Mode `pr`: pushes the run's branch and asks the forge for a pull request, one and no more.
//!
//! The program of the forge is asked first what it knows: that tells whether somebody is logged in before
//! anything is pushed, and finds the request of an earlier try that was interrupted.

use std::process::Stdio;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::Obstacle;
use super::build::allowed;
use crate::base::{limits, redact, text};
use crate::event::merge::{MergeRefusal, MergeResult};
use crate::runtime::process::kill_marked;
use crate::store::git::{git, resolve};

/// Everything that a pull request needs.
#[derive(Debug, Clone)]
pub(super) struct Forge {
    pub root: Utf8PathBuf,
    pub branch: String,
    pub target: String,
    pub title: String,
    pub body: String,
    /// The environment of the person: credentials are theirs.
    pub env: Vec<(String, String)>,
    /// Where programs are looked for.
    pub path: Option<String>,
    pub grace: Duration,
    /// How long each program may take.
    pub limit_ms: u64,
    pub mark: String,
}

/// The programs that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Program {
    Gh,
    Glab,
}

impl Program {
    fn name(self) -> &'static str {
        match self {
            Self::Gh => "gh",
            Self::Glab => "glab",
        }
    }
}

/// What a program said; its standard output, or what it told about its failure.
type Said = Result<String, String>;

impl Forge {
    /// Pushes a commit and opens the request, or finds the one that is open; nothing when it was stopped.
    pub async fn open(self, stop: CancellationToken, commit: &str) -> Option<MergeResult> {
        let opened = tokio::select! {
            opened = Box::pin(self.try_open(commit)) => opened,
            () = stop.cancelled() => {
                self.end_family().await;
                return None;
            }
        };
        Some(match opened {
            Ok(result) => result,
            Err(obstacle) => obstacle.into(),
        })
    }

    /// The open request of an earlier try, which has pushed everything.
    pub async fn opened(&self) -> Option<String> {
        let (program, remote) = self.program().ok()?;
        let url = self.find(program).await.ok().flatten()?;
        // A request may be older than the newest work: what is not there is not under review.
        let branch = format!("refs/heads/{}", self.branch);
        let own = resolve(&self.root, &branch).ok().flatten()?;
        let said = self.call("git", &["ls-remote", &remote, &branch]).await.ok()?;
        let theirs = said.split_whitespace().next()?;
        (theirs == own).then_some(url)
    }

    async fn try_open(&self, commit: &str) -> Result<MergeResult, Obstacle> {
        self.end_family().await;
        let (program, remote) = self.program()?;
        let known = self.find(program).await.map_err(|said| {
            refused(format!("`{}` says no, and nothing was pushed: {said}", program.name()))
        })?;
        // The commit that was judged, wherever the branch may be by now.
        let spec = format!("{commit}:refs/heads/{}", self.branch);
        let push = ["-c", "push.autoSetupRemote=false", "push", "--porcelain", &remote, &spec];
        self.call("git", &push)
            .await
            .map_err(|said| refused(format!("`git push {remote}` was refused: {said}")))?;
        if let Some(url) = known {
            return Ok(MergeResult::PrOpened { url });
        }
        match self.create(program).await {
            Ok(url) => Ok(MergeResult::PrOpened { url }),
            // Somebody may have been quicker; what is there counts, whatever the program said.
            Err(said) => match self.find(program).await {
                Ok(Some(url)) => Ok(MergeResult::PrOpened { url }),
                _ => Err(refused(format!(
                    "`{}` is pushed, but `{}` opened no request: {said}",
                    self.branch,
                    program.name()
                ))),
            },
        }
    }

    /// The program for the remote's host, and the remote.
    fn program(&self) -> Result<(Program, String), Obstacle> {
        let remotes = git(&self.root, &["remote"]).unwrap_or_default();
        let key = format!("branch.{}.remote", self.target);
        let own = git(&self.root, &["config", "--get", &key]).ok();
        let known = |name: &String| remotes.lines().any(|remote| remote == name.as_str());
        let remote = own
            .filter(known)
            .or_else(|| Some("origin".to_owned()).filter(known))
            .or_else(|| remotes.lines().next().map(str::to_owned));
        let Some(remote) = remote else {
            return Err(refused(
                "the repository has no remote to push to; `git remote add origin URL` adds one"
                    .to_owned(),
            ));
        };
        let url = git(&self.root, &["remote", "get-url", "--push", &remote]).unwrap_or_default();
        let host = host(&url).to_ascii_lowercase();
        let wanted: &[Program] = if host.contains("github") {
            &[Program::Gh]
        } else if host.contains("gitlab") {
            &[Program::Glab]
        } else {
            &[Program::Gh, Program::Glab]
        };
        let path = self.path.as_deref();
        let is_here =
            |program: &&Program| which::which_in(program.name(), path, &self.root).is_ok();
        if let Some(program) = wanted.iter().find(is_here) {
            return Ok((*program, remote));
        }
        let names: Vec<String> =
            wanted.iter().map(|program| format!("`{}`", program.name())).collect();
        Err(refused(format!(
            "there is no {} to open a pull request with, and nothing was pushed; \
             `git push {remote} {}` pushes the branch",
            names.join(" and no "),
            self.branch
        )))
    }

    /// The address of the open request of this branch.
    async fn find(&self, program: Program) -> Result<Option<String>, String> {
        let (args, key): (&[&str], &str) = match program {
            Program::Gh => {
                (&["pr", "list", "--head", &self.branch, "--state", "open", "--json", "url"], "url")
            }
            Program::Glab => {
                (&["mr", "list", "--source-branch", &self.branch, "--output", "json"], "web_url")
            }
        };
        let said = self.call(program.name(), args).await?;
        let listed: Value = serde_json::from_str(said.trim()).unwrap_or_default();
        Ok(listed
            .get(0)
            .and_then(|first| first.get(key))
            .and_then(Value::as_str)
            .map(str::to_owned))
    }

    async fn create(&self, program: Program) -> Said {
        let args: &[&str] = match program {
            Program::Gh => &[
                "pr",
                "create",
                "--head",
                &self.branch,
                "--base",
                &self.target,
                "--title",
                &self.title,
                "--body",
                &self.body,
            ],
            Program::Glab => &[
                "mr",
                "create",
                "--source-branch",
                &self.branch,
                "--target-branch",
                &self.target,
                "--title",
                &self.title,
                "--description",
                &self.body,
                "--yes",
            ],
        };
        let said = self.call(program.name(), args).await?;
        let mut words = said.split_whitespace().rev();
        let url = words.find(|word| word.starts_with("https://") || word.starts_with("http://"));
        url.map(str::to_owned)
            .ok_or_else(|| format!("it told no address: {}", text::one_line(&said, 200)))
    }

    /// Runs a program to its end or its limit of time; nothing of it is left alive.
    async fn call(&self, program: &str, args: &[&str]) -> Said {
        let mut command = tokio::process::Command::new(program);
        command
            .args(args)
            .current_dir(&self.root)
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .env("CREW_ATTEMPT", &self.mark)
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .env_remove("GIT_INDEX_FILE")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GH_PROMPT_DISABLED", "1")
            .env("NO_PROMPT", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .process_group(0);
        let limit = Duration::from_millis(self.limit_ms);
        let ended = tokio::time::timeout(limit, command.output()).await;
        let Ok(ended) = ended else {
            self.end_family().await;
            let within = allowed(self.limit_ms);
            return Err(format!("`{program}` did not come to an end {within}"));
        };
        let output = ended.map_err(|error| format!("`{program}` cannot be started: {error}"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let mut said = String::from_utf8_lossy(&output.stderr).into_owned();
        if said.trim().is_empty() {
            said = String::from_utf8_lossy(&output.stdout).into_owned();
        }
        let said = redact::redact(&text::printable(said.trim())).into_owned();
        Err(text::tail(&said, limits::EVIDENCE_TAIL_BYTES).trim().to_owned())
    }

    async fn end_family(&self) {
        let (mark, grace) = (self.mark.clone(), self.grace);
        drop(tokio::task::spawn_blocking(move || kill_marked(&mark, grace)).await);
    }
}

fn refused(detail: String) -> Obstacle {
    Obstacle { why: MergeRefusal::Push, detail, paths: Vec::new() }
}

/// The host of a remote's address; nothing for a folder.
fn host(url: &str) -> &str {
    if Utf8Path::new(url).is_absolute() || url.starts_with('.') {
        return "";
    }
    let rest = match url.split_once("://") {
        Some(("file", _)) => return "",
        Some((_, rest)) => rest,
        None => url,
    };
    let end = rest.find(['/', ':']).unwrap_or(rest.len());
    // A password may stand before the host, and have a colon.
    let authority = match rest.split_once('@') {
        Some((before, after)) if !before.contains('/') => after,
        _ => return &rest[..end],
    };
    let end = authority.find(['/', ':']).unwrap_or(authority.len());
    &authority[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_remote_is_found_in_every_form() {
        let forms = [
            ("git@github.com:ada/shop.git", "github.com"),
            ("https://github.com/ada/shop", "github.com"),
            ("https://ada:secret@gitlab.example.org:8443/shop", "gitlab.example.org"),
            ("ssh://git@gitlab.com:22/shop", "gitlab.com"),
            ("github.com:shop", "github.com"),
            ("/srv/github/shop.git", ""),
            ("file:///srv/shop.git", ""),
            ("../shop", ""),
        ];
        for (url, expected) in forms {
            assert_eq!(host(url), expected, "{url}");
        }
    }
}
