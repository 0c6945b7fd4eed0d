//! What a SignalR hub says: its JSON protocol, version 1.
//!
//! Records of JSON, each with 0x1E behind it. The first that a client sends is the handshake, and the first that it gets is the answer
//! to that; then come invocations (type 1), pings (6) and the close (7). A frame may hold several records, and a record may go over
//! several frames. See the hub protocol in the documentation of ASP.NET Core SignalR.

use serde::Deserialize;
use serde_json::value::RawValue;

/// What ends a record.
pub const END: u8 = 0x1E;
/// The first record of a client.
pub const HANDSHAKE: &str = "{\"protocol\":\"json\",\"version\":1}\u{1e}";
/// A ping.
pub const PING: &str = "{\"type\":6}\u{1e}";

/// What a record says.
#[derive(Debug)]
pub enum Said<'a> {
    /// An event with its arguments.
    Event(Box<str>, Vec<&'a RawValue>),
    /// That the hub is there, or something else that nobody need act on.
    Nothing,
    /// That it is over, and why if that was told.
    Close(Option<String>),
}

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(rename = "type", default)]
    kind: u64,
    #[serde(default)]
    target: Option<String>,
    #[serde(borrow, default)]
    arguments: Vec<&'a RawValue>,
    #[serde(default)]
    error: Option<String>,
}

/// Reads a record without its end; `None` when it is none.
#[must_use]
pub fn read(record: &[u8]) -> Option<Said<'_>> {
    // An array would be taken for its fields in their order.
    let record = record.trim_ascii_start();
    if record.first() != Some(&b'{') {
        return None;
    }
    let Record { kind, target, arguments, error } = serde_json::from_slice(record).ok()?;
    Some(match (kind, target) {
        (1, Some(target)) => Said::Event(target.into_boxed_str(), arguments),
        (7, _) => Said::Close(error),
        // The answer to the handshake has no type; with an error the hub has gone.
        (0, _) if error.is_some() => Said::Close(error),
        _ => Said::Nothing,
    })
}

/// The rows of an event's argument: those of a list, or the one that it is.
#[must_use]
pub fn rows(argument: &RawValue) -> Vec<&RawValue> {
    serde_json::from_str(argument.get()).unwrap_or_else(|_| vec![argument])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_pings_and_ends_are_told_apart() {
        let event = br#"{"type":1,"target":"QueryData","arguments":[[{"mmsi":1},{"mmsi":2}]]}"#;
        let Some(Said::Event(name, arguments)) = read(event) else { panic!("no event") };
        assert_eq!(&*name, "QueryData");
        let rows: Vec<_> = rows(arguments[0]).into_iter().map(RawValue::get).collect();
        assert_eq!(rows, [r#"{"mmsi":1}"#, r#"{"mmsi":2}"#]);
        let one = br#"{"type":1,"target":"QueryData","arguments":[{"mmsi":1}]}"#;
        let Some(Said::Event(_, arguments)) = read(one) else { panic!("no event") };
        assert_eq!(super::rows(arguments[0]).len(), 1);
        for nothing in ["{}", r#"{"type":6}"#, r#"{"type":3,"invocationId":"1"}"#, r#"{"type":1}"#]
        {
            assert!(matches!(read(nothing.as_bytes()), Some(Said::Nothing)), "{nothing}");
        }
        let check = |text: &str, why: Option<&str>| {
            let Some(Said::Close(told)) = read(text.as_bytes()) else { panic!("{text}") };
            assert_eq!(told.as_deref(), why);
        };
        check(r#"{"type":7}"#, None);
        check(r#"{"type":7,"error":"bye","allowReconnect":true}"#, Some("bye"));
        check(r#"{"error":"no such protocol"}"#, Some("no such protocol"));
        for wrong in ["", "x", "[]", "{\"type\":\"1\"}", "{\"type\":-1}", "\u{1e}"] {
            assert!(read(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }
}
