//! Takes those parameters out of a URL that the `postgres` crate does not know, or does otherwise.

use std::path::PathBuf;

use super::Tls;

/// Parameters of libpq that would have to change what is done here.
const UNSUPPORTED: &[&str] = &["sslcert", "sslkey", "sslpassword", "sslcrl", "gssencmode"];

/// What `sslmode` says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    AsIsDue,
    Plain,
    Verified,
}

/// A URL without the parameters that the crate does not know or does otherwise.
pub struct Url {
    /// What is left.
    pub plain: String,
    mode: Mode,
    root: Option<PathBuf>,
    /// Whether it says that a pooler is there, in the word of other clients: `pgbouncer=true`.
    pub pooled: bool,
}

impl Url {
    /// Takes it apart.
    ///
    /// # Errors
    /// What is wrong with it, without any value that may be a password.
    pub fn split(url: &str) -> Result<Self, String> {
        let rest = ["postgres://", "postgresql://"].iter().find_map(|it| url.strip_prefix(it));
        let rest = rest.ok_or("the URL must begin with postgres:// or postgresql://")?;
        // An @ ends the user and password; one that belongs to them has to be written otherwise.
        let (login, place) = rest.split_once('@').map_or((None, rest), |(a, b)| (Some(a), b));
        if place.contains('@') || login.is_some_and(|login| login.contains(['/', '?'])) {
            let text = "write @ as %40, / as %2F and ? as %3F in user, password and parameters";
            return Err(text.to_owned());
        }
        let (place, parameters) = place.split_once('?').unwrap_or((place, ""));
        let login = login.map(|login| format!("{login}@")).unwrap_or_default();
        let plain = format!("postgres://{login}{place}");
        let mut split = Self { plain, mode: Mode::AsIsDue, root: None, pooled: false };
        let mut separator = '?';
        for parameter in parameters.split('&').filter(|it| !it.is_empty()) {
            if !split.take(parameter)? {
                split.plain.push(separator);
                split.plain.push_str(parameter);
                separator = '&';
            }
        }
        Ok(split)
    }

    /// Takes a parameter out; says whether it is one of ours.
    fn take(&mut self, parameter: &str) -> Result<bool, String> {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match name {
            "sslmode" => {
                self.mode = match value {
                    "allow" | "prefer" => Mode::AsIsDue,
                    "disable" => Mode::Plain,
                    "require" | "verify-ca" | "verify-full" => Mode::Verified,
                    _ => {
                        let must_be = "disable, require, verify-ca or verify-full";
                        return Err(format!("sslmode is {value:?}, must be {must_be}"));
                    }
                }
            }
            "sslrootcert" if value == "system" => self.root = None,
            "sslrootcert" => self.root = Some(PathBuf::from(decoded(value)?)),
            "pgbouncer" => self.pooled = value == "true",
            "sslnegotiation" if value == "postgres" => {}
            "sslnegotiation" => {
                return Err(format!("sslnegotiation is {value:?}, must be postgres"));
            }
            _ if UNSUPPORTED.contains(&name) => {
                return Err(format!("{name} is not supported, leave it out"));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// How a server is talked to that is on this machine or elsewhere.
    pub fn tls(&self, is_here: bool) -> Tls {
        match self.mode {
            Mode::Plain => Tls::Plain,
            Mode::AsIsDue if is_here && self.root.is_none() => Tls::Plain,
            Mode::AsIsDue | Mode::Verified => Tls::Verified { root: self.root.clone() },
        }
    }
}

/// `%2F` and the like as what they stand for.
fn decoded(text: &str) -> Result<String, String> {
    let wrong = || format!("{text:?} is not written as URLs are");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let pair = digit().zip(digit()).map(|(high, low)| high * 16 + low);
            pair.and_then(|pair| u8::try_from(pair).ok()).ok_or_else(wrong)?
        } else {
            byte
        });
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}
