//! What is posted: which feed it is for, and the way there and back.
//!
//! In:      requests with their bodies, from the front
//! Out:     posts to the feeds; their verdicts as answers
//! Drops:   who has no token of a feed that wants one (401), from the sixth in a second on with 429; what no feed has room for (503)
//!
//! Several feeds may share an address: the token tells which one a post is for, and what has none goes to the feed that wants none.

use std::time::Instant;

use parking_lot::{Mutex, RwLock};
use sha2::{Digest, Sha256};

use super::api::{Answer, Answers};
use super::failures::Failures;
use super::front::Token;
use super::reply::Reply;
use super::request::Request;
use crate::config::{FeedConfig, FeedKind};
use crate::feed::http::{self, Content, Form, Post, Ticket, Verdict};
use crate::queue::Outlet;

/// A hash of a token: how far two hashes are the same tells nobody anything.
type Hash = [u8; 32];

/// What each feed wants of those who post to it, in the order of the configuration; nothing of those that take no posts or want none.
/// It may change while posts come.
pub struct Tokens(RwLock<Vec<Option<Hash>>>);

impl Tokens {
    /// Of these feeds.
    #[must_use]
    pub fn of(feeds: &[FeedConfig]) -> Self {
        Self(RwLock::new(hashes(feeds)))
    }

    /// From now on what the same feeds want is this, of all at once.
    pub fn follow(&self, feeds: &[FeedConfig]) {
        *self.0.write() = hashes(feeds);
    }
}

fn hashes(feeds: &[FeedConfig]) -> Vec<Option<Hash>> {
    let hash = |feed: &FeedConfig| match &feed.kind {
        FeedKind::Http { token, .. } if !token.is_empty() => Some(digest(token.reveal())),
        _ => None,
    };
    feeds.iter().map(hash).collect()
}

/// A feed that takes posts.
pub struct Door {
    /// Its place in the configuration.
    feed: usize,
    posts: Outlet<Post>,
}

impl Door {
    /// To the feed of this place in the configuration, which is behind this queue.
    #[must_use]
    pub const fn new(feed: usize, posts: Outlet<Post>) -> Self {
        Self { feed, posts }
    }
}

/// All feeds of one address.
pub struct Ingest {
    doors: Vec<Door>,
    failures: Mutex<Failures>,
}

impl Ingest {
    /// These.
    #[must_use]
    pub fn new(doors: Vec<Door>) -> Self {
        Self { doors, failures: Mutex::new(Failures::new()) }
    }

    /// Leaves a request with the feed it is for.
    ///
    /// # Errors
    /// The answer when that is not possible.
    pub(super) fn take(
        &self,
        tokens: &Tokens,
        form: Form,
        request: Request,
        (token, now): (Token, Instant),
        received_us: i64,
    ) -> Result<(), Reply> {
        let door = self.door(tokens, &request, now)?;
        if !request.query.is_empty() {
            return Err(Reply::error(400, "there are no parameters here"));
        }
        let content = content(&request)?;
        let ticket = Ticket { place: token.pack(), closes: !request.keep_alive };
        let post = Post { ticket, form, content, received_us, body: request.body };
        door.posts.offer(post).map_err(|_| {
            Reply::error(503, "more is posted than can be taken, try again")
                .with_header("Retry-After", "1")
        })
    }

    /// The feed of the token that a request has, or the one that wants none.
    fn door(&self, tokens: &Tokens, request: &Request, now: Instant) -> Result<&Door, Reply> {
        if self.doors.is_empty() {
            return Err(Reply::error(404, "no feed of kind http is configured"));
        }
        let scheme = request.authorization.split_once(' ');
        let token = scheme.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let given = token.map(|(_, token)| digest(token.trim()));
        let tokens = tokens.0.read();
        let wants = |door: &Door| tokens.get(door.feed).copied().flatten();
        let found = self.doors.iter().find(|door| wants(door).is_some() && wants(door) == given);
        let open = || self.doors.iter().find(|door| wants(door).is_none());
        let all_open = self.doors.iter().all(|door| wants(door).is_none());
        let found = found.or_else(|| open().filter(|_| given.is_none() || all_open));
        found.ok_or_else(|| {
            if self.failures.lock().is_too_many(now) {
                return Failures::reply();
            }
            let text = "a token of the feed is wanted: Authorization: Bearer";
            Reply::error(401, text).with_header("WWW-Authenticate", "Bearer")
        })
    }
}

fn digest(token: &str) -> Hash {
    Sha256::digest(token.as_bytes()).into()
}

/// What the body is said to be.
fn content(request: &Request) -> Result<Content, Reply> {
    if !request.content_encoding.is_empty() {
        return Err(Reply::error(415, "send the body as it is, without Content-Encoding"));
    }
    Ok(match request.content_type.as_str() {
        "application/json" => Content::Json,
        "application/x-ndjson"
        | "application/ndjson"
        | "application/jsonl"
        | "application/x-jsonlines" => Content::JsonLines,
        "text/plain" => Content::Lines,
        // What curl says when nobody tells it.
        "" | "application/x-www-form-urlencoded" | "application/octet-stream" => Content::Unknown,
        kind if kind.ends_with("+json") => Content::Json,
        _ => {
            let text = "the body must be application/json, application/x-ndjson or text/plain";
            return Err(Reply::error(415, text));
        }
    })
}

impl http::Answers for Answers {
    fn put(&self, ticket: Ticket, verdict: Verdict) {
        let again = verdict.is_come_again();
        let mut reply = Reply::json_bytes(verdict.status, verdict.body);
        if again {
            reply = reply.with_header("Retry-After", "1");
        }
        let bytes = reply.into_bytes(false, ticket.closes);
        self.put(Answer { token: Token::unpack(ticket.place), bytes });
    }
}
