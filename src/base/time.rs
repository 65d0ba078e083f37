//! A moment as milliseconds since 1970, written as RFC 3339 in UTC.
//!
//! The engine calculates with plain integers; only the edges read a clock.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub i64);

impl Time {
    /// The moment `ms` milliseconds later.
    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX)))
    }

    /// Milliseconds from `earlier` to here; 0 when `earlier` is not earlier.
    pub fn since_ms(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }

    /// Hands its text over; every line of a log has one, so it is made without `fmt` and allocation.
    pub(crate) fn with_text<T>(self, take: impl FnOnce(&str) -> T) -> T {
        let (days, ms) = (self.0.div_euclid(86_400_000), self.0.rem_euclid(86_400_000));
        let (year, month, day) = civil(days);
        let (hour, minute) = (ms / 3_600_000, ms / 60_000 % 60);
        let (second, milli) = (ms / 1_000 % 60, ms % 1_000);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let parts = [(3, year), (6, month), (9, day), (12, hour), (15, minute), (18, second)];
        for (last, value) in parts.into_iter().chain([(22, milli)]) {
            put(&mut text, last, value);
        }
        match std::str::from_utf8(&text) {
            Ok(text) if (0..=9_999).contains(&year) => take(text),
            // Years that no clock shows; they have a sign or more digits.
            _ => take(&format!(
                "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z"
            )),
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.write_str(text))
    }
}

/// Year, month and day of a day counted from 1970-01-01 (Howard Hinnant, `civil_from_days`).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Writes the digits of a number that fits over the zeroes that end at `last`.
fn put(text: &mut [u8; 24], mut last: usize, mut value: i64) {
    while value > 0 && text[last] == b'0' {
        text[last] += u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
        last = last.saturating_sub(1);
    }
}

/// The day counted from 1970-01-01 (Howard Hinnant, `days_from_civil`).
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The text is not a moment in RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time like `2026-05-01T09:30:00.123Z`")]
pub struct TimeError(String);

impl FromStr for Time {
    type Err = TimeError;

    /// Reads our own form fast (a log has one on every line) and any other RFC 3339 by `jiff`.
    fn from_str(text: &str) -> Result<Self, TimeError> {
        if let Some(time) = own_form(text.as_bytes()) {
            return Ok(time);
        }
        let stamp: jiff::Timestamp = text.parse().map_err(|_| TimeError(text.to_owned()))?;
        Ok(Self(stamp.as_millisecond()))
    }
}

fn own_form(text: &[u8]) -> Option<Time> {
    let number = |from: usize, to: usize| -> Option<i64> {
        text.get(from..to)?.iter().try_fold(0_i64, |sum, byte| {
            byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0'))
        })
    };
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (23, b'Z')];
    if text.len() != 24 || marks.iter().any(|&(at, mark)| text[at] != mark) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute) = (number(11, 13)?, number(14, 16)?);
    let (second, milli) = (number(17, 19)?, number(20, 23)?);
    let valid = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (hour < 24 && minute < 60 && second < 60);
    if !valid {
        return None;
    }
    let seconds = (hour * 60 + minute) * 60 + second;
    Some(Time((day_number(year, month, day) * 86_400 + seconds) * 1_000 + milli))
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_text(|text| serializer.serialize_str(text))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Milliseconds as people write them: `850ms`, `4.2s`, `3m 05s`, `2h 04m`, `3d 02h`.
pub fn human_ms(ms: u64) -> String {
    let (seconds, minutes, hours) = (ms / 1_000, ms / 60_000, ms / 3_600_000);
    match ms {
        0..1_000 => format!("{ms}ms"),
        1_000..10_000 => format!("{seconds}.{}s", ms % 1_000 / 100),
        10_000..60_000 => format!("{seconds}s"),
        60_000..3_600_000 => format!("{minutes}m {:02}s", seconds % 60),
        3_600_000..86_400_000 => format!("{hours}h {:02}m", minutes % 60),
        _ => format!("{}d {:02}h", hours / 24, hours % 24),
    }
}

/// The text is not a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration like `90s`, `20m` or `1h 30m`")]
pub struct DurationError(String);

/// Reads `90s`, `20m`, `1h 30m`, `7d`; a bare number is seconds.
///
/// # Errors
/// The text is not a duration, or it is negative.
pub fn parse_ms(text: &str) -> Result<u64, DurationError> {
    let error = || DurationError(text.to_owned());
    let trimmed = text.trim();
    if let Ok(seconds) = trimmed.parse::<u64>() {
        return seconds.checked_mul(1_000).ok_or_else(error);
    }
    let span: jiff::Span = trimmed.parse().map_err(|_| error())?;
    let relative = jiff::SpanRelativeTo::days_are_24_hours();
    let ms = span.total((jiff::Unit::Millisecond, relative)).map_err(|_| error())?;
    if !(0.0..=1e15).contains(&ms) {
        return Err(error());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "range checked")]
    Ok(ms as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_form_agrees_with_the_calendar_library() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..10_000 {
            let time = Time(random.i64(-2_000_000_000_000..9_000_000_000_000));
            let text = time.to_string();
            let theirs: jiff::Timestamp = text.parse().expect("valid");
            assert_eq!(theirs.as_millisecond(), time.0, "{text}");
            assert_eq!(text.parse(), Ok(time));
        }
    }

    #[test]
    fn years_of_no_clock_are_written_as_well() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-62_167_219_200_001, "-001-12-31T23:59:59.999Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
            (253_402_300_800_000, "10000-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(Time(ms).to_string(), text);
        }
    }

    #[test]
    fn durations_read_as_people_write_them() {
        for (text, ms) in [
            ("90s", 90_000),
            ("20m", 1_200_000),
            ("1h 30m", 5_400_000),
            ("7d", 604_800_000),
            ("5", 5_000),
        ] {
            assert_eq!(parse_ms(text), Ok(ms), "{text}");
        }
        for text in ["", "soon", "-5s", "1y"] {
            assert!(parse_ms(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lengths_of_time_are_short() {
        for (ms, text) in
            [(850, "850ms"), (4_250, "4.2s"), (185_000, "3m 05s"), (7_440_000, "2h 04m")]
        {
            assert_eq!(human_ms(ms), text);
        }
    }
}
