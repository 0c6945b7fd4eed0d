//! Rows on their way in: the messages of a binary COPY, written where they are sent from.

use bytes::BytesMut;
use postgres_protocol::message::frontend;

use super::{Wire, WireError};

/// Bytes of one message of copied rows.
const COPY_BYTES: usize = 64 << 10;
/// What begins copied rows: signature, flags, and the length of no extension.
const COPY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What ends them: a row of -1 columns.
const COPY_END: [u8; 2] = (-1_i16).to_be_bytes();

impl Wire {
    /// Adds `COPY … FROM STDIN (FORMAT binary)` with all these rows, each written by `put`.
    ///
    /// # Errors
    /// When what has gathered cannot be sent.
    pub fn add_copy<T>(
        &mut self,
        sql: &'static str,
        rows: impl IntoIterator<Item = T>,
        mut put: impl FnMut(T, &mut BytesMut),
    ) -> Result<(), WireError> {
        self.add(sql, &[])?;
        let mut message = self.begin_copy_data();
        self.out.extend_from_slice(COPY_HEADER);
        for row in rows {
            put(row, &mut self.out);
            if self.out.len() - message >= COPY_BYTES {
                self.end_copy_data(message);
                self.flush_if_full()?;
                message = self.begin_copy_data();
            }
        }
        self.out.extend_from_slice(&COPY_END);
        self.end_copy_data(message);
        frontend::copy_done(&mut self.out);
        self.flush_if_full()
    }

    /// A message of copied rows whose length is not known yet; where it begins.
    fn begin_copy_data(&mut self) -> usize {
        let at = self.out.len();
        self.out.extend_from_slice(b"d\0\0\0\0");
        at
    }

    fn end_copy_data(&mut self, at: usize) {
        let length = u32::try_from(self.out.len() - at - 1).unwrap_or(u32::MAX);
        self.out[at + 1..at + 5].copy_from_slice(&length.to_be_bytes());
    }
}
