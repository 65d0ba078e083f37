//! The compiled workflow: one frozen graph of steps, channels and gates, held by a log's first line.
//!
//! Pure: resources go in, a plan or a list of diagnostics comes out. Entry point: [`build()`].

pub mod adaptive;
pub mod build;
pub mod children;
pub mod graph;
pub mod paths;
pub mod policy;
pub mod prompt;
pub mod risk;

pub use adaptive::AddedStep;
pub use build::{BuildInput, build};
pub use children::{ChildChoices, ChildPlan};
pub use graph::{AgentPlan, ChannelPlan, Completion, GatePlan, Plan, SkillPlan, StepPlan};
pub use policy::Policy;
pub use risk::{Risk, RiskReason};
