//! Three writers at once, each in a tree of its own, and a reader of what they made.

use crew::event::Body;

use crate::project::TestEnv;

/// The steps.
pub const SLOTS: &str = "## build\nrole: writer\nslots: 3\nisolation: snapshot\n\n{goal}\n\n\
## look\nrole: reader\ndependsOn: build\n\nLook at it.";

/// Waits until the agents of all slots have begun.
pub const TOGETHER: &str = "touch $NOTES/begun.$CREW_SLOT
while ! [ -e $NOTES/begun.1 -a -e $NOTES/begun.2 -a -e $NOTES/begun.3 ]; do sleep 0.02; done";

/// The tasks whose work is in the run's branch, in the order in which it came there.
pub fn merged(env: &TestEnv, run: u32) -> Vec<String> {
    let records = env.records(run);
    let tasks = records.iter().filter_map(|record| {
        let Body::TreeMerged(merged) = &record.body else { return None };
        merged.error.is_none().then(|| merged.task.to_string())
    });
    tasks.collect()
}
