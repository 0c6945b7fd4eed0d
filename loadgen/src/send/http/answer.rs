//! One answer to a request: its status, and as much of the rest as a sender needs.

use serde_json::Value;
use std::io::{self, Read};
use std::time::Duration;

/// The longest answer that is read.
const BYTES_MAX: usize = 4 * 1024 * 1024;
const HEADERS_MAX: usize = 64;
/// The longest rest that a target may ask for.
const REST_S_MAX: f64 = 30.0;
/// How much of an answer is repeated to people.
const TEXT_MAX: usize = 200;

/// What was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// How long to rest before the next attempt.
    pub retry_after: Option<Duration>,
    /// How many entries were refused, if the answer says so.
    pub refused: Option<u64>,
    /// Whether the connection stays open.
    pub keeps_open: bool,
    /// The beginning of the body.
    pub text: String,
}

/// What stands before a body.
struct Head {
    status: u16,
    length: Option<usize>,
    chunked: bool,
    keeps_open: bool,
    retry_after: Option<Duration>,
    ends: usize,
}

/// Reads one answer.
///
/// # Errors
/// When the connection ends before the answer does, or it is no answer.
pub fn read(stream: &mut impl Read) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(head) = head(&bytes)? {
            break head;
        }
        more(stream, &mut bytes)?;
    };
    let body = match head {
        Head { chunked: true, ends, .. } => chunks(stream, &mut bytes, ends)?,
        Head { length: Some(length), ends, .. } => {
            while bytes.len() < ends + length {
                more(stream, &mut bytes)?;
            }
            bytes[ends..ends + length].to_vec()
        }
        Head { ends, .. } => {
            while bytes.len() < BYTES_MAX && more(stream, &mut bytes).is_ok() {}
            bytes[ends..].to_vec()
        }
    };
    let keeps_open = head.keeps_open && (head.chunked || head.length.is_some());
    let text = String::from_utf8_lossy(&body[..body.len().min(TEXT_MAX)]).into_owned();
    let refused = if head.status == 207 { refused(&body) } else { None };
    let Head { status, retry_after, .. } = head;
    Ok(Answer { status, retry_after, refused, keeps_open, text })
}

fn more(stream: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    let length = stream.read(&mut buffer)?;
    if length == 0 {
        return Err(io::Error::other("the connection ended before the answer"));
    }
    if bytes.len() + length > BYTES_MAX {
        return Err(io::Error::other(format!("an answer of more than {BYTES_MAX} bytes")));
    }
    bytes.extend_from_slice(&buffer[..length]);
    Ok(())
}

fn head(bytes: &[u8]) -> io::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut answer = httparse::Response::new(&mut headers);
    let ends = match answer.parse(bytes).map_err(io::Error::other)? {
        httparse::Status::Complete(ends) => ends,
        httparse::Status::Partial => return Ok(None),
    };
    let mut head = Head {
        status: answer.code.unwrap_or(0),
        length: None,
        chunked: false,
        keeps_open: answer.version == Some(1),
        retry_after: None,
        ends,
    };
    for header in answer.headers {
        let value = str::from_utf8(header.value).unwrap_or_default().trim();
        match header.name.to_ascii_lowercase().as_str() {
            "content-length" => head.length = value.parse().ok().filter(|it| *it <= BYTES_MAX),
            "transfer-encoding" => head.chunked = value.eq_ignore_ascii_case("chunked"),
            "connection" => head.keeps_open &= !value.eq_ignore_ascii_case("close"),
            "retry-after" => {
                let seconds = value.parse().ok().filter(|it: &f64| *it >= 0.0);
                head.retry_after = seconds.map(|it| Duration::from_secs_f64(it.min(REST_S_MAX)));
            }
            _ => {}
        }
    }
    Ok(Some(head))
}

fn chunks(stream: &mut impl Read, bytes: &mut Vec<u8>, ends: usize) -> io::Result<Vec<u8>> {
    let (mut body, mut at) = (Vec::new(), ends);
    loop {
        match httparse::parse_chunk_size(&bytes[at..]) {
            Ok(httparse::Status::Complete((from, size))) => {
                let size = usize::try_from(size).unwrap_or(BYTES_MAX).min(BYTES_MAX);
                let (from, to) = (at + from, at + from + size);
                while bytes.len() < to + 2 {
                    more(stream, bytes)?;
                }
                body.extend_from_slice(&bytes[from..to]);
                at = to + 2;
                if size == 0 {
                    return Ok(body);
                }
            }
            Ok(httparse::Status::Partial) => more(stream, bytes)?,
            Err(_) => return Err(io::Error::other("a chunk of the answer has no size")),
        }
    }
}

/// How many of a batch were refused: a number of that name, or results that are no success.
fn refused(body: &[u8]) -> Option<u64> {
    let told: Value = serde_json::from_slice(body).ok()?;
    let told = told.get("data").unwrap_or(&told);
    let number = |name| told.get(name).and_then(Value::as_u64);
    if let Some(count) = ["rejected", "refused", "failed"].into_iter().find_map(number) {
        return Some(count);
    }
    let results = told.get("results").unwrap_or(told).as_array()?;
    let is_bad = |result: &&Value| match result.get("status").or(result.get("success")) {
        Some(Value::Number(status)) => status.as_u64().is_none_or(|status| status >= 300),
        Some(Value::Bool(good)) => !good,
        Some(Value::String(text)) => !["ok", "accepted", "success"].contains(&text.as_str()),
        _ => result.get("error").is_some_and(|error| !error.is_null()),
    };
    u64::try_from(results.iter().filter(is_bad).count()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> Answer {
        read(&mut text.as_bytes()).unwrap()
    }

    #[test]
    fn answers_are_read_in_every_form() {
        let plain = answer("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nokHTTP");
        assert_eq!((plain.status, plain.keeps_open, plain.text.as_str()), (201, true, "ok"));
        let chunked =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n";
        assert_eq!((answer(chunked).text.as_str(), answer(chunked).keeps_open), ("abcd", true));
        let closing =
            answer("HTTP/1.1 503 Busy\r\nConnection: close\r\nRetry-After: 2\r\n\r\nlater");
        assert_eq!((closing.status, closing.keeps_open), (503, false));
        assert_eq!(closing.retry_after, Some(Duration::from_secs(2)));
        assert!(read(&mut "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc".as_bytes()).is_err());
        assert!(read(&mut "SSH-2.0\r\n\r\n".as_bytes()).is_err());
    }

    #[test]
    fn refused_entries_are_counted_in_every_form() {
        let check = |body: &str, expected| assert_eq!(refused(body.as_bytes()), expected, "{body}");
        check(r#"{"accepted":98,"rejected":2}"#, Some(2));
        check(r#"{"success":true,"data":{"rejected":3}}"#, Some(3));
        check(
            r#"{"results":[{"status":201},{"status":400},{"status":"ok"},{"status":"bad"}]}"#,
            Some(2),
        );
        check(r#"[{"success":true},{"success":false},{"error":null},{"error":"x"}]"#, Some(2));
        check("nothing", None);
    }
}
