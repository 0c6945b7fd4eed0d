//! Dead letters that are tried again: each is stored once, whatever happens to the process or to the server's answer.
//!
//! In:      letters that are due, as they lie in the file
//! Out:     their rows, and their numbers in `aisd_dlq_done`, in one transaction
//! Drops:   rows that are older than what is kept meanwhile; counted as those of a batch are
//!
//! The transaction holds the writer's own row of `aisd_offsets`, in its own epoch, like a commit: a server process that was
//! frozen inside it has either ended it before the next connection reads what is done, or finds another epoch. Letters were
//! marked before; a connection begins by asking which of the marked ones are done.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::connection::{Connection, begin};
use super::kept::{Kept, make_days};
use super::poison::{AT_ONCE, Refused, Storable};
use super::wire::{Answer, Wire, WireError};
use super::{Parts, array, fault};
use crate::resilience::dead_letters::{self, Fate, Kind, Letter, Owned, Tried};
use crate::store::StoreError;

const HOLD: &str = "SELECT count(*) FROM (SELECT FROM aisd_offsets \
    WHERE instance = $1::int2 AND writer = $2::int2 AND epoch = $3::int8 FOR UPDATE) AS mine";
const DONE: &str =
    "SELECT seq FROM aisd_dlq_done WHERE instance = $1::int2 AND seq = ANY ($2::int8[])";
const ADD_DONE: &str =
    "INSERT INTO aisd_dlq_done (instance, seq) SELECT $1::int2, unnest($2::int8[])";
const ADD_POSITIONS: &str = "INSERT INTO positions (seq, ts, received_at, lat, lon, mmsi, sog, cog, heading, rot, altitude, \
    nav_status, msg_type, instance, source, flags) \
    SELECT n.seq, n.ts, n.received_at, n.lat, n.lon, n.mmsi, n.sog, n.cog, n.heading, n.rot, n.altitude, \
    n.nav_status, n.msg_type, $2::int2, n.source, n.flags FROM json_to_recordset($1::json) AS n (seq int8, \
    ts timestamptz, received_at timestamptz, lat float8, lon float8, mmsi int4, sog float4, cog float4, heading int2, \
    rot int2, altitude int2, nav_status int2, msg_type int2, source int2, flags int2)";
const ADD_MESSAGES: &str = "INSERT INTO messages (seq, ts, received_at, mmsi, msg_type, instance, source, json) \
    SELECT n.seq, n.ts, n.received_at, n.mmsi, n.msg_type, $2::int2, n.source, n.json \
    FROM json_to_recordset($1::json) AS n (seq int8, ts timestamptz, received_at timestamptz, mmsi int4, \
    msg_type int2, source int2, json json)";
/// Static reports as they lie in letters, sorted by MMSI, as arrays.
const MERGE_AGAIN: &str = "SELECT aisd_merge_vessels($2::int2, array_agg(mmsi), array_agg(name), array_agg(callsign), \
    array_agg(imo), array_agg(ship_type), array_agg(to_bow), array_agg(to_stern), array_agg(to_port), \
    array_agg(to_starboard), array_agg(draught), array_agg(destination), array_agg(eta), array_agg(epfd), \
    array_agg(vendor), array_agg(mothership), array_agg(source), array_agg(updated_us), array_agg(updated_seq), \
    array_agg(static_reports)) FROM json_to_recordset($1::json) AS n (mmsi int4, name text, callsign text, imo int4, \
    ship_type int2, to_bow int2, to_stern int2, to_port int2, to_starboard int2, draught float4, destination text, \
    eta text, epfd int2, vendor text, mothership int4, source int2, updated_us int8, updated_seq int8, \
    static_reports int8)";
/// Numbers that are asked for at once.
const ASK_MAX: usize = 1000;
/// What is said of a letter that holds no row: that of text which is not what it should be.
const UNREADABLE: (&str, &str) = ("22P02", "the letter does not hold a row");

/// A message whose rows are tried again.
#[derive(Debug, Default)]
struct Again<'a> {
    seq: u64,
    /// Rows as JSON objects.
    positions: Vec<&'a str>,
    messages: Vec<&'a str>,
    /// For `vessels`, by MMSI.
    statics: Vec<(u32, Value)>,
    /// Event times of its rows, microseconds since 1970.
    times_us: Vec<i64>,
    /// Rows that are older than what is kept.
    expired: usize,
}

impl Connection {
    /// Finds out what became of letters that were sent when the connection before was lost, or the process ended.
    pub(super) fn ask_for_letters(&mut self, parts: &Parts) -> Result<(), StoreError> {
        let in_doubt = parts.letters.lock().in_doubt(Owned::of(&parts.partitions));
        let in_doubt = in_doubt.map_err(of_file)?;
        for seqs in in_doubt.chunks(ASK_MAX) {
            let failed = |error| fault::of_wire("ask for dead letters", &error);
            let seconds = parts.config.connect_seconds;
            self.wire.until(Instant::now() + Duration::from_secs(seconds));
            self.wire.add(DONE, &[&self.instance, &array(seqs)]).map_err(failed)?;
            let answers = self.wire.exchange().map_err(failed)?;
            let done = numbers(answers.last());
            let fate = |seq| if done.contains(seq) { Fate::Delivered } else { Fate::Nothing };
            let fates: Vec<_> = seqs.iter().map(|seq| (*seq, fate(seq))).collect();
            let noted = parts.letters.lock().tried(&fates, parts.clock.now_us());
            noted.map_err(of_file)?;
        }
        Ok(())
    }

    /// Tries letters of at most so many messages again; nothing when none is due.
    pub(super) fn retry(
        &mut self,
        parts: &Parts,
        messages_max: usize,
    ) -> Result<Option<Tried>, StoreError> {
        let owned = Owned::of(&parts.partitions);
        let due = parts.letters.lock().take_due(parts.clock.now_us(), owned, messages_max);
        let due = due.map_err(of_file)?;
        if due.is_empty() {
            return Ok(None);
        }
        let fates = self.deliver(parts, &due)?;
        let tried = parts.letters.lock().tried(&fates, parts.clock.now_us());
        tried.map(Some).map_err(of_file)
    }

    /// One transaction: what is done already, and everything else that the server takes.
    fn deliver(
        &mut self,
        parts: &Parts,
        due: &[Letter],
    ) -> Result<Vec<dead_letters::Answer>, StoreError> {
        let failed = |error| fault::of_wire("try dead letters again", &error);
        let seconds = parts.config.commit_seconds;
        let kept = Kept::now(&parts.days);
        let (messages, mut fates) = read(due, kept);
        let times_us = messages.iter().flat_map(|it| &it.times_us).copied();
        make_days(&parts.days, &kept.days_of_times(times_us));

        self.wire.until(Instant::now() + Duration::from_secs(seconds));
        let done = self.begin_retry(parts, due)?;
        let messages: Vec<Again<'_>> =
            messages.into_iter().filter(|message| !done.contains(&message.seq)).collect();
        let refused = self.store_all_but_refused(&messages, seconds).map_err(failed)?;
        self.wire.until(Instant::now() + Duration::from_secs(seconds));
        let why = "try dead letters again: the server refuses them, and none alone";
        self.commit_transaction(parts)
            .map_err(|failed| failed.or(|| StoreError::Transient(why.to_owned())))?;
        fates.retain(|(seq, _)| !done.contains(seq));
        fates.extend(done.into_iter().map(|seq| (seq, Fate::Delivered)));
        let delivered = |message: &Again<'_>| {
            let is_refused = refused.iter().any(|refused| refused.message.seq == message.seq);
            (!is_refused).then_some((message.seq, Fate::Delivered))
        };
        fates.extend(messages.iter().filter_map(delivered));
        fates.extend(refused.into_iter().map(|Refused { message, code, reason }| {
            (message.seq, Fate::Refused { sqlstate: code, reason })
        }));
        Ok(fates)
    }

    /// Begins the transaction, and holds the offsets; which letters are done already.
    fn begin_retry(&mut self, parts: &Parts, due: &[Letter]) -> Result<BTreeSet<u64>, StoreError> {
        let failed = |error| fault::of_wire("try dead letters again", &error);
        begin(&mut self.wire, parts.config.commit_seconds).map_err(failed)?;
        self.wire.add(AT_ONCE, &[]).map_err(failed)?;
        let Self { wire, instance, writer, epoch, .. } = self;
        wire.add(HOLD, &[instance, writer, epoch]).map_err(failed)?;
        let seqs = array(due.iter().map(|letter| letter.seq).collect::<BTreeSet<u64>>());
        wire.add(DONE, &[instance, &seqs]).map_err(failed)?;
        let answers = wire.exchange().map_err(failed)?;
        match &answers[..] {
            [.., held, done] if held.number() == Some(1) => Ok(numbers(Some(done))),
            _ => Err(self.why_fenced(parts)),
        }
    }
}

/// The numbers of an answer of one column.
fn numbers(answer: Option<&Answer>) -> BTreeSet<u64> {
    let rows = answer.into_iter().flat_map(|answer| &answer.rows);
    rows.filter_map(|row| row.first()?.as_ref()?.parse().ok()).collect()
}

fn of_file(error: dead_letters::DeadLetterError) -> StoreError {
    StoreError::Transient(error.to_string())
}

/// The messages of letters, and those whose fate is known before they are sent.
fn read(due: &[Letter], kept: Kept) -> (Vec<Again<'_>>, Vec<dead_letters::Answer>) {
    let mut messages: BTreeMap<u64, Option<Again<'_>>> = BTreeMap::new();
    for letter in due {
        let seq = letter.seq;
        let message =
            messages.entry(seq).or_insert_with(|| Some(Again { seq, ..Again::default() }));
        if let Some(again) = message
            && again.take(letter, kept).is_none()
        {
            *message = None;
        }
    }
    let (mut readable, mut fates) = (Vec::new(), Vec::new());
    for (seq, message) in messages {
        match message {
            None => {
                let (sqlstate, reason) = UNREADABLE;
                let (sqlstate, reason) = (sqlstate.to_owned(), reason.to_owned());
                fates.push((seq, Fate::Refused { sqlstate, reason }));
            }
            Some(again) if again.is_empty() => fates.push((seq, Fate::Expired)),
            Some(again) => readable.push(again),
        }
    }
    (readable, fates)
}

impl<'a> Again<'a> {
    /// Takes over the row of a letter; nothing when it holds none.
    fn take(&mut self, letter: &'a Letter, kept: Kept) -> Option<()> {
        let (mut columns, time_us) = letter.parsed()?;
        if letter.kind == Kind::Vessel {
            let at: jiff::Timestamp = columns.get("updated_at")?.as_str()?.parse().ok()?;
            columns.insert("updated_us".to_owned(), json!(at.as_microsecond()));
            columns.insert("mmsi".to_owned(), json!(letter.mmsi));
            self.statics.push((letter.mmsi, Value::Object(columns)));
            return Some(());
        }
        let time_us = time_us?;
        if !kept.has_time(time_us) {
            self.expired += 1;
            return Some(());
        }
        self.times_us.push(time_us);
        // As it was written, so that no number in it changes.
        match letter.kind {
            Kind::Message => self.messages.push(&letter.row),
            _ => self.positions.push(&letter.row),
        }
        Some(())
    }

    fn is_empty(&self) -> bool {
        self.positions.is_empty() && self.messages.is_empty() && self.statics.is_empty()
    }
}

impl Storable for Again<'_> {
    fn add(wire: &mut Wire, instance: &str, part: &[Self]) -> Result<(), WireError> {
        let add_rows = |wire: &mut Wire, sql, rows: Vec<&str>| {
            if rows.is_empty() {
                return Ok(());
            }
            wire.add(sql, &[&format!("[{}]", rows.join(",")), instance])
        };
        let positions = part.iter().flat_map(|message| message.positions.iter().copied());
        add_rows(wire, ADD_POSITIONS, positions.collect())?;
        let messages = part.iter().flat_map(|message| message.messages.iter().copied());
        add_rows(wire, ADD_MESSAGES, messages.collect())?;
        for records in rounds(part.iter().flat_map(|message| &message.statics)) {
            wire.add(MERGE_AGAIN, &[&Value::from(records).to_string(), instance])?;
        }
        wire.add(ADD_DONE, &[instance, &array(part.iter().map(|message| message.seq))])
    }
}

/// One statement merges one report of a vessel: rounds in which none comes twice, each in the order of the MMSI.
fn rounds<'a>(statics: impl Iterator<Item = &'a (u32, Value)>) -> Vec<Vec<Value>> {
    let mut rounds: Vec<BTreeMap<u32, Value>> = Vec::new();
    for (mmsi, record) in statics {
        match rounds.iter_mut().find(|round| !round.contains_key(mmsi)) {
            Some(round) => drop(round.insert(*mmsi, record.clone())),
            None => rounds.push(BTreeMap::from([(*mmsi, record.clone())])),
        }
    }
    rounds.into_iter().map(|round| round.into_values().collect()).collect()
}
