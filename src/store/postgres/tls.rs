//! TLS to Postgres: the authorities are the system's, or those of the one file that `sslrootcert` names.
//!
//! The same configuration serves the writer's own client and the `postgres` crate.

use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;

use crate::tls::{self, Naming};

pub use crate::tls::name;

/// What libpq calls the protocol, for servers that ask.
const PROTOCOL: &[u8] = b"postgresql";
/// How a file of authorities is named.
const NAMING: Naming = Naming { word: "sslrootcert", whole: "sslrootcert=FILE in the URL" };

/// A configuration that trusts the authorities of this file, or else of the system.
///
/// # Errors
/// When there are none, with the way out.
pub fn client(root: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    tls::client(root, NAMING, Some(PROTOCOL))
}

/// A failed handshake as operators read it.
#[must_use]
pub fn words(error: &rustls::Error) -> String {
    tls::words(error, NAMING)
}
