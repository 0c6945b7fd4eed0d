//! Where the live picture is: a Redis, and what stands before its keys.

use crate::secret::Secret;
use crate::stored::Outcome;
use redis::{Client, Connection, RedisResult};
use std::time::Duration;

/// How long a connection, and each answer, may take.
pub const ANSWER_MAX: Duration = Duration::from_secs(2);

/// What the layouts have between the prefix and the rest of a vessel's key.
pub const LAYOUTS: [&str; 3] = ["", "ais:", "v2:"];

/// A server and a prefix.
#[derive(Clone)]
pub struct Address {
    client: Client,
    prefix: String,
}

impl Address {
    /// From `redis://HOST:PORT/DATABASE?prefix=PREFIX`; the prefix is taken as it stands.
    ///
    /// # Errors
    /// A text that does not repeat what it was given, since that may hold a password.
    pub fn parse(url: &Secret) -> Outcome<Self> {
        let (server, query) = url.reveal().split_once('?').unwrap_or((url.reveal(), ""));
        let (mut prefix, mut rest) = ("", Vec::new());
        for part in query.split('&').filter(|part| !part.is_empty()) {
            match part.strip_prefix("prefix=") {
                Some(told) => prefix = told,
                None => rest.push(part),
            }
        }
        let mark = if rest.is_empty() { "" } else { "?" };
        let client = Client::open(format!("{server}{mark}{}", rest.join("&")));
        let client = client.map_err(|error| format!("address of the live picture: {error}"))?;
        Ok(Self { client, prefix: prefix.to_owned() })
    }

    /// A connection on which nothing waits for ever.
    ///
    /// # Errors
    /// When there is none to be had.
    pub fn connect(&self) -> RedisResult<Connection> {
        let connection = self.client.get_connection_with_timeout(ANSWER_MAX)?;
        connection.set_read_timeout(Some(ANSWER_MAX))?;
        connection.set_write_timeout(Some(ANSWER_MAX))?;
        Ok(connection)
    }

    /// The channel on which positions are published.
    pub fn channel(&self) -> String {
        format!("{}positions", self.prefix)
    }

    /// The key of a vessel, with one of [`LAYOUTS`].
    pub fn key(&self, layout: &str, mmsi: u32) -> String {
        format!("{}{layout}vessel:{mmsi}", self.prefix)
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "redis at {}", self.client.get_connection_info().addr())
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_taken_from_the_address_and_no_password_is_shown() {
        let check = |url: &str, shown: &str, channel: &str| {
            let address = Address::parse(&url.into()).unwrap();
            assert_eq!((address.to_string(), address.channel()), (shown.into(), channel.into()));
        };
        check("redis://db:7000/3", "redis at db:7000", "positions");
        check("redis://:hush@db/?prefix=ais:", "redis at db:6379", "ais:positions");
        check("redis://db?protocol=resp3&prefix=a", "redis at db:6379", "apositions");
        check("unix:///run/r?prefix=a&db=2", "redis at /run/r", "apositions");
        let address = Address::parse(&"redis://db?prefix=ais:".into()).unwrap();
        assert_eq!(address.key("v2:", 244_660_000), "ais:v2:vessel:244660000");
        let error = Address::parse(&"http://:hush@db".into()).err().unwrap();
        assert!(!error.contains("hush"), "{error}");
    }
}
