//! Reads what was stored in Postgres.
//!
//! Each question is a transaction that cannot write, over whatever pooler there is, and ends by its deadline: the
//! server gives up a little before we do. Days that a question does not ask for are not looked at, which is why the newest
//! position of a vessel is looked for in the last day, then in the days before, and so on.
//!
//! What is dated ahead of its receipt (flag 4), or was brought by a source that was stuck (512), is part of a track but never the newest that
//! is known of a vessel, as in memory.
//!
//! A store with `index = "append"` has no index by vessel: every question reads all positions of its days, and on a large
//! store is likely to be refused for want of time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use postgres::Row;
use postgres::types::{FromSql, ToSql, Type};
use uuid::Uuid;

use super::link::Dialer;
use super::pool::Pool;
use crate::clock::{Clock, SECOND_US};
use crate::config::{Index, StoreConfig};
use crate::picture::VesselView;
use crate::store::stored::{Columns, columns, exact_tenths, view};
use crate::store::{StoreError, StoreReader, TrackPoint};

const DAY_US: i64 = 86_400 * SECOND_US;
/// The newest position is looked for in the last day, then in the days before; 0 for as many as there are.
const DAYS: [i64; 4] = [1, 8, 64, 0];
/// Times that the server knows; reports are between.
const TIMES: (i64, i64) = (0, 253_402_300_799 * SECOND_US);

/// What holds for one question: how long it may take, and no time for compiling it.
const BOUNDS: &str =
    "SELECT set_config('statement_timeout', $1, true), set_config('jit', 'off', true)";

const TRACK: &str = "
SELECT ts, lon, lat, sog, cog, heading FROM positions
WHERE mmsi = $1 AND ts >= $2 AND ts < $3 AND lat IS NOT NULL ORDER BY ts, seq LIMIT $4";

/// The number of the feed, if it is one of this instance's.
macro_rules! vessel_columns {
    () => {
        columns!("(SELECT p.source FROM aisd_instances i WHERE i.id = p.instance AND i.instance = $1::text::uuid)")
    };
}

const VESSEL: &str = concat!(
    "SELECT ",
    vessel_columns!(),
    " FROM (SELECT $2::int4 AS mmsi) m LEFT JOIN LATERAL (SELECT * FROM positions
        WHERE positions.mmsi = $2 AND ts >= $3 AND ts < $4 AND flags & 516 = 0 ORDER BY ts DESC, seq DESC LIMIT 1) p ON true
      LEFT JOIN vessels v ON v.mmsi = m.mmsi"
);

/// With the index by vessel: from one vessel of the days in question to the next, and of each its newest. Those with none since the
/// time are passed over and not counted.
const NEWEST_TRACKED: &str = concat!(
    "WITH RECURSIVE found AS (
       SELECT $2::int4 AS mmsi, 0::int8 AS n
     UNION ALL
       SELECT next.mmsi, n + coalesce((SELECT 1 FROM positions p
           WHERE p.mmsi = next.mmsi AND p.ts >= $3 AND p.flags & 516 = 0 ORDER BY p.ts DESC LIMIT 1), 0)
       FROM found CROSS JOIN LATERAL (SELECT p.mmsi FROM positions p
           WHERE p.mmsi > found.mmsi AND p.ts >= $5 ORDER BY p.mmsi LIMIT 1) next
       WHERE n < $4
     )
     SELECT ",
    vessel_columns!(),
    ", found.mmsi FROM found CROSS JOIN LATERAL (SELECT * FROM positions
        WHERE positions.mmsi = found.mmsi AND ts >= $3 AND flags & 516 = 0 ORDER BY ts DESC, seq DESC LIMIT 1) p
      LEFT JOIN vessels v ON v.mmsi = found.mmsi WHERE found.mmsi > $2 ORDER BY found.mmsi"
);

/// Without: everything since then, sorted.
const NEWEST_SORTED: &str = concat!(
    "SELECT ",
    vessel_columns!(),
    ", p.mmsi FROM (SELECT DISTINCT ON (mmsi) * FROM positions WHERE mmsi > $2 AND ts >= $3 AND flags & 516 = 0
        ORDER BY mmsi, ts DESC, seq DESC LIMIT $4) p
      LEFT JOIN vessels v ON v.mmsi = p.mmsi ORDER BY p.mmsi"
);
/// Where both have the vessel's number, behind its columns.
const MMSI_AT: usize = 29;

/// A reader.
pub struct PostgresReader {
    pool: Pool,
    within: Duration,
    index: Index,
    instance: String,
    clock: Clock,
}

type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

impl PostgresReader {
    /// A reader for this instance; it connects when it is asked something.
    #[must_use]
    pub fn new(dialer: Dialer, instance: Uuid, config: &StoreConfig, clock: Clock) -> Self {
        Self {
            pool: Pool::new(dialer, Duration::from_secs(config.connect_seconds)),
            within: Duration::from_secs(config.query_seconds),
            index: config.index,
            instance: instance.to_string(),
            clock,
        }
    }

    fn ask<T>(
        &self,
        deadline: Instant,
        doing: &str,
        (sql, parameters): (&str, &[Parameter<'_>]),
        read: impl Fn(&Row) -> Result<T, postgres::Error>,
    ) -> Result<Vec<T>, StoreError> {
        self.pool.ask(deadline, |link| {
            link.by(deadline, doing, |client| {
                // The server's answer that it takes too long comes before our own deadline.
                let left = deadline.saturating_duration_since(Instant::now());
                let timeout = (left.as_millis() * 9 / 10).max(1).to_string();
                let mut transaction = client.build_transaction().read_only(true).start()?;
                transaction.query_typed(BOUNDS, &[(&timeout, Type::TEXT)])?;
                let rows = transaction.query_typed(sql, parameters)?;
                transaction.commit()?;
                rows.iter().map(&read).collect()
            })
        })
    }
}

impl StoreReader for PostgresReader {
    fn track(
        &mut self,
        mmsi: u32,
        from_us: i64,
        to_us: i64,
        limit: usize,
    ) -> Result<Vec<TrackPoint>, StoreError> {
        let (mmsi, limit) = (number(mmsi), count(limit));
        let (from, to) = (time(from_us), time(to_us));
        let parameters: &[Parameter<'_>] = &[
            (&mmsi, Type::INT4),
            (&from, Type::TIMESTAMPTZ),
            (&to, Type::TIMESTAMPTZ),
            (&limit, Type::INT8),
        ];
        self.ask(Instant::now() + self.within, "read a track", (TRACK, parameters), |row| {
            Ok(TrackPoint {
                time_us: row.whole(0)?.unwrap_or(0),
                lon: row.real(1)?.unwrap_or(f64::NAN),
                lat: row.real(2)?.unwrap_or(f64::NAN),
                sog: row.real(3)?.map(exact_tenths),
                cog: row.real(4)?.map(exact_tenths),
                heading: row.whole(5)?.and_then(|heading| heading.try_into().ok()),
            })
        })
    }

    fn vessel(&mut self, mmsi: u32) -> Result<Option<VesselView>, StoreError> {
        let deadline = Instant::now() + self.within;
        let now_us = self.clock.now_us();
        let (mut found, mut to_us) = (None, TIMES.1);
        for days in DAYS {
            let from_us = if days == 0 { TIMES.0 } else { now_us - days * DAY_US };
            let (from, to, id) = (time(from_us), time(to_us), number(mmsi));
            let parameters: &[Parameter<'_>] = &[
                (&self.instance, Type::TEXT),
                (&id, Type::INT4),
                (&from, Type::TIMESTAMPTZ),
                (&to, Type::TIMESTAMPTZ),
            ];
            let rows =
                self.ask(deadline, "read a vessel", (VESSEL, parameters), |row| view(mmsi, row))?;
            found = rows.into_iter().flatten().next();
            if found.is_some_and(|vessel| vessel.last.is_some()) {
                break;
            }
            to_us = from_us;
        }
        Ok(found)
    }

    fn newest(
        &mut self,
        since_us: i64,
        after: u32,
        limit: usize,
    ) -> Result<Vec<VesselView>, StoreError> {
        let (since, after, limit) = (time(since_us), number(after), count(limit));
        let midnight = time(since_us - since_us.rem_euclid(DAY_US));
        let mut parameters: Vec<Parameter<'_>> = vec![
            (&self.instance, Type::TEXT),
            (&after, Type::INT4),
            (&since, Type::TIMESTAMPTZ),
            (&limit, Type::INT8),
        ];
        let sql = match self.index {
            Index::Track => {
                parameters.push((&midnight, Type::TIMESTAMPTZ));
                NEWEST_TRACKED
            }
            Index::Append => NEWEST_SORTED,
        };
        let deadline = Instant::now() + self.within;
        let rows = self.ask(deadline, "read the newest positions", (sql, &parameters), |row| {
            let mmsi = row.whole(MMSI_AT)?.and_then(|mmsi| mmsi.try_into().ok()).unwrap_or(0);
            view(mmsi, row)
        })?;
        Ok(rows.into_iter().flatten().collect())
    }
}

fn number(mmsi: u32) -> i32 {
    i32::try_from(mmsi).unwrap_or(i32::MAX)
}

fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Microseconds since 1970 as the crate wants them, which it sends exactly.
fn time(us: i64) -> SystemTime {
    let us = us.clamp(TIMES.0, TIMES.1);
    UNIX_EPOCH + Duration::from_micros(us.unsigned_abs())
}

fn microseconds(time: SystemTime) -> i64 {
    let whole = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => whole(since),
        Err(before) => -whole(before.duration()),
    }
}

fn maybe<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<Option<T>, postgres::Error> {
    row.try_get(column)
}

impl Columns for Row {
    type Error = postgres::Error;

    fn whole(&self, column: usize) -> Result<Option<i64>, postgres::Error> {
        Ok(match *self.columns()[column].type_() {
            Type::INT2 => maybe::<i16>(self, column)?.map(i64::from),
            Type::INT4 => maybe::<i32>(self, column)?.map(i64::from),
            Type::TIMESTAMPTZ => maybe::<SystemTime>(self, column)?.map(microseconds),
            _ => maybe(self, column)?,
        })
    }

    fn real(&self, column: usize) -> Result<Option<f64>, postgres::Error> {
        Ok(match *self.columns()[column].type_() {
            Type::FLOAT4 => maybe::<f32>(self, column)?.map(f64::from),
            _ => maybe(self, column)?,
        })
    }

    fn text(&self, column: usize) -> Result<Option<String>, postgres::Error> {
        maybe(self, column)
    }
}
