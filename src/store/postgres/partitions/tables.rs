//! Partitions as the server knows them: what there is, one more, one less.
//!
//! What takes locks waits for them only 200 ms, since others queue up behind whoever waits. A new partition is made as a
//! table and then attached, which holds up only other changes of that kind, and the default partition for as long as it is looked
//! through for rows of the day. Where that would take long, the day has to lie so far ahead that no row of it can come: then a
//! constraint says so first, which is checked beside the writers.

use std::ops::Range;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::ToSpan;
use jiff::civil::Date;
use postgres::Client;
use postgres::error::SqlState;
use postgres::types::Type;

use super::super::link::Link;
use super::table::Table;
use crate::store::StoreError;

/// How long one call may take.
const STEP: Duration = Duration::from_secs(5);
/// How long one that reads much may take; nobody waits behind it.
const LONG_STEP: Duration = Duration::from_secs(60);
/// A default partition up to this size is looked through in a tenth of a second.
const QUICK_BYTES: i64 = 64 << 20;
/// Rows deleted from a default partition at a time.
const DELETE_ROWS: i64 = 10_000;

/// Bounds of a transaction that changes partitions; one at a time, of all daemons, and nobody waits behind those who wait for that.
const BOUNDS: &str = "SET LOCAL statement_timeout = '4s'; SELECT pg_advisory_xact_lock(1634300773); \
     SET LOCAL lock_timeout = '200ms'";
/// Bounds of one that takes its time.
const LONG_BOUNDS: &str = "SET LOCAL lock_timeout = '200ms'; SET LOCAL statement_timeout = '55s'";

/// Name and bounds, in days since 1970, of each partition of a table but the default one, and whether its vacuum is put off. What is
/// not a whole day at its ends does not count.
const LIST: &str = r"
SELECT c.relname::text,
       ceil(extract(epoch FROM substring(bound FROM 'FROM \(''([^'']+)''\)')::timestamptz) / 86400)::float8,
       floor(extract(epoch FROM substring(bound FROM 'TO \(''([^'']+)''\)')::timestamptz) / 86400)::float8,
       coalesce('autovacuum_vacuum_insert_threshold=-1' = ANY (c.reloptions), false)
FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid CROSS JOIN LATERAL pg_get_expr(c.relpartbound, c.oid) bound
WHERE h.inhparent = to_regclass($1) AND bound <> 'DEFAULT' ORDER BY 2";
const ARE_THERE: &str = "SELECT num_nulls(to_regclass('positions'), to_regclass('messages')) = 0";
const TODAY: &str = "SELECT floor(extract(epoch FROM now()) / 86400)::int4";
const IS_THERE: &str = "SELECT EXISTS (SELECT 1 FROM pg_inherits WHERE inhrelid = to_regclass($1))";
const DEFAULT_BYTES: &str = "SELECT coalesce(pg_relation_size(to_regclass($1)), 0)";
/// The index of time reads all pages that it has no summary of.
const SUMMARISE: &str = "
SELECT brin_summarize_new_values(indexrelid)
FROM pg_index JOIN pg_class i ON i.oid = indexrelid JOIN pg_am ON pg_am.oid = i.relam
WHERE indrelid = to_regclass($1) AND amname = 'brin'";

/// A partition that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    pub table: Table,
    pub name: String,
    /// The days that it has wholly.
    pub days: Range<i32>,
    /// Whether what is inserted asks for no vacuum.
    pub is_vacuum_put_off: bool,
}

impl Partition {
    /// Whether it is a day that was made here, and may be dropped here.
    pub fn is_ours(&self) -> bool {
        self.days.len() == 1 && self.name == self.table.of(self.days.start)
    }
}

/// What became of a partition that was to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// It is there.
    Yes,
    /// The default partition has rows of the day.
    DefaultHasRows,
    /// The default partition is too large to be looked through while writers wait.
    DefaultTooLarge,
}

/// A connection that looks after partitions.
pub struct Tables {
    pub link: Link,
    /// The server in words.
    pub shown: String,
}

impl Tables {
    fn step<T>(
        &mut self,
        within: Duration,
        doing: &str,
        call: impl FnOnce(&mut Client) -> Result<T, postgres::Error>,
    ) -> Result<T, StoreError> {
        let doing = format!("{doing} of {}", self.shown);
        self.link.by(Instant::now() + within, &doing, call)
    }

    /// All partitions, and the day it is for the server; nothing when the tables are not there yet.
    pub fn list(&mut self) -> Result<Option<(Vec<Partition>, i32)>, StoreError> {
        self.step(STEP, "list the partitions", |client| {
            if !client.query_typed_one(ARE_THERE, &[])?.try_get::<_, bool>(0)? {
                return Ok(None);
            }
            let mut found = Vec::new();
            for table in Table::ALL {
                for row in client.query_typed(LIST, &[(&table.name(), Type::TEXT)])? {
                    let day = |column| row.try_get::<_, Option<f64>>(column);
                    let from = day(1)?.map_or(i32::MIN, whole);
                    let to = day(2)?.map_or(i32::MAX, whole);
                    let (name, is_vacuum_put_off) = (row.try_get(0)?, row.try_get(3)?);
                    found.push(Partition { table, name, days: from..to, is_vacuum_put_off });
                }
            }
            Ok(Some((found, client.query_typed_one(TODAY, &[])?.try_get(0)?)))
        })
    }

    /// Makes the partition of a day, if that can be done without holding others up. `no_rows_yet` promises that no row
    /// of the day can come before it is there.
    pub fn make(&mut self, table: Table, day: i32, no_rows_yet: bool) -> Result<Made, StoreError> {
        let doing = format!("make the partition {}", table.of(day));
        let made = self.step(STEP, &doing, |client| make(client, table, day))?;
        if made == Made::DefaultTooLarge && no_rows_yet {
            self.make_beside_large_default(table, day, &doing)
        } else {
            Ok(made)
        }
    }

    fn make_beside_large_default(
        &mut self,
        table: Table,
        day: i32,
        doing: &str,
    ) -> Result<Made, StoreError> {
        let name = table.default_name();
        let without = format!("{name}_without_{}", table.of(day));
        let (from, to) = bounds(day);
        self.step(STEP, doing, |client| {
            client.batch_execute(&format!(
                "{BOUNDS}; ALTER TABLE {name} DROP CONSTRAINT IF EXISTS {without}; \
                 ALTER TABLE {name} ADD CONSTRAINT {without} CHECK (ts < '{from}' OR ts >= '{to}') NOT VALID"
            ))
        })?;
        self.step(LONG_STEP, doing, |client| {
            let validate = format!("ALTER TABLE {name} VALIDATE CONSTRAINT {without}");
            client.batch_execute(&format!("{LONG_BOUNDS}; {validate}"))
        })?;
        self.step(STEP, doing, |client| {
            let attach = attach(table, day);
            let forget = format!("ALTER TABLE {name} DROP CONSTRAINT {without}");
            client.batch_execute(&format!("{BOUNDS}; {attach}; {forget}"))
        })?;
        Ok(Made::Yes)
    }

    /// Drops a partition with all its rows.
    pub fn drop(&mut self, partition: &Partition) -> Result<(), StoreError> {
        let name = &partition.name;
        self.step(STEP, &format!("drop the partition {name}"), |client| {
            client.batch_execute(&format!("{BOUNDS}; DROP TABLE IF EXISTS {name}"))
        })
    }

    /// Lets the server vacuum a partition whose day is over; not now if somebody is busy there.
    pub fn let_vacuum(&mut self, partition: &Partition) -> Result<(), StoreError> {
        let name = &partition.name;
        self.step(STEP, &format!("have {name} vacuumed"), |client| {
            let reset = "RESET (autovacuum_vacuum_insert_threshold)";
            match client.batch_execute(&format!("{BOUNDS}; ALTER TABLE IF EXISTS {name} {reset}")) {
                Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => Ok(()),
                other => other,
            }
        })
    }

    /// Deletes some rows of days before this one from the default partition; says whether there may be more.
    pub fn clean_default(&mut self, table: Table, before: i32) -> Result<bool, StoreError> {
        let doing = format!("delete what has expired in {}", table.default_name());
        let before = midnight(before);
        let deleted = self.step(LONG_STEP, &doing, |client| {
            let mut transaction = client.transaction()?;
            transaction.batch_execute(LONG_BOUNDS)?;
            let deleted = transaction.execute_typed(
                table.delete_from_default(),
                &[(&before, Type::TIMESTAMPTZ), (&DELETE_ROWS, Type::INT8)],
            )?;
            transaction.commit()?;
            Ok(deleted)
        })?;
        Ok(deleted == DELETE_ROWS.unsigned_abs())
    }

    /// Has the index of time know the newest rows of a day; not now if somebody else is busy there.
    pub fn summarise(&mut self, table: Table, day: i32) -> Result<(), StoreError> {
        let name = table.of(day);
        self.step(LONG_STEP, &format!("summarise {name}"), |client| {
            let mut transaction = client.transaction()?;
            transaction.batch_execute(LONG_BOUNDS)?;
            match transaction.query_typed(SUMMARISE, &[(&name, Type::TEXT)]) {
                Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => Ok(()),
                Err(error) => Err(error),
                Ok(_) => transaction.commit(),
            }
        })
    }
}

fn make(client: &mut Client, table: Table, day: i32) -> Result<Made, postgres::Error> {
    let mut transaction = client.transaction()?;
    transaction.batch_execute(BOUNDS)?;
    let (name, default) = (table.of(day), table.default_name());
    if transaction.query_typed_one(IS_THERE, &[(&name, Type::TEXT)])?.try_get(0)? {
        return Ok(Made::Yes);
    }
    let (from, to) = (midnight(day), midnight(day.saturating_add(1)));
    let rows = transaction.query_typed_one(
        table.default_has_rows(),
        &[(&from, Type::TIMESTAMPTZ), (&to, Type::TIMESTAMPTZ)],
    )?;
    if rows.try_get(0)? {
        return Ok(Made::DefaultHasRows);
    }
    let bytes = transaction.query_typed_one(DEFAULT_BYTES, &[(&default, Type::TEXT)])?;
    if bytes.try_get::<_, i64>(0)? > QUICK_BYTES {
        return Ok(Made::DefaultTooLarge);
    }
    match transaction.batch_execute(&attach(table, day)) {
        // A row of the day came in between.
        Err(error) if error.code() == Some(&SqlState::CHECK_VIOLATION) => Ok(Made::DefaultHasRows),
        Err(error) => Err(error),
        Ok(()) => transaction.commit().map(|()| Made::Yes),
    }
}

/// Names cannot be bound; these are letters and digits of our own making, and so are the times.
fn attach(table: Table, day: i32) -> String {
    let (name, partition) = (table.name(), table.of(day));
    let (from, to) = bounds(day);
    format!(
        "CREATE TABLE {partition} (LIKE {name} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE) \
         WITH (autovacuum_vacuum_insert_threshold = -1); \
         ALTER TABLE {name} ATTACH PARTITION {partition} FOR VALUES FROM ('{from}') TO ('{to}')"
    )
}

/// The first moment of a day and of the next, as SQL writes them.
fn bounds(day: i32) -> (String, String) {
    let text = |day| date(day).map_or_else(String::new, |date| format!("{date} 00:00:00+00"));
    (text(day), text(day.saturating_add(1)))
}

/// The calendar's date of a day.
pub(super) fn date(day: i32) -> Option<Date> {
    Date::constant(1970, 1, 1).checked_add(day.days()).ok()
}

fn midnight(day: i32) -> SystemTime {
    let seconds = u64::try_from(day).unwrap_or(0) * 86_400;
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn whole(days: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "it is whole, and saturates")]
    let whole = days as i32;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_named_and_bounded_by_its_day() {
        assert_eq!(Table::Positions.of(20_781), "positions_20261124");
        assert_eq!(Table::Messages.of(0), "messages_19700101");
        let expected = ("2026-12-31 00:00:00+00".to_owned(), "2027-01-01 00:00:00+00".to_owned());
        assert_eq!(bounds(20_818), expected);
        let partition = |name: &str, days: Range<i32>| Partition {
            table: Table::Positions,
            name: name.to_owned(),
            days,
            is_vacuum_put_off: true,
        };
        assert!(partition("positions_20261124", 20_781..20_782).is_ours());
        assert!(!partition("positions_20261124", 20_781..20_783).is_ours());
        assert!(!partition("positions_2026", 20_781..20_782).is_ours());
    }
}
