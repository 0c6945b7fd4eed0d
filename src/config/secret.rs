//! What is secret and how it is shown: a URL without its password, and a secret of which nothing is.

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
    /// Each URL with `***` for its password, also where it stands among the parameters. What is no URL, or an odd one, is
    /// shown less rather than more.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<String> = urls(&self.0).into_iter().map(without_password).collect();
        out.write_str(&shown.join(","))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "\"{self}\"")
    }
}

/// A secret of which nothing is shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Hidden(String);

impl Hidden {
    /// Of this text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The whole text; for using, never for showing.
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

impl fmt::Display for Hidden {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(if self.is_empty() { "" } else { HIDDEN })
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "\"{self}\"")
    }
}

/// What is shown for what is not.
const HIDDEN: &str = "***";
/// URLs whose parts are known.
const SCHEMES: &[&str] = &["postgres", "postgresql", "redis", "rediss", "redis+unix", "unix"];
/// Where one URL of several begins; a password may have commas of its own.
const BEGINNINGS: &[&str] = &[",redis://", ",rediss://", ",redis+unix://", ",unix://"];

/// The URLs of a list.
fn urls(text: &str) -> Vec<&str> {
    let mut starts: Vec<usize> =
        BEGINNINGS.iter().flat_map(|begin| text.match_indices(begin).map(|(at, _)| at)).collect();
    starts.sort_unstable();
    let (mut urls, mut from) = (Vec::new(), 0);
    for at in starts {
        urls.push(&text[from..at]);
        from = at + 1;
    }
    urls.push(&text[from..]);
    urls
}

fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| is_plain(scheme)) else {
        let hidden = !is_plain(url);
        return if hidden { HIDDEN } else { url }.to_owned();
    };
    if !SCHEMES.contains(&scheme) {
        return format!("{scheme}://{HIDDEN}");
    }
    // The last @ ends the password, whatever stands in it.
    let (user, place) =
        rest.rsplit_once('@').map_or_else(|| (String::new(), rest), |(u, it)| (shown_user(u), it));
    let (place, parameters) = place.split_once('?').unwrap_or((place, ""));
    let place = if is_place(place) { place } else { HIDDEN };
    format!("{scheme}://{user}{place}{}", shown_parameters(parameters))
}

fn shown_user(user: &str) -> String {
    match user.split_once(':') {
        Some((name, _)) if is_plain(name) => format!("{name}:{HIDDEN}@"),
        None if is_plain(user) => format!("{user}@"),
        _ => format!("{HIDDEN}@"),
    }
}

fn shown_parameters(parameters: &str) -> String {
    let shown = |parameter: &str| match parameter.split_once('=') {
        Some((name, _)) if name.contains("pass") => format!("{name}={HIDDEN}"),
        Some(_) => parameter.to_owned(),
        None => HIDDEN.to_owned(),
    };
    let all = parameters.split('&').filter(|parameter| !parameter.is_empty()).map(shown);
    let all: Vec<String> = all.collect();
    if all.is_empty() { String::new() } else { format!("?{}", all.join("&")) }
}

/// A word that separates nothing.
fn is_plain(text: &str) -> bool {
    text.chars().all(|letter| letter.is_alphanumeric() || "_-.+%".contains(letter))
}

/// Hosts with ports and a path: what stands behind a colon is a number, not a password whose host was forgotten.
fn is_place(text: &str) -> bool {
    let hosts = text.split('/').next().unwrap_or(text);
    hosts.split(',').all(|host| {
        let port = host.rsplit_once(':').map_or("0", |(_, port)| port);
        let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        host.ends_with(']') || is_number
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
        check("postgres://me:one@a:1,b:2/ais", "postgres://me:***@a:1,b:2/ais");
        check("postgres://me:one@[::1]:5432/ais", "postgres://me:***@[::1]:5432/ais");
        check("unix:///run/redis.sock?db=1&pass=one", "unix:///run/redis.sock?db=1&pass=***");
    }

    #[test]
    fn what_is_no_url_or_an_odd_one_is_shown_less_rather_than_more() {
        let check = |text: &str, shown: &str| assert_eq!(Secret::new(text).to_string(), shown);
        check("nowhere", "nowhere");
        check("me:one@db:5432/ais", "***");
        check("host=db user=me password=one", "***");
        check("mysql://me:one@db", "mysql://***");
        check("postgres://me:one", "postgres://***");
        check("postgres://me:one/ais", "postgres://***");
        check("postgres://db/ais?user=me&password=on@e", "postgres://***@e");
        check("postgres:///ais?one", "postgres:///ais?***");
    }

    proptest! {
        #[test]
        fn no_password_is_shown_whatever_stands_in_it(
            before in "[@:/?#,&=% ]{0,6}",
            after in "[@:/?#,&=% ]{0,6}",
            form in 0..4_usize,
        ) {
            let password = format!("{before}hunter2{after}");
            let text = match form {
                0 => format!("postgres://me:{password}@db:5432/ais?sslmode=require"),
                1 => format!("redis://:{password}@a:1,redis://:{password}@b:2/0"),
                2 => format!("me:{password}@db:5432"),
                _ => format!("postgres://me:{password}"),
            };
            // Without an @ nobody can tell a password with these in it from hosts, a path and parameters.
            prop_assume!(form < 3 || !before.contains(['/', '?', '@', ',']));
            prop_assert!(!Secret::new(&text).to_string().contains("hunter2"), "{}", text);
        }
    }
}
