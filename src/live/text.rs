//! Values as they stand in Redis: one width for times, so that they compare as text, and few enough digits for everybody.

use std::fmt::Write;

use crate::rows::flags;

/// A time as RFC 3339 with six digits behind the point, always 27 characters; nothing when it is out of the calendar.
pub fn time(us: i64, out: &mut String) {
    if let Ok(time) = jiff::Timestamp::from_microsecond(us) {
        let _ = write!(out, "{time:.6}");
    }
}

/// Degrees with up to eight digits behind the point: a hundredth of the unit in which they were sent is not lost.
pub fn degrees(units: i32, out: &mut String) {
    // 10^8 / 600 000 is 500 / 3.
    let scaled = i64::from(units) * 500;
    let hundred_millionths = (2 * scaled + 3 * scaled.signum()) / 6;
    let absolute = hundred_millionths.unsigned_abs();
    if hundred_millionths < 0 {
        out.push('-');
    }
    whole(absolute / 100_000_000, out);
    let fraction = absolute % 100_000_000;
    if fraction > 0 {
        let _ = write!(out, ".{fraction:08}");
        out.truncate(out.trim_end_matches('0').len());
    }
}

/// Tenths with one digit behind the point.
pub fn tenths(value: u16, out: &mut String) {
    whole(value / 10, out);
    out.push('.');
    whole(value % 10, out);
}

/// A whole number.
pub fn whole(value: impl itoa::Integer, out: &mut String) {
    out.push_str(itoa::Buffer::new().format(value));
}

/// What is remarkable about a position, in words with commas between.
pub fn flag_names(bits: u16, out: &mut String) {
    let begin = out.len();
    for (_, name) in flags::NAMES.into_iter().filter(|(bit, _)| bits & bit != 0) {
        if out.len() > begin {
            out.push(',');
        }
        out.push_str(name);
    }
}

/// A JSON string. Names come from the radio and may hold anything printable.
pub fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => {
                out.push('\\');
                out.push(letter);
            }
            control if control < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Place, UNITS_PER_DEGREE};

    fn made(write: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        write(&mut out);
        out
    }

    #[test]
    fn all_times_have_one_width_and_compare_as_text() {
        let mut before = String::new();
        for us in [1, 999_999, 1_000_000, 1_732_450_000_000_000, 1_732_450_000_000_001] {
            let text = made(|out| time(us, out));
            assert_eq!(text.len(), 27, "{text}");
            assert!(text > before, "{text} after {before}");
            before = text;
        }
        assert_eq!(before, "2024-11-24T12:06:40.000001Z");
        assert_eq!(made(|out| time(i64::MAX, out)), "");
    }

    #[test]
    fn degrees_come_back_as_the_unit_that_was_sent() {
        for units in [0, 1, -1, 2, 599_999, 600_000, -54_000_000, 108_000_000, 12_345_679] {
            let text = made(|out| degrees(units, out));
            let read: f64 = text.parse().unwrap();
            #[expect(clippy::cast_possible_truncation, reason = "a test's degrees")]
            let back = (read * UNITS_PER_DEGREE).round() as i32;
            assert_eq!(back, units, "{text}");
            let exact = Place::new(units, 0).unwrap().lon_degrees();
            assert!((read - exact).abs() <= 5e-9 && text.len() <= 13, "{text} for {exact}");
        }
        assert_eq!(made(|out| degrees(-900_000, out)), "-1.5");
        assert_eq!(made(|out| degrees(600_000, out)), "1");
    }

    #[test]
    fn values_read_as_people_write_them() {
        assert_eq!(made(|out| tenths(123, out)), "12.3");
        assert_eq!(made(|out| tenths(0, out)), "0.0");
        assert_eq!(made(|out| flag_names(flags::JUMP | flags::LATE, out)), "jump,late");
        assert_eq!(made(|out| flag_names(0, out)), "");
    }

    #[test]
    fn any_text_is_a_json_string() {
        for text in ["PLAIN", "QUOTE \" AND \\", "\u{1}\n", ""] {
            let json = made(|out| quoted(text, out));
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text, "{json}");
        }
    }
}
