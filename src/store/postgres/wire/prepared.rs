//! Statements that have a name in the server's session, so that they are read and planned once.

use std::collections::VecDeque;

use postgres_protocol::message::frontend;

use super::{Wire, WireError};

/// Statements that the server knows by a number.
#[derive(Default)]
pub(super) struct Prepared {
    known: Vec<Statement>,
    /// The first number that was not used yet behind each thing that was sent and is not answered.
    sent: VecDeque<u32>,
    next: u32,
}

struct Statement {
    sql: &'static str,
    number: u32,
    /// The server has said that it knows it: an error may keep it from reading one.
    is_sure: bool,
}

impl Wire {
    /// The name of a statement, which the server knows from here on.
    pub(super) fn prepare(&mut self, sql: &'static str) -> Result<String, WireError> {
        let Some(prepared) = &mut self.prepared else {
            frontend::parse("", sql, [], &mut self.out)?;
            return Ok(String::new());
        };
        let (number, is_new) = prepared.number(sql);
        let name = format!("aisd{number}");
        if is_new {
            frontend::parse(&name, sql, [], &mut self.out)?;
        }
        Ok(name)
    }

    /// Notes what the server has been told of behind what is sent now.
    pub(super) fn mark(&mut self) {
        if let Some(prepared) = &mut self.prepared {
            prepared.sent.push_back(prepared.next);
        }
    }

    /// The server has read a statement that it was told of.
    pub(super) fn parsed(&mut self) {
        if let Some(prepared) = &mut self.prepared {
            prepared.parsed();
        }
    }

    /// The answer to what was sent has ended: what the server has not read of it, it does not know.
    pub(super) fn settle(&mut self, refused: Option<&WireError>) {
        let Some(prepared) = &mut self.prepared else { return };
        prepared.settle();
        if let Some(code) = refused.and_then(WireError::code) {
            self.pooler.refused(code);
        }
    }
}

impl Prepared {
    /// The number of a statement, and whether the server has to be told.
    fn number(&mut self, sql: &'static str) -> (u32, bool) {
        if let Some(known) = self.known.iter().find(|known| known.sql == sql) {
            return (known.number, false);
        }
        let number = self.next;
        self.known.push(Statement { sql, number, is_sure: false });
        self.next += 1;
        (number, true)
    }

    /// Statements are read in the order in which they were told.
    fn parsed(&mut self) {
        if let Some(first) = self.known.iter_mut().find(|known| !known.is_sure) {
            first.is_sure = true;
        }
    }

    /// What belongs to the answer that ended and was not read is forgotten; its number is never used again.
    fn settle(&mut self) {
        let end = self.sent.pop_front().unwrap_or(0);
        self.known.retain(|known| known.is_sure || known.number >= end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRY: &str = "SAVEPOINT";
    const COPY: &str = "COPY";
    const KEEP: &str = "RELEASE";

    /// Everything was forgotten that had been told first in an exchange which then failed, also what the server had read. It kept
    /// that: a hundred thousand rows refused one by one made its process 12 GB large.
    #[test]
    fn what_the_server_has_read_is_known_although_something_behind_it_failed() {
        let mut prepared = Prepared::default();
        let tell = |prepared: &mut Prepared| {
            let told = [TRY, COPY, KEEP].map(|sql| prepared.number(sql));
            prepared.sent.push_back(prepared.next);
            told
        };
        assert_eq!(tell(&mut prepared), [(0, true), (1, true), (2, true)]);
        // The rows are refused, so it has not come to the third.
        prepared.parsed();
        prepared.parsed();
        prepared.settle();
        assert_eq!(tell(&mut prepared), [(0, false), (1, false), (3, true)]);
        prepared.parsed();
        prepared.settle();
        assert_eq!(tell(&mut prepared), [(0, false), (1, false), (3, false)]);
    }

    #[test]
    fn what_was_sent_behind_something_that_failed_is_another_matter() {
        let mut prepared = Prepared::default();
        assert_eq!(prepared.number(TRY), (0, true));
        prepared.sent.push_back(prepared.next);
        assert_eq!(prepared.number(COPY), (1, true));
        prepared.sent.push_back(prepared.next);
        // The first is refused as it is; the second is read.
        prepared.settle();
        assert_eq!((prepared.number(COPY), prepared.number(TRY)), ((1, false), (2, true)));
        prepared.parsed();
        prepared.settle();
        assert_eq!(prepared.number(COPY), (1, false));
    }
}
