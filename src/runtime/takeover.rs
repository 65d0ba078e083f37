//! Sessions of people in tasks: what they are opened with, what the next attempt is told of them, and their
//! end when whoever held the terminal is gone.

use std::collections::BTreeMap;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::brief::Desk;
use super::outfit::Outfit;
use super::process::{self, MARK};
use super::supervisor::Supervisor;
use super::{changes, terminal, worktree};
use crate::agent::{InvocationInput, RuntimeSpec};
use crate::base::flow::{Access, MemoryScope, Permission, StepKind};
use crate::base::{limits, redact};
use crate::engine::{Effect, Input, LiveAttempt, State};
use crate::event::takeover::{HandBack, TaskHandedBack};
use crate::launch::session::{Doors, Session, SessionError, Wanted};
use crate::plan::graph::TaskIx;
use crate::plan::prompt::Mail;
use crate::store::FileLock;
use crate::store::files::{Durability, create_private_dir, write_atomic};
use crate::store::layout::memory_folder;

/// Name of a session that is no agent program's.
const SHELL: &str = "shell";

/// What opens sessions here.
pub fn doors() -> Doors {
    Doors {
        plan,
        open: terminal::open,
        end: |mark, grace_ms| process::kill_marked(mark, Duration::from_millis(grace_ms)),
        changes: changed,
    }
}

/// What a session in a task is opened with.
fn plan(wanted: &Wanted<'_>) -> Result<Session, SessionError> {
    let desk = desk(wanted);
    let (state, task) = (wanted.state, wanted.task);
    let (step, id) = (state.step_of(task), state.task_id(task));
    let cwd = desk.folder_of(task);
    if !cwd.is_dir() {
        let reason = format!("`{id}` has no folder yet: `{cwd}` is not there");
        let hint = "wait until its first attempt has begun".to_owned();
        return Err(SessionError::Unknown { reason, hint });
    }
    let entry = &state.tasks[task];
    let name = entry.runtime.as_ref().unwrap_or(&step.runtime);
    let spec = wanted.programs.get(name).ok().filter(|_| step.kind != StepKind::Command);
    let session = entry.session.as_deref();
    let dir = wanted.dir.attempt(&id, entry.attempts);
    let number = entry.attempts;
    let outfit =
        Outfit { desk: &desk, id: &id, step, number, mark: wanted.mark, dir: &dir, cwd: &cwd };
    let none = (Vec::new(), BTreeMap::new());
    let (names, set) = spec.map_or(none, |spec| (spec.env.clone(), spec.set.clone()));
    let mut env = outfit.environment(&names, &set)?;
    // A person's session speaks for no attempt, and it is no person either: it decides nothing.
    env.retain(|(name, _)| !matches!(name.as_str(), "CREW_TOKEN_FILE" | "CREW_ATTEMPT_NUMBER"));
    env.push((MARK.to_owned(), wanted.mark.to_owned()));
    env.extend(wanted.env.get("COLORTERM").map(|term| ("COLORTERM".to_owned(), term.to_owned())));
    let input = InvocationInput {
        crew: wanted.crew,
        prompt_file: &dir.prompt(),
        prompt_text: "",
        worktree: &cwd,
        task: &id,
        model: step.model.as_deref(),
        session,
        mcp_config: None,
        mcp_text: None,
        permission: Permission::of(step.access, state.created.policy.permission),
    };
    let own = match spec.filter(|_| !wanted.shell) {
        Some(spec) => own_session(spec, &input)?,
        None => None,
    };
    let resumes = own.is_some() && session.is_some();
    let (program, argv) = if let Some(argv) = own {
        (name.clone(), argv)
    } else {
        let prompt = format!("({} {id}) ", state.reference());
        (SHELL.to_owned(), shell(wanted, &prompt, &mut env)?)
    };
    let path = env.iter().rev().find(|(name, _)| name == "PATH").map(|(_, path)| path.clone());
    if which::which_in(&argv[0], path, &cwd).is_err() {
        let reason = format!("the program `{}` is not on the PATH", argv[0]);
        let hint = "`--shell` opens a shell in its folder".to_owned();
        return Err(SessionError::Unknown { reason, hint });
    }
    Ok(Session {
        program,
        argv,
        cwd,
        env,
        mark: wanted.mark.to_owned(),
        grace_ms: state.created.limits.grace_ms,
        resumes,
        reads_only: step.access != Access::Write && state.worktree.is_some(),
    })
}

/// The program's own session; nothing where it has none.
fn own_session(
    spec: &RuntimeSpec,
    input: &InvocationInput<'_>,
) -> Result<Option<Vec<String>>, SessionError> {
    let argv = spec.attach(input).map_err(|error| SessionError::Unknown {
        reason: error.to_string(),
        hint: "`--shell` opens a shell in its folder".to_owned(),
    })?;
    if !argv.is_empty() {
        return Ok(Some(argv));
    }
    if spec.attach.is_empty() {
        return Ok(None);
    }
    Err(SessionError::Unknown {
        reason: format!("`{}` has told no session that could be opened", input.task),
        hint: format!(
            "`--shell` opens a shell in its folder; `interactive = […]` in `[runtimes.{}]` lets a new session begin",
            spec.name
        ),
    })
}

/// The person's shell, with a prompt that tells where it is.
fn shell(
    wanted: &Wanted<'_>,
    prompt: &str,
    env: &mut Vec<(String, String)>,
) -> Result<Vec<String>, SessionError> {
    let program = wanted.env.get("SHELL").unwrap_or("/bin/sh").to_owned();
    env.push(("PS1".to_owned(), format!("{prompt}$ ")));
    if Utf8Path::new(&program).file_name() != Some("bash") {
        return Ok(vec![program]);
    }
    // It reads its own settings after the environment, and those set the prompt.
    let folder = wanted.dir.task(&wanted.state.task_id(wanted.task));
    create_private_dir(&folder)?;
    let file = folder.join("attach.bashrc");
    let text = format!("[ -f ~/.bashrc ] && . ~/.bashrc\nPS1='{prompt}'\"$PS1\"\n");
    write_atomic(&file, text.as_bytes(), Durability::Quick)?;
    Ok(vec![program, "--rcfile".to_owned(), file.into_string(), "-i".to_owned()])
}

/// The files that changed since the last attempt of the task was looked at.
fn changed(wanted: &Wanted<'_>, since: &Utf8Path) -> Vec<String> {
    let (state, desk) = (wanted.state, desk(wanted));
    let Some(made) = &state.worktree else {
        let root = &state.created.root;
        let mut skipped = vec![root.join(memory_folder(MemoryScope::Local)), root.join(".crew")];
        skipped.extend(wanted.dir.path().ancestors().nth(2).map(Utf8Path::to_owned));
        return changes::since(root, since, &skipped).unwrap_or_default();
    };
    let commit = state.own_tree(wanted.task).map_or(&made.commit, |own| &own.commit);
    worktree::changes(&desk.folder_of(wanted.task), commit).unwrap_or_default()
}

fn desk<'a>(wanted: &Wanted<'a>) -> Desk<'a> {
    let Wanted { state, dir, programs, env, passed, crew, .. } = *wanted;
    Desk { state, dir, programs, env, passed, crew }
}

impl Desk<'_> {
    /// The prompt of an attempt that goes on with a session in which a person has worked: not once more what
    /// the session began with.
    pub(super) fn after_person(
        &self,
        task: TaskIx,
        live: &LiveAttempt,
        spec: &RuntimeSpec,
        messages: &[(String, Mail)],
    ) -> Option<String> {
        let note = note(self.state, task).filter(|_| spec.can_resume())?;
        live.session.as_ref()?;
        let mut told = format!("## A person worked on this task\n\n{note}\n");
        for (_, mail) in messages {
            let from = mail.agent.as_deref().unwrap_or("the person in charge");
            let text = mail.text.trim();
            let quoted: Vec<String> = text.lines().map(|line| format!("> {line}")).collect();
            told = format!("{told}\n## Message from {from}\n\n{}\n", quoted.join("\n"));
        }
        told.push_str("\nGo on with the task that this session is about, and end as it demands.\n");
        Some(redact::redact(&told).into_owned())
    }

    /// The same for an attempt that begins anew.
    pub(super) fn told_of_person(&self, task: TaskIx) -> Option<Mail> {
        note(self.state, task).map(|text| Mail { agent: None, text })
    }
}

/// What the next attempt of a task is told about the person who had it.
fn note(state: &State, task: TaskIx) -> Option<String> {
    let back = state.handed_back(task)?;
    let end = match (back.how, back.end_words()) {
        (HandBack::Lost, _) => "the terminal was closed".to_owned(),
        (_, end) if end.is_empty() => "it is over".to_owned(),
        (_, end) => end,
    };
    Some(format!(
        "A person took this task over in a terminal for a while, and handed it back ({end}; {}). Files may not \
         be as you left them: look at what is there now before you go on.",
        back.file_words()
    ))
}

impl Supervisor {
    /// Looks whether those who have taken tasks are still there; who is gone gives its task back, after
    /// everything of the session has ended.
    pub(super) fn look_at_taken(&mut self) {
        let state = self.ledger.state();
        let mut gone = Vec::new();
        for (task, taken) in state.all_taken() {
            let lock = self.ledger.dir().attach_lock(&state.task_id(task));
            if !FileLock::is_held(&lock).unwrap_or(true) {
                gone.push((task, taken.clone(), lock));
            }
        }
        for (task, taken, lock) in gone {
            let job = Effect::Stop { task, attempt: 0 };
            if !self.jobs.insert(job.clone()) {
                continue;
            }
            let state = self.ledger.state();
            let id = state.task_id(task);
            tracing::warn!(task = %id, by = %taken.by, pid = taken.pid, "whoever had taken the task is gone");
            let grace = Duration::from_millis(state.created.limits.grace_ms);
            let (sender, clock) = (self.sender.clone(), self.clock);
            let job_of = self.changes_job(task, lock);
            self.tracker.spawn_blocking(move || {
                process::kill_marked(&taken.mark, grace);
                let mut back = TaskHandedBack {
                    task: id,
                    how: HandBack::Lost,
                    code: None,
                    signal: None,
                    files: job_of(),
                    file_count: 0,
                    duration_ms: clock.now().since_ms(taken.since),
                };
                back.file_count = u32::try_from(back.files.len()).unwrap_or(u32::MAX);
                back.files.truncate(limits::CHANGED_SHOWN_MAX);
                let input = Input::TakerGone { back, mark: taken.mark };
                drop(sender.send(super::supervisor::Wake::Done(job, vec![input])));
            });
        }
    }

    /// What tells, when nobody works there any more, which files a person changed.
    fn changes_job(
        &self,
        task: TaskIx,
        since: Utf8PathBuf,
    ) -> impl FnOnce() -> Vec<String> + Send + use<> {
        let made = self.made_for(task);
        let root = self.ledger.state().created.root.clone();
        let own = [self.project.state(), self.project.worktrees()].map(Utf8Path::to_owned);
        let local = root.join(memory_folder(MemoryScope::Local));
        move || {
            let found = if let Some(made) = made {
                worktree::changes(&made.path, &made.commit).ok()
            } else {
                let skipped: Vec<Utf8PathBuf> = own.into_iter().chain([local]).collect();
                changes::since(&root, &since, &skipped)
            };
            found.unwrap_or_default()
        }
    }
}
