//! One answer, and its bytes on the wire.

use std::io::Cursor;

use serde_json::{Value, json};
use tiny_http::{HTTPVersion, Header, Response, StatusCode};

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The content type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
    /// One more header, if there is one.
    pub header: Option<(&'static str, &'static str)>,
}

impl Reply {
    /// Whatever it is, well.
    #[must_use]
    pub const fn ok(content_type: &'static str, body: Vec<u8>) -> Self {
        Self { status: 200, content_type, body, header: None }
    }

    /// JSON with this status.
    #[must_use]
    pub fn json(status: u16, value: &Value) -> Self {
        let body = format!("{value}\n").into_bytes();
        Self { status, content_type: "application/json", body, header: None }
    }

    /// Text that is JSON, with this status.
    #[must_use]
    pub const fn json_bytes(status: u16, body: Vec<u8>) -> Self {
        Self { status, content_type: "application/json", body, header: None }
    }

    /// An error as JSON.
    #[must_use]
    pub fn error(status: u16, text: impl Into<String>) -> Self {
        Self::json(status, &json!({ "error": text.into() }))
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.header = Some((name, value));
        self
    }

    /// Its bytes; without the body when only the head is wanted, and telling when the connection will be closed.
    #[must_use]
    pub fn into_bytes(self, head_only: bool, close: bool) -> Vec<u8> {
        let pairs = [("Server", "aisd"), ("Content-Type", self.content_type)];
        let pairs = pairs.into_iter().chain(self.header);
        let headers =
            pairs.filter_map(|(name, value)| Header::from_bytes(name, value).ok()).collect();
        let length = self.body.len();
        let mut out = Vec::with_capacity(length + 256);
        let status = StatusCode(self.status);
        let printed = Response::new(status, headers, Cursor::new(self.body), Some(length), None)
            .with_chunked_threshold(usize::MAX)
            .raw_print(&mut out, HTTPVersion(1, 1), &[], head_only, None);
        if printed.is_err() {
            // Writing to memory does not fail.
            out.clear();
        }
        if close && let Some(end) = out.iter().position(|byte| *byte == b'\n') {
            // The library keeps this header to itself.
            out.splice(end + 1..=end, *b"Connection: close\r\n");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_written_whole() {
        let text = |head_only, close| {
            let reply = Reply::error(405, "no").with_header("Allow", "GET, HEAD");
            String::from_utf8(reply.into_bytes(head_only, close)).unwrap()
        };
        let whole = text(false, true);
        assert!(
            whole.starts_with("HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\n"),
            "{whole}"
        );
        for header in ["Server: aisd", "Allow: GET, HEAD", "Content-Length: 15", "Date: "] {
            assert!(whole.contains(&format!("\r\n{header}")), "{header}");
        }
        assert!(whole.ends_with("\r\n\r\n{\"error\":\"no\"}\n"));
        let head = text(true, false);
        assert!(head.ends_with("\r\n\r\n") && head.contains("Content-Length: 15"), "{head}");
        assert!(!head.contains("Connection"));
    }
}
