//! Agent programs: what must be started for one, and what its output means.
//!
//! Pure: this module starts nothing and reads no file. A runtime is data ([`RuntimeSpec`]) from which
//! an [`Invocation`] is built; a [`Decoder`] turns lines of output into [`Observation`]s, and a
//! [`TurnReport`] folds these into what one attempt said. A new output format is one file with a
//! `decode` function, and one arm in [`Decoder`].

pub mod builtin;
pub mod call;
mod cli_words;
pub mod command;
mod crew;
pub mod decoder;
pub mod live;
mod marker;
pub mod observation;
pub mod permission;
pub mod rehearsal;
pub mod report;
mod spec;
mod stream;
mod template;
mod text;
mod transport;

pub use call::Call;
pub use command::{CommandError, Invocation, InvocationInput, StdinPlan};
pub use crew::Line as CrewLine;
pub use decoder::{Decoder, OutputFormat};
pub use observation::{ErrorKind, Observation, ResultStatus, TaskState, Usage, Verdict};
pub use permission::{NotGranted, Permissions};
pub use report::{AgentError, Marker, Question, ToolCounts, TurnReport};
pub use spec::{McpForm, PromptVia, RuntimeSpec, SpecError};
pub use stream::aside::{Aside, CallAside, Edit};
pub use stream::{NO_MODE, kind_of};
