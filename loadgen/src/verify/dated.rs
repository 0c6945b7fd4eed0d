//! How the rows of a run must be dated.
//!
//! The daemon's rule, written down a second time: the time that the sender told; else the moment nearest to the receipt that
//! has the UTC second of the report, which is at most half a minute away; else the receipt itself.

use crate::digest::{When, tells_second};
use std::ops::RangeInclusive;

const SECOND_US: i64 = 1_000_000;
/// How far from its receipt a report may be dated whose minute nobody told.
const SHIFT_MAX_US: i64 = 30 * SECOND_US;

/// How rows are dated.
#[derive(Clone, Debug)]
pub struct Dated {
    /// Times that rows of this run may have, in microseconds since 1970.
    pub within_us: RangeInclusive<i64>,
    /// Whether every message told its time.
    pub told: bool,
}

impl Dated {
    /// When a row says that it happened, and whether it may say so.
    pub fn judge(&self, msg_type: u8, time_us: i64, received_us: i64) -> (When, bool) {
        let when = match time_us.rem_euclid(60 * SECOND_US) {
            _ if self.told => When::Told(time_us),
            of_minute if tells_second(msg_type) && of_minute % SECOND_US == 0 => {
                When::Second(u8::try_from(of_minute / SECOND_US).unwrap_or(u8::MAX))
            }
            _ => When::Received,
        };
        let is_near = match when {
            When::Told(_) => true,
            When::Second(_) => time_us.abs_diff(received_us) <= SHIFT_MAX_US.unsigned_abs(),
            When::Received => time_us == received_us,
        };
        let is_of_run = |time_us| self.within_us.contains(&time_us);
        (when, is_near && is_of_run(time_us) && is_of_run(received_us))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_dated_by_what_was_told_or_near_its_receipt() {
        let check = |told, msg_type, time_us, received_us, expected| {
            let dated = Dated { within_us: 1..=200 * SECOND_US, told };
            let found = dated.judge(msg_type, time_us, received_us);
            assert_eq!(found, expected, "{told} {msg_type} {time_us} {received_us}");
        };
        let second = SECOND_US;
        check(false, 1, 61 * second, 91 * second, (When::Second(1), true));
        check(false, 1, 61 * second, 91 * second + 1, (When::Second(1), false));
        check(false, 21, 61 * second, 31 * second, (When::Second(1), true));
        check(false, 1, second + 1, second + 1, (When::Received, true));
        check(false, 1, second + 1, second, (When::Received, false));
        check(false, 27, second, second, (When::Received, true));
        check(false, 4, 2 * second, second, (When::Received, false));
        check(true, 1, second + 1, 99 * second, (When::Told(second + 1), true));
        check(true, 1, 0, second, (When::Told(0), false));
        check(true, 1, second, 300 * second, (When::Told(second), false));
    }
}
