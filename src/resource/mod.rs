//! Teams, workflows, agents and skills: Markdown files into plain data, with every finding at its line.
//!
//! Parsers take text and return `(T, Vec<Diagnostic>)`: everything wrong at once, never only the first.
//! Only `load.rs` reads files; nothing here decides what runs. The entry point is [`Catalog::load`].

pub mod agent;
pub mod builtin;
mod channel;
mod condition;
mod diagnostic;
mod fields;
mod file;
mod front_matter;
mod gate;
mod kind;
pub mod lint;
mod load;
pub mod placeholder;
mod policy;
pub mod recommend;
mod section;
pub mod skill;
mod step;
pub mod team;
mod value;
pub mod workflow;
pub mod write;
mod yaml;

pub use agent::{AgentFile, Cost, Routing, SystemPromptMode, Thinking};
pub use channel::ChannelDecl;
pub use diagnostic::{Diagnostic, Severity};
pub use fields::Skills;
pub use file::read_text;
pub use gate::GateDecl;
pub use kind::{Kind, Scope};
pub use load::{Catalog, NotFound, Origin, Resource, Roots};
pub use policy::{
    Budget, Completion, CompletionMode, ParamDecl, Policy, RiskProfile, ValidationDecl,
    WorktreeDecl,
};
pub use recommend::{Confidence, Recommendation, recommend};
pub use skill::SkillFile;
pub use step::{ContractDecl, StepDecl};
pub use team::{RoleLine, TeamFile, WorkspaceMode};
pub use value::{At, Name, Pos};
pub use workflow::WorkflowFile;
