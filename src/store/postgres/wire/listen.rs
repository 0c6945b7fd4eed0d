//! What has come of answers that nobody reads yet, found out without waiting.

use std::time::{Duration, Instant};

use super::{Wire, WireError};

/// The kind of message that ends an answer.
const READY: u8 = b'Z';
/// Bytes of a message before what it says: its kind and its length.
const HEAD: usize = 5;

impl Wire {
    /// Whether the socket shows what has come. Under TLS nobody looks.
    #[must_use]
    pub const fn can_listen(&self) -> bool {
        self.stream.is_plain()
    }

    /// Whether the first answer that nobody has read is still to come, as far as one can see.
    pub fn awaits_first(&mut self) -> bool {
        self.listen().is_ok() && !self.has_ended(1)
    }

    /// Waits until it has, or cannot any more.
    pub fn wait_first(&mut self) {
        while !self.has_ended(1) && self.read_more().is_ok() {}
    }

    /// Whether so many answers that nobody has read have ended, as far as they were looked at.
    #[must_use]
    pub fn has_ended(&self, answers: usize) -> bool {
        ended(&self.input) >= answers
    }

    /// From here on it is noted when so many answers have ended.
    pub const fn await_answers(&mut self, answers: usize) {
        (self.awaits, self.heard) = (Some(answers), None);
    }

    /// What is sent now has so much time from when the first answer has ended, and not from now: until then the server is not at it.
    pub const fn give_then(&mut self, time: Duration) {
        self.then = Some(time);
    }

    /// Reads what has come, and notes when all that is awaited has, while more is sent behind the questions.
    pub(super) fn listen(&mut self) -> Result<(), WireError> {
        if self.stream.has_word() {
            self.read_more()?;
        }
        let now = Instant::now();
        if self.awaits.is_some_and(|answers| self.has_ended(answers)) {
            self.heard.get_or_insert(now);
        }
        if self.has_ended(1)
            && let Some(time) = self.then.take()
        {
            self.deadline = now + time;
        }
        Ok(())
    }

    /// How long ago it was, if more was sent since; the answers are read.
    pub fn heard_ago(&mut self) -> Duration {
        self.awaits = None;
        self.heard.take().map_or(Duration::ZERO, |heard| heard.elapsed())
    }
}

/// How many answers end among these bytes, which begin with a message.
fn ended(mut bytes: &[u8]) -> usize {
    let mut answers = 0;
    while let Some((head, rest)) = bytes.split_first_chunk::<HEAD>() {
        let [kind, length @ ..] = *head;
        // The length counts itself.
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        let Some(rest) = rest.get(length.saturating_sub(size_of::<u32>())..) else { break };
        answers += usize::from(kind == READY);
        bytes = rest;
    }
    answers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_where_they_end() {
        const COMPLETE: &[u8] = b"C\0\0\0\x0bCOMMIT\0";
        const READY: &[u8] = b"Z\0\0\0\x05I";
        let check = |parts: &[&[u8]], expected: usize| {
            assert_eq!(ended(&parts.concat()), expected, "{parts:?}");
        };
        check(&[], 0);
        check(&[COMPLETE], 0);
        check(&[COMPLETE, READY], 1);
        check(&[COMPLETE, READY, COMPLETE, READY, COMPLETE], 2);
        check(&[READY, &READY[..5]], 1);
        check(&[READY, &READY[..3]], 1);
        check(&[&COMPLETE[..8]], 0);
        // A length that cannot be ends nothing for ever.
        check(&[b"Z\0\0\0\0", READY], 2);
    }
}
