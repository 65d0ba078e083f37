//! Drawings of a small pipeline, reviewed as text.

use super::*;

/// A plan as its serialised form says it, with what every plan needs filled in.
fn plan(steps: &str, channels: &str, gates: &str) -> Plan {
    let text = format!(
        r#"{{"workflow": "ship", "team": "default", "steps": [{steps}], "channels": [{channels}],
        "gates": [{gates}], "start": [0], "end": [3], "max_iterations": 5, "completion": "merge"}}"#
    );
    serde_json::from_str(&text).unwrap()
}

fn pipeline() -> Plan {
    plan(
        r#"{"id": "coding", "role": "coder", "runtime": "claude", "access": "write", "slots": 1, "timeout_ms": 1800000},
        {"id": "check", "role": "check", "kind": "command", "command": "make \"all\"", "access": "read", "slots": 1},
        {"id": "review", "role": "reviewer", "runtime": "claude", "access": "read", "slots": 3, "verify": true,
         "max_concurrency": 2},
        {"id": "done", "role": "done", "kind": "end", "access": "none", "slots": 1}"#,
        r#"{"id": "a", "from": 0, "to": 1, "depends_on": true},
        {"id": "b", "from": 1, "to": 2, "depends_on": true},
        {"id": "c", "from": 2, "to": 3, "gates": ["votes"]},
        {"id": "d", "from": 2, "to": 0, "gates": ["reject"], "max_cycles": 2}"#,
        r#"{"id": "votes", "store": "votes", "fields": [], "writers": ["reviewer"], "reset_on_cycle": true,
         "when": {"all": []}}"#,
    )
}

#[test]
fn text_shows_each_step_with_what_leads_out_of_it() {
    insta::assert_snapshot!(draw(&pipeline(), Format::Text), @r#"
    coding  coder, write, claude, 30m 00s [start]
      → check
    check  command `make "all"`
      → review
    review ×3  reviewer, read, claude, verdict, 2 at once
      → done  [votes]
      ↩ coding  [reject]  at most 2 times
    done  end [end]
    "#);
}

#[test]
fn mermaid_has_a_node_for_each_step_and_dotted_lines_back() {
    insta::assert_snapshot!(draw(&pipeline(), Format::Mermaid), @r#"
    flowchart TD
      s0["coding"]
      s1[/"check"/]
      s2["review ×3"]
      s3(["done"])
      s0 --> s1
      s1 --> s2
      s2 -->|"votes"| s3
      s2 -.->|"reject"| s0
    "#);
}

#[test]
fn dot_quotes_names_and_keeps_back_edges_out_of_the_ranks() {
    insta::assert_snapshot!(draw(&pipeline(), Format::Dot), @r#"
    digraph "ship" {
      node [shape=box, style=rounded];
      "coding" [label="coding"];
      "check" [label="check", shape=note];
      "review" [label="review ×3"];
      "done" [label="done", shape=oval];
      "coding" -> "check";
      "check" -> "review";
      "review" -> "done" [label="votes"];
      "review" -> "coding" [label="reject", style=dashed, constraint=false];
    }
    "#);
}

#[test]
fn expanding_names_every_task_channel_and_gate() {
    insta::assert_snapshot!(expand(&pipeline()), @r#"
    workflow ship, team default

    tasks (6)
      coding  coder, write, claude, 30m 00s
      check  command `make "all"`
      review/1  reviewer, read, claude, verdict, 2 at once
      review/2  reviewer, read, claude, verdict, 2 at once
      review/3  reviewer, read, claude, verdict, 2 at once
      done  end

    channels (4)
      coding → check
      check → review
      review → done  [votes]
      review ↩ coding  [reject]  at most 2 times

    gates (1)
      votes  written by reviewer, cleared by a cycle
    "#);
}

#[test]
fn a_later_step_that_leads_forward_is_no_way_back() {
    let mut plan = pipeline();
    plan.channels.truncate(3);
    assert!(!plan.channels.iter().any(|channel| is_back(&plan, channel)));
}
