//! Tokens of the admin routes: JWT, HS256 and nothing else.
//!
//! In:      what stands behind `Bearer`
//! Out:     who sent it, if it was signed by one of our keys, has not expired, and says role ADMIN
//!
//! Two keys are known: the configured secret, for people and programs, and the key of this run, for the commands of whoever
//! may read the data directory. A token must say when it expires; clocks may differ by [`LEEWAY_SECONDS`].
//!
//! The crate's own back ends bring every algorithm there is, among them `rsa` with a known weakness. Here it is given
//! HMAC-SHA-256 alone, compared in constant time, so no other algorithm can be asked for, whatever a header says.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result as JwtResult};
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::resilience::words::one_line;

/// Seconds by which the clock of who made a token may be ahead of ours, or behind.
pub const LEEWAY_SECONDS: u64 = 30;
/// The role that may change something.
const ROLE: &str = "ADMIN";
/// Characters of a subject that are told to the log.
const SUBJECT_MAX: usize = 64;

/// Why a token lets nobody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is none, or not ours, or has expired.
    Unknown,
    /// It is ours, for another role.
    Role,
}

/// The keys that are known.
pub struct Keys {
    keys: Vec<DecodingKey>,
    local: String,
    has_secret: bool,
    validation: Validation,
}

impl Keys {
    /// Of this secret, which may be empty, and the key of this run.
    #[must_use]
    pub fn new(secret: &str, local: &str) -> Self {
        install();
        let all = [secret, local].into_iter().filter(|key| !key.is_empty());
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        // Nobody agreed on an audience.
        validation.validate_aud = false;
        validation.set_required_spec_claims(&["exp"]);
        Self {
            keys: all.map(|key| DecodingKey::from_secret(key.as_bytes())).collect(),
            local: local.to_owned(),
            has_secret: !secret.is_empty(),
            validation,
        }
    }

    /// The same with another secret.
    #[must_use]
    pub fn with_secret(&self, secret: &str) -> Self {
        Self::new(secret, &self.local)
    }

    /// Whether tokens can be made by others than the commands of this machine.
    #[must_use]
    pub const fn has_secret(&self) -> bool {
        self.has_secret
    }

    /// Who sent it.
    ///
    /// # Errors
    /// Why nobody may.
    pub fn subject(&self, token: &str) -> Result<String, Refused> {
        let read = |key| jsonwebtoken::decode::<Value>(token, key, &self.validation).ok();
        let claims = self.keys.iter().find_map(read).ok_or(Refused::Unknown)?.claims;
        if claims["role"] != ROLE {
            return Err(Refused::Role);
        }
        let subject =
            claims["sub"].as_str().map_or_else(|| claims["sub"].to_string(), str::to_owned);
        Ok(one_line(&subject, SUBJECT_MAX))
    }
}

/// A token of this subject, signed with this key, that lives so long.
///
/// # Errors
/// When it cannot be made.
pub fn sign(key: &str, subject: &str, lives: Duration) -> JwtResult<String> {
    install();
    let exp = jsonwebtoken::get_current_timestamp() + lives.as_secs();
    let claims = json!({ "sub": subject, "role": ROLE, "exp": exp });
    jsonwebtoken::encode(
        &Header::new(Algorithm::HS256),
        &claims,
        &EncodingKey::from_secret(key.as_bytes()),
    )
}

/// Gives the crate its algorithm; once is enough, and more do no harm.
fn install() {
    let _ = HS256_ALONE.install_default();
}

static HS256_ALONE: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| match (algorithm, key.family()) {
        (Algorithm::HS256, AlgorithmFamily::Hmac) => Ok(Box::new(Hs256(key.as_bytes().to_vec()))),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    },
    verifier_factory: |algorithm, key| match (algorithm, key.family()) {
        (Algorithm::HS256, AlgorithmFamily::Hmac) => {
            Ok(Box::new(Hs256(key.try_get_as_bytes()?.to_vec())))
        }
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    },
    key_utils: KeyUtils::new_unimplemented(),
};

/// HMAC-SHA-256 with this key.
struct Hs256(Vec<u8>);

impl Hs256 {
    fn over(&self, message: &[u8]) -> Result<Hmac<Sha256>, SignatureError> {
        let mut mac = Hmac::new_from_slice(&self.0).map_err(|_| SignatureError::new())?;
        mac.update(message);
        Ok(mac)
    }
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        Ok(self.over(message)?.finalize().into_bytes().to_vec())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    /// In a time that does not tell where they differ.
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        self.over(message)?.verify_slice(signature).map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "a secret of thirty-two bytes or so";
    const LOCAL: &str = "the key of this run, long enough too";

    fn now() -> u64 {
        jsonwebtoken::get_current_timestamp()
    }

    fn token(key: &str, claims: &Value) -> String {
        install();
        let key = EncodingKey::from_secret(key.as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
    }

    #[test]
    fn a_signed_token_of_the_role_that_has_not_expired_lets_in_and_no_other() {
        let keys = Keys::new(SECRET, LOCAL);
        let check = |key: &str, claims: Value, expected: Result<&str, Refused>| {
            let found = keys.subject(&token(key, &claims));
            assert_eq!(found, expected.map(str::to_owned), "{claims}");
        };
        let (soon, unknown) = (now() + 60, Err(Refused::Unknown));
        check(SECRET, json!({"sub": "ann", "role": "ADMIN", "exp": soon}), Ok("ann"));
        check(LOCAL, json!({"sub": "a\nb", "role": "ADMIN", "exp": soon}), Ok("a b"));
        check(SECRET, json!({"sub": 7, "role": "ADMIN", "exp": soon}), Ok("7"));
        check(SECRET, json!({"sub": "ann", "role": "ADMIN", "exp": now() - 20}), Ok("ann"));
        check(SECRET, json!({"sub": "ann", "role": "ADMIN", "exp": now() - 40}), unknown);
        check(SECRET, json!({"sub": "ann", "role": "ADMIN"}), unknown);
        check(SECRET, json!({"sub": "ann", "role": "ADMIN", "exp": "never"}), unknown);
        check(SECRET, json!({"sub": "ann", "role": "ADMIN", "exp": soon, "nbf": soon}), unknown);
        check(
            "another secret of thirty-two bytes!",
            json!({"role": "ADMIN", "exp": soon}),
            unknown,
        );
        for role in [json!("VIEWER"), json!("admin"), json!(["ADMIN"]), json!(null)] {
            check(SECRET, json!({"sub": "ann", "role": role, "exp": soon}), Err(Refused::Role));
        }
    }

    #[test]
    fn another_algorithm_is_refused_whatever_the_header_says() {
        let keys = Keys::new(SECRET, LOCAL);
        let good = sign(SECRET, "ann", Duration::from_secs(60)).unwrap();
        assert!(keys.subject(&good).is_ok());
        let (_, rest) = good.split_once('.').unwrap();
        // {"alg":"none"}, {"alg":"HS512","typ":"JWT"}, {"alg":"RS256","typ":"JWT"}
        for header in [
            "eyJhbGciOiJub25lIn0",
            "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9",
            "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9",
        ] {
            assert_eq!(keys.subject(&format!("{header}.{rest}")), Err(Refused::Unknown));
            let unsigned = rest.split_once('.').unwrap().0;
            assert_eq!(keys.subject(&format!("{header}.{unsigned}.")), Err(Refused::Unknown));
        }
        for broken in
            ["", ".", "..", "a.b.c", "a.b.c.d", &good[..good.len() - 1], "\u{e9}.\u{e9}.x"]
        {
            assert_eq!(keys.subject(broken), Err(Refused::Unknown), "{broken}");
        }
    }

    #[test]
    fn without_a_secret_the_key_of_the_run_alone_counts() {
        let keys = Keys::new("", LOCAL);
        assert!(!keys.has_secret());
        assert!(keys.subject(&sign(LOCAL, "command", Duration::from_secs(5)).unwrap()).is_ok());
        let forged = sign("", "ann", Duration::from_secs(60)).unwrap();
        assert_eq!(keys.subject(&forged), Err(Refused::Unknown));
    }
}
