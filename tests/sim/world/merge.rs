//! Taking the work over in the simulated world: the target moves or not, and crashes come in between.

use crew::engine::{Effect, Input, State};
use crew::event::Status;
use crew::event::merge::{MergeBuilt, MergeFinished, MergeRefusal, MergeResult};

use super::{Supervisor, World};

impl World {
    /// One of the effects of a merge.
    pub(super) fn merge(&mut self, supervisor: &mut Supervisor, effect: &Effect) {
        let is_moving = supervisor.state.is_target_moving();
        if !supervisor.job_keys.insert(effect.clone()) {
            // The second half of a try begins when what is to move is on record.
            let is_second = *effect == Effect::Merge && is_moving && !supervisor.is_moving;
            if !is_second {
                return;
            }
        }
        let at = self.now.plus_ms(self.rng.u64(1..100));
        let input = if *effect == Effect::BeginMerge {
            supervisor.job_keys.remove(&Effect::BeginMerge);
            supervisor.job_keys.remove(&Effect::Merge);
            supervisor.is_moving = false;
            Input::MergeStarted
        } else if *effect == Effect::ResolveMerge {
            finished(if self.is_merged { merged() } else { refused(MergeRefusal::Interrupted) })
        } else if is_moving {
            supervisor.is_moving = true;
            // From here on the target has it, whoever dies.
            self.is_merged = self.rng.u8(0..4) > 0;
            finished(if self.is_merged { merged() } else { refused(MergeRefusal::Moved) })
        } else if self.rng.u8(0..3) == 0 {
            finished(refused(MergeRefusal::Conflict))
        } else {
            Input::MergeBuilt(MergeBuilt {
                target: "main".into(),
                old: "m0".into(),
                new: "m1".into(),
                tree: "tm".into(),
                checkouts: Vec::new(),
            })
        };
        supervisor.jobs.push((at, input));
    }

    /// Exactly one outcome: the target has the work, and then the run is merged, or it has not.
    pub(super) fn check_merged(&self, state: &State) {
        let says = matches!(state.status, Status::Done { outcome: crew::event::Outcome::Merged });
        assert_eq!(says, self.is_merged, "the run and its target disagree: {:?}", state.status);
    }
}

fn finished(result: MergeResult) -> Input {
    Input::MergeFinished(MergeFinished { result })
}

fn merged() -> MergeResult {
    MergeResult::Merged { target: "main".into(), commit: "m1".into() }
}

fn refused(why: MergeRefusal) -> MergeResult {
    MergeResult::Refused { why, detail: "in the way".into(), paths: Vec::new() }
}
