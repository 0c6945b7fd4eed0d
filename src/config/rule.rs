//! What a value may be: its type, its range, and the words that say so.

use std::fmt;

use tracing_subscriber::EnvFilter;

/// A value before it is put into its place.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Whole(i64),
    /// A number with a point.
    Real(f64),
    /// True or false.
    Truth(bool),
    /// Text, also a path or an address.
    Text(String),
}

impl fmt::Display for Value {
    /// As TOML writes it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(value) => write!(out, "{value}"),
            Self::Real(value) => write!(out, "{}", toml::Value::Float(*value)),
            Self::Truth(value) => write!(out, "{value}"),
            Self::Text(value) => write!(out, "{}", toml::Value::String(value.clone())),
        }
    }
}

/// Bytes of a secret at least: fewer than the hash has would make its tokens easier to forge.
pub const SECRET_BYTES_MIN: usize = 32;

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// A whole number in this range, both ends included.
    Whole(i64, i64),
    /// A number in this range, both ends included.
    Real(f64, f64),
    /// True or false.
    Truth,
    /// True, false, or `"auto"`.
    TruthOrAuto,
    /// Text that is not empty.
    Text,
    /// Any text, also none.
    AnyText,
    /// A URL of one of these schemes, or several separated by commas, or nothing.
    UrlOrNone(&'static [&'static str]),
    /// A secret of [`SECRET_BYTES_MIN`] bytes or more, or nothing.
    HiddenOrNone,
    /// A secret that somebody else has made, or nothing.
    TokenOrNone,
    /// A URL of one of these schemes.
    Url(&'static [&'static str]),
    /// Some of these words, separated by commas.
    SomeOf(&'static [&'static str]),
    /// Boxes of south, west, north, east in degrees, separated by semicolons.
    Boxes,
    /// A list that can be read, or nothing: what reads it, and how it is written.
    List(fn(&str) -> bool, &'static str),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// `HOST:PORT`.
    Address,
    /// `HOST:PORT`, or nothing.
    AddressOrNone,
    /// An RFC 3339 time.
    Time,
    /// Log directives, as of `tracing`.
    Directives,
    /// The name of a feed: small letters, digits, `_` and `-`, at most 32.
    Name,
}

impl Rule {
    /// The value, if it may be one; a whole number is also a number with a point.
    ///
    /// # Errors
    /// What it must be instead, in words.
    pub fn check(&self, value: Value) -> Result<Value, String> {
        let value = match (self, value) {
            #[expect(clippy::cast_precision_loss, reason = "ranges of real keys are small")]
            (Self::Real(..), Value::Whole(whole)) => Value::Real(whole as f64),
            (_, value) => value,
        };
        if self.allows(&value) { Ok(value) } else { Err(self.to_string()) }
    }

    fn allows(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Whole(min, max), Value::Whole(value)) => (min..=max).contains(&value),
            (Self::Real(min, max), Value::Real(value)) => (min..=max).contains(&value),
            (Self::Truth | Self::TruthOrAuto, Value::Truth(_)) => true,
            (Self::TruthOrAuto, Value::Text(text)) => text == "auto",
            (Self::Text, Value::Text(text)) => !text.is_empty() && !text.contains('\0'),
            (Self::AnyText, Value::Text(text)) => !text.contains('\0'),
            (Self::UrlOrNone(schemes), Value::Text(text)) => {
                text.is_empty() || text.split(',').all(|url| is_url(url, schemes))
            }
            (Self::HiddenOrNone, Value::Text(text)) => {
                text.is_empty() || text.len() >= SECRET_BYTES_MIN
            }
            (Self::TokenOrNone, Value::Text(text)) => !text.contains(|it: char| it.is_control()),
            (Self::Url(schemes), Value::Text(text)) => is_url(text, schemes),
            (Self::SomeOf(words), Value::Text(text)) => {
                text.split(',').all(|word| words.contains(&word.trim()))
            }
            (Self::Boxes, Value::Text(text)) => boxes(text).is_some(),
            (Self::List(reads, _), Value::Text(text)) => text.trim().is_empty() || reads(text),
            (Self::OneOf(words), Value::Text(text)) => words.contains(&text.as_str()),
            (Self::Address, Value::Text(text)) => is_address(text),
            (Self::AddressOrNone, Value::Text(text)) => text.is_empty() || is_address(text),
            (Self::Time, Value::Text(text)) => text.parse::<jiff::Timestamp>().is_ok(),
            (Self::Directives, Value::Text(text)) => {
                !text.is_empty() && EnvFilter::try_new(text).is_ok()
            }
            (Self::Name, Value::Text(text)) => is_name(text),
            _ => false,
        }
    }

    /// Reads text from the environment or a flag as the value it is most likely meant to be.
    #[must_use]
    pub fn read(&self, text: &str) -> Value {
        let as_written = || Value::Text(text.to_owned());
        match self {
            Self::Whole(..) => {
                text.replace('_', "").parse().map_or_else(|_| as_written(), Value::Whole)
            }
            Self::Real(..) => text.parse().map_or_else(|_| as_written(), Value::Real),
            Self::Truth | Self::TruthOrAuto => match text {
                "true" | "1" | "yes" | "on" => Value::Truth(true),
                "false" | "0" | "no" | "off" => Value::Truth(false),
                _ => as_written(),
            },
            _ => as_written(),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(min, max) => write!(out, "{min}..={max}"),
            Self::Real(min, max) => write!(out, "{min}..={max}"),
            Self::Truth => write!(out, "true or false"),
            Self::TruthOrAuto => write!(out, "true, false or \"auto\""),
            Self::Text => write!(out, "text that is not empty"),
            Self::AnyText => write!(out, "text"),
            Self::UrlOrNone(schemes) => {
                write!(out, "a URL that begins with {}://, or \"\"", schemes.join(":// or "))
            }
            Self::HiddenOrNone => write!(out, "{SECRET_BYTES_MIN} bytes or more, or \"\" for none"),
            Self::TokenOrNone => write!(out, "one line, or \"\" for none"),
            Self::Url(schemes) => {
                write!(out, "a URL that begins with {}://", schemes.join(":// or "))
            }
            Self::SomeOf(words) => write!(out, "some of \"{}\", with commas", words.join(",")),
            Self::Boxes => write!(
                out,
                "degrees south,west,north,east of one or more boxes, with semicolons between them"
            ),
            Self::List(_, written) => write!(out, "{written}, or \"\""),
            Self::OneOf(words) => write!(out, "one of \"{}\"", words.join("\", \"")),
            Self::Address => write!(out, "HOST:PORT"),
            Self::AddressOrNone => write!(out, "HOST:PORT, or \"\" for none"),
            Self::Time => write!(out, "an RFC 3339 time such as \"2026-01-31T12:00:00Z\""),
            Self::Directives => {
                write!(out, "error, warn, info, debug, trace, or such for modules")
            }
            Self::Name => write!(out, "1 to 32 of a-z, 0-9, _ and -"),
        }
    }
}

/// Boxes as text: `SOUTH,WEST,NORTH,EAST`, with semicolons between them.
#[must_use]
pub fn boxes(text: &str) -> Option<Vec<[f64; 4]>> {
    let degrees = |one: &str| -> Option<[f64; 4]> {
        let numbers: Option<Vec<f64>> = one.split(',').map(|it| it.trim().parse().ok()).collect();
        let sides: [f64; 4] = numbers?.try_into().ok()?;
        let [south, west, north, east] = sides;
        let lies = |range: f64, side: f64| (-range..=range).contains(&side);
        let is_box = lies(90.0, south) && lies(90.0, north) && south < north;
        (is_box && lies(180.0, west) && lies(180.0, east) && west < east).then_some(sides)
    };
    text.split(';').map(degrees).collect()
}

fn is_url(text: &str, schemes: &[&str]) -> bool {
    let rest = text.split_once("://").filter(|(scheme, _)| schemes.contains(scheme));
    rest.is_some_and(|(_, rest)| !rest.is_empty() && !rest.contains(['\0', ' ']))
}

fn is_address(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host_is_plain = bare.is_some_and(|host| host.parse::<std::net::Ipv6Addr>().is_ok())
            || (!host.is_empty() && !host.contains([':', '[', ']', ' ', '/', '\0']));
        host_is_plain
            && port.bytes().all(|byte| byte.is_ascii_digit())
            && port.parse::<u16>().is_ok()
    })
}

fn is_name(text: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    (1..=32).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port() {
        for good in ["127.0.0.1:0", "localhost:10110", "[::1]:3001", "0.0.0.0:65535", "db-1.lan:1"]
        {
            assert!(is_address(good), "{good}");
        }
        for bad in
            ["", ":1", "3001", "host", "host:", "host:65536", "host:+1", "::1:5", "a b:1", "[x]:1"]
        {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[test]
    fn text_is_read_as_what_the_rule_wants() {
        assert_eq!(Rule::Whole(0, 9).read("1_000"), Value::Whole(1000));
        assert_eq!(Rule::Whole(0, 9).read("x"), Value::Text("x".to_owned()));
        assert_eq!(Rule::Truth.read("on"), Value::Truth(true));
        assert_eq!(Rule::Real(0.0, 9.0).check(Value::Whole(3)), Ok(Value::Real(3.0)));
        assert!(Rule::Real(0.0, 9.0).check(Value::Real(f64::NAN)).is_err());
    }
}
