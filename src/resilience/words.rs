//! Texts for people: one bounded line out of anything, and times as they are said.

use std::time::Duration;

/// The first characters of a text that may come from anywhere, on one line.
#[must_use]
pub fn one_line(text: &str, characters_max: usize) -> String {
    let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
    text.chars().take(characters_max).map(plain).collect()
}

/// A time: milliseconds below a second, else seconds.
#[must_use]
pub fn spoken(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.0} s", time.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_and_bounded() {
        assert_eq!(one_line("first\r\nsecond\x1b[31m", 100), "first  second [31m");
        assert_eq!(one_line(&"\u{e9}".repeat(500), 300).chars().count(), 300);
    }

    #[test]
    fn times_are_said_in_milliseconds_or_seconds() {
        let check = |ms, said: &str| assert_eq!(spoken(Duration::from_millis(ms)), said);
        check(0, "0 ms");
        check(999, "999 ms");
        check(1499, "1 s");
        check(29_999, "30 s");
    }
}
