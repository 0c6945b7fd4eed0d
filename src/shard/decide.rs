//! What becomes of each record: the steps of a shard, in their order, with no thread and no queue around them.

use std::sync::Arc;

use parking_lot::Mutex;

use super::dedup::Again;
use super::event_time::Believable;
use super::learned::{AHEAD_US, Learned};
use super::make::make_rows;
use super::plausibility::Plausibility;
use super::policy::{Policy, Thinning, Unwanted, Wanted};
use super::prefetch::PREFETCHES;
use super::quality::Sources;
use super::said::Said;
use super::standing::{Sight, Standing};
use super::tally::Tally;
use super::tell::tell;
use super::vessel::Vessel;
use super::vessels::Vessels;
use crate::ais::Scratch;
use crate::config::ShardConfig;
use crate::heard::Telling;
use crate::observe::counts::Counts;
use crate::observe::samples::Samples;
use crate::partition::{self, PARTITIONS};
use crate::record::{self, Record};
use crate::reject::{Filtered, Reject};
use crate::report::Position;
use crate::rows::{FileMark, Origin, Rows, flags};
use crate::store::Offsets;

/// Offsets that no record reaches: nothing is made from any.
pub const NOTHING_UNDECIDED: Offsets = [u64::MAX; PARTITIONS];

/// What so many records look at is fetched before the first of them is decided.
const TOGETHER: usize = 16;

/// What a decider is given at its birth.
#[derive(Clone)]
pub struct Rules {
    /// Which shard this is.
    pub shard: usize,
    /// Of how many.
    pub shards: usize,
    /// Thresholds and bounds.
    pub config: ShardConfig,
    /// Rows are made from these numbers on, by partition.
    pub offsets: Offsets,
    /// The first number of this run: what is below was left by earlier ones.
    pub run_from: u64,
    /// Secret of the dedup hash.
    pub seed: u64,
    /// Refused messages, kept for looking at.
    pub samples: Arc<Samples>,
    /// What is known of the vessels, for this shard to fill.
    pub vessels: Arc<Mutex<Vessels>>,
    /// What the operator wants.
    pub policy: Arc<Policy>,
}

/// The rules of a shard and what it remembers.
pub struct Decider {
    shard: usize,
    shards: usize,
    offsets: Offsets,
    run_from: u64,
    next_seq: u64,
    /// Most of the last records were no repeats.
    fetches: bool,
    believable: Believable,
    sight: Sight,
    sources: Sources,
    dedup: Again,
    vessels: Arc<Mutex<Vessels>>,
    samples: Arc<Samples>,
    scratch: Scratch,
    policy: Arc<Policy>,
    tally: Tally,
    /// Who is told what was heard, while nobody is ahead.
    telling: Option<Telling>,
}

impl Decider {
    /// A shard that has seen nothing.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        let config = &rules.config;
        let ms = |seconds: u64| u32::try_from(seconds.saturating_mul(1000)).unwrap_or(u32::MAX);
        let (window_ms, retry_ms) = (ms(config.dedup_seconds), ms(config.retry_seconds));
        let bytes_max = config.dedup_bytes_max / rules.shards;
        Self {
            shard: rules.shard,
            shards: rules.shards,
            offsets: rules.offsets,
            run_from: rules.run_from,
            next_seq: 0,
            fetches: true,
            believable: Believable::new(config.ahead_hours_max, config.age_hours_max),
            sight: Sight {
                plausibility: Plausibility::new(config.speed_knots_max),
                window_us: rules.policy.window_us,
            },
            sources: Sources::default(),
            dedup: Again::new(window_ms, retry_ms, bytes_max, rules.seed),
            vessels: rules.vessels,
            samples: rules.samples,
            scratch: Scratch::default(),
            policy: rules.policy,
            tally: Tally::new(),
            telling: None,
        }
    }

    /// Tells others what was heard.
    pub fn tell(&mut self, telling: Option<Telling>) {
        self.telling = telling;
    }

    /// A decider that goes ahead from here, knows what this one knows, and makes nothing. What is known of the vessels goes with it,
    /// for others to look at; this one keeps a copy for itself.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        let own = Arc::new(Mutex::new(self.vessels.lock().clone()));
        Self {
            shard: self.shard,
            shards: self.shards,
            offsets: NOTHING_UNDECIDED,
            run_from: self.run_from,
            next_seq: self.next_seq,
            fetches: self.fetches,
            believable: self.believable,
            sight: self.sight,
            sources: self.sources.clone(),
            dedup: self.dedup.clone(),
            vessels: std::mem::replace(&mut self.vessels, own),
            samples: Arc::clone(&self.samples),
            scratch: Scratch::default(),
            policy: Arc::clone(&self.policy),
            tally: Tally::new(),
            telling: self.telling.take(),
        }
    }

    /// Goes on in the place of one that was ahead and is not any more.
    pub fn take_over(&mut self, ahead: Self) {
        self.vessels = ahead.vessels;
        self.sources = ahead.sources;
        self.telling = ahead.telling;
    }

    /// Decides about all records of a stretch that are this shard's and not seen yet.
    pub fn decide(&mut self, bytes: &[u8], rows: &mut Rows) {
        let vessels = Arc::clone(&self.vessels);
        let mut vessels = vessels.lock();
        let mut records = record::Walk::new(bytes);
        while !records.is_at_end() {
            if PREFETCHES && self.fetches {
                self.fetch(records.clone().take(TOGETHER), &vessels);
            }
            let own = self.tally.records;
            let repeats = self.decide_some(records.by_ref().take(TOGETHER), &mut vessels, rows);
            self.fetches = repeats * 2 <= self.tally.records - own;
        }
        if let Some(telling) = &mut self.telling {
            telling.hand_on();
        }
    }

    /// Has what these records will look at brought near: at a high rate each of them would wait for memory twice, for what was heard and for
    /// its vessel, and to wait for all at once takes little longer than for one. Where several receivers hear the same, most are repeats, for
    /// which everything is near already.
    fn fetch<'a>(&self, records: impl Iterator<Item = &'a [u8]>, vessels: &Vessels) {
        for record in records.map(Record::view).filter(|record| self.owns(record)) {
            self.dedup.fetch(&record, &self.policy.audiences);
            if let Some(mmsi) = Said::mmsi_of(&record) {
                vessels.fetch(mmsi);
            }
        }
    }

    fn owns(&self, record: &Record<'_>) -> bool {
        partition::owner(record.partition, self.shards) == self.shard
    }

    /// How many of them are repeats.
    fn decide_some<'a>(
        &mut self,
        records: impl Iterator<Item = &'a [u8]>,
        vessels: &mut Vessels,
        rows: &mut Rows,
    ) -> u64 {
        let mut repeats = 0;
        for record in records {
            let seq = record::seq(record);
            if seq < self.next_seq {
                continue;
            }
            self.next_seq = seq + 1;
            let record = Record::view(record);
            rows.seen_us = record.received_us;
            if self.owns(&record) {
                self.tally.records += 1;
                repeats += u64::from(self.decide_one(&record, vessels, rows));
            }
        }
        repeats
    }

    /// Whether it is a repeat.
    fn decide_one(&mut self, record: &Record<'_>, vessels: &mut Vessels, rows: &mut Rows) -> bool {
        let undecided = record.seq >= self.offsets[usize::from(record.partition) % PARTITIONS];
        self.tally.of(record.feed).recovered += u64::from(undecided && record.seq < self.run_from);
        if let Some(mark) = record.mark.filter(|_| undecided) {
            FileMark { mark, feed: record.feed }.note_in(&mut rows.files);
        }
        let refusal = self.accept(record, vessels, undecided.then_some(rows)).err();
        let is_repeat = matches!(refusal, Some(Refusal::Repeat));
        if !undecided {
            return is_repeat;
        }
        let tally = self.tally.of(record.feed);
        match refusal {
            None => tally.first += 1,
            Some(Refusal::Repeat) => tally.repeats += 1,
            Some(Refusal::Filtered(reason)) => {
                tally.first += 1;
                tally.filtered[reason as usize] += 1;
            }
            Some(Refusal::Reject(reason)) => {
                tally.rejected[reason as usize] += 1;
                self.samples.keep(record.feed, reason, record.raw);
            }
        }
        is_repeat
    }

    /// Takes a record in; rows are made when they are wanted.
    fn accept(
        &mut self,
        record: &Record<'_>,
        vessels: &mut Vessels,
        rows: Option<&mut Rows>,
    ) -> Result<(), Refusal> {
        let feed = record.feed;
        if let Some(verdict) = self.sources.judge_if_due(feed, record.received_us) {
            self.tally.judge(feed, record.received_us, verdict);
        }
        let judged_us =
            self.believable.judge(record).inspect_err(|_| self.sources.refused(feed))?;
        let hearing = self.dedup.hear(record, judged_us, &self.policy.audiences);
        let is_again = self.sources.came(feed, hearing.hash);
        if is_again && rows.is_some() {
            self.tally.of(feed).own_repeats += 1;
        }
        if hearing.is_repeat {
            return Err(Refusal::Repeat);
        }
        let said =
            Said::read(record, &mut self.scratch).inspect_err(|_| self.sources.erred(feed))?;
        let origin = Origin {
            seq: record.seq,
            time_us: said.event_time(record, judged_us),
            received_us: record.received_us,
            mmsi: said.mmsi(),
            feed,
        };
        tell(self.telling.as_mut(), record, (&origin, &said), hearing.new_to);
        let wanted = Wanted::by(&self.policy, &said, (feed, hearing.new_to));
        if let Some(Unwanted::Filtered(reason)) = wanted.unshown {
            self.tally.unshown[reason as usize] += 1;
        }
        if let Wanted { unstored: Some(why), unshown: Some(_) } = wanted {
            return Err(why.into());
        }
        let vessel = vessels.heard(origin.mmsi);
        vessel.set_back(record.received_us, self.sources.ahead_until_us());
        let weight = self.sources.weight(&self.policy, feed, record.received_us);
        let (mut position, data) = (said.position(), said.static_data());
        let (mut flags, mut standing) = (0, Standing::Here);
        if let Some(position) = &position {
            standing = self.sight.judge(vessel, position, (origin.live_us(), weight));
            flags = judge(self.sight.plausibility, record, &origin, position, (vessel, standing))
                | if self.sources.is_stuck(feed) { flags::STUCK } else { 0 };
            self.sources.told(feed, position, flags);
            self.tally.position(record, &origin, flags, rows.is_some());
        }
        if wanted.unshown.is_none() && !self.sources.is_stuck(feed) {
            let learned = Learned { origin: &origin, flags, standing, weight };
            if learned.by(vessel, position.as_ref(), data.as_ref(), self.sight.window_us) {
                vessels.note_changed(origin.mmsi);
            }
        }
        if let Some(why) = wanted.unstored {
            return Err(why.into());
        }
        let thinning = self.policy.thinning;
        if thinning.is_some_and(|it| is_thinned(it, vessels, &origin, position.as_ref())) {
            position = None;
            if data.is_none() {
                return Err(Refusal::Filtered(Filtered::Thinned));
            }
        }
        if let Some(rows) = rows {
            make_rows(rows, origin, &said, (position, flags), data);
        }
        Ok(())
    }

    /// Adds what became of messages since the last call.
    pub fn count_messages(&mut self, counts: &Counts) {
        self.tally.tell_messages(counts);
    }

    /// Adds what was looked at since the last call, and tells what is remembered.
    pub fn count_looks(&mut self, counts: &Counts) {
        self.tally.tell_looks(counts, self.shard);
        let shard = &counts.shards[self.shard];
        shard.dedup_keys.set(i64::try_from(self.dedup.len()).unwrap_or(i64::MAX));
        shard.dedup_evictions.add(self.dedup.take_evicted());
        let mut vessels = self.vessels.lock();
        shard.cache_hits.add(std::mem::take(&mut vessels.hits));
        shard.cache_misses.add(std::mem::take(&mut vessels.misses));
        shard.cache_evictions.add(std::mem::take(&mut vessels.evictions));
        shard.vessels.set(i64::try_from(vessels.len()).unwrap_or(i64::MAX));
    }

    /// Forgets what was looked at: another has counted it.
    pub fn forget_looks(&mut self) {
        self.tally.forget_looks();
        self.dedup.take_evicted();
    }
}

enum Refusal {
    Repeat,
    Filtered(Filtered),
    Reject(Reject),
}

impl From<Reject> for Refusal {
    fn from(reason: Reject) -> Self {
        Self::Reject(reason)
    }
}

impl From<Unwanted> for Refusal {
    fn from(why: Unwanted) -> Self {
        match why {
            Unwanted::Filtered(reason) => Self::Filtered(reason),
            Unwanted::Had => Self::Repeat,
        }
    }
}

fn judge(
    plausibility: Plausibility,
    record: &Record<'_>,
    origin: &Origin,
    position: &Position,
    (vessel, standing): (&Vessel, Standing),
) -> u16 {
    let flag = |flag, set: bool| if set { flag } else { 0 };
    flag(flags::JUMP, standing.is_jump())
        | flag(flags::SHARED, standing == Standing::Rival)
        | flag(flags::SPEED, plausibility.is_fast(position))
        | flag(flags::AHEAD, origin.time_us - origin.received_us > AHEAD_US)
        | flag(flags::LATE, vessel.is_late(origin.live_us()))
        | flag(flags::SENDER_TIME, record.sent_us.is_some())
        | flag(flags::OWN_SHIP, record.own_ship)
        | flag(flags::ACCURATE, position.accurate)
        | flag(flags::RAIM, position.raim)
}

/// Whether a position says little more than the last stored one of its vessel; if not, it is now the last one.
fn is_thinned(
    thinning: Thinning,
    vessels: &mut Vessels,
    origin: &Origin,
    position: Option<&Position>,
) -> bool {
    let place = position.and_then(|position| position.place);
    let (Some(place), Some(vessel)) = (place, vessels.known(origin.mmsi)) else { return false };
    let here = (place, origin.time_us);
    let is_thinned = vessel.stored.is_some_and(|stored| thinning.leaves_out(here, stored));
    if !is_thinned {
        vessel.stored = Some(here);
    }
    is_thinned
}
