//! Reads the head of a request: everything that routes need, and how many bytes of body follow.

use super::reply::Reply;

/// Bytes of the longest head.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Bytes of the longest body. Where nobody asked for one it is read and thrown away as it comes.
const BODY_BYTES_MAX: u64 = 1 << 20;
/// Header lines at most.
const HEADERS_MAX: usize = 64;

/// One request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The method, as sent.
    pub method: String,
    /// The path, as sent, without the query.
    pub path: String,
    /// The query, as sent; empty when there is none.
    pub query: String,
    /// The `Accept` header; empty when there is none.
    pub accept: String,
    /// Whether the sender wants to send more on the same connection.
    pub keep_alive: bool,
    /// Bytes of body that follow the head.
    pub body_bytes: u64,
    /// What the body is, without parameters, in small letters; empty when that is not said.
    pub content_type: String,
    /// How the body is packed; empty when it is not.
    pub content_encoding: String,
    /// Whether the sender waits to be told to send the body.
    pub expects_continue: bool,
    /// The body, where somebody asked for it.
    pub body: Vec<u8>,
    /// The `Authorization` header; empty when there is none.
    pub authorization: String,
    /// Who sent it, as far as a token proved it; never out of the head itself.
    pub subject: Option<String>,
}

impl Request {
    /// Whether only the head of the answer is wanted.
    #[must_use]
    pub fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    /// Whether the sender accepts this media type by name.
    #[must_use]
    pub fn accepts(&self, media_type: &str) -> bool {
        let named = |part: &str| part.split(';').next().unwrap_or_default().trim().to_owned();
        self.accept.split(',').any(|part| named(part).eq_ignore_ascii_case(media_type))
    }
}

/// What the bytes so far are.
#[derive(Debug)]
pub enum Head {
    /// A beginning.
    Incomplete,
    /// A whole head of this many bytes.
    Complete(Request, usize),
    /// Something that is answered with an error, and the connection closed.
    Refused(Reply),
}

/// Looks for a whole head at the beginning of `bytes`.
#[must_use]
pub fn read_head(bytes: &[u8]) -> Head {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut headers);
    match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length <= HEAD_BYTES_MAX => {
            match build(&parsed) {
                Ok(request) => Head::Complete(request, length),
                Err(refusal) => Head::Refused(refusal),
            }
        }
        Ok(httparse::Status::Partial) if bytes.len() < HEAD_BYTES_MAX => Head::Incomplete,
        Ok(_) => Head::Refused(Reply::error(
            431,
            format!("the head is longer than {HEAD_BYTES_MAX} bytes"),
        )),
        Err(httparse::Error::TooManyHeaders) => {
            Head::Refused(Reply::error(431, format!("more than {HEADERS_MAX} headers")))
        }
        Err(error) => Head::Refused(Reply::error(400, format!("not an HTTP request: {error}"))),
    }
}

fn build(parsed: &httparse::Request<'_, '_>) -> Result<Request, Reply> {
    let target = parsed.path.unwrap_or("/");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        keep_alive: parsed.version == Some(1),
        ..Request::default()
    };
    let (mut authorizations, mut length, mut is_chunked) = (Vec::new(), None, false);
    for header in parsed.headers.iter() {
        let value = String::from_utf8_lossy(header.value);
        let value = value.trim();
        match header.name.to_ascii_lowercase().as_str() {
            "accept" => value.clone_into(&mut request.accept),
            "authorization" => authorizations.push(value.to_owned()),
            "connection" => request.keep_alive = wants_more(value, request.keep_alive),
            "content-type" => {
                let kind = value.split(';').next().unwrap_or_default();
                request.content_type = kind.trim().to_ascii_lowercase();
            }
            "content-encoding" if !value.eq_ignore_ascii_case("identity") => {
                value.clone_into(&mut request.content_encoding);
            }
            "expect" => request.expects_continue = value.eq_ignore_ascii_case("100-continue"),
            "transfer-encoding" => is_chunked = true,
            "content-length" => {
                let known = content_length(value)?;
                if length.is_some_and(|other| other != known) {
                    return Err(Reply::error(400, "two different values of Content-Length"));
                }
                length = Some(known);
            }
            _ => {}
        }
    }
    if is_chunked {
        // Who reads the one and who reads the other would not agree where the next request begins.
        return Err(match length {
            Some(_) => Reply::error(400, "both Content-Length and Transfer-Encoding"),
            None => Reply::error(411, "send a body with Content-Length, not in chunks"),
        });
    }
    if authorizations.len() > 1 {
        return Err(Reply::error(400, "two headers of Authorization"));
    }
    request.authorization = authorizations.pop().unwrap_or_default();
    request.body_bytes = length.unwrap_or(0);
    Ok(request)
}

fn wants_more(connection: &str, otherwise: bool) -> bool {
    let has = |word: &str| connection.split(',').any(|part| part.trim().eq_ignore_ascii_case(word));
    if has("close") { false } else { otherwise || has("keep-alive") }
}

fn content_length(value: &str) -> Result<u64, Reply> {
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Reply::error(400, "Content-Length is not a number"));
    }
    match value.parse::<u64>() {
        Ok(length) if length <= BODY_BYTES_MAX => Ok(length),
        _ => Err(Reply::error(413, format!("the body is longer than {BODY_BYTES_MAX} bytes"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(bytes: &[u8]) -> u16 {
        match read_head(bytes) {
            Head::Incomplete => 0,
            Head::Complete(..) => 200,
            Head::Refused(reply) => reply.status,
        }
    }

    #[test]
    fn a_head_is_taken_apart() {
        let text = b"GET /a/b?c=d&e HTTP/1.1\r\nHost: x\r\nACCEPT: text/html;q=1, application/json\r\n\r\nrest";
        let Head::Complete(request, length) = read_head(text) else { panic!() };
        assert_eq!(&text[length..], b"rest");
        assert_eq!((request.path.as_str(), request.query.as_str()), ("/a/b", "c=d&e"));
        assert!(request.accepts("application/json") && !request.accepts("application/xml"));
        assert!(request.keep_alive && request.body_bytes == 0);
    }

    #[test]
    fn what_is_wrong_with_a_head_decides_its_answer() {
        let check = |headers: &str, expected: u16| {
            let text = format!("POST / HTTP/1.1\r\n{headers}\r\n");
            assert_eq!(status(text.as_bytes()), expected, "{headers:.60}");
        };
        check("Content-Length: 5\r\n", 200);
        check("Content-Length: 5\r\nContent-Length: 5\r\n", 200);
        check("Content-Length: 5\r\nContent-Length: 6\r\n", 400);
        check("Content-Length: +5\r\n", 400);
        check("Content-Length: 2000000\r\n", 413);
        check("Content-Length: 99999999999999999999999\r\n", 413);
        check("Transfer-Encoding: chunked\r\n", 411);
        check("Transfer-Encoding: xchunked\r\n", 411);
        check("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400);
        check("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400);
        check("Transfer-Encoding : chunked\r\n", 400);
        check("Content-Length: 5,5\r\n", 400);
        check("Content-Length: 0x5\r\n", 400);
        check("Content-Length:\r\n", 400);
        check("Authorization: Bearer a\r\n", 200);
        check("Authorization: Bearer a\r\nAuthorization: Bearer b\r\n", 400);
        check(&"X: y\r\n".repeat(HEADERS_MAX + 1), 431);
        check(&format!("X: {}\r\n", "y".repeat(HEAD_BYTES_MAX)), 431);
        check(" bad\r\n", 400);
        assert_eq!(status(b"GET / HT"), 0);
        assert_eq!(status(b"\x16\x03\x01\x02\x00\x01"), 400);
        assert_eq!(status(&[b'A'; HEAD_BYTES_MAX]), 431);
    }

    #[test]
    fn the_older_protocol_closes_unless_asked() {
        let keeps = |text: &[u8]| matches!(read_head(text), Head::Complete(request, _) if request.keep_alive);
        assert!(keeps(b"GET / HTTP/1.1\r\n\r\n"));
        assert!(!keeps(b"GET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n"));
        assert!(!keeps(b"GET / HTTP/1.0\r\n\r\n"));
        assert!(keeps(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    }
}
