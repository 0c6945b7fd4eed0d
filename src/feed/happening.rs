//! Whether the messages of a feed happen now, and what time a message has that tells none.

use crate::nmea::Message;
use crate::reject::Reject;

/// When the messages of a feed happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// Now: what says nothing else happened when it was received.
    Live,
    /// Long ago: the messages must say when, or be dated by where the recording starts.
    Recorded {
        /// How far the recording's time is ahead of the clock, if it is known; microseconds.
        shift_us: Option<i64>,
    },
}

impl Happening {
    /// The time of a message that is owed one: its own, or the recording's.
    ///
    /// # Errors
    /// When it is from a recording and nobody says when it was.
    pub(super) fn time_of(self, message: &Message<'_>) -> Result<Option<i64>, Reject> {
        match (message.sent_us, self) {
            (Some(_), _) | (None, Self::Live) => Ok(message.sent_us),
            (None, Self::Recorded { shift_us: Some(shift_us) }) => {
                Ok(Some(message.received_us.saturating_add(shift_us)))
            }
            (None, Self::Recorded { shift_us: None }) => Err(Reject::TimeMissing),
        }
    }
}
