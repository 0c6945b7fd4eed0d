//! What is asked of a hub, and where: the paths, the query, the body of the request that starts it.
//!
//! The query says from when on rows are wanted: `(updatetime >= DateTime(y,m,d,H,M,0))`, and what stands behind the first `[` of the
//! configured query. Rows come late, so each query looks back for as long as is configured from the newest row that came, or from
//! now, whichever is earlier. What comes twice for that is known by `seen`.

use jiff::Timestamp;
use jiff::tz::Offset;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::SECOND_US;
use crate::config::SignalrConfig;

/// Where a hub and its query are.
const HUB: &str = "/api/signalR";
const TRIGGER: &str = "/api/query";

/// What is asked.
#[derive(Clone, Debug)]
pub struct Query {
    config: SignalrConfig,
    /// When the newest row was, microseconds since 1970; never ahead of the clock.
    newest_us: Option<i64>,
}

/// Why there is no way to a hub.
pub type Refused = String;

impl Query {
    /// As the configuration has it.
    #[must_use]
    pub const fn new(config: SignalrConfig) -> Self {
        Self { config, newest_us: None }
    }

    /// A row of this time came.
    pub fn came(&mut self, time_us: i64, now_us: i64) {
        // One that is dated ahead must not keep the others from being asked for.
        self.newest_us = self.newest_us.max(Some(time_us.min(now_us)));
    }

    /// The text of the query that is due now.
    #[must_use]
    pub fn text(&self, now_us: i64) -> String {
        let back_us = i64::try_from(self.config.query_minutes).unwrap_or(i64::MAX / SECOND_US / 60);
        let newest_us = self.newest_us.map_or(now_us, |newest| newest.min(now_us));
        let from_us = newest_us.saturating_sub(back_us.saturating_mul(60 * SECOND_US));
        let from = Timestamp::from_microsecond(from_us).unwrap_or(Timestamp::UNIX_EPOCH);
        let from = Offset::UTC.to_datetime(from);
        let tail = self.config.query.find('[').map_or("", |at| &self.config.query[at..]);
        format!(
            "(updatetime >= DateTime({},{},{},{},{},0)){tail}",
            from.year(),
            from.month(),
            from.day(),
            from.hour(),
            from.minute()
        )
    }

    /// The hub's path for the negotiation, and for the connection itself when its token is known.
    #[must_use]
    pub fn hub(&self, connection: Uuid, token: Option<&str>, now_us: i64) -> String {
        let config = &self.config;
        let parameters = [
            ("Device", config.device.as_str()),
            ("ConnectionId", &connection.to_string()),
            ("ActionTypeValue", &config.action_type),
            ("Query", &self.text(now_us)),
            ("UserId", &config.user_id),
            ("IsQueryLastestDataBeforeStream", if config.latest_first { "true" } else { "false" }),
        ];
        let parameters: Vec<String> =
            parameters.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let (path, last) = match token {
            None => ("/negotiate", "negotiateVersion=1".to_owned()),
            Some(token) => ("", format!("id={}", escaped(token))),
        };
        format!("{HUB}{path}?{}&{last}", parameters.join("&"))
    }

    /// The path of the request that starts a query, and its body.
    #[must_use]
    pub fn trigger(&self, connection: Uuid, now_us: i64) -> (&'static str, String) {
        let body = json!({
            "ConnectionId": connection.to_string(),
            "UserId": self.config.user_id,
            "Query": self.text(now_us),
            "UsingLastUpdateTime": self.config.using_last_update_time,
        });
        (TRIGGER, body.to_string())
    }
}

/// The token of a connection, out of the answer to a negotiation.
///
/// # Errors
/// Why there is none.
pub fn token(answer: &[u8]) -> Result<String, Refused> {
    let answer: Value = serde_json::from_slice(answer)
        .map_err(|_| "the answer to the negotiation is no JSON".to_owned())?;
    let text = |name: &str| answer.get(name).and_then(Value::as_str);
    if let Some(error) = text("error") {
        return Err(format!("the hub refuses to negotiate: {error}"));
    }
    if let Some(elsewhere) = text("url") {
        return Err(format!(
            "the hub sends us on to {elsewhere}; if that is right, name it as url"
        ));
    }
    let by_web_socket =
        |it: &Value| it.get("transport").and_then(Value::as_str) == Some("WebSockets");
    if let Some(transports) = answer.get("availableTransports").and_then(Value::as_array)
        && !transports.iter().any(by_web_socket)
    {
        return Err("the hub offers no WebSocket".to_owned());
    }
    let token = text("connectionToken").or_else(|| text("connectionId"));
    token.map(str::to_owned).ok_or_else(|| "the hub tells no connection token".to_owned())
}

/// A text as it stands in a query of a URL.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_791_017_023_563_705;

    fn query() -> Query {
        let query = "(updatetime >= DateTime(2020,1,1,0,0,0))[\"mmsi\"]".to_owned();
        Query::new(SignalrConfig {
            query,
            query_minutes: 10,
            device: "a b".to_owned(),
            ..SignalrConfig::default()
        })
    }

    #[test]
    fn a_query_looks_back_from_the_newest_row_and_never_ahead() {
        let mut query = query();
        let from = |query: &Query, minute: &str| {
            let expected = format!("(updatetime >= DateTime(2026,10,3,{minute},0))[\"mmsi\"]");
            assert_eq!(query.text(NOW), expected);
        };
        from(&query, "8,33");
        query.came(NOW - 300 * SECOND_US, NOW);
        from(&query, "8,28");
        query.came(NOW - 4000 * SECOND_US, NOW);
        from(&query, "8,28");
        query.came(NOW + 86_400 * SECOND_US, NOW);
        from(&query, "8,33");
    }

    #[test]
    fn the_hub_is_told_who_asks_and_for_what() {
        let (query, id) = (query(), Uuid::nil());
        let path = query.hub(id, None, NOW);
        assert!(
            path.starts_with("/api/signalR/negotiate?Device=a%20b&ConnectionId=0000"),
            "{path}"
        );
        assert!(
            path.ends_with("&IsQueryLastestDataBeforeStream=false&negotiateVersion=1"),
            "{path}"
        );
        assert!(query.hub(id, Some("t/="), NOW).ends_with("&id=t%2F%3D"));
        let (path, body) = query.trigger(id, NOW);
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((path, &body["Query"]), ("/api/query", &Value::from(query.text(NOW))));
        assert_eq!(body["UsingLastUpdateTime"], false);
    }

    #[test]
    fn a_negotiation_gives_a_token_or_says_why_not() {
        let token = |text: &str| token(text.as_bytes());
        let transports = r#""availableTransports":[{"transport":"WebSockets"}]"#;
        let text = format!(r#"{{"connectionToken":"t","connectionId":"i",{transports}}}"#);
        assert_eq!(token(&text).as_deref(), Ok("t"));
        assert_eq!(token(r#"{"connectionId":"i"}"#).as_deref(), Ok("i"));
        let check =
            |text: &str, why: &str| assert!(token(text).unwrap_err().contains(why), "{text}");
        check("<html>", "is no JSON");
        check("{}", "tells no connection token");
        check(r#"{"error":"full"}"#, "refuses to negotiate: full");
        check(r#"{"url":"https://x","accessToken":"y"}"#, "sends us on to https://x");
        check(
            r#"{"connectionId":"i","availableTransports":[{"transport":"LongPolling"}]}"#,
            "no WebSocket",
        );
    }
}
