//! Statements that have a name in the server's session, so that they are read and planned once.

use postgres_protocol::message::frontend;

use super::{Wire, WireError};

/// Statements that the server knows by a number.
#[derive(Default)]
pub(super) struct Prepared {
    known: Vec<(&'static str, u32)>,
    /// As many of those are known for sure: an error may have kept the server from the others.
    sure: usize,
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
    /// What was added is known when all went well, and may not be when not; a number is never used again.
    fn settle(&mut self, well: bool) {
        if well {
            self.sure = self.known.len();
        } else {
            self.known.truncate(self.sure);
        }
    }
}
