//! Times on the command line, as a number and its unit, and in what it writes.

use std::time::Duration;

use crate::clock::SECOND_US;

/// A number of `ms`, `s`, `m`, `h` or `d`.
///
/// # Errors
/// What it must be.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) =
        text.split_at(text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len()));
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => 0,
    };
    let number: Option<u64> = number.parse().ok();
    let most = u64::try_from(i64::MAX / SECOND_US).unwrap_or(0) * 1000;
    number
        .and_then(|number| number.checked_mul(unit_ms))
        .filter(|ms| (1..=most).contains(ms))
        .map(Duration::from_millis)
        .ok_or_else(|| "must be a number of ms, s, m, h or d, such as 30m".to_owned())
}

/// A time as short as can be: `2h`, `90s`, `1m 30s`.
#[must_use]
pub fn shown(time: Duration) -> String {
    let (seconds, ms) = (time.as_secs(), time.subsec_millis());
    let units = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let parts = units.into_iter().filter(|(number, _)| *number > 0);
    let mut parts: Vec<String> = parts.map(|(number, unit)| format!("{number}{unit}")).collect();
    if parts.is_empty() {
        parts.push(if ms > 0 { format!("{ms}ms") } else { "0s".to_owned() });
    }
    parts.join(" ")
}

/// A moment in UTC, to the second, of microseconds since 1970.
#[must_use]
pub fn text_time(us: i64) -> String {
    jiff::Timestamp::from_second(us.div_euclid(SECOND_US))
        .map_or_else(|_| String::new(), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit() {
        let check = |text, expected: Option<u64>| {
            assert_eq!(duration(text).ok(), expected.map(Duration::from_millis), "{text}");
        };
        check("250ms", Some(250));
        check("90s", Some(90_000));
        check("30m", Some(1_800_000));
        check("2h", Some(7_200_000));
        check("1d", Some(86_400_000));
        for wrong in [
            "",
            "30",
            "m",
            "0s",
            "-1s",
            "1.5h",
            "1w",
            "1mm",
            "99999999999999999999s",
            "300000000000d",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn a_time_is_shown_in_its_units() {
        let check = |ms, expected| assert_eq!(shown(Duration::from_millis(ms)), expected);
        check(0, "0s");
        check(250, "250ms");
        check(90_250, "1m 30s");
        check(7_200_000, "2h");
        check(90_061_000, "25h 1m 1s");
    }
}
