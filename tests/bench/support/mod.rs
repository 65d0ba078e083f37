//! Logs as real runs write them, of any length.

use std::fs::File;
use std::io::Write;

use camino::Utf8PathBuf;
use crew::base::{TaskId, Time};
use crew::event::body::{CheckFinished, MessageSent, RunNoted, Settled, TaskSettled};
use crew::event::message::{Delivery, MessagePriority};
use crew::event::{
    Actor, AttemptEnded, AttemptStarted, Body, Chain, EndReason, Message, MessageKind, Record,
    Usage,
};
use crew::store::RunDir;

/// A run folder on the disk that holds the build, not in memory, removed in the end.
pub struct Run {
    _guard: tempfile::TempDir,
    pub dir: RunDir,
}

impl Run {
    pub fn new() -> Self {
        let guard = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("folder");
        let path = Utf8PathBuf::try_from(guard.path().to_path_buf()).expect("UTF-8");
        let dir = RunDir::at(path);
        Self { _guard: guard, dir }
    }

    /// A log of `count` events of a run's life.
    pub fn with_events(count: u64) -> Self {
        Self::of((1..=count).map(body))
    }

    /// A log of these events.
    pub fn of(bodies: impl Iterator<Item = Body>) -> Self {
        let run = Self::new();
        let mut bytes = Vec::new();
        let mut chain = Chain::default();
        for (seq, body) in (1..).zip(bodies) {
            chain = record(seq, body).write(chain, &mut bytes);
        }
        let mut file = File::create(run.dir.events()).expect("log");
        file.write_all(&bytes).expect("log");
        file.sync_all().expect("log");
        run
    }
}

/// The line of an event.
fn record(seq: u64, body: Body) -> Record {
    let at = Time(1_777_000_000_000 + i64::try_from(seq).expect("small"));
    Record { seq, at, actor: Actor::Supervisor, epoch: 1, batch: seq, body }
}

/// An event of about 300 bytes in its line, of the kinds that most lines are.
pub fn body(seq: u64) -> Body {
    let task: TaskId = format!("review/{}", seq % 50 + 1).parse().expect("a task");
    let attempt = 1;
    match seq % 5 {
        0 => AttemptStarted {
            task,
            attempt,
            runtime: "claude".into(),
            model: Some("opus".into()),
            model_why: String::new(),
            mark: "4f1c9a7e21b84d02a9b3c1d5e6f70812".into(),
            deadline_ms: Some(1_800_000),
            session: None,
        }
        .into(),
        1 => AttemptEnded {
            task,
            attempt,
            reason: EndReason::Exited,
            code: Some(0),
            signal: None,
            ended_at: Time(1_777_000_100_000),
            duration_ms: 100_000,
            output_bytes: 48_213,
            summary: "Reviewed the change; two remarks, none of them blocking.".into(),
            failure: String::new(),
            session: Some("0b7c2a".into()),
            report: crew::event::attempt::Report::default(),
            usage: Usage {
                input_tokens: 18_221,
                output_tokens: 913,
                cache_tokens: 0,
                cost_usd: Some(0.0831),
                ..Usage::default()
            },
            leftovers: 0,
            changed: Some(false),
        }
        .into(),
        2 => TaskSettled {
            task,
            status: Settled::Failed,
            result: None,
            why: "the tests of the module `store` failed twice".into(),
            blocks: None,
        }
        .into(),
        3 => CheckFinished {
            task,
            attempt,
            commit: Some("9f2d0c7be1a84c55b0a6a6d2f0c1e3d4a5b6c7d8".into()),
            tree: Some("1a84c55b0a6a6d2f0c1e3d4a5b6c7d89f2d0c7be".into()),
            files: 12,
            strays: Vec::new(),
            kept: None,
            denied: Vec::new(),
            denied_count: 0,
            conflicts: Vec::new(),
            error: None,
        }
        .into(),
        _ => message(seq, &task).into(),
    }
}

fn message(seq: u64, task: &TaskId) -> MessageSent {
    let message = Message {
        id: format!("m{seq:06}"),
        at: Time(1_777_000_000_000),
        from: "human:ada".into(),
        to: task.to_string(),
        kind: MessageKind::Steer,
        priority: MessagePriority::Normal,
        delivery: Delivery::NextTurn,
        text: "please keep the public names as they are".into(),
        data: None,
        reply_to: None,
    };
    MessageSent { message, writes: Vec::new(), attempt: None }
}

/// An event whose line has 300 bytes.
pub fn note() -> Body {
    let text = "x".repeat(123);
    RunNoted { text }.into()
}
