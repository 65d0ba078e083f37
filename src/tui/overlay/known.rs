//! What commands of crew tell as JSON: runtimes, teams, workflows, a recommendation.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::update::words;
use super::super::want::{Loads, Want};

/// A program that can play agents.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Runtime {
    /// Its name.
    pub name: String,
    /// Whether runs can use it now.
    #[serde(rename = "usable")]
    pub is_usable: bool,
    /// Why not, or what it is for.
    pub note: String,
}

/// A team or a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Resource {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
}

/// What is proposed for a goal.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Recommendation {
    /// The team.
    pub team: String,
    /// The workflow.
    pub workflow: String,
    /// How sure it is.
    pub confidence: String,
    /// Why.
    pub reasons: Vec<String>,
}

/// The programs that can play agents.
pub fn runtimes_want() -> Want {
    Want::Output(words(&["runtime", "list", "--json"]))
}

/// The programs that were found; none while that is not known.
pub fn runtimes(loads: &Loads) -> Vec<Runtime> {
    #[derive(Deserialize)]
    struct Told {
        runtimes: Vec<Runtime>,
    }
    told::<Told>(loads, &runtimes_want()).map_or_else(Vec::new, |told| told.runtimes)
}

/// The teams.
pub fn teams_want() -> Want {
    Want::Output(words(&["team", "list", "--json"]))
}

/// The workflows.
pub fn workflows_want() -> Want {
    Want::Output(words(&["workflow", "list", "--json"]))
}

/// The teams or workflows that a want is about.
pub fn resources(loads: &Loads, want: &Want) -> Vec<Resource> {
    #[derive(Deserialize)]
    struct Told {
        resources: Vec<Resource>,
    }
    told::<Told>(loads, want).map_or_else(Vec::new, |told| told.resources)
}

/// A recommendation for a goal.
pub fn recommend_want(goal: &str) -> Want {
    Want::Output(words(&["recommend", "--json", "--", goal]))
}

/// What is proposed for a goal.
pub fn recommendation(loads: &Loads, goal: &str) -> Option<Recommendation> {
    told(loads, &recommend_want(goal))
}

/// The JSON that a command has printed.
pub fn told<T: DeserializeOwned>(loads: &Loads, want: &Want) -> Option<T> {
    let output = loads.output(want)?.ok()?;
    serde_json::from_str(&output.out).ok()
}
