//! Text that may hold a password: it is used, and never shown.
//!
//! What is given on the command line can be read by everybody on the machine while the program runs. The environment
//! cannot, so an address may come from there.

use std::ffi::OsString;

/// An address with everything that it needs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for those who connect.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("not shown")
    }
}

/// What is there, or else what a variable of the environment holds.
///
/// # Errors
/// A text that names the option and the variable, when neither says anything.
pub fn or_from(told: Option<Secret>, option: &str, variable: &str) -> Result<Secret, String> {
    let environment =
        || std::env::var_os(variable).and_then(|text| OsString::into_string(text).ok());
    let found = told.or_else(|| environment().filter(|text| !text.is_empty()).map(Secret));
    found.ok_or_else(|| format!("{option} names no address, and {variable} is not set"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::from("postgres://aisd:hush@db/ais");
        assert_eq!(format!("{secret:?}"), "not shown");
        assert_eq!(secret.reveal(), "postgres://aisd:hush@db/ais");
    }

    #[test]
    fn what_is_told_wins_over_the_environment_and_nothing_is_an_error() {
        let told = Some(Secret::from("a"));
        assert_eq!(or_from(told.clone(), "--verify", "LOADGEN_UNSET"), Ok(Secret::from("a")));
        // Every process has a path.
        let path = or_from(None, "--verify", "PATH").unwrap();
        assert_eq!(path.reveal(), std::env::var("PATH").unwrap());
        let text = or_from(None, "--verify", "LOADGEN_UNSET").unwrap_err();
        assert_eq!(text, "--verify names no address, and LOADGEN_UNSET is not set");
    }
}
