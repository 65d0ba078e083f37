//! A run of many tasks.

use std::sync::Arc;

use crew::base::RunNumber;
use crew::event::{Limits, Priority, RunCreated};
use crew::plan::Plan;

/// The first event of a run with one step of so many slots.
pub fn created(slots: u32) -> RunCreated {
    let plan: Plan = serde_json::from_value(serde_json::json!({
        "workflow": "many", "team": "default", "completion": "none", "max_iterations": 5,
        "steps": [{"id": "review", "role": "reviewer", "kind": "command", "command": "true",
            "access": "none", "slots": slots}],
        "channels": [], "start": [0], "end": [0],
    }))
    .expect("a plan");
    RunCreated {
        format: 1,
        number: RunNumber(1),
        project: "shop".into(),
        slug: "many".into(),
        uid: "00000000000000000000000000000001".into(),
        goal: "many tasks".into(),
        plan: Arc::new(plan),
        policy: Box::default(),
        risks: Vec::new(),
        limits: Limits::default(),
        priority: Priority::Normal,
        after: Vec::new(),
        retry_of: None,
        git: None,
        root: "/nowhere".into(),
        depth: 0,
        parent: None,
        flags: Box::default(),
        runtime_args: std::collections::BTreeMap::default(),
    }
}
