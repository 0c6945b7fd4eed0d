//! Which rows of a batch are of days that are kept, and that their days have partitions before they come.

use std::time::Duration;

use super::partitions::days::{Days, day_of, times_of};
use crate::rows::{Origin, Rows};
use crate::store::Committed;

/// A late day's partition is waited for no longer than this, and then its rows share the default one; the server's day likewise, and then
/// nothing has expired.
const WAIT: Duration = Duration::from_secs(1);

/// What is kept at one moment.
#[derive(Clone, Copy)]
pub struct Kept {
    first_day: i32,
}

impl Kept {
    /// What is kept now.
    #[must_use]
    pub fn now(days: &Days) -> Self {
        days.wait_for_server(WAIT);
        Self { first_day: days.expires_before().unwrap_or(i32::MIN) }
    }

    /// Whether a row of this origin is.
    #[must_use]
    pub fn has(self, origin: &Origin) -> bool {
        self.has_time(origin.time_us)
    }

    /// Whether a row of this event time is.
    #[must_use]
    pub fn has_time(self, time_us: i64) -> bool {
        day_of(time_us) >= self.first_day
    }

    /// What is left out of a batch because it is not.
    #[must_use]
    pub fn left_out(self, rows: &[Rows]) -> Committed {
        let mut out = Committed::default();
        if self.first_day == i32::MIN {
            return out;
        }
        let positions =
            rows.iter().flat_map(|rows| rows.positions.iter().map(move |it| (rows, it)));
        for (rows, row) in positions.filter(|(_, row)| !self.has(&row.origin)) {
            out.rows_left_out.positions += 1;
            // Of a message that is a position and static data, the latter is kept whatever its age.
            let seq = row.origin.seq;
            if rows.statics.binary_search_by_key(&seq, |it| it.origin.seq).is_err() {
                out.expired.push(row.origin.feed);
            }
        }
        let messages = rows.iter().flat_map(|rows| &rows.messages);
        for row in messages.filter(|row| !self.has(&row.origin)) {
            out.rows_left_out.messages += 1;
            out.expired.push(row.origin.feed);
        }
        out
    }

    /// The days of a batch.
    #[must_use]
    pub fn days_of(self, rows: &[Rows]) -> Vec<i32> {
        let positions = rows.iter().flat_map(|rows| &rows.positions).map(|row| &row.origin);
        let messages = rows.iter().flat_map(|rows| &rows.messages).map(|row| &row.origin);
        self.days_of_times(positions.chain(messages).map(|origin| origin.time_us))
    }

    /// The days of rows of these event times.
    pub fn days_of_times(self, times_us: impl Iterator<Item = i64>) -> Vec<i32> {
        let mut seen: Vec<i32> = Vec::new();
        // Most rows are of one day, and a comparison is cheaper than a division for each.
        let mut last = 0..0;
        for time_us in times_us {
            if last.contains(&time_us) {
                continue;
            }
            let day = day_of(time_us);
            last = times_of(day);
            if day >= self.first_day && !seen.contains(&day) {
                seen.push(day);
            }
        }
        seen
    }
}

/// Has partitions made for days that have none yet, and waits for them, within bounds.
pub fn make_days(days: &Days, wanted: &[i32]) {
    days.ask_for(wanted, WAIT);
}
