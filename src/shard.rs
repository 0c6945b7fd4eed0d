//! Decides what each report becomes: the stage that turns the journal into rows, one shard of the vessels to a thread.
//!
//! In:      numbered records, in the order of the journal; of those, the shard's own partitions
//! Out:     rows, each batch with how far the shard has come
//! Drops:   what cannot be read or believed, counted by reason; repeats, counted for the feed that brought them
//! Metrics: `ais_shard_*`, `ais_cache_*`, `ais_dedup_*`, and the feeds' `repeats`, `rejected` and `recovered`
//!
//! **A shard is a function of the journal.** Every rule that depends on time uses the record's own received time, never the
//! clock, so running the same records again takes the same decisions. After a restart it begins one dedup window before what
//! the store has, looks at that for what it says, and makes rows only from there on.
//!
//! **Two passes while the store is away.** When the store has had no room for a while, the shard forks: one pass goes ahead
//! with what comes in, for what is known of the vessels, and makes nothing; the other stays where it is, with its rows, and
//! goes on as the store takes them, from segments. Both take the same decisions; when they are level they are one again.
//! What becomes of a message is counted by the pass that makes rows.

pub mod audience;
pub mod decide;
pub mod dedup;
pub mod event_time;
pub mod fleet;
pub mod lasting;
mod learned;
mod make;
pub mod plausibility;
pub mod policy;
mod prefetch;
pub mod quality;
mod said;
pub mod standing;
mod tally;
mod tell;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod vessel;
pub mod vessels;
pub mod weight;

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::clock;
use crate::heard::Telling;
use crate::journal::Place;
use crate::journal::tail::{Next, Tail};
use crate::observe::counts::Counts;
use crate::queue::{Inlet, Outlet, Poll, Refused};
use crate::rows::Rows;
use crate::stage::{Broken, Stage, Turn};
use crate::store::Offsets;
use decide::{Decider, NOTHING_UNDECIDED, Rules};
use vessels::Vessels;

/// Rows that may wait for the store; then the shard waits, and reads back later.
const ROWS_WAITING_MAX: usize = 8192;
/// How far the shard has come is told at least this often, rows or not.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);
/// After this long without room in the store, the shard goes ahead without it.
const FORK_AFTER: Duration = Duration::from_secs(1);

/// Where rows begin, once the store has told its offsets.
#[derive(Clone, Copy)]
pub struct Start {
    /// The first number that is not decided, by partition.
    pub offsets: Offsets,
    /// One dedup window before that.
    pub from: Place,
}

/// How a shard begins, from where its tail stands.
pub enum Begin {
    /// With the store: rows are made from here on.
    Storing(Box<Start>),
    /// Ahead of a store that is away: rows from where it will tell.
    Ahead(Arc<OnceLock<Start>>),
}

/// What a shard thread is given at its birth.
pub struct Shard {
    name: String,
    index: usize,
    rules: Rules,
    /// The pass that makes rows; none as long as the store was never there.
    storing: Option<Pass>,
    /// The pass that goes ahead of it; none while they are one.
    ahead: Option<Pass>,
    told: Arc<OnceLock<Start>>,
    rows: Rows,
    /// How many of them may wait for the store.
    rows_waiting_max: usize,
    /// What the pass ahead would make rows in; always empty.
    no_rows: Rows,
    store: Outlet<Rows>,
    /// Emptied rows that come back from the store.
    spare: Inlet<Rows>,
    counts: Arc<Counts>,
    told_seq: u64,
    told_at: Instant,
    /// The store is a process of its own.
    has_server: bool,
    /// The store had no room for a row, and not all that came since are made yet.
    is_behind: bool,
    /// Since when the store has had no room.
    no_room_since: Option<Instant>,
    recovery: Option<Recovery>,
}

/// One walk through the journal.
struct Pass {
    tail: Tail,
    decider: Decider,
}

/// What is left to be looked at of earlier runs before the daemon is ready, unless the store holds it up.
pub struct Recovery {
    /// The end of what earlier runs left.
    pub until: Place,
    /// Shards that have not yet come that far.
    pub shards_left: Arc<AtomicUsize>,
}

impl Shard {
    /// The shard that these rules are for; its tail stands where it begins.
    #[must_use]
    pub fn new(
        (tail, begin, recovery): (Tail, Begin, Recovery),
        rules: Rules,
        (store, spare): (Outlet<Rows>, Inlet<Rows>),
        counts: Arc<Counts>,
    ) -> Self {
        let index = rules.shard;
        let (mut storing, mut ahead, mut told) = (None, None, Arc::default());
        match begin {
            Begin::Storing(start) => {
                let rules = Rules { offsets: start.offsets, ..rules.clone() };
                storing = Some(Pass { tail, decider: Decider::new(rules) });
            }
            Begin::Ahead(cell) => {
                let rules = Rules { offsets: NOTHING_UNDECIDED, ..rules.clone() };
                ahead = Some(Pass { tail, decider: Decider::new(rules) });
                told = cell;
            }
        }
        Self {
            name: format!("shard-{index}"),
            index,
            rules,
            storing,
            ahead,
            told,
            rows: Rows { shard: index, ..Rows::default() },
            rows_waiting_max: ROWS_WAITING_MAX,
            no_rows: Rows::default(),
            store,
            spare,
            counts,
            told_seq: 0,
            told_at: clock::now(),
            has_server: false,
            is_behind: false,
            no_room_since: None,
            recovery: Some(recovery),
        }
    }

    /// Tells others what was heard.
    #[must_use]
    pub fn telling(mut self, telling: Option<Telling>) -> Self {
        // One of them alone is there at birth.
        if let Some(pass) = self.ahead.as_mut().or(self.storing.as_mut()) {
            pass.decider.tell(telling);
        }
        self
    }

    /// The store is a server, to which it leaves the cores when that is behind. A store within the process is better off beside a shard
    /// that runs wherever there is room: 0.78 against 0.71 M messages a second.
    #[must_use]
    pub const fn into_server(mut self, is_server: bool) -> Self {
        self.has_server = is_server;
        self
    }

    /// With another bound of rows that may wait for the store.
    #[cfg(test)]
    pub(crate) fn with_rows_waiting_max(self, rows_waiting_max: usize) -> Self {
        Self { rows_waiting_max, ..self }
    }
}

impl Stage for Shard {
    fn name(&self) -> &str {
        &self.name
    }

    fn turn(&mut self) -> Result<Turn, Broken> {
        self.begin_storing();
        let ahead = self.go_ahead()?;
        let storing = self.store_some()?;
        self.check_recovery();
        let changed = self.fork_if_due() || self.join_if_level();
        Ok(if changed { Turn::Moved(0) } else { both(ahead, storing) })
    }

    /// A store that is not there needs no room.
    fn is_behind(&self) -> bool {
        self.has_server && self.is_behind && self.ahead.is_none()
    }
}

/// What two passes did together.
const fn both(ahead: Option<Turn>, storing: Turn) -> Turn {
    match (ahead, storing) {
        (Some(Turn::Moved(one)), Turn::Moved(other)) => Turn::Moved(one + other),
        (Some(Turn::Moved(n)), _) => Turn::Moved(n),
        (_, turn) => turn,
    }
}

impl Shard {
    /// The store has told where rows begin: a pass that makes them follows the one ahead.
    fn begin_storing(&mut self) {
        let (None, Some(ahead), Some(start)) = (&self.storing, &self.ahead, self.told.get()) else {
            return;
        };
        let most = self.rules.config.vessels_max.div_ceil(self.rules.shards);
        let vessels = Arc::new(Mutex::new(Vessels::new(most)));
        let rules = Rules { offsets: start.offsets, vessels, ..self.rules.clone() };
        let tail = ahead.tail.behind(start.from, self.index == 0);
        self.storing = Some(Pass { tail, decider: Decider::new(rules) });
    }

    /// One read of the pass ahead, if there is one.
    fn go_ahead(&mut self) -> Result<Option<Turn>, Broken> {
        let Some(pass) = &mut self.ahead else { return Ok(None) };
        let turn = match pass.tail.read()? {
            Next::Records(bytes) => {
                pass.decider.decide(bytes, &mut self.no_rows);
                Turn::Moved(1)
            }
            Next::Again => Turn::Moved(0),
            Next::Nothing | Next::End => Turn::Idle,
        };
        let shard = &self.counts.shards[self.index];
        shard.next_seq.set(pass.tail.next_seq().cast_signed());
        pass.decider.count_looks(&self.counts);
        Ok(Some(turn))
    }

    /// One read of the pass that makes rows, if the store has room for them.
    fn store_some(&mut self) -> Result<Turn, Broken> {
        if self.rows.len() >= self.rows_waiting_max && !self.hand_on() {
            self.is_behind = true;
            return Ok(self.wait_for_room());
        }
        let Some(pass) = &mut self.storing else { return Ok(Turn::Idle) };
        let next = match &self.ahead {
            None => pass.tail.read()?,
            Some(ahead) => pass.tail.read_to_level(&ahead.tail)?,
        };
        match next {
            Next::Records(bytes) => {
                pass.decider.decide(bytes, &mut self.rows);
                self.rows.next_seq = pass.tail.next_seq();
                self.count();
                self.hand_on_if_due();
                Ok(Turn::Moved(1))
            }
            Next::Again => Ok(Turn::Moved(0)),
            Next::Nothing => {
                self.is_behind = false;
                self.rows.next_seq = pass.tail.next_seq();
                self.hand_on_if_due();
                Ok(if self.rows.is_empty() { Turn::Idle } else { self.wait_for_room() })
            }
            Next::End => {
                self.rows.next_seq = pass.tail.next_seq();
                let told = self.told_seq == self.rows.next_seq && self.rows.is_empty();
                Ok(if told || self.hand_on() { Turn::Finished } else { Turn::Stalled })
            }
        }
    }

    /// The store had no room for the rows that wait. When that has lasted, there is no need to look often.
    fn wait_for_room(&mut self) -> Turn {
        // What is left of earlier runs now waits for the store, like everything else: that is no reason not to be ready.
        if self.ahead.is_none() && self.rows.len() >= self.rows_waiting_max {
            self.end_recovery();
        }
        let long = self.no_room_since.is_some_and(|since| clock::since(since) >= FORK_AFTER);
        if long { Turn::Idle } else { Turn::Stalled }
    }

    /// A store that has had no room for a while is not waited for.
    fn fork_if_due(&mut self) -> bool {
        let long = self.no_room_since.is_some_and(|since| clock::since(since) >= FORK_AFTER);
        let due = long && self.rows.len() >= self.rows_waiting_max;
        let (true, None, Some(storing)) = (due, &self.ahead, &mut self.storing) else {
            return false;
        };
        let (tail, decider) = (storing.tail.fork(), storing.decider.fork());
        self.ahead = Some(Pass { tail, decider });
        self.counts.shards[self.index].forks.add(1);
        tracing::warn!(
            shard = self.index,
            "the store takes no rows; going ahead without it, they are made from the journal when it does"
        );
        true
    }

    /// The pass that makes rows has caught up: both are one again.
    fn join_if_level(&mut self) -> bool {
        let level = match (&self.storing, &self.ahead) {
            (Some(storing), Some(ahead)) => storing.tail.is_level_with(&ahead.tail),
            _ => false,
        };
        if !level || self.rows.len() >= self.rows_waiting_max {
            return false;
        }
        let (Some(storing), Some(ahead)) = (&mut self.storing, self.ahead.take()) else {
            return false;
        };
        storing.tail.take_over(ahead.tail);
        storing.decider.forget_looks();
        storing.decider.take_over(ahead.decider);
        tracing::info!(shard = self.index, "the store has caught up");
        true
    }

    /// Hands rows on when there are any; when there are none, tells now and then how far it has come.
    fn hand_on_if_due(&mut self) {
        let progressed = self.rows.next_seq > self.told_seq;
        if !self.rows.is_empty() || (progressed && clock::since(self.told_at) >= PROGRESS_EVERY) {
            self.hand_on();
        }
    }

    /// Offers the rows to the store; they stay here when it has no room.
    fn hand_on(&mut self) -> bool {
        let (shard, next_seq, seen_us) = (self.index, self.rows.next_seq, self.rows.seen_us);
        let rows = std::mem::take(&mut self.rows);
        match self.store.offer(rows) {
            Ok(()) => {
                self.told_seq = next_seq;
                self.told_at = clock::now();
                self.no_room_since = None;
                let spare = match self.spare.poll() {
                    Poll::Item(rows) => rows,
                    Poll::Empty | Poll::Closed => Rows::default(),
                };
                self.rows = Rows { shard, next_seq, seen_us, ..spare };
                true
            }
            Err(Refused::Full(rows) | Refused::Closed(rows)) => {
                self.rows = rows;
                self.no_room_since.get_or_insert_with(clock::now);
                false
            }
        }
    }

    /// Counts what the pass that makes rows did.
    fn count(&mut self) {
        let Some(pass) = &mut self.storing else { return };
        let shard = &self.counts.shards[self.index];
        shard.read_back.add(pass.tail.take_read_back());
        pass.decider.count_messages(&self.counts);
        if self.ahead.is_none() {
            shard.next_seq.set(pass.tail.next_seq().cast_signed());
            pass.decider.count_looks(&self.counts);
        }
    }

    /// Notes when everything that earlier runs left has been looked at, by the pass that is foremost.
    fn check_recovery(&mut self) {
        let Some(recovery) = &self.recovery else { return };
        let foremost = self.ahead.as_ref().or(self.storing.as_ref());
        if foremost.is_some_and(|pass| pass.tail.place() >= recovery.until) {
            self.end_recovery();
        }
    }

    fn end_recovery(&mut self) {
        if let Some(recovery) = self.recovery.take() {
            recovery.shards_left.fetch_sub(1, Ordering::AcqRel);
        }
    }
}
