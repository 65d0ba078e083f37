//! Failures of the simulated programs and their providers, by kind.

use crew::base::ErrorKind;
use crew::event::attempt::Fault;
use crew::event::body::ReadyCause;
use crew::event::{AttemptEnded, Body};

use super::World;

impl World {
    /// Lets a turn end with a failure of its program or provider.
    pub(super) fn fails(&mut self, end: &mut AttemptEnded) {
        let is_limit = self.rng.u8(0..3) == 0;
        let kind = *self.rng.choice(&ErrorKind::ALL).expect("not empty");
        let kind = if is_limit { ErrorKind::RateLimit } else { kind };
        let reset_in = *self.rng.choice(&[0, 5_000, 90_000, 7_200_000]).expect("not empty");
        let reset_at = (self.rng.bool()).then(|| self.now.plus_ms(reset_in));
        let text = format!("{} says no", kind.word());
        let retryable = self.rng.u8(0..4) > 0;
        end.code = Some(1);
        end.session = Some("s1".into());
        end.report.spoke = false;
        end.report.error = Some(Fault { kind, retryable, reset_at, text, hint: String::new() });
    }

    /// Nothing is tried before a limit ends, unless a person says so or the work begins anew.
    pub(super) fn check_limits(&mut self, body: &Body) {
        if let Body::TaskReadied(ready) = body {
            self.limits.remove(&ready.task);
            if let Some(moment) = ready.not_before.filter(|_| ready.cause == ReadyCause::Limit) {
                self.limits.insert(ready.task.clone(), moment);
            }
        } else if matches!(body, Body::ChannelsFired(_) | Body::PlanExpanded(_)) {
            self.limits.clear();
        } else if let Body::AttemptStarted(started) = body {
            let until = self.limits.get(&started.task);
            assert!(until.is_none_or(|until| *until <= self.now), "tried before its limit ends");
        }
    }
}
