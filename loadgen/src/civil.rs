//! Dates of the civil calendar in UTC, from and to seconds since 1970.
//!
//! The formulas are Howard Hinnant's (`days_from_civil`, `civil_from_days`).

use std::time::{SystemTime, UNIX_EPOCH};

/// A moment, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// 1970 and up.
    pub year: u32,
    /// 1-12.
    pub month: u32,
    /// 1-31.
    pub day: u32,
    /// 0-23.
    pub hour: u32,
    /// 0-59.
    pub minute: u32,
    /// 0-59.
    pub second: u32,
}

impl Civil {
    /// The moment so many seconds after 1970 began.
    pub fn from_seconds(seconds: u64) -> Self {
        let clock = small(seconds % 86_400);
        let shifted = seconds / 86_400 + 719_468;
        let era = shifted / 146_097;
        let of_era = shifted % 146_097;
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let moved = small((5 * of_year + 2) / 153);
        let month = if moved < 10 { moved + 3 } else { moved - 9 };
        Self {
            year: small(year_of_era + era * 400) + u32::from(month <= 2),
            month,
            day: small(of_year) - (153 * moved + 2) / 5 + 1,
            hour: clock / 3600,
            minute: clock / 60 % 60,
            second: clock % 60,
        }
    }

    /// Seconds since 1970 began.
    pub fn seconds(self) -> i64 {
        let year = i64::from(self.year) - i64::from(self.month <= 2);
        let moved = i64::from(self.month) + if self.month > 2 { -3 } else { 9 };
        let of_year = (153 * moved + 2) / 5 + i64::from(self.day) - 1;
        let of_era = year % 400 * 365 + year % 400 / 4 - year % 400 / 100 + of_year;
        let days = year / 400 * 146_097 + of_era - 719_468;
        let clock = self.hour * 3600 + self.minute * 60 + self.second;
        days * 86_400 + i64::from(clock)
    }

    /// Reads `2007-05-14T19:57:39Z`; what follows the seconds is ignored.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |from: usize, to: usize| text.get(from..to)?.parse().ok();
        Some(Self {
            year: number(0, 4)?,
            month: number(5, 7)?,
            day: number(8, 10)?,
            hour: number(11, 13)?,
            minute: number(14, 16)?,
            second: number(17, 19)?,
        })
    }
}

impl std::fmt::Display for Civil {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { year, month, day, hour, minute, second } = self;
        write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// Microseconds since 1970, now.
pub fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

fn small(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_go_there_and_back() {
        let check = |seconds: u64, text: &str| {
            let civil = Civil::from_seconds(seconds);
            assert_eq!(civil.to_string(), text);
            assert_eq!(civil.seconds(), i64::try_from(seconds).unwrap());
            assert_eq!(Civil::parse(text), Some(civil));
        };
        check(0, "1970-01-01T00:00:00Z");
        check(951_782_399, "2000-02-28T23:59:59Z");
        check(951_782_400, "2000-02-29T00:00:00Z");
        check(1_179_172_659, "2007-05-14T19:57:39Z");
        check(4_102_444_800, "2100-01-01T00:00:00Z");
    }
}
