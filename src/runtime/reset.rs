//! When a limit ends, as programs say it in words: `resets 3pm (Europe/Berlin)`, `try again in 5 minutes`.
//!
//! Nothing is guessed: what could mean two moments means none, and the task waits as if nothing were said.

use jiff::civil::{Date, Time as Clock, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

use crate::base::Time;

/// What stands before such a moment.
const ANCHORS: [&str; 8] = [
    "resets ",
    "reset at ",
    "reset in ",
    "resets_at\":",
    "try again ",
    "retry in ",
    "retry after",
    "retry-after",
];

/// A limit that ends later than this is none that is waited for.
const MS_MAX: u64 = 8 * 86_400_000;
/// A time of the day that has just gone by is not the one of tomorrow.
const GONE_MS: u64 = 3_600_000;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
/// Words after a time that make it another one than it says.
const UNCLEAR: [&str; 18] = [
    "tomorrow", "est", "edt", "cst", "cdt", "mst", "mdt", "pst", "pdt", "et", "pt", "ct", "mt",
    "cet", "cest", "bst", "ist", "jst",
];

/// The moment that the words name, which were said at `said_at` on a machine in the zone `local`.
pub(super) fn reset_at(words: &str, said_at: Time, local: &TimeZone) -> Option<Time> {
    let lower = words.to_ascii_lowercase();
    ANCHORS.iter().find_map(|anchor| {
        let at = lower.find(anchor)? + anchor.len();
        let moment = read(anchor, &words[at..], said_at, local)?;
        (moment > said_at && moment.since_ms(said_at) <= MS_MAX).then_some(moment)
    })
}

fn read(anchor: &str, rest: &str, said_at: Time, local: &TimeZone) -> Option<Time> {
    let rest = rest.trim_start_matches([' ', ':', '"', '=']);
    let lower = rest.to_ascii_lowercase();
    if let Some(after) = lower.strip_prefix("in ").or_else(|| lower.strip_prefix("after ")) {
        return Some(said_at.plus_ms(duration(after)?));
    }
    if anchor.starts_with("retry") || anchor.ends_with(" in ") {
        // The header of HTTP counts in seconds.
        let header = anchor.contains("after").then(|| whole_number(&lower)).flatten();
        let ms = duration(&lower).or(header.map(|seconds| seconds * 1_000))?;
        return Some(said_at.plus_ms(ms));
    }
    let prefix = ["at ", "on "].iter().find(|prefix| lower.starts_with(**prefix));
    let cut = prefix.map_or(0, |prefix| prefix.len());
    let (rest, lower) = (&rest[cut..], &lower[cut..]);
    let stamp = rest.split_whitespace().next()?.trim_end_matches(['.', ',', ')', '"']);
    if let Ok(moment) = stamp.parse::<Time>() {
        return Some(moment);
    }
    of_clock(rest, lower, said_at, local)
}

/// A number that nothing but the end or a stop follows.
fn whole_number(text: &str) -> Option<u64> {
    let (number, rest) = number(text)?;
    let rest = rest.trim_start_matches(['"', '.', ',', ')', '}']);
    (number.fract() == 0.0 && (rest.is_empty() || rest.starts_with('\n')))
        .then(|| to_ms(number))
        .flatten()
}

/// `5 minutes`, `1h 3m`, `6m0s`, `2 hours and 5 minutes`, `20s`.
fn duration(text: &str) -> Option<u64> {
    let mut sum = 0;
    let mut rest = text;
    let mut is_told = false;
    while let Some((amount, after)) = number(rest) {
        let after = after.trim_start();
        let word: String = after.chars().take_while(char::is_ascii_alphabetic).collect();
        let unit = match word.as_str() {
            "ms" => 1.0,
            "s" | "sec" | "secs" | "second" | "seconds" => 1_000.0,
            "m" | "min" | "mins" | "minute" | "minutes" => 60_000.0,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3_600_000.0,
            "d" | "day" | "days" => 86_400_000.0,
            _ => return None,
        };
        sum += to_ms(amount * unit)?;
        is_told = true;
        rest = after[word.len()..].trim_start_matches([' ', ',']);
        rest = rest.strip_prefix("and ").unwrap_or(rest);
    }
    is_told.then_some(sum)
}

/// The number that a text begins with, and what follows.
fn number(text: &str) -> Option<(f64, &str)> {
    let whole = text.bytes().take_while(u8::is_ascii_digit).count();
    let part = match text[whole..].strip_prefix('.') {
        Some(part) if whole > 0 => match part.bytes().take_while(u8::is_ascii_digit).count() {
            0 => 0,
            digits => digits + 1,
        },
        _ => 0,
    };
    let (number, rest) = text.split_at(whole + part);
    Some((number.parse().ok()?, rest))
}

/// Milliseconds, where they are a number that can be waited for.
fn to_ms(amount: f64) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number without a sign, below a limit"
    )]
    (amount <= 1e12).then_some(amount.ceil() as u64)
}

/// `3pm`, `14:00 (Europe/Berlin)`, `Nov 23rd, 2026 3:05 PM`.
fn of_clock(rest: &str, lower: &str, said_at: Time, local: &TimeZone) -> Option<Time> {
    let (day, lower) = match day(lower) {
        Some((day, after)) => (Some(day), after),
        None => (None, lower),
    };
    let (clock, lower) = clock(lower)?;
    // What follows has the letters that were written.
    let after = rest[rest.len() - lower.len()..].trim_start();
    let zone = zone(after, local)?;
    let now = Timestamp::from_millisecond(said_at.0).ok()?.to_zoned(zone.clone());
    let at = |date: Date| date.to_datetime(clock).to_zoned(zone.clone()).ok();
    let moment = |zoned: Zoned| Time(zoned.timestamp().as_millisecond());
    let Some(Day { month, of_month, year }) = day else {
        let today = moment(at(now.date())?);
        if today > said_at {
            return Some(today);
        }
        let is_gone = said_at.since_ms(today) <= GONE_MS;
        return if is_gone {
            None
        } else {
            Some(moment(at(now.date().checked_add(1.day()).ok()?)?))
        };
    };
    let in_year = |year: i16| Date::new(year, month, of_month).ok().and_then(at).map(moment);
    match year {
        Some(year) => in_year(year),
        None => {
            [now.year(), now.year() + 1].into_iter().filter_map(in_year).find(|at| *at > said_at)
        }
    }
}

/// A day of a year, or of the one that comes.
struct Day {
    year: Option<i16>,
    month: i8,
    of_month: i8,
}

/// `nov 23rd, 2026 `, `oct 9, `, `nov 24 at `.
fn day(lower: &str) -> Option<(Day, &str)> {
    let word: String = lower.chars().take_while(char::is_ascii_alphabetic).collect();
    let month = MONTHS.iter().position(|month| word.get(..3) == Some(*month))?;
    let (day, mut rest) = number(lower[word.len()..].trim_start_matches(['.', ' ']))?;
    for ending in ["st", "nd", "rd", "th"] {
        rest = rest.strip_prefix(ending).unwrap_or(rest);
    }
    let mut rest = rest.trim_start_matches([',', ' ']);
    let mut year = None;
    if rest.bytes().take_while(u8::is_ascii_digit).count() == 4 {
        year = Some(rest[..4].parse().ok()?);
        rest = rest[4..].trim_start_matches([',', ' ']);
    }
    let rest = rest.strip_prefix("at ").unwrap_or(rest);
    let of_month = whole(day).and_then(|day| i8::try_from(day).ok())?;
    let found = Day { year, month: i8::try_from(month + 1).ok()?, of_month };
    // A day that no month has means nothing.
    date(2024, found.month, 1).with().day(found.of_month).build().ok()?;
    Some((found, rest))
}

fn whole(number: f64) -> Option<u64> {
    (number.fract() == 0.0).then(|| to_ms(number)).flatten()
}

/// `3pm`, `3:05 pm`, `14:00`, `14:00:30`: an hour alone could be any.
fn clock(lower: &str) -> Option<(Clock, &str)> {
    let mut parts = [0_i8; 3];
    let mut count = 0;
    let mut rest = lower;
    while count < 3 {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if !(1..=2).contains(&digits) {
            return None;
        }
        parts[count] = rest[..digits].parse().ok()?;
        count += 1;
        rest = &rest[digits..];
        match rest.strip_prefix(':') {
            Some(next) if count < 3 => rest = next,
            _ => break,
        }
    }
    let half = rest.trim_start();
    let halves = [("a.m.", 0), ("p.m.", 12), ("am", 0), ("pm", 12)];
    let found = halves.iter().find_map(|(word, add)| Some((half.strip_prefix(word)?, *add)));
    if let Some((after, add)) = found {
        if !(1..=12).contains(&parts[0]) || after.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return None;
        }
        parts[0] = parts[0] % 12 + add;
        rest = after;
    } else if count == 1 {
        return None;
    }
    Some((Clock::new(parts[0], parts[1], parts[2], 0).ok()?, rest))
}

/// The zone that is named after a time; the machine's own where none is.
fn zone(after: &str, local: &TimeZone) -> Option<TimeZone> {
    if let Some(named) = after.strip_prefix('(') {
        let (name, _) = named.split_once(')')?;
        return TimeZone::get(name.trim()).ok();
    }
    let word: String = after.chars().take_while(char::is_ascii_alphabetic).collect();
    match word.to_ascii_lowercase().as_str() {
        "utc" | "gmt" | "z" if after[word.len()..].starts_with(['+', '-']) => None,
        "utc" | "gmt" | "z" => Some(TimeZone::UTC),
        other if UNCLEAR.contains(&other) => None,
        _ if after.starts_with(['+', '-']) => None,
        _ => Some(local.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of words that were said on 2026-11-21 (a Saturday) at 12:30 UTC in Berlin.
    fn read(words: &str) -> Option<String> {
        let said_at: Time = "2026-11-21T12:30:00.000Z".parse().unwrap();
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        reset_at(words, said_at, &berlin).map(|moment| moment.to_string().replace(":00.000Z", ""))
    }

    #[test]
    fn the_end_of_a_limit_is_read_in_words() {
        for (words, moment) in [
            ("You've hit your limit · resets 3pm (Europe/Berlin)", "2026-11-21T14:00"),
            ("You've hit your limit · resets 3:30pm (America/New_York)", "2026-11-21T20:30"),
            ("session limit reached ∙ resets 3pm", "2026-11-21T14:00"),
            ("limit reached, resets at 14:00 (Europe/Berlin)", "2026-11-21T13:00"),
            ("limit reached, resets at 14:00 UTC.", "2026-11-21T14:00"),
            ("resets 12am", "2026-11-21T23:00"),
            ("resets 9 a.m. (UTC)", "2026-11-22T09:00"),
            ("Weekly limit reached · resets Nov 24, 5pm (UTC)", "2026-11-24T17:00"),
            ("Weekly limit reached · resets Nov 24 at 5pm", "2026-11-24T16:00"),
            ("or try again at Nov 23rd, 2026 3:05 PM.", "2026-11-23T14:05"),
            ("You've hit your usage limit. Try again at 7:43 PM.", "2026-11-21T18:43"),
            ("resets at 2026-11-21T15:00:00Z.", "2026-11-21T15:00"),
            ("Rate limit reached. Please try again in 5 minutes", "2026-11-21T12:35"),
            ("Please try again in 6m0s. Visit", "2026-11-21T12:36"),
            ("Try again in 2 days 3 hours 4 minutes.", "2026-11-23T15:34"),
            ("quota exceeded, please retry in 60.0s.", "2026-11-21T12:31"),
            ("resets in 1 hour and 30 minutes", "2026-11-21T14:00"),
            ("retry after 120 seconds", "2026-11-21T12:32"),
            ("429: retry-after: 60", "2026-11-21T12:31"),
        ] {
            assert_eq!(read(words).as_deref(), Some(moment), "{words}");
        }
    }

    #[test]
    fn what_could_mean_two_moments_means_none() {
        for words in [
            "limit reached",
            "try again later",
            "try again in a few minutes",
            "try again in 5",
            "try again in 3 moons",
            "resets 3",
            "resets at 25:00",
            "resets at 13pm",
            "resets Monday 3pm",
            "resets 3pm tomorrow",
            "resets 3pm PST",
            "resets 3pm (Mars/Olympus)",
            "resets 14:00 UTC+2",
            "resets 1:15pm",
            "resets Nov 31, 5pm",
            "resets Dec 24, 5pm",
            "resets at 2026-11-20T15:00:00Z",
            "try again in 30 days",
            "try again in 99999999999999999999 hours",
            "retry after 60 or so",
            "resets ",
        ] {
            assert_eq!(read(words), None, "{words}");
        }
    }
}
