//! Which server is connected to, what it is asked for, and how it is trusted.

use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tungstenite::ClientRequestBuilder;
use tungstenite::http::Uri;

use crate::tls::{self, Naming};

/// How a feed names a file of authorities.
pub const NAMING: Naming = Naming { word: "ca_file", whole: "ca_file of the feed" };

/// TLS as this server wants it: whom to trust, and the name that it must prove.
pub type Trust = (Arc<ClientConfig>, ServerName<'static>);

/// A server of WebSockets.
#[derive(Clone, Debug)]
pub struct Target {
    uri: Uri,
    /// `HOST:PORT`.
    pub address: String,
    /// TLS, if it is wanted.
    pub tls: Option<Trust>,
}

impl Target {
    /// Reads a URL of `ws://` or `wss://`, or of HTTP to the same server; who may sign the server's certificate are those of the file, or those whom the
    /// system trusts.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(url: &str, ca_file: Option<&Path>) -> Result<Self, String> {
        let as_web_socket = match url.split_once("://") {
            Some(("http", rest)) => format!("ws://{rest}"),
            Some(("https", rest)) => format!("wss://{rest}"),
            _ => url.to_owned(),
        };
        let uri: Uri =
            as_web_socket.parse().map_err(|error| format!("{url} is no URL: {error}"))?;
        let is_tls = match uri.scheme_str() {
            Some("ws") => false,
            Some("wss") => true,
            _ => return Err(format!("{url} must begin with ws:// or wss://")),
        };
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| format!("{url} has no host"))?;
        let told = uri.authority().map_or(host, |authority| authority.as_str());
        let port = match uri.port_u16() {
            Some(port) => port,
            None if told == host => {
                if is_tls {
                    443
                } else {
                    80
                }
            }
            None => return Err(format!("{url} must name HOST or HOST:PORT, and nothing more")),
        };
        if told.contains('@') {
            return Err(format!("{url} must name no user; nobody would hear of it"));
        }
        let address = format!("{host}:{port}");
        let tls = if is_tls {
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            Some((tls::client(ca_file, NAMING, None)?, tls::name(bare)?))
        } else {
            None
        };
        Ok(Self { address, tls, uri })
    }

    /// The same server, and another thing of it: a path with its query, below the path that the server was named with.
    ///
    /// # Errors
    /// When no URL can have them.
    pub fn at(&self, path_and_query: &str) -> Result<Self, String> {
        let mut parts = self.uri.clone().into_parts();
        let path = format!("{}{path_and_query}", self.uri.path().trim_end_matches('/'));
        let parsed = path.parse();
        parts.path_and_query = Some(parsed.map_err(|error| format!("{path}: {error}"))?);
        let uri = Uri::from_parts(parts).map_err(|error| error.to_string())?;
        Ok(Self { uri, ..self.clone() })
    }

    /// The request that opens the connection.
    #[must_use]
    pub fn request(&self) -> ClientRequestBuilder {
        ClientRequestBuilder::new(self.uri.clone())
    }

    /// What is asked of the server.
    #[must_use]
    pub fn path_and_query(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }

    /// For people: without the query, which may hold what is nobody's business.
    #[must_use]
    pub fn shown(&self) -> String {
        let scheme = self.uri.scheme_str().unwrap_or_default();
        format!("{scheme}://{}{}", self.address, self.uri.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_and_whether_with_tls() {
        let check = |url: &str, expected: (&str, &str, bool)| {
            let target = Target::new(url, None).unwrap();
            let found = (target.address.as_str(), target.shown(), target.tls.is_some());
            assert_eq!(found, (expected.0, expected.1.to_owned(), expected.2), "{url}");
        };
        check("ws://hub/a?key=secret", ("hub:80", "ws://hub:80/a", false));
        check(
            "wss://stream.example/v0",
            ("stream.example:443", "wss://stream.example:443/v0", true),
        );
        check("https://hub/a", ("hub:443", "wss://hub:443/a", true));
        check("wss://[::1]:9/", ("[::1]:9", "wss://[::1]:9/", true));
        let at = Target::new("ws://hub", None).unwrap().at("/b?c=d").unwrap();
        assert_eq!(at.shown(), "ws://hub:80/b");
        // A hub behind a prefix of its proxy was asked without it, and said 404 for ever.
        let at = Target::new("ws://hub/ais/?x=y", None).unwrap().at("/b?c=d").unwrap();
        assert_eq!(at.path_and_query(), "/ais/b?c=d");
    }

    #[test]
    fn what_is_no_url_of_a_web_socket_is_refused_by_name() {
        let fault = |url: &str| Target::new(url, None).unwrap_err();
        assert_eq!(fault("ftp://hub"), "ftp://hub must begin with ws:// or wss://");
        let port = "ws://h:99999 must name HOST or HOST:PORT, and nothing more";
        assert_eq!(fault("ws://h:99999"), port);
        assert!(fault("ws://me:secret@h").contains("must name"));
        assert!(fault("ws://h x").starts_with("ws://h x is no URL: "));
        assert!(fault("wss://a_b..c").contains("no name that a certificate could prove"));
    }
}
