//! Reads the times that senders and loggers write around sentences.
//!
//! In:      a tag block's `c:`, the text before or after a sentence, a `$PGHP` line
//! Out:     microseconds since 1970
//! Drops:   nothing; what is no time is `None`
//!
//! The unit of a bare number follows from its size: seconds up to eleven digits, then milliseconds, microseconds and
//! nanoseconds, three digits more each. Eleven digits of seconds last until the year 5138.

use jiff::civil::DateTime;
use jiff::tz::Offset;

/// Digits that a number beside a sentence needs before it is taken for a time: from 2001 on, and more than an MMSI has.
const BARE_DIGITS_MIN: usize = 10;
/// Words before a sentence that are tried as a time.
const WORDS_MAX: usize = 8;

/// A number of seconds, milliseconds, microseconds or nanoseconds since 1970, with or without a fraction.
#[must_use]
pub fn epoch(text: &[u8]) -> Option<i64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = number(&text[..digits])?;
    let fraction = match text.get(digits..)? {
        [] => &[][..],
        [b'.', fraction @ ..] if fraction.iter().all(u8::is_ascii_digit) => fraction,
        _ => return None,
    };
    let unit_us = match whole {
        0..=99_999_999_999 => 1_000_000,
        100_000_000_000..=99_999_999_999_999 => 1_000,
        100_000_000_000_000..=99_999_999_999_999_999 => 1,
        _ => return Some(whole / 1_000),
    };
    whole.checked_mul(unit_us)?.checked_add(millionths(fraction) * unit_us / 1_000_000)
}

/// The time in the text before a sentence: a number or an ISO date, set off by anything that is no letter or digit.
#[must_use]
pub fn in_prefix(text: &[u8]) -> Option<i64> {
    words(text).take(WORDS_MAX).find_map(|at| iso(&text[at..]).or_else(|| bare(&text[at..])))
}

/// The time in what follows a sentence's checksum: the first of its fields that is a number of enough digits.
#[must_use]
pub fn in_suffix(text: &[u8]) -> Option<i64> {
    text.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).find_map(bare)
}

/// The time in `PGHP,1,year,month,day,hour,minute,second,millisecond,...`, which Gatehouse puts before a sentence.
#[must_use]
pub fn in_stamp_line(body: &[u8]) -> Option<i64> {
    let mut fields = body.split(|&byte| byte == b',').skip(2);
    let mut field = || number(fields.next()?);
    let (year, month, day) = (field()?, field()?, field()?);
    let (hour, minute, second) = (field()?, field()?, field()?);
    civil([year, month, day, hour, minute, second], field()?.checked_mul(1_000)?)
}

/// A number of enough digits at the beginning of the text, up to a separator.
fn bare(text: &[u8]) -> Option<i64> {
    let len = text.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits < BARE_DIGITS_MIN || text.get(len).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    epoch(text[..len].strip_suffix(b".").unwrap_or(&text[..len]))
}

/// Where words begin.
fn words(text: &[u8]) -> impl Iterator<Item = usize> + '_ {
    (0..text.len()).filter(|&at| {
        text[at].is_ascii_alphanumeric() && (at == 0 || !text[at - 1].is_ascii_alphanumeric())
    })
}

/// `2024-02-29T12:34:56`, with a blank or underscore for `T`, slashes for dashes, a fraction, and `Z` or an offset.
fn iso(text: &[u8]) -> Option<i64> {
    let pattern: &[u8; 19] = text.first_chunk()?;
    let dash = |at: usize| matches!(pattern[at], b'-' | b'/');
    let colon = |at: usize| pattern[at] == b':';
    let between = matches!(pattern[10], b'T' | b't' | b' ' | b'_');
    if !(dash(4) && dash(7) && between && colon(13) && colon(16)) {
        return None;
    }
    let part = |from: usize, to: usize| number(&pattern[from..to]);
    let date =
        [part(0, 4)?, part(5, 7)?, part(8, 10)?, part(11, 13)?, part(14, 16)?, part(17, 19)?];
    let mut rest = &text[19..];
    let mut fraction_us = 0;
    if let [b'.' | b',', digit, ..] = rest
        && digit.is_ascii_digit()
    {
        let len = rest[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        fraction_us = millionths(&rest[1..=len]);
        rest = &rest[1 + len..];
    }
    civil(date, fraction_us)?.checked_sub(offset_us(rest))
}

/// East of Greenwich, from `+hh:mm`, `+hhmm` or `+hh`; nothing else is an offset.
fn offset_us(text: &[u8]) -> i64 {
    let (sign, rest) = match text {
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return 0,
    };
    let Some(hours) = rest.get(..2).and_then(number) else { return 0 };
    let rest = rest[2..].strip_prefix(b":").unwrap_or(&rest[2..]);
    let minutes = rest.get(..2).and_then(number).unwrap_or(0);
    sign * (hours * 60 + minutes) * 60_000_000
}

/// A date and time in UTC, as year, month, day, hour, minute, second, and microseconds.
fn civil(parts: [i64; 6], us: i64) -> Option<i64> {
    let [year, month, day, hour, minute, second] = parts;
    let year = i16::try_from(year).ok()?;
    let small = |part: i64| i8::try_from(part).ok();
    let time = DateTime::new(
        year,
        small(month)?,
        small(day)?,
        small(hour)?,
        small(minute)?,
        small(second)?,
        i32::try_from(us.checked_mul(1_000)?).ok()?,
    );
    Some(Offset::UTC.to_timestamp(time.ok()?).ok()?.as_microsecond())
}

/// Digits and nothing else.
fn number(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    digits
        .iter()
        .try_fold(0_i64, |value, digit| value.checked_mul(10)?.checked_add(i64::from(digit - b'0')))
}

/// The digits behind a decimal point, as millionths; further digits are cut.
fn millionths(digits: &[u8]) -> i64 {
    (0..6).fold(0, |value, at| {
        value * 10 + digits.get(at).map_or(0, |&digit| i64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_550_303_566;

    fn check(read: fn(&[u8]) -> Option<i64>, cases: &[(&str, Option<i64>)]) {
        for (text, expected) in cases {
            assert_eq!(read(text.as_bytes()), *expected, "{text}");
        }
    }

    #[test]
    fn the_unit_of_a_number_follows_from_its_size() {
        let us = SECOND * 1_000_000;
        check(
            epoch,
            &[
                ("1550303566", Some(us)),
                ("1550303566.25", Some(us + 250_000)),
                ("1550303566.1234567", Some(us + 123_456)),
                ("1550303566167", Some(us + 167_000)),
                ("1550303566167.5", Some(us + 167_500)),
                ("1550303566167726", Some(us + 167_726)),
                ("1550303566167726840", Some(us + 167_726)),
                ("0", Some(0)),
                ("", None),
                ("x", None),
                ("-5", None),
                ("1550303566 ", None),
                ("99999999999999999999", None),
                ("9223372036854775807", Some(i64::MAX / 1_000)),
            ],
        );
    }

    #[test]
    fn a_prefix_is_a_number_or_an_iso_date_among_separators() {
        let us = SECOND * 1_000_000;
        check(
            in_prefix,
            &[
                ("1550303566167726840 ", Some(us + 167_726)),
                ("1550303566;", Some(us)),
                ("1550303566.5\t", Some(us + 500_000)),
                ("[1550303566] ", Some(us)),
                ("rx1,1550303566,", Some(us)),
                ("2019-02-16T07:52:46Z ", Some(us)),
                ("2019-02-16 07:52:46,", Some(us)),
                ("2019-02-16 07:52:46.167726 UTC ", Some(us + 167_726)),
                ("2019-02-16T08:52:46+01:00 ", Some(us)),
                ("2019-02-16T05:22:46.5-0230 ", Some(us + 500_000)),
                ("\"2019/02/16 07:52:46\";", Some(us)),
                ("2019-02-30T07:52:46Z ", None),
                ("244660000 ", None),
                ("b1550303566 ", None),
                ("hello ", None),
                ("", None),
            ],
        );
    }

    #[test]
    fn a_suffix_has_its_time_in_the_first_number_of_enough_digits() {
        let us = 1_325_394_060_000_000;
        check(
            in_suffix,
            &[
                ("1325394060", Some(us)),
                ("d-080,S2118,t050056.00,T56.4837741,r003669946,1325394060,1325394001", Some(us)),
                ("1daasd4218,,1325394060", Some(us)),
                ("b003669794,1325394060 ", Some(us)),
                ("s30336,d096", None),
                ("", None),
            ],
        );
    }

    #[test]
    fn a_stamp_line_is_a_date_in_fields() {
        check(
            in_stamp_line,
            &[
                (
                    "PGHP,1,2010,6,11,11,46,11,390,231,45,992190934,1,2B",
                    Some(1_276_256_771_390_000),
                ),
                ("PGHP,1,2010,6,31,11,46,11,390,231", None),
                ("PGHP,1,2010,6,11,11,46,11", None),
                ("PGHP", None),
                ("PGHP,1,2010,6,11,11,46,11,9223372036854775807", None),
            ],
        );
    }
}
