//! When a schedule is due: by a cron pattern in a time zone, or at equal distances.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::base::{Time, time};

/// Shortest distance between two times of a schedule.
const EVERY_MS_MIN: u64 = 1_000;
/// Where a pattern is tried once, so that one that never matches is told: the start of a leap year.
const TRIAL_MS: i64 = 1_704_067_200_000;

/// When a schedule is due.
#[derive(Debug, Clone)]
pub struct Timing {
    text: String,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Cron { cron: Box<Cron>, zone: TimeZone },
    Every(u64),
}

impl Timing {
    /// A cron pattern of five fields, or a word such as `@daily`; `zone` is an IANA name, else the system's.
    ///
    /// # Errors
    /// The pattern or the zone is not one, or the pattern never matches.
    pub fn cron(pattern: &str, zone: Option<&str>) -> Result<Self, String> {
        let parser =
            CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(pattern).map_err(|error| {
            format!("`{pattern}` is not a cron pattern of five fields: {error}")
        })?;
        let tz = match zone {
            Some(name) => TimeZone::get(name)
                .map_err(|_| format!("`{name}` is not a time zone like `Europe/Berlin`"))?,
            None => TimeZone::system(),
        };
        let kind = Kind::Cron { cron: Box::new(cron), zone: tz };
        let text = match zone {
            Some(zone) => format!("cron {} {zone}", pattern.trim()),
            None => format!("cron {}", pattern.trim()),
        };
        let timing = Self { text, kind };
        match timing.next(Time(TRIAL_MS)) {
            Some(_) => Ok(timing),
            None => Err(format!("`{pattern}` never matches any day")),
        }
    }

    /// Equal distances, such as `30m`.
    ///
    /// # Errors
    /// It is not a length of time, or too short.
    pub fn every(text: &str) -> Result<Self, String> {
        let ms = time::parse_ms(text).map_err(|error| error.to_string())?;
        if ms < EVERY_MS_MIN {
            return Err(format!("`{text}` is shorter than a second"));
        }
        Ok(Self { text: format!("every {}", text.trim()), kind: Kind::Every(ms) })
    }

    /// The words of the file: another text is another timing.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first time after this moment; `moment` was one itself, where distances count from it.
    pub fn next(&self, moment: Time) -> Option<Time> {
        match &self.kind {
            Kind::Every(ms) => Some(moment.plus_ms(*ms)),
            Kind::Cron { cron, zone } => {
                let next = cron.find_next_occurrence(&zoned(moment, zone)?, false).ok()?;
                Some(Time(next.timestamp().as_millisecond()))
            }
        }
    }

    /// The last time after `anchor` and not after `now`: however many have passed, they count once.
    pub fn latest(&self, anchor: Time, now: Time) -> Option<Time> {
        match &self.kind {
            Kind::Every(ms) => {
                let passed = now.since_ms(anchor) / ms;
                (passed > 0).then(|| anchor.plus_ms(passed * ms))
            }
            Kind::Cron { cron, zone } => {
                let latest = cron.find_previous_occurrence(&zoned(now, zone)?, true).ok()?;
                let latest = Time(latest.timestamp().as_millisecond());
                (latest > anchor && latest <= now).then_some(latest)
            }
        }
    }
}

fn zoned(moment: Time, zone: &TimeZone) -> Option<Zoned> {
    Some(Timestamp::from_millisecond(moment.0).ok()?.to_zoned(zone.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Time {
        Time(text.parse::<Timestamp>().unwrap().as_millisecond())
    }

    fn berlin(pattern: &str) -> Timing {
        Timing::cron(pattern, Some("Europe/Berlin")).unwrap()
    }

    #[test]
    fn a_pattern_is_read_in_its_time_zone() {
        let daily = berlin("0 7 * * 1-5");
        // Friday evening: the next working day is Monday, seven o'clock in summer is five UTC.
        assert_eq!(daily.next(at("2026-07-03T18:00:00Z")), Some(at("2026-07-06T05:00:00Z")));
        assert_eq!(daily.next(at("2026-12-04T18:00:00Z")), Some(at("2026-12-07T06:00:00Z")));
        let utc = Timing::cron("@daily", Some("UTC")).unwrap();
        assert_eq!(utc.next(at("2026-07-03T18:00:00Z")), Some(at("2026-07-04T00:00:00Z")));
    }

    #[test]
    fn an_hour_that_does_not_exist_is_made_up_for_and_one_that_comes_twice_counts_once() {
        let night = berlin("30 2 * * *");
        // 2026-03-29: two o'clock is followed by three o'clock.
        assert_eq!(night.next(at("2026-03-28T12:00:00Z")), Some(at("2026-03-29T01:00:00Z")));
        assert_eq!(night.next(at("2026-03-29T01:00:00Z")), Some(at("2026-03-30T00:30:00Z")));
        // 2026-10-25: three o'clock is followed by two o'clock.
        let first = night.next(at("2026-10-24T12:00:00Z")).unwrap();
        assert_eq!(first, at("2026-10-25T00:30:00Z"));
        assert_eq!(night.next(first), Some(at("2026-10-26T01:30:00Z")));
    }

    #[test]
    fn however_many_times_have_passed_only_the_last_one_counts() {
        let hourly = Timing::cron("0 * * * *", Some("UTC")).unwrap();
        let now = at("2026-07-06T09:20:00Z");
        assert_eq!(
            hourly.latest(at("2026-07-03T09:00:00Z"), now),
            Some(at("2026-07-06T09:00:00Z"))
        );
        assert_eq!(hourly.latest(at("2026-07-06T09:00:00Z"), now), None);
        let often = Timing::every("30m").unwrap();
        assert_eq!(often.latest(at("2026-07-03T09:05:00Z"), now), Some(at("2026-07-06T09:05:00Z")));
        assert_eq!(often.latest(at("2026-07-06T09:05:00Z"), now), None);
        // The clock was moved back behind the last time.
        assert_eq!(often.latest(at("2026-07-06T12:00:00Z"), now), None);
    }

    #[test]
    fn what_is_no_time_is_told() {
        for (pattern, why) in [
            ("0 7 * *", "five fields"),
            ("0 0 7 * * 1", "five fields"),
            ("61 * * * *", "not a cron pattern"),
            ("@reboot", "not a cron pattern"),
            ("0 0 30 2 *", "never matches"),
        ] {
            let error = Timing::cron(pattern, Some("UTC")).unwrap_err();
            assert!(error.contains(why), "{pattern}: {error}");
        }
        assert!(
            Timing::cron("@daily", Some("Mars/North")).unwrap_err().contains("not a time zone")
        );
        assert!(Timing::every("soon").is_err() && Timing::every("20ms").is_err());
    }
}
