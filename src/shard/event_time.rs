//! When a report happened, and whether that can be believed.
//!
//! The sender's own time if it gave one, else the receive time, refined by the report's UTC second. A base station's
//! own clock (types 4 and 11) is data, not event time. Only the record's own received time is compared with, never the clock.

use crate::clock::SECOND_US;
use crate::record::Record;
use crate::reject::Reject;

const HOUR_US: i64 = 3600 * SECOND_US;
const MINUTE_US: i64 = 60 * SECOND_US;

/// How far from its receipt a report may be dated.
#[derive(Clone, Copy, Debug)]
pub struct Believable {
    ahead_us: i64,
    age_us: i64,
}

impl Believable {
    /// At most `ahead_hours` later than the receipt, and for live feeds at most `age_hours` earlier.
    #[must_use]
    pub fn new(ahead_hours: u64, age_hours: u64) -> Self {
        let hours = |hours| i64::try_from(hours).unwrap_or(i64::MAX).saturating_mul(HOUR_US);
        Self { ahead_us: hours(ahead_hours), age_us: hours(age_hours) }
    }

    /// The time of a record before refinement.
    ///
    /// # Errors
    /// When it cannot be believed.
    pub fn judge(&self, record: &Record<'_>) -> Result<i64, Reject> {
        let time_us = record.told_us();
        self.judge_time(time_us, record.received_us, record.recorded)?;
        Ok(time_us)
    }

    /// Whether a report of this time, received then, from a recording or not, can be believed.
    ///
    /// # Errors
    /// When it cannot.
    pub fn judge_time(&self, time_us: i64, received_us: i64, recorded: bool) -> Result<(), Reject> {
        if time_us <= 0 {
            return Err(Reject::TimePast);
        }
        let ahead_us = time_us.saturating_sub(received_us);
        if ahead_us > self.ahead_us {
            return Err(Reject::TimeFuture);
        }
        if !recorded && ahead_us < -self.age_us {
            return Err(Reject::TimePast);
        }
        Ok(())
    }
}

/// A receive time moved to the nearest moment with this UTC second, at most half a minute away.
#[must_use]
pub const fn refined(received_us: i64, utc_second: u8) -> i64 {
    let minute = received_us.div_euclid(MINUTE_US) * MINUTE_US;
    let same_minute = minute + utc_second as i64 * SECOND_US;
    let shift = same_minute - received_us;
    if shift > MINUTE_US / 2 {
        same_minute - MINUTE_US
    } else if shift < -MINUTE_US / 2 {
        same_minute + MINUTE_US
    } else {
        same_minute
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_utc_second_moves_the_time_to_the_nearest_such_second() {
        let noon = 1_700_000_000_i64.div_euclid(60) * MINUTE_US;
        let check = |received_s: f64, second, expected_s: i64| {
            #[expect(clippy::cast_possible_truncation, reason = "a test's seconds")]
            let received = noon + (received_s * 1e6) as i64;
            assert_eq!(
                refined(received, second),
                noon + expected_s * SECOND_US,
                "{received_s} {second}"
            );
        };
        check(20.5, 20, 20);
        check(20.5, 19, 19);
        check(0.5, 59, -1);
        check(59.9, 0, 60);
        check(0.0, 30, 30);
        check(0.0, 31, -29);
        check(59.0, 28, 88);
    }

    #[test]
    fn a_time_is_believed_only_near_its_receipt() {
        let rule = Believable::new(24, 24);
        let received_us = 1_700_000_000 * SECOND_US;
        let check = |sent_us: Option<i64>, recorded, expected| {
            let record = Record { sent_us, received_us, recorded, ..record() };
            assert_eq!(rule.judge(&record), expected, "{sent_us:?}");
        };
        check(None, false, Ok(received_us));
        check(Some(0), true, Err(Reject::TimePast));
        check(Some(-5), true, Err(Reject::TimePast));
        check(Some(1), true, Ok(1));
        check(Some(received_us + 24 * HOUR_US), false, Ok(received_us + 24 * HOUR_US));
        check(Some(received_us + 24 * HOUR_US + 1), false, Err(Reject::TimeFuture));
        check(Some(received_us - 24 * HOUR_US), false, Ok(received_us - 24 * HOUR_US));
        check(Some(received_us - 24 * HOUR_US - 1), false, Err(Reject::TimePast));
        check(Some(received_us - 24 * HOUR_US - 1), true, Ok(received_us - 24 * HOUR_US - 1));
    }

    const fn record() -> Record<'static> {
        Record {
            seq: 1,
            received_us: 0,
            sent_us: None,
            partition: 0,
            feed: 0,
            channel: b'A',
            fill: 0,
            own_ship: false,
            recorded: false,
            answered: false,
            report: false,
            mark: None,
            raw: b"",
            payload: b"",
        }
    }
}
