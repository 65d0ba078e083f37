//! Random plans with gates, channels, ways back, contracts and people.

use std::collections::BTreeMap;

use crew::base::flow::{CheckOp, Condition, Expands, FieldType, Fire, Join, OnStale, StepKind};
use crew::plan::graph::CommandPlan;
use crew::plan::{ChannelPlan, GatePlan, Plan};
use fastrand::Rng;

/// Turns a random graph of dependencies into one that is moved by gates and channels.
pub fn add(rng: &mut Rng, plan: &mut Plan) {
    let count = plan.steps.len();
    plan.max_iterations = rng.u32(1..4);
    plan.gates = gates(rng, plan);
    let check = CommandPlan { command: "true".into(), timeout_ms: 1_000 };
    plan.commands = BTreeMap::from([("check".to_owned(), check)]);
    let mut channels: Vec<ChannelPlan> = Vec::new();
    for channel in std::mem::take(&mut plan.channels) {
        let mut channel = channel;
        if rng.u8(0..3) > 0 {
            declare(rng, plan, &mut channel);
        }
        channels.push(channel);
    }
    for to in 0..count {
        for from in to..count {
            if rng.u8(0..100) < 12 {
                let mut back = super::plans::depends_on(from, to);
                back.id = format!("back-{from}-{to}");
                declare(rng, plan, &mut back);
                back.fire = if rng.u8(0..6) == 0 { Fire::Message } else { Fire::Settled };
                back.cyclic = rng.bool();
                back.max_cycles = (rng.u8(0..4) == 0).then(|| rng.u32(1..3));
                if back.gates.is_empty() {
                    back.gates = vec!["no".to_owned()];
                }
                channels.push(back);
            }
        }
    }
    channels.sort_by_key(|channel| !channel.depends_on);
    plan.channels = channels;
    for ix in 0..count {
        let is_entered = |c: &&ChannelPlan| c.to == ix && c.from < ix;
        let into = plan.channels.iter().filter(is_entered).count();
        let step = &mut plan.steps[ix];
        step.join = match rng.u8(0..6) {
            0 if into > 1 => Some(Join::All),
            1 if into > 1 => Some(Join::Any),
            _ => None,
        };
        step.on_stale = if rng.bool() { OnStale::Drain } else { OnStale::Cancel };
        step.approve = step.expands == Some(Expands::Adaptive) && rng.bool();
        if step.kind == StepKind::Agent && rng.u8(0..6) == 0 {
            step.contract = plan.gates.first().map(|gate| gate.id.clone());
        }
    }
    plan.rework = (rng.u8(0..3) == 0).then(|| rng.usize(0..count));
}

/// Makes a declared channel of a dependency.
fn declare(rng: &mut Rng, plan: &Plan, channel: &mut ChannelPlan) {
    channel.id = channel.id.replace("->", "-to-");
    channel.depends_on = false;
    channel.fire = match rng.u8(0..12) {
        0 => Fire::Open,
        1 => Fire::Message,
        _ => Fire::Settled,
    };
    let number = *rng.choice(&[0, 1, 1, 1, 2]).expect("not empty");
    for _ in 0..number {
        let gate = rng.choice(&plan.gates).expect("there are gates");
        channel.gates.push(gate.id.clone());
    }
    if channel.fire == Fire::Open && channel.gates.is_empty() {
        channel.fire = Fire::Settled;
    }
}

fn gates(rng: &mut Rng, plan: &Plan) -> Vec<GatePlan> {
    let check = |field: &str, op| Condition::Check { field: field.into(), op };
    let word = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let eq = |field: &str, value: serde_json::Value| check(field, CheckOp::Eq(value));
    let result = || {
        vec![
            ("result".to_owned(), FieldType::OneOf(word(&["yes", "no"]))),
            ("why".to_owned(), FieldType::Text),
        ]
    };
    let last = plan.steps.last().expect("there are steps").id.clone();
    let all = [
        gate("yes", "v", result(), eq("result", "yes".into())),
        gate("no", "v", result(), eq("result", "no".into())),
        gate(
            "votes",
            "votes",
            vec![("votes".to_owned(), FieldType::MapOf(word(&["yes", "no"])))],
            Condition::Count { field: "votes".into(), eq: "yes".into(), min: rng.u32(1..3) },
        ),
        gate(
            "link",
            "link",
            vec![("url".to_owned(), FieldType::String)],
            check("url", CheckOp::Exists),
        ),
        gate(
            "green",
            "link",
            vec![("url".to_owned(), FieldType::String)],
            Condition::All(vec![check("url", CheckOp::Exists), Condition::Exec("check".into())]),
        ),
        gate(
            "person",
            "person",
            vec![("ok".to_owned(), FieldType::Bool), ("why".to_owned(), FieldType::Text)],
            eq("ok", true.into()),
        ),
        gate(
            "note",
            "note",
            vec![("note".to_owned(), FieldType::Text)],
            check("note", CheckOp::Exists),
        ),
        gate(
            "both",
            "both",
            vec![("ok".to_owned(), FieldType::Bool)],
            Condition::Any(vec![
                Condition::All(vec![eq("ok", true.into()), Condition::Exec("check".into())]),
                Condition::Done(last),
            ]),
        ),
    ];
    let mut gates: Vec<GatePlan> = Vec::new();
    for mut gate in all {
        gate.reset_on_cycle = match gate.store.as_str() {
            "v" | "votes" => rng.u8(0..8) > 0,
            _ => rng.u8(0..4) == 0,
        };
        gate.writers = match gate.id.as_str() {
            "person" | "note" | "both" => vec!["human".to_owned()],
            _ => vec!["role-0".to_owned(), "role-1".to_owned()],
        };
        gate.show = if gate.id == "person" { vec!["gate:link".to_owned()] } else { Vec::new() };
        gates.push(gate);
    }
    gates
}

fn gate(id: &str, store: &str, fields: Vec<(String, FieldType)>, when: Condition) -> GatePlan {
    GatePlan {
        id: id.into(),
        description: String::new(),
        store: store.into(),
        fields,
        writers: Vec::new(),
        reset_on_cycle: false,
        when,
        show: Vec::new(),
        required_level: None,
    }
}

/// Steps that begin a run: those that nothing leads into from before them.
pub fn starts(plan: &Plan) -> Vec<usize> {
    let is_entered = |ix: usize| plan.channels.iter().any(|c| c.to == ix && c.from < ix);
    (0..plan.steps.len()).filter(|&ix| !is_entered(ix)).collect()
}
