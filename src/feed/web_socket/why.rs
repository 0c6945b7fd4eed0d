//! Why a connection ended or was refused, in the operator's words, and how long the server is to be left alone for that.

use std::time::Duration;

use tungstenite::error::{CapacityError, Error, ProtocolError};
use tungstenite::http::{HeaderMap, Response, StatusCode, header};
use tungstenite::protocol::CloseFrame;

use super::target::NAMING;
use crate::feed::sockets::plain;
use crate::tls;

/// A server that says that we come too often, or may not come at all, is left alone for so long at least.
pub const REST_MIN: Duration = Duration::from_secs(30);
/// And no longer than this, whatever it asks for.
const REST_MAX: Duration = Duration::from_secs(3600);

/// The end of a connection, or of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Why.
    pub why: String,
    /// How long the server is to be left alone at least.
    pub rest: Duration,
    /// It was quiet for too long.
    pub is_idle: bool,
    /// A message was longer than any may be.
    pub is_too_long: bool,
}

impl Ended {
    /// For this reason.
    #[must_use]
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), rest: Duration::ZERO, is_idle: false, is_too_long: false }
    }

    /// By a server that does not want us now.
    #[must_use]
    pub fn refused(why: impl Into<String>) -> Self {
        Self { rest: REST_MIN, ..Self::new(why) }
    }

    /// With the close frame that the server sent, if it did.
    #[must_use]
    pub fn closed(frame: Option<&CloseFrame>) -> Self {
        Self::new(match frame {
            None => "the server closed the connection".to_owned(),
            Some(frame) if frame.reason.is_empty() => {
                format!("the server closed the connection ({})", u16::from(frame.code))
            }
            Some(CloseFrame { code, reason }) => {
                format!("the server closed the connection ({}: {reason})", u16::from(*code))
            }
        })
    }

    /// For an error of the WebSocket or of what is under it.
    #[must_use]
    pub fn because(error: Error) -> Self {
        match error {
            Error::Io(error) => Self::new(io_words(&error)),
            Error::Http(response) => Self::answered(&response),
            Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
                let why = format!("a message of {size} bytes, at most {max_size} are taken");
                Self { is_too_long: true, ..Self::new(why) }
            }
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                Self::new("the connection ended without a close frame (1006)")
            }
            Error::Protocol(ProtocolError::HandshakeIncomplete) => {
                Self::new("the server closed the connection before it answered")
            }
            Error::WriteBufferFull(_) => Self::new("the server reads nothing of what is sent"),
            Error::ConnectionClosed | Error::AlreadyClosed => Self::closed(None),
            other => Self::new(lower(&other.to_string())),
        }
    }

    /// By an answer that is not the one that was hoped for.
    #[must_use]
    pub fn answered(response: &Response<Option<Vec<u8>>>) -> Self {
        let status = response.status();
        if status.is_redirection() {
            let to = text_of(response.headers(), header::LOCATION).unwrap_or("somewhere else");
            return Self::refused(format!(
                "the server sends us on to {to} ({}); if that is right, name it as url",
                status.as_u16()
            ));
        }
        let why = match status.canonical_reason() {
            Some(reason) => format!("the server answered {} {reason}", status.as_u16()),
            None => format!("the server answered {}", status.as_u16()),
        };
        if status == StatusCode::TOO_MANY_REQUESTS || status.is_client_error() {
            return Self { rest: rest(response.headers()), ..Self::new(why) };
        }
        Self::new(why)
    }
}

/// How long the server asks to be left alone, within bounds.
#[must_use]
pub fn rest(headers: &HeaderMap) -> Duration {
    let seconds = text_of(headers, header::RETRY_AFTER).and_then(|text| text.trim().parse().ok());
    seconds.map_or(REST_MIN, |seconds| Duration::from_secs(seconds).clamp(REST_MIN, REST_MAX))
}

fn text_of(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn io_words(error: &std::io::Error) -> String {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(error) => tls::words(error, NAMING),
        None if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the connection ended without a close frame (1006)".to_owned()
        }
        None => plain(error),
    }
}

fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, name: header::HeaderName, value: &str) -> Ended {
        let response = Response::builder().status(status).header(name, value).body(None).unwrap();
        Ended::because(Error::Http(Box::new(response)))
    }

    #[test]
    fn a_server_that_says_too_often_is_left_alone_for_as_long_as_it_says_and_thirty_seconds() {
        let rest = |value: &str| answer(429, header::RETRY_AFTER, value).rest.as_secs();
        assert_eq!([rest("1"), rest("90"), rest("86400"), rest("soon")], [30, 90, 3600, 30]);
        assert_eq!(answer(401, header::SERVER, "x").rest.as_secs(), 30);
        assert_eq!(answer(502, header::SERVER, "x").rest.as_secs(), 0);
        let why = answer(429, header::SERVER, "x").why;
        assert_eq!(why, "the server answered 429 Too Many Requests");
    }

    #[test]
    fn a_redirect_is_told_of_and_not_followed() {
        let why = answer(302, header::LOCATION, "wss://elsewhere/").why;
        let expected =
            "the server sends us on to wss://elsewhere/ (302); if that is right, name it as url";
        assert_eq!(why, expected);
    }
}
