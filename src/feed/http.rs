//! Takes what senders post, and answers each of them when it is on disk.
//!
//! In:      whole bodies of requests, from whoever owns the sockets
//! Out:     batches to the journal, one for what a turn found; a verdict on every body
//! Drops:   what the journal takes nothing of within a second, counted as `dropped{reason="journal_full"}`; its sender is told to come again
//! Metrics: `received`, `rejected`, `dropped`, `ignored`, `fragments_expired`, `bytes` of the feed
//!
//! A verdict of success means that everything of it is on disk: it is given by the receipt of the batch, which the journal's sync
//! wakes this thread with. A verdict of "come again" means that nothing of it is or will be in the journal, but for one case, which its text names:
//! when the disk failed in the middle of it. Bodies that come together share a batch, a write and a sync.
//!
//! What a sender is told is what the shard will decide later: the same rules are asked, with the same received time.

mod body;
mod tally;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use super::{FeedContext, FeedSink, Handed};
use crate::clock::{self, SECOND_US};
use crate::queue::{Inlet, Poll};
use crate::record::{Fate, Receipt};
use crate::reject::Dropped;
use crate::shard::event_time::Believable;
use crate::stage::{self, Broken, Stage, Turn, Waker};
use body::Bodies;

/// Bodies that may wait for the feed; whoever owns the sockets refuses more.
pub const POSTS_MAX: usize = 64;
/// Bodies that may wait for their sync; more are not taken out of the queue.
pub const WAITING_MAX: usize = 512;
/// A batch of which the journal has begun nothing by then is taken back.
const TAKEN_WITHIN: Duration = Duration::from_secs(1);
/// One that it began is not waited for any longer; it may be stored yet.
const DURABLE_WITHIN: Duration = Duration::from_secs(10);
/// A body that is taken out of the queue later than this after its receipt is refused: what is appended must be recent.
const FRESH_US: i64 = 2 * SECOND_US;

/// Which of the two places a body was sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// That for one report.
    One,
    /// That for many.
    Many,
}

/// What the sender says that the body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// JSON.
    Json,
    /// An object of JSON a line.
    JsonLines,
    /// Sentences of NMEA.
    Lines,
    /// Nothing: its first byte tells.
    Unknown,
}

/// Where a verdict goes; handed back as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Which connection.
    pub place: u64,
    /// Whether it closes after the answer.
    pub closes: bool,
}

/// A body.
#[derive(Debug)]
pub struct Post {
    /// Where its verdict goes.
    pub ticket: Ticket,
    /// Where it was sent to.
    pub form: Form,
    /// What it is said to be.
    pub content: Content,
    /// When it was whole, microseconds since 1970.
    pub received_us: i64,
    /// Its bytes.
    pub body: Vec<u8>,
}

/// What is told to a sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The status of HTTP.
    pub status: u16,
    /// JSON.
    pub body: Vec<u8>,
}

impl Verdict {
    /// Nothing was taken, for this reason.
    #[must_use]
    pub fn error(status: u16, text: &str) -> Self {
        Self { status, body: format!("{}\n", serde_json::json!({ "error": text })).into_bytes() }
    }

    /// Whether the same body may be sent again, and when.
    #[must_use]
    pub const fn is_come_again(&self) -> bool {
        self.status == 503
    }
}

/// Who brings verdicts to their senders.
pub trait Answers: Send {
    /// Never waits.
    fn put(&self, ticket: Ticket, verdict: Verdict);
}

/// Bodies whose records are in one batch.
struct Group {
    receipt: Receipt,
    /// When the first of its records came.
    since: std::time::Instant,
    records: u64,
    verdicts: Vec<(Ticket, Verdict)>,
}

/// The HTTP feed.
pub struct HttpFeed {
    name: String,
    posts: Inlet<Post>,
    answers: Box<dyn Answers>,
    own: Waker,
    bodies: Bodies,
    sink: FeedSink,
    /// What is in the sink's batch.
    open: Option<Group>,
    /// What the journal was given, oldest first.
    offered: VecDeque<Group>,
    waiting: usize,
}

impl HttpFeed {
    /// Takes bodies out of the queue that wakes `own`, which is also where this thread waits.
    #[must_use]
    pub fn new(
        context: FeedContext,
        name: &str,
        believable: Believable,
        (posts, own): (Inlet<Post>, Waker),
        answers: Box<dyn Answers>,
    ) -> Self {
        Self {
            name: stage::thread_name("feed", context.id.into(), name),
            posts,
            answers,
            own,
            bodies: Bodies::new(&context.nmea, believable),
            sink: FeedSink::new(context),
            open: None,
            offered: VecDeque::new(),
            waiting: 0,
        }
    }
}

impl Stage for HttpFeed {
    fn name(&self) -> &str {
        &self.name
    }

    fn turn(&mut self) -> Result<Turn, Broken> {
        let settled = self.settle();
        let stopping = self.sink.context().is_stopping();
        let taken = if stopping { self.refuse_all() } else { self.take() };
        match self.hand_on() {
            Handed::Closed => return Ok(Turn::Finished),
            Handed::Kept => return Ok(Turn::Stalled),
            Handed::On(_) => {}
        }
        Ok(match settled + taken {
            0 if stopping && self.waiting == 0 => Turn::Finished,
            0 => Turn::Idle,
            moved => Turn::Moved(moved),
        })
    }

    fn stop(&mut self) {
        self.refuse_all();
    }
}

impl HttpFeed {
    /// Answers those whose batch is on disk, or was not begun in time; says how many.
    fn settle(&mut self) -> u32 {
        let mut settled = 0;
        for at in (0..self.offered.len()).rev() {
            let group = &self.offered[at];
            let late = clock::since(group.since);
            let verdict = match group.receipt.fate() {
                Fate::Durable => None,
                Fate::Begun if late < DURABLE_WITHIN => continue,
                Fate::Begun => Some(not_known()),
                Fate::Offered | Fate::Withdrawn if late < TAKEN_WITHIN => continue,
                Fate::Offered | Fate::Withdrawn if group.receipt.withdraw() => {
                    let dropped = &self.sink.context().feed_counts().dropped;
                    dropped.of(Dropped::JournalFull as usize).add(group.records);
                    Some(no_room())
                }
                Fate::Offered | Fate::Withdrawn => continue,
            };
            if let Some(group) = self.offered.remove(at) {
                settled += self.answer(group, verdict.as_ref());
            }
        }
        settled
    }

    /// Brings each its verdict, or all the same one; says how many.
    fn answer(&mut self, group: Group, instead: Option<&Verdict>) -> u32 {
        let count = group.verdicts.len();
        for (ticket, verdict) in group.verdicts {
            self.answers.put(ticket, instead.cloned().unwrap_or(verdict));
        }
        self.waiting -= count;
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Reads the bodies that wait, into one batch; says how many.
    fn take(&mut self) -> u32 {
        let (mut taken, mut bytes) = (0, 0);
        while !self.sink.is_full() && self.waiting < WAITING_MAX {
            let Poll::Item(post) = self.posts.poll() else { break };
            bytes += post.body.len() as u64;
            self.read(&post);
            taken += 1;
        }
        self.sink.context().feed_counts().bytes.add(bytes);
        taken
    }

    fn read(&mut self, post: &Post) {
        let now_us = self.sink.context().clock.now_us();
        if now_us.saturating_sub(post.received_us) > FRESH_US {
            self.answers.put(post.ticket, no_room());
            return;
        }
        if self.open.is_none() {
            let receipt = Receipt::new(&self.own);
            self.sink.promise(receipt.clone());
            let (since, verdicts) = (clock::now(), Vec::new());
            self.open = Some(Group { receipt, since, records: 0, verdicts });
        }
        let (records, verdict) = self.bodies.read(post, &mut self.sink);
        match &mut self.open {
            Some(group) if records > 0 => {
                if group.records == 0 {
                    group.since = clock::now();
                }
                group.records += records;
                group.verdicts.push((post.ticket, verdict));
                self.waiting += 1;
            }
            _ => self.answers.put(post.ticket, verdict),
        }
    }

    /// Hands the batch to the journal; one that it has had no room for is given up in the end.
    fn hand_on(&mut self) -> Handed {
        let handed = self.sink.hand_on();
        let Some(group) = self.open.take_if(|group| group.records > 0) else { return handed };
        match handed {
            Handed::On(_) => self.offered.push_back(group),
            Handed::Kept if clock::since(group.since) < TAKEN_WITHIN => {
                self.open = Some(group);
                return handed;
            }
            Handed::Kept | Handed::Closed => {
                self.sink.drop_batch();
                self.answer(group, Some(&no_room()));
            }
        }
        handed
    }

    /// Nothing more is taken; says how many were told so.
    fn refuse_all(&mut self) -> u32 {
        let mut refused = 0;
        while let Poll::Item(post) = self.posts.poll() {
            self.answers.put(post.ticket, Verdict::error(503, "the daemon is stopping, try again"));
            refused += 1;
        }
        refused
    }
}

fn no_room() -> Verdict {
    Verdict::error(503, "the journal has no room: nothing was taken, send it again")
}

fn not_known() -> Verdict {
    let text = "not on disk yet, and it may be stored still: send it again with the same times and it is stored once";
    Verdict::error(503, text)
}
