//! Times: read from the command line, and shown in local time, in UTC and as a wait.

use std::ops::RangeInclusive;

use capvote::election::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::friendly::{Designator, Direction, Spacing, SpanPrinter};
use jiff::fmt::temporal::{DateTimeParser, Pieces, TimeZoneAnnotation, TimeZoneAnnotationKind};
use jiff::tz::{AmbiguousOffset, Disambiguation, Offset, TimeZone};
use jiff::{Unit, Zoned, ZonedDifference};

/// What is wrong with `2026-12-01T18:00+05:00[Europe/Berlin]`.
const CONTRADICTION: &str =
    "the offset is not the one that the time zone has then; leave out the offset or the zone";

/// The offsets of time zones are from this to that, in seconds.
const OFFSETS: RangeInclusive<i32> = -12 * 3_600..=14 * 3_600;

/// Names in the time zone database that are those of no zone.
const NO_ZONES: [&str; 4] = ["Etc/Unknown", "Factory", "localtime", "posixrules"];

/// Parses a time as RFC 9557 has it: with an offset from UTC or a time zone, or in local time. One
/// that could mean two moments, or none, is an error.
pub(crate) fn parse(text: &str) -> Result<Timestamp, String> {
    parse_in(text, || {
        TimeZone::try_system().map_err(|_| match std::env::var("TZ") {
            Ok(name) if !name.is_empty() => format!("TZ is {name:?}, which is no time zone"),
            _ => "the system does not tell it".into(),
        })
    })
}

fn parse_in(
    text: &str,
    local: impl FnOnce() -> Result<TimeZone, String>,
) -> Result<Timestamp, String> {
    let pieces = Pieces::parse(text).map_err(|_| {
        midnight(text).unwrap_or_else(|| {
            format!(
                "{text:?} is no time; a time looks like 2026-12-01T18:00 (local time), \
                 2026-12-01T17:00:00Z or 2026-12-01T18:00[Europe/Berlin]"
            )
        })
    })?;
    let Some(time) = pieces.time() else {
        let day = pieces.date();
        let next = day.tomorrow().map_err(|_| too_late())?;
        return Err(format!(
            "a day without a time could mean its beginning or its end; write {day}T00:00 for its \
             beginning, or {next}T00:00 for its end"
        ));
    };
    if has_leap_second(text) {
        return Err("the seconds of a minute are 00 to 59; write :59 in place of :60".into());
    }
    let civil = pieces.date().to_datetime(time);
    let zone = pieces.time_zone_annotation().map(in_brackets).transpose()?;
    let fixed = zone.as_ref().and_then(|zone| zone.to_fixed_offset().ok());
    if let Some(offset) = [pieces.to_numeric_offset(), fixed].into_iter().flatten().find(is_odd) {
        return Err(format!("{offset} is no offset from UTC; offsets are -12:00 to +14:00"));
    }
    let moment = match (pieces.offset(), zone) {
        (Some(_), Some(_)) => {
            // What is left to go wrong is an offset that the zone does not have at that time.
            let moment = DateTimeParser::new().parse_zoned(text).map(|it| it.timestamp());
            moment.map_err(|_| CONTRADICTION.to_string())
        }
        (Some(_), None) => DateTimeParser::new().parse_timestamp(text).map_err(|_| too_late()),
        (None, Some(zone)) => return unambiguous(civil, zone),
        (None, None) => return unambiguous(civil, known(local())?),
    };
    seconds(moment?)
}

/// The zone that a time has in brackets.
fn in_brackets(zone: &TimeZoneAnnotation<'_>) -> Result<TimeZone, String> {
    zone.to_time_zone().ok().filter(is_known).ok_or_else(|| {
        let name = match zone.kind() {
            TimeZoneAnnotationKind::Named(name) => name.as_str(),
            _ => "this",
        };
        format!("{name:?} is no time zone; one is called Europe/Berlin or America/New_York")
    })
}

/// What is said of `2026-12-24T24:00`.
fn midnight(text: &str) -> Option<String> {
    let (day, time) = text.split_once(['T', 't', ' '])?;
    let rest = time.strip_prefix("24:00")?;
    let rest = rest.strip_prefix(":00").unwrap_or(rest);
    let next = Pieces::parse(&format!("{day}T00:00{rest}")).ok()?.date().tomorrow().ok()?;
    Some(format!("a day ends before 24:00; write {next}T00:00{rest}"))
}

/// Whether the seconds are 60, which is read as 59.
fn has_leap_second(text: &str) -> bool {
    let Some((_, time)) = text.split_once(['T', 't', ' ']) else { return false };
    let of_clock = |character: &char| character.is_ascii_digit() || *character == ':';
    let digits: String = time.chars().take_while(of_clock).filter(|it| *it != ':').collect();
    digits.len() == 6 && digits.ends_with("60")
}

fn is_odd(offset: &Offset) -> bool {
    !OFFSETS.contains(&offset.seconds())
}

fn too_late() -> String {
    "a time is in a year before 9999".into()
}

/// Whether it is a zone, and not a placeholder for one.
fn is_known(zone: &TimeZone) -> bool {
    let is = |name: &str| NO_ZONES.iter().any(|it| it.eq_ignore_ascii_case(name));
    !zone.is_unknown() && !zone.iana_name().is_some_and(is)
}

/// The local time zone, if there is one.
fn known(local: Result<TimeZone, String>) -> Result<TimeZone, String> {
    let why = match local {
        Ok(zone) if is_known(&zone) => return Ok(zone),
        Ok(_) => "it is not set".to_string(),
        Err(why) => why,
    };
    Err(format!(
        "the local time zone is not known: {why}; write the offset or the zone too, such as \
         2026-12-01T18:00+01:00 or 2026-12-01T18:00[Europe/Berlin]"
    ))
}

/// The moment of a time in a zone, unless the clocks are set then.
fn unambiguous(civil: DateTime, zone: TimeZone) -> Result<Timestamp, String> {
    let ambiguous = zone.to_ambiguous_zoned(civil);
    let told = |_: jiff::Error| too_late();
    let named = |which| {
        let zoned = ambiguous.clone().disambiguate(which).map_err(told)?;
        Ok::<_, String>(zoned.strftime("%FT%T%:z").to_string())
    };
    let zone = zone.iana_name().unwrap_or("the local time zone");
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => {
            seconds(ambiguous.unambiguous().map_err(told)?.timestamp())
        }
        AmbiguousOffset::Fold { .. } => Err(format!(
            "the clocks are set back then, and {civil} is twice in {zone}; write {} for the first, \
             or {} for the second",
            named(Disambiguation::Earlier)?,
            named(Disambiguation::Later)?
        )),
        AmbiguousOffset::Gap { .. } => Err(format!(
            "the clocks are set ahead then, and {civil} does not exist in {zone}; write {} or {}",
            named(Disambiguation::Earlier)?,
            named(Disambiguation::Later)?
        )),
    }
}

fn seconds(moment: jiff::Timestamp) -> Result<Timestamp, String> {
    if moment.subsec_nanosecond() != 0 {
        return Err("a time is in whole seconds".into());
    }
    // Zero means no time on the wire.
    let seconds = u64::try_from(moment.as_second()).ok().filter(|&seconds| seconds > 0);
    seconds.map(Timestamp).ok_or_else(|| "a time is after 1970-01-01T00:00:00Z".into())
}

/// A time in RFC 3339, in UTC.
pub(crate) fn utc(moment: Timestamp) -> String {
    jiff_time(moment).map_or_else(|| beyond(moment), |time| time.to_string())
}

/// A time for people: in local time, in UTC, and how far away it is.
pub(crate) fn told(moment: Timestamp) -> String {
    let zone = TimeZone::try_system().ok().filter(is_known);
    told_at(moment, zone, jiff::Timestamp::now())
}

fn told_at(moment: Timestamp, zone: Option<TimeZone>, now: jiff::Timestamp) -> String {
    let Some(time) = jiff_time(moment) else { return beyond(moment) };
    let is_known = zone.is_some();
    let zone = zone.unwrap_or(TimeZone::UTC);
    let (time, now) = (time.to_zoned(zone.clone()), now.to_zoned(zone));
    let wait = wait(&now, &time);
    if !is_known {
        return format!("{} ({wait}; the local time zone is not known)", utc(moment));
    }
    let local = time.strftime("%A %F %T %:z");
    let zone = time.time_zone().iana_name().map_or_else(String::new, |zone| format!(" {zone}"));
    format!("{local}{zone} ({}; {wait})", utc(moment))
}

/// How far away a time is, in its two largest units: "in 27 days 4 hours", "2 minutes 10 seconds
/// ago".
fn wait(now: &Zoned, then: &Zoned) -> String {
    let seconds = now.duration_until(then).as_secs().unsigned_abs();
    let smallest = match seconds {
        0..3_600 => Unit::Second,
        3_600..86_400 => Unit::Minute,
        _ => Unit::Hour,
    };
    let apart = now.until(ZonedDifference::new(then).largest(Unit::Day).smallest(smallest));
    let Ok(apart) = apart else { return "far away".into() };
    let printer = SpanPrinter::new()
        .designator(Designator::Verbose)
        .spacing(Spacing::BetweenUnitsAndDesignators)
        .direction(Direction::Suffix);
    let apart = printer.span_to_string(&apart);
    if then >= now { format!("in {apart}") } else { apart }
}

fn jiff_time(moment: Timestamp) -> Option<jiff::Timestamp> {
    let seconds = i64::try_from(moment.0).ok()?;
    jiff::Timestamp::from_second(seconds).ok()
}

/// A time after the last that has a date here.
fn beyond(moment: Timestamp) -> String {
    format!("{} s after 1970", moment.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Result<TimeZone, String> {
        TimeZone::get(name).map_err(|error| error.to_string())
    }

    #[test]
    fn a_time_is_one_moment() {
        let berlin = |text| parse_in(text, || zone("Europe/Berlin")).map(utc);
        for (text, moment) in [
            ("2026-12-24T18:00", "2026-12-24T17:00:00Z"),
            ("2026-12-24 18:00:30", "2026-12-24T17:00:30Z"),
            ("2026-07-24T18:00", "2026-07-24T16:00:00Z"),
            ("2026-12-24T18:00Z", "2026-12-24T18:00:00Z"),
            ("2026-12-24T18:00:00-03:30", "2026-12-24T21:30:00Z"),
            ("2026-12-24T18:00[America/New_York]", "2026-12-24T23:00:00Z"),
            ("2026-12-24T18:00[!America/New_York]", "2026-12-24T23:00:00Z"),
            ("2026-12-24T18:00[america/new_york]", "2026-12-24T23:00:00Z"),
            ("2026-12-24T18:00-05:00[America/New_York]", "2026-12-24T23:00:00Z"),
            ("2026-12-24T18:00[-05:00]", "2026-12-24T23:00:00Z"),
            ("2026-12-24T18:00+14:00", "2026-12-24T04:00:00Z"),
            ("2026-12-24T18:00-12:00", "2026-12-25T06:00:00Z"),
            ("2026-12-24T18:00[America/Argentina/Buenos_Aires]", "2026-12-24T21:00:00Z"),
            // "Z" says nothing of the local time there.
            ("2026-12-24T18:00Z[America/New_York]", "2026-12-24T18:00:00Z"),
            ("2026-12-24T18:00[America/New_York][u-ca=gregory]", "2026-12-24T23:00:00Z"),
            // Said precisely, the hour that is twice is one of them.
            ("2026-10-25T02:30+02:00[Europe/Berlin]", "2026-10-25T00:30:00Z"),
            ("2026-10-25T02:30+01:00", "2026-10-25T01:30:00Z"),
        ] {
            assert_eq!(berlin(text), Ok(moment.to_string()), "{text}");
        }
    }

    #[test]
    fn a_time_that_is_no_single_moment_is_refused_with_the_way_out() {
        let table = [
            ("2026-12-24", "write 2026-12-24T00:00 for its beginning, or 2026-12-25T00:00 for its"),
            ("2026-12-24[Europe/Berlin]", "a day without a time"),
            ("tomorrow", "a time looks like"),
            ("18:00", "a time looks like"),
            ("24.12.2026 18:00", "a time looks like"),
            ("2026-12-24T25:00", "a time looks like"),
            ("2026-12-24T24:00", "write 2026-12-25T00:00"),
            ("2026-12-31 24:00:00Z", "write 2027-01-01T00:00Z"),
            ("2026-12-24T24:01", "a time looks like"),
            ("6pm", "\"6pm\" is no time; a time looks like"),
            ("２０２６-12-24T18:00", "is no time; a time looks like"),
            ("9999-12-31T23:59:59Z", "in a year before 9999"),
            ("9999-12-31T23:59:59[Europe/Berlin]", "in a year before 9999"),
            ("2026-12-24T18:00:60Z", "write :59 in place of :60"),
            ("20261224T180060", "write :59 in place of :60"),
            ("2026-12-24T18:00+25:00", "+25 is no offset"),
            ("2026-12-24T18:00+14:01", "is no offset"),
            ("2026-12-24T18:00-12:01", "is no offset"),
            ("2026-12-24T18:00[+23:59]", "is no offset"),
            ("2026-12-24T18:00[Factory]", "\"Factory\" is no time zone; one is called Europe"),
            ("2026-12-24T18:00[Etc/Unknown]", "is no time zone; one is called"),
            ("2026-12-24T18:00[localtime]", "is no time zone; one is called"),
            ("2026-12-24T18:00[PosixRules]", "is no time zone; one is called"),
            ("2026-12-24T18:00[PST]", "\"PST\" is no time zone; one is called"),
            ("2026-02-30T18:00", "a time looks like"),
            ("2026-12-24T18:00 Europe/Berlin", "a time looks like"),
            ("2026-12-24T18:00[Europe/Nowhere]", "Europe/Nowhere"),
            ("2026-12-24T18:00-06:00[America/New_York]", "leave out the offset or the zone"),
            ("2026-12-24T18:00+01:00[Europe/Nowhere]", "Europe/Nowhere"),
            ("2026-12-24T18:00[America/New_York][!u-ca=hebrew]", "a time looks like"),
            ("1969-12-24T18:00Z", "after 1970"),
            ("1970-01-01T00:00Z", "after 1970"),
            ("2026-12-24T18:00:00.5Z", "whole seconds"),
            ("2026-12-24T18:00:59,999999999", "whole seconds"),
            (
                "2026-10-25T02:30",
                "is twice in Europe/Berlin; write 2026-10-25T02:30:00+02:00 for the first, \
                 or 2026-10-25T02:30:00+01:00 for the second",
            ),
            ("2026-11-01T01:30[America/New_York]", "is twice in America/New_York"),
            (
                "2026-03-29T02:30",
                "does not exist in Europe/Berlin; write 2026-03-29T01:30:00+01:00 or \
                 2026-03-29T03:30:00+02:00",
            ),
            ("2026-03-08T02:30[America/New_York]", "does not exist in America/New_York"),
        ];
        for (text, why) in table {
            let told = parse_in(text, || zone("Europe/Berlin")).unwrap_err();
            assert!(told.contains(why), "{text}: {told}");
            // What an error proposes is accepted.
            let (_, proposed) = told.split_once("; write ").unwrap_or_default();
            for proposed in proposed.split(' ').filter(|word| word.starts_with("20")) {
                let proposed = proposed.trim_end_matches(',');
                assert!(parse_in(proposed, || zone("Europe/Berlin")).is_ok(), "{proposed}");
            }
        }
    }

    #[test]
    fn local_times_need_a_local_time_zone() {
        let nowhere = || Err("there is none".into());
        for unknown in [
            parse_in("2026-12-24T18:00", nowhere),
            { parse_in("2026-12-24T18:00", || Ok(TimeZone::unknown())) },
            parse_in("2026-12-24T18:00", || zone("Factory")),
        ] {
            let told = unknown.unwrap_err();
            assert!(told.contains("is not known") && told.contains("+01:00"), "{told}");
        }
        assert!(parse_in("2026-12-24T18:00Z", nowhere).is_ok());
        assert!(parse_in("2026-12-24T18:00[Europe/Berlin]", nowhere).is_ok());
    }

    #[test]
    fn a_time_is_told_in_local_time_and_utc_with_the_wait() {
        let closes = parse_in("2026-12-24T23:00Z", || zone("UTC")).unwrap();
        let told = |zone: Option<TimeZone>, now: &str| told_at(closes, zone, now.parse().unwrap());
        let local = "Thursday 2026-12-24 18:00:00 -05:00 America/New_York (2026-12-24T23:00:00Z; ";
        for (now, wait) in [
            ("2026-11-27T18:20:00Z", "in 27 days 4 hours)"),
            ("2026-12-23T23:00:00Z", "in 1 day)"),
            ("2026-12-24T20:59:00Z", "in 2 hours 1 minute)"),
            ("2026-12-24T22:59:01Z", "in 59 seconds)"),
            ("2026-12-24T23:00:00Z", "in 0 seconds)"),
            ("2026-12-24T23:10:05Z", "10 minutes 5 seconds ago)"),
        ] {
            assert_eq!(told(zone("America/New_York").ok(), now), format!("{local}{wait}"));
        }
        let now = "2026-12-24T22:00:00Z";
        assert_eq!(
            told(None, now),
            "2026-12-24T23:00:00Z (in 1 hour; the local time zone is not known)"
        );
        let posix = TimeZone::posix("EST5").ok();
        assert_eq!(
            told(posix, now),
            "Thursday 2026-12-24 18:00:00 -05:00 (2026-12-24T23:00:00Z; in 1 hour)"
        );
        assert_eq!(
            told_at(Timestamp(u64::MAX), None, now.parse().unwrap()),
            beyond(Timestamp(u64::MAX))
        );
    }
}
