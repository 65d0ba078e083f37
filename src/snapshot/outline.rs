//! A plan as a few lines of text.

use crate::base::flow::{Access, StepKind};
use crate::plan::{Plan, StepPlan};

/// The plan as lines: one for each step, with what it waits for and who plays it.
pub fn outline(plan: &Plan) -> Vec<String> {
    let steps = plan.steps.iter().enumerate();
    steps.map(|(ix, step)| line(plan, ix, step)).collect()
}

fn line(plan: &Plan, ix: usize, step: &StepPlan) -> String {
    let mut facts = vec![match step.kind {
        StepKind::Agent | StepKind::End if !step.runtime.is_empty() => {
            format!("{} on {}", step.role, step.runtime)
        }
        StepKind::Command => "command".to_owned(),
        StepKind::Human => "a person".to_owned(),
        StepKind::Agent | StepKind::End => step.role.clone(),
    }];
    if step.slots > 1 {
        facts.push(format!("{} slots", step.slots));
    }
    if step.access == Access::Write {
        facts.push("writes".to_owned());
    }
    if step.verify {
        facts.push("verifies".to_owned());
    }
    let before: Vec<String> = plan
        .channels
        .iter()
        .filter(|channel| channel.to == ix)
        .map(|channel| {
            let from = &plan.steps[channel.from].id;
            match channel.gates.first() {
                Some(gate) => format!("{from} [{gate}]"),
                None => from.to_string(),
            }
        })
        .collect();
    let after =
        if before.is_empty() { String::new() } else { format!(" after {}", before.join(", ")) };
    format!("{} ({}){after}", step.id, facts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::sample;

    #[test]
    fn each_step_says_who_plays_it_and_what_it_waits_for() {
        assert_eq!(
            outline(sample::running().plan()),
            [
                "planning (planner on claude)",
                "coding (coder on claude, writes) after planning",
                "review (reviewer on codex, 2 slots, verifies) after coding",
            ]
        );
    }
}
