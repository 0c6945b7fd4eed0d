//! What went wrong at a Postgres, sorted by what is to be done next, in words for people.

use std::error::Error as _;
use std::io;

use nix::errno::Errno;

use super::wire::WireError;
use super::{held, tls};
use crate::store::StoreError;

/// What kind of fault an SQLSTATE stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Try again later: away, busy, out of room, read-only, in conflict with others.
    Transient,
    /// Somebody has to change something: login, database, rights, tables.
    Setup,
    /// It is about a row: a value out of range, a constraint, an exception of a trigger. Where no row can be found for it, it counts
    /// as one to try again.
    Poison,
}

/// The kind of an SQLSTATE.
#[must_use]
pub fn kind(state: &str) -> Kind {
    match (state.get(..2).unwrap_or_default(), state) {
        // Class 22: data; 23: constraints; 44: the check of a view.
        ("22" | "23" | "44", _) | (_, "P0001") => Kind::Poison,
        // Class 28: authorisation; 3D, 3F: no such database, schema; 42: rights, and names that are not there; 0A: features.
        ("28" | "3D" | "3F" | "42" | "0A", _) => Kind::Setup,
        _ => Kind::Transient,
    }
}

/// The fault of this SQLSTATE, with what was being done.
#[must_use]
pub fn of_state(doing: &str, state: &str, message: &str) -> StoreError {
    let text = format!("{doing}: {message} (SQLSTATE {state})");
    match kind(state) {
        Kind::Transient | Kind::Poison => StoreError::Transient(text),
        Kind::Setup => StoreError::Setup(text),
    }
}

/// The fault that an error of the writer's connection tells of.
#[must_use]
pub fn of_wire(doing: &str, error: &WireError) -> StoreError {
    match error {
        WireError::Server { code, message } => of_state(doing, code, message),
        WireError::Untrusted(_) => StoreError::Setup(format!("{doing}: {error}")),
        WireError::Late | WireError::Io(_) => StoreError::Transient(format!("{doing}: {error}")),
    }
}

/// The fault that an error of the crate tells of.
#[must_use]
pub fn of_crate(doing: &str, error: &postgres::Error) -> StoreError {
    if let Some(db) = error.as_db_error() {
        return of_state(doing, db.code().code(), db.message());
    }
    let Some(cause) = error.source() else {
        return StoreError::Transient(format!("{doing}: {error}"));
    };
    if let Some(cause) = cause.downcast_ref::<io::Error>() {
        return of_io(doing, cause);
    }
    // What the client itself refuses: a password that is missing, a way to log in that it does not know.
    StoreError::Setup(format!("{doing}: {cause}"))
}

/// The fault that an error of the system or of TLS tells of.
#[must_use]
pub fn of_io(doing: &str, error: &io::Error) -> StoreError {
    let inner = error.get_ref();
    if let Some(refused) = inner.and_then(|it| it.downcast_ref::<rustls::Error>()) {
        return StoreError::Setup(format!("{doing}: {}", tls::words(refused)));
    }
    if let Some(refused) = inner.and_then(|it| it.downcast_ref::<held::NoTls>()) {
        return StoreError::Setup(format!("{doing}: {refused}"));
    }
    StoreError::Transient(format!("{doing}: {}", plain(error)))
}

/// The system's own words, without its number.
fn plain(error: &io::Error) -> String {
    let text = match (error.raw_os_error(), error.kind()) {
        (Some(code), _) => Errno::from_raw(code).desc().to_owned(),
        (None, io::ErrorKind::UnexpectedEof) => "the server closed the connection".to_owned(),
        (None, _) => error.to_string(),
    };
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_says_whether_waiting_helps() {
        let check = |state: &str, expected: Kind| assert_eq!(kind(state), expected, "{state}");
        for state in ["08006", "53100", "53300", "57P01", "57P03", "57014", "25006", "40001"] {
            check(state, Kind::Transient);
        }
        for state in ["40P01", "55P03", "XX000", "58030"] {
            check(state, Kind::Transient);
        }
        for state in ["28P01", "28000", "3D000", "3F000", "42501", "42P01"] {
            check(state, Kind::Setup);
        }
        for state in ["22003", "22021", "22P02", "23505", "23514", "23502", "44000", "P0001"] {
            check(state, Kind::Poison);
        }
        for state in ["57P02", "P0002", "25P03", ""] {
            check(state, Kind::Transient);
        }
    }

    #[test]
    fn a_fault_is_told_in_the_systems_words() {
        let check = |error: io::Error, expected: &str| {
            assert_eq!(of_io("connect", &error).to_string(), expected);
        };
        check(io::Error::from_raw_os_error(111), "connect: connection refused");
        check(io::ErrorKind::UnexpectedEof.into(), "connect: the server closed the connection");
        let untrusted = rustls::CertificateError::UnknownIssuer;
        let error = io::Error::new(
            io::ErrorKind::InvalidData,
            rustls::Error::InvalidCertificate(untrusted),
        );
        assert!(matches!(of_io("connect", &error), StoreError::Setup(_)));
    }
}
