//! Keeps the log short: a line about the same thing at most once in ten seconds.
//!
//! Bounded also against texts that are never the same: so many different lines in ten seconds and no more. What is left out is
//! still counted by whoever would have said it.

use std::time::{Duration, Instant};

/// A line about the same thing comes at most once in this time.
const EVERY: Duration = Duration::from_secs(10);
/// Different lines in that time at most.
const LINES_MAX: usize = 8;

/// What was said lately.
#[derive(Debug, Default)]
pub struct Quiet {
    said: Vec<(String, Instant)>,
}

impl Quiet {
    /// Whether a line about this may be written now; if so, it is taken as written.
    pub fn may_say(&mut self, what: &str, now: Instant) -> bool {
        self.said.retain(|(_, at)| now.saturating_duration_since(*at) < EVERY);
        let again = self.said.iter().any(|(said, _)| said == what);
        if again || self.said.len() >= LINES_MAX {
            return false;
        }
        self.said.push((what.to_owned(), now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_said_once_in_ten_seconds() {
        let (mut quiet, start) = (Quiet::default(), Instant::now());
        let mut said = 0;
        for second in 0..60 {
            let now = start + Duration::from_secs(second);
            said += u32::from(quiet.may_say("connection refused", now));
            assert_eq!(quiet.may_say("no route to host", now), second % 10 == 0);
        }
        assert_eq!(said, 6);
    }

    #[test]
    fn texts_that_are_never_the_same_are_bounded_too() {
        let (mut quiet, start) = (Quiet::default(), Instant::now());
        let said = (0..1000).filter(|n| quiet.may_say(&format!("row {n} refused"), start));
        assert_eq!(said.count(), 8);
    }
}
