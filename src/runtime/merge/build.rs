//! Makes the result of a merge beside every checkout, as `git merge` would with the repository's hooks,
//! and has it judged: by the path policy, and by the validation on exactly its tree.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use tokio_util::sync::CancellationToken;

use super::{Obstacle, full, policy};
use crate::base::{limits, text};
use crate::clock::Clock;
use crate::event::gate::EvidenceRecorded;
use crate::event::merge::{MergeBuilt, MergeRefusal, MergeResult};
use crate::plan::graph::CommandPlan;
use crate::plan::policy::{PathPolicy, WorktreePolicy};
use crate::runtime::evidence::Job;
use crate::runtime::process::kill_marked;
use crate::runtime::setup::{self, Setup, SetupFailure};
use crate::store::git::{GitError, git, identity, is_ancestor, resolve};

/// Everything that making a result needs.
#[derive(Debug, Clone)]
pub(super) struct Build {
    /// The repository.
    pub root: Utf8PathBuf,
    /// The folder in which the result is made; it is gone afterwards.
    pub scratch: Utf8PathBuf,
    /// The branch that gets the work.
    pub target: String,
    /// The branch that has the work, and the commit that crew knows of it.
    pub branch: String,
    pub known: String,
    /// The commit that the work started from.
    pub start: String,
    pub message: String,
    pub paths: PathPolicy,
    /// The command that decides, and what it has said about trees before.
    pub validation: Option<(String, CommandPlan)>,
    pub judged: Vec<(String, EvidenceRecorded)>,
    /// What a fresh folder needs before a command can judge what is in it.
    pub setup: WorktreePolicy,
    pub env: Vec<(String, String)>,
    pub grace: Duration,
    /// How long git and the repository's hooks may take.
    pub limit_ms: u64,
    /// Marks every process that works for this merge.
    pub mark: String,
    /// Nothing is merged: the branch itself is judged, as it is about to be pushed.
    pub as_it_is: bool,
}

/// How the making of a result ended.
#[derive(Debug)]
pub(super) enum Built {
    /// It can be moved to.
    Ready(MergeBuilt),
    /// There is nothing to move, or something stood in the way.
    Over(MergeResult),
}

impl Build {
    /// Makes and judges the result; nothing when it was stopped. Nothing but the scratch folder changes.
    pub async fn run(
        self,
        clock: Clock,
        stop: CancellationToken,
    ) -> Option<(Built, Vec<EvidenceRecorded>)> {
        let mut evidence = Vec::new();
        let made = Box::pin(self.make(clock, &stop, &mut evidence)).await;
        // Before the folder goes, which makes room again.
        let made = made.map_err(|obstacle| {
            full::explained(obstacle, [self.root.as_path(), self.scratch.as_path()])
        });
        let cleaned = self.clone();
        // A folder that stays is removed by the next try.
        drop(tokio::task::spawn_blocking(move || cleaned.remove_scratch()).await);
        match made {
            Ok(Some(built)) => Some((built, evidence)),
            Ok(None) => None,
            Err(obstacle) => Some((Built::Over(obstacle.into()), evidence)),
        }
    }

    async fn make(
        &self,
        clock: Clock,
        stop: &CancellationToken,
        evidence: &mut Vec<EvidenceRecorded>,
    ) -> Result<Option<Built>, Obstacle> {
        let own = self.clone();
        let prepared = blocking(move || own.prepare()).await?;
        let (old, head) = match prepared {
            Ok(commits) => commits,
            Err(over) => return Ok(Some(Built::Over(over))),
        };
        let (new, tree) = if self.as_it_is {
            let tree = git(&self.scratch, &["rev-parse", "HEAD^{tree}"])?;
            (head, tree)
        } else {
            let Some(merged) = self.git_merge(clock, stop, &head).await else { return Ok(None) };
            let (own, onto) = (self.clone(), old.clone());
            match blocking(move || own.look(&onto, &head, &merged)).await? {
                Ok(commits) => commits,
                Err(over) => return Ok(Some(Built::Over(over))),
            }
        };
        let (own, onto, to) = (self.clone(), old.clone(), new.clone());
        blocking(move || {
            policy::check(&own.root, &own.scratch, &own.paths, (&onto, &to), own.judged_tree())
        })
        .await?;
        if let Some((name, command)) = &self.validation {
            let known = self.judged.iter().find(|(at, _)| *at == tree);
            let found = if let Some((_, known)) = known {
                known.clone()
            } else {
                if !self.set_up(clock, stop).await? {
                    return Ok(None);
                }
                let job = self.job(name, command, &tree, self.env.clone());
                let Some(found) = Box::pin(job.run(clock, stop.clone())).await else {
                    return Ok(None);
                };
                found
            };
            evidence.push(found.clone());
            self.red(&found)?;
        }
        let built =
            MergeBuilt { target: self.target.clone(), old, new, tree, checkouts: Vec::new() };
        Ok(Some(Built::Ready(built)))
    }

    /// Makes the folder as ready for a command as the run's worktree was; false when it was stopped.
    async fn set_up(&self, clock: Clock, stop: &CancellationToken) -> Result<bool, Obstacle> {
        let own = self.clone();
        blocking(move || {
            let filled = setup::fill(&own.root, &own.scratch, &own.setup.copy);
            filled.map(drop).map_err(Obstacle::failed)
        })
        .await?;
        let setup = Setup {
            root: &self.root,
            folder: &self.scratch,
            commands: &self.setup.setup,
            env: &self.env,
            mark: self.mark.clone(),
            grace: self.grace,
        };
        let Some(done) = setup.run(clock, stop).await else { return Ok(false) };
        done.map_err(|failure| {
            let SetupFailure { command, tail, .. } = failure;
            let tree = self.judged_tree();
            Obstacle::failed(format!("setup `{command}` failed on {tree}: {tail}"))
        })?;
        Ok(true)
    }

    fn job(
        &self,
        name: &str,
        command: &CommandPlan,
        tree: &str,
        env: Vec<(String, String)>,
    ) -> Job {
        Job {
            name: name.to_owned(),
            command: command.clone(),
            folder: self.scratch.clone(),
            tree: tree.to_owned(),
            env,
            mark: self.mark.clone(),
            grace: self.grace,
        }
    }

    /// The commits of both sides and the scratch folder; or why there is nothing to do.
    fn prepare(&self) -> Result<Result<(String, String), MergeResult>, Obstacle> {
        kill_marked(&self.mark, Duration::ZERO);
        self.remove_scratch();
        let missing =
            |detail: String| Obstacle { why: MergeRefusal::Missing, detail, paths: Vec::new() };
        let commit = |name: &str| resolve(&self.root, &format!("{name}^{{commit}}")).ok().flatten();
        let target = &self.target;
        let tip = commit(&format!("refs/heads/{target}"));
        // Whoever deleted the branch by hand has not deleted the commits.
        let head = commit(&format!("refs/heads/{}", self.branch))
            .or_else(|| commit(&self.known))
            .ok_or_else(|| {
            missing(format!("branch `{}` and its commits are gone", self.branch))
        })?;
        let old = match tip {
            Some(tip) => tip,
            // Of a branch that is only at the remote nothing is needed here.
            None if self.as_it_is => self.start.clone(),
            None => {
                return Err(missing(format!(
                    "there is no branch `{target}` any more; `--into BRANCH` names another"
                )));
            }
        };
        if is_ancestor(&self.root, &head, &old)? {
            let target = target.clone();
            // Somebody was quicker, with git.
            let is_empty = head == self.start;
            let result = if is_empty {
                MergeResult::Nothing { target }
            } else {
                MergeResult::Merged { target, commit: old }
            };
            return Ok(Err(result));
        }
        let from = if self.as_it_is { &head } else { &old };
        let args = ["worktree", "add", "-q", "-f", "--detach", self.scratch.as_str(), from];
        git(&self.root, &args)?;
        if self.as_it_is {
            // What others have brought into the target since is not this run's work.
            let base = git(&self.root, &["merge-base", &old, &head]);
            return Ok(Ok((base.unwrap_or_else(|_| self.start.clone()), head)));
        }
        Ok(Ok((old, head)))
    }

    /// A real `git merge`: hooks run as always, nobody is asked anything, and it ends.
    async fn git_merge(
        &self,
        clock: Clock,
        stop: &CancellationToken,
        head: &str,
    ) -> Option<EvidenceRecorded> {
        let mut env = self.env.clone();
        let fixed = [
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_MERGE_AUTOEDIT", "no"),
            ("GIT_EDITOR", "true"),
            ("LC_ALL", "C"),
        ];
        let set = fixed.iter().chain(identity(&self.root));
        env.extend(set.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        env.push(("CREW_MERGE_MESSAGE".to_owned(), self.message.clone()));
        let command = format!(
            "exec git -c gc.auto=0 -c rerere.enabled=false -c commit.gpgSign=false merge --no-ff --no-edit --no-log \
             --no-gpg-sign --no-verify-signatures --no-autostash --no-squash --cleanup=whitespace \
             -m \"$CREW_MERGE_MESSAGE\" {head}"
        );
        let plan = CommandPlan { command, timeout_ms: self.limit_ms };
        let job = self.job("merge", &plan, "", env);
        Box::pin(job.run(clock, stop.clone())).await
    }

    /// What the merge left: the result, or why there is none.
    fn look(
        &self,
        old: &str,
        head: &str,
        merged: &EvidenceRecorded,
    ) -> Result<Result<(String, String), MergeResult>, Obstacle> {
        let scratch = &self.scratch;
        if merged.code != Some(0) {
            let args = ["diff", "--name-only", "--diff-filter=U", "-z"];
            let both = git(scratch, &args).unwrap_or_default();
            let paths: Vec<String> =
                both.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
            return Err(if paths.is_empty() { self.said_no(merged) } else { self.conflict(paths) });
        }
        let found =
            git(scratch, &["rev-parse", "HEAD", "HEAD^{tree}", &format!("{old}^{{tree}}")])?;
        let words: Vec<&str> = found.lines().collect();
        let &[new, tree, before] = words.as_slice() else {
            return Err(Obstacle::failed("git did not tell what it merged".to_owned()));
        };
        if tree == before {
            return Ok(Err(MergeResult::Nothing { target: self.target.clone() }));
        }
        let parents = git(scratch, &["rev-list", "--parents", "-n", "1", "HEAD"])?;
        if parents != format!("{new} {old} {head}") {
            let detail = "a hook of the repository made other commits than the merge".to_owned();
            return Err(Obstacle { why: MergeRefusal::Hook, detail, paths: Vec::new() });
        }
        // What a hook left lying around is not part of what is judged.
        git(scratch, &["reset", "-q", "--hard"])?;
        Ok(Ok((new.to_owned(), tree.to_owned())))
    }

    /// Why `git merge` did not succeed when nothing conflicts.
    fn said_no(&self, merged: &EvidenceRecorded) -> Obstacle {
        let told = text::tail(&merged.tail, limits::EVIDENCE_TAIL_BYTES);
        let told = if told.is_empty() { "it said nothing" } else { told };
        let (why, how) = match merged.code {
            None if merged.duration_ms >= self.limit_ms => (
                MergeRefusal::Hook,
                format!("a hook or git itself did not come to an end {}", allowed(self.limit_ms)),
            ),
            None => (MergeRefusal::Hook, "a hook or git itself was killed".to_owned()),
            Some(code) => {
                (MergeRefusal::Hook, format!("a hook or git itself said no (code {code})"))
            }
        };
        Obstacle { why, detail: format!("{how}: {told}"), paths: Vec::new() }
    }

    fn conflict(&self, paths: Vec<String>) -> Obstacle {
        let named: Vec<String> =
            paths.iter().take(8).map(|path| format!("`{}`", text::printable(path))).collect();
        let more = paths.len().saturating_sub(named.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let detail = format!(
            "`{}` and `{}` have both changed {}{more}",
            self.target,
            self.branch,
            named.join(", ")
        );
        Obstacle { why: MergeRefusal::Conflict, detail, paths }
    }

    /// What the path policy and the validation look at, for people.
    fn judged_tree(&self) -> &'static str {
        if self.as_it_is { "the tree that would be pushed" } else { "the merged tree" }
    }

    fn red(&self, found: &EvidenceRecorded) -> Result<(), Obstacle> {
        if found.code == Some(0) {
            return Ok(());
        }
        let how = match found.code {
            Some(code) => format!("exited with code {code}"),
            None => "did not come to an end".to_owned(),
        };
        let detail = format!("`{}` {how} on {}: {}", found.name, self.judged_tree(), found.tail);
        Err(Obstacle { why: MergeRefusal::Red, detail, paths: Vec::new() })
    }

    /// Removes the scratch folder of this try or of one that was killed.
    pub fn remove_scratch(&self) {
        remove_scratch(&self.root, &self.scratch);
    }
}

/// Removes a scratch folder; it holds nothing that is not in the repository.
pub(super) fn remove_scratch(root: &Utf8Path, scratch: &Utf8Path) {
    drop(git(root, &["worktree", "unlock", scratch.as_str()]));
    drop(git(root, &["worktree", "remove", "--force", scratch.as_str()]));
    if scratch.exists()
        && let Err(error) = std::fs::remove_dir_all(scratch)
    {
        tracing::warn!(%error, %scratch, "a scratch folder stays");
    }
    // What git remembers of a folder that was deleted; never `prune`, which looks at those of others.
    drop(git(root, &["worktree", "remove", "--force", scratch.as_str()]));
}

/// What somebody can do about a limit of time that was met.
pub(super) fn allowed(limit_ms: u64) -> String {
    let limit = crate::base::time::human_ms(limit_ms);
    format!("within {limit} (`timeout` under `[completion]` allows more)")
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Obstacle> + Send + 'static,
) -> Result<T, Obstacle> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(Obstacle::failed(format!("the work was broken off: {error}"))),
    }
}

impl From<GitError> for Obstacle {
    fn from(error: GitError) -> Self {
        Self::failed(text::error_chain(&error))
    }
}
