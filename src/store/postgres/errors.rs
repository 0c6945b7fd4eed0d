//! What to do about an error of Postgres, by its SQLSTATE and never by its text.

use super::wire::WireError;
use crate::store::StoreError;

/// What an error asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Trying again later.
    Transient,
    /// Somebody to change something.
    Setup,
    /// Finding the row that it is about.
    Poison,
}

/// The class of a SQLSTATE.
#[must_use]
pub fn class_of(code: &str) -> Class {
    match (code.get(..2).unwrap_or(""), code) {
        // A value that is out of range or malformed, a constraint, a check of a view, an exception of a trigger.
        ("22" | "23" | "44", _) | (_, "P0001") => Class::Poison,
        // Who we are, what we may, and what is there.
        ("28" | "3D" | "3F" | "42" | "0A", _) => Class::Setup,
        // Everything else passes: lost connections, no room, read-only, deadlocks, being shut down.
        _ => Class::Transient,
    }
}

/// The error as the writer knows it; poison counts as transient where no row can be found for it.
#[must_use]
pub fn sorted(doing: &str, error: WireError) -> StoreError {
    let text = format!("{doing}: {error}");
    match error.code().map(class_of) {
        Some(Class::Setup) => StoreError::Setup(text),
        _ => StoreError::Transient(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sqlstate_has_its_class() {
        let check = |codes: &[&str], class| {
            for code in codes {
                assert_eq!(class_of(code), class, "{code}");
            }
        };
        let transient = [
            "08006", "53100", "53200", "53300", "57P01", "57P03", "57014", "25006", "40001",
            "40P01", "55P03", "58030", "XX000", "25P03", "",
        ];
        check(&transient, Class::Transient);
        check(&["28P01", "28000", "3D000", "42501", "42P01", "42703", "3F000"], Class::Setup);
        check(
            &["22003", "22021", "22P02", "23505", "23514", "23502", "44000", "P0001"],
            Class::Poison,
        );
    }
}
