//! What may be done to the dead letters over HTTP, and by whom.
//!
//! In:      requests of `/admin/dlq/...`, also under the prefix `/api` of the backend that aisd replaces
//! Out:     numbers and letters out of the file; letters that are tried at once, or cleared away
//! Drops:   who has no token of ours (401), or one for another role (403); from the sixth in a second on with 429
//!
//! Tokens are looked at by the front, in memory; the file is the business of the API's thread. A right token is let through also
//! while others fail, so that nobody can lock the operator out. Every change is logged with the subject of its token.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Mutex, RwLock};
use serde_json::{Value, json};

use super::Face;
use super::failures::Failures;
use super::query::Query;
use super::reply::Reply;
use super::request::Request;
use super::token::{Keys, Refused};
use crate::clock::Clock;
use crate::resilience::dead_letters::{DeadLetterError, DeadLetters, Reader, Which};

/// Letters that one answer shows at most, and without being asked for more.
const PEEK_MAX: usize = 1000;
const PEEK: usize = 10;

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// How many there are.
    Stats,
    /// The oldest ones.
    Peek,
    /// That they are tried now.
    Retry,
    /// That those go which are tried again by themselves.
    ClearPending,
    /// That those go which are not.
    ClearDead,
}

impl Deed {
    /// What this path asks for, if it is one of these.
    #[must_use]
    pub fn at(path: &str) -> Option<Self> {
        let path = path.strip_prefix("/api").unwrap_or(path);
        Some(match path.strip_prefix("/admin/dlq/")? {
            "stats" => Self::Stats,
            "peek" => Self::Peek,
            "retry" => Self::Retry,
            "clear" => Self::ClearPending,
            "dead-letter" => Self::ClearDead,
            _ => return None,
        })
    }

    /// Whether this method asks for it.
    #[must_use]
    pub fn takes(self, method: &str) -> bool {
        self.allow().split(", ").any(|known| known == method)
    }

    const fn allow(self) -> &'static str {
        match self {
            Self::Stats | Self::Peek => "GET, HEAD",
            Self::Retry => "POST",
            Self::ClearPending | Self::ClearDead => "DELETE",
        }
    }
}

/// Who may do something, and the letters.
pub struct Admin {
    keys: RwLock<Keys>,
    failures: Mutex<Failures>,
    letters: Option<Arc<Mutex<DeadLetters>>>,
    data_dir: PathBuf,
    clock: Clock,
}

impl Admin {
    /// With these keys, over the letters of this data directory; the store that writes them has them behind the lock, where
    /// there is one.
    #[must_use]
    pub fn new(
        keys: Keys,
        letters: Option<Arc<Mutex<DeadLetters>>>,
        data_dir: &Path,
        clock: Clock,
    ) -> Self {
        let failures = Mutex::new(Failures::new());
        let keys = RwLock::new(keys);
        Self { keys, failures, letters, data_dir: data_dir.to_owned(), clock }
    }

    /// Tokens are signed with this secret from now on; none are when it is empty.
    pub fn set_secret(&self, secret: &str) {
        let mut keys = self.keys.write();
        *keys = keys.with_secret(secret);
    }

    /// Notes in the request who sent it.
    ///
    /// # Errors
    /// The answer for who may not.
    pub(super) fn admit(&self, request: &mut Request, now: Instant) -> Result<(), Reply> {
        let scheme = request.authorization.split_once(' ');
        let token = scheme.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let token = token.map_or("", |(_, token)| token.trim());
        let subject = self.keys.read().subject(token);
        match subject {
            Ok(subject) => {
                request.subject = Some(subject);
                Ok(())
            }
            Err(refused) => Err(self.refuse(refused, now)),
        }
    }

    fn refuse(&self, refused: Refused, now: Instant) -> Reply {
        if self.failures.lock().is_too_many(now) {
            return Failures::reply();
        }
        match refused {
            Refused::Unknown if !self.keys.read().has_secret() => Reply::error(
                403,
                "there are no tokens: set JWT_SECRET, or use aisd dlq beside the daemon",
            ),
            Refused::Unknown => Reply::error(401, "a token is wanted: Authorization: Bearer")
                .with_header("WWW-Authenticate", "Bearer"),
            Refused::Role => Reply::error(403, "the token is for another role"),
        }
    }

    /// Does what an admitted request asks for.
    ///
    /// # Errors
    /// The answer when that is not possible.
    pub(super) fn answer(&self, deed: Deed, request: &Request) -> Result<Reply, Reply> {
        // The front has let it in, or it does not come here.
        let subject = request.subject.as_deref().ok_or_else(|| Reply::error(401, "no token"))?;
        match deed {
            Deed::Stats => {
                Query::read(&request.query, &[])?;
                self.stats()
            }
            Deed::Peek => {
                let query = Query::read(&request.query, &["count"])?;
                self.peek(query.number("count", PEEK, PEEK_MAX)?)
            }
            Deed::Retry => {
                let query = Query::read(&request.query, &["dead"])?;
                let dead = query.one_of("dead", &["true", "false"])? == Some("true");
                let mut due = self.change(|letters, now| letters.hurry(Which::Pending, now))?;
                if dead {
                    due += self.change(|letters, now| letters.hurry(Which::Dead, now))?;
                }
                tracing::info!(subject, letters = due, dead, "dead letters are tried at once");
                Ok(Reply::json(201, &json!({ "due": due })))
            }
            Deed::ClearPending => self.clear(Which::Pending, request, subject),
            Deed::ClearDead => self.clear(Which::Dead, request, subject),
        }
    }

    fn stats(&self) -> Result<Reply, Reply> {
        let stats = self.read(|reader| reader.stats())?.unwrap_or_default();
        let pending = stats.rows.saturating_sub(stats.dead);
        Ok(Reply::json(
            200,
            &json!({
                "pending": pending,
                "dead": stats.dead,
                "total": stats.rows,
                "messages": stats.messages,
                "by_sqlstate": stats.by_sqlstate,
            }),
        ))
    }

    fn peek(&self, count: usize) -> Result<Reply, Reply> {
        let letters = self.read(|reader| reader.peek(count))?.unwrap_or_default();
        let letters: Vec<Value> = letters.iter().map(|letter| letter.to_json()).collect();
        Ok(Reply::json(200, &Value::from(letters)))
    }

    fn clear(&self, which: Which, request: &Request, subject: &str) -> Result<Reply, Reply> {
        Query::read(&request.query, &[])?;
        let cleared = self.change(|letters, now| letters.clear(which, now))?;
        let which = if which == Which::Dead { "dead" } else { "pending" };
        tracing::warn!(subject, letters = cleared, which, "dead letters cleared away");
        Ok(Reply::json(200, &json!({ "cleared": cleared })))
    }

    /// Looks into the file beside whoever writes it.
    fn read<T>(
        &self,
        what: impl FnOnce(&Reader) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Reply> {
        let reader = Reader::open(&self.data_dir).map_err(|error| cannot(&error))?;
        reader.as_ref().map(what).transpose().map_err(|error| cannot(&error))
    }

    /// Changes letters chunk by chunk, the writer let in between; how many.
    fn change(
        &self,
        one: impl Fn(&mut DeadLetters, i64) -> Result<u64, DeadLetterError>,
    ) -> Result<u64, Reply> {
        let Some(letters) = &self.letters else {
            let left = self.read(|reader| reader.stats())?.unwrap_or_default().rows;
            let text = "these letters are of a Postgres, and it is not what is stored in now";
            return if left == 0 { Ok(0) } else { Err(Reply::error(409, text)) };
        };
        let (now_us, mut all) = (self.clock.now_us(), 0);
        loop {
            match one(&mut letters.lock(), now_us).map_err(|error| cannot(&error))? {
                0 => return Ok(all),
                changed => all += changed,
            }
        }
    }
}

fn cannot(error: &dyn std::fmt::Display) -> Reply {
    Reply::error(503, format!("cannot do that now: {error}")).with_header("Retry-After", "1")
}

/// The answer to a path of these with a method that is not for it.
pub fn wrong_method(_face: &Face, request: &Request) -> Reply {
    let allow = Deed::at(&request.path).map_or("", Deed::allow);
    Reply::error(405, format!("for this path there is {allow} alone")).with_header("Allow", allow)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn five_refusals_in_a_second_are_told_apart_and_the_next_ones_not() {
        let admin = Admin::new(Keys::new("", "key"), None, Path::new("."), Clock::System);
        let start = Instant::now() + Duration::from_secs(5);
        let status = |milliseconds, refused| {
            admin.refuse(refused, start + Duration::from_millis(milliseconds)).status
        };
        for second in 0..3 {
            let statuses: Vec<u16> =
                (0..7).map(|n| status(second * 1000 + n * 100, Refused::Role)).collect();
            assert_eq!(statuses, [403, 403, 403, 403, 403, 429, 429]);
        }
    }

    #[test]
    fn a_path_is_known_under_both_prefixes_and_for_its_methods_alone() {
        let check = |path: &str, deed: Deed, method: &str| {
            assert_eq!(Deed::at(&format!("/admin/dlq/{path}")), Some(deed));
            assert_eq!(Deed::at(&format!("/api/admin/dlq/{path}")), Some(deed));
            for other in ["GET", "HEAD", "POST", "DELETE", "PUT", "get", ""] {
                let head = method == "GET" && other == "HEAD";
                assert_eq!(deed.takes(other), other == method || head, "{other} {path}");
            }
        };
        check("stats", Deed::Stats, "GET");
        check("peek", Deed::Peek, "GET");
        check("retry", Deed::Retry, "POST");
        check("clear", Deed::ClearPending, "DELETE");
        check("dead-letter", Deed::ClearDead, "DELETE");
        for nothing in
            ["/admin/dlq/", "/api/api/admin/dlq/stats", "/admin/dlq/stats/", "/dlq/stats"]
        {
            assert_eq!(Deed::at(nothing), None, "{nothing}");
        }
    }
}
