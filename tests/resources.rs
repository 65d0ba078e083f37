//! Resource files of ours and of other programs load, and every finding stands at its line.

use camino::Utf8Path;
use crew::base::flow::{Condition, FieldType, Fire};
use crew::resource::workflow;

#[test]
fn the_full_pipeline_example_parses_without_a_finding() {
    let text = include_str!("fixtures/resources/full-pipeline.workflow.md");
    let (file, findings) = workflow::parse(Utf8Path::new("full-pipeline.workflow.md"), text);
    assert_eq!(findings, [], "{findings:#?}");
    let ids: Vec<&str> = file.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["planning", "plan-review", "coding", "review", "qa", "done"]);
    assert_eq!((file.gates.len(), file.channels.len()), (7, 8));
    assert_eq!(file.step("review").map(crew::resource::StepDecl::slot_count), Some(3));
    let votes = file.gate("review-votes-gate").expect("declared");
    assert!(matches!(votes.field("votes"), Some(FieldType::MapOf(words)) if words.len() == 2));
    assert!(matches!(&votes.when.value, Condition::Count { min: 3, .. }));
    assert_eq!(file.channels[1].fire, Fire::Message);
    assert_eq!(file.channels[0].fire, Fire::Settled);
    let qa = file.gate("qa-fail-gate").expect("declared");
    assert_eq!(qa.store, "qa");
}
