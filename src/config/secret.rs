//! A URL that may hold a password: it is shown without one.

use std::fmt;

/// A URL, or nothing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Of this text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The whole text, password included; for connecting, never for showing.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Secret {
    /// Each URL with `***` for its password, also where it stands among the parameters.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, url) in self.0.split(',').enumerate() {
            if n > 0 {
                out.write_str(",")?;
            }
            out.write_str(&without_password(url))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "\"{self}\"")
    }
}

fn without_password(url: &str) -> String {
    let (url, parameters) = url.split_once('?').unwrap_or((url, ""));
    let mut shown = url.to_owned();
    if let Some((scheme, rest)) = url.split_once("://")
        && let Some((user, host)) = rest.rsplit_once('@')
        && let Some((name, _)) = user.split_once(':')
    {
        shown = format!("{scheme}://{name}:***@{host}");
    }
    for (n, parameter) in parameters.split('&').filter(|it| !it.is_empty()).enumerate() {
        shown.push(if n == 0 { '?' } else { '&' });
        match parameter.split_once('=') {
            Some((name, _)) if name.contains("password") => {
                shown.push_str(name);
                shown.push_str("=***");
            }
            _ => shown.push_str(parameter),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let check = |text: &str, shown: &str| {
            assert_eq!(Secret::new(text).to_string(), shown);
            assert_eq!(format!("{:?}", Secret::new(text)), format!("\"{shown}\""));
        };
        check("", "");
        check("postgres://db/ais", "postgres://db/ais");
        check("postgres://me@db/ais", "postgres://me@db/ais");
        check(
            "postgres://me:p@ss:word@db:5432/ais?sslmode=require",
            "postgres://me:***@db:5432/ais?sslmode=require",
        );
        check(
            "postgres:///ais?host=/run&password=secret&user=me",
            "postgres:///ais?host=/run&password=***&user=me",
        );
        check("redis://:one@a:1,redis://:two@b:2/0", "redis://:***@a:1,redis://:***@b:2/0");
    }
}
