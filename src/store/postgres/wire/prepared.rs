//! Statements that have a name in the server's session, so that they are read and planned once.

use std::collections::VecDeque;

use postgres_protocol::message::frontend;

use super::{Wire, WireError};

/// Statements that the server knows by a number.
#[derive(Default)]
pub(super) struct Prepared {
    known: Vec<(&'static str, u32)>,
    /// As many of those are known for sure: an error may have kept the server from the others.
    sure: usize,
    /// How many there were behind each thing that was sent and is not answered.
    sent: VecDeque<usize>,
    next: u32,
}

impl Wire {
    /// The name of a statement, which the server knows from here on.
    pub(super) fn prepare(&mut self, sql: &'static str) -> Result<String, WireError> {
        let Some(prepared) = &mut self.prepared else {
            frontend::parse("", sql, [], &mut self.out)?;
            return Ok(String::new());
        };
        if let Some((_, number)) = prepared.known.iter().find(|(known, _)| *known == sql) {
            return Ok(format!("aisd{number}"));
        }
        let name = format!("aisd{}", prepared.next);
        frontend::parse(&name, sql, [], &mut self.out)?;
        prepared.known.push((sql, prepared.next));
        prepared.next += 1;
        Ok(name)
    }

    /// Notes what the server has been told of behind what is sent now.
    pub(super) fn mark(&mut self) {
        if let Some(prepared) = &mut self.prepared {
            prepared.sent.push_back(prepared.known.len());
        }
    }

    /// Whether a statement did what it should tells which names the server knows.
    pub(super) fn settle(&mut self, refused: Option<&WireError>) {
        let Some(prepared) = &mut self.prepared else { return };
        prepared.settle(refused.is_none());
        if let Some(code) = refused.and_then(WireError::code) {
            self.pooler.refused(code);
        }
    }
}

impl Prepared {
    /// What was added up to there is known when all went well, and may not be when not; a number is never used again.
    fn settle(&mut self, well: bool) {
        let told = self.sent.pop_front().unwrap_or(0);
        if well {
            self.sure = self.sure.max(told.min(self.known.len()));
        } else {
            self.known.truncate(self.sure);
        }
    }
}
