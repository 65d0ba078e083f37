//! The exit codes of every command (SPEC section 17).

use crate::event::{Status, StatusKind};

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to complain about.
    Ok,
    /// The run failed, is blocked or was cancelled.
    RunFailed,
    /// The command line makes no sense.
    Usage,
    /// Still running or queued.
    Running,
    /// Waiting for a person, or paused.
    Waiting,
    /// A resource, the configuration or a program is not usable.
    Invalid,
    /// No such run, task or gate.
    NotFound,
    /// Not allowed now.
    Refused,
    /// Input or output failed, or a log is corrupt.
    Io,
    /// Created as a draft; needs approval.
    Draft,
    /// Interrupted by the person.
    Interrupted,
}

impl Exit {
    /// The number that the process ends with.
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::RunFailed => 1,
            Self::Usage => 2,
            Self::Running => 3,
            Self::Waiting => 4,
            Self::Invalid => 5,
            Self::NotFound => 6,
            Self::Refused => 7,
            Self::Io => 8,
            Self::Draft => 10,
            Self::Interrupted => 130,
        }
    }

    /// The exit code that reports a run's status; an archived run reports its last one.
    pub fn of_status(status: &Status) -> Self {
        if let Status::Archived { last } = status {
            return Self::of_status(last);
        }
        // Waiting for other runs or for a moment is not waiting for a person.
        if status.goes_on_by_itself() {
            return Self::Running;
        }
        match status.kind() {
            StatusKind::Draft => Self::Draft,
            StatusKind::Queued | StatusKind::Running | StatusKind::Merging => Self::Running,
            StatusKind::Waiting | StatusKind::Paused => Self::Waiting,
            StatusKind::Done | StatusKind::Archived => Self::Ok,
            StatusKind::Blocked | StatusKind::Failed | StatusKind::Cancelled => Self::RunFailed,
        }
    }
}
